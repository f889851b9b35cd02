"""A session is worth what the database says at this moment: ended, disabled, demoted, replayed, planted, guessed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.staff import StaffDetails, disable_staff, reset_password, update_staff
from app.admin_base import sign_in as door
from app.db import Database
from app.main import create_app
from app.models import Staff, StaffSession
from app.rules.limits import LOGIN_PER_ACCOUNT, LOGIN_PER_ADDRESS
from app.rules.tokens import fingerprint
from app.settings import Settings
from app.vocabulary import Role

SID = "rouge_sid"
PASSWORD = "three odd words 7"


class Hashing:
    """The slow check, done quickly and counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, password: str, password_hash: str | None) -> tuple[bool, None]:
        """Right where an account is there and the password is the one."""
        self.count += 1
        return password_hash is not None and password == PASSWORD, None


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    """Stands for argon2."""
    fake = Hashing()
    monkeypatch.setattr(door, "verify_password", fake)
    return fake


@pytest.fixture
def boss(database: Database) -> int:
    """An owner with that password."""
    with database.writing() as session:
        staff = Staff(name="王店主", login="boss", password_hash="!", role=Role.OWNER)
        session.add(staff)
    return staff.id


def browser_at(app: FastAPI, address: str) -> TestClient:
    """A browser somewhere."""
    headers = {"Accept-Language": "zh-CN", "Origin": "http://testserver"}
    return TestClient(app, follow_redirects=False, headers=headers, client=(address, 50000))


def sign_in(client: TestClient, login: str = "boss", password: str = PASSWORD) -> int:
    """How the sign-in form answers."""
    return client.post("/admin/login", data={"username": login, "password": password}).status_code


# ── Stolen, planted, guessed ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_cookie_that_was_signed_out_opens_nothing_ever_again(client: TestClient, boss: int, hashing: Hashing) -> None:
    assert sign_in(client) == 303
    stolen = client.cookies[SID]
    assert client.get("/admin/staff/list").status_code == 200
    assert client.post("/admin/logout").status_code == 303
    assert client.cookies.get(SID) is None
    for path in ("/admin/", "/admin/staff/list", "/admin/customer/create", "/admin/settings"):
        replayed = client.get(path, headers={"Cookie": f"{SID}={stolen}"})
        assert (replayed.status_code, replayed.headers["location"][:12]) == (303, "/admin/login"), path
    assert client.post("/admin/settings", headers={"Cookie": f"{SID}={stolen}"}).status_code == 303


def test_a_session_somebody_planted_is_not_the_one_that_is_signed_in(
    app: FastAPI, client: TestClient, boss: int, hashing: Hashing
) -> None:
    for planted in ("a-planted-session", "x" * 43):
        client.cookies.set(SID, planted)
        assert sign_in(client) == 303
        thief = browser_at(app, "203.0.113.7")
        thief.cookies.set(SID, planted)
        assert thief.get("/admin/").status_code == 303
        client.cookies.clear()


def test_every_sign_in_gives_another_session(app: FastAPI, database: Database, boss: int, hashing: Hashing) -> None:
    clients = [browser_at(app, "203.0.113.7") for _ in range(3)]
    assert [sign_in(client) for client in clients] == [303] * 3
    sids = {client.cookies[SID] for client in clients}
    assert len(sids) == 3
    assert min(len(sid) for sid in sids) >= 43, "256 bits"
    with database.reading() as session:
        kept = set(session.exec(select(StaffSession.sid_sha256)))
    assert kept == {fingerprint(sid) for sid in sids}, "the database holds no session, only what finds it"


def test_the_kept_fingerprint_is_no_key(client: TestClient, database: Database, boss: int, hashing: Hashing) -> None:
    sign_in(client)
    with database.reading() as session:
        kept = session.exec(select(StaffSession.sid_sha256)).one()
    for guess in (kept.hex(), fingerprint(kept.hex()).hex()):
        assert client.get("/admin/", headers={"Cookie": f"{SID}={guess}"}).status_code == 303


def test_an_old_session_ends_although_it_is_used(
    owner: TestClient, database: Database, people: dict[Role, int]
) -> None:
    with database.writing() as session:
        visit = session.exec(select(StaffSession).where(StaffSession.staff_id == people[Role.OWNER])).one()
        visit.expires_at = visit.last_seen_at - timedelta(seconds=1)
    assert owner.get("/admin/").status_code == 303


