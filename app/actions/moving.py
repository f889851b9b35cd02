"""What points at a customer, and what becomes of it when her record goes into another. Every such column has its line in
`FATES`; a test fails on one without."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, true, update
from sqlmodel import Session, SQLModel, col

from app.actions.demo import SUBJECTS
from app.actions.merge_plans import Changed, MergePlan, Removed, Stored
from app.db import upsert
from app.models import Consent
from app.rules.merging import Receipt, is_said_no, join_consents
from app.vocabulary import TagOrigin

_AT_ONCE = 500
"""Numbers in one statement; SQLite takes no more than some thousands."""
_ENDED = "合并档案：另一份没有这项同意"  # data
_REPLACED = "合并档案：以较新的一条为准"  # data


class Fate(StrEnum):
    """What becomes of a column that points at the record that goes."""

    FOLLOWS = "follows"
    """It points at the one that stays."""
    JOINS = "joins"
    """The same; where both have an equal row, one of the two stays."""
    AGREES = "agrees"
    """It follows as a receipt; what still stands is what both said yes to."""
    PAIRS = "pairs"
    """It follows, unless the one that stays is in such a pair already, or would be paired with itself."""
    IN_POINTS = "in_points"
    """`actions.points` moves the balance with its lots."""
    UNMARKED = "unmarked"
    """A mark of the demo shop comes off a record that has become somebody's own."""
    STAYS = "stays"
    """It tells of the past and goes on naming the number of then."""


FATES: Mapping[tuple[str, str], Fate] = {
    ("benefit_uses", "customer_id"): Fate.FOLLOWS,
    ("complaints", "customer_id"): Fate.FOLLOWS,
    ("consents", "customer_id"): Fate.AGREES,
    ("contact_events", "customer_id"): Fate.FOLLOWS,
    ("customer_aliases", "customer_id"): Fate.FOLLOWS,
    ("customer_merges", "survivor_id"): Fate.FOLLOWS,
    ("customer_tags", "customer_id"): Fate.JOINS,
    ("customers", "referred_by_id"): Fate.FOLLOWS,
    ("duplicate_pairs", "high_id"): Fate.PAIRS,
    ("duplicate_pairs", "low_id"): Fate.PAIRS,
    ("low_feedbacks", "customer_id"): Fate.FOLLOWS,
    ("outbound_messages", "customer_id"): Fate.FOLLOWS,
    ("photos", "customer_id"): Fate.FOLLOWS,
    ("points_accounts", "customer_id"): Fate.IN_POINTS,
    ("points_pending", "customer_id"): Fate.FOLLOWS,
    ("points_requests", "customer_id"): Fate.FOLLOWS,
    ("purchases", "customer_id"): Fate.FOLLOWS,
    ("redemptions", "customer_id"): Fate.FOLLOWS,
    ("sign_ups", "customer_id"): Fate.FOLLOWS,
    ("skin_records", "customer_id"): Fate.FOLLOWS,
    ("social_accounts", "customer_id"): Fate.JOINS,
    ("survey_invitations", "customer_id"): Fate.FOLLOWS,
    ("survey_responses", "customer_id"): Fate.FOLLOWS,
    ("tier_changes", "customer_id"): Fate.FOLLOWS,
    ("visits", "customer_id"): Fate.FOLLOWS,
    # No foreign key says so, but a number of a customer may stand here, too.
    ("audit_entries", "subject_id"): Fate.STAYS,
    ("customer_merges", "absorbed_id"): Fate.STAYS,
    ("demo_marks", "row_id"): Fate.UNMARKED,
    ("import_changes", "subject_id"): Fate.STAYS,
    ("public_tokens", "subject_id"): Fate.FOLLOWS,
    ("rule_versions", "row_id"): Fate.STAYS,
}


@dataclass(frozen=True)
class Merging:
    """Which two, when, by whom; what is moved is written into `plan`."""

    survivor_id: int
    absorbed_id: int
    now: datetime
    staff_id: int | None
    plan: MergePlan


def move_all(session: Session, merging: Merging) -> None:
    """Let everything that points at the one record point at the other, and write down what did."""
    session.flush()
    for (table_name, column), fate in FATES.items():
        if (way := _WAYS.get(fate)) is not None:
            way(session, merging, SQLModel.metadata.tables[table_name], column)


def move_back(session: Session, merging: Merging) -> None:
    """Give back what followed and is still there: rows that were deleted or moved on since stay as they are."""
    session.flush()
    for place, ids in merging.plan.moved.items():
        table_name, _, column = place.partition(".")
        table = SQLModel.metadata.tables[table_name]
        link = table.columns[column]
        for some in _portions(ids):
            session.execute(
                update(table)
                .where(table.c.id.in_(some), link == merging.survivor_id)
                .values({column: merging.absorbed_id, **_kept(table)})
            )
    for one in merging.plan.changed:
        if one.table != "consents":
            _put_right(session, one)
    for row in merging.plan.removed:
        _put_back(session, row)
    _take_refunds_along(session, merging)


