"""Sales and refunds come in, each once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import Session, func, select

from app.actions import purchases
from app.actions.customers import create_customer
from app.actions.purchases import Known, record_purchase
from app.db import Database
from app.models import Customer, Product, Purchase, PurchaseLine, Store, Treatment
from app.rules.customers import CustomerDetails
from app.rules.phones import PhoneWrong
from app.rules.policy import Policy
from app.rules.purchases import (
    CustomerUnknown,
    MemberNumberLostZeros,
    RefundOfUnknown,
    RefundTooLarge,
    Sale,
    SaleLine,
    StoreUnknown,
)
from app.vocabulary import SaleChannel
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
LINES = (SaleLine(item="面霜", sku="S1", amount_fen=20000, quantity=2), SaleLine(item="护理", amount_fen=5900))
SALE = Sale(order_no="A1", occurred_at=NOW, lines=LINES, channel=SaleChannel.WECHAT)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def customer(session: Session) -> Customer:
    """Somebody with a number and a phone."""
    details = CustomerDetails(name="张", member_no="00000018", phone="13800138000")
    return create_customer(session, details, policy=Policy(), now=NOW)


def record(session: Session, sale: Sale, now: datetime = NOW) -> Purchase:
    """A sale put in as any room puts it in."""
    return record_purchase(session, sale, policy=Policy(), now=now, zone=ZONE)


def test_a_sale_has_its_lines_and_its_sum(session: Session) -> None:
    purchase = record(session, SALE)
    lines = session.exec(select(PurchaseLine).order_by(PurchaseLine.position)).all()  # type: ignore[arg-type]
    assert (purchase.paid_fen, purchase.channel, purchase.customer_id) == (25900, SaleChannel.WECHAT, None)
    assert [(line.item, line.quantity, line.unit_price_fen, line.amount_fen) for line in lines] == [
        ("面霜", 2, 10000, 20000),
        ("护理", 1, 5900, 5900),
    ]


def test_what_was_paid_may_be_told(session: Session) -> None:
    assert record(session, replace(SALE, paid_fen=25000)).paid_fen == 25000


def test_the_same_order_again_is_the_first_one_unchanged(session: Session) -> None:
    first = record(session, SALE)
    again = record(session, replace(SALE, lines=LINES[:1]))
    assert again.id == first.id
    assert again.paid_fen == 25900
    assert session.exec(select(func.count()).select_from(PurchaseLine)).one() == 2


@pytest.mark.parametrize(
    "buyer",
    [
        {"member_no": "00000018"},
        {"phone": "138 0013 8000"},
        {"member_no": "00000018", "phone": "13900139000"},
        {"member_no": "V9", "phone": "13800138000"},
        {"member_no": "00000018", "phone": "138****8000"},
    ],
)
def test_the_customer_is_found_by_number_then_by_phone(
    session: Session, customer: Customer, buyer: dict[str, str]
) -> None:
    assert record(session, replace(SALE, **buyer)).customer_id == customer.id  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("buyer", "refusal", "field"),
    [
        ({"member_no": "V9"}, CustomerUnknown, "member_no"),
        ({"phone": "13900139000"}, CustomerUnknown, "phone"),
        ({"phone": "138****8000"}, PhoneWrong, "phone"),
        ({"member_no": "18"}, MemberNumberLostZeros, "member_no"),
    ],
)
def test_a_customer_nobody_knows_is_refused(
    session: Session, customer: Customer, buyer: dict[str, str], refusal: type[Exception], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        record(session, replace(SALE, **buyer))  # type: ignore[arg-type]
    assert refused.value.field == field  # type: ignore[attr-defined]


def test_goods_and_treatments_are_found_by_their_code(session: Session) -> None:
    session.add_all([Product(sku="S1", name="面霜"), Treatment(code="T1", name="护理")])
    record(session, replace(SALE, lines=(LINES[0], replace(LINES[1], sku="T1"))))
    lines = session.exec(select(PurchaseLine).order_by(PurchaseLine.position)).all()  # type: ignore[arg-type]
    assert [(bool(line.product_id), bool(line.treatment_id)) for line in lines] == [(True, False), (False, True)]


def test_the_only_store_is_meant_where_none_is_named(session: Session) -> None:
    only = session.exec(select(Store)).one()
    assert record(session, SALE).store_id == only.id
    second = Store(code="S2", name="二店")
    session.add(second)
    session.flush()
    assert record(session, replace(SALE, order_no="A2")).store_id is None
    assert record(session, replace(SALE, order_no="A3", store="二店")).store_id == second.id
    assert record(session, replace(SALE, order_no="A4", store="S2")).store_id == second.id
    with pytest.raises(StoreUnknown):
        record(session, replace(SALE, order_no="A5", store="三店"))


def refund(number: str, fen: int) -> Sale:
    """A refund of A1."""
    return replace(SALE, order_no=number, refund_of="A1", lines=(SaleLine(item="退", amount_fen=fen),))


def test_a_refund_is_negative_and_belongs_to_its_sale(session: Session, customer: Customer) -> None:
    sold = record(session, replace(SALE, member_no="00000018"))
    back = record(session, refund("R1", 5900))
    assert (back.paid_fen, back.refund_of_id, back.customer_id) == (-5900, sold.id, customer.id)


def test_three_refunds_give_back_exactly_what_was_paid(session: Session) -> None:
    record(session, SALE)
    for number, fen in (("R1", 10000), ("R2", -10000), ("R3", 5900)):
        record(session, refund(number, fen))
    with pytest.raises(RefundTooLarge):
        record(session, refund("R4", 1))


def test_a_refund_of_nothing_is_refused(session: Session) -> None:
    with pytest.raises(RefundOfUnknown):
        record(session, refund("R1", 1))


def _told_by_two_tills_at_once(database: Database) -> set[int | None]:
    """The purchases two tills make of one order told in the same moment."""
    start = Barrier(2)

    def tell(_: int) -> int | None:
        with database.writing() as session:
            if not database.is_sqlite:
                start.wait(10)  # SQLite's other writer waits outside
            return record(session, SALE).id

    with ThreadPoolExecutor(2) as tills:
        return set(tills.map(tell, range(2)))


def test_two_tills_telling_one_order_at_once_make_one(database: Database) -> None:
    assert len(_told_by_two_tills_at_once(database)) == 1
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(PurchaseLine)).one() == 2


def test_without_the_unique_number_they_would_make_two(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time whatever we do")
    looked = Barrier(2)
    look_up = purchases.look_up

    def both_look_first(*arguments: object) -> Known:
        known = look_up(*arguments)  # type: ignore[arg-type]
        looked.wait(10)
        return known

    monkeypatch.setattr(purchases, "look_up", both_look_first)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE purchases DROP CONSTRAINT uq_purchases_order_no"))
    assert len(_told_by_two_tills_at_once(database)) == 2
