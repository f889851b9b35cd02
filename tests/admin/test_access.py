"""What a refusal says, and how one comes in and out. Who may open what: test_matrix.py."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.limits import count_tries
from app.actions.staff import disable_staff
from app.admin import VIEWS
from app.admin_base.permissions import PermissionMissing, RoleAuthorization
from app.admin_base.sign_in import safe_target
from app.db import Database
from app.gateways.passwords import hash_password
from app.main import create_app
from app.models import Staff, StaffSession
from app.rules.access import may
from app.rules.limits import LOGIN_PER_ACCOUNT
from app.settings import Settings
from app.vocabulary import Role

REGISTERS = [view for view in VIEWS if view.is_model]
PASSWORD = "three odd words 7"


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: nothing here depends on the database's kind."""
    return sqlite_settings


def test_a_list_one_may_not_open_says_so(as_role: Callable[[Role], TestClient], shop: dict[str, int]) -> None:
    page = as_role(Role.MARKETER).get("/admin/customer/list")
    assert page.status_code == 403
    assert "您没有看这个页面的权限" in page.text


def test_who_may_write_but_not_read_goes_to_the_first_page_after_saving(
    as_role: Callable[[Role], TestClient], shop: dict[str, int]
) -> None:
    fields = {"kind": "complaint", "channel": "counter", "text": "等太久", "store": "__None", "save": "保存"}
    saved = as_role(Role.BEAUTICIAN).post("/admin/complaint/create", data=fields)
    assert (saved.status_code, saved.headers["location"]) == (303, "/admin/")


@pytest.mark.parametrize("host", ["testserver", "127.0.0.1:8000"])
def test_the_short_address_leads_in_whatever_host_the_request_names(client: TestClient, host: str) -> None:
    answer = client.get("/admin", headers={"Host": host})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/")


@pytest.mark.parametrize("role", Role)
def test_the_settings_page_follows_the_table(as_role: Callable[[Role], TestClient], role: Role) -> None:
    client = as_role(role)
    assert (client.get("/admin/settings").status_code == 200) is may(role, "settings", "view")
    saved = client.post("/admin/settings", data={"shop_name": "新店名"})
    assert (saved.status_code == 303) is may(role, "settings", "do")


@pytest.mark.parametrize("role", Role)
def test_the_steps_of_a_case_follow_the_table(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], role: Role
) -> None:
    client = as_role(role)
    for deed, fields in (("note", {"text": "看过了"}), ("reply", {"text": "马上处理", "solves": "y"}), ("close", {})):
        answer = client.post(f"/admin/complaint/do/{deed}/{shop['complaint']}", data=fields)
        assert (answer.status_code == 303) is may(role, "complaints", deed), f"{role} {deed}"


def test_a_view_without_a_line_in_the_table_stops_the_start() -> None:
    class Unknown:
        identity, subject = "unknown", "unknown"

    with pytest.raises(PermissionMissing):
        RoleAuthorization().add(Unknown())


def test_nobody_opens_anything_without_signing_in(client: TestClient, shop: dict[str, int]) -> None:
    for view in REGISTERS:
        for path in (
            "list",
            "create",
            f"details/{shop[view.identity]}",
            f"edit/{shop[view.identity]}",
            "ajax/lookup?name=customer&term=a",
        ):
            answer = client.get(f"/admin/{view.identity}/{path}")
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/admin/login?next=")
    assert client.post("/admin/tag/create", data={"name": "x"}).status_code == 303
    assert client.delete("/admin/tag/delete?pks=1").status_code == 303
    assert client.get("/admin/settings").status_code == 303


@cache
def hashed_once() -> str:
    """The slow part, once for all tests."""
    return hash_password(PASSWORD)


@pytest.fixture
def boss(database: Database) -> Staff:
    """An owner with a password."""
    with database.writing() as session:
        staff = Staff(name="王店主", login="boss", password_hash=hashed_once(), role=Role.OWNER)
        session.add(staff)
    return staff


def sign_in(client: TestClient, password: str = PASSWORD, **fields: str) -> object:
    """What the sign-in form answers."""
    return client.post("/admin/login", data={"username": " Boss ", "password": password} | fields)


def test_signing_in_leads_to_the_page_first_asked_for(client: TestClient, boss: Staff) -> None:
    asked = client.get("/admin/tag/list?search=a")
    page = client.get(asked.headers["location"])
    assert 'name="next" value="/admin/tag/list?search=a"' in page.text
    answer = sign_in(client, next="/admin/tag/list?search=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/tag/list?search=a")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age" not in cookie
    assert client.get("/admin/tag/list").status_code == 200


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/admin/tag/list", "/admin/tag/list"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example/", "/admin/"),
        ("/\\evil.example/", "/admin/"),
        ("/admin/\r\nSet-Cookie: a=b", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("", "/admin/"),
    ],
)
def test_only_pages_of_this_site_are_gone_to(address: str, target: str) -> None:
    assert safe_target(address) == target


def test_a_wrong_password_is_refused_and_the_name_kept(client: TestClient, boss: Staff) -> None:
    page = sign_in(client, "wrong wrong wrong")
    assert page.status_code == 422
    assert "账号或密码不对" in page.text
    assert "Boss" in page.text
    assert "wrong wrong" not in page.text
    assert "set-cookie" not in page.headers or "rouge_sid" not in page.headers["set-cookie"]


