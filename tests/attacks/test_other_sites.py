"""A page of another site, open in the browser of somebody who is signed in, changes nothing; nor does any link."""

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.audit import AuditEntry
from app.db import Database
from app.models import Tag
from app.routes.guard import OriginGuard
from app.vocabulary import AuditAction
from tests.attacks.doors import Door, doors, everything

FROM_ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://shop.testserver", "Sec-Fetch-Site": "same-site"},
    {"Origin": "", "Referer": "https://evil.example/testserver"},
]
NEW_TAG = {"name": "坏", "category": "skin", "save": "保存"}


def test_every_form_and_every_action_refuses_another_sites_page(
    app: FastAPI, owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    before = everything(database)
    unsafe = [door for door in doors(app, shop) if door.may_change]
    assert len(unsafe) > 100
    let_in = [
        (door, headers)
        for door in unsafe
        for headers in FROM_ELSEWHERE
        # A program's calls ask for a key, which no browser adds by itself: there a sign-in is nothing.
        if owner.request(door.method, door.path, headers=headers).status_code
        not in ({401, 429} if door.path.startswith("/api/") else {403})
    ]
    assert let_in == []
    assert everything(database) == before


def test_without_the_guard_another_sites_page_would_write(app: FastAPI, owner: TestClient, database: Database) -> None:
    """The negative control: the same request, the guard taken out."""
    app.user_middleware[:] = [one for one in app.user_middleware if one.cls is not OriginGuard]
    assert owner.post("/admin/tag/create", data=NEW_TAG, headers=FROM_ELSEWHERE[0]).status_code == 303
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "坏")).one()


def _ways_to_look(app: FastAPI, shop: dict[str, int]) -> list[str]:
    """The address of every door, with what SQLAdmin's pages and actions are asked for behind it."""
    paths = {door.path for door in doors(app, shop)}
    return sorted(f"{path}?pks=1&deed=delete&save=1&name=customer&term=a&search=a&sortBy=id" for path in paths)


def test_looking_changes_nothing(app: FastAPI, owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    before = everything(database)
    assert sum(map(len, before.values())) > 50
    with database.reading() as session:
        last = max(session.exec(select(AuditEntry.id)))
    browser = TestClient(app, raise_server_exceptions=False, follow_redirects=False, cookies=dict(owner.cookies))
    answers = {path: browser.get(path).status_code for path in _ways_to_look(app, shop)}
    after = everything(database)
    assert [name for name, rows in after.items() if rows != before[name]] == []
    with database.reading() as session:
        noted = set(session.exec(select(AuditEntry.action).where(AuditEntry.id > last)))
    assert noted.isdisjoint({AuditAction.CREATE, AuditAction.UPDATE, AuditAction.DELETE, AuditAction.EXPORT})
    assert [path for path, status in answers.items() if status >= 500 and status != 503] == []
    assert sum(status == 200 for status in answers.values()) > 50, "the walk saw pages"
    assert browser.get("/admin/").status_code == 200, "and is still signed in"


def test_a_changed_row_would_be_seen(database: Database, shop: dict[str, int]) -> None:
    """The negative control of the walk: one letter in one row is a difference."""
    before = everything(database)
    with database.writing() as session:
        session.get(Tag, shop["tag"]).name = "改"
    assert [name for name, rows in everything(database).items() if rows != before[name]] == ["tags"]


@pytest.mark.parametrize("door", [Door("POST", "/admin/logout"), Door("POST", "/admin/tag/create")])
def test_a_form_of_our_own_is_let_in(owner: TestClient, door: Door) -> None:
    """The other half of the control: it is the guard that refuses, not the request."""
    answer = owner.request(door.method, door.path, data=NEW_TAG, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303
