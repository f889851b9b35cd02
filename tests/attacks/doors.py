"""Every way into the shop, as addresses somebody could ask for; and what lies in its tables."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlmodel import SQLModel, select

from app.admin import VIEWS
from app.db import Database

SURVEY = "satisfaction"
SAFE = {"GET", "HEAD"}


@dataclass(frozen=True)
class Door:
    """A method and an address."""

    method: str
    path: str

    @property
    def may_change(self) -> bool:
        """Whether another site's page must not knock here: by its method, or because SQLAdmin acts on GET."""
        return self.method not in SAFE or "/action/" in self.path


def doors(app: FastAPI, shop: dict[str, int]) -> list[Door]:
    """Every route of the site and of the back office, with the numbers of records that are there."""
    found = {door for route in iter_route_contexts(app.routes) for door in _outside(route)}
    office = next(route for route in app.routes if getattr(route, "name", "") == "admin")
    found |= {door for route in office.routes for door in _inside(route, shop)}
    return sorted(found, key=lambda door: (door.path, door.method))


def _outside(route: Any) -> Iterator[Door]:
    if route.name in {"admin", "static"}:
        return
    for method in route.methods or {"GET"}:
        yield Door(method, route.path_format.format(slug=SURVEY, token="x" * 32, member_no="00000018", order_no="S-1"))


def _inside(route: Any, shop: dict[str, int]) -> Iterator[Door]:
    if not getattr(route, "methods", None):
        return
    identities = [*shop] if "{identity}" in route.path else [route.path.split("/")[1]]
    for identity in identities:
        view = next((view for view in VIEWS if view.identity == identity), None)
        for deed in [one.name for one in getattr(view, "deeds", ())] if "{deed}" in route.path else [""]:
            words = {"identity": identity, "pk": shop.get(identity, 1), "deed": deed}
            path = route.path_format.format_map(defaultdict(lambda: "1", words))
            for method in route.methods:
                yield Door(method, f"/admin{path}")


KEPT_BY_LOOKING = {
    "staff_sessions",  # when somebody was last seen
    "audit_entries",  # who was refused, and who saw whom
    "rate_windows",  # addresses that opened nothing
}


def everything(database: Database) -> dict[str, list[Any]]:
    """All rows of all tables, but for what looking itself leaves behind."""
    with database.reading() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for table in SQLModel.metadata.sorted_tables
            if table.name not in KEPT_BY_LOOKING
        }
