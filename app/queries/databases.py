"""The database as a thing on a disk."""

from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session, func, select

from app.models import AuditEntry, Purchase


def database_bytes(session: Session) -> int:
    """How large it is."""
    if session.get_bind().dialect.name == "postgresql":
        size = "SELECT pg_database_size(current_database())"
    else:
        size = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    return int(session.connection().execute(text(size)).scalar_one())


def newest_entry_at(session: Session) -> datetime | None:
    """The latest moment anything was written down, by the clock of then. None in a shop where nothing was."""
    return session.exec(select(func.max(AuditEntry.at))).one()


def sales_after(session: Session, moment: datetime) -> int:
    """How many sales and refunds say that they happened later than this."""
    return session.exec(select(func.count()).select_from(Purchase).where(Purchase.occurred_at > moment)).one()
