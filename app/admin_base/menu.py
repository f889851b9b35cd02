"""The menu beside every page: what this person may open, in the views' order, and where she is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqladmin import BaseView
from sqladmin._menu import ItemMenu, ViewMenu
from sqladmin.models import ModelView
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.routing import BaseRoute, Route


class FixedLine(ViewMenu):
    """One line of the menu, whose address is written down once. SQLAdmin asks the router for it, which walks through all
    routes: for every line of every page that was more work than the page."""

    def __init__(self, view: BaseView | ModelView, routes: Iterable[BaseRoute], *, mounted_at: str) -> None:
        super().__init__(view=view, name=view.name, icon=view.icon)
        name, found_by = ("list", {"identity": view.identity}) if view.is_model else (f"view-{view.identity}", {})
        ways = [one for one in routes if isinstance(one, Route) and one.name == name]
        # A page of one record has no address without it: such a view is in no menu.
        way = next((one for one in ways if set(one.param_convertors) == set(found_by)), None)
        self._address = URL(mounted_at + way.url_path_for(name, **found_by) if way else "")

    def url(self, request: Request) -> URL:
        """Where it leads."""
        return self._address


@dataclass(frozen=True)
class ShownLine:
    """A line as it is drawn; `waiting` is how many wait there, in figures, empty for nobody."""

    name: Any
    icon: str | None
    address: str
    is_here: bool
    waiting: str


@dataclass(frozen=True)
class ShownGroup:
    """A section of the menu with its lines. `key` is what a browser remembers it by."""

    key: Any
    name: Any
    icon: str | None
    is_open: bool
    lines: list[ShownLine]


def shown_menu(items: Iterable[ItemMenu], request: Request) -> list[ShownLine | ShownGroup]:
    """What the person who asks sees of the menu: no line that she may not follow, no section without a line."""
    seen: list[ShownLine | ShownGroup] = []
    for item in items:
        if isinstance(item, FixedLine):
            seen += _shown_lines([item], request)
        elif lines := _shown_lines(item.children, request):
            seen.append(ShownGroup(item.name, item.display_name, item.icon, item.is_active(request), lines))
    return seen


def _shown_lines(items: Iterable[Any], request: Request) -> list[ShownLine]:
    return [
        ShownLine(
            one.display_name,
            one.icon,
            one.url(request).path,
            one.is_active(request),
            one.view.badge(request) if hasattr(one.view, "badge") else "",
        )
        for one in items
        if one.is_visible(request) and one.is_accessible(request)
    ]
