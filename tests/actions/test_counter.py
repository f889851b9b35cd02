"""The counter sells and takes back by the till's own way."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from app.actions.counter import CounterSale, counter_order_no, refund_at_counter, sell_at_counter
from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.actions.till import take_sale
from app.db import Database
from app.models import EarningRule, Purchase, PurchaseLine
from app.queries.api_keys import Caller
from app.queries.points import balance_of, check_ledger
from app.rules.counter import RefundReasonMissing, is_counter_order
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.purchases import OrderDiffers, RefundTooLarge, Sale, SaleLine
from app.vocabulary import EarningKind

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=ZONE)
HERS = {"policy": Policy(), "now": NOW, "zone": ZONE}
NO = "S261124-AAAAAA"


@pytest.fixture
def hers(database: Database) -> int:
    """A customer with 1,000 points in a shop that gives one for each yuan."""
    with database.writing() as session:
        session.add(EarningRule(name="消费", kind=EarningKind.PURCHASE, points=1, per_fen=100))
        customer = create_customer(session, CustomerDetails(name="王小丽"), policy=Policy(), now=NOW)
        earn_points(session, customer.id or 0, 1000, reference="e", reason="礼", now=NOW, zone=ZONE)
        return customer.id or 0


def sale(fen: int = 20000, order_no: str = NO, **given: int) -> CounterSale:
    return CounterSale(order_no, (SaleLine(item="护理", amount_fen=fen),), **given)


def paid(session: Session) -> list[int]:
    return list(session.exec(select(Purchase.paid_fen).order_by(Purchase.id)))


def test_the_counter_and_a_till_record_the_same_sale_the_same_way(database: Database, hers: int) -> None:
    caller = Caller(1, "收银机", None, "", None)
    with database.writing() as session:
        at_desk = sell_at_counter(session, hers, sale(points_used=100), **HERS)
        told = Sale(
            order_no="T1", occurred_at=NOW, lines=sale().lines, member_no=at_desk.customer.member_no, points_used=100
        )
        take_sale(session, told, caller=caller, **HERS)
        till = session.exec(select(Purchase).where(Purchase.order_no == "T1")).one()
        alike = ("customer_id", "paid_fen", "points_used", "points_fen", "store_id", "channel", "fingerprint")
        assert [getattr(at_desk, one) for one in alike] == [getattr(till, one) for one in alike]
        assert at_desk.paid_fen < 20000
        assert check_ledger(session) == []


def test_the_same_number_again_changes_nothing_and_another_number_does(database: Database, hers: int) -> None:
    for order_no, fen in ((NO, 20000), (NO, 5000), ("S261124-BBBBBB", 20000)):
        with database.writing() as session:
            assert sell_at_counter(session, hers, sale(fen, order_no), **HERS).paid_fen == 20000
    with database.reading() as session:
        assert paid(session) == [20000, 20000]  # the second number: what a number of its own would have done twice
        assert balance_of(session, hers) == 1400


def test_nobody_else_gets_a_sale_under_her_number(database: Database, hers: int) -> None:
    with database.writing() as session:
        sell_at_counter(session, hers, sale(), **HERS)
        other = create_customer(session, CustomerDetails(name="李"), policy=Policy(), now=NOW).id or 0
        with pytest.raises(OrderDiffers):
            sell_at_counter(session, other, sale(), **HERS)


def test_taken_back_whole_it_leaves_her_as_she_was(database: Database, hers: int) -> None:
    with database.writing() as session:
        done = sell_at_counter(session, hers, sale(points_used=100), **HERS)
        refund_at_counter(session, done.id or 0, amount="", reason=" 记错了 ", **HERS)
        assert sum(paid(session)) == 0
        assert balance_of(session, hers) == 1000
        assert check_ledger(session) == []
        lines = select(PurchaseLine.item).where(PurchaseLine.purchase_id != done.id)
        assert session.exec(lines).one() == "退款：记错了"
        with pytest.raises(RefundTooLarge):
            refund_at_counter(session, done.id or 0, amount="", reason="再退", **HERS)


def test_a_part_goes_back_with_its_points_and_the_rest_after_it(database: Database, hers: int) -> None:
    with database.writing() as session:
        done = sell_at_counter(session, hers, sale(), **HERS)
        refund_at_counter(session, done.id or 0, amount="５0", reason="少做一项", **HERS)
        assert balance_of(session, hers) == 1150
        with pytest.raises(RefundTooLarge) as refusal:
            refund_at_counter(session, done.id or 0, amount="150.01", reason="x", **HERS)
        assert refusal.value.field == "amount"
        refund_at_counter(session, done.id or 0, amount="", reason="全退", **HERS)
        assert paid(session) == [20000, -5000, -15000]
        assert balance_of(session, hers) == 1000


def test_no_money_goes_back_without_a_reason(database: Database, hers: int) -> None:
    with database.writing() as session:
        done = sell_at_counter(session, hers, sale(), **HERS)
        with pytest.raises(RefundReasonMissing):
            refund_at_counter(session, done.id or 0, amount="", reason="  ", **HERS)


def test_a_number_of_the_counter_is_known_as_one() -> None:
    number = counter_order_no(NOW)
    assert number.startswith("S261124-")
    assert is_counter_order(number)
    assert not is_counter_order("T1")
