"""Photos of treatments: only while the customer agrees."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from app.actions.consents import ConsentDetails, grant_consent, withdraw_consent
from app.actions.customers import create_customer
from app.actions.photos import PhotoDetails, PhotoFile, add_photo, remove_withdrawn
from app.db import Database
from app.models import Consent, Photo, Visit
from app.queries.photos import photo_file, photos_allowed, photos_of
from app.queries.scopes import ANYTHING
from app.rules.customers import CustomerDetails
from app.rules.photos import KEPT_AFTER_WITHDRAWAL_DAYS, PhotoOfOtherCustomer, PhotoWithoutConsent
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import PhotoKind, Purpose

FILE = PhotoFile("a" * 32, "b" * 64, 300, 400)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


def customer(session: Session, now: datetime, name: str = "李梅") -> int:
    """A customer's number."""
    return create_customer(session, CustomerDetails(name=name), policy=Policy(), now=now).id or 0


def agreed(session: Session, number: int, now: datetime, purpose: Purpose = Purpose.PHOTOS) -> Consent:
    """She said yes."""
    return grant_consent(session, ConsentDetails(number, purpose, given_by="当面"), policy=Policy(), now=now)


def photo(session: Session, number: int, now: datetime, visit_id: int | None = None) -> Photo:
    """A photo of her."""
    details = PhotoDetails(number, PhotoKind.AFTER, date(2026, 11, 24), visit_id=visit_id, note="左脸")
    return add_photo(session, details, FILE, now=now, staff_id=None)


def test_without_her_yes_there_is_no_photo(session: Session, now: datetime) -> None:
    li = customer(session, now)
    agreed(session, li, now, Purpose.PHOTOS_PUBLIC)  # another yes is not this one
    with pytest.raises(PhotoWithoutConsent):
        photo(session, li, now)


def test_with_it_there_is(session: Session, now: datetime) -> None:
    li = customer(session, now)
    agreed(session, li, now)
    taken = photo(session, li, now)
    assert [one.id for one in photos_of(session, li)] == [taken.id]
    assert photo_file(session, taken.id or 0, ANYTHING) == FILE.file_key


def test_of_another_customers_visit_it_cannot_be(session: Session, now: datetime) -> None:
    li, wang = customer(session, now), customer(session, now, "王芳")
    agreed(session, li, now)
    visit = Visit(customer_id=wang, visited_at=now)
    session.add(visit)
    session.flush()
    with pytest.raises(PhotoOfOtherCustomer):
        photo(session, li, now, visit.id)
    with pytest.raises(NotFound):
        photo(session, 999, now)


def test_after_her_no_it_is_shown_to_nobody_and_gone_in_time(session: Session, now: datetime) -> None:
    li = customer(session, now)
    consent = agreed(session, li, now)
    taken = photo(session, li, now)
    withdraw_consent(session, consent.id or 0, now=now)
    assert not photos_allowed(session, li)
    assert photos_of(session, li) == ()
    assert photo_file(session, taken.id or 0, ANYTHING) is None
    almost = now + timedelta(days=KEPT_AFTER_WITHDRAWAL_DAYS) - timedelta(seconds=1)
    assert remove_withdrawn(session, now=almost) == 0
    assert remove_withdrawn(session, now=almost + timedelta(seconds=1)) == 1
    assert session.exec(select(Photo)).all() == []
    assert remove_withdrawn(session, now=almost + timedelta(days=9)) == 0


def test_a_yes_said_anew_keeps_them(session: Session, now: datetime) -> None:
    li = customer(session, now)
    consent = agreed(session, li, now)
    photo(session, li, now)
    withdraw_consent(session, consent.id or 0, now=now)
    agreed(session, li, now + timedelta(days=2))
    assert remove_withdrawn(session, now=now + timedelta(days=90)) == 0