# ── Changed while signed in ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["disabled", "another role", "another password", "reset by the owner"])
def test_what_the_owner_changes_counts_at_the_next_click(
    as_role: Callable[[Role], TestClient],
    database: Database,
    people: dict[Role, int],
    real_now,
    what: str,
) -> None:
    manager, number = as_role(Role.MANAGER), people[Role.MANAGER]
    assert manager.get("/admin/customer/list").status_code == 200
    with database.writing() as session:
        if what == "disabled":
            disable_staff(session, number, now=real_now)
        elif what == "another role":
            update_staff(session, number, StaffDetails("测试", "test-manager", Role.BEAUTICIAN), now=real_now)
        else:
            reset_password(session, number, password_hash="!", now=real_now)
    assert manager.get("/admin/customer/list").status_code == 303
    assert manager.post("/admin/customer/create", data={"name": "x"}).status_code == 303


def test_a_role_taken_away_behind_the_sessions_back_is_gone_too(
    as_role: Callable[[Role], TestClient],
    database: Database,
    people: dict[Role, int],
) -> None:
    """Even where nobody ended the session: what a person may do is read with every request, never kept in it."""
    manager = as_role(Role.MANAGER)
    assert manager.get("/admin/purchase/list").status_code == 200
    with database.writing() as session:
        session.get(Staff, people[Role.MANAGER]).role = Role.AUDITOR
    assert manager.get("/admin/customer/create").status_code == 403


# ── Guessing passwords ────────────────────────────────────────────────────────────────────────────────────────────────


def test_hundreds_of_wrong_passwords_at_fifty_names_cost_few_hashes_and_lock_nobody_out(
    app: FastAPI, boss: int, hashing: Hashing
) -> None:
    home, thief = browser_at(app, "203.0.113.7"), browser_at(app, "198.51.100.9")
    assert sign_in(home) == 303
    hashing.count = 0
    logins = ["boss", *(f"name{number}" for number in range(49))]
    answers = [sign_in(thief, logins[turn % 50], f"wrong {turn}") for turn in range(300)]
    # Two minutes may have been touched.
    assert hashing.count <= 2 * LOGIN_PER_ADDRESS.times
    assert answers.count(422) == hashing.count
    assert answers.count(429) == 300 - hashing.count
    home.cookies.clear()
    assert sign_in(home) == 303


def test_guessing_from_many_addresses_costs_no_more(app: FastAPI, boss: int, hashing: Hashing) -> None:
    home = browser_at(app, "203.0.113.7")
    assert sign_in(home) == 303
    hashing.count = 0
    for turn in range(100):
        sign_in(browser_at(app, f"10.0.{turn // 100}.{turn % 100}"), "boss", f"wrong {turn}")
    assert hashing.count <= 2 * LOGIN_PER_ACCOUNT.times
    home.cookies.clear()
    assert sign_in(home) == 303


def test_without_the_count_every_guess_would_be_hashed(
    app: FastAPI, database: Database, boss: int, hashing: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(door, "check_sign_in", lambda *_, **__: None)
    monkeypatch.setattr(door, "count_sign_in", lambda *_, **__: ())
    thief = browser_at(app, "198.51.100.9")
    for turn in range(60):
        sign_in(thief, "boss", f"wrong {turn}")
    assert hashing.count == 60


def test_a_known_and_an_unknown_name_hear_the_same(app: FastAPI, boss: int, hashing: Hashing) -> None:
    heard = []
    for login in ("boss", "nobody"):
        client = browser_at(app, f"203.0.113.{len(heard)}")
        # More than two minutes let through: the clock may turn between them.
        tries = range(2 * LOGIN_PER_ACCOUNT.times + 2)
        pages = [client.post("/admin/login", data={"username": login, "password": "wrong"}) for _ in tries]
        heard.append({(page.status_code, page.text.replace(login, "")) for page in pages})
    assert heard[0] == heard[1]
    assert {status for status, _ in heard[0]} == {422, 429}


def test_the_count_is_the_databases_so_every_worker_knows_it(
    settings: Settings, database: Database, boss: int, hashing: Hashing
) -> None:
    workers = [browser_at(create_app(settings, database), "198.51.100.9") for _ in range(2)]
    for turn in range(30):
        sign_in(workers[turn % 2], "boss", "wrong")
    assert hashing.count <= 2 * LOGIN_PER_ACCOUNT.times
