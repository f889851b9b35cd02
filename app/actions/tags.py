"""Tags go on and come off: by hand, for one customer or for many, and by a rule."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, literal, update
from sqlalchemy import select as values
from sqlmodel import Session, col, exists, select

from app.audit import note_deed
from app.db import lock_row, upsert
from app.models import Customer, CustomerTag, Tag
from app.queries.tagged import Moment, fitting, tagging_noted
from app.rules.conditions import FIELDS, Rule, parse_rule
from app.rules.refusals import NotFound, RuleBroken
from app.rules.tags import MOST_REMEMBERED, RuleOnRule, TagHasRule, UndoGone, as_ranges
from app.vocabulary import AuditAction, TagOrigin


@dataclass(frozen=True)
class Tagging:
    """What a deed did: to how many, and the mark by which it can be taken back (empty: it cannot)."""

    count: int
    mark: str


@dataclass(frozen=True)
class Applied:
    """How many a rule put its tag on and took it off."""

    put_on: int = 0
    taken_off: int = 0


# ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_hand_tags(
    session: Session,
    customer_id: int,
    tag_ids: Collection[int] | None,
    *,
    now: datetime,
    staff_id: int | None = None,
) -> None:
    """What a form says she wears (None: it does not say). What a rule put on stays, ticked or not. Raises TagHasRule."""
    if tag_ids is None:
        return
    standing = {
        row.tag_id: row for row in session.exec(select(CustomerTag).where(CustomerTag.customer_id == customer_id))
    }
    for tag_id in standing.keys() - set(tag_ids):
        if standing[tag_id].origin is not TagOrigin.RULE:
            session.delete(standing[tag_id])
    for tag_id in sorted(set(tag_ids) - standing.keys()):
        tag = session.get(Tag, tag_id)
        if tag is not None and tag.rule:
            raise TagHasRule("tags", name=tag.name)
        session.add(CustomerTag(customer_id=customer_id, tag_id=tag_id, tagged_at=now, staff_id=staff_id))
    session.flush()


def tag_many(
    session: Session, tag_id: int, which: ColumnElement[bool], *, now: datetime, staff_id: int | None
) -> Tagging:
    """Put a tag on every customer of a condition; who wears it already is left alone. Raises NotFound, TagHasRule."""
    _hand_tag(session, tag_id)
    count = _put_on(session, tag_id, which, _Origin(TagOrigin.MANUAL, now, staff_id))
    return _noted(session, tag_id, now, put_on=count)


def untag_many(session: Session, tag_id: int, which: ColumnElement[bool], *, now: datetime) -> Tagging:
    """Take a tag off every customer of a condition. The journal says off whom, so that it can be taken back, up to
    `MOST_REMEMBERED`. Raises NotFound, TagHasRule."""
    _hand_tag(session, tag_id)
    chosen = select(Customer.id).where(which)
    worn = (col(CustomerTag.tag_id) == tag_id, col(CustomerTag.customer_id).in_(chosen))
    whose = session.exec(select(CustomerTag.customer_id).where(*worn).limit(MOST_REMEMBERED + 1)).all()
    count = session.connection().execute(delete(CustomerTag).where(*worn)).rowcount
    off = as_ranges(whose) if count <= MOST_REMEMBERED else ""
    return _noted(session, tag_id, now, taken_off=count, customers=off)


def undo_tagging(
    session: Session, tag_id: int, mark: str, *, within: ColumnElement[bool], now: datetime, staff_id: int | None
) -> int:
    """Take one deed for many back: what it put on comes off, what it took off goes on again; how many. What somebody
    changed since stays as they left it. Raises NotFound, TagHasRule, UndoGone."""
    _hand_tag(session, tag_id)
    noted = tagging_noted(session, tag_id, mark)
    if noted is None:
        raise UndoGone
    mine = select(Customer.id).where(within)
    put_on = (
        col(CustomerTag.tag_id) == tag_id,
        col(CustomerTag.tagged_at) == noted.at,
        col(CustomerTag.origin) == TagOrigin.MANUAL,
        col(CustomerTag.customer_id).in_(mine),
    )
    count = session.connection().execute(delete(CustomerTag).where(*put_on)).rowcount
    if noted.taken_off_from:
        again = col(Customer.id).in_(noted.taken_off_from) & within
        count += _put_on(session, tag_id, again, _Origin(TagOrigin.MANUAL, now, staff_id))
    if not count:
        raise UndoGone
    note_deed(session, AuditAction.REVERT, "tags", tag_id, restored=count)
    return count


def check_tag_may_go(session: Session, tag: Tag) -> None:
    """A tag that a rule asks for stays: without it the rule would fit nobody. Raises RuleOnRule."""
    _check_not_waited_for(session, tag)


# ── By rule ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_rule(session: Session, tag_id: int, rule: Rule | None, *, staff_id: int | None) -> None:
    """Give a tag a rule, or take its rule away (None): what the rule had put on comes off then. Who wears it by hand
    keeps it. Raises NotFound, RuleOnRule."""
    tag = lock_row(session, Tag, tag_id)
    if tag is None:
        raise NotFound
    if rule is not None:
        _check_stands_alone(session, tag, rule)
    tag.rule, tag.staff_id = rule.as_json() if rule else "", staff_id
    tag.computed_at = None
    if rule is None:
        put_on = (col(CustomerTag.tag_id) == tag_id, col(CustomerTag.origin) == TagOrigin.RULE)
        session.connection().execute(delete(CustomerTag).where(*put_on))
    session.flush()


def apply_rule(
    session: Session, tag_id: int, *, now: datetime, zone: ZoneInfo, first: int = 0, last: int | None = None
) -> Applied:
    """Put a tag on whoever fits its rule and take it off whoever no longer does, of the customers with numbers from
    `first` to `last`. Only what the rule put on comes off. Nothing for a tag without a rule that can be read."""
    tag = lock_row(session, Tag, tag_id)
    rule = _readable(tag.rule) if tag is not None else None
    if rule is None:
        return Applied()
    fits = fitting(rule, Moment(now, zone))
    taken_off = session.connection().execute(
        delete(CustomerTag).where(
            col(CustomerTag.tag_id) == tag_id,
            col(CustomerTag.origin) == TagOrigin.RULE,
            _between(col(CustomerTag.customer_id), first, last),
            ~exists().where(col(Customer.id) == col(CustomerTag.customer_id), fits),
        )
    )
    which = fits & _between(col(Customer.id), first, last)
    applied = Applied(_put_on(session, tag_id, which, _Origin(TagOrigin.RULE, now)), taken_off.rowcount)
    # Not through the row: every night would be a line in the journal that says nothing.
    session.connection().execute(update(Tag).where(col(Tag.id) == tag_id).values(computed_at=now))
    if applied != Applied():
        note_deed(session, AuditAction.UPDATE, "tags", tag_id, put_on=applied.put_on, taken_off=applied.taken_off)
    return applied


def recompute_customer(session: Session, customer_id: int, *, now: datetime, zone: ZoneInfo) -> None:
    """Every tag with a rule, at once for one customer: what she has just done may count."""
    session.flush()
    rules = {
        tag_id: rule
        for tag_id, kept in session.exec(select(Tag.id, Tag.rule).where(Tag.rule != ""))
        if (rule := _readable(kept)) is not None
    }
    if not rules:
        return
    moment = Moment(now, zone)
    asked = values(*(fitting(rule, moment) for rule in rules.values())).where(col(Customer.id) == customer_id)
    answers = session.connection().execute(asked.select_from(Customer)).first() or ()
    by_rule = CustomerTag.customer_id == customer_id, CustomerTag.origin == TagOrigin.RULE
    worn = set(session.exec(select(CustomerTag.tag_id).where(*by_rule)))
    for tag_id, fits in zip(rules, answers, strict=False):
        if fits and tag_id not in worn:
            _put_on(session, tag_id or 0, col(Customer.id) == customer_id, _Origin(TagOrigin.RULE, now))
        elif not fits and tag_id in worn:
            off = (col(CustomerTag.customer_id) == customer_id, col(CustomerTag.tag_id) == tag_id)
            session.connection().execute(delete(CustomerTag).where(*off, col(CustomerTag.origin) == TagOrigin.RULE))


# ── What both are made of ─────────────────────────────────────────────────────────────────────────────────────────────


def _hand_tag(session: Session, tag_id: int) -> Tag:
    tag = session.get(Tag, tag_id)
    if tag is None:
        raise NotFound
    if tag.rule:
        raise TagHasRule("tags", name=tag.name)
    return tag


@dataclass(frozen=True)
class _Origin:
    """Who puts a tag on, and when."""

    origin: TagOrigin
    now: datetime
    staff_id: int | None = None


def _put_on(session: Session, tag_id: int, which: ColumnElement[bool], by: _Origin) -> int:
    """One statement, however many there are; who wears it already is left as she is."""
    session.flush()
    worn = exists().where(col(CustomerTag.customer_id) == col(Customer.id), col(CustomerTag.tag_id) == tag_id)
    kinds = CustomerTag.__table__.c  # type: ignore[attr-defined]
    columns: dict[str, Any] = {
        "customer_id": col(Customer.id),
        "tag_id": literal(tag_id),
        "origin": literal(by.origin, kinds.origin.type),
        "staff_id": literal(by.staff_id, kinds.staff_id.type),
        "tagged_at": literal(by.now, kinds.tagged_at.type),
    }
    wanted = values(*columns.values()).where(which, ~worn)
    into = upsert(session, CustomerTag).from_select(list(columns), wanted)
    # Of an INSERT PostgreSQL's driver tells the number only when asked to.
    counted = {"preserve_rowcount": True}
    return int(session.connection().execute(into.on_conflict_do_nothing(), execution_options=counted).rowcount)


def _noted(session: Session, tag_id: int, now: datetime, **facts: str | int) -> Tagging:
    """Written in the journal with a mark, by which it can be found again."""
    count = int(facts.get("put_on", 0)) + int(facts.get("taken_off", 0))
    mark = str(int(now.timestamp() * 1_000_000))
    if count:
        note_deed(session, AuditAction.UPDATE, "tags", tag_id, mark=mark, **facts)
    can_be_undone = count and (facts.get("put_on") or facts.get("customers"))
    return Tagging(count, mark if can_be_undone else "")


def _check_stands_alone(session: Session, tag: Tag, rule: Rule) -> None:
    named = rule.values_of("tag")
    if named & {tag.id, *session.exec(select(Tag.id).where(Tag.rule != ""))}:
        raise RuleOnRule(FIELDS["tag"].name, name=tag.name)
    _check_not_waited_for(session, tag)


def _check_not_waited_for(session: Session, tag: Tag) -> None:
    for kept in session.exec(select(Tag.rule).where(Tag.rule != "", Tag.id != tag.id)):
        other = _readable(kept)
        if other is not None and tag.id in other.values_of("tag"):
            raise RuleOnRule(FIELDS["tag"].name, name=tag.name)


def _readable(kept: str) -> Rule | None:
    """A rule as it was kept; None for one that a later program would have to read."""
    try:
        return parse_rule(kept) if kept else None
    except RuleBroken:
        return None


def _between(column: Any, first: int, last: int | None) -> ColumnElement[bool]:
    return column >= first if last is None else column.between(first, last)
