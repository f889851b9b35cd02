"""Whole phone numbers shown to people of the shop, so that somebody can be called back."""

from sqlmodel import Session, SQLModel

from app.audit import note_deed
from app.models import Complaint, Customer
from app.rules.phones import reason_to_see
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction


def reveal_phone(session: Session, row_id: int, reason: str, *, table: type[Customer] | type[Complaint]) -> str:
    """The number on a record in E.164, the look at it written down with its reason and without the number. Raises
    NotFound where there is none, and what `reason_to_see` raises."""
    row: SQLModel | None = session.get(table, row_id)
    phone = row.phone if isinstance(row, Customer) else row.contact_phone if isinstance(row, Complaint) else None
    if not phone:
        raise NotFound
    note_deed(session, AuditAction.REVEAL, str(table.__tablename__), row_id, reason=reason_to_see(reason))
    return phone
