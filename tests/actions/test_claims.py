"""A sale that waits finds its customer: when she becomes known, or by hand."""

from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import col, select

from app.actions.claims import claim_by_number, claim_purchase, is_waiting
from app.actions.customers import create_customer, update_customer
from app.actions.purchases import record_purchase
from app.db import Database
from app.models import Customer, CustomerAlias, Purchase
from app.queries.points import balance_of
from app.rules.claims import MemberNumberUnknown, NotWaiting, PhoneIsShared
from app.rules.customers import CustomerDetails, CustomerErased
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.refusals import NotFound, RuleBroken
from app.vocabulary import CustomerStatus
from tests.actions.test_imports import SALES, ZONE, sales
from tests.conftest import NOW

LATER = NOW + timedelta(days=1)
HEADER = [*SALES[0], "退款"]
WAITING = [
    HEADER,
    ["W1", "2026-11-20", "V7", "", "面霜", "1", "1500", ""],
    ["W2", "2026-11-21", "", "13800138000", "面霜", "1", "20", ""],
    ["W3", "2026-11-22", "", "", "面霜", "1", "-500", "W1"],
    ["A1", "2026-11-22", "", "", "散客", "1", "5", ""],
]


@pytest.fixture
def waiting(database: Database) -> Database:
    """A shop where two sales and a refund wait, and one was nobody's."""
    assert sales(database, WAITING).waiting == 3
    return database


def buyers(database: Database) -> dict[str, int | None]:
    """Whose each sale is."""
    with database.reading() as session:
        return dict(session.exec(select(Purchase.order_no, Purchase.customer_id)).all())


def test_a_new_customer_gets_what_waited_for_her_phone_and_number(waiting: Database) -> None:
    with waiting.writing() as session:
        details = CustomerDetails(name="张", phone="138 0013 8000", member_no="v7")
        hers = create_customer(session, details, policy=Policy(), now=LATER, zone=ZONE)
        assert hers.tier.rank == 2
    assert buyers(waiting) == {"W1": hers.id, "W2": hers.id, "W3": hers.id, "A1": None}
    with waiting.reading() as session:
        assert session.exec(select(Purchase.claimed_at).where(Purchase.order_no == "W1")).one() == LATER


def test_a_phone_that_becomes_known_later_claims_as_well(waiting: Database) -> None:
    with waiting.writing() as session:
        hers = create_customer(session, CustomerDetails(name="张"), policy=Policy(), now=NOW)
        update_customer(session, hers.id or 0, CustomerDetails(note="x"), now=LATER)
        assert session.exec(select(Purchase.customer_id).where(Purchase.order_no == "W2")).one() is None
        update_customer(session, hers.id or 0, CustomerDetails(phone="13800138000"), now=LATER, zone=ZONE)
    assert buyers(waiting) == {"W1": None, "W2": hers.id, "W3": None, "A1": None}


def test_what_a_till_sold_her_before_she_was_known_earns_when_it_is_hers(database: Database) -> None:
    sale = Sale(order_no="T1", occurred_at=NOW, lines=(SaleLine(item="护理", amount_fen=9_900),), phone="13800138000")
    with database.writing() as session:
        record_purchase(session, sale, policy=Policy(), now=NOW, zone=ZONE, may_wait=True)
        hers = create_customer(session, CustomerDetails(name="张"), policy=Policy(), now=NOW).id or 0
        update_customer(session, hers, CustomerDetails(phone="13800138000"), now=LATER, zone=ZONE)
        assert balance_of(session, hers) == 99


def test_nobody_gives_her_a_sale_without_saying_what_day_it_is_in_the_shop(waiting: Database) -> None:
    """It would be hers and have earned nothing, and nobody would look at it again."""
    details = CustomerDetails(name="张", phone="13800138000")
    with pytest.raises(ValueError, match="zone"), waiting.writing() as session:
        create_customer(session, details, policy=Policy(), now=LATER)
    assert buyers(waiting)["W2"] is None


def test_a_sale_is_claimed_by_hand_with_its_refund(waiting: Database) -> None:
    with waiting.writing() as session:
        hers = create_customer(session, CustomerDetails(name="张", member_no="V1"), policy=Policy(), now=NOW)
        session.add(CustomerAlias(member_no="OLD", customer_id=hers.id or 0))
        refund = session.exec(select(Purchase).where(Purchase.order_no == "W3")).one()
        assert is_waiting(refund)
        assert claim_by_number(session, refund.id or 0, member_no="old", policy=Policy(), now=LATER, zone=ZONE) == 2
    assert buyers(waiting) == {"W1": hers.id, "W2": None, "W3": hers.id, "A1": None}
    assert sales(waiting, WAITING).unchanged == 4


