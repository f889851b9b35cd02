"""A row's columns as JSON and back: what an import or a merge must be able to put back as it was. Sealed texts stay sealed,
so that nothing is opened by keeping it."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, Enum, LargeBinary
from sqlmodel import SQLModel

from app.columns import Encrypted, Sealed


def kept(values: Mapping[str, Any]) -> str:
    """Columns with their values as JSON: dates and instants as ISO, bytes and sealed texts as hexadecimals."""
    return json.dumps(values, ensure_ascii=False, default=_plain, separators=(",", ":"))


def given_back(table: type[SQLModel], text: str) -> dict[str, Any]:
    """The columns of a table kept by `kept`, as a row takes them; a key that is no column stays as it is."""
    columns = table.__table__.columns  # type: ignore[attr-defined]
    told = json.loads(text)
    return {
        name: _typed(columns[name].type, value) if value is not None and name in columns else value
        for name, value in told.items()
    }


def columns_of(row: SQLModel) -> dict[str, Any]:
    """Every column of a row but its number."""
    return {name: getattr(row, name) for name in type(row).model_fields if name != "id"}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sealed):
        return value.as_stored().hex()
    raise TypeError(f"a row holds no {type(value).__name__}")


def _typed(kind: Any, value: Any) -> Any:
    if isinstance(kind, Encrypted):
        return Sealed(bytes.fromhex(value), kind.place)
    if isinstance(kind, LargeBinary):
        return bytes.fromhex(value)
    if isinstance(kind, Enum) and kind.enum_class:
        return kind.enum_class(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, DateTime) or type(kind).__name__ == "UTCDateTime":
        return datetime.fromisoformat(value)
    return value
