"""The first set-up in the browser."""

import re
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.tokens import issue_token
from app.db import Database
from app.gateways.passwords import verify_password
from app.models import AuditEntry, PublicToken, Staff
from app.queries.policy import current_policy
from app.vocabulary import Role, TokenPurpose
from tests.actions.test_staff import make

PASSWORD = "violet-harbor-nineteen"
FORM = {"shop_name": "花间", "name": "王姐", "login": "Boss", "password": PASSWORD, "password_again": PASSWORD}


@pytest.fixture
def code(database: Database) -> str:
    """A code as `rouge serve` prints it."""
    return issued(database)


def issued(database: Database, *, minutes: float = 30, purpose: TokenPurpose = TokenPurpose.SETUP) -> str:
    """A code that is good for so long."""
    now = datetime.now(UTC)
    with database.writing() as session:
        return issue_token(session, purpose, 0, now=now, expires_at=now + timedelta(minutes=minutes))


def staff(database: Database) -> list[Staff]:
    """Every account."""
    with database.reading() as session:
        return list(session.exec(select(Staff)))


def error_beside(html: str, field: str) -> str:
    """The sentence a screen reader says with a field; empty when it has none."""
    tag = re.search(rf'<input[^>]*name="{field}"[^>]*>', html).group()
    if 'aria-invalid="true"' not in tag:
        return ""
    for name in re.search(r'aria-describedby="([^"]+)"', tag).group(1).split():
        found = re.search(rf'<p class="error" id="{name}" role="alert">([^<]+)</p>', html)
        if found:
            return found.group(1)
    return ""


def test_without_a_code_the_page_says_where_it_is(client: TestClient) -> None:
    answer = client.get("/setup")
    assert answer.status_code == 200
    assert "第一次使用" in answer.text
    assert "rouge init" in answer.text


@pytest.mark.parametrize("bad", ["x", "x" * 32, "x" * 5000, "\x00", "%00", "👩‍🎤"])
def test_a_wrong_code_opens_nothing(client: TestClient, database: Database, code: str, bad: str) -> None:
    answer = client.get("/setup", params={"code": bad})
    assert answer.status_code == 403
    assert "开店码不对" in error_beside(answer.text, "code")
    assert client.post("/setup", data=FORM | {"code": bad}).status_code == 403
    assert client.post("/setup", data=FORM).status_code == 200
    assert staff(database) == []


@pytest.mark.parametrize("trouble", ["expired", "another purpose", "revoked"])
def test_a_code_that_is_no_longer_good_opens_nothing(client: TestClient, database: Database, trouble: str) -> None:
    code = issued(
        database,
        minutes=0 if trouble == "expired" else 30,
        purpose=TokenPurpose.CARD if trouble == "another purpose" else TokenPurpose.SETUP,
    )
    if trouble == "revoked":
        with database.writing() as session:
            session.exec(select(PublicToken)).one().revoked_at = datetime.now(UTC)
    assert client.get("/setup", params={"code": code}).status_code == 403
    assert client.post("/setup", data=FORM | {"code": code}).status_code == 403
    assert staff(database) == []


