"""Every route, every identity, every method: the answer is what `rules.access` says, and a door nobody wrote down there
is shut. Generated from the routes as they stand, so that a new one cannot be forgotten."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from app.admin_base.hiding import sees
from app.admin_base.permissions import needs_of, subject_of, way_of
from app.db import Database
from app.models import Customer, SurveyResponse, Visit
from app.rules.access import HIDDEN, KEYED, OPEN, WAYS, Way, may
from app.settings import Settings
from app.vocabulary import Role, VisitOutcome

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
MISSING = 987_654
"""A record that is not there: whoever may knock hears so, and nothing is changed."""
SWITCHES = {"create": "can_create", "edit": "can_edit", "delete": "can_delete"}
CHANGES_WHO_ASKS = {"logout"}
LED_TO = {
    "",
    "/admin/demo",
    "/admin/desk/photos",
    "/admin/desk/merge",
    "/admin/desk/tagged",
    "/admin/desk/tag-rule",
    "/admin/desk/points-totals",
}
"""In no menu: nothing is made up here, and a customer's page leads to the others."""
ASK_FOR_A_KEY = {"/metrics"}
"""Outside the back office: no account helps, only the key in the settings."""
DESCRIPTION = "/api/v1/openapi.json"
OUTSIDE = {
    "member_no": "no-such-number",
    "order_no": "no-such-order",
    "slug": "no-such-survey",
    "token": "no-such-token",
}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: who may knock does not depend on the database's kind. Whose rows are behind a door does, see
    test_stores.py."""
    return sqlite_settings


@dataclass(frozen=True)
class Knock:
    """A request, and what it asks for: `way` None is open to everybody, `is_made` False a method the route has not."""

    path: str
    method: str
    way: Way | None
    view: Any = None
    deed: Any = None
    is_made: bool = True

    def opens_to(self, role: Role | None) -> bool:
        """What the table says."""
        if self.way is None:
            return True
        if role is None:
            return False
        if self.way.by_deed:
            return self.deed is not None and may(role, *self.deed.needs)
        subject = subject_of(self.view) if self.view is not None else ""
        needs = needs_of(self.way, self.method, subject) or ()
        return any(may(role, *grant) and self._is_on(grant[1]) for grant in needs)

    def _is_on(self, action: str) -> bool:
        switch = SWITCHES.get(action)
        return not (switch and self.view is not None and self.view.is_model) or getattr(self.view, switch)


def office_of(app: FastAPI) -> Any:
    """The back office behind the site."""
    mount = next(route for route in app.routes if getattr(route, "name", "") == "admin")
    return mount.app.state.back_office


def inner_routes(app: FastAPI) -> list[Any]:
    """The back office's own routes."""
    return next(route for route in app.routes if getattr(route, "name", "") == "admin").routes


def outer_routes(app: FastAPI) -> list[Any]:
    """Everything else."""
    return [route for route in iter_route_contexts(app.routes) if route.name != "admin"]


def unlisted(app: FastAPI) -> set[str]:
    """Routes `rules.access` has no word about."""
    identities = [view.identity for view in office_of(app).views]
    inner = {route.name for route in inner_routes(app)} - set(OPEN)
    return {name for name in inner if way_of(name, identities)[0] not in WAYS} | {
        f"{method} {route.name}"
        for route in outer_routes(app)
        for method in (route.methods or {"GET"}) - {"HEAD"}
        if method not in {*OPEN.get(route.name, ()), *KEYED.get(route.name, ())}
    }


def address_in_menu(app: FastAPI, view: Any) -> str:
    """Where the menu leads; empty for a register a page of ours leads to and for a page about one thing, whose address has
    a hole."""
    if view.is_model:
        return f"/admin/{view.identity}/list" if view.in_menu else ""
    own = (route for route in inner_routes(app) if route.name == f"view-{view.identity}" and "GET" in route.methods)
    return next((f"/admin{route.path}" for route in own if "{" not in route.path), "")


