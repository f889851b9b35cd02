"""Filters of a list: each one select in the search form. A value nobody offered filters nothing."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import anyio.to_thread
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy import inspect as mapped
from sqlalchemy.orm import InstrumentedAttribute
from starlette.requests import Request

from app.admin_base.writing import supplied
from app.i18n import Lazy, gettext
from app.labels import choices_of
from app.rules.refusals import words

_ALL = words("全部")


class Filter:
    """What SQLAdmin asks of a filter."""

    template = "sqladmin/filters/lookup_filter.html"
    has_operator = False

    def __init__(self, parameter_name: str, title: Lazy) -> None:
        self.parameter_name, self.title = parameter_name, title

    async def lookups(self, request: Request, model: Any, run_query: Any) -> list[tuple[str, str]]:
        """The choices: everything first."""
        return [("all", gettext(_ALL)), *await self.choices(run_query)]

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """Value and words of each choice."""
        raise NotImplementedError

    async def get_filtered_query(self, query: Select[Any], value: str, model: Any) -> Select[Any]:
        """The list, narrowed."""
        condition = self.condition(value)
        return query if condition is None else query.where(condition)

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """What the value means; None when it means nothing."""
        raise NotImplementedError


class WordFilter(Filter):
    """By one word of the vocabulary."""

    def __init__(self, column: Any, title: Lazy) -> None:
        super().__init__(column.key, title)
        self.column = column
        self.enum: type[StrEnum] = column.type.enum_class

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The vocabulary's words."""
        return list(choices_of(self.enum))

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Equal to that word."""
        return self.column == self.enum(value) if value in {member.value for member in self.enum} else None


class YesFilter(Filter):
    """By yes or no."""

    def __init__(self, column: Any, title: Lazy, *, yes: Lazy, no: Lazy) -> None:
        super().__init__(column.key, title)
        self.column, self.words = column, {"1": yes, "0": no}

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """Yes and no in this column's words."""
        return list(self.words.items())

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Equal to yes or no."""
        return self.column.is_(value == "1") if value in self.words else None


class MeaningFilter(Filter):
    """By what the shop means: 今天, 逾期, 本周生日. Each choice is a condition that gets now, today, zone and policy by
    name."""

    def __init__(
        self, parameter_name: str, title: Lazy, **meanings: tuple[Lazy, Callable[..., ColumnElement[bool]]]
    ) -> None:
        super().__init__(parameter_name, title)
        self.meanings = meanings

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The meanings' words."""
        return [(value, label) for value, (label, _) in self.meanings.items()]

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """The meaning as it stands at this moment."""
        if value not in self.meanings:
            return None
        meaning = self.meanings[value][1]
        return meaning(**supplied(meaning))


class RelationFilter(Filter):
    """By a record of a short table: tier, store, survey."""

    def __init__(self, relation: InstrumentedAttribute[Any], title: Lazy) -> None:
        super().__init__(relation.key, title)
        self.relation = relation

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The records by name."""
        target = mapped(self.relation.class_).relationships[self.relation.key].mapper.class_
        session_maker = run_query.__self__.session_maker  # the view's: SQLAdmin's own runner would block the event loop

        def read() -> list[tuple[str, str]]:
            with session_maker() as session:
                return [(str(row.id), str(row)) for row in session.scalars(select(target).order_by(target.id).limit(200))]

        return await anyio.to_thread.run_sync(read)

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Pointing at that record."""
        key = mapped(self.relation.class_).relationships[self.relation.key].local_remote_pairs[0][0]
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
        return key == number if number is not None else None
