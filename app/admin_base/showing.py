"""How a value looks in lists and on record pages, and what hangs below a record: its children and what can be done."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import desc, select
from sqlalchemy import inspect as mapped
from sqlalchemy.orm import joinedload
from sqlmodel import Session, SQLModel
from wtforms import Form
from wtforms.fields.core import UnboundField

from app.admin_base.asking import asking, within_scope
from app.admin_base.fields import ShopForm
from app.columns import Sealed, opened
from app.i18n import Lazy, later, stamp, yuan
from app.labels import word_of
from app.rules.access import may
from app.rules.import_reports import told_faults, told_warnings
from app.rules.phones import numbers_masked

_DONE = later("已完成")
_POINTS = {"points", "balance", "balance_after", "remaining", "rows", "bytes", "size"}
"""Columns whose figures are long enough for a thousands mark."""
VEILED = later("有内容，您的角色看不到")


@dataclass(frozen=True)
class Toned:
    """A text with a tone and a sign, never colour alone. Tones: alarm, amber, jade, mute."""

    text: str
    tone: str

    def __str__(self) -> str:
        return self.text


def name_of(row: Any, kind: str = "") -> str:
    """What a record is called: by its own name, or by the kind of thing it is and its number. A table without a name of
    its own would print all its columns, health notes included."""
    own = str(row).strip() if "__str__" in type(row).__dict__ else ""
    return own or f"{kind} #{row.id}".strip()


def shown(value: Any, column: str = "") -> Any:
    """A value as people read it: the vocabulary's word, the shop's wall clock, yuan."""
    if isinstance(value, StrEnum):
        return word_of(value)
    if isinstance(value, datetime):
        return stamp(value, asking().zone)
    if isinstance(value, date):
        return value.isoformat()
    if column.endswith("_fen") and isinstance(value, int):
        return yuan(value)
    if column.endswith("_percent") and isinstance(value, int):
        return f"{value}%"
    if column in _POINTS and isinstance(value, int):
        return f"{value:,}"
    return value


def mark_of(table: Any, column: str) -> str:
    """The mark of a column of this table, none for what is no column."""
    found = mapped(table).columns.get(column)
    return "" if found is None else str(found.info.get("personal", ""))


def is_health(table: Any, column: str) -> bool:
    """Whether a column of this table is a health note."""
    return mark_of(table, column) == "health"


def readable(row: Any, column: str, value: Any, action: str = "details") -> Any:
    """A value of a record for this person: a sealed health note opened for whoever may read (or `edit`) health; all
    else that is sealed stays so, whoever asks. Numbers that somebody wrote among free words are masked for whoever may
    see none whole."""
    person = asking().person
    if isinstance(value, str) and mark_of(type(row), column) == "words":
        return value if person is not None and may(person.role, "customers", "reveal") else numbers_masked(value)
    if not isinstance(value, Sealed) or not is_health(type(row), column):
        return value
    return opened(value) if person is not None and may(person.role, "health", action) else value


def always(row: Any) -> bool:
    """Whatever the record, never out of place."""
    return True


@dataclass(frozen=True)
class Child:
    """A short list under a record: the rows of another table that belong to it, newest or first things first.

    `by` is their foreign key, `columns` what is shown with its heading, `related` the relations shown by name. `add` is
    the word on the way to a new one, offered while `add_while` says so.
    """

    title: Lazy
    by: Any  # to mypy a column of a SQLModel class is a plain value; the same for all below
    columns: Mapping[Any, Lazy]
    order: Any
    newest_first: bool = False
    limit: int = 50
    related: tuple[Any, ...] = ()
    add: Lazy | None = None
    add_while: Callable[[Any], bool] = always

    @property
    def table(self) -> Any:
        """The children's table."""
        return self.by.class_

    def rows(self, session: Session, row: SQLModel) -> list[tuple[int | None, tuple[Any, ...]]]:
        """The children of a record: number and ready values."""
        order = desc(self.order) if self.newest_first else self.order
        statement = select(self.table).where(self.by == row.id).order_by(order).limit(self.limit)  # type: ignore[attr-defined]
        statement = within_scope(statement, self.table)
        found = session.scalars(statement.options(*(joinedload(one) for one in self.related)))
        return [(one.id, tuple(shown(_value(one, column.key), column.key) for column in self.columns)) for one in found]

    def way_to_new(self, view: Any, row: Any) -> dict[str, str] | None:
        """The link to a form for a new one, for whoever may create it; None when there is none. `view` is the
        children's own register."""
        person = asking().person
        if not (self.add and self.add_while(row) and view and person and may(person.role, view.subject, "create")):
            return None
        wish = f"{self.by.key.removesuffix('_id')}={row.id}"
        return {"label": str(self.add), "href": f"/admin/{view.identity}/create?{wish}"}


