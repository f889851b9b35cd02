"""The journal read: who did what to which record, and who saw whom."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Table, and_, or_, true, union_all
from sqlmodel import Session, SQLModel, col, select

from app.audit import SILENT
from app.models import AuditEntry, Customer, Staff
from app.queries.finding import customers_like
from app.queries.scopes import on_days
from app.vocabulary import AuditAction

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9000, 1, 1)
LOOKS = (AuditAction.REVEAL, AuditAction.EXPORT)
"""Deeds by which somebody saw what is otherwise masked, or took it along."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants to read. None: whatever it is. `looks`: only `LOOKS`; `before`: older than this entry."""

    staff_id: int | None = None
    deed: AuditAction | None = None
    looks: bool = False
    customer_id: int | None = None
    first: date | None = None
    last: date | None = None
    before: int | None = None

    def about(self, customer_id: int | None) -> "Wish":
        """The same about one customer."""
        return replace(self, customer_id=customer_id)


@dataclass(frozen=True)
class Line:
    """One entry. `changes` is field → [old, new], "***" where a personal value is not kept, or what a deed said."""

    entry_id: int
    at: datetime
    staff_id: int | None
    actor: str
    action: AuditAction
    subject: str
    subject_id: int | None
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class JournalPage:
    """Some entries, the newest first. `older` goes into the next wish's `before`, None at the end; `names` are those of the
    records they speak of, by (table, number)."""

    lines: tuple[Line, ...]
    older: int | None
    names: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True)
class CustomerFound:
    """A customer whose entries may be meant."""

    customer_id: int
    name: str


def lines_of(session: Session, wish: Wish, reach: ColumnElement[bool], *, zone: ZoneInfo, most: int) -> JournalPage:
    """So many entries as wished, of those within `reach`."""
    wanted = select(AuditEntry).where(reach, _wished(session, wish, zone))
    rows = session.exec(wanted.order_by(col(AuditEntry.id).desc()).limit(most + 1)).all()
    lines = tuple(line_of(row) for row in rows[:most])
    return JournalPage(lines, lines[-1].entry_id if len(rows) > most else None, _names(session, lines))


def customers_found(
    session: Session, term: str, customer_id: int | None, reach: ColumnElement[bool], most: int = 10
) -> tuple[CustomerFound, ...]:
    """The customers a search means; without a search the one already chosen."""
    asked = customers_like(term) if term else col(Customer.id) == customer_id
    rows = session.exec(select(Customer).where(reach, asked).order_by(col(Customer.id)).limit(most))
    return tuple(CustomerFound(row.id or 0, str(row)) for row in rows)


def people_of(session: Session, reach: ColumnElement[bool]) -> tuple[tuple[int, str], ...]:
    """Whose deeds one may ask for: number and name."""
    return tuple(session.exec(select(Staff.id, Staff.name).where(reach).order_by(col(Staff.name), col(Staff.id))))  # type: ignore[arg-type]


def _wished(session: Session, wish: Wish, zone: ZoneInfo) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [true()]
    if wish.staff_id is not None:
        conditions.append(col(AuditEntry.staff_id) == wish.staff_id)
    if wish.looks:
        conditions.append(col(AuditEntry.action).in_(LOOKS))
    if wish.deed is not None:
        conditions.append(col(AuditEntry.action) == wish.deed)
    if wish.customer_id is not None:
        conditions.append(_about(session, wish.customer_id))
    if wish.first is not None or wish.last is not None:
        first, last = wish.first or _FIRST_DAY, wish.last or _LAST_DAY
        conditions.append(on_days(col(AuditEntry.at), max(first, _FIRST_DAY), min(last, _LAST_DAY), zone))
    if wish.before is not None:
        conditions.append(col(AuditEntry.id) < wish.before)
    return and_(*conditions)


def _about(session: Session, customer_id: int) -> ColumnElement[bool]:
    """Entries about a customer's record and about whatever names her: visits, consents, cases, cards. Each part goes
    through the index on (subject, subject_id)."""
    entry: Table = SQLModel.metadata.tables["audit_entries"]
    own = select(entry.c.id).where(entry.c.subject == "customers", entry.c.subject_id == customer_id)
    parts = [
        select(entry.c.id)
        .join(table, table.c.id == entry.c.subject_id)
        .where(entry.c.subject == table.name, key.parent == customer_id)
        for table in SQLModel.metadata.sorted_tables
        if table.name not in SILENT
        for key in table.foreign_keys
        if key.column.table.name == "customers"
    ]
    came_in = _import_of(session, customer_id)
    return or_(col(AuditEntry.id).in_(union_all(own, *parts)), col(AuditEntry.id) == came_in)


def _import_of(session: Session, customer_id: int) -> int | None:
    """The one line about the many rows of an import among which her record came in."""
    lines = select(AuditEntry).where(
        AuditEntry.subject == "customers",
        AuditEntry.action == AuditAction.IMPORT,
        col(AuditEntry.subject_id) <= customer_id,
    )
    found = session.exec(lines.order_by(col(AuditEntry.subject_id).desc()).limit(1)).first()
    return found.id if found and _changes(found).get("last", 0) >= customer_id else None


def line_of(row: AuditEntry) -> Line:
    """A stored entry, read."""
    return Line(row.id or 0, row.at, row.staff_id, row.actor, row.action, row.subject, row.subject_id, _changes(row))


def _changes(row: AuditEntry) -> dict[str, Any]:
    try:
        told = json.loads(row.changes)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _names(session: Session, lines: tuple[Line, ...]) -> dict[tuple[str, int], str]:
    """What the records on a page are called: those the entries are about, and those their fields lead to."""
    wanted: dict[str, set[int]] = {}
    for line in lines:
        if line.subject_id:
            wanted.setdefault(line.subject, set()).add(line.subject_id)
        table = SQLModel.metadata.tables.get(line.subject)
        columns: Mapping[str, Any] = table.columns if table is not None else {}  # type: ignore[assignment]
        for key, change in line.changes.items():
            links = columns[key].foreign_keys if key in columns else ()
            numbers = {one for one in change if isinstance(one, int)} if isinstance(change, list) else set()
            for link in links:
                wanted.setdefault(link.column.table.name, set()).update(numbers)
    named = {
        str(mapper.local_table.name): mapper.class_  # type: ignore[attr-defined]
        for mapper in SQLModel._sa_registry.mappers
        if "__str__" in vars(mapper.class_)
    }
    names: dict[tuple[str, int], str] = {}
    for table_name, ids in wanted.items():
        if (model := named.get(table_name)) is not None:
            names |= {(table_name, row.id): str(row) for row in session.scalars(select(model).where(model.id.in_(ids)))}
    return names
