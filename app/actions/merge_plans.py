"""What a merge writes down so that it can be taken back: the record that went, what the other one held before, and what
went from one to the other. Sealed texts stay sealed in it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from app.columns import Sealed

Stored = dict[str, Any]
"""A row's columns by name, as the database gives them."""


@dataclass
class Changed:
    """Columns of one row that a merge changed: what they held before and after."""

    table: str
    row_id: int
    before: Stored
    after: Stored


@dataclass
class Removed:
    """A row that a merge took away because the other record had the same."""

    table: str
    row: Stored


@dataclass
class MergePlan:
    """Everything an undo needs. `moved` has the numbers of the rows that followed, by "table.column"; `noted` those of
    the contact history that the merge itself wrote, `tiers` those of the changes of tier."""

    survivor_id: int
    absorbed: Stored
    fields: list[Changed] = field(default_factory=list)
    moved: dict[str, list[int]] = field(default_factory=dict)
    changed: list[Changed] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)
    tiers: list[int] = field(default_factory=list)

    def written(self) -> str:
        """As text, to be sealed."""
        return json.dumps(vars(self), default=_plain, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> "MergePlan":
        """A plan that was written."""
        told = json.loads(text)
        return cls(
            survivor_id=told["survivor_id"],
            absorbed=_lively("customers", told["absorbed"]),
            fields=[_changed(one) for one in told["fields"]],
            moved=told["moved"],
            changed=[_changed(one) for one in told["changed"]],
            removed=[Removed(one["table"], _lively(one["table"], one["row"])) for one in told["removed"]],
            noted=told.get("noted", []),
            tiers=told.get("tiers", []),
        )


def _plain(value: Any) -> Any:
    """What JSON has no word for; words of the vocabulary are texts already."""
    if isinstance(value, Changed | Removed):
        return vars(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return b64encode(value.as_stored() if isinstance(value, Sealed) else bytes(value)).decode()


def _changed(told: Mapping[str, Any]) -> Changed:
    table = told["table"]
    return Changed(table, told["row_id"], _lively(table, told["before"]), _lively(table, told["after"]))


def _lively(table_name: str, row: Mapping[str, Any]) -> Stored:
    table: Table = SQLModel.metadata.tables[table_name]
    return {key: _value(table.columns[key].type, value) for key, value in row.items() if key in table.columns}


def _value(kind: Any, value: Any) -> Any:
    """What was written as text, as the column holds it. Words of the vocabulary are equal to their text."""
    if not isinstance(value, str):
        return value
    if hasattr(kind, "place"):
        return Sealed(b64decode(value), kind.place)
    python = kind.impl.python_type if hasattr(kind, "impl") and not hasattr(kind, "enums") else kind.python_type
    if python is bytes:
        return b64decode(value)
    if python is datetime:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if python is date else value


def phone_given_up(*records: Stored, kept: Stored) -> bytes | None:
    """The phone of two records that is not the one kept, by its blind index. None: they had no other one."""
    phones = (one["phone_index"] for one in records)
    return next((one for one in phones if one and one != kept["phone_index"]), None)