def _value(row: SQLModel, key: str) -> Any:
    value = readable(row, key, getattr(row, key))
    return name_of(value) if isinstance(value, SQLModel) else value


@dataclass(frozen=True)
class Listed:
    """A short list under a record that is no table: made from the record itself."""

    title: Lazy
    headings: tuple[Lazy, ...]
    rows_of: Callable[[Any], list[tuple[Any, ...]]]

    table: None = None

    def rows(self, session: Session, row: SQLModel) -> list[tuple[int | None, tuple[Any, ...]]]:
        """The rows as ready values; they have no number."""
        return [(None, values) for values in self.rows_of(row)]

    def way_to_new(self, view: Any, row: Any) -> None:
        """None: what is made from a record is not added to."""

    @property
    def columns(self) -> Mapping[str, Lazy]:
        """Its headings, as a child has them."""
        return {str(number): heading for number, heading in enumerate(self.headings)}


@dataclass(frozen=True)
class Deed:
    """Something a person does to a record beyond editing it: a small form on its page that calls one action.

    `action(session, row_id, …)` gets the typed fields and, by name, now, policy, staff_id. `needs` is (subject,
    action) of the permission table. `before` may turn what was typed into what the action takes, outside the unit of
    work (hashing). `when` says whether the deed fits the record as it stands. With `answer`, a template, what the
    action gave is shown once on a page of its own as `given`; without, the record is shown again. `overwrites` are the
    columns it replaces: whoever opened the page before somebody else did the same is asked once more. `closes`: it takes
    the record out of use, which the page before a deletion offers instead.
    """

    name: str
    label: Lazy
    action: Callable[..., Any]
    needs: tuple[str, str]
    fields: Mapping[str, UnboundField] = field(default_factory=dict)
    done: Lazy = _DONE
    hint: Lazy | None = None
    when: Callable[[Any], bool] = always
    before: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None
    is_grave: bool = False
    answer: str = ""
    overwrites: tuple[str, ...] = ()
    closes: bool = False

    def form(self, typed: Any = None) -> Form:
        """The form, empty or as it was typed."""
        body = {name: UnboundField(one.field_class, *one.args, **one.kwargs) for name, one in self.fields.items()}
        form: Form = type("DeedForm", (ShopForm,), body)(typed)
        for one in form:  # several deeds stand on one page; names may be the same, ids may not
            one.id = one.label.field_id = f"{self.name}-{one.id}"
        return form


def rejected_rows(batch: Any) -> list[tuple[Any, ...]]:
    """The rows of a file that did not come in: number, column and why."""
    return list(islice(told_faults(_reasons(batch)), 200))


def cells_left_out(batch: Any) -> list[tuple[Any, ...]]:
    """The cells left out of rows that came in: number, column and why."""
    return list(told_warnings(_reasons(batch))[:200])


def _reasons(batch: Any) -> list[dict[str, Any]]:
    try:
        kept: list[dict[str, Any]] = json.loads(batch.rejections)
    except ValueError:
        return []
    return kept
