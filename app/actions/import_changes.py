"""What a file made and changed, written down beside it: enough to take it back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import Session, SQLModel, col, select

from app.actions.kept_rows import given_back, kept
from app.actions.tiers import TIER_COLUMNS, review_tiers
from app.columns import Secret, opened
from app.models import Customer, ImportChange, TierChange
from app.queries.tiers import changes_since, newest_change
from app.rules.import_rows import Shop
from app.rules.policy import Policy


@dataclass
class _Noted:
    """One record: whether the file made it, and its columns before and after."""

    table: type[SQLModel]
    is_created: bool
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class Changes:
    """What one portion made and changed. A record changed twice by a file keeps its first before and its last after."""

    batch_id: int
    noted: dict[tuple[str, int], _Noted] = field(default_factory=dict)

    def made(self, table: type[SQLModel], ids: Iterable[int | None], rows: Iterable[Mapping[str, Any]]) -> None:
        """New records, with the values they were stored with; what is empty is not kept."""
        for row_id, row in zip(ids, rows, strict=True):
            after = {name: value for name, value in row.items() if value not in (None, "")}
            self.noted[_name(table), row_id or 0] = _Noted(table, True, {}, after)

    def changed(self, table: type[SQLModel], row_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """A record that was there: some of its columns before and after."""
        one = self.noted.setdefault((_name(table), row_id), _Noted(table, False, {}, {}))
        if not one.is_created:
            one.before = {**before, **one.before}
        one.after |= after

    def write(self, session: Session) -> None:
        """Keep it with the batch."""
        known = self._known(session)
        fresh = [
            {
                "batch_id": self.batch_id,
                "subject": subject,
                "subject_id": row_id,
                "is_created": one.is_created,
                "before": kept(one.before) if one.before else None,
                "after": kept(one.after),
            }
            for (subject, row_id), one in self.noted.items()
            if (subject, row_id) not in known
        ]
        if fresh:
            session.connection().execute(insert(ImportChange), fresh)
        for key, one in self.noted.items():
            if key in known:
                self._join(session, known[key], one)
        self.noted = {}

    def _known(self, session: Session) -> dict[tuple[str, int], ImportChange]:
        """Of these records those an earlier portion of the same file touched."""
        by_subject: dict[str, set[int]] = {}
        for (subject, row_id), one in self.noted.items():
            if not one.is_created:
                by_subject.setdefault(subject, set()).add(row_id)
        found: dict[tuple[str, int], ImportChange] = {}
        for subject, ids in by_subject.items():
            earlier = select(ImportChange).where(
                ImportChange.batch_id == self.batch_id,
                ImportChange.subject == subject,
                col(ImportChange.subject_id).in_(ids),
            )
            found |= {(subject, row.subject_id): row for row in session.exec(earlier)}
        return found

    def _join(self, session: Session, earlier: ImportChange, one: _Noted) -> None:
        before, after = told(one.table, earlier.before, earlier.after)
        joined: dict[str, Any] = {"after": kept(after | one.after)}
        if not earlier.is_created:
            joined["before"] = kept(one.before | before)
        # Core, not the row: what is kept for an undo is itself a record.
        session.connection().execute(update(ImportChange).where(col(ImportChange.id) == earlier.id).values(joined))
        session.expunge(earlier)


def told(table: type[SQLModel], before: Secret | None, after: Secret | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a record's columns were before a file and became."""
    return given_back(table, opened(before) or "{}"), given_back(table, opened(after) or "{}")


def review_and_note(session: Session, customer_ids: set[int], changes: Changes, *, policy: Policy, shop: Shop) -> None:
    """Lift tiers after an import, and keep what they were before."""
    names = (*TIER_COLUMNS, "updated_at")
    risen: list[tuple[Customer, dict[str, Any]]] = []

    def rising(customer: Customer) -> None:
        risen.append((customer, {name: getattr(customer, name) for name in names}))

    last_change = newest_change(session)
    review_tiers(session, customer_ids, policy=policy, now=shop.now, zone=shop.zone, rising=rising)
    note_tiers(session, [customer.id or 0 for customer, _ in risen], last_change, changes)
    for customer, before in risen:
        changes.changed(Customer, customer.id or 0, before, {name: getattr(customer, name) for name in names})


def note_tiers(session: Session, customer_ids: Collection[int], last_change: int, changes: Changes) -> None:
    """The history of tiers a portion wrote for these customers: it goes when the file goes."""
    session.flush()
    made = changes_since(session, customer_ids, last_change)
    changes.made(TierChange, made, [{} for _ in made])


def _name(table: type[SQLModel]) -> str:
    return str(table.__tablename__)