def _take_refunds_along(session: Session, merging: Merging) -> None:
    """A refund made since the merge belongs to whom its sale belongs."""
    slips = SQLModel.metadata.tables["purchases"]
    sale = slips.alias()
    hers = select(sale.c.id).where(sale.c.customer_id == merging.absorbed_id)
    refunds = update(slips).where(slips.c.customer_id == merging.survivor_id, slips.c.refund_of_id.in_(hers))
    session.execute(refunds.values(customer_id=merging.absorbed_id, **_kept(slips)))


def counts_of(session: Session, customer_id: int) -> dict[str, int]:
    """How many rows of each table would follow this customer."""
    counts: dict[str, int] = {}
    for (table_name, column), fate in FATES.items():
        if fate in {Fate.FOLLOWS, Fate.JOINS, Fate.AGREES}:
            table = SQLModel.metadata.tables[table_name]
            where = (table.columns[column] == customer_id) & _of_customers(table)
            counts[table_name] = session.execute(select(func.count()).select_from(table).where(where)).scalar_one()
    return {table_name: count for table_name, count in counts.items() if count}


# ── The ways ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _follow(session: Session, merging: Merging, table: Table, column: str) -> None:
    link = table.columns[column]
    where = (link == merging.absorbed_id) & _of_customers(table)
    if table.name == "customers":  # nobody was brought by herself; that field is chosen like any other
        where &= table.c.id.not_in((merging.survivor_id, merging.absorbed_id))
    ids = list(session.execute(select(table.c.id).where(where).order_by(table.c.id)).scalars())
    if ids:
        session.execute(update(table).where(where).values({column: merging.survivor_id, **_kept(table)}))
        merging.plan.moved[f"{table.name}.{column}"] = ids


def _of_customers(table: Table) -> ColumnElement[bool]:
    """Of addresses handed out, those that open a customer's card."""
    if table.name != "public_tokens":
        return true()
    return table.c.purpose.in_([purpose for purpose, subject in SUBJECTS.items() if subject == "customers"])


def _kept(table: Table) -> dict[str, Any]:
    """That a row's customer has another number now is no change of the row."""
    return {column.name: column for column in table.columns if column.onupdate is not None}


def _join(session: Session, merging: Merging, table: Table, column: str) -> None:
    keys, worth = _EQUAL[table.name]
    link = table.columns[column]

    def key(row: Stored) -> tuple[Any, ...]:
        return tuple(row[one] for one in keys)

    own = {key(row): row for row in _rows(session, table, link == merging.survivor_id)}
    for row in _rows(session, table, link == merging.absorbed_id):
        rival = own.get(key(row))
        if rival is not None:
            _remove(session, merging, table, row if worth(rival) >= worth(row) else rival)
    _follow(session, merging, table, column)


def _origin_rank(row: Stored) -> int:
    """What a person put there, no rule takes off."""
    return (TagOrigin.RULE, TagOrigin.IMPORT, TagOrigin.MANUAL).index(row["origin"])


_EQUAL: Mapping[str, tuple[tuple[str, ...], Callable[[Stored], Any]]] = {
    "customer_tags": (("tag_id",), _origin_rank),
    "social_accounts": (("platform", "handle"), lambda row: str(row["noted_on"] or "")),
}
"""When two rows say the same, and which of the two is worth more."""


def _agree(session: Session, merging: Merging, table: Table, column: str) -> None:
    """Receipts are never taken away: those that no longer stand say why."""
    own, others = (_receipts(session, one) for one in (merging.survivor_id, merging.absorbed_id))
    joined = join_consents([_receipt(one) for one in own], [_receipt(one) for one in others])
    by_id = {one.id: one for one in (*own, *others)}
    for receipts, why in ((joined.ended, _ENDED), (joined.replaced, _REPLACED)):
        for receipt in receipts:
            _end(merging, by_id[receipt.consent_id], why)
    session.flush()
    _follow(session, merging, table, column)


def _end(merging: Merging, consent: Consent, why: str) -> None:
    after = {"withdrawn_at": merging.now, "withdrawn_how": why, "withdrawn_staff_id": merging.staff_id}
    before = {name: getattr(consent, name) for name in after}
    for name, value in after.items():
        setattr(consent, name, value)
    merging.plan.changed.append(Changed("consents", consent.id or 0, before, after))


def _receipts(session: Session, customer_id: int) -> list[Consent]:
    wanted = select(Consent).where(col(Consent.customer_id) == customer_id).order_by(col(Consent.id))
    return list(session.scalars(wanted.execution_options(populate_existing=True)))