@pytest.mark.parametrize("typed", ["+86 139 0013 9000", "13900139000"])
def test_a_whole_phone_says_as_well_whose_a_sale_is(waiting: Database, typed: str) -> None:
    with waiting.writing() as session:
        hers = create_customer(session, CustomerDetails(name="张", phone="13900139000"), policy=Policy(), now=NOW).id
        sale_id = session.exec(select(Purchase.id).where(Purchase.order_no == "W1")).one() or 0
        claim = partial(claim_by_number, session, sale_id, member_no=typed, policy=Policy(), now=LATER, zone=ZONE)
        with pytest.raises(MemberNumberUnknown):
            claim(whom=col(Customer.name) == "李")
        assert claim() == 2
    assert buyers(waiting)["W1"] == hers


@pytest.mark.parametrize("reason", ["", "母女共用"])
def test_a_phone_several_share_asks_for_the_number(waiting: Database, reason: str) -> None:
    with waiting.writing() as session:
        for name, why in (("张小", "母女共用"), ("张", reason)):
            shared = CustomerDetails(name=name, phone="13900139000", phone_shared_reason=why)
            create_customer(session, shared, policy=Policy(), now=NOW)
        sale_id = session.exec(select(Purchase.id).where(Purchase.order_no == "W1")).one() or 0
        with pytest.raises(PhoneIsShared):
            claim_by_number(session, sale_id, member_no="13900139000", policy=Policy(), now=LATER, zone=ZONE)
    assert buyers(waiting)["W1"] is None


@pytest.mark.parametrize(
    ("order_no", "member_no", "refusal"),
    [
        ("A1", "V1", NotWaiting),
        ("W1", "V2", MemberNumberUnknown),
        ("W1", "她", MemberNumberUnknown),
        ("W1", "V3", CustomerErased),
        ("", "V1", NotFound),
    ],
)
def test_what_cannot_be_claimed_stays(
    waiting: Database, order_no: str, member_no: str, refusal: type[RuleBroken]
) -> None:
    with waiting.writing() as session:
        for number in ("V1", "V3"):
            create_customer(session, CustomerDetails(name="张", member_no=number), policy=Policy(), now=NOW)
        session.exec(select(Customer).where(Customer.member_no == "V3")).one().status = CustomerStatus.ERASED
    before = buyers(waiting)
    with waiting.writing() as session:
        sale_id = session.exec(select(Purchase.id).where(Purchase.order_no == order_no)).first() or 0
        with pytest.raises(refusal):
            claim_by_number(session, sale_id, member_no=member_no, policy=Policy(), now=LATER, zone=ZONE)
    assert buyers(waiting) == before


@pytest.mark.parametrize("member_no", ["V1", "OLD"])
def test_nobody_claims_for_a_customer_she_may_not_see(waiting: Database, member_no: str) -> None:
    with waiting.writing() as session:
        hers = create_customer(session, CustomerDetails(name="张", member_no="V1"), policy=Policy(), now=NOW).id or 0
        session.add(CustomerAlias(member_no="OLD", customer_id=hers))
        sale_id = session.exec(select(Purchase.id).where(Purchase.order_no == "W1")).one() or 0
        claim = partial(claim_by_number, session, sale_id, member_no=member_no, policy=Policy(), now=LATER, zone=ZONE)
        with pytest.raises(MemberNumberUnknown):
            claim(whom=col(Customer.id) != hers)
        assert claim(whom=col(Customer.id) == hers) == 2


def test_a_sale_is_claimed_once(waiting: Database) -> None:
    with waiting.writing() as session:
        hers = create_customer(session, CustomerDetails(name="张"), policy=Policy(), now=NOW).id or 0
        sale_id = session.exec(select(Purchase.id).where(Purchase.order_no == "W2")).one() or 0
        claim_purchase(session, sale_id, customer_id=hers, policy=Policy(), now=LATER, zone=ZONE)
        with pytest.raises(NotWaiting):
            claim_purchase(session, sale_id, customer_id=hers, policy=Policy(), now=LATER, zone=ZONE)
