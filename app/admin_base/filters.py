"""Filters of a list: each one select in the search form. A value nobody offered filters nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread
from sqladmin._types import _UNSET
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy import inspect as mapped
from starlette.requests import Request

from app.admin_base.asking import within_scope
from app.admin_base.writing import supplied
from app.i18n import Lazy, gettext, later
from app.labels import choices_of
from app.models import Tag
from app.queries.scopes import celebrating, coming_week, last_days, on_days
from app.queries.tagged import needing, wearing
from app.rules.refusals import words
from app.vocabulary import CategoryOfNeed

_ALL = words("全部")


class Filter(ABC):
    """What SQLAdmin asks of a filter."""

    template: str = "sqladmin/filters/lookup_filter.html"
    has_operator = False
    default_value: Any = _UNSET

    def __init__(self, parameter_name: str, title: Lazy) -> None:
        self.parameter_name: str = parameter_name
        self.title: str = title

    async def lookups(self, request: Request, model: Any, run_query: Any) -> list[tuple[str, str]]:
        """The choices: everything first."""
        return [("all", gettext(_ALL)), *await self.choices(run_query)]

    @abstractmethod
    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """Value and words of each choice."""

    async def get_filtered_query(self, query: Select[Any], value: Any, model: Any) -> Select[Any]:
        """The list, narrowed."""
        condition = self.condition(value)
        return query if condition is None else query.where(condition)

    @abstractmethod
    def condition(self, value: str) -> ColumnElement[bool] | None:
        """What the value means; None when it means nothing."""


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

    def __init__(self, parameter_name: str, title: Lazy, **meanings: "Meaning") -> None:
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


class StandingFilter(MeaningFilter):
    """A meaning that holds until another is asked for: its first one. "All" has to be asked for too."""

    def __init__(self, parameter_name: str, title: Lazy, **meanings: "Meaning") -> None:
        super().__init__(parameter_name, title, **meanings)
        self.default_value = next(iter(meanings))

    async def get_filtered_query(self, query: Select[Any], value: Any, model: Any) -> Select[Any]:
        """The list, narrowed by what was asked or by what holds anyway."""
        return await super().get_filtered_query(query, self.default_value if value is None else value, model)


Meaning = tuple[Lazy, Callable[..., ColumnElement[bool]]]


def spans(column: Any) -> dict[str, Meaning]:
    """The usual spans of days for an instant. The dashboard's addresses use these names."""

    def on_today(today: date, zone: ZoneInfo) -> ColumnElement[bool]:
        return on_days(column, today, today, zone)

    def in_this_month(today: date, zone: ZoneInfo) -> ColumnElement[bool]:
        return on_days(column, today.replace(day=1), today, zone)

    def on_last(days: int) -> Callable[..., ColumnElement[bool]]:
        return lambda today, zone: last_days(column, timedelta(days=days), today, zone)

    return {
        "today": (later("今天"), on_today),
        "last_7_days": (later("最近 7 天"), on_last(7)),
        "this_month": (later("本月"), in_this_month),
        "last_30_days": (later("最近 30 天"), on_last(30)),
    }


def birthdays() -> dict[str, Meaning]:
    """Whose birthday is near. The dashboard's addresses use these names."""
    return {
        "today": (later("今天"), lambda today: celebrating(today, today)),
        "within_7_days": (later("7 天内"), lambda today: celebrating(*coming_week(today))),
    }


class RelationFilter(Filter):
    """By a record of a short table: tier, store, survey."""

    def __init__(self, relation: Any, title: Lazy) -> None:
        super().__init__(relation.key, title)
        self.relation = relation

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The records by name."""
        target = mapped(self.relation.class_).relationships[self.relation.key].mapper.class_
        session_maker = run_query.__self__.session_maker  # the view's: SQLAdmin's own runner would block the event loop

        def read() -> list[tuple[str, str]]:
            with session_maker() as session:
                rows = session.scalars(within_scope(select(target), target).order_by(target.id).limit(200))
                return [(str(row.id), str(row)) for row in rows]

        return await anyio.to_thread.run_sync(read)

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Pointing at that record."""
        key = mapped(self.relation.class_).relationships[self.relation.key].local_remote_pairs[0][0]
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
        return key == number if number is not None else None


class TagFilter(Filter):
    """By a tag somebody wears."""

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The tags by name."""
        session_maker = run_query.__self__.session_maker

        def read() -> list[tuple[str, str]]:
            with session_maker() as session:
                tags = session.execute(select(Tag.id, Tag.name).order_by(Tag.name))  # type: ignore[call-overload]
                return [(str(number), name) for number, name in tags]

        return await anyio.to_thread.run_sync(read)

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Wearing it."""
        return wearing(int(value)) if value.isascii() and value.isdigit() and len(value) < 10 else None


class NeedFilter(Filter):
    """By the kind of care that any of her tags is about."""

    async def choices(self, run_query: Any) -> list[tuple[str, Any]]:
        """The kinds of care."""
        return list(choices_of(CategoryOfNeed))

    def condition(self, value: str) -> ColumnElement[bool] | None:
        """Wearing a tag of that kind."""
        return needing(value) if value in set(CategoryOfNeed) else None