def _receipt(consent: Consent) -> Receipt:
    return Receipt(consent.id or 0, consent.purpose, consent.channel, consent.granted_at, consent.withdrawn_at)


def _pair(session: Session, merging: Merging, table: Table, column: str) -> None:
    """What the shop said about the one and a third is now said about the other and that third."""
    survivor_id, absorbed_id = merging.survivor_id, merging.absorbed_id
    ends = table.c.low_id, table.c.high_id
    own = _rows(session, table, or_(*(end == survivor_id for end in ends)))
    known = {one for row in own for one in (row["low_id"], row["high_id"])} | {survivor_id}
    for row in _rows(session, table, table.columns[column] == absorbed_id):
        other = row["high_id"] if row["low_id"] == absorbed_id else row["low_id"]
        if other in known:
            _remove(session, merging, table, row)
            continue
        low, high = sorted((survivor_id, other))
        before, after = {name: row[name] for name in ("low_id", "high_id")}, {"low_id": low, "high_id": high}
        session.execute(update(table).where(table.c.id == row["id"]).values(after))
        merging.plan.changed.append(Changed(table.name, row["id"], before, after))


def _unmark(session: Session, merging: Merging, table: Table, column: str) -> None:
    """A record of the owner's own must not go when the demo shop is wiped."""
    either = table.c.row_id.in_((merging.survivor_id, merging.absorbed_id))
    marks = {row["row_id"]: row for row in _rows(session, table, (table.c.table_name == "customers") & either)}
    if merging.survivor_id in marks and merging.absorbed_id not in marks:
        _remove(session, merging, table, marks[merging.survivor_id])


_WAYS: Mapping[Fate, Callable[[Session, Merging, Table, str], None]] = {
    Fate.FOLLOWS: _follow,
    Fate.JOINS: _join,
    Fate.AGREES: _agree,
    Fate.PAIRS: _pair,
    Fate.UNMARKED: _unmark,
}


def _rows(session: Session, table: Table, where: ColumnElement[bool]) -> list[Stored]:
    return [dict(row) for row in session.execute(select(table).where(where).order_by(table.c.id)).mappings()]


def _remove(session: Session, merging: Merging, table: Table, row: Stored) -> None:
    session.execute(delete(table).where(table.c.id == row["id"]))
    merging.plan.removed.append(Removed(table.name, row))


def _portions(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


# ── Back ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _put_right(session: Session, changed: Changed) -> None:
    """Give a row what it held before, where it still holds what the merge put there."""
    table = SQLModel.metadata.tables[changed.table]
    row = session.execute(select(table).where(table.c.id == changed.row_id)).mappings().first()
    if row is not None and all(row[name] == value for name, value in changed.after.items()):
        session.execute(update(table).where(table.c.id == changed.row_id).values(changed.before))


def _put_back(session: Session, removed: Removed) -> None:
    """Store a row again under its old number. One whose equal is there by now, or whose tag was
    deleted, stays away."""
    table = SQLModel.metadata.tables[removed.table]
    if missing_links(session, table, removed.row):
        return
    model = next(one.class_ for one in SQLModel._sa_registry.mappers if one.local_table is table)
    session.execute(upsert(session, model).values(removed.row).on_conflict_do_nothing())


def missing_links(session: Session, table: Table, row: Stored) -> list[str]:
    """The columns of a stored row that point at what is no longer there."""
    return [
        key.parent.name
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name)
        if row[key.parent.name] is not None
        and session.execute(select(key.column).where(key.column == row[key.parent.name])).first() is None
    ]


def yeses_back(session: Session, merging: Merging, merged_at: datetime) -> tuple[Changed, ...]:
    """The yeses that the merge ended and that may stand again: not those she has refused since, and none where she has
    said a new one. To be asked while all receipts are still the survivor's."""
    ended = {one.row_id: one for one in merging.plan.changed if one.table == "consents"}
    consents = _receipts(session, merging.survivor_id)
    others = [_receipt(one) for one in consents if one.id not in ended]
    refused = [one for one in others if one.withdrawn_at and one.withdrawn_at > merged_at]
    renewed = {(one.purpose, one.channel) for one in others if one.granted_at > merged_at and not one.withdrawn_at}
    return tuple(
        ended[consent.id or 0]
        for consent in consents
        if consent.id in ended
        and all(getattr(consent, name) == value for name, value in ended[consent.id].after.items())
        and not is_said_no(_receipt(consent), refused)
        and (consent.purpose, consent.channel) not in renewed
    )


def agree_again(session: Session, yeses: Iterable[Changed]) -> None:
    """Let these stand again, each with its own record by now."""
    for one in yeses:
        consent = session.get_one(Consent, one.row_id)
        for name, value in one.before.items():
            setattr(consent, name, value)
    session.flush()
