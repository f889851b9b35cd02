"""What a sale is worth: every step by itself, all of them together, and in words."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.earning import (
    Earner,
    EarningTerms,
    Order,
    PaidLine,
    occasion_terms,
    paid_by_category,
    sale_points,
    still_earned,
    told,
    working_less,
)
from app.vocabulary import CategoryOfNeed, EarningKind

DAY = date(2026, 11, 24)
SKIN, HAIR = CategoryOfNeed.SKIN, CategoryOfNeed.HAIR
PLAIN = Earner("普通会员", 1, 100)
SILVER = Earner("银卡会员", 2, 120)


def terms(rule_id: int = 1, kind: EarningKind = EarningKind.PURCHASE, **values: Any) -> EarningTerms:
    """A rule that gives a point a yuan, or what is said."""
    return EarningTerms(**{"rule_id": rule_id, "name": f"规则{rule_id}", "kind": kind, "points": 1} | values)


def campaign(rule_id: int, percent: int, **values: Any) -> EarningTerms:
    """A campaign."""
    return terms(rule_id, EarningKind.CAMPAIGN, percent=percent, points=0, **values)


def order(*lines: tuple[CategoryOfNeed | None, int], paid_fen: int | None = None) -> Order:
    """A sale of these lines, paid in full or with so much money."""
    total = sum(fen for _, fen in lines) if paid_fen is None else paid_fen
    return Order(total, DAY, tuple(PaidLine(category, fen) for category, fen in lines))


def points(sold: Order, *rules: EarningTerms, earner: Earner = PLAIN, multiply: bool = False) -> int:
    """What it gives; 0 where no rule gives any."""
    earning = sale_points(sold, earner, rules, campaigns_multiply=multiply)
    return earning.points if earning else 0


@pytest.mark.parametrize(("fen", "expected"), [(99, 0), (100, 1), (199, 1), (12_800, 128), (0, 0), (-500, 0)])
def test_a_point_for_each_yuan_rounded_down_once(fen: int, expected: int) -> None:
    assert points(order((None, fen)), terms()) == expected


def test_one_rounding_for_the_order_not_one_for_each_line() -> None:
    assert points(order(*[(None, 150)] * 4), terms()) == 6
    assert points(order((None, 12_850)), terms(), earner=SILVER) == 154, "128.5 × 1.2, not 128 × 1.2"


def test_base_tier_campaign_floor_bonus_cap_in_this_order() -> None:
    rules = [terms(), campaign(2, 150), terms(3, EarningKind.BONUS, points=20)]
    assert points(order((None, 12_850)), *rules, earner=SILVER) == 231 + 20
    assert points(order((None, 12_850)), *rules) == 192 + 20
    capped = [terms(most_points=200), *rules[1:]]
    assert points(order((None, 12_850)), *capped, earner=SILVER) == 200


@pytest.mark.parametrize(("multiply", "expected"), [(False, 200), (True, 300)])
def test_of_two_campaigns_the_best_counts_or_their_product(multiply: bool, expected: int) -> None:
    assert points(order((None, 10_000)), terms(), campaign(2, 200), campaign(3, 150), multiply=multiply) == expected


def test_a_category_rule_beats_the_general_one_for_its_lines() -> None:
    rules = (terms(1), terms(2, category=SKIN, points=3), campaign(3, 200, category=HAIR))
    assert points(order((SKIN, 10_000), (None, 5_000)), *rules) == 350
    assert points(order((HAIR, 10_000)), *rules) == 200
    assert points(order((SKIN, 10_000)), terms(1), terms(2, category=SKIN, points=0)) == 0


@pytest.mark.parametrize(
    ("values", "earner", "expected"),
    [
        ({"starts_on": date(2026, 11, 25)}, PLAIN, 100),
        ({"starts_on": DAY, "ends_on": DAY}, PLAIN, 200),
        ({"ends_on": date(2026, 11, 23)}, PLAIN, 100),
        ({"from_rank": 2}, PLAIN, 100),
        ({"from_rank": 2}, Earner("金卡会员", 3), 200),
        ({"in_birthday_month": True}, PLAIN, 100),
        ({"in_birthday_month": True}, Earner(is_birthday_month=True), 200),
        ({"from_paid_fen": 10_000}, PLAIN, 200),
        ({"from_paid_fen": 10_001}, PLAIN, 100),
    ],
)
def test_a_campaign_counts_for_whom_and_when_it_says(values: dict[str, Any], earner: Earner, expected: int) -> None:
    assert points(order((None, 10_000)), terms(), campaign(2, 200, **values), earner=earner) == expected


@given(
    st.lists(st.tuples(st.sampled_from([None, SKIN, HAIR]), st.integers(-5_000, 100_000)), min_size=1, max_size=9),
    st.integers(0, 200_000),
)
def test_the_money_is_spread_over_the_lines_exactly(lines: list[tuple[Any, int]], paid_fen: int) -> None:
    shares = paid_by_category(order(*lines, paid_fen=paid_fen))
    assert all(fen >= 0 for fen in shares.values())
    assert sum(shares.values()) == (paid_fen if any(fen > 0 for _, fen in lines) else 0)


@given(st.integers(1, 10_000), st.lists(st.integers(1, 50_000), min_size=1, max_size=6))
def test_parts_that_add_up_take_back_exactly_all(earned: int, parts: list[int]) -> None:
    paid, kept, left = sum(parts), sum(parts), earned
    for part in parts:
        kept -= part
        target = still_earned(earned, kept_fen=kept, paid_fen=paid)
        assert 0 <= target <= left
        left = target
    assert left == 0


def test_the_working_tells_itself_in_words() -> None:
    earning = sale_points(order((None, 12_800)), SILVER, [terms()], campaigns_multiply=False)
    assert earning is not None
    assert told(earning.working, str) == "消费 ¥128.00，每 1 元 1 分 = 128；银卡会员 ×1.2 = 153.6；取整 153"
    rules = [terms(1, most_points=300), terms(2, category=SKIN, points=2), campaign(3, 150, name="双十一"),
             terms(4, EarningKind.BONUS, points=50, name="满额加送")]  # fmt: skip
    whole = sale_points(order((SKIN, 10_000), (None, 3_333)), PLAIN, rules, campaigns_multiply=False)
    assert whole is not None
    assert told(whole.working, str) == (
        "规则2：¥100.00，每 1 元 2 分 = 200；消费 ¥33.33，每 1 元 1 分 = 33.33；合计 233.33；双十一 ×1.5 = 349.99…；"
        "取整 349；满额加送 +50 = 399；每单最多 300 分 = 300"
    )
    assert told("", str) == ""


def test_a_campaign_for_a_part_of_the_order_says_which_part_it_multiplies() -> None:
    rules = [terms(1), campaign(2, 200, category=SKIN, name="护肤双倍")]
    earning = sale_points(order((SKIN, 10_033), (HAIR, 10_033)), PLAIN, rules, campaigns_multiply=False)
    assert earning is not None
    assert told(earning.working, str) == (
        "消费 ¥200.66，每 1 元 1 分 = 200.66；护肤双倍：其中 100.33 ×2 = 200.66，合计 300.99；取整 300"
    )


def test_a_cap_for_one_kind_of_care_leaves_the_rest_of_the_order_alone() -> None:
    hair = terms(2, category=HAIR, most_points=300, name="美发")
    assert points(order((SKIN, 50_000), (HAIR, 10_000)), terms(1), hair) == 600
    assert points(order((SKIN, 50_000), (HAIR, 40_000)), terms(1), hair) == 800
    assert points(order((SKIN, 50_000), (HAIR, 40_000)), terms(1, most_points=600), hair) == 600
    assert points(order((HAIR, 40_000)), terms(1), hair) == 300
    bonus = terms(3, EarningKind.BONUS, points=50, category=HAIR)
    assert points(order((SKIN, 10_000), (HAIR, 30_000)), terms(1), hair, bonus) == 400, "a bonus for it is part of it"
    tight = campaign(4, 200, category=HAIR, most_points=250)
    assert points(order((SKIN, 10_000), (HAIR, 30_000)), terms(1), hair, tight) == 350, "the smallest cap counts"
    earning = sale_points(order((SKIN, 5_050), (HAIR, 40_000)), PLAIN, [terms(1), hair], campaigns_multiply=False)
    assert earning is not None
    assert told(earning.working, str) == (
        "消费 ¥50.50，每 1 元 1 分 = 50.5；美发：¥400.00，每 1 元 1 分 = 400；合计 450.5；取整 450；"
        "美发：其中 400，最多 300 分，合计 350"
    )


def test_points_that_waited_say_what_a_refund_took_of_them() -> None:
    earning = sale_points(order((None, 15_000)), PLAIN, [terms()], campaigns_multiply=False)
    assert earning is not None
    assert told(working_less(earning.working, 50, 100), str) == (
        "消费 ¥150.00，每 1 元 1 分 = 150；退货收回 50 分 = 100"
    )
    assert working_less(earning.working, 0, 150) == earning.working
    assert working_less("", 50, 100) == ""


def test_of_several_rules_for_an_occasion_the_one_that_gives_most() -> None:
    rules = [terms(1, EarningKind.BIRTHDAY, points=100), terms(2, EarningKind.BIRTHDAY, points=300, from_rank=3)]
    for earner, expected in ((PLAIN, 1), (Earner("金卡会员", 3), 2)):
        found = occasion_terms(rules, EarningKind.BIRTHDAY, DAY, earner)
        assert found is not None
        assert found.rule_id == expected
    assert occasion_terms(rules, EarningKind.EVENT, DAY, PLAIN) is None
