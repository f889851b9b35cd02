"""How a value lies in the database: enums as words, money as fen, dangerous fields encrypted, instants in UTC.

Every free column says whether it is personal (`personal=…`) or the shop's own (`SHOP`): masking, export and
erasure read that mark, and a test fails on a column without one. Instants need no type of ours: SQLModel stores
every `datetime` as UTC and refuses one without a zone.
"""

from enum import StrEnum
from functools import cache
from typing import Any

from pydantic_core import CoreSchema, core_schema
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


MASK = "••••••"
"""What a sealed text looks like wherever somebody prints it."""
_SHORTEST_FULL = 1 + 12 + 16
"""Version, nonce and tag: what the sealed empty text is long."""


class Sealed:
    """A dangerous text as it lies in the database: it can be stored, compared and passed on, and shows as dots wherever
    it is printed. What is inside only `opened` says. Decision: docs/decisions/0009."""

    __slots__ = ("_place", "_sealed")

    def __init__(self, sealed: bytes, place: str) -> None:
        self._sealed, self._place = sealed, place

    @classmethod
    def of(cls, text: "Sealed | str", place: str) -> "Sealed":
        """A text for the column `place`; one sealed for another column is sealed anew. Raises ValueError for the dots
        themselves: a form that showed them must never store them."""
        if isinstance(text, Sealed):
            if text._place == place:
                return text
            text = text._open()
        if text == MASK:
            raise ValueError(f"the mask instead of a value for {place}")
        return cls(keys.current_keys().seal(text, place), place)

    def as_stored(self) -> bytes:
        """The sealed bytes."""
        return self._sealed

    def _open(self) -> str:
        return keys.current_keys().open(self._sealed, self._place)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"<sealed {self._place}>"

    def __format__(self, how: str) -> str:
        return format(MASK, how)

    def __bool__(self) -> bool:
        return len(self._sealed) > _SHORTEST_FULL

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sealed):
            return self._sealed == other._sealed or self._open() == other._open()
        return self._open() == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._open())

    def __reduce__(self) -> str:
        raise TypeError("a sealed text stays in its process")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, walk: Any) -> CoreSchema:
        """Rows are not validated; pydantic only wants to know that there is nothing to know."""
        return core_schema.is_instance_schema(cls, serialization=core_schema.to_string_ser_schema())


Secret = Sealed | str
"""What an encrypted column takes: plain words or sealed ones. It always gives sealed ones."""


def opened(secret: Secret | None) -> str | None:
    """The text in an encrypted column, in full: for the few places listed in `tests/test_architecture.py`. Raises
    InvalidTag with a foreign key."""
    return secret._open() if isinstance(secret, Sealed) else secret


@cache
def _sealed_places(table: type) -> dict[str, str]:
    columns = table.__table__.columns  # type: ignore[attr-defined]
    return {column.key: column.type.place for column in columns if isinstance(column.type, Encrypted)}


class Row(SQLModel):
    """What every table has: a number of its own. A dangerous text is sealed the moment a row gets it."""

    id: int | None = Field(default=None, primary_key=True)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Secret) and (place := _sealed_places(type(self)).get(name)):
            value = Sealed.of(value, place)
        super().__setattr__(name, value)


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


class Encrypted(TypeDecorator[Sealed]):
    """Text that only the key file can read (AES-256-GCM, bound to its table and column). Comes out sealed."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, place: str) -> None:
        super().__init__()
        self.place = place

    def process_bind_param(self, value: Secret | None, dialect: Any) -> bytes | None:
        """Text to sealed bytes; nothing stays nothing."""
        return None if value is None else Sealed.of(value, self.place).as_stored()

    def process_result_value(self, value: bytes | None, dialect: Any) -> Sealed | None:
        """Sealed bytes as they are: nothing is opened by loading it."""
        return None if value is None else Sealed(bytes(value), self.place)


def encrypted(place: str) -> Any:
    """The type of a dangerous column, `place` being "table.column"."""
    return Encrypted(place)


def blind_index(value: str, place: str) -> bytes:
    """What is stored beside an encrypted column so that an equal value can be found."""
    return keys.current_keys().blind_index(value, place)
