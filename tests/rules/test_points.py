"""Which lots a spend takes, what a reversal gives back, when points are over."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.rules.points import (
    LARGEST_POINTS,
    Lot,
    PointsReasonMissing,
    PointsWrong,
    Use,
    day_of,
    given_back,
    is_over,
    lots_change,
    signed_points,
    stated_reason,
    taken,
    whole_points,
)

JUNE, DECEMBER = date(2027, 6, 30), date(2027, 12, 31)
OLD, NEW = date(2026, 1, 1), date(2026, 11, 1)
UNDATED = Lot(1, 50, OLD, None)
LATER = Lot(2, 50, OLD, DECEMBER)
SOONER_NEW = Lot(3, 50, NEW, JUNE)
SOONER_OLD = Lot(4, 50, OLD, JUNE)
LOTS = [UNDATED, LATER, SOONER_NEW, SOONER_OLD]


@pytest.mark.parametrize(
    ("points", "uses"),
    [
        (1, [(4, 1)]),
        (50, [(4, 50)]),
        (51, [(4, 50), (3, 1)]),
        (120, [(4, 50), (3, 50), (2, 20)]),
        (200, [(4, 50), (3, 50), (2, 50), (1, 50)]),
        (201, [(4, 50), (3, 50), (2, 50), (1, 50)]),
        (0, []),
    ],
)
def test_a_spend_takes_what_ends_soonest_then_the_oldest_and_undated_points_last(
    points: int, uses: list[tuple[int, int]]
) -> None:
    assert [(use.lot_id, use.points) for use in taken(LOTS, points)] == uses


def test_an_earning_that_is_reversed_takes_from_its_own_lot_first() -> None:
    assert taken(LOTS, 60, first={1}) == (Use(1, 50), Use(4, 10))


def test_what_was_taken_last_comes_back_first() -> None:
    assert given_back([Use(4, 50), Use(3, 30)], 40) == (Use(3, -30), Use(4, -10))


@pytest.mark.parametrize("parts", [[80], [40, 40], [1, 79], [27, 27, 26], [30, 50]])
def test_parts_that_come_back_add_up_to_exactly_the_whole_in_every_lot(parts: list[int]) -> None:
    back: dict[int, int] = {}
    already = 0
    for part in parts:
        for use in given_back([Use(4, 50), Use(3, 30)], part, already):
            back[use.lot_id] = back.get(use.lot_id, 0) + use.points
        already += part
    assert back == {4: -50, 3: -30}


def test_no_more_comes_back_than_was_taken() -> None:
    assert given_back([Use(4, 50)], 80, 20) == (Use(4, -30),)


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (datetime(2027, 6, 30, 15, 59, 59, tzinfo=UTC), False),  # 23:59:59 in Shanghai
        (datetime(2027, 6, 30, 16, 0, 0, tzinfo=UTC), True),
    ],
)
def test_points_count_through_the_last_second_of_the_shops_day(now: datetime, over: bool) -> None:
    assert is_over(JUNE, day_of(now, ZoneInfo("Asia/Shanghai"))) is over


def test_undated_points_are_never_over() -> None:
    assert not is_over(None, date.max)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [(100, 70, -30), (0, 50, 50), (-30, 70, 70), (-30, -10, 0), (20, -30, -20), (-30, 0, 0), (0, 0, 0)],
)
def test_no_lot_holds_a_debt_so_what_comes_in_repays_it_first(before: int, after: int, change: int) -> None:
    assert lots_change(before, after) == change


@pytest.mark.parametrize("points", [0, -1, LARGEST_POINTS + 1, 1.5, 10.0, True, "10", None])
def test_only_whole_points_move(points: int) -> None:
    with pytest.raises(PointsWrong):
        whole_points(points)


@pytest.mark.parametrize("points", [1, LARGEST_POINTS])
def test_from_one_point_to_a_hundred_million_can_move(points: int) -> None:
    assert whole_points(points) == points
    assert signed_points(-points) == -points


@pytest.mark.parametrize("points", [0, LARGEST_POINTS + 1, -LARGEST_POINTS - 1, 0.5])
def test_a_correction_is_whole_too(points: int) -> None:
    with pytest.raises(PointsWrong):
        signed_points(points)


@pytest.mark.parametrize("reason", ["", "  ", "长" * 201])
def test_whoever_corrects_says_why_in_so_many_words(reason: str) -> None:
    with pytest.raises(PointsReasonMissing):
        stated_reason(reason)
