"""The menu: only ways that are open, and cheap enough to stand on every page."""

import re
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from app.settings import Settings
from app.vocabulary import Role


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: which lines a role finds does not depend on the database's kind."""
    return sqlite_settings


def lines(page: str) -> list[str]:
    """The addresses in a page's menu."""
    return re.findall(r'class="nav-item-link" href="([^"]+)"', page)


@pytest.mark.parametrize("role", [Role.OWNER, Role.BEAUTICIAN])
def test_every_line_of_the_menu_opens(as_role: Callable[[Role], TestClient], role: Role) -> None:
    browser = as_role(role)
    addresses = lines(browser.get("/admin/").text)
    assert len(addresses) == len(set(addresses)) > 5
    assert {address: browser.get(address).status_code for address in addresses} == dict.fromkeys(addresses, 200)


def test_the_menu_marks_where_she_is_and_opens_its_section(owner: TestClient) -> None:
    page = owner.get("/admin/tier/list").text
    assert re.findall(r'href="([^"]+)" aria-current="page"', page) == ["/admin/tier/list"]
    assert re.findall(r'data-group="([^"]+)" open', page) == ["会员与消费"]


def test_the_router_is_not_asked_for_each_line(owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question walks through all routes: fifty of them were more work than the page."""
    asked = []
    ask = Request.url_for

    def counted(request: Request, name: str, /, **found_by: object) -> object:
        asked.append(name)
        return ask(request, name, **found_by)

    monkeypatch.setattr(Request, "url_for", counted)
    page = owner.get("/admin/purchase/list")
    assert len(lines(page.text)) > 30
    assert len(asked) < 5
