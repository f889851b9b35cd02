"""The owner's permission screen says what the table says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.admin_base import access_page
from app.admin_base.access_page import role_in_words
from app.rules.access import PERMISSIONS, Scope, may
from app.settings import Settings
from app.vocabulary import Role


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: nothing here depends on the database's kind."""
    return sqlite_settings


@pytest.fixture
def views(app: FastAPI) -> list[Any]:
    """What is declared in the back office."""
    mount = next(route for route in app.routes if getattr(route, "name", "") == "admin")
    return mount.app.state.back_office.views


def lines(role: Role, views: list[Any]) -> dict[str, tuple[tuple[str, ...], str]]:
    """Subject's name → what may be done, and of which rows."""
    return {line.name: (line.deeds, line.scope) for _, group in role_in_words(role, views).groups for line in group}


def section(page: str, role: Role) -> str:
    """A role's part of the page, as read."""
    start = page.index(f'id="role-{role.value}"')
    return re.sub(r"<[^>]+>|\s+", " ", page[start : page.index("</details>", start)])


def test_every_subject_has_its_words(views: list[Any]) -> None:
    assert {subject for subject, _ in PERMISSIONS} <= set(access_page._subjects(views))
    # The journal is one thing to people, a page and a table to the machine; so are tags and likely duplicates.
    assert len(lines(Role.OWNER, views)) == len({name for name, _ in access_page._subjects(views).values()})


@pytest.mark.parametrize("role", Role)
def test_the_journal_stands_there_once_with_all_its_deeds(views: list[Any], role: Role) -> None:
    told = [line for _, group in role_in_words(role, views).groups for line in group if line.name == "操作日志"]
    assert len(told) == int(may(role, "journal", "view"))
    assert all(("核对" in line.deeds) is may(role, "journal", "do") for line in told)
    assert all(("导出" in line.deeds) is may(role, "audit_entries", "export") for line in told)


@pytest.mark.parametrize("role", Role)
def test_each_role_is_told_what_it_has(views: list[Any], role: Role) -> None:
    told = role_in_words(role, views)
    assert told.sees_health is may(role, "health", "details")
    assert told.groups
    narrowed = {line.scope for _, group in told.groups for line in group if line.is_narrowed}
    assert bool(narrowed) is any(roles.get(role, Scope.ALL) is not Scope.ALL for roles in PERMISSIONS.values())
    assert not set(told.unseen) & set(lines(role, views))


def test_the_page_says_it_in_words(owner: TestClient) -> None:
    page = owner.get("/admin/access").text
    assert re.search(r"顾客 +看、新增、修改、查看完整号码、导出、导入 +只看自己门店的", section(page, Role.MANAGER))
    beautician = section(page, Role.BEAUTICIAN)
    assert re.search(r"顾客 +看 +只看自己服务过的", beautician)
    assert re.search(r"投诉与反馈 +新增 +只看自己门店的", beautician)
    assert "问卷回答里的：顾客、称呼、联系电话" in beautician
    assert "只知道有没有" in section(page, Role.RECEPTION)
    assert "只知道有没有" not in beautician
    assert re.search(r"整页都没有：[^。]*到店记录", section(page, Role.MARKETER))
    assert "顾客里的：邮箱、地址、生日、历法、职业、收入区间、备注" in section(page, Role.AUDITOR)
    assert "choose" not in page


@pytest.mark.parametrize("role", Role)
def test_it_is_the_owners_and_the_auditors(as_role: Callable[[Role], TestClient], role: Role) -> None:
    expected = 200 if role in {Role.OWNER, Role.AUDITOR} else 403
    assert as_role(role).get("/admin/access").status_code == expected


def test_one_role_is_opened_by_its_address(owner: TestClient) -> None:
    page = owner.get("/admin/access?role=marketer").text
    assert re.findall(r'id="role-(\w+)" open', page) == ["marketer"]
    assert re.findall(r'id="role-(\w+)" open', owner.get("/admin/access?role=nobody").text) == ["manager"]
