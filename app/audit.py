"""Who changed what, written in the same transaction as the change: one entry per row, old and new values only where
the column is not personal. Entries are gathered while the unit of work lasts and written as its last act, each sealed
over the one before it: the seals' lock is then the last one taken, and nobody waits for another while holding it. Decision:
docs/decisions/0011."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event, insert, inspect, literal, select, text
from sqlalchemy.orm import SessionTransaction, UOWTransaction
from sqlmodel import Session, SQLModel

from app import keys
from app.models import AuditEntry, DemoMark
from app.rules.journal import NO_SEAL, Record, seal
from app.vocabulary import AuditAction

SILENT = {
    "audit_entries",
    "staff_sessions",
    "counters",
    "demo_marks",
    "job_runs",
    "jobs",
    "heartbeats",
    "kept_answers",
    "rate_windows",
    "import_changes",  # what a file did, row by row; the import and its undo have their entries
    "points_accounts",  # the sum of its entries
    "points_entries",
    "points_lots",
    "points_allocations",
    "points_pending",  # of a sale, and a movement of points once it counts
    "rule_versions",  # the change of the rule has its entry
    "low_feedbacks",  # as of a response; seeing to one has its entry
    "survey_answers",
    "survey_invitations",  # inviting has one entry for all
    "survey_responses",  # an entry's exact moment would tell whose an anonymous one is
}
"""Tables whose rows are themselves a record, or too many to say anything."""
_STAMPS = {"id", "created_at", "updated_at"}
"""What the entry itself says already."""
_SEALING = 7264002
"""The number of PostgreSQL's lock on the end of the chain."""
_PORTION = 1000


@dataclass(frozen=True)
class Actor:
    """Who acts: a person of the shop (`staff_id`), or a name for what is nobody's (a customer's page, a job)."""

    name: str
    staff_id: int | None = None


SYSTEM = Actor("system")
CUSTOMER = Actor("customer")


@dataclass
class _Gathered:
    """What a unit of work will write down, and how much of it there was when each savepoint began."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    marks: WeakKeyDictionary[SessionTransaction, int] = field(default_factory=WeakKeyDictionary)


class AuditedSession(Session):
    """A session that writes down what passes through it. `info["actor"]` says who. With `info["demo"]` the rows are made
    up: each is marked instead, so that a wipe finds it, and the journal stays empty."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.gathered = _Gathered()


@event.listens_for(AuditedSession, "after_flush")
def _gather(session: AuditedSession, context: UOWTransaction) -> None:
    if session.info.get("demo"):
        marks = [{"table_name": row.__tablename__, "row_id": _row_id(row)} for row in session.new]
        if marks:
            session.connection().execute(insert(DemoMark), marks)
        return
    for action, objects in (
        (AuditAction.CREATE, session.new),
        (AuditAction.UPDATE, session.dirty),
        (AuditAction.DELETE, session.deleted),
    ):
        entries = (_entry(session, action, row) for row in objects)
        session.gathered.entries.extend(entry for entry in entries if entry is not None)


def mark_demo(session: Session, table: type[SQLModel], key: Any, value: int | None) -> None:
    """Mark the rows whose column `key` is `value`, where rows are made up and these were written past the session. Only
    for tables that are `SILENT`: of another the entry would be missing."""
    if session.info.get("demo"):
        rows = select(literal(table.__tablename__), table.__table__.c.id).where(key == value)  # type: ignore[attr-defined]
        session.connection().execute(insert(DemoMark).from_select(["table_name", "row_id"], rows))


