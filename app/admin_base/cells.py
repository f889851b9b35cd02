"""Records as rows of a file: the vocabulary's words, the shop's wall clock, money in yuan as a number, and nothing that the
person may not see. Column by column and without building a record for each row: that is what makes long files quick."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, DateTime, Enum, LargeBinary, String, select
from sqlalchemy import inspect as mapped
from sqlalchemy.orm import defer
from sqlmodel import Session
from starlette.requests import Request

from app.admin_base.asking import asking, within_scope
from app.admin_base.showing import is_health, mark_of, name_of
from app.columns import Encrypted, opened
from app.gateways.table_files import Cell, Portion
from app.i18n import gettext
from app.labels import word_of
from app.rules.access import may
from app.rules.exports import dialled
from app.rules.phones import numbers_masked
from app.rules.refusals import words

_Rows = Sequence[Any]
_Made = Callable[[Session, _Rows], Sequence[Cell]]
"""The cells of one column for some rows."""

_YES, _NO = words("是"), words("否")
_LIST_MARK = words("、")
_MOST_NAMES = 2_000


class Table:
    """A register's columns as cells. `sealed`: masked columns whose number comes whole, from the column beside it."""

    def __init__(self, view: Any, request: Request, columns: Sequence[str], *, sealed: Mapping[str, str]) -> None:
        self.model: Any = view.model
        self.mapper = mapped(self.model)
        self._read = self._columns_to_read(view, columns, sealed)
        self._places = {name: place for place, name in enumerate(self._read)}
        self._is_whole = bool(sealed)
        self._made = [self._cells_of(view, request, name, sealed) for name in columns]

    def portion(self, session: Session, numbers: Sequence[int]) -> Portion:
        """The records with these numbers, in this order; without those that are gone or out of sight."""
        wanted = [getattr(self.model, name) for name in self._read]
        statement = within_scope(select(*wanted).where(self.model.id.in_(numbers)), self.model)
        found = {row.id: row for row in session.execute(statement)}
        rows = [found[number] for number in numbers if number in found]
        return list(zip(*(made(session, rows) for made in self._made), strict=True))

    def _columns_to_read(self, view: Any, columns: Sequence[str], sealed: Mapping[str, str]) -> list[str]:
        """No more than the cells need. A formatter may look at any plain column."""
        needed = {"id"} | {sealed.get(name, name) for name in columns if name in self.mapper.column_attrs}
        for name in columns:
            if name in self.mapper.relationships and not self.mapper.relationships[name].uselist:
                needed.add(self._key_of(name))
        if not view.export_formatted.isdisjoint(columns):
            needed |= {
                one.key
                for one in self.mapper.column_attrs
                if not isinstance(one.columns[0].type, Encrypted | LargeBinary)
            }
        return sorted(needed)

    def _key_of(self, relation: str) -> str:
        return str(self.mapper.relationships[relation].local_remote_pairs[0][0].key)

    def _cells_of(self, view: Any, request: Request, name: str, sealed: Mapping[str, str]) -> _Made:
        if name in sealed:
            place = self._places[sealed[name]]
            return lambda session, rows: [dialled(opened(row[place]) or "") for row in rows]
        if name in view.export_formatted:
            formatter, asks = view._detail_formatters[name], view._detail_formatter_accepts_request.get(name, False)
            return lambda session, rows: [
                str(view._call_formatter(formatter, row, name, request, asks)) for row in rows
            ]
        relation = self.mapper.relationships.get(name)
        if relation is None:
            place, read = self._places[name], self._reading(name)
            return lambda session, rows: [None if row[place] is None else read(row[place]) for row in rows]
        if relation.uselist:
            return self._names_of_many(name)
        return _Names(relation.mapper.class_, self._places[self._key_of(name)])

    def _reading(self, name: str) -> Callable[[Any], Cell]:
        """How a value that is there becomes a cell. What is sealed and not this person's to read stays empty."""
        kind: Any = self.mapper.columns[name].type
        if isinstance(kind, Enum) and kind.enum_class is not None:
            members: Any = kind.enum_class
            return {member: str(word_of(member)) for member in members}.__getitem__
        if isinstance(kind, Boolean):
            return {True: gettext(_YES), False: gettext(_NO)}.__getitem__
        if isinstance(kind, Encrypted):
            person = asking().person
            is_hers = is_health(self.model, name) and person is not None and may(person.role, "health", "details")
            return opened if is_hers else lambda value: None
        if isinstance(getattr(kind, "impl", kind), DateTime):
            zone = asking().zone
            return lambda value: value.astimezone(zone).replace(tzinfo=None)
        if mark_of(self.model, name) == "words" and isinstance(kind, String) and not self._is_whole:
            return numbers_masked
        return (lambda value: Decimal(value).scaleb(-2)) if name.endswith("_fen") else lambda value: value

    def _names_of_many(self, name: str) -> _Made:
        relation, target = getattr(self.model, name), self.mapper.relationships[name].mapper.class_
        mark, place = gettext(_LIST_MARK), self._places["id"]

        def made(session: Session, rows: _Rows) -> list[Cell]:
            pairs = select(self.model.id, target).join(relation).where(self.model.id.in_([row[place] for row in rows]))
            names: dict[int, list[str]] = {}
            for number, one in session.execute(pairs.order_by(target.id)):
                names.setdefault(number, []).append(name_of(one))
            return [mark.join(names.get(row[place], ())) for row in rows]

        return made


class _Names:
    """What the records a column points at are called. The few of a short table are asked for once."""

    def __init__(self, target: Any, place: int) -> None:
        self.target, self.place = target, place
        self.known: dict[int | None, str] = {}

    def __call__(self, session: Session, rows: _Rows) -> list[Cell]:
        """The names for some rows; nothing where there is none."""
        if len(self.known) > _MOST_NAMES:
            self.known.clear()
        self.known[None] = ""
        new = {row[self.place] for row in rows} - self.known.keys()
        if new:
            heavy = [
                defer(one.class_attribute)
                for one in mapped(self.target).column_attrs
                if isinstance(one.columns[0].type, Encrypted | LargeBinary)
            ]
            statement = select(self.target).where(self.target.id.in_(new)).options(*heavy)
            self.known |= {one.id: name_of(one) for one in session.scalars(statement)}
        return [self.known[row[self.place]] for row in rows]
