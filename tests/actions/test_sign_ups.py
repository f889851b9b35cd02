"""Two who sign up at once with one phone are one member; what staff make of somebody who was known."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.actions import sign_ups
from app.actions.customers import MEMBER_SERIES, create_customer
from app.actions.sign_ups import adopt_sign_up, dismiss_sign_up, is_hurried, new_form, sign_up, stamped
from app.db import Database
from app.models import AuditEntry, Consent, Counter, Customer, SignUp
from app.rules.consents import DEFAULT_REGISTER, HOW_MAX
from app.rules.customers import CustomerDetails
from app.rules.member_numbers import member_no
from app.rules.policy import Policy
from app.rules.refusals import NotFound, RuleBroken
from app.rules.sign_ups import HURRY, SignUpForm, SignUpRead, SignUpSettled, read_sign_up, said_by_guardian
from app.vocabulary import AuditAction, Channel, Gender, Purpose, SignUpState

RULES = Policy()
PHONE = "13800138000"
AT_ONCE = 8


def read(now: datetime, **typed: object) -> SignUpRead:
    """A form as it can be kept."""
    form = SignUpForm(**{"name": "王小丽", "phone": PHONE} | typed)
    return read_sign_up(form, register=DEFAULT_REGISTER, today=now.date())


@pytest.fixture
def waiting(database: Database, now: datetime) -> int:
    """Somebody whose phone is known has signed up."""
    with database.writing() as session:
        create_customer(session, CustomerDetails(name="王大丽", phone=PHONE), policy=RULES, now=now)
        form = read(now, birthday="1990-01-02", gender="female", consents=("marketing.sms", "personalisation"))
        row = sign_up(session, new_form(), form, policy=RULES, now=now)
        return row.id


def all_at_once(database: Database, now: datetime, ids: list[str], *, in_step: Barrier | None = None) -> int:
    """Everybody presses the button in the same moment. How many were refused by the database."""
    start = Barrier(len(ids))

    def press(submission_id: str) -> bool:
        start.wait()
        try:
            with database.writing() as session:
                sign_up(session, submission_id, read(now), policy=RULES, now=now)
        except (IntegrityError, RuleBroken):
            return False
        return True

    with ThreadPoolExecutor(len(ids)) as pool:
        return list(pool.map(press, ids)).count(False)


def rows(database: Database) -> tuple[int, list[SignUpState]]:
    """How many members there are, and what became of the forms."""
    with database.reading() as session:
        states = list(session.exec(select(SignUp.state).order_by(col(SignUp.state))))
        return len(session.exec(select(Customer.id)).all()), states


def test_of_many_with_one_phone_at_once_one_becomes_a_member_and_the_others_wait(
    database: Database, now: datetime
) -> None:
    refused = all_at_once(database, now, [new_form() for _ in range(AT_ONCE)])
    assert refused == 0
    assert rows(database) == (1, [SignUpState.KNOWN] * (AT_ONCE - 1) + [SignUpState.NEW])


def test_without_the_lock_they_get_in_each_others_way(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: everybody looks before anybody writes."""
    looked = Barrier(2, timeout=2)
    look = sign_ups.owner_of_phone

    def slow_look(session, phone):
        found = look(session, phone)
        with suppress(Exception):
            looked.wait()
        return found

    monkeypatch.setattr(sign_ups, "lock_member_series", lambda session: None)
    monkeypatch.setattr(
        "app.actions.customers.lock_member_series", lambda session: session.exec(select(Counter)).first()
    )
    monkeypatch.setattr("app.actions.customers._check_phone_is_free", lambda *_: None)
    monkeypatch.setattr(sign_ups, "owner_of_phone", slow_look)
    if database.is_sqlite:  # its one writer is the guard: taken away, both would have looked first
        monkeypatch.setattr(sign_ups, "owner_of_phone", lambda session, phone: None)
    assert all_at_once(database, now, [new_form(), new_form()]) == 1, "the database itself had to refuse one of them"


def test_one_form_sent_many_times_at_once_is_kept_once(database: Database, now: datetime) -> None:
    same = new_form()
    assert all_at_once(database, now, [same] * AT_ONCE) == 0
    assert rows(database) == (1, [SignUpState.NEW])


