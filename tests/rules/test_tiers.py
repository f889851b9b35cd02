"""Which tier a customer has reached: both sides of every threshold."""

from datetime import date

import pytest

from app.rules.tiers import Bought, Figures, TierStep, figures, tier_for, tier_until, window_start

BASE = TierStep(1, "普通", 1, 0, 0, 12)
SILVER = TierStep(2, "银", 2, 100_000, 6, 12)
GOLD = TierStep(3, "金", 3, 500_000, 0, 24)
REGULAR = TierStep(4, "常客", 4, 0, 20, 12)
STEPS = (REGULAR, GOLD, BASE, SILVER)


@pytest.mark.parametrize(
    ("amount_fen", "visits", "reached"),
    [
        (0, 0, BASE),
        (99_999, 5, BASE),
        (100_000, 0, SILVER),
        (99_999, 6, SILVER),
        (0, 6, SILVER),
        (499_999, 19, SILVER),
        (500_000, 0, GOLD),
        (0, 19, SILVER),
        (0, 20, REGULAR),
        (-100, 0, BASE),
    ],
)
def test_a_threshold_is_reached_by_amount_or_by_visits(amount_fen: int, visits: int, reached: TierStep) -> None:
    assert tier_for(amount_fen, visits, STEPS) == reached


def test_without_a_tier_for_everybody_the_lowest_is_kept() -> None:
    assert tier_for(0, 0, (GOLD, SILVER)) == SILVER


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        (date(2026, 11, 24), 12, date(2025, 11, 24)),
        (date(2026, 8, 31), 6, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, date(2027, 2, 28)),
    ],
)
def test_the_window_begins_the_same_day_months_ago(today: date, months: int, first: date) -> None:
    assert window_start(today, months) == first


def test_a_tier_lasts_its_months() -> None:
    assert tier_until(date(2026, 11, 30), GOLD) == date(2028, 11, 30)


DAY, NEXT = date(2026, 11, 1), date(2026, 11, 2)


@pytest.mark.parametrize(
    ("slips", "counted"),
    [
        ([], Figures(0, 0)),
        ([Bought(1, DAY, 100), Bought(2, DAY, 200), Bought(3, NEXT, 50)], Figures(350, 2)),
        ([Bought(1, DAY, 100), Bought(2, NEXT, -40, 1)], Figures(60, 1)),
        ([Bought(1, DAY, 100), Bought(2, NEXT, -100, 1)], Figures(0, 0)),
        ([Bought(1, DAY, 100), Bought(3, DAY, 1), Bought(2, NEXT, -100, 1)], Figures(1, 1)),
        ([Bought(1, DAY, 100), Bought(2, NEXT, -70, 99)], Figures(100, 1)),  # 99 was bought before the window
        ([Bought(1, DAY, 0)], Figures(0, 0)),
    ],
)
def test_what_counts_is_bought_and_kept(slips: list[Bought], counted: Figures) -> None:
    assert figures(slips) == counted
