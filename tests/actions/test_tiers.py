"""Tiers follow what customers buy."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from app.actions.customers import create_customer
from app.actions.purchases import record_purchase
from app.actions.tiers import review_tier
from app.db import Database
from app.models import Customer, Tier
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = Policy()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def customer(session: Session, now: datetime) -> Customer:
    """Somebody on the lowest tier."""
    return create_customer(session, CustomerDetails(name="张", member_no="V1"), policy=POLICY, now=now)


def buy(session: Session, fen: int, at: datetime, now: datetime, **values: str) -> None:
    """V1 buys something."""
    number = values.pop("order_no", f"{at.isoformat()}/{fen}")
    sale = Sale(order_no=number, occurred_at=at, member_no="V1", lines=(SaleLine(item="x", amount_fen=fen),), **values)  # type: ignore[arg-type]
    record_purchase(session, sale, policy=POLICY, now=now, zone=ZONE)


def tier_of(session: Session, customer: Customer) -> int:
    """The rank she has."""
    return session.exec(select(Tier.rank).where(Tier.id == customer.tier_id)).one()


@pytest.mark.parametrize(("fen", "rank"), [(99_999, 1), (100_000, 2), (499_999, 2), (500_000, 3), (2_000_000, 4)])
def test_a_purchase_lifts_at_once_when_the_threshold_is_met(
    session: Session, customer: Customer, now: datetime, fen: int, rank: int
) -> None:
    buy(session, fen, now, now)
    assert tier_of(session, customer) == rank


def test_a_risen_tier_lasts_its_months(session: Session, customer: Customer, now: datetime) -> None:
    assert customer.tier_until_on is None
    buy(session, 100_000, now, now)
    assert customer.tier_until_on == date(2027, 11, 24)


@pytest.mark.parametrize(("days", "rank"), [(5, 1), (6, 2)])
def test_visits_on_different_days_lift_too(
    session: Session, customer: Customer, now: datetime, days: int, rank: int
) -> None:
    for day in range(days):
        buy(session, 1, now - timedelta(days=day), now)
        buy(session, 2, now - timedelta(days=day), now)
    assert tier_of(session, customer) == rank


@pytest.mark.parametrize(
    ("at", "rank"),
    [
        (datetime(2025, 11, 23, 15, 59, 59, tzinfo=UTC), 1),  # 23 November 23:59:59 in Shanghai: a day too old
        (datetime(2025, 11, 23, 16, 0, tzinfo=UTC), 2),  # 24 November 00:00 in Shanghai: the window's first moment
    ],
)
def test_only_what_was_bought_in_the_window_counts(
    session: Session, customer: Customer, now: datetime, at: datetime, rank: int
) -> None:
    buy(session, 100_000, at, now)
    assert tier_of(session, customer) == rank


def test_a_refunded_sale_never_counted(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 60_000, now - timedelta(days=2), now, order_no="A1")
    buy(session, 60_000, now - timedelta(days=1), now, order_no="R1", refund_of="A1")
    buy(session, 40_000, now, now)
    assert tier_of(session, customer) == 1


def test_nobody_falls_at_a_purchase(session: Session, customer: Customer, now: datetime) -> None:
    buy(session, 500_000, now, now)
    later = now + timedelta(days=400)
    buy(session, 1, later, later)
    assert tier_of(session, customer) == 3
    assert not review_tier(session, customer.id or 0, policy=POLICY, now=later, zone=ZONE)


def test_a_tier_out_of_use_is_not_given(session: Session, customer: Customer, now: datetime) -> None:
    session.exec(select(Tier).where(Tier.rank == 2)).one().is_active = False
    buy(session, 100_000, now, now)
    assert tier_of(session, customer) == 1