def test_staff_take_over_field_by_field_what_the_customer_confirms(
    database: Database, now: datetime, waiting: int
) -> None:
    with database.writing() as session:
        adopt_sign_up(session, waiting, birthday=True, consents=True, policy=RULES, now=now + timedelta(hours=1))
    with database.reading() as session:
        customer, row = session.exec(select(Customer)).one(), session.get(SignUp, waiting)
        agreed = {(one.purpose, one.channel, one.given_by) for one in session.exec(select(Consent))}
    assert (customer.name, customer.birthday, customer.gender) == ("王大丽", "1990-01-02", Gender.UNKNOWN)
    assert agreed == {
        (Purpose.MARKETING, Channel.SMS, "扫码登记，店员核对后采用"),
        (Purpose.PERSONALISATION, None, "扫码登记，店员核对后采用"),
    }
    assert (row.state, row.settled_at, row.told) == (SignUpState.SETTLED, now + timedelta(hours=1), None)


def test_the_guardian_of_a_child_whose_phone_was_known_stands_on_the_receipt(database: Database, now: datetime) -> None:
    with database.writing() as session:
        create_customer(session, CustomerDetails(name="王大丽", phone=PHONE), policy=RULES, now=now)
        form = read(now, birthday="2016-05-01", guardian_name=" 王\u3000妈妈 ", is_guardian=True)
        row = sign_up(session, new_form(), form, policy=RULES, now=now)
        adopt_sign_up(session, row.id, birthday=True, consents=True, policy=RULES, now=now)
    with database.reading() as session:
        assert {one.purpose: one.given_by for one in session.exec(select(Consent))} == {
            Purpose.GUARDIAN: "监护人王妈妈，扫码登记，店员核对后采用"
        }


def test_a_guardian_with_a_long_name_still_says_how() -> None:
    said = said_by_guardian("长" * 80, "扫码登记时同意")
    assert len(said) == HOW_MAX
    assert said.endswith("，扫码登记时同意")


def test_what_is_not_taken_over_leaves_the_record_and_is_forgotten(
    database: Database, now: datetime, waiting: int
) -> None:
    with database.writing() as session:
        dismiss_sign_up(session, waiting, now=now)
        with pytest.raises(SignUpSettled):
            adopt_sign_up(session, waiting, name=True, policy=RULES, now=now)
        with pytest.raises(NotFound):
            dismiss_sign_up(session, 9999, now=now)
    with database.reading() as session:
        assert session.exec(select(Customer.name)).one() == "王大丽"
        assert session.exec(select(Consent)).all() == []
        assert session.get(SignUp, waiting).told is None


def test_a_form_is_hurried_until_a_second_after_it_was_drawn(now: datetime) -> None:
    stamp = stamped(now)
    assert is_hurried(stamp, now + HURRY - timedelta(milliseconds=1))
    assert not is_hurried(stamp, now + HURRY)
    assert is_hurried(stamp.replace(stamp[0], "0", 1), now + HURRY), "a moment nobody gave out"


def statements(database: Database, work: Callable[[Session], object]) -> int:
    """How much is asked of the database."""
    heard: list[str] = []

    def hear(connection: object, cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    event.listen(database.engine, "before_cursor_execute", hear)
    with database.writing() as session:
        work(session)
    event.remove(database.engine, "before_cursor_execute", hear)
    return len(heard)


def test_a_known_phone_costs_as_much_as_a_new_one_and_leaves_nothing_of_it(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long the answer takes would tell whose phone is known."""

    def once(session: Session) -> None:
        sign_up(session, new_form(), read(now, consents=("marketing.sms",)), policy=RULES, now=now)

    new, known = (statements(database, once) for _ in range(2))
    series = select(Counter.value).where(Counter.name == MEMBER_SERIES)
    with database.reading() as session:
        assert session.exec(select(Customer.member_no)).one() == member_no(session.exec(series).one())
        created = session.exec(select(AuditEntry.subject).where(AuditEntry.action == AuditAction.CREATE)).all()
        assert (created.count("customers"), created.count("consents"), created.count("sign_ups")) == (1, 2, 2)
    assert abs(known - new) <= new * 0.2, (new, known)
    monkeypatch.setattr(sign_ups, "_new_member", lambda *_, **__: None)
    assert statements(database, once) < known * 0.7, "the work that is taken back is what makes them alike"
