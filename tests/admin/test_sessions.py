"""Who is signed in now, and how the owner ends it."""

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Barrier, Thread

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.denials import is_worth_noting, note_denial
from app.actions.staff import StaffDetails, reset_password, update_staff
from app.audit import Actor
from app.db import Database
from app.models import AuditEntry, Staff, StaffSession
from app.vocabulary import AuditAction, Role

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"


def visit_of(database: Database, staff_id: int) -> int:
    """The person's one session."""
    with database.reading() as session:
        return session.exec(select(StaffSession.id).where(StaffSession.staff_id == staff_id)).first()


def second_device(database: Database, staff_id: int, now: datetime, **values: object) -> int:
    """The same person on another machine."""
    with database.writing() as session:
        visit = StaffSession(
            sid_sha256=sha256(b"second").digest(), staff_id=staff_id, created_at=now, last_seen_at=now,
            expires_at=now + timedelta(hours=12), user_agent=CHROME, ip="192.168.1.7", **values,
        )  # fmt: skip
        session.add(visit)
        session.flush()
        return visit.id


def entries(database: Database, action: AuditAction) -> list[AuditEntry]:
    """What the journal holds of one kind."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def rows(page: str) -> list[str]:
    """The rows of a list, as read."""
    body = re.search(r"<tbody>(.*)</tbody>", page, re.DOTALL)
    return [re.sub(r"<[^>]+>|\s+", " ", row) for row in body.group(1).split("</tr>")[:-1]] if body else []


def test_the_list_shows_who_is_signed_in_now(
    owner: TestClient, database: Database, people: dict[Role, int], real_now: datetime
) -> None:
    gone = second_device(database, people[Role.MARKETER], real_now)
    listed = rows(owner.get("/admin/staff-session/list").text)
    assert len(listed) == len(Role) + 1
    there = next(row for row in listed if "192.168.1.7" in row)
    assert re.search(r"测试marketer.*营销.*Windows · Chrome.*正在登录", there)
    assert sum("您这台" in row for row in listed) == 1
    with database.writing() as session:
        session.get(StaffSession, gone).last_seen_at = real_now - timedelta(minutes=31)
        till = session.get(StaffSession, visit_of(database, people[Role.RECEPTION]))
        till.last_seen_at = real_now - timedelta(hours=3)
    listed = rows(owner.get("/admin/staff-session/list").text)
    assert not [row for row in listed if "192.168.1.7" in row]
    assert [row for row in listed if "测试reception" in row], "at the till a session rests a working day"
    assert "太久没用，已自动退出" in rows(owner.get("/admin/staff-session/list?state=over").text)[0]
    assert len(rows(owner.get("/admin/staff-session/list?state=all").text)) == len(Role) + 1


def test_one_sign_in_is_ended_and_written_down(
    owner: TestClient, as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int]
) -> None:
    number = visit_of(database, people[Role.MARKETER])
    assert owner.get(f"/admin/staff-session/do/end/{number}").status_code == 303
    assert owner.post(f"/admin/staff-session/do/end/{number}").status_code == 303
    assert as_role(Role.MARKETER).get("/admin/").status_code == 303
    (entry,) = entries(database, AuditAction.SESSION_ENDED)
    assert (entry.staff_id, entry.subject, entry.subject_id) == (people[Role.OWNER], "staff", people[Role.MARKETER])


@pytest.mark.parametrize("register", ["staff-session", "staff"])
def test_all_sign_ins_of_a_person_are_ended(
    owner: TestClient,
    as_role: Callable[[Role], TestClient],
    database: Database,
    people: dict[Role, int],
    real_now: datetime,
    register: str,
) -> None:
    second = second_device(database, people[Role.MANAGER], real_now)
    number = second if register == "staff-session" else people[Role.MANAGER]
    assert owner.post(f"/admin/{register}/do/end-all/{number}").status_code == 303
    assert as_role(Role.MANAGER).get("/admin/").status_code == 303
    assert as_role(Role.MARKETER).get("/admin/").status_code == 200
    with database.reading() as session:
        assert session.get(StaffSession, second).ended_at is not None
    (entry,) = entries(database, AuditAction.SESSION_ENDED)
    assert json.loads(entry.changes) == {"sessions": 2}


def test_ending_her_own_elsewhere_keeps_the_one_she_asks_from(
    owner: TestClient, database: Database, people: dict[Role, int], real_now: datetime
) -> None:
    second = second_device(database, people[Role.OWNER], real_now)
    assert owner.post(f"/admin/staff/do/end-all/{people[Role.OWNER]}").status_code == 303
    assert owner.get("/admin/").status_code == 200
    with database.reading() as session:
        assert session.get(StaffSession, second).ended_at is not None


def test_only_the_owner_ends_sign_ins(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int]
) -> None:
    number = visit_of(database, people[Role.MARKETER])
    for role in (Role.MANAGER, Role.RECEPTION, Role.AUDITOR):
        for deed in ("end", "end-all"):
            assert as_role(role).post(f"/admin/staff-session/do/{deed}/{number}").status_code == 403
    assert as_role(Role.AUDITOR).get(f"/admin/staff-session/details/{number}").status_code == 200
    assert as_role(Role.MARKETER).get("/admin/").status_code == 200


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        ({"name": "新名"}, False),
        ({"locale": "en"}, False),
        ({"login": "other"}, False),
        ({"role": Role.RECEPTION}, True),
        ({"store_id": 1}, True),
        ({"is_active": False}, True),
    ],
)
def test_what_changes_her_rights_ends_her_sign_ins_at_once(
    as_role: Callable[[Role], TestClient],
    database: Database,
    people: dict[Role, int],
    now: datetime,
    changed: dict[str, object],
    ends: bool,
) -> None:
    details = {"name": "测试manager", "login": "test-manager", "role": Role.MANAGER} | changed
    with database.writing() as session:
        update_staff(session, people[Role.MANAGER], StaffDetails(**details), now=now)
    assert (as_role(Role.MANAGER).get("/admin/").status_code == 303) is ends
    assert len(entries(database, AuditAction.SESSION_ENDED)) == int(ends)


def test_a_change_that_is_not_kept_ends_nothing(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], now: datetime
) -> None:
    class Interrupted(Exception):
        pass

    def broken() -> None:
        with database.writing() as session:
            reset_password(session, people[Role.MANAGER], password_hash="!!", now=now)
            raise Interrupted

    with pytest.raises(Interrupted):
        broken()
    assert as_role(Role.MANAGER).get("/admin/").status_code == 200
    with database.writing() as session:
        reset_password(session, people[Role.MANAGER], password_hash="!!", now=now)
    assert as_role(Role.MANAGER).get("/admin/").status_code == 303


# ── Refused doors ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_door_is_written_down_once_a_minute_and_without_the_address(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int]
) -> None:
    marketer = as_role(Role.MARKETER)
    for _ in range(5):
        assert marketer.get("/admin/customer/list?search=13800138000").status_code == 403
        assert marketer.get("/admin/visit/create").status_code == 403
    noted = entries(database, AuditAction.REFUSED)
    assert [(one.staff_id, one.actor, one.subject, json.loads(one.changes)) for one in noted] == [
        (people[Role.MARKETER], "测试marketer", "customers", {"way": "list"}),
        (people[Role.MARKETER], "测试marketer", "visits", {"way": "create"}),
    ]
    assert as_role(Role.BEAUTICIAN).get("/admin/staff/list").status_code == 403
    assert len(entries(database, AuditAction.REFUSED)) == 3


def test_nobody_and_what_is_not_there_are_not_written_down(
    owner: TestClient, client: TestClient, database: Database, people: dict[Role, int]
) -> None:
    assert client.get("/admin/customer/list").status_code == 303
    assert owner.get("/admin/customer/details/987654").status_code == 404
    assert owner.post("/admin/tag/create", headers={"Origin": "https://evil.example"}).status_code == 403
    assert entries(database, AuditAction.REFUSED) == []


def knock_together(database: Database, staff_id: int, now: datetime) -> None:
    """Eight tries at one door at once, each past the look whether there was one lately."""
    ready = Barrier(8)

    def knock() -> None:
        ready.wait()
        with database.writing(Actor("测试marketer", staff_id)) as session:
            note_denial(session, staff_id, "customers", way="list", now=now)

    threads = [Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_tries_at_once_are_one_entry_and_after_a_minute_there_is_another(
    database: Database, people: dict[Role, int], real_now: datetime
) -> None:
    knock_together(database, people[Role.MARKETER], real_now)
    (entry,) = entries(database, AuditAction.REFUSED)
    with database.reading() as session:
        for seconds, is_worth in ((0, False), (59, False), (61, True)):
            later = entry.at + timedelta(seconds=seconds)
            assert is_worth_noting(session, people[Role.MARKETER], "customers", now=later) is is_worth
        assert is_worth_noting(session, people[Role.MARKETER], "visits", now=entry.at)
        assert is_worth_noting(session, people[Role.BEAUTICIAN], "customers", now=entry.at)


def test_without_the_second_look_each_of_them_would_be_one(
    database: Database, people: dict[Role, int], real_now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.actions.denials.is_worth_noting", lambda *_, **__: True)
    knock_together(database, people[Role.MARKETER], real_now)
    assert len(entries(database, AuditAction.REFUSED)) == 8


def test_a_refusal_that_cannot_be_written_down_still_reaches_the_person(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: object, **named: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("app.admin_base.permissions.note_denial", breaks)
    assert as_role(Role.MARKETER).get("/admin/customer/list").status_code == 403
    with database.reading() as session:
        assert is_worth_noting(session, people[Role.MARKETER], "customers", now=datetime.now().astimezone())
        assert session.get(Staff, people[Role.MARKETER]).is_active