def knocks(app: FastAPI) -> Iterator[Knock]:
    """Every way in: reading and writing at each register, and whatever else a browser can send at one of them."""
    outer: dict[str, set[str]] = {}
    for route in outer_routes(app):
        outer.setdefault(route.path.replace(":path}", "}").format(**OUTSIDE), set()).update(route.methods or METHODS)
    outer["/api/v1/customers/lookup"].add("GET")  # it could be a member's number
    for path, made in outer.items():
        for method in METHODS if made != set(METHODS) else ("GET",):
            yield Knock(path, method, None, is_made=method in made)
    views = {view.identity: view for view in office_of(app).views}
    tried: set[str] = set()
    for route in inner_routes(app):
        name, identity = way_of(route.name, views)
        if not isinstance(route, Route) or name in CHANGES_WHO_ASKS:
            continue
        way = None if route.name in OPEN else WAYS[name]
        at = [view for view in views.values() if view.is_model] if "{identity}" in route.path else [views.get(identity)]
        for view in at:
            for deed in view.deeds if way is not None and way.by_deed else (None,):
                yield from _of_each_method(route, way, view, deed, every=name not in tried)
                tried.add(name)


def _of_each_method(route: Route, way: Way | None, view: Any, deed: Any, *, every: bool) -> Iterator[Knock]:
    made = set(route.methods or ())
    words = {
        "identity": view.identity if view else "",
        "deed": deed.name if deed else "",
        "pk": MISSING,
        "photo": MISSING,
        "redemption": MISSING,
        "entry": MISSING,
    }
    path = "/admin" + route.path_format.format(**OUTSIDE, **words)
    # At the first register every method; at the others one for each grant that is asked for, writing before reading.
    needed = {way.read if way and method == "GET" else way and way.write: method for method in sorted(made - {"HEAD"})}
    for method in METHODS if every else needed.values():
        yield Knock(f"{path}?pks={MISSING}&name=customer&term=a", method, way, view, deed, is_made=method in made)


def heard(answer: Any) -> str:
    """What somebody who knocks is told."""
    if answer.status_code == 401:
        return "show a key"
    if answer.status_code in {403, 405}:
        return {403: "not for you", 405: "no such method"}[answer.status_code]
    if answer.status_code == 303 and answer.headers["location"].startswith("/admin/login"):
        return "who are you"
    return "broken" if answer.status_code >= 500 and answer.status_code != 503 else "come in"


def told(knock: Knock, role: Role | None) -> str:
    """What the table has them told."""
    if not knock.is_made:
        return "no such method"
    if knock.path.startswith("/api/") and knock.path != DESCRIPTION:
        return "show a key"
    if knock.path in ASK_FOR_A_KEY:
        return "not for you"
    if knock.opens_to(role):
        return "come in"
    return "who are you" if role is None else "not for you"


def test_every_route_has_its_entry(app: FastAPI) -> None:
    assert unlisted(app) == set()


@pytest.mark.parametrize("role", [*Role, None])
def test_every_door_answers_as_the_table_says(
    app: FastAPI, as_role: Callable[[Role], TestClient], shop: dict[str, int], role: Role | None
) -> None:
    wrong = []
    with as_role(role or Role.OWNER) as browser:
        if role is None:
            browser.cookies.clear()
        for knock in knocks(app):
            answer = browser.request(knock.method, knock.path)
            if heard(answer) != told(knock, role):
                wrong.append(f"{knock.method} {knock.path}: {answer.status_code}, not {told(knock, role)}")
        # Whoever came in is still in: nothing above ended a session, and the refusals were the table's.
        assert role is None or browser.get("/admin/").status_code == 200
    assert wrong == []


@pytest.mark.parametrize("role", Role)
def test_the_menu_shows_what_opens_and_nothing_else(
    app: FastAPI, as_role: Callable[[Role], TestClient], role: Role
) -> None:
    menu = set(re.findall(r'class="nav-item-link" href="([^"]+)"', as_role(role).get("/admin/").text))
    opens = {
        address_in_menu(app, view)
        for view in office_of(app).views
        if may(role, subject_of(view), "list" if view.is_model else "view")
    }
    assert menu - LED_TO == opens - LED_TO


