"""Which tier a customer has: both sides of every threshold, every window, every way down and back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.rules.policy import Policy
from app.rules.tier_moves import (
    HoldEndWrong,
    HoldWithoutReason,
    PastChange,
    checked_hold,
    moved_by_table,
    review,
    rise,
    undone_by_refund,
    warning,
)
from app.rules.tiers import (
    Bought,
    Day,
    Distance,
    Figures,
    Membership,
    TierStep,
    distance,
    figures,
    reached,
    tier_until,
    window_start,
)
from app.vocabulary import TierWhy, TierWindow

BASE = TierStep(1, "普通", 1, 0, 0, 12)
SILVER = TierStep(2, "银", 2, 100_000, 6, 12)
GOLD = TierStep(3, "金", 3, 500_000, 0, 24)
REGULAR = TierStep(4, "常客", 4, 0, 20, 12)
STEPS = (REGULAR, GOLD, BASE, SILVER)
TODAY = date(2026, 11, 24)
POLICY = Policy()
NOW = Day(TODAY, 12)
ON_BASE, ON_SILVER, ON_GOLD = Membership(1, 1), Membership(2, 2, date(2027, 3, 1)), Membership(3, 3, date(2027, 3, 1))


def sales(*amounts: int, on: date = TODAY) -> list[Bought]:
    """One sale a day, the last one on that day."""
    return [Bought(number, on - timedelta(days=number), fen) for number, fen in enumerate(amounts)]


def at_hour(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


# ── Reaching ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount_fen", "visits", "step"),
    [
        (0, 0, BASE),
        (99_999, 1, BASE),
        (100_000, 1, SILVER),
        (99_999, 5, BASE),
        (99_999, 6, SILVER),
        (499_999, 19, SILVER),
        (500_000, 1, GOLD),
        (20, 19, SILVER),
        (20, 20, REGULAR),
    ],
)
def test_a_threshold_is_reached_by_amount_or_by_visits(amount_fen: int, visits: int, step: TierStep) -> None:
    slips = sales(amount_fen - max(0, visits - 1), *[1] * (visits - 1)) if visits else []
    assert reached(STEPS, slips, NOW).step == step


@pytest.mark.parametrize(
    ("amount_fen", "visits", "is_silver"),
    [(100_000, 6, True), (99_999, 6, False), (100_000, 5, False), (999_999, 1, False)],
)
def test_a_tier_that_asks_for_both_is_reached_by_both(amount_fen: int, visits: int, is_silver: bool) -> None:
    both = replace(SILVER, needs_both=True)
    slips = sales(amount_fen - (visits - 1), *[1] * (visits - 1))
    assert (reached((BASE, both), slips, NOW).step == both) is is_silver


@pytest.mark.parametrize(("threshold_fen", "threshold_visits"), [(100_000, 0), (0, 6)])
def test_where_a_figure_is_not_asked_for_the_other_alone_decides_even_with_both(
    threshold_fen: int, threshold_visits: int
) -> None:
    step = replace(SILVER, threshold_fen=threshold_fen, threshold_visits=threshold_visits, needs_both=True)
    slips = sales(100_000) if threshold_fen else sales(*[1] * 6)
    assert reached((BASE, step), slips, NOW).step == step
    assert reached((BASE, step), slips[1:] or sales(99_999), NOW).step == BASE


def test_without_a_tier_for_everybody_the_lowest_is_kept() -> None:
    assert reached((GOLD, SILVER), [], NOW).step == SILVER


@pytest.mark.parametrize(
    ("window", "first"),
    [
        (TierWindow.ROLLING, date(2025, 11, 24)),
        (TierWindow.CALENDAR_YEAR, date(2026, 1, 1)),
        (TierWindow.LIFETIME, date(1900, 1, 1)),
    ],
)
def test_a_window_begins_on_its_first_day_and_not_before(window: TierWindow, first: date) -> None:
    step = replace(SILVER, window=window)
    assert reached((BASE, step), [Bought(1, first, 100_000)], NOW).step == step
    if window is not TierWindow.LIFETIME:
        assert reached((BASE, step), [Bought(1, first - timedelta(days=1), 100_000)], NOW).step == BASE


def test_since_the_last_change_counts_what_came_after_it_and_not_what_caused_it() -> None:
    step = replace(GOLD, window=TierWindow.SINCE_CHANGE)
    changed = at_hour(TODAY, 10)
    day = Day(TODAY, 12, changed)
    assert reached((BASE, step), [Bought(1, TODAY, 500_000, at=changed)], day).step == BASE
    assert reached((BASE, step), [Bought(1, TODAY, 500_000, at=at_hour(TODAY, 11))], day).step == step
    assert reached((BASE, step), [Bought(1, date(2020, 1, 1), 500_000)], NOW).step == step  # never changed: ever


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        (TODAY, 12, date(2025, 11, 24)),
        (date(2026, 8, 31), 6, date(2026, 2, 28)),
        (date(2028, 2, 29), 12, date(2027, 2, 28)),
        (date(2027, 2, 28), 12, date(2026, 2, 28)),
    ],
)
def test_the_rolling_window_begins_the_same_day_months_ago(today: date, months: int, first: date) -> None:
    assert window_start(today, months) == first


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


@pytest.mark.parametrize(
    ("step", "today", "until"),
    [
        (GOLD, date(2026, 11, 30), date(2028, 11, 30)),
        (SILVER, date(2028, 2, 29), date(2029, 2, 28)),
        (replace(SILVER, window=TierWindow.CALENDAR_YEAR), date(2026, 6, 10), date(2027, 12, 31)),
        (BASE, TODAY, None),
    ],
)
def test_a_tier_lasts_its_months_and_by_calendar_years_to_the_end_of_one(
    step: TierStep, today: date, until: date | None
) -> None:
    assert tier_until(today, step) == until


# ── Up, and the way to the next one ───────────────────────────────────────────────────────────────────────────────────


def test_a_purchase_lifts_at_once_over_two_steps_and_never_lowers() -> None:
    move = rise(ON_BASE, STEPS, sales(500_000), policy=POLICY, today=TODAY)
    assert move
    assert (move.step, move.why, move.until_on) == (GOLD, TierWhy.REACHED, date(2028, 11, 24))
    assert (move.figures, move.window_from_on) == (Figures(500_000, 1), date(2025, 11, 24))
    assert rise(ON_GOLD, STEPS, sales(1), policy=POLICY, today=TODAY) is None


@pytest.mark.parametrize(("held_until", "is_lifted"), [(TODAY, False), (TODAY - timedelta(days=1), True)])
def test_while_a_persons_word_stands_no_purchase_moves_her(held_until: date, is_lifted: bool) -> None:
    held = replace(ON_BASE, held_until_on=held_until)
    assert (rise(held, STEPS, sales(500_000), policy=POLICY, today=TODAY) is not None) is is_lifted


@pytest.mark.parametrize(
    ("member", "slips", "far"),
    [
        (ON_BASE, [], Distance(SILVER, 100_000, 6)),
        (ON_BASE, sales(99_999), Distance(SILVER, 1, 5)),
        (ON_SILVER, sales(450_000), Distance(GOLD, 50_000, None)),
        (ON_GOLD, sales(1, 1), Distance(REGULAR, None, 18)),
        (Membership(4, 4), [], None),
    ],
)
def test_the_distance_to_the_next_tier_is_what_its_own_figures_lack(
    member: Membership, slips: list[Bought], far: Distance | None
) -> None:
    assert distance(member, STEPS, slips, NOW) == far


@pytest.mark.parametrize(
    ("amount", "visits", "needs_both", "is_there"),
    [(0, 3, False, True), (0, 3, True, False), (0, 0, True, True), (None, 0, True, True), (5, None, False, False)],
)
def test_a_step_is_there_by_one_figure_or_by_both(
    amount: int | None, visits: int | None, needs_both: bool, is_there: bool
) -> None:
    assert Distance(replace(SILVER, needs_both=needs_both), amount, visits).is_there is is_there


# ── Review ────────────────────────────────────────────────────────────────────────────────────────────────────────────

UNTIL = date(2026, 11, 23)
OVER = Membership(3, 3, UNTIL)


@pytest.mark.parametrize(
    ("today", "member", "why"),
    [
        (UNTIL, OVER, None),  # through the last day
        (UNTIL + timedelta(days=1), OVER, None),  # the grace of 30 days
        (UNTIL + timedelta(days=30), OVER, None),
        (UNTIL + timedelta(days=31), OVER, TierWhy.REVIEW),
    ],
)
def test_she_falls_on_the_first_day_after_the_grace(today: date, member: Membership, why: TierWhy | None) -> None:
    move = review(member, STEPS, [], policy=POLICY, today=today)
    assert (move.why if move else None) == why


@pytest.mark.parametrize(("steps_down", "step"), [(1, SILVER), (0, BASE)])
def test_she_falls_one_step_or_to_what_her_purchases_carry(steps_down: int, step: TierStep) -> None:
    policy = replace(POLICY, tier_steps_down=steps_down, tier_grace_days=0)
    move = review(OVER, STEPS, [], policy=policy, today=TODAY)
    assert move
    assert move.step == step
    assert move.until_on == (date(2027, 11, 24) if step == SILVER else None)


def test_what_her_purchases_carry_is_never_undercut_by_one_step() -> None:
    move = review(replace(OVER, tier_id=4, rank=4), STEPS, sales(500_000), policy=replace(POLICY, tier_grace_days=0), today=TODAY)  # fmt: skip
    assert move
    assert move.step == GOLD


def test_a_tier_her_purchases_carry_is_renewed_from_its_old_end() -> None:
    move = review(OVER, STEPS, sales(500_000), policy=POLICY, today=TODAY + timedelta(days=9))
    assert move
    assert (move.step, move.why, move.until_on) == (GOLD, TierWhy.REVIEW, date(2028, 11, 23))


def test_a_night_that_comes_late_takes_nothing_from_anybody() -> None:
    bought = [Bought(1, date(2025, 11, 24), 500_000)]  # the first day of the window on the review day, out of it later
    for late in (1, 2, 20, 60):
        move = review(OVER, STEPS, bought, policy=POLICY, today=UNTIL + timedelta(days=late))
        assert move
        assert (move.step, move.until_on) == (GOLD, date(2028, 11, 23))


def test_the_purchase_that_reached_a_tier_does_not_keep_it_another_time() -> None:
    bought = [Bought(1, UNTIL.replace(year=2025), 500_000)]
    move = review(OVER, STEPS, bought, policy=replace(POLICY, tier_grace_days=0), today=TODAY)
    assert move
    assert move.step == SILVER


def test_a_calendar_year_is_judged_whole_on_its_last_day() -> None:
    step = replace(GOLD, window=TierWindow.CALENDAR_YEAR, valid_months=12)
    member = Membership(3, 3, date(2026, 12, 31))
    for bought_on, is_kept in ((date(2026, 1, 1), True), (date(2026, 12, 31), True), (date(2025, 12, 31), False)):
        slips = [Bought(1, bought_on, 500_000)]
        move = review(member, (BASE, step), slips, policy=replace(POLICY, tier_grace_days=0), today=date(2027, 1, 1))
        assert move
        assert (move.step == step) is is_kept


@pytest.mark.parametrize("member", [Membership(3, 3, None), replace(OVER, held_until_on=TODAY)])
def test_a_tier_without_an_end_and_one_a_person_holds_are_not_reviewed(member: Membership) -> None:
    assert review(member, STEPS, [], policy=replace(POLICY, tier_grace_days=0), today=TODAY) is None


def test_after_a_persons_word_the_rule_decides_again_and_keeps_what_it_had_given_for_longer() -> None:
    held = Membership(4, 4, UNTIL, UNTIL)
    silver_until = date(2027, 6, 1)
    by_rule = PastChange(at_hour(UNTIL, 1), UNTIL, 1, 2, TierWhy.REACHED, until_on=silver_until)
    by_hand = PastChange(at_hour(UNTIL, 2), UNTIL, 2, 4, TierWhy.MANUAL, until_on=UNTIL)
    alone = review(held, STEPS, [], policy=POLICY, today=TODAY, history=[by_hand])
    kept = review(held, STEPS, [], policy=POLICY, today=TODAY, history=[by_hand, by_rule])
    assert alone
    assert (alone.step, alone.why) == (BASE, TierWhy.MANUAL_OVER)
    assert kept
    assert (kept.step, kept.until_on) == (SILVER, silver_until)


# ── Warning ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("days_before", "is_warned"), [(31, False), (30, True), (0, True), (-1, False)])
def test_she_is_warned_from_thirty_days_before_through_the_last_day(days_before: int, is_warned: bool) -> None:
    member = Membership(3, 3, TODAY)
    found = warning(member, STEPS, [], policy=POLICY, today=TODAY - timedelta(days=days_before))
    assert (found is not None) is is_warned


def test_a_warning_says_what_will_be_missing_at_the_review() -> None:
    member = Membership(2, 2, TODAY + timedelta(days=10))
    # Bought 360 days ago: counts today, no more at the review.
    old, young = Bought(1, TODAY - timedelta(days=360), 90_000), Bought(2, TODAY, 30_000)
    assert warning(member, STEPS, [old, young], policy=POLICY, today=TODAY) == Distance(SILVER, 70_000, 5)
    assert warning(member, STEPS, [Bought(3, TODAY, 100_000)], policy=POLICY, today=TODAY) is None


# ── Refunds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def change(before: int, after: int, day: date, fen: int, **values: object) -> PastChange:
    made = PastChange(
        at_hour(day, 12), day, before, after, TierWhy.REACHED, Figures(fen, 1), day.replace(year=day.year - 1)
    )
    return replace(made, **values)  # type: ignore[arg-type]


def undo(member: Membership, slips: list[Bought], *history: PastChange) -> TierStep | None:
    move = undone_by_refund(member, STEPS, slips, policy=POLICY, today=TODAY, history=history)
    assert move is None or move.why is TierWhy.REFUND
    return move.step if move else None


LIFTED = date(2026, 10, 1)


@pytest.mark.parametrize(("refunded", "step"), [(20_000, None), (20_001, BASE), (120_000, BASE)])
def test_a_refund_that_takes_the_qualifying_spend_takes_the_upgrade(refunded: int, step: TierStep | None) -> None:
    slips = [Bought(1, LIFTED, 120_000, at=at_hour(LIFTED, 12)), Bought(2, TODAY, -refunded, 1)]
    assert undo(ON_SILVER, slips, change(1, 2, LIFTED, 120_000)) == step


def test_what_was_bought_since_carries_her_in_place_of_the_refunded() -> None:
    slips = [
        Bought(1, LIFTED, 120_000, at=at_hour(LIFTED, 12)),
        Bought(2, TODAY, -120_000, 1),
        Bought(3, TODAY, 100_000),
    ]
    assert undo(ON_SILVER, slips, change(1, 2, LIFTED, 120_000)) is None


def test_a_refund_of_something_small_and_later_takes_no_old_upgrade() -> None:
    long_ago = date(2025, 6, 1)
    slips = [Bought(1, long_ago, 500_000, at=at_hour(long_ago, 12)), Bought(2, TODAY, 100), Bought(3, TODAY, -100, 2)]
    assert undo(ON_GOLD, slips, change(1, 3, long_ago, 500_000)) is None


def test_of_two_upgrades_both_go_when_neither_is_carried() -> None:
    second = date(2026, 11, 1)
    history = (change(2, 3, second, 510_000), change(1, 2, LIFTED, 110_000))
    first_sale, second_sale = Bought(1, LIFTED, 110_000, at=at_hour(LIFTED, 12)), Bought(2, second, 400_000, at=at_hour(second, 12))  # fmt: skip
    both = [first_sale, second_sale]
    assert undo(ON_GOLD, [*both, Bought(3, TODAY, -110_000, 1)], *history) == SILVER
    assert undo(ON_GOLD, [*both, Bought(3, TODAY, -400_000, 2)], *history) == SILVER
    assert undo(ON_GOLD, [*both, Bought(3, TODAY, -110_000, 1), Bought(4, TODAY, -400_000, 2)], *history) == BASE


def test_a_tier_a_person_or_a_file_gave_is_not_taken_by_a_refund() -> None:
    slips = [Bought(1, LIFTED, 120_000, at=at_hour(LIFTED, 12)), Bought(2, TODAY, -120_000, 1)]
    for why in (TierWhy.MANUAL, TierWhy.IMPORT, TierWhy.MERGE):
        assert undo(ON_SILVER, slips, change(1, 2, LIFTED, 120_000, why=why)) is None
    held = replace(ON_SILVER, held_until_on=TODAY)
    assert undo(held, slips, change(1, 2, LIFTED, 120_000)) is None


def test_a_threshold_raised_since_takes_nothing_back() -> None:
    slips = [Bought(1, LIFTED, 90_000, at=at_hour(LIFTED, 12)), Bought(2, TODAY, 10), Bought(3, TODAY, -10, 2)]
    assert undo(ON_SILVER, slips, change(1, 2, LIFTED, 90_000)) is None


# ── The table, and a person's word ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("member", "slips", "step"),
    [
        (ON_BASE, sales(500_000), GOLD),
        (ON_GOLD, [], None),  # promised until March
        (Membership(3, 3, None), [], BASE),
        (Membership(9, 3, date(2027, 3, 1)), [], BASE),  # a tier out of use
        (replace(ON_BASE, held_until_on=TODAY), sales(500_000), None),
        (ON_SILVER, sales(100_000), None),
    ],
)
def test_a_changed_table_lifts_at_once_and_cuts_no_promise_short(
    member: Membership, slips: list[Bought], step: TierStep | None
) -> None:
    move = moved_by_table(member, STEPS, slips, policy=POLICY, today=TODAY)
    assert (move.step if move else None) == step


@pytest.mark.parametrize("reason", ["", "   ", "长" * 201])
def test_a_tier_by_hand_needs_a_reason_people_can_read(reason: str) -> None:
    with pytest.raises(HoldWithoutReason):
        checked_hold(reason, TODAY, TODAY)


@pytest.mark.parametrize("until", [None, TODAY - timedelta(days=1), date(2031, 11, 25)])
def test_a_tier_by_hand_ends_between_today_and_five_years_from_now(until: date | None) -> None:
    with pytest.raises(HoldEndWrong):
        checked_hold("老顾客", until, TODAY)
    assert checked_hold(" 老顾客 ", date(2031, 11, 24), TODAY) == ("老顾客", date(2031, 11, 24))
