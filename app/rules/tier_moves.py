"""What becomes of a customer's tier: up at once, down only at her review after a grace and a warning, back after a refund;
a person's word stands for as long as it was given. `docs/rules.md` has each with its example. Source: semantics 5.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from app.rules.days import months_after
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.rules.tiers import (
    NOTHING,
    Bought,
    Day,
    Distance,
    Figures,
    Membership,
    Reached,
    TierStep,
    figures,
    figures_on,
    is_reached,
    missing_to,
    reached,
    tier_until,
)
from app.vocabulary import TierWhy, TierWindow

LONGEST_HOLD_YEARS = 5
REASON_MAX = 200


class HoldWithoutReason(RuleBroken):
    """Somebody's word outranks the rule only when she says why."""

    code = "tier_reason_missing"
    message = words("请写清楚为什么要调整等级，最多 {limit} 个字。")


class HoldEndWrong(RuleBroken):
    """A tier given by hand ends some day, and not before it begins."""

    code = "tier_hold_end_wrong"
    message = words("请填今天到 {last} 之间的日期，到期后按规则重新判断。")


class TierGone(RuleBroken):
    """A tier that does not exist or is out of use."""

    code = "tier_gone"
    message = words("没有这个等级，或已停用，请重新选择。")


@dataclass(frozen=True)
class PastChange:
    """A change that was: what she had and got, why, the figures of then. `at` is its instant, `on` the shop's day."""

    at: datetime
    on: date
    from_tier_id: int | None
    to_tier_id: int
    why: TierWhy
    figures: Figures = NOTHING
    window_from_on: date | None = None
    until_on: date | None = None


@dataclass(frozen=True)
class Move:
    """What becomes of her tier: the step she has from now on (the same one where it is renewed), why and until when."""

    step: TierStep
    why: TierWhy
    figures: Figures = NOTHING
    window_from_on: date | None = None
    until_on: date | None = None


# ── What becomes of her tier ──────────────────────────────────────────────────────────────────────────────────────────


def rise(
    member: Membership, steps: Sequence[TierStep], slips: Sequence[Bought], *, policy: Policy, today: date
) -> Move | None:
    """What a purchase does at once: a higher step, or the same one renewed when its last day has passed. Nothing while a
    person's word stands."""
    if member.is_held(today):
        return None
    found = reached(steps, slips, Day(today, policy.tier_window_months, member.changed_at))
    is_over = member.until_on is not None and today > member.until_on
    if found.step.rank > member.rank:
        return _to(found, TierWhy.REACHED, tier_until(today, found.step))
    if is_over and found.step.tier_id == member.tier_id:
        return _to(found, TierWhy.REVIEW, _renewed(member, found.step, today))
    return None


def review(
    member: Membership,
    steps: Sequence[TierStep],
    slips: Sequence[Bought],
    *,
    policy: Policy,
    today: date,
    history: Sequence[PastChange] = (),
) -> Move | None:
    """What her review day does: renews what her purchases carry; else, once the grace is over, lowers it to what they
    carry or by one step (`tier_steps_down`). Judged on the review day and today, whichever is better for her, so that a
    night that came late takes nothing from anybody. `history`: her changes, the newest first."""
    if member.is_held(today):
        return None
    best = max((reached(steps, slips, day) for day in _days(member, policy, today)), key=lambda one: one.step.rank)
    if member.held_until_on is not None:
        return _after_hold(best, steps, history, today)
    if best.step.rank > member.rank:
        return _to(best, TierWhy.REACHED, tier_until(today, best.step))
    if member.until_on is None or today <= member.until_on:
        return None
    if best.step.tier_id == member.tier_id:
        return _to(best, TierWhy.REVIEW, _renewed(member, best.step, today))
    if today <= grace_until(member.until_on, policy):
        return None
    step = best.step
    if policy.tier_steps_down:
        below = [one for one in steps if one.rank < member.rank]
        step = max((*below[-1:], step), key=lambda one: one.rank) if below else step
    return Move(step, TierWhy.REVIEW, best.figures, best.window_from_on, tier_until(today, step))


def grace_until(until_on: date, policy: Policy) -> date:
    """The last day on which a tier whose time is over can still be kept."""
    return until_on + timedelta(days=policy.tier_grace_days)


def undone_by_refund(
    member: Membership,
    steps: Sequence[TierStep],
    slips: Sequence[Bought],
    *,
    policy: Policy,
    today: date,
    history: Sequence[PastChange],
) -> Move | None:
    """What a refund takes back: an upgrade that without the refunded sales would not have happened, and that what she
    bought since does not carry either. She has again what she had before it. Benefits she used stay used.

    *Example.* Silver at ¥1000 by a sale of ¥1200; ¥300 of it is refunded: ¥900, she is what she was before.
    """
    if member.is_held(today):
        return None
    by_id = {step.tier_id: step for step in steps}
    carried = reached(steps, slips, Day(today, policy.tier_window_months, member.changed_at))
    tier_id, until_on, is_undone = member.tier_id, member.until_on, False
    for place, change in enumerate(history):
        step = by_id.get(tier_id)
        if change.to_tier_id != tier_id or change.why is not TierWhy.REACHED or change.from_tier_id is None:
            break
        if step is None or carried.step.rank >= step.rank or _still_carried(step, change, slips):
            break
        is_undone, tier_id = True, change.from_tier_id
        until_on = history[place + 1].until_on if place + 1 < len(history) else None
    if not is_undone:
        return None
    before = by_id.get(tier_id)
    if before is None or carried.step.rank > before.rank:
        return _to(carried, TierWhy.REFUND, tier_until(today, carried.step))
    return Move(before, TierWhy.REFUND, carried.figures, carried.window_from_on, until_on)


