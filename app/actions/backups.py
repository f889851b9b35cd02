"""What belongs to a restore besides the data: nobody stays signed in, and the journal says what happened."""

from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from app.audit import note_deed
from app.models import StaffSession
from app.rules.backups import Manifest
from app.vocabulary import AuditAction


def note_restore(session: Session, manifest: Manifest, *, now: datetime) -> None:
    """End every sign-in the backup brought back, and write the restore down. For the restored database."""
    session.execute(update(StaffSession).where(col(StaffSession.ended_at).is_(None)).values(ended_at=now))
    note_deed(session, AuditAction.RESTORE, "backups", None, made_at=manifest.made_at.isoformat(), rows=manifest.rows)
