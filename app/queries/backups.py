"""What a backup writes down about the database it was made of, and what its copy is compared with."""

from dataclasses import dataclass

from sqlalchemy import func, inspect, table, text
from sqlmodel import Session, select

from app.queries.journal import Head, head
from app.queries.policy import current_policy


@dataclass(frozen=True)
class Contents:
    """A database as it stands: the version of its tables, their rows, the newest entry of the journal. `head` is None
    where there is none, also in tables from before entries were sealed."""

    revision: str
    counts: dict[str, int]
    head: Head | None
    shop_name: str


def contents_of(session: Session) -> Contents:
    """All of it in this one transaction. Tables may be of an older version."""
    connection = session.connection()
    inspector = inspect(connection)
    names = sorted(inspector.get_table_names())
    counts = {name: session.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if counts else ""
    is_sealed = any(column["name"] == "seal" for column in inspector.get_columns("audit_entries"))
    return Contents(
        revision=revision or "",
        counts=counts,
        head=head(session) if is_sealed else None,
        shop_name=current_policy(session).shop_name,
    )