def _still_carried(step: TierStep, change: PastChange, slips: Sequence[Bought]) -> bool:
    """Whether the sales of then, as they stand after all refunds, still carry it. Unchanged figures do, whatever the
    thresholds are by now."""
    sales = {slip.purchase_id: slip for slip in slips if slip.refund_of_id is None}

    def is_of_then(slip: Bought) -> bool:
        first = change.window_from_on
        return slip.on <= change.on and (slip.at or change.at) <= change.at and (first is None or slip.on >= first)

    kept = [one for one in sales.values() if is_of_then(one)] + [one for one in slips if one.refund_of_id is not None]
    then = figures(kept)
    is_less = then.amount_fen < change.figures.amount_fen or then.visits < change.figures.visits
    return not is_less or is_reached(step, then)


def _after_hold(best: Reached, steps: Sequence[TierStep], history: Sequence[PastChange], today: date) -> Move:
    """The rule decides again: what her purchases carry, or what the rule had given her for longer than the word stood."""
    by_id = {step.tier_id: step for step in steps}
    by_rule = next((one for one in history if one.why not in {TierWhy.MANUAL, TierWhy.MANUAL_OVER}), None)
    if by_rule and by_rule.until_on and by_rule.until_on >= today and by_rule.to_tier_id in by_id:
        step = by_id[by_rule.to_tier_id]
        if step.rank > best.step.rank:
            return Move(step, TierWhy.MANUAL_OVER, best.figures, best.window_from_on, by_rule.until_on)
    return _to(best, TierWhy.MANUAL_OVER, tier_until(today, best.step))


def _days(member: Membership, policy: Policy, today: date) -> list[Day]:
    """The days she is judged on: today, and her review day where it has passed."""
    days = [Day(today, policy.tier_window_months, member.changed_at)]
    if member.until_on is not None and today > member.until_on:
        days += _review_days(member, member.until_on, policy)
    return days


def _review_days(member: Membership, until_on: date, policy: Policy) -> list[Day]:
    """A rolling window is judged on the day after the last one, so that the purchase that reached the tier does not keep
    it as well; a calendar year on its last day."""
    last = Day(until_on, policy.tier_window_months, member.changed_at)
    if (until_on.month, until_on.day) == (12, 31):
        return [_YearOnly(last.today, last.months, last.changed_at), _next(last)]
    return [_next(last)]


def _next(day: Day) -> Day:
    return Day(day.today + timedelta(days=1), day.months, day.changed_at)


class _YearOnly(Day):
    """The last day of a year, for tiers counted by years only."""

    def counts(self, slip: Bought, window: TierWindow) -> bool:
        return window is TierWindow.CALENDAR_YEAR and super().counts(slip, window)


def _renewed(member: Membership, step: TierStep, today: date) -> date | None:
    """From the old last day, so that a late night or a grace moves no anniversary; from today where that is past."""
    until_on = tier_until(member.until_on or today, step)
    return until_on if until_on is None or until_on > today else tier_until(today, step)


def _to(found: Reached, why: TierWhy, until_on: date | None) -> Move:
    return Move(found.step, why, found.figures, found.window_from_on, until_on)


# ── Warning ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def warning(
    member: Membership, steps: Sequence[TierStep], slips: Sequence[Bought], *, policy: Policy, today: date
) -> Distance | None:
    """What she still has to do to keep her tier, from `tier_warn_days` before its last day on; None where nothing is
    missing, it is not time yet, or its end has passed. Counted as it will count at her review."""
    until_on = member.until_on
    if (
        until_on is None
        or member.is_held(today)
        or not until_on - timedelta(days=policy.tier_warn_days) <= today <= until_on
    ):
        return None
    step = next((one for one in steps if one.tier_id == member.tier_id), None)
    if step is None or step.is_everybodys:
        return None
    at_review = [figures_on(slips, step.window, day) for day in _review_days(member, until_on, policy)]
    missing = [missing_to(step, counted) for counted in at_review]
    if any(one.is_there for one in missing):
        return None
    return min(missing, key=lambda one: (one.amount_fen or 0, one.visits or 0))


def checked_hold(reason: str, until_on: date | None, today: date) -> tuple[str, date]:
    """Why and until when somebody gives a tier by hand. Raises HoldWithoutReason, HoldEndWrong."""
    tidy = " ".join(reason.split())
    if not 0 < len(tidy) <= REASON_MAX:
        raise HoldWithoutReason("reason", limit=REASON_MAX)
    last = months_after(today, 12 * LONGEST_HOLD_YEARS)
    if until_on is None or not today <= until_on <= last:
        raise HoldEndWrong("until_on", last=last.isoformat())
    return tidy, until_on


# ── The table itself ──────────────────────────────────────────────────────────────────────────────────────────────────


def moved_by_table(
    member: Membership, steps: Sequence[TierStep], slips: Sequence[Bought], *, policy: Policy, today: date
) -> Move | None:
    """What a changed table makes of her when it is applied: a higher step at once; a lower one only where her tier has no
    last day ahead of it, for what was promised until a day is not cut short. None where nothing moves.

    *Example.* Gold from ¥5000 to ¥8000: whoever has gold until next June keeps it until then and is judged at review.
    """
    if member.is_held(today):
        return None
    found = reached(steps, slips, Day(today, policy.tier_window_months, member.changed_at))
    has_time_left = member.until_on is not None and member.until_on >= today
    is_out_of_use = member.tier_id not in {step.tier_id for step in steps}
    if found.step.tier_id == member.tier_id or (found.step.rank < member.rank and has_time_left and not is_out_of_use):
        return None
    return _to(found, TierWhy.TABLE, tier_until(today, found.step))
