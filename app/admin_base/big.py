"""Tables of any length: counts capped, searches by index, related records looked up while typing."""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from sqladmin.ajax import QueryAjaxModelLoader
from sqladmin.pagination import Pagination
from sqlalchemy import ColumnElement, Select, Subquery, false, func, select
from sqlalchemy import inspect as mapped
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.admin_base.asking import asking, within_scope
from app.admin_base.fields import cleaned
from app.admin_base.kinds import ActingView, LedgerView, SetupView
from app.admin_base.views import ShopView
from app.admin_base.writing import LARGEST_ID
from app.rules.access import may

COUNT_CAP = 10_000
"""A narrowed list counts no further; the page then says "10,000+" and asks to narrow more."""
CACHED_FROM = 50_000
CACHED_SECONDS = 60.0

Condition = Callable[[str], ColumnElement[bool]]


class Lookup(QueryAjaxModelLoader):
    """Offers related records while somebody types, by the same index as the search of their own list. Only rows this
    person may see."""

    def __init__(self, name: str, view: ShopView, condition: Condition) -> None:
        target: Any = mapped(view.model).relationships[name].mapper.class_
        super().__init__(name, target, view, fields=("id",), order_by=("id",))
        self.condition = condition

    async def get_list(self, request: Request, term: str) -> list[Any]:
        """The first ten that fit."""
        person = asking().person
        table = self.model.__tablename__  # type: ignore[attr-defined]
        if person is None or not may(person.role, table, "list"):
            raise HTTPException(403)
        statement: Select[Any] = select(self.model).where(self.condition(cleaned(term))).limit(self.limit)
        return await self.model_admin._run_query(within_scope(statement, self.model))

    async def format_by_pk(self, pk: Any) -> dict[str, Any]:
        """What a form that came back is filled with: nothing where the person may not see whom she named."""
        text = str(pk)
        if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID):
            return {}
        wanted = within_scope(select(self.model).where(self.model.id == int(text)), self.model)  # type: ignore[attr-defined]
        found = await self.model_admin._run_query(wanted)
        return self.format(found[0]) if found else {}


class Big(ShopView):
    """What long tables add to any kind of view."""

    lookups: ClassVar[Mapping[str, Condition]] = {}
    """Relations that are looked up while typing, each with the condition that finds its records."""
    search: ClassVar[Condition | None] = None
    """The indexed condition of the search box."""

    def __init__(self) -> None:
        super().__init__()
        self._form_ajax_refs = {name: Lookup(name, self, condition) for name, condition in self.lookups.items()}
        self._ajax_relation_names = set(self._form_ajax_refs)
        self._whole = (0.0, 0)

    def search_query(self, stmt: Select[Any], term: str) -> Select[Any]:
        """Through the index, or nothing."""
        condition = type(self).search
        return stmt.where(condition(cleaned(term)) if condition and cleaned(term) else false())

    async def count(self, request: Request, stmt: Select[Any] | None = None) -> int:
        """How many rows a list has: the whole table counted now and then, a narrowed one up to the cap. SQLAdmin would
        count the whole sorted select each time."""
        if stmt is None:
            return await super().count(request)
        # list() wraps it. SQLAlchemy's own way to ask for what a select reads from compiles the whole of it.
        wrapped = next(one for one in stmt.get_children() if isinstance(one, Subquery))
        inner: Any = cast(Select[Any], wrapped.element).order_by(None)
        if inner.whereclause is None:
            return await self._count_whole()
        key = self.pk_columns[0]
        capped = inner.with_only_columns(key, maintain_column_froms=True).limit(COUNT_CAP)
        return (await self._run_query(select(func.count()).select_from(capped.subquery())))[0]

    async def _count_whole(self) -> int:
        counted_at, n = self._whole
        if n < CACHED_FROM or time.monotonic() - counted_at > CACHED_SECONDS:
            n = (await self._run_query(select(func.count()).select_from(self.model)))[0]
            self._whole = (time.monotonic(), n)
        return n

    async def list(self, request: Request) -> Pagination:
        """A page of the list, saying when nobody counted to its end."""
        page = await super().list(request)
        page.capped = page.count == COUNT_CAP and self._whole[1] != COUNT_CAP  # type: ignore[attr-defined]
        return page


class BigView(Big, ActingView):
    """A long table whose forms go through actions."""


class BigSetupView(Big, SetupView):
    """A long table that is written freely."""


class BigLedgerView(Big, LedgerView):
    """A long record of what happened."""
