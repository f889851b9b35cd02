"""Whole phone numbers shown to people of the shop, so that somebody can be called back."""

from datetime import datetime

from sqlmodel import Session, SQLModel

from app.actions.limits import count_try
from app.audit import note_deed
from app.columns import opened
from app.models import Complaint, Customer
from app.rules.limits import REVEAL
from app.rules.phones import reason_to_see
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction


def reveal_phone(
    session: Session,
    row_id: int,
    reason: str,
    *,
    table: type[Customer] | type[Complaint],
    staff_id: int,
    now: datetime,
) -> str:
    """The number on a record in E.164, the look at it counted and written down with its reason and without the number.
    Raises NotFound where there is none, TooManyTries, and what `reason_to_see` raises."""
    row: SQLModel | None = session.get(table, row_id)
    sealed = row.phone if isinstance(row, Customer) else row.contact_phone if isinstance(row, Complaint) else None
    phone = opened(sealed)
    if not phone:
        raise NotFound
    why = reason_to_see(reason)
    count_try(session, REVEAL, str(staff_id), now=now)
    note_deed(session, AuditAction.REVEAL, str(table.__tablename__), row_id, reason=why)
    return phone