def test_after_too_many_tries_even_the_right_password_waits_and_the_page_says_so(
    client: TestClient, database: Database, boss: Staff
) -> None:
    now = datetime.now(UTC)
    with database.writing() as session:
        for minute in (now, now + timedelta(minutes=1)):  # the minute may turn before the try
            count_tries(session, LOGIN_PER_ACCOUNT, {"boss": LOGIN_PER_ACCOUNT.times}, now=minute)
    page = sign_in(client)
    assert page.status_code == 429
    assert 0 < int(page.headers["retry-after"]) <= 60
    assert "请过 1 分钟再试" in page.text
    assert 'value=" Boss "' in page.text


def test_a_shop_without_an_owner_says_how_to_begin(client: TestClient) -> None:
    assert "rouge init" in client.get("/admin/login").text


def test_a_shop_with_an_owner_does_not(client: TestClient, boss: Staff) -> None:
    assert "rouge init" not in client.get("/admin/login").text


def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(client: TestClient, boss: Staff) -> None:
    sign_in(client)
    stolen = client.cookies["rouge_sid"]
    answer = client.post("/admin/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login")
    client.cookies.set("rouge_sid", stolen)
    assert client.get("/admin/").status_code == 303


def test_signing_in_again_ends_the_session_the_browser_came_with(client: TestClient, boss: Staff) -> None:
    sign_in(client)
    first = client.cookies["rouge_sid"]
    assert sign_in(client, "wrong wrong wrong").status_code == 422
    assert client.get("/admin/").status_code == 200
    assert sign_in(client).status_code == 303
    assert client.get("/admin/").status_code == 200
    client.cookies.clear()
    client.cookies.set("rouge_sid", first)
    assert client.get("/admin/").status_code == 303


def test_a_link_cannot_log_anybody_out(owner: TestClient) -> None:
    answer = owner.get("/admin/logout")
    assert answer.status_code == 405
    assert "不能这样打开" in answer.text
    assert owner.get("/admin/").status_code == 200


def test_a_disabled_persons_session_dies(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], now
) -> None:
    manager = as_role(Role.MANAGER)
    assert manager.get("/admin/").status_code == 200
    with database.writing() as session:
        disable_staff(session, people[Role.MANAGER], now=now)
    assert manager.get("/admin/").status_code == 303


def test_the_owner_ends_somebodys_session(
    as_role: Callable[[Role], TestClient], owner: TestClient, database: Database, people: dict[Role, int]
) -> None:
    with database.reading() as session:
        visit = session.exec(select(StaffSession).where(StaffSession.staff_id == people[Role.MARKETER])).one()
    assert owner.post(f"/admin/staff-session/do/end/{visit.id}").status_code == 303
    assert as_role(Role.MARKETER).get("/admin/").status_code == 303


def test_a_session_in_use_is_kept_alive(owner: TestClient, database: Database, people: dict[Role, int]) -> None:
    with database.writing() as session:
        visit = session.exec(select(StaffSession).where(StaffSession.staff_id == people[Role.OWNER])).one()
        visit.last_seen_at -= timedelta(minutes=5)
        before = visit.last_seen_at
        session.add(visit)
    owner.get("/admin/")
    with database.reading() as session:
        assert session.get(StaffSession, visit.id).last_seen_at > before


def test_a_form_of_another_site_is_refused(owner: TestClient, database: Database) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = owner.post(
            "/admin/tag/create", data={"name": "坏", "category": "skin", "save": "保存"}, headers=headers
        )
        assert answer.status_code == 403
        assert owner.post("/admin/logout", headers=headers).status_code == 403
        assert owner.delete("/admin/tag/delete?pks=1", headers=headers).status_code == 403
    assert owner.get("/admin/").status_code == 200


def test_over_https_the_cookie_is_bound_to_this_host(settings: Settings, database: Database, boss: Staff) -> None:
    secure = settings.model_copy(update={"public_url": "https://vip.example.cn"})
    client = TestClient(create_app(secure, database), base_url="https://vip.example.cn", follow_redirects=False)
    cookie = sign_in(client).headers["set-cookie"]
    assert cookie.startswith("__Host-rouge_sid=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie
    assert "Domain" not in cookie


def test_a_persons_language_speaks_unless_this_browser_asks_for_another(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int]
) -> None:
    with database.writing() as session:
        session.get(Staff, people[Role.AUDITOR]).locale = "en"
    auditor = as_role(Role.AUDITOR)
    assert '<html lang="en"' in auditor.get("/admin/").text
    assert '<html lang="zh-TW"' in auditor.get("/admin/?lang=zh_TW").text
    assert '<html lang="zh-TW"' in auditor.get("/admin/").text
    assert '<html lang="zh-CN"' in as_role(Role.OWNER).get("/admin/?lang=de").text


def test_pages_of_the_back_office_are_kept_by_no_cache(owner: TestClient) -> None:
    assert owner.get("/admin/customer/list").headers["cache-control"] == "no-store"


def test_a_broken_page_is_said_in_words(app: FastAPI, owner: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*arguments: object, **named: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("app.admin_base.site.dashboard", breaks)
    quiet = TestClient(
        app, raise_server_exceptions=False, cookies=dict(owner.cookies), headers={"Accept-Language": "zh-CN"}
    )
    page = quiet.get("/admin/")
    assert page.status_code == 500
    assert "出了点问题" in page.text
    assert "secret" not in page.text
