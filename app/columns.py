"""How a value lies in the database: enums as words, money as fen, dangerous fields encrypted, instants in UTC.

Every free column says whether it is personal (`personal=…`) or the shop's own (`SHOP`): masking, export and
erasure read that mark, and a test fails on a column without one. Instants need no type of ours: SQLModel stores
every `datetime` as UTC and refuses one without a zone.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import Enum, LargeBinary, MetaData, String, Table, event
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from app import keys

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


@event.listens_for(Table, "before_parent_attach")
def _give_no_number_twice(table: Table, parent: MetaData) -> None:
    """SQLite hands the number of a deleted last row to the next one: a lost card would open another customer's page, the
    journal would speak of somebody else. AUTOINCREMENT forbids that, in migrations too."""
    table.dialect_kwargs["sqlite_autoincrement"] = True


class Row(SQLModel):
    """What every table has: a number of its own."""

    id: int | None = Field(default=None, primary_key=True)


SHOP: dict[str, Any] = {"info": {"personal": ""}}
"""Mark of a column that says nothing about a customer: `Field(sa_column_kwargs=SHOP)`."""


def personal(kind: str) -> dict[str, Any]:
    """Mark of a personal column. Kinds: name, contact, birth, trait, health, words, trace, secret."""
    return {"info": {"personal": kind}}


def word(enum: type[StrEnum]) -> Any:
    """A StrEnum as VARCHAR with a CHECK on its values: `Field(sa_type=word(Role))`."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=20,
        name=enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def ordered_text(length: int) -> Any:
    """Text compared letter by letter on both databases, whatever the server's language: "begins with" is a range of an
    ordinary index then. `Field(sa_type=ordered_text(80))`."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Encrypted(TypeDecorator[str]):
    """Text that only the key file can read (AES-256-GCM, bound to its table and column)."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        """Text to sealed bytes; nothing stays nothing."""
        return None if value is None else keys.current_keys().seal(value, self.place)

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        """Sealed bytes to text; raises InvalidTag with a foreign key."""
        return None if value is None else keys.current_keys().open(value, self.place)


def encrypted(place: str) -> Any:
    """The type of a dangerous column, `place` being "table.column"."""
    return Encrypted(place)


def blind_index(value: str, place: str) -> bytes:
    """What is stored beside an encrypted column so that an equal value can be found."""
    return keys.current_keys().blind_index(value, place)
