"""Ways to a customer that changed, that lead nowhere, that work again."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from app.actions.contacts import mark_invalid, mark_valid
from app.actions.customers import create_customer, update_customer
from app.columns import opened
from app.db import Database
from app.models import ContactEvent, Customer
from app.rules.contacts import ContactAlreadyInvalid, ContactIsEmpty, ContactWorks
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import ContactEventKind, ContactKind

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def li(session: Session, now: datetime) -> Customer:
    """A customer with a phone and an address for mail."""
    details = CustomerDetails(name="李梅", phone="13800138000", email="limei@example.cn")
    return create_customer(session, details, policy=Policy(), now=now)


def events(session: Session) -> list[tuple[ContactKind, ContactEventKind, str]]:
    """What was written down, in order."""
    rows = session.exec(select(ContactEvent).order_by(ContactEvent.id))  # type: ignore[arg-type]
    return [(row.contact, row.kind, row.old_masked) for row in rows]


def test_a_new_number_leaves_the_old_one_in_the_history(session: Session, li: Customer, now: datetime) -> None:
    update_customer(session, li.id or 0, CustomerDetails(phone="13900139000", email="li@example.cn"), now=now)
    assert events(session) == [
        (ContactKind.PHONE, ContactEventKind.REPLACED, "138****8000"),
        (ContactKind.EMAIL, ContactEventKind.REPLACED, "li***@example.cn"),
    ]
    kept = session.exec(select(ContactEvent)).first()
    assert kept is not None
    assert opened(kept.old_value) == "+8613800138000"


def test_the_same_again_and_a_first_one_are_no_change(session: Session, li: Customer, now: datetime) -> None:
    update_customer(session, li.id or 0, CustomerDetails(phone="138 0013 8000", wechat="limei88", note="靠窗"), now=now)
    assert events(session) == []


def test_a_dead_number_is_marked_once_and_a_new_one_is_alive(session: Session, li: Customer, now: datetime) -> None:
    mark_invalid(session, li.id or 0, contact=ContactKind.PHONE, reason="停机", now=now, zone=ZONE)
    assert str(li.phone_invalid_on) == "2026-11-24"
    with pytest.raises(ContactAlreadyInvalid):
        mark_invalid(session, li.id or 0, contact=ContactKind.PHONE, reason="停机", now=now, zone=ZONE)
    update_customer(session, li.id or 0, CustomerDetails(phone="13900139000"), now=now)
    assert li.phone_invalid_on is None
    assert [kind for _, kind, _ in events(session)] == [ContactEventKind.INVALID, ContactEventKind.REPLACED]


def test_it_works_after_all(session: Session, li: Customer, now: datetime) -> None:
    with pytest.raises(ContactWorks):
        mark_valid(session, li.id or 0, contact=ContactKind.EMAIL, now=now)
    mark_invalid(session, li.id or 0, contact=ContactKind.EMAIL, reason="退信", now=now, zone=ZONE)
    mark_valid(session, li.id or 0, contact=ContactKind.EMAIL, now=now)
    assert li.email_invalid_on is None


def test_what_is_not_there_cannot_be_dead(session: Session, now: datetime) -> None:
    wang = create_customer(session, CustomerDetails(name="王芳", phone="13700137000"), policy=Policy(), now=now)
    with pytest.raises(ContactIsEmpty):
        mark_invalid(session, wang.id or 0, contact=ContactKind.EMAIL, reason="", now=now, zone=ZONE)
