"""Registers that are arranged as a draft and then frozen: what is new starts from a draft, and what is frozen offers no
buttons that could only refuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import anyio.to_thread
from sqlalchemy import ColumnElement
from sqlmodel import Session
from starlette.datastructures import URL
from starlette.requests import Request
from wtforms import Form

from app.admin_base.asking import asking, reach
from app.admin_base.kinds import ActingView
from app.admin_base.showing import always
from app.i18n import Lazy


@dataclass(frozen=True)
class Choice:
    """What a new record may belong to. `rows` finds it among those a condition lets through, best first, as objects with
    `id` and `title`; `none` is said when there is nothing to choose."""

    rows: Callable[[Session, ColumnElement[bool]], tuple[Any, ...]]
    none: Lazy


class DraftView(ActingView):
    """A register of drafts, or of what a draft is made of."""

    choices: ClassVar[Mapping[str, Choice]] = {}
    """Relations that offer only some records on a new form. `?relation=number` in the address chooses one."""
    opens_once_created: ClassVar[bool] = False
    """Whether saving a new record leads to its page instead of the list."""
    changes_while: ClassVar[Callable[[Any], bool]] = always
    """Whether the record as it stands may still be edited at all."""
    goes_while: ClassVar[Callable[[Any], bool]] = always
    """Whether the record as it stands may still be deleted."""

    async def check_can_edit(self, request: Request, model: Any) -> bool:
        """Offered only while it can be. At the form's own address the action refuses, and says why."""
        may = await super().check_can_edit(request, model)
        return may and (self._is_at(request, "edit") or type(self).changes_while(model))

    async def check_can_delete(self, request: Request, model: Any) -> bool:
        """Offered only while it can be. At the deletion's own address the rule refuses, and says why."""
        may = await super().check_can_delete(request, model)
        return may and (self._is_at(request, "delete") or type(self).goes_while(model))

    def _is_at(self, request: Request, action: str) -> bool:
        return f"/{self.identity}/{action}" in request.url.path

    async def scaffold_form(self, rules: list[str] | None = None) -> type[Form]:
        """The form; a new one with what may be chosen."""
        form = await super().scaffold_form(rules)
        for name, choice in self.choices.items():
            field = getattr(form, name, None)
            if field is None:
                continue
            offered = await anyio.to_thread.run_sync(self._offered, choice, self._mapper.relationships[name])
            field.kwargs["data"] = offered
            wished = asking().query.get(name)
            field.kwargs["default"] = wished if wished in dict(offered) else None
            if not offered:
                field.kwargs["description"] = choice.none
        return form

    def _offered(self, choice: Choice, relation: Any) -> list[tuple[str, str]]:
        within = reach(relation.mapper.class_)
        with self.database.reading() as session:
            rows = choice.rows(session, within)
            return [(str(one.id), one.title) for one in rows]

    def next_page(self, request: Request, row: Any, address: URL) -> URL:
        """Where saving leads: another form keeps what was chosen, a new record may open its own page."""
        if address.path.endswith("/create"):
            return address.include_query_params(**{name: getattr(row, f"{name}_id") for name in self.choices})
        is_new = request.url.path.endswith("/create") and address.path.endswith("/list")
        if is_new and self.opens_once_created and self.has_permission(request, "details"):
            return URL(f"/admin/{self.identity}/details/{row.id}")
        return address
