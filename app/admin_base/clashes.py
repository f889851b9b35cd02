"""The page that asks which of two values holds, when two people changed the same field: what it shows, and how a
register's forms come to it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import inspect as mapped
from sqlalchemy import select
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from wtforms import Form, PasswordField
from wtforms.fields.choices import SelectFieldBase

from app.admin_base import formats
from app.admin_base.asking import asking, within_scope
from app.admin_base.deeds import place_of
from app.admin_base.merging import CHOICE, FIELD, Marks, merge
from app.admin_base.showing import name_of, shown
from app.admin_base.writing import LARGEST_ID, Refused
from app.columns import opened
from app.i18n import gettext
from app.queries.journal import LastChange, last_changes
from app.rules.refusals import words

_EMPTY = words("（空）")
_HIDDEN = words("（保存后不再显示）")
_YES, _NO = words("是"), words("否")
_MYSELF = words("您自己")


@dataclass(frozen=True)
class Clash:
    """One field both changed: what the person typed and what stands there now, in words; `sent` is what her browser
    sent for it. Who changed it and when, as far as the journal says."""

    name: str
    label: str
    typed: str
    now: str
    sent: tuple[str, ...]
    who: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Clashes:
    """What the page asks about, and the other fields somebody else changed: those keep her value, with its label."""

    asked: tuple[Clash, ...]
    kept: tuple[tuple[str, str], ...] = ()


def put_together(
    request: Request,
    place: str,
    typed: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    form: FormData,
    tell: Callable[[tuple[str, ...], tuple[str, ...]], Clashes],
    together: Iterable[Collection[str]] = (),
) -> Mapping[str, Any]:
    """What is to be saved of a form. Raises Refused when the page has to ask first; `tell` then says about what. A form
    without marks, a program's, means every field of it."""
    text = str(form.get(FIELD, ""))
    if not text:
        return typed
    marks = Marks.read(place, text)
    choices = {name: str(form.getlist(CHOICE + name)[-1]) for name in typed if CHOICE + name in form}
    found = merge(marks, typed, now, choices, together)
    if not found.clashing:
        return found.values
    request.state.opened = str(marks.anew({name: now[name] for name in found.clashing}))
    request.state.clashes = tell(found.clashing, found.kept)
    request.state.refused_status = 409
    raise Refused("")


class MergesForms:
    """A register whose edit forms are put together field by field. Mixed into `ShopView`."""

    together: ClassVar[Collection[Collection[str]]] = ()
    """Fields that mean something only with each other: a birthday and its calendar."""
    holds: ClassVar[Callable[[Session, int], Any] | None] = None
    """What must be locked before the record itself, where its action locks more than the record: everybody in the same
    order, or two of them wait for each other."""

    _mapper: Any
    _column_labels: Any
    secret_fields: ClassVar[frozenset[str]]

    async def opened_with(self, request: Request, row: Any, form: Form) -> str:
        """The marks a form carries: of the record as it is shown, or as it was when the form was first opened."""
        if request.method == "POST":
            return getattr(request.state, "opened", "") or str((await request.form()).get(FIELD, ""))
        names = [field.name for field in form]
        return str(Marks.of(place_of(row), self._values(row, names)))

    def merged(
        self, session: Session, request: Request, row: Any, typed: Mapping[str, Any], form: FormData
    ) -> Mapping[str, Any]:
        """What is to be saved. Raises Refused when somebody else changed the same field differently."""
        now = self._values(row, typed)

        def tell(clashing: tuple[str, ...], kept: tuple[str, ...]) -> Clashes:
            column = {name: self._column(name) for name in clashing}
            changes = last_changes(session, str(row.__tablename__), row.id, column.values())
            asked = (
                Clash(
                    name,
                    str(self._column_labels.get(name, name)),
                    typed=self._in_words(session, name, typed[name]),
                    now=gettext(_HIDDEN) if name in self.secret_fields else self._in_words(session, name, now[name]),
                    sent=tuple(str(one) for one in form.getlist(name)),
                    **_told(changes.get(column[name])),
                )
                for name in clashing
            )
            others = ((str(self._column_labels.get(one, one)), self._in_words(session, one, now[one])) for one in kept)
            return Clashes(tuple(asked), tuple(others))

        values = put_together(request, place_of(row), typed, now, form=form, tell=tell, together=self.together)
        untouched = {name for name in self.secret_fields & values.keys() if values[name] is not typed[name]}
        return {name: value for name, value in values.items() if name not in untouched}

    def _values(self, row: Any, names: Iterable[str]) -> dict[str, Any]:
        """What the record holds, as a form would bring it."""
        values: dict[str, Any] = {}
        for name in names:
            relation = self._mapper.relationships.get(name)
            if relation is None:
                if name in self._mapper.columns:
                    value = getattr(row, name)
                    values[name] = value if name in self.secret_fields else opened(value)
            elif relation.uselist:
                values[name] = [str(one.id) for one in getattr(row, name)]
            else:
                key = getattr(row, self._column(name))
                values[name] = None if key is None else str(key)
        return values

    def _column(self, name: str) -> str:
        """The column a form field is kept in."""
        relation = self._mapper.relationships.get(name)
        return name if relation is None or relation.uselist else relation.local_remote_pairs[0][0].key

    def _in_words(self, session: Session, name: str, value: Any) -> str:
        if value in (None, "", []):
            return gettext(_EMPTY)
        if isinstance(value, bool):
            return gettext(_YES if value else _NO)
        relation = self._mapper.relationships.get(name)
        if relation is None:
            return str(shown(value, name))
        target = relation.mapper.class_
        ids = [int(one) for one in (value if relation.uselist else [value]) if _is_id(one)]
        rows = session.scalars(within_scope(select(target).where(mapped(target).primary_key[0].in_(ids)), target))
        return "、".join(name_of(one) for one in rows) or gettext(_EMPTY)  # data: a list mark


def _told(change: LastChange | None) -> dict[str, Any]:
    if change is None:
        return {}
    person = asking().person
    is_me = person is not None and change.staff_id == person.staff_id
    return {"who": gettext(_MYSELF) if is_me else formats.actor(change, ""), "at": change.at}


def _is_id(value: Any) -> bool:
    text = str(value)
    return text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID


def typed_words(form: Form) -> list[tuple[str, str]]:
    """What somebody typed, by label, for her to copy: no password, nothing that is empty."""
    told = []
    for field in form:
        sent = [str(one) for one in field.raw_data or () if isinstance(one, str) and one not in ("", "__None")]
        if sent and not isinstance(field, PasswordField):
            choices = (
                field.iter_choices() if isinstance(field, SelectFieldBase) and not hasattr(field, "loader") else ()
            )
            labels = {str(choice[0]): str(choice[1]) for choice in choices}
            told.append((str(field.label.text), "、".join(labels.get(one, one) for one in sent)))  # data: a list mark
    return told
