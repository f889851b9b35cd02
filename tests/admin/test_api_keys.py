"""Keys of tills in the back office: made by the owner, shown once, taken back."""

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.db import Database
from app.models import ApiKey, AuditEntry
from app.settings import Settings
from app.vocabulary import Role


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: what a key is found by is the same on both."""
    return sqlite_settings


def made(owner: TestClient) -> int:
    """A new key's number, as the owner makes one."""
    answer = owner.post("/admin/api-key/create", data={"name": "前台收银机", "save": "保存"})
    assert answer.status_code == 303, answer.text
    return int(re.fullmatch(r"/admin/api-key/details/(\d+)", answer.headers["location"])[1])


def issued(owner: TestClient, number: int) -> str:
    """The key, as it is shown once."""
    page = owner.post(f"/admin/api-key/do/issue/{number}")
    assert page.status_code == 200
    [key] = re.findall(r"rouge_[\w-]{43}", page.text)
    return key


def opens(app: FastAPI, key: str) -> bool:
    """Whether a program comes in with it."""
    heads = {"Authorization": f"Bearer {key}"}
    return TestClient(app).get("/api/v1/customers/1", headers=heads).status_code == 404


def test_the_owner_makes_a_key_that_is_shown_once_and_opens(
    app: FastAPI, owner: TestClient, database: Database
) -> None:
    key = issued(owner, made(owner))
    assert opens(app, key)
    for page in ("list", "details/1"):
        shown = owner.get(f"/admin/api-key/{page}").text
        assert "前台收银机" in shown
        assert key not in shown
    with database.reading() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.subject == "api_keys")).all()
    assert len(entries) == 2
    assert all(entry.staff_id for entry in entries)
    assert key not in "".join(entry.changes for entry in entries)


def test_a_key_made_anew_ends_the_one_before_and_a_revoked_one_cannot_be(app: FastAPI, owner: TestClient) -> None:
    number = made(owner)
    first, second = issued(owner, number), issued(owner, number)
    assert (opens(app, first), opens(app, second)) == (False, True)
    assert owner.post(f"/admin/api-key/do/revoke/{number}").status_code == 303
    assert not opens(app, second)
    assert owner.post(f"/admin/api-key/do/issue/{number}").status_code == 422
    assert "生成密钥" not in owner.get(f"/admin/api-key/details/{number}").text


def test_a_name_is_given_once(owner: TestClient, database: Database) -> None:
    made(owner)
    again = owner.post("/admin/api-key/create", data={"name": "前台收银机", "save": "保存"})
    assert again.status_code == 422
    assert "这个名字的密钥已经有了" in again.text
    with database.reading() as session:
        assert len(session.exec(select(ApiKey)).all()) == 1


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.MARKETER, Role.AUDITOR])
def test_nobody_but_the_owner_makes_or_takes_back(
    owner: TestClient, as_role: Callable[[Role], TestClient], role: Role
) -> None:
    number = made(owner)
    other = as_role(role)
    assert other.get("/admin/api-key/list").status_code == (200 if role is Role.AUDITOR else 403)
    for deed in ("issue", "revoke"):
        assert other.post(f"/admin/api-key/do/{deed}/{number}").status_code == 403
    assert other.post("/admin/api-key/create", data={"name": "x"}).status_code == 403
