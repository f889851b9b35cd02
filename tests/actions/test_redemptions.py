"""Points are handed in for what the catalogue offers, and taken back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from app.actions.points import earn_points
from app.actions.redemptions import Wanted, redeem, return_redemption
from app.db import Database
from app.models import PointsEntry, Redemption, Reward, Tier
from app.rules.points import NotEnoughPoints, PointsFrozen, ReferenceTaken
from app.rules.purchases import SaleLine
from app.rules.redemptions import (
    AlreadyReturned,
    PointsExceedSale,
    PointsNeedCustomer,
    ReferenceUnusable,
    RewardClosed,
    RewardCostsOther,
    RewardNotForTier,
    RewardOftenEnough,
    RewardOut,
    RewardUnknown,
)
from app.vocabulary import RewardKind
from tests.actions.earning_shop import Counter, counter
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW

TODAY = date(2026, 11, 24)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def till(session: Session) -> Counter:
    """A counter with a customer who has a thousand points that end in a month."""
    till = counter(session)
    give(till, 1_000)
    return till


def give(till: Counter, points: int) -> None:
    """Points from nowhere."""
    earn_points(
        till.session, till.customer_id, points, reference=f"G{next(till.numbers)}", reason="", now=till.now, zone=ZONE,
        expires_on=TODAY + timedelta(days=30),
    )  # fmt: skip


def reward(session: Session, **values: Any) -> int:
    """Something in the catalogue for 300 points."""
    row = Reward(**{"name": "面膜", "kind": RewardKind.PRODUCT, "points": 300} | values)
    session.add(row)
    session.flush()
    return row.id or 0


def wants(till: Counter, wanted: Wanted, customer_id: int = 0) -> Redemption:
    """She hands points in."""
    return redeem(till.session, customer_id or till.customer_id, wanted, now=till.now, zone=ZONE)


def test_a_reward_costs_its_points_and_one_of_the_stock(till: Counter, session: Session) -> None:
    number = reward(session, stock=1)
    first = wants(till, Wanted(300, "D1", number))
    assert (till.balance, session.get_one(Reward, number).stock) == (700, 0)
    assert wants(till, Wanted(300, "D1", number)).id == first.id, "the same reference is the same redemption"
    with pytest.raises(RewardOut):
        wants(till, Wanted(300, "D2", number))
    assert till.balance == 700


@pytest.mark.parametrize("changed", [{"points": 301}, {"reward_id": None}])
def test_a_reference_means_one_thing(till: Counter, session: Session, changed: dict[str, Any]) -> None:
    wanted = Wanted(300, "D1", reward(session))
    wants(till, wanted)
    with pytest.raises(ReferenceTaken):
        wants(till, replace(wanted, **changed))


def test_of_two_customers_only_one_has_the_reference(till: Counter, session: Session) -> None:
    wants(till, Wanted(10, "D1"))
    other = new_customer(session)
    earn_points(session, other, 100, reference="Y", reason="", now=NOW, zone=ZONE)
    with pytest.raises(ReferenceTaken):
        wants(till, Wanted(10, "D1"), other)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"is_active": False}, RewardClosed),
        ({"starts_on": TODAY + timedelta(days=1)}, RewardClosed),
        ({"ends_on": TODAY - timedelta(days=1)}, RewardClosed),
        ({"stock": 0}, RewardOut),
        ({"points": 299}, RewardCostsOther),
        ({"points": 1_001}, RewardCostsOther),
        ({"starts_on": TODAY, "ends_on": TODAY, "stock": 1, "most_per_customer": 1}, None),
    ],
)
def test_what_the_catalogue_refuses_costs_nothing(
    till: Counter, session: Session, values: dict[str, Any], refusal: type[Exception] | None
) -> None:
    wanted = Wanted(300, "D1", reward(session, **values))
    if refusal is None:
        wants(till, wanted)
        assert till.balance == 700
        return
    with pytest.raises(refusal):
        wants(till, wanted)
    assert till.balance == 1_000


def test_some_rewards_are_for_higher_tiers_and_not_too_often(till: Counter, session: Session) -> None:
    silver = session.exec(select(Tier).where(Tier.rank == 2)).one()
    number = reward(session, tier_id=silver.id, most_per_customer=1)
    with pytest.raises(RewardNotForTier):
        wants(till, Wanted(300, "D1", number))
    till.sell(100_000)
    first = wants(till, Wanted(300, "D1", number))
    with pytest.raises(RewardOftenEnough):
        wants(till, Wanted(300, "D2", number))
    return_redemption(session, first.id or 0, **till.how)
    wants(till, Wanted(300, "D3", number))


def test_what_is_returned_goes_back_whence_it_came_once(till: Counter, session: Session) -> None:
    number = reward(session, stock=5)
    redemption = wants(till, Wanted(300, "D1", number))
    return_redemption(session, redemption.id or 0, reason="不要了", **till.how)
    assert (till.balance, session.get_one(Reward, number).stock, redemption.returned_at) == (1_000, 5, NOW)
    with pytest.raises(AlreadyReturned):
        return_redemption(session, redemption.id or 0, **till.how)
    assert till.balance == 1_000


def test_what_is_not_there_is_refused_with_the_promised_code(till: Counter) -> None:
    with pytest.raises(NotEnoughPoints) as refused:
        wants(till, Wanted(1_001, "D1"))
    assert (refused.value.code, refused.value.status) == ("insufficient_points", 409)
    for name in ("", " ", "x" * 101):
        with pytest.raises(ReferenceUnusable):
            wants(till, Wanted(1, name))
    with pytest.raises(RewardUnknown):
        wants(till, Wanted(1, "D1", 999))
    assert till.balance == 1_000


# ── At the till ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_points_pay_at_the_shops_rate(till: Counter, session: Session) -> None:
    sale = till.sell(10_000, points_used=1_000)
    assert (sale.points_used, sale.points_fen, sale.paid_fen, till.balance) == (1_000, 1_000, 9_000, 90)
    spent = session.exec(select(PointsEntry).where(PointsEntry.points == -1_000)).one()
    assert (spent.purchase_id, spent.reference) == (sale.id, f"sale:{sale.order_no}")


def test_a_sale_paid_with_points_alone_earns_nothing_and_gives_all_back(till: Counter) -> None:
    sale = till.sell(1_000, points_used=1_000)
    assert (sale.paid_fen, till.balance) == (0, 0)
    till.sell(0, refund_of=sale.order_no)
    assert till.balance == 1_000


def test_points_that_cannot_pay_leave_no_sale(till: Counter, session: Session) -> None:
    with pytest.raises(PointsExceedSale) as refused:
        till.sell(999, points_used=1_000)
    assert refused.value.values["points"] == 999
    with pytest.raises(NotEnoughPoints):
        till.sell(100_000, points_used=1_001)
    with pytest.raises(PointsNeedCustomer):
        till.sell(lines=(SaleLine(item="护理", amount_fen=10_000),), member_no="", points_used=1)
    assert till.balance == 1_000


def test_a_doubtful_account_pays_nothing(till: Counter, session: Session) -> None:
    entry = session.exec(select(PointsEntry)).first()
    assert entry is not None
    entry.account.frozen_at = NOW
    session.flush()
    with pytest.raises(PointsFrozen):
        wants(till, Wanted(10, "D1"))
