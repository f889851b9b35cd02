"""The one way a customer's record is made and changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from app.actions import customers
from app.actions.customers import create_customer, update_customer
from app.columns import blind_index
from app.db import Database
from app.models import AuditEntry, Counter, Customer, CustomerTag, Tag, Tier
from app.rules.customers import CustomerDetails, EmailWrong, ErasedByHand, MemberNumberTaken, NoTier, PhoneTaken
from app.rules.member_numbers import is_valid, member_no
from app.rules.names import NameMissing
from app.rules.phones import PhoneWrong
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import Calendar, CustomerStatus, Gender, Source

PHONE = "138 0013 8000"
LI = CustomerDetails(name=" 曾晓丽 ", phone=PHONE)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


def create(session: Session, details: CustomerDetails, now: datetime) -> Customer:
    """A record made as any room makes it."""
    return create_customer(session, details, policy=Policy(), now=now)


def ids_with(session: Session, e164: str) -> list[int | None]:
    """Whose number this is, found without reading anybody's."""
    found = select(Customer.id).where(Customer.phone_index == blind_index(e164, "customers.phone"))
    return list(session.exec(found.order_by(Customer.id)))  # type: ignore[arg-type]


def test_a_new_customer_has_a_number_a_tier_and_her_sounds(session: Session, now: datetime) -> None:
    customer = create(session, LI, now)
    assert is_valid(customer.member_no)
    assert (customer.name, customer.name_pinyin, customer.name_initials) == ("曾晓丽", "zengxiaoli", "zxl")
    assert customer.tier_id == session.exec(select(Tier.id).order_by(Tier.rank)).first()  # type: ignore[arg-type]
    assert (customer.phone, customer.phone_last4, customer.phone_masked) == ("+8613800138000", "8000", "138****8000")
    assert customer.source is Source.STORE


def test_numbers_follow_each_other_and_skip_what_a_till_gave_out(session: Session, now: datetime) -> None:
    first = create(session, LI, now)
    series = session.exec(select(Counter).where(Counter.name == "member_no")).one()
    create(session, CustomerDetails(name="王", member_no=member_no(series.value + 1)), now)
    third = create(session, CustomerDetails(name="李"), now)
    assert first.member_no == member_no(series.value - 2)
    assert third.member_no == member_no(series.value)


def test_a_phone_lies_encrypted_and_is_found_whole(database: Database, now: datetime) -> None:
    with database.writing() as session:
        made = create(session, LI, now).id
    with database.reading() as session:
        assert ids_with(session, "+8613800138000") == [made]
        assert ids_with(session, "+8613800138001") == []
        sealed = session.connection().execute(text("SELECT phone FROM customers")).scalar_one()
        assert b"13800138000" not in bytes(sealed)


def test_a_phone_belongs_to_one_record_and_the_refusal_names_it(session: Session, now: datetime) -> None:
    first = create(session, LI, now)
    with pytest.raises(PhoneTaken) as refusal:
        create(session, CustomerDetails(name="王", phone="+86-13800138000"), now)
    assert (refusal.value.code, refusal.value.field) == ("phone_taken", "phone")
    assert first.member_no in refusal.value.say(str)
    assert "8000" not in refusal.value.say(str)


def test_a_family_may_share_a_phone_with_a_reason(session: Session, now: datetime) -> None:
    mother = create(session, LI, now)
    daughter = create(session, CustomerDetails(name="曾小小", phone=PHONE, phone_shared_reason="母女"), now)
    assert daughter.id != mother.id
    assert ids_with(session, "+8613800138000") == [mother.id, daughter.id]
    with pytest.raises(PhoneTaken):
        update_customer(session, daughter.id or 0, CustomerDetails(phone_shared_reason=""), now=now)