@event.listens_for(AuditedSession, "after_transaction_create")
def _mark(session: AuditedSession, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.gathered.marks[transaction] = len(session.gathered.entries)


@event.listens_for(AuditedSession, "after_soft_rollback")
def _forget(session: AuditedSession, transaction: SessionTransaction) -> None:
    """What a savepoint took back did not happen."""
    if transaction.nested or transaction.parent is None:
        del session.gathered.entries[session.gathered.marks.get(transaction, 0) :]


@event.listens_for(AuditedSession, "before_commit")
def _write_down(session: AuditedSession) -> None:
    if session.in_nested_transaction():
        return
    session.flush()  # SQLAlchemy would do it after this, and nobody would hear of it
    entries, session.gathered = session.gathered.entries, _Gathered()
    if not entries:
        return
    connection = session.connection()
    _hold_the_end(connection)
    key, before, at = keys.current_keys().journal, _last_seal(connection), datetime.now(UTC)
    for entry in entries:
        entry["at"] = at
        before = entry["seal"] = seal(key, before, Record(**entry))
    connection.execute(insert(AuditEntry), entries)


def _hold_the_end(connection: Connection) -> None:
    """Of two units of work one writes after the other. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SEALING})


def _last_seal(connection: Connection) -> bytes:
    """What the next entry is sealed over. Before the first seal of all, everything written until then is vouched for."""
    table = inspect(AuditEntry).local_table
    newest = connection.execute(select(table.c.seal).order_by(table.c.id.desc()).limit(1)).first()
    if newest is None or newest.seal is not None:
        return newest.seal if newest else NO_SEAL
    key, before = keys.current_keys().journal, NO_SEAL
    older = select(table).order_by(table.c.id).execution_options(yield_per=_PORTION)
    for row in connection.execute(older):
        before = seal(key, before, record_of(row))
    return before


def record_of(row: Any) -> Record:
    """What a stored entry says."""
    return Record(row.at, row.staff_id, row.actor, str(row.action), row.subject, row.subject_id, row.changes)


def _entry(session: AuditedSession, action: AuditAction, row: SQLModel) -> dict[str, Any] | None:
    if row.__tablename__ in SILENT:
        return None
    changes = _changes(action, row)
    if action is AuditAction.UPDATE and not changes:
        return None
    return _values(session, action, str(row.__tablename__), _row_id(row), changes)


def _row_id(row: SQLModel) -> int:
    """The number of a row, new, changed or just deleted."""
    return inspect(row).mapper.primary_key_from_instance(row)[0]


def _changes(action: AuditAction, row: SQLModel) -> dict[str, Any]:
    if action is AuditAction.DELETE:
        return {}
    state = inspect(row)
    changes: dict[str, Any] = {}
    for column in state.mapper.column_attrs:
        key, old = column.key, None
        if key in _STAMPS or (action is AuditAction.UPDATE and key not in state.committed_state):
            continue  # nobody touched it
        new = state.dict.get(key)
        is_worth_it = new not in (None, "")
        if action is AuditAction.UPDATE:  # a new row has no past to look up
            history = state.attrs[key].history
            old, is_worth_it = (history.deleted or [None])[0], history.has_changes()
        if is_worth_it:
            changes[key] = "***" if column.columns[0].info.get("personal") else [_plain(old), _plain(new)]
    return changes


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, str | int | bool | None) else "***"


def _values(
    session: Session, action: AuditAction, subject: str, subject_id: int | None, changes: dict[str, Any]
) -> dict[str, Any]:
    actor: Actor = session.info.get("actor", SYSTEM)
    return {
        "staff_id": actor.staff_id,
        "actor": actor.name,
        "action": action.value,
        "subject": subject,
        "subject_id": subject_id,
        "changes": json.dumps(changes, ensure_ascii=False),
    }


def note_deed(
    session: Session, action: AuditAction, subject: str, subject_id: int | None = None, **facts: str | int
) -> None:
    """Write down something that changed no row of its own: a sign-in, an export, a print run. Raises TypeError in a
    session that writes nothing down."""
    if not isinstance(session, AuditedSession):
        raise TypeError("a deed needs a unit of work of app.db")
    if not session.info.get("demo"):
        session.gathered.entries.append(_values(session, action, subject, subject_id, dict(facts)))


def note_many(session: Session, subject: str, ids: Collection[int | None]) -> None:
    """One line for many new rows of an import: about the first of them, with the `last` and how many."""
    numbers = [number for number in ids if number]
    if numbers:
        note_deed(session, AuditAction.IMPORT, subject, min(numbers), last=max(numbers), rows=len(numbers))
