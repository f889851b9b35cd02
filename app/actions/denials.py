"""Doors somebody tried that are not hers: written down, so that whoever looks around in the shop's books is seen."""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.audit import note_deed
from app.db import lock_row
from app.models import AuditEntry, Staff
from app.vocabulary import AuditAction

NOTED_EVERY = timedelta(minutes=1)
"""A door that is tried again and again stands in the journal once a minute: more would bury everything else."""


def is_worth_noting(session: Session, staff_id: int, subject: str, *, now: datetime) -> bool:
    """Whether this person's last try at this subject is long enough ago. Ask it before taking the write turn, so that a
    flood of refusals costs a flood of reads and no more."""
    lately = select(AuditEntry.id).where(
        AuditEntry.staff_id == staff_id,
        AuditEntry.action == AuditAction.REFUSED,
        AuditEntry.subject == subject,
        col(AuditEntry.at) > now - NOTED_EVERY,
    )
    return session.exec(lately.limit(1)).first() is None


def note_denial(session: Session, staff_id: int, subject: str, *, way: str, now: datetime) -> None:
    """Write down that a person was refused a subject, by which way (a route's name, never its address: that may hold
    what somebody searched for). Two tries at once are one entry."""
    lock_row(session, Staff, staff_id)
    if is_worth_noting(session, staff_id, subject, now=now):
        note_deed(session, AuditAction.REFUSED, subject, way=way)
