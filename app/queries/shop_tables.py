"""The shop's own data, table by table, as it leaves the house whole: with the tables' own columns, in the order of the
rows' numbers. What is the machine's own, or a secret, stays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Select, and_, func, not_, select, text, true
from sqlmodel import Session, SQLModel, col

from app.columns import Encrypted, Sealed, opened
from app.models import AuditEntry, Photo
from app.vocabulary import AuditAction

Value = str | int | bool | None

WHOLE_SHOP = "shop"
"""What the journal calls all of it together."""
TAKEN_OUT = (
    "api_keys",
    "audit_entries",
    "benefit_uses",
    "complaint_events",
    "complaints",
    "consents",
    "contact_events",
    "counters",
    "customer_aliases",
    "customer_merges",
    "customer_tags",
    "customers",
    "demo_marks",
    "duplicate_pairs",
    "earning_rules",
    "import_batches",
    "import_maps",
    "improvements",
    "low_feedbacks",
    "outbound_messages",
    "photos",
    "points_accounts",
    "points_allocations",
    "points_entries",
    "points_lots",
    "points_pending",
    "points_requests",
    "policy_settings",
    "products",
    "public_tokens",
    "purchase_lines",
    "purchases",
    "purpose_rules",
    "redemptions",
    "rewards",
    "rule_versions",
    "sign_ups",
    "skin_records",
    "social_accounts",
    "staff",
    "stores",
    "survey_answers",
    "survey_invitations",
    "survey_places",
    "survey_questions",
    "survey_responses",
    "survey_rules",
    "survey_sections",
    "survey_versions",
    "survey_waves",
    "surveys",
    "tags",
    "tier_benefits",
    "tier_changes",
    "tiers",
    "treatments",
    "visits",
)
LEFT_BEHIND: Mapping[str, str] = {
    "heartbeats": "when the worker was last alive",
    "import_changes": "what an import could take back, sealed",
    "job_runs": "what the machine did by itself",
    "jobs": "what the machine has to do",
    "kept_answers": "answers kept for a repetition, sealed",
    "rate_windows": "how often something was tried",
    "staff_sessions": "who is signed in",
}
"""Tables that stay, and what is in them."""
_PROMISED = {("survey_responses", "submission_id")}
"""Marked secret, and in the export all the same: other programs know an answer by it."""
_PORTION = 1000


@dataclass(frozen=True)
class Picture:
    """A photo of the shop's: the number of its row, and the key under which it lies."""

    photo_id: int
    file_key: str


def hold_still(session: Session) -> None:
    """Every question of this session is about the same moment, however busy the shop is. Call it first."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def columns_out(table: str) -> list[str]:
    """The columns of a table that leave the house, in the table's own order."""
    columns = SQLModel.metadata.tables[table].columns
    return [one.name for one in columns if not _stays(table, one)]


def columns_left(table: str) -> list[str]:
    """The columns that stay: secrets, and the marks by which the program finds what is sealed."""
    columns = SQLModel.metadata.tables[table].columns
    return [one.name for one in columns if _stays(table, one)]


def _stays(table: str, column: Any) -> bool:
    if (table, column.name) in _PROMISED:
        return False
    is_mark = isinstance(column.type, LargeBinary) and not isinstance(column.type, Encrypted)
    return is_mark or column.info.get("personal") == "secret"


def count_of(session: Session, table: str) -> int:
    """How many rows of it leave."""
    return session.execute(_rows(table).with_only_columns(func.count())).scalar_one()


def rows_of(session: Session, table: str) -> Iterator[tuple[Value, ...]]:
    """Its rows, a portion at a time; sealed texts in full, moments in UTC."""
    source = SQLModel.metadata.tables[table]
    wanted = _rows(table).with_only_columns(*(source.c[name] for name in columns_out(table))).order_by(source.c.id)
    for row in session.execute(wanted, execution_options={"yield_per": _PORTION}):
        yield tuple(_plain(value) for value in row)


def _rows(table: str) -> Select[Any]:
    source = SQLModel.metadata.tables[table]
    return select(source).where(_of_state() if table == AuditEntry.__tablename__ else true())


def _of_state() -> ColumnElement[bool]:
    """Without the lines about such exports: two of the same shop would differ by the first."""
    is_export = and_(col(AuditEntry.action) == AuditAction.EXPORT, col(AuditEntry.subject) == WHOLE_SHOP)
    return not_(is_export)


def _plain(value: Any) -> Value:
    if isinstance(value, Sealed):
        return opened(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def pictures(session: Session) -> Iterator[Picture]:
    """Every photo, in the order of the rows."""
    wanted = select(col(Photo.id), col(Photo.file_key)).order_by(col(Photo.id))
    for photo_id, file_key in session.execute(wanted, execution_options={"yield_per": _PORTION}):
        yield Picture(photo_id, file_key)


def revision_of(session: Session) -> str:
    """Which version of the tables these are."""
    return session.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