def test_the_owner_opens_the_shop(client: TestClient, database: Database, code: str) -> None:
    assert client.get("/setup", params={"code": f" {code} "}).status_code == 200
    answer = client.post("/setup", data=FORM | {"code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/login?opened=1")
    (owner,) = staff(database)
    assert (owner.name, owner.login, owner.role, owner.is_active) == ("王姐", "boss", Role.OWNER, True)
    assert verify_password(PASSWORD, owner.password_hash)[0]
    with database.reading() as session:
        assert current_policy(session).shop_name == "花间"
        assert "setup" in session.exec(select(AuditEntry.actor).where(AuditEntry.subject == "staff")).all()


def test_afterwards_the_address_is_gone(client: TestClient, database: Database, code: str) -> None:
    later = issued(database)
    client.post("/setup", data=FORM | {"code": code})
    for good in (code, later, ""):
        assert client.get("/setup", params={"code": good}).status_code == 404
        assert client.post("/setup", data=FORM | {"code": good, "login": "second"}).status_code == 404
    assert [person.login for person in staff(database)] == ["boss"]


def test_a_shop_with_an_owner_has_no_set_up(client: TestClient, database: Database, now: datetime) -> None:
    make(database, now, is_active=False)
    assert client.get("/setup").status_code == 404


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"shop_name": " "}, "shop_name", "店名"),
        ({"name": ""}, "name", "姓名"),
        ({"login": "a b"}, "login", "登录名"),
        ({"password": "short", "password_again": "short"}, "password", "12"),
        ({"password": "password1234", "password_again": "password1234"}, "password", "太常见"),
        ({"password": "boss-violet-harbor", "password_again": "boss-violet-harbor"}, "password", "不要有登录名"),
        ({"password_again": PASSWORD + "x"}, "password_again", "不一样"),
        ({"password_again": ""}, "password_again", "不一样"),
        ({"name": "名" * 100_000}, "name", "姓名"),
        ({"password": "长" * 20_000, "password_again": "长" * 20_000}, "password", "最多"),
    ],
)
def test_what_cannot_be_used_comes_back_beside_its_field(
    client: TestClient, database: Database, code: str, typed: dict[str, Any], field: str, says: str
) -> None:
    answer = client.post("/setup", data=FORM | typed | {"code": code})
    assert answer.status_code == 422
    assert says in error_beside(answer.text, field)
    fields = ("shop_name", "name", "login", "password", "password_again")
    assert [name for name in fields if error_beside(answer.text, name)] == [field]
    assert (typed.get("login", "Boss") if field != "login" else "a b") in answer.text
    assert PASSWORD not in answer.text
    assert staff(database) == []


def test_everything_wrong_is_said_at_once(client: TestClient, code: str) -> None:
    answer = client.post("/setup", data={"code": code})
    assert answer.status_code == 422
    assert all(error_beside(answer.text, field) for field in ("shop_name", "name", "login", "password"))


def test_what_was_typed_cannot_become_markup(client: TestClient, code: str) -> None:
    answer = client.post("/setup", data=FORM | {"code": code, "name": "<script>x</script>", "login": '"><b>'})
    assert "<script>x" not in answer.text
    assert '"><b>' not in answer.text


def test_a_form_of_another_site_opens_nothing(client: TestClient, database: Database, code: str) -> None:
    answer = client.post("/setup", data=FORM | {"code": code}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert staff(database) == []


def test_two_browsers_at_once_make_one_owner(client: TestClient, database: Database, code: str) -> None:
    start, answers = Barrier(2), []

    def set_up(login: str) -> None:
        start.wait(10)
        answers.append(client.post("/setup", data=FORM | {"code": code, "login": login}).status_code)

    threads = [Thread(target=set_up, args=(login,)) for login in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(staff(database)) == 1
    assert answers.count(303) == 1
    assert set(answers) <= {303, 404, 422}


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW", "en"])
def test_the_page_speaks_the_readers_language(client: TestClient, code: str, language: str) -> None:
    answer = client.get("/setup", params={"code": code}, headers={"Accept-Language": language})
    assert f'<html lang="{language}">' in answer.text
    assert f"/setup?code={code}&amp;lang=en" in answer.text


def test_the_sign_in_page_says_that_the_shop_is_open(client: TestClient, code: str) -> None:
    assert "开好了" not in client.get("/admin/login?opened=1").text
    answer = client.post("/setup", data=FORM | {"code": code})
    assert "开好了" in client.get(answer.headers["location"]).text
    assert "开好了" not in client.get("/admin/login").text


def test_a_double_tap_opens_the_shop_once_and_both_see_it_open(
    client: TestClient, database: Database, code: str
) -> None:
    start, answers = Barrier(2), []
    form = FORM | {"code": code, "once": re.search(r'name="once" value="([^"]+)"', form_page(client, code)).group(1)}

    def tap() -> None:
        start.wait(10)
        answers.append(client.post("/setup", data=form))

    threads = [Thread(target=tap) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(answer.status_code, answer.headers.get("location")) for answer in answers] == [
        (303, "/admin/login?opened=1")
    ] * 2
    assert len(staff(database)) == 1


def form_page(client: TestClient, code: str) -> str:
    """The form as whoever holds the code sees it."""
    return client.get("/setup", params={"code": code}).text
