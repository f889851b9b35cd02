"""Runs migrations on the connection `app.db.migrate` hands over; the models say what head looks like."""

from alembic import context
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

import app.models  # noqa: F401  the tables register themselves
from app.columns import Encrypted

PLAIN = {"AutoString": "sa.String(length={0.length})", "UTCDateTime": "sa.DateTime(timezone=True)"}


def _plain_type(kind: str, item: object, autogen: object) -> str | bool:
    """Write plain column types into migrations, so that they run for ever whatever becomes of our classes."""
    if kind != "type" or not isinstance(item, TypeDecorator):
        return False
    if isinstance(item, Encrypted):
        return "sa.LargeBinary()"
    return PLAIN[type(item).__name__].format(item.impl)


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_plain_type,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
