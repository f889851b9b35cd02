"""What users of other systems reported about points and tiers, one test for each thread.

odoo#206048      points that expire                        test_odoo_206048_points_expire_lot_by_lot
odoo#257854      buy, refund, keep the points, again       test_odoo_257854_buy_refund_keep_points
                                                           test_odoo_257854_buy_refund_buy_keeps_no_tier_either
odoo#238806      deduct on refund                          test_odoo_238806_points_are_deducted_on_refund
odoo#212922      redeemed points deducted again            test_odoo_212922_a_refund_does_not_deduct_the_redeemed_points_again
odoo#221928      a partial refund spends points again      test_odoo_221928_a_partial_refund_spends_no_points_again
odoo#177312      refund lines are counted                  test_odoo_177312_refund_lines_earn_nothing
erpnext#32951    negative points on a return               test_erpnext_32951_negative_loyalty_on_sales_return
erpnext#30242    points of a returned invoice              test_erpnext_30242_points_of_a_returned_invoice_go
erpnext#14888    a return was added to the original        test_erpnext_14888_a_return_is_not_added_to_the_original
erpnext#24672    second tier without its minimum           test_erpnext_24672_no_tier_without_its_minimum
erpnext#22167    an entry uses the wrong tier              test_erpnext_22167_the_tier_of_the_day_counts
erpnext#45450    minimum spent has no effect               test_erpnext_45450_the_minimum_total_spent_takes_effect
erpnext#14930    the same, seven years before              test_erpnext_14930_and_41564_each_tier_at_both_sides_of_its_minimum
erpnext#41564    its mend, years late                      test_erpnext_14930_and_41564_each_tier_at_both_sides_of_its_minimum
erpnext#14847    net or grand total                        test_erpnext_14847_net_of_discounts_is_the_base
                 who is in                                 test_erpnext_14847_whoever_was_there_before_the_rule_earns_without_opting_in
                 the least that is redeemed                test_erpnext_14847_a_reward_has_its_price_and_nothing_below_it
                 what the tier means                       test_erpnext_14847_what_the_tier_means_is_written_beside_it
erpnext#31509    a cash remainder of decimals              test_erpnext_31509_redemption_takes_whole_points_and_leaves_no_fen
open-loyalty#131 tiers by balance                          test_open_loyalty_131_a_balance_lifts_nobody_and_spending_points_lowers_nobody
FloCafe#78       the wallet collapses                      test_flocafe_78_balance_collapse
FloCafe#62       dead setting, no clean-up, one date       test_flocafe_62_every_setting_of_expiry_lives
RepairDesk#1050  gift cards, points on points              test_repairdesk_1050_no_points_on_excluded_goods_nor_on_points
                 refund of what points paid                test_repairdesk_1050_what_points_alone_paid_comes_back_in_points
odoo#145782      two cards for one customer                test_odoo_145782_a_customer_has_one_account
odoo#208134      programmes that are over                  test_odoo_208134_closed_programmes_give_nothing
odoo#171706      the second card is dead after a merge     test_odoo_171706_and_30141_both_records_points_are_there_after_a_merge
odoo#30141       the same, long before                     test_odoo_171706_and_30141_both_records_points_are_there_after_a_merge
erpnext#12631    customers are told their balance          test_erpnext_12631_a_customer_sees_her_balance_and_what_waits
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlmodel import Session, select

from app.actions.merging import merge_customers
from app.actions.points import earn_points, expire_points, spend_points
from app.actions.redemptions import Wanted, redeem
from app.actions.till import RedemptionAsked, take_redemption
from app.db import Database
from app.jobs.errands import Errand
from app.jobs.points import end_points
from app.models import Customer, PointsAccount, PointsLot, Product, Reward, Tier
from app.queries.api_keys import Caller
from app.queries.own_page import purse_of
from app.queries.points import balance_of, lots_of, next_to_expire
from app.queries.tiers import past_tiers
from app.rules.points import NotEnoughPoints, PointsWrong
from app.rules.purchases import RefundTooLarge, SaleLine
from app.rules.redemptions import RewardCostsOther
from app.vocabulary import CategoryOfNeed, EarningKind, PointsKind, RewardKind, TierWhy
from tests.actions.earning_shop import Counter, counter, edit, rule
from tests.actions.points_shop import ZONE
from tests.conftest import NOW


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def till(session: Session) -> Counter:
    """A counter with a customer of the lowest tier: a point for each yuan."""
    return counter(session)


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_odoo_257854_buy_refund_keep_points(till: Counter) -> None:
    """«Unlimited loyalty points at no cost»: ten times round, and she has what she had."""
    for _ in range(10):
        sale = till.sell(88_800)
        assert till.balance == 888
        till.refund(sale, 88_800)
        assert till.balance == 0


def test_odoo_238806_points_are_deducted_on_refund(till: Counter) -> None:
    sale = till.sell(30_000)
    till.refund(sale, 10_000)
    assert till.balance == 200
    assert till.entries("kind", "points") == [(PointsKind.EARN, 300), (PointsKind.REVERSE, -100)]


def test_odoo_212922_a_refund_does_not_deduct_the_redeemed_points_again(till: Counter) -> None:
    """What paid for the sale comes back to her; it is not taken a second time."""
    earn_points(till.session, till.customer_id, 5_000, reference="X", reason="", now=NOW, zone=ZONE)
    sale = till.sell(20_000, points_used=5_000)
    assert (sale.paid_fen, sale.points_fen, till.balance) == (15_000, 5_000, 150)
    till.refund(sale, 15_000)
    assert till.balance == 5_000


def test_odoo_221928_a_partial_refund_spends_no_points_again(till: Counter) -> None:
    earn_points(till.session, till.customer_id, 5_000, reference="X", reason="", now=NOW, zone=ZONE)
    sale = till.sell(20_000, points_used=5_000)
    till.refund(sale, 5_000)
    assert till.entries() == [
        (PointsKind.EARN, 5_000),
        (PointsKind.REDEEM, -5_000),
        (PointsKind.EARN, 150),
        (PointsKind.REVERSE, 1_666),
        (PointsKind.REVERSE, -50),
    ]
    till.refund(sale, 5_000)
    till.refund(sale, 5_000)
    assert till.balance == 5_000, "three partial refunds that sum to 100 % give back exactly 100 %"


def test_odoo_177312_refund_lines_earn_nothing(till: Counter) -> None:
    sale = till.sell(10_000)
    till.refund(sale, 4_000)
    assert [kind for kind, _ in till.entries()].count(PointsKind.EARN) == 1


@pytest.mark.parametrize("parts", [(3_333, 3_333, 3_334), (1, 9_998, 1), (10_000,)])
def test_three_partial_refunds_reverse_exactly_the_whole(till: Counter, parts: tuple[int, ...]) -> None:
    sale = till.sell(10_000)
    for part in parts:
        till.refund(sale, part)
    assert till.balance == 0
    with pytest.raises(RefundTooLarge):
        till.refund(sale, 1)


def test_erpnext_32951_negative_loyalty_on_sales_return(till: Counter) -> None:
    """What was spent meanwhile becomes a debt, which the next points repay."""
    sale = till.sell(10_000)
    redeem(till.session, till.customer_id, Wanted(80, "D1"), now=NOW, zone=ZONE)
    till.refund(sale, 10_000)
    assert till.balance == -80
    till.sell(20_000)
    assert till.balance == 120
    assert [lot.remaining for lot in lots_of(till.session, till.customer_id)] == [120]


def test_erpnext_30242_points_of_a_returned_invoice_go(till: Counter) -> None:
    kept, returned = till.sell(5_000), till.sell(7_000)
    till.refund(returned, 7_000)
    assert (till.balance, kept.paid_fen) == (50, 5_000)


def test_erpnext_14888_a_return_is_not_added_to_the_original(till: Counter) -> None:
    sale = till.sell(10_000)
    till.refund(sale, 10_000)
    assert sale.paid_fen == 10_000
    assert sum(points for _, points in till.entries()) == 0


# ── What earns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_repairdesk_1050_no_points_on_excluded_goods_nor_on_points(till: Counter, session: Session) -> None:
    """A rule of 0 for a kind of goods keeps it out; what points paid earns nothing, on every line its share."""
    session.add(Product(sku="GIFT", name="礼品卡", category=CategoryOfNeed.OTHER))
    rule(session, name="礼品卡不积分", category=CategoryOfNeed.OTHER, points=0)
    lines = (SaleLine(item="礼品卡", sku="GIFT", amount_fen=10_000), SaleLine(item="护理", amount_fen=10_000))
    till.sell(lines=lines)
    assert till.balance == 100
    till.sell(lines=lines, points_used=100)
    assert till.balance == 99, "of 199.00 in money 99.50 were for the care"


def test_erpnext_14847_net_of_discounts_is_the_base(till: Counter) -> None:
    """Net or grand total? What she really paid: a line below zero takes its share off."""
    till.sell(10_000, 10_000, -5_050)
    assert till.balance == 149


def test_erpnext_22167_the_tier_of_the_day_counts(till: Counter, session: Session) -> None:
    """The order that lifts her still earns by the tier before it; one told late earns by the tier of its own day."""
    till.sell(100_000)
    assert till.balance == 1_000, "at 1.0, though this order made her silver"
    till.now += timedelta(days=1)
    till.sell(10_000)
    assert till.balance == 1_120
    till.sell(10_000, at=NOW - timedelta(days=3))
    assert till.balance == 1_220, "three days ago she was not silver yet"


def test_erpnext_14847_whoever_was_there_before_the_rule_earns_without_opting_in(
    till: Counter, session: Session
) -> None:
    edit(session, rule(session), NOW, points=2)
    till.now += timedelta(days=1)
    till.sell(10_000)
    assert till.balance == 200


def test_repairdesk_1050_what_points_alone_paid_comes_back_in_points(till: Counter) -> None:
    """No money was paid, so none goes back, and no point was earned on points."""
    earn_points(till.session, till.customer_id, 5_000, reference="X", reason="", now=NOW, zone=ZONE)
    sale = till.sell(5_000, points_used=5_000)
    assert (sale.paid_fen, till.balance) == (0, 0)
    till.refund(sale, 0)
    assert till.balance == 5_000


def test_a_sale_told_late_earns_by_the_rules_of_its_day(till: Counter, session: Session) -> None:
    edit(session, rule(session), NOW, points=5)
    silver = session.exec(select(Tier).where(Tier.rank == 1)).one()
    edit(session, silver, NOW, points_percent=300)
    till.now += timedelta(hours=1)
    till.sell(10_000, at=NOW - timedelta(minutes=1))
    assert till.balance == 100
    till.sell(10_000, at=NOW)
    assert till.balance == 1_600


def test_odoo_208134_closed_programmes_give_nothing(till: Counter, session: Session) -> None:
    rule(
        session, EarningKind.CAMPAIGN, name="双倍周", percent=200,
        starts_on=date(2026, 11, 20), ends_on=date(2026, 11, 24),
    )  # fmt: skip
    till.sell(10_000)
    assert till.balance == 200
    till.now = datetime(2026, 11, 24, 15, 59, 59, tzinfo=NOW.tzinfo)
    till.sell(10_000)
    assert till.balance == 400, "23:59:59 of its last day in Shanghai"
    till.now += timedelta(seconds=1)
    till.sell(10_000)
    assert till.balance == 500


# ── What is spent, and what ends ──────────────────────────────────────────────────────────────────────────────────────


def test_erpnext_31509_redemption_takes_whole_points_and_leaves_no_fen(till: Counter) -> None:
    """Points are whole and worth whole fen: no fraction is left to be paid in cash."""
    earn_points(till.session, till.customer_id, 1_000, reference="X", reason="", now=NOW, zone=ZONE)
    sale = till.sell(9_999, points_used=999)
    assert (sale.paid_fen, sale.points_fen) == (9_000, 999)
    for wrong in (0, -1, 0.5):
        with pytest.raises(PointsWrong):
            redeem(till.session, till.customer_id, Wanted(wrong, "D"), now=NOW, zone=ZONE)  # type: ignore[arg-type]


def test_flocafe_78_balance_collapse(till: Counter) -> None:
    """Earn 100 (June), spend 100, earn 50 (December): in July she has 50, not −50."""
    how: dict[str, Any] = {"reason": "", "now": NOW, "zone": ZONE}
    names = (f"F{number}" for number in count())
    earn_points(till.session, till.customer_id, 100, reference=next(names), expires_on=date(2027, 6, 30), **how)
    spend_points(till.session, till.customer_id, 100, reference=next(names), **how)
    earn_points(till.session, till.customer_id, 50, reference=next(names), expires_on=date(2027, 12, 31), **how)
    july = datetime(2027, 7, 2, tzinfo=NOW.tzinfo)
    assert expire_points(till.session, till.customer_id, now=july, zone=ZONE) == []
    assert till.balance == 50


def test_flocafe_62_every_setting_of_expiry_lives(till: Counter, session: Session) -> None:
    """The rule's months and rounding are what a lot gets, and the next to end is a sum, not one lot's."""
    till.sell(10_000)
    till.sell(5_000)
    ending = next_to_expire(session, till.customer_id)
    assert ending is not None
    assert (ending.points, ending.expires_on) == (150, date(2027, 11, 30))
    december = datetime(2027, 12, 1, 3, tzinfo=NOW.tzinfo)
    end_points(session, Errand("", {}, december, december, till.policy, ZONE))
    assert (till.balance, lots_of(session, till.customer_id)) == (0, [])


def test_odoo_206048_points_expire_lot_by_lot(till: Counter, session: Session) -> None:
    """A change of the rule touches new lots only; what came in before keeps its day."""
    till.sell(10_000)
    edit(session, rule(session), NOW, expiry_months=1)
    till.now += timedelta(days=1)
    till.sell(10_000)
    ends = session.exec(select(PointsLot.expires_on).order_by(PointsLot.id)).all()  # type: ignore[arg-type]
    assert list(ends) == [date(2027, 11, 30), date(2026, 12, 31)]
    till.now += timedelta(days=60)
    expire_points(session, till.customer_id, now=till.now, zone=ZONE)
    assert till.balance == 100


def test_odoo_145782_a_customer_has_one_account(till: Counter, session: Session) -> None:
    for _ in range(3):
        till.sell(1_000)
    assert len(session.exec(select(PointsAccount)).all()) == 1
    assert balance_of(session, till.customer_id) == 30


def test_erpnext_14847_a_reward_has_its_price_and_nothing_below_it(till: Counter, session: Session) -> None:
    reward = Reward(name="面膜", kind=RewardKind.PRODUCT, points=300)
    session.add(reward)
    till.sell(29_900)
    for points, refusal in ((299, RewardCostsOther), (300, NotEnoughPoints)):
        with pytest.raises(refusal):
            redeem(session, till.customer_id, Wanted(points, "D", reward.id), now=NOW, zone=ZONE)
    assert till.balance == 299


def test_odoo_171706_and_30141_both_records_points_are_there_after_a_merge(till: Counter, session: Session) -> None:
    """They add up in one account, and the old number leads to it."""
    other = counter(session)
    till.sell(10_000)
    other.sell(5_000)
    number = session.get_one(Customer, other.customer_id).member_no
    merge_customers(session, till.customer_id, other.customer_id, {}, **till.how)
    assert till.balance == 150
    asked = RedemptionAsked(number, 150, "D")
    take_redemption(session, asked, caller=Caller(0, "till", None, "", None), now=NOW, zone=ZONE)
    assert till.balance == 0


def test_erpnext_12631_a_customer_sees_her_balance_and_what_waits(till: Counter, session: Session) -> None:
    till.sell(10_000)
    rule(session, pending_days=7)
    till.sell(5_000)
    purse = purse_of(session, till.customer_id)
    assert (purse.balance, purse.coming) == (100, 50)


# ── Tiers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def rank_of(till: Counter) -> int:
    """The rank of her tier."""
    wanted = select(Tier.rank).join(Customer, Customer.tier_id == Tier.id)  # type: ignore[arg-type]
    return till.session.exec(wanted.where(Customer.id == till.customer_id)).one()


def test_erpnext_24672_no_tier_without_its_minimum(till: Counter) -> None:
    """The second tier asks for its own minimum: ¥999.99 is the first, ¥1000.00 the second."""
    till.sell(99_999)
    assert rank_of(till) == 1
    till.sell(1)
    assert rank_of(till) == 2


def test_erpnext_45450_the_minimum_total_spent_takes_effect(till: Counter, session: Session) -> None:
    """Whatever the minimum is changed to holds from the next purchase on, at both sides of it."""
    session.exec(select(Tier).where(Tier.rank == 2)).one().threshold_fen = 200_000
    session.flush()
    till.sell(199_999)
    assert rank_of(till) == 1
    till.sell(1)
    assert rank_of(till) == 2


@pytest.mark.parametrize("rank", [2, 3, 4])
def test_erpnext_14930_and_41564_each_tier_at_both_sides_of_its_minimum(
    till: Counter, session: Session, rank: int
) -> None:
    least = session.exec(select(Tier.threshold_fen).where(Tier.rank == rank)).one()
    till.sell(least - 1)
    assert rank_of(till) == rank - 1
    till.sell(1)
    assert rank_of(till) == rank


def test_open_loyalty_131_a_balance_lifts_nobody_and_spending_points_lowers_nobody(
    till: Counter, session: Session
) -> None:
    """Tiers follow what was bought in a window, never how many points lie there."""
    earn_points(session, till.customer_id, 1_000_000, reference="gift", reason="", now=NOW, zone=ZONE)
    till.sell(100)
    assert rank_of(till) == 1
    till.sell(500_000)
    assert rank_of(till) == 3
    redeem(session, till.customer_id, Wanted(1_000_000, "all"), now=NOW, zone=ZONE)
    till.sell(100)
    assert rank_of(till) == 3


def test_erpnext_14847_what_the_tier_means_is_written_beside_it(till: Counter, session: Session) -> None:
    """Nobody has to guess: each change says from what to what, why and by which figures."""
    till.sell(100_000)
    past = past_tiers(session, till.customer_id)
    assert [(one.before, one.after, one.why, one.amount_fen, one.visits) for one in past] == [
        ("普通会员", "银卡会员", TierWhy.REACHED, 100_000, 1)
    ]


def test_odoo_257854_buy_refund_buy_keeps_no_tier_either(till: Counter, session: Session) -> None:
    """Buying and giving back, again and again, leaves neither points nor a tier."""
    for _ in range(3):
        sale = till.sell(100_000)
        assert rank_of(till) == 2
        till.refund(sale, 100_000)
        assert rank_of(till) == 1


def test_every_thread_has_the_test_that_is_named_beside_it() -> None:
    told = [word for word in (__doc__ or "").split() if word.startswith("test_")]
    assert [name for name in told if name not in globals()] == []
    named = [
        name
        for name in globals()
        if name.startswith(("test_odoo", "test_erpnext", "test_flo", "test_rep", "test_open"))
    ]
    assert [name for name in named if name not in told] == []
