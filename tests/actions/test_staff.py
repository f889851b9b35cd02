"""Accounts, sign-in and sign-out."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread
from time import sleep

import pytest
from sqlmodel import select

from app import actions
from app.actions.staff import (
    StaffDetails,
    create_first_owner,
    create_staff,
    disable_staff,
    reset_password,
    sign_in,
    sign_out,
    touch_session,
    unlock_staff,
    update_staff,
)
from app.audit import Actor
from app.db import Database
from app.models import AuditEntry, Staff, StaffSession, Store
from app.queries.policy import current_policy
from app.queries.staff import credentials_of, has_owner, staff_by_login, staff_of_session
from app.rules.refusals import NotFound, RuleBroken
from app.rules.staff import LastOwner, LoginTaken, LoginUnknown, LoginWrong, NameWrong, OwnerExists
from app.vocabulary import AuditAction, Role

HASH = "a hash"


def make(database: Database, now: datetime, login: str = "boss", role: Role = Role.OWNER, **details: object) -> int:
    """An account, and its number."""
    with database.writing() as session:
        staff = create_staff(session, StaffDetails("王姐", login, role, **details), password_hash=HASH, now=now)
        return staff.id


def entered(database: Database, now: datetime, login: str = "boss", *, is_right: bool = True) -> str | None:
    """A checked sign-in."""
    with database.reading() as session:
        credentials = credentials_of(session, login)
    with database.writing() as session:
        return sign_in(session, credentials, is_right=is_right, now=now, ip="10.0.0.9", user_agent="a till")


def is_in(database: Database, sid: str, now: datetime) -> bool:
    """Whether a session id still says who somebody is."""
    with database.reading() as session:
        return staff_of_session(session, sid, now) is not None


def deeds(database: Database) -> list[tuple[AuditAction, int | None]]:
    """What was written down about signing in and out, and by whom."""
    acts = [AuditAction.LOGIN, AuditAction.LOGIN_FAILED, AuditAction.LOGOUT]
    with database.reading() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.action.in_(acts)).order_by(AuditEntry.id))
        return [(entry.action, entry.staff_id) for entry in entries]


def at_once(*works: Callable[[], object]) -> list[type[Exception]]:
    """Run these in threads that start together; what went wrong, of any kind."""
    start, wrong = Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        start.wait(10)
        try:
            work()
        except Exception as error:
            wrong.append(type(error))

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return wrong


# ── The first owner ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_owner_opens_and_names_the_shop(database: Database, now: datetime) -> None:
    with database.writing() as session:
        create_first_owner(session, name=" 王姐 ", login="Boss", password_hash=HASH, now=now, shop_name=" 花间 ")
    with database.reading() as session:
        owner = session.exec(select(Staff)).one()
        assert (owner.name, owner.login, owner.role, owner.store_id) == ("王姐", "boss", Role.OWNER, None)
        assert current_policy(session).shop_name == "花间"
        assert session.exec(select(Store.name)).one() == "花间"
        assert has_owner(session)


def test_without_a_shop_name_the_shop_keeps_its_own(database: Database, now: datetime) -> None:
    with database.writing() as session:
        create_first_owner(session, name="王姐", login="boss", password_hash=HASH, now=now)
    with database.reading() as session:
        assert session.exec(select(Store.name)).one() == "本店"


def test_a_second_first_owner_is_refused_even_when_the_first_is_disabled(database: Database, now: datetime) -> None:
    make(database, now, is_active=False)
    with database.writing() as session, pytest.raises(OwnerExists):
        create_first_owner(session, name="李姐", login="other", password_hash=HASH, now=now)


def test_of_two_set_ups_at_once_one_wins(database: Database, now: datetime) -> None:
    def set_up(login: str) -> None:
        with database.writing() as session:
            create_first_owner(session, name="王姐", login=login, password_hash=HASH, now=now)

    wrong = at_once(*(lambda login=f"boss{n}": set_up(login) for n in range(8)))
    assert wrong == [OwnerExists] * 7
    with database.reading() as session:
        assert len(session.exec(select(Staff)).all()) == 1


def test_control_asking_before_writing_lets_two_owners_in(database: Database, now: datetime) -> None:
    asked = Barrier(2)

    def set_up(login: str) -> None:
        with database.reading() as session:
            assert not has_owner(session)
        asked.wait(10)
        make(database, now, login)

    assert at_once(lambda: set_up("one"), lambda: set_up("two")) == []
    with database.reading() as session:
        assert len(session.exec(select(Staff).where(Staff.role == Role.OWNER)).all()) == 2


# ── Accounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("details", "refusal"),
    [
        (StaffDetails("王姐", "BOSS ", Role.RECEPTION), LoginTaken),
        (StaffDetails("王姐", "a b", Role.RECEPTION), LoginWrong),
        (StaffDetails(" ", "xiaoli", Role.RECEPTION), NameWrong),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    database: Database, now: datetime, details: StaffDetails, refusal: type[RuleBroken]
) -> None:
    make(database, now)
    with pytest.raises(refusal), database.writing() as session:
        create_staff(session, details, password_hash=HASH, now=now)
    with database.reading() as session:
        assert len(session.exec(select(Staff)).all()) == 1


def test_a_refused_login_does_not_break_the_unit_of_work_around_it(database: Database, now: datetime) -> None:
    make(database, now)
    with database.writing() as session:
        with pytest.raises(LoginTaken):
            create_staff(session, StaffDetails("李", "boss", Role.MANAGER), password_hash=HASH, now=now)
        create_staff(session, StaffDetails("李", "li", Role.MANAGER), password_hash=HASH, now=now)
    with database.reading() as session:
        assert staff_by_login(session, "LI ").role is Role.MANAGER


def test_of_two_accounts_with_one_login_made_at_once_one_stays(database: Database, now: datetime) -> None:
    wrong = at_once(*(lambda: make(database, now, "same", Role.RECEPTION) for _ in range(6)))
    assert wrong == [LoginTaken] * 5


def test_no_password_hash_is_ever_written_into_the_audit(database: Database, now: datetime) -> None:
    number = make(database, now)
    with database.writing() as session:
        reset_password(session, number, password_hash="another hash", now=now)
    with database.reading() as session:
        text = " ".join(session.exec(select(AuditEntry.changes)))
    assert "password_hash" in text
    assert "hash" not in text.replace("password_hash", "")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION])
def test_a_new_role_ends_the_sessions_a_new_name_does_not(database: Database, now: datetime, role: Role) -> None:
    number = make(database, now, "xiaoli", Role.RECEPTION)
    sid = entered(database, now, "xiaoli")
    with database.writing() as session:
        update_staff(session, number, StaffDetails("李梅", "limei", role, locale="en"), now=now)
    assert is_in(database, sid, now) is (role is Role.RECEPTION)
    with database.reading() as session:
        assert (staff_by_login(session, "limei").name, staff_by_login(session, "limei").role) == ("李梅", role)


def test_a_login_somebody_has_cannot_be_taken_by_renaming(database: Database, now: datetime) -> None:
    make(database, now)
    number = make(database, now, "xiaoli", Role.RECEPTION)
    with database.writing() as session, pytest.raises(LoginTaken):
        update_staff(session, number, StaffDetails("李", "boss", Role.RECEPTION), now=now)


@pytest.mark.parametrize("change", ["disable", "demote"])
def test_the_last_owner_stays(database: Database, now: datetime, change: str) -> None:
    number = make(database, now)
    make(database, now, "gone", is_active=False)
    make(database, now, "manager", Role.MANAGER)

    def go() -> None:
        with database.writing() as session:
            if change == "disable":
                disable_staff(session, number, now=now)
            else:
                update_staff(session, number, StaffDetails("王姐", "boss", Role.MANAGER), now=now)

    with pytest.raises(LastOwner):
        go()
    make(database, now, "second")
    go()


def test_two_owners_cannot_take_each_other_away_at_once(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [make(database, now, login) for login in ("one", "two")]
    # Long enough between asking and writing that the other one has asked as well.
    monkeypatch.setattr(actions.staff, "_end_sessions", lambda *_, **__: sleep(0.3))

    def disable(number: int) -> None:
        with database.writing() as session:
            disable_staff(session, number, now=now)

    assert at_once(*(lambda number=number: disable(number) for number in numbers)) == [LastOwner]


def test_control_asking_before_writing_leaves_no_owner(database: Database, now: datetime) -> None:
    numbers, asked = [make(database, now, login) for login in ("one", "two")], Barrier(2)

    def disable(number: int) -> None:
        with database.reading() as session:
            assert len(session.exec(select(Staff).where(Staff.is_active)).all()) == 2
        asked.wait(10)
        with database.writing() as session:
            session.get(Staff, number).is_active = False

    assert at_once(*(lambda number=number: disable(number) for number in numbers)) == []
    with database.reading() as session:
        assert session.exec(select(Staff).where(Staff.is_active)).all() == []


def test_nobody_is_not_found(database: Database, now: datetime) -> None:
    with database.writing() as session:
        with pytest.raises(NotFound):
            disable_staff(session, 404, now=now)
        with pytest.raises(LoginUnknown):
            staff_by_login(session, "nobody")


# ── Signing in and out ────────────────────────────────────────────────────────────────────────────────────────────────


def test_signing_in_gives_a_random_id_of_which_only_a_fingerprint_is_kept(database: Database, now: datetime) -> None:
    number = make(database, now, locale="en")
    sid, other = entered(database, now), entered(database, now)
    assert sid != other
    assert len(sid) == 43
    with database.reading() as session:
        person = staff_of_session(session, sid, now)
        kept = session.get(StaffSession, person.session_id)
    assert (person.staff_id, person.name, person.role, person.store_id, person.locale) == (
        number,
        "王姐",
        Role.OWNER,
        None,
        "en",
    )
    assert sid.encode() not in kept.sid_sha256
    assert (kept.ip, kept.user_agent, kept.expires_at) == ("10.0.0.9", "a till", now + timedelta(hours=12))


def test_who_signs_in_is_written_down_as_that_person(database: Database, now: datetime) -> None:
    number = make(database, now)
    entered(database, now, is_right=False)
    entered(database, now, "nobody")
    sid = entered(database, now)
    with database.reading() as session:
        person = staff_of_session(session, sid, now)
    with database.writing(Actor(person.name, number)) as session:
        sign_out(session, person.session_id, now=now)
        sign_out(session, person.session_id, now=now)
    assert deeds(database) == [
        (AuditAction.LOGIN_FAILED, None),
        (AuditAction.LOGIN_FAILED, None),
        (AuditAction.LOGIN, number),
        (AuditAction.LOGOUT, number),
    ]


def test_a_failure_leaves_one_entry_that_says_how_many(database: Database, now: datetime) -> None:
    number = make(database, now)
    entered(database, now, is_right=False)
    entered(database, now, is_right=False)
    with database.reading() as session:
        about = select(AuditEntry).where(AuditEntry.subject == "staff", AuditEntry.subject_id == number)
        entries = session.exec(about.order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == [
        AuditAction.CREATE,
        AuditAction.LOGIN_FAILED,
        AuditAction.LOGIN_FAILED,
    ]
    assert [json.loads(entry.changes).get("failures") for entry in entries[1:]] == [1, 2]


@pytest.mark.parametrize("login", ["nobody", "", "a b", "boss\x00", "b" * 500])
def test_an_unknown_login_is_refused_like_a_wrong_password(database: Database, now: datetime, login: str) -> None:
    make(database, now)
    assert entered(database, now, login) is None
    assert entered(database, now, "boss", is_right=False) is None


@pytest.mark.parametrize("how", ["getting in", "unlocking", "a new password"])
def test_failures_are_forgotten(database: Database, now: datetime, how: str) -> None:
    number = make(database, now)
    for _ in range(9):
        entered(database, now, is_right=False)
    if how == "getting in":
        assert entered(database, now) is not None
    else:
        with database.writing() as session:
            if how == "unlocking":
                unlock_staff(session, number, now=now)
            else:
                reset_password(session, number, password_hash=HASH, now=now)
    with database.reading() as session:
        assert session.get(Staff, number).failed_logins == 0


def test_failures_counted_at_once_are_all_counted(database: Database, now: datetime) -> None:
    number = make(database, now)
    assert at_once(*(lambda: entered(database, now, is_right=False) for _ in range(4))) == []
    with database.reading() as session:
        assert session.get(Staff, number).failed_logins == 4


def test_control_counting_what_was_read_before_loses_failures(database: Database, now: datetime) -> None:
    number, read = make(database, now), Barrier(4)

    def fail() -> None:
        with database.reading() as session:
            failures = session.get(Staff, number).failed_logins
        read.wait(10)
        with database.writing() as session:
            session.get(Staff, number).failed_logins = failures + 1

    assert at_once(*(fail for _ in range(4))) == []
    with database.reading() as session:
        assert session.get(Staff, number).failed_logins == 1


def test_a_disabled_account_is_out_at_once_and_does_not_come_in(database: Database, now: datetime) -> None:
    make(database, now)
    number = make(database, now, "xiaoli", Role.RECEPTION)
    sid = entered(database, now, "xiaoli")
    with database.reading() as session:
        credentials = credentials_of(session, "xiaoli")
    with database.writing() as session:
        disable_staff(session, number, now=now)
    assert not is_in(database, sid, now)
    assert entered(database, now, "xiaoli") is None
    with database.writing() as session:  # disabled while the hash was being checked
        assert sign_in(session, credentials, is_right=True, now=now) is None


def test_a_new_password_ends_every_session_and_what_the_old_one_was_checked_against(
    database: Database, now: datetime
) -> None:
    number = make(database, now)
    sids = [entered(database, now), entered(database, now)]
    with database.reading() as session:
        credentials = credentials_of(session, "boss")
    with database.writing() as session:
        reset_password(session, number, password_hash="another hash", now=now)
    assert not any(is_in(database, sid, now) for sid in sids)
    with database.writing() as session:
        assert sign_in(session, credentials, is_right=True, now=now) is None
    assert entered(database, now) is not None


def test_a_stronger_hash_is_kept_on_the_way_in(database: Database, now: datetime) -> None:
    number = make(database, now)
    with database.reading() as session:
        credentials = credentials_of(session, "boss")
    with database.writing() as session:
        assert sign_in(session, credentials, is_right=True, fresh_hash="a stronger one", now=now)
    with database.reading() as session:
        assert session.get(Staff, number).password_hash == "a stronger one"


def test_signing_out_ends_this_session_only(database: Database, now: datetime) -> None:
    make(database, now)
    here, there = entered(database, now), entered(database, now)
    with database.reading() as session:
        person = staff_of_session(session, here, now)
    with database.writing() as session:
        sign_out(session, person.session_id, now=now)
    assert not is_in(database, here, now)
    assert is_in(database, there, now)


@pytest.mark.parametrize("sid", ["", "x", "x" * 43, "\x00", "ü" * 43])
def test_a_made_up_session_id_is_nobody(database: Database, now: datetime, sid: str) -> None:
    make(database, now)
    entered(database, now)
    assert not is_in(database, sid, now)


def test_a_session_is_kept_alive_by_use_and_ends_in_any_case(database: Database, now: datetime) -> None:
    make(database, now)
    sid = entered(database, now)
    assert is_in(database, sid, now + timedelta(minutes=29))
    assert not is_in(database, sid, now + timedelta(minutes=30))

    def use(at: datetime) -> bool:
        with database.reading() as session:
            person = staff_of_session(session, sid, at)
        if person is not None:
            with database.writing() as session:
                touch_session(session, person.session_id, now=at)
        return person is not None

    for minutes in range(0, 720, 20):
        assert use(now + timedelta(minutes=minutes)), minutes
    assert not use(now + timedelta(hours=12))


def test_touching_writes_at_most_once_a_minute(database: Database, now: datetime) -> None:
    make(database, now)
    sid = entered(database, now)

    def last_seen(at: datetime) -> datetime:
        with database.reading() as session:
            person = staff_of_session(session, sid, at)
        with database.writing() as session:
            touch_session(session, person.session_id, now=at)
        with database.reading() as session:
            return staff_of_session(session, sid, at).last_seen_at

    assert last_seen(now + timedelta(seconds=59)) == now
    assert last_seen(now + timedelta(seconds=60)) == now + timedelta(seconds=60)
