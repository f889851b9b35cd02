"""Who changed what, written in the same transaction as the change: one entry per row, old and new values only where
the column is not personal."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import UOWTransaction
from sqlmodel import Session, SQLModel

from app.models import AuditEntry, DemoMark
from app.vocabulary import AuditAction

_SILENT = {
    "audit_entries",
    "staff_sessions",
    "counters",
    "demo_marks",
    "job_runs",
    "survey_answers",
    "survey_responses",  # an entry's exact moment would tell whose an anonymous one is
}
"""Tables whose rows are themselves a record, or too many to say anything."""
_STAMPS = {"id", "created_at", "updated_at"}
"""What the entry itself says already."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a person of the shop (`staff_id`), or a name for what is nobody's (a customer's page, a job)."""

    name: str
    staff_id: int | None = None


SYSTEM = Actor("system")
CUSTOMER = Actor("customer")


class AuditedSession(Session):
    """A session that writes down what passes through it. `info["actor"]` says who. With `info["demo"]` the rows are made
    up: each is marked instead, so that a wipe finds it."""


@event.listens_for(AuditedSession, "after_flush")
def _write_down(session: AuditedSession, context: UOWTransaction) -> None:
    if session.info.get("demo"):
        marks = [{"table_name": row.__tablename__, "row_id": _row_id(row)} for row in session.new]
        if marks:
            session.connection().execute(insert(DemoMark), marks)
        return
    rows = [
        entry
        for action, objects in (
            (AuditAction.CREATE, session.new),
            (AuditAction.UPDATE, session.dirty),
            (AuditAction.DELETE, session.deleted),
        )
        for entry in (_entry(session, action, row) for row in objects)
        if entry is not None
    ]
    if rows:
        session.connection().execute(insert(AuditEntry), rows)


def _entry(session: AuditedSession, action: AuditAction, row: SQLModel) -> dict[str, Any] | None:
    if row.__tablename__ in _SILENT:
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
        history = state.attrs[column.key].history
        old, new = (history.deleted or [None])[0], state.dict.get(column.key)
        is_worth_it = history.has_changes() if action is AuditAction.UPDATE else new not in {None, ""}
        if is_worth_it and column.key not in _STAMPS:
            changes[column.key] = "***" if column.columns[0].info.get("personal") else [_plain(old), _plain(new)]
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
        "at": datetime.now(UTC),
        "staff_id": actor.staff_id,
        "actor": actor.name,
        "action": action,
        "subject": subject,
        "subject_id": subject_id,
        "changes": json.dumps(changes, ensure_ascii=False),
    }


def note_deed(
    session: Session, action: AuditAction, subject: str, subject_id: int | None = None, **facts: str | int
) -> None:
    """Write down something that changed no row of its own: a sign-in, an export, a print run."""
    session.connection().execute(insert(AuditEntry), [_values(session, action, subject, subject_id, dict(facts))])