def test_the_matrix_knocks_at_every_register_and_page(app: FastAPI) -> None:
    reached = {knock.view.identity for knock in knocks(app) if knock.view is not None}
    assert reached == {view.identity for view in office_of(app).views}
    assert {knock.method for knock in knocks(app) if knock.is_made} >= {"GET", "HEAD", "POST", "DELETE"}


def test_a_route_nobody_wrote_down_is_shut_even_for_the_owner(app: FastAPI, owner: TestClient) -> None:
    office = office_of(app)

    async def forgotten(request: Any) -> PlainTextResponse:
        return PlainTextResponse("everything")

    new = [Route("/customer/everything", forgotten, name="view-customer-forgotten")]
    office.permissions.guard(new)
    office.admin.router.routes[:0] = new
    app.get("/everything", name="everything:show")(forgotten)
    assert unlisted(app) == {"view-customer-forgotten", "GET everything:show"}
    assert owner.get("/admin/customer/everything").status_code == 403
    assert owner.get("/everything").status_code == 403


# ── Columns ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", Role)
def test_no_filter_and_no_short_list_shows_what_the_role_does_not_see(app: FastAPI, role: Role) -> None:
    for view in office_of(app).views:
        if not view.is_model or not may(role, view.subject, "list"):
            continue
        for one in view.column_filters:
            attribute = getattr(one, "column", None) or getattr(one, "relation", None)
            assert attribute is None or sees(role, view.model, attribute.key), f"{view.identity} {one.parameter_name}"
        for child in view.children:
            if child.table is not None and may(role, child.table.__tablename__, "list"):
                for column in child.columns:
                    assert sees(role, child.table, column.key), f"{view.identity} {column.key}"


@pytest.fixture
def answered(database: Database, shop: dict[str, int], people: dict[Role, int], real_now) -> int:
    """An answer with a name on it, by a customer the beautician served."""
    with database.writing() as session:
        response = session.get(SurveyResponse, shop["survey-response"])
        response.customer_id, response.contact_name, response.contact_masked = shop["customer"], "李女士", "139****1111"
        customer = session.get(Customer, shop["customer"])
        customer.email, customer.address, customer.note = "li@example.cn", "南京西路一号", "喜欢靠窗"
    return shop["survey-response"]


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.MARKETER])
def test_answers_come_without_who_gave_them(
    as_role: Callable[[Role], TestClient], owner: TestClient, answered: int, role: Role
) -> None:
    reader = as_role(role)
    known = {"list": {"139****1111", "王小丽"}, f"details/{answered}": {"李女士", "139****1111", "王小丽"}}
    for path, words in known.items():
        page, whole = (one.get(f"/admin/survey-response/{path}") for one in (reader, owner))
        assert page.status_code == whole.status_code == 200
        assert {word for word in words if word in whole.text} == words
        assert {word for word in words if word in page.text} == set()


def test_an_auditor_sees_who_a_customer_is_and_no_more(
    as_role: Callable[[Role], TestClient], owner: TestClient, answered: int, shop: dict[str, int]
) -> None:
    path = f"/admin/customer/details/{shop['customer']}"
    page, whole = as_role(Role.AUDITOR).get(path).text, owner.get(path).text
    assert "王小丽" in page
    for word in ("li@example.cn", "南京西路一号", "喜欢靠窗"):
        assert word in whole
        assert word not in page
    assert set(HIDDEN["customers"]) == {Role.AUDITOR}


def test_the_effect_of_a_visit_is_health_and_veiled(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int]
) -> None:
    with database.writing() as session:
        session.get(Visit, shop["visit"]).outcome = VisitOutcome.REACTION
    page = as_role(Role.RECEPTION).get(f"/admin/visit/details/{shop['visit']}").text
    assert "有不适反应" not in page
    assert "有不适反应" in as_role(Role.MANAGER).get(f"/admin/visit/details/{shop['visit']}").text
