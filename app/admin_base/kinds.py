"""The kinds of back-office view: tables arranged freely, forms with consequences, and what happened."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, ClassVar

from sqlmodel import Session
from starlette.requests import Request

from app.admin_base.views import ShopView
from app.admin_base.writing import chosen, prepare, supplied


class SetupView(ShopView):
    """A table the owner arranges freely."""


class ActingView(ShopView):
    """A form whose saving has consequences: its values go through an action. `takes` is the value the action wants;
    its fields are filled from the form by name (`store` gives `store_id`); what it cannot be without and the form
    does not ask comes from the record."""

    takes: ClassVar[type]
    on_create: ClassVar[Callable[..., Any] | None] = None
    on_edit: ClassVar[Callable[..., Any] | None] = None
    before_create: ClassVar[Callable[[dict[str, Any], Any], dict[str, Any]] | None] = None
    """Slow work on a new form before the unit of work: hashing."""

    async def _prepared(self, request: Request, data: dict[str, Any], row: Any) -> dict[str, Any]:
        typed = await super()._prepared(request, data, row)
        before = type(self).before_create
        return await prepare(request, before, typed, row) if before and row is None else typed

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """The action for a new record."""
        action = type(self).on_create
        assert action is not None, f"{type(self).__name__} creates nothing"
        return action(session, self._value(session, typed, None), **supplied(action, 2, **typed))

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """The action for an edited record."""
        action = type(self).on_edit
        assert action is not None, f"{type(self).__name__} edits nothing"
        done = action(session, row.id, self._value(session, typed, row), **supplied(action, 3, **typed))
        return done if isinstance(done, self.model) else row

    def _value(self, session: Session, typed: Mapping[str, Any], row: Any) -> Any:
        given: dict[str, Any] = {}
        for one in fields(self.takes):
            relation, many = one.name.removesuffix("_id"), f"{one.name.removesuffix('_ids')}s"
            if one.name in typed:
                given[one.name] = typed[one.name]
            elif one.name.endswith("_id") and relation in typed:
                given[one.name] = self._chosen(session, typed[relation], relation, getattr(row, one.name, None))
            elif one.name.endswith("_ids") and many in typed:
                given[one.name] = tuple(self._chosen(session, value, many) for value in typed[many] or ())
            elif row is not None and one.default is MISSING and one.default_factory is MISSING:
                given[one.name] = getattr(row, one.name)
            # Where nothing given means nothing changes, an emptied field has to be named.
            if one.name == "emptied":
                given["emptied"] = frozenset(name for name, value in given.items() if value is None)
            # An empty field is as good as none where the value has a default of its own.
            if given.get(one.name, "") is None and one.default not in (None, MISSING):
                given[one.name] = one.default
        return self.takes(**given)

    def _chosen(self, session: Session, value: Any, relation: str, kept: int | None = None) -> int | None:
        target = self._mapper.relationships[relation].mapper.class_
        return chosen(session, target, value, relation, kept=kept) if value else None


class LedgerView(ShopView):
    """What happened: read, never edited here. Something may still be done to a record through a deed."""

    can_create = False
    can_edit = False
    can_delete = False
    column_default_sort: ClassVar[Any] = ("id", True)