@pytest.mark.parametrize(
    ("details", "refusal", "field"),
    [
        (CustomerDetails(phone=PHONE), NameMissing, "name"),
        (CustomerDetails(name="  "), NameMissing, "name"),
        (CustomerDetails(name="王", phone="123"), PhoneWrong, "phone"),
        (CustomerDetails(name="王", email="x"), EmailWrong, "email"),
    ],
)
def test_a_wrong_field_is_named(
    session: Session, now: datetime, details: CustomerDetails, refusal: type[Exception], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        create(session, details, now)
    assert refused.value.field == field  # type: ignore[attr-defined]


def test_a_given_number_is_kept_once(session: Session, now: datetime) -> None:
    assert create(session, CustomerDetails(name="王", member_no="v-01"), now).member_no == "V-01"
    with pytest.raises(MemberNumberTaken):
        create(session, CustomerDetails(name="李", member_no="V-01"), now)


def test_without_a_tier_nobody_can_join(session: Session, now: datetime) -> None:
    for tier in session.exec(select(Tier)):
        tier.is_active = False
    with pytest.raises(NoTier):
        create(session, LI, now)


def test_what_is_not_given_stays_and_an_empty_text_clears(session: Session, now: datetime) -> None:
    details = CustomerDetails(name="王", phone=PHONE, email="a@b.cn", birthday="农历八月十五", gender=Gender.FEMALE)
    customer = create(session, details, now)
    update_customer(session, customer.id or 0, CustomerDetails(note="常客"), now=now)
    assert (customer.name, customer.email, customer.birthday, customer.note) == ("王", "a@b.cn", "08-15", "常客")
    assert (customer.birthday_calendar, customer.birth_month, customer.birth_day) == (Calendar.LUNAR, 8, 15)
    update_customer(session, customer.id or 0, CustomerDetails(email="", phone="", birthday=""), now=now)
    assert (customer.email, customer.phone, customer.phone_index, customer.phone_masked) == ("", None, None, "")
    assert (customer.birthday, customer.birth_month) == ("", None)


def test_a_changed_phone_changes_all_its_forms(session: Session, now: datetime) -> None:
    customer = create(session, LI, now)
    update_customer(session, customer.id or 0, CustomerDetails(phone="13900139001"), now=now)
    assert (customer.phone, customer.phone_last4, customer.phone_masked) == ("+8613900139001", "9001", "139****9001")
    assert ids_with(session, "+8613900139001") == [customer.id]
    assert ids_with(session, "+8613800138000") == []


def test_a_changed_phone_must_be_free(session: Session, now: datetime) -> None:
    create(session, LI, now)
    other = create(session, CustomerDetails(name="王", phone="13900139001"), now)
    with pytest.raises(PhoneTaken):
        update_customer(session, other.id or 0, CustomerDetails(phone=PHONE), now=now)


def test_nobody_cannot_be_changed(session: Session, now: datetime) -> None:
    with pytest.raises(NotFound):
        update_customer(session, 999, LI, now=now)


def test_tags_are_set_as_given(session: Session, now: datetime) -> None:
    ids = tuple(tag.id or 0 for tag in session.exec(select(Tag).limit(3)))
    customer = create(session, CustomerDetails(name="王", tag_ids=ids[:2]), now)
    update_customer(session, customer.id or 0, CustomerDetails(tag_ids=ids[1:]), now=now)
    rows = session.exec(select(CustomerTag.tag_id).where(CustomerTag.customer_id == customer.id))
    assert set(rows) == set(ids[1:])


def test_no_audit_entry_holds_a_phone_or_a_name(database: Database, now: datetime) -> None:
    with database.writing() as session:
        customer_id = create(session, LI, now).id or 0
    with database.writing() as session:
        update_customer(session, customer_id, CustomerDetails(phone="13900139001"), now=now)
    with database.reading() as session:
        written = "".join(entry.changes for entry in session.exec(select(AuditEntry)))
    assert "phone" in written
    for secret in ("13800138000", "8000", "9001", "曾晓丽", "zengxiaoli"):
        assert secret not in written


def _race(database: Database, now: datetime) -> int:
    """How many records two people at two tills make of one new phone in the same moment."""
    start = Barrier(2)

    def join(name: str) -> None:
        start.wait()
        with suppress(PhoneTaken), database.writing() as session:
            create(session, CustomerDetails(name=name, phone=PHONE), now)

    with ThreadPoolExecutor(2) as people:
        list(people.map(join, ("甲", "乙")))
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(Customer)).one()


def test_two_at_once_make_one_record_of_a_phone(database: Database, now: datetime) -> None:
    assert _race(database, now) == 1


def test_without_the_guards_two_at_once_would_make_two(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time whatever we do")
    meet = Barrier(2)
    check = customers._check_phone_is_free

    def unlocked(session: Session) -> Counter:
        return session.exec(select(Counter).where(Counter.name == customers.MEMBER_SERIES)).one()

    def both_look_first(*arguments: object) -> None:
        check(*arguments)  # type: ignore[arg-type]
        meet.wait(10)

    monkeypatch.setattr(customers, "lock_member_series", unlocked)
    monkeypatch.setattr(customers, "_check_phone_is_free", both_look_first)
    monkeypatch.setattr(customers, "take_member_nos", lambda session, series, count: [str(id(session))[-8:]])
    with database.engine.begin() as connection:
        connection.execute(text("DROP INDEX uq_customers_phone_index"))
    assert _race(database, now) == 2


def test_nobody_is_erased_by_a_word_in_a_form_and_whoever_was_stays_so(session: Session, now: datetime) -> None:
    erased = CustomerDetails(name="王丽", status=CustomerStatus.ERASED)
    with pytest.raises(ErasedByHand):
        create(session, erased, now)
    customer = create(session, CustomerDetails(name="王丽"), now)
    with pytest.raises(ErasedByHand):
        update_customer(session, customer.id or 0, erased, now=now)
    assert customer.status is CustomerStatus.ACTIVE
    customer.status = CustomerStatus.ERASED
    assert update_customer(session, customer.id or 0, erased, now=now).status is CustomerStatus.ERASED
