"""Which step of membership purchases carry: by money or visits in a window, never by a balance. What becomes of her tier
by that stands in `tier_moves`. Source: semantics 5.3.

A threshold of 0 means the tier does not ask for that figure; a tier that asks for neither is everybody's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.rules.days import months_after
from app.vocabulary import TierWindow


@dataclass(frozen=True)
class TierStep:
    """A tier as far as reaching and keeping it goes. `needs_both`: amount and visits, not one of them."""

    tier_id: int
    name: str
    rank: int
    threshold_fen: int
    threshold_visits: int
    valid_months: int
    needs_both: bool = False
    window: TierWindow = TierWindow.ROLLING

    @property
    def is_everybodys(self) -> bool:
        """Whether nothing has to be done for it."""
        return not self.threshold_fen and not self.threshold_visits


def out_of_order(steps: Iterable[TierStep]) -> list[tuple[TierStep, TierStep]]:
    """Each higher step that is easier to reach than a lower one, with that one: mostly a slip of the pen. Steps that look
    at other spans of time are not compared."""
    in_order = sorted(steps, key=lambda one: one.rank)
    pairs = ((higher, lower) for lower in in_order for higher in in_order if lower.rank < higher.rank)
    return [(higher, lower) for higher, lower in pairs if _is_easier(higher, lower)]


def _is_easier(higher: TierStep, lower: TierStep) -> bool:
    if higher.is_everybodys:
        return not lower.is_everybodys
    if higher.window is not lower.window or (higher.needs_both and not lower.needs_both):
        return False
    return 0 < higher.threshold_fen < lower.threshold_fen or 0 < higher.threshold_visits < lower.threshold_visits


@dataclass(frozen=True)
class Bought:
    """One slip of the till: a sale, or a refund of another slip (`refund_of_id`, negative amount). `on` is the shop's
    day, `at` the instant where it is known."""

    purchase_id: int
    on: date
    paid_fen: int
    refund_of_id: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Figures:
    """What counts towards a tier: money net of refunds, and days on which something was bought and kept."""

    amount_fen: int
    visits: int


NOTHING = Figures(0, 0)


@dataclass(frozen=True)
class Day:
    """The day somebody is judged on: what counts on it. `months` is the shop's rolling window, `changed_at` when her
    tier last changed (None: never)."""

    today: date
    months: int
    changed_at: datetime | None = None

    def first(self, window: TierWindow) -> date | None:
        """The first day that counts; None: since ever."""
        if window is TierWindow.ROLLING:
            return window_start(self.today, self.months)
        if window is TierWindow.CALENDAR_YEAR:
            return self.today.replace(month=1, day=1)
        if window is TierWindow.SINCE_CHANGE and self.changed_at is not None:
            return self.changed_at.date()
        return None

    def counts(self, slip: Bought, window: TierWindow) -> bool:
        """Whether a sale lies in the window. What lifted her does not count again after that change."""
        if slip.on > self.today:
            return False
        if window is TierWindow.SINCE_CHANGE and self.changed_at is not None and slip.at is not None:
            return slip.at > self.changed_at
        first = self.first(window)
        return first is None or slip.on >= first


@dataclass(frozen=True)
class Reached:
    """The step her purchases carry, with the figures and the first day of that step's window."""

    step: TierStep
    figures: Figures
    window_from_on: date | None


@dataclass(frozen=True)
class Membership:
    """The tier somebody has. `until_on` None: no end; through `held_until_on` a person's word stands."""

    tier_id: int
    rank: int
    until_on: date | None = None
    held_until_on: date | None = None
    changed_at: datetime | None = None

    def is_held(self, today: date) -> bool:
        """Whether a person's word outranks the rule today."""
        return self.held_until_on is not None and today <= self.held_until_on


@dataclass(frozen=True)
class Distance:
    """What is still missing to a step: fen and visits, both (`needs_both`) or whichever comes first. None: the step does
    not ask for it. `by_on`: the last day it counts for, where there is one."""

    step: TierStep
    amount_fen: int | None
    visits: int | None

    @property
    def needs_both(self) -> bool:
        """Whether both are asked for."""
        return self.step.needs_both and self.amount_fen is not None and self.visits is not None

    @property
    def is_there(self) -> bool:
        """Whether nothing is missing any more."""
        missing = [one for one in (self.amount_fen, self.visits) if one is not None]
        return all(not one for one in missing) if self.step.needs_both else not all(missing)


# ── What counts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def window_start(today: date, months: int) -> date:
    """The first day that counts: the same day so many months ago (31 August − 6 months → 28 February)."""
    return months_after(today, -months)


def figures(slips: Iterable[Bought]) -> Figures:
    """Money and visits of the slips of a window. A refund counts against its own sale, whenever it was made; a sale
    refunded in full never happened. Three slips on one day are one visit."""
    slips = list(slips)
    kept = {slip.purchase_id: slip.paid_fen for slip in slips if slip.refund_of_id is None}
    for slip in slips:
        if slip.refund_of_id in kept:  # a refund of an older sale takes nothing from this window
            kept[slip.refund_of_id] += slip.paid_fen
    days = {slip.on for slip in slips if kept.get(slip.purchase_id, 0) > 0}
    return Figures(sum(kept.values()), len(days))


def figures_on(slips: Iterable[Bought], window: TierWindow, day: Day) -> Figures:
    """The figures of one window on that day."""
    return figures(slip for slip in slips if slip.refund_of_id is not None or day.counts(slip, window))


def is_reached(step: TierStep, counted: Figures) -> bool:
    """Whether these figures carry a step; ≥ is enough. *Example.* ¥1000 asked: ¥999.99 no, ¥1000.00 yes."""
    pairs = ((step.threshold_fen, counted.amount_fen), (step.threshold_visits, counted.visits))
    asked = [threshold <= figure for threshold, figure in pairs if threshold]
    return not asked or (all(asked) if step.needs_both else any(asked))


def reached(steps: Sequence[TierStep], slips: Sequence[Bought], day: Day) -> Reached:
    """The highest step her purchases carry, each by its own window; the lowest one when none is carried."""
    counted = {window: figures_on(slips, window, day) for window in {step.window for step in steps}}
    ordered = sorted(steps, key=lambda step: step.rank)
    step = next((one for one in reversed(ordered) if is_reached(one, counted[one.window])), ordered[0])
    return Reached(step, counted[step.window], day.first(step.window))


def distance(member: Membership, steps: Sequence[TierStep], slips: Sequence[Bought], day: Day) -> Distance | None:
    """What is missing to the next step up; None on the highest one."""
    above = sorted((step for step in steps if step.rank > member.rank), key=lambda step: step.rank)
    return missing_to(above[0], figures_on(slips, above[0].window, day)) if above else None


def missing_to(step: TierStep, counted: Figures) -> Distance:
    """What these figures lack of a step."""
    amount = max(0, step.threshold_fen - counted.amount_fen) if step.threshold_fen else None
    visits = max(0, step.threshold_visits - counted.visits) if step.threshold_visits else None
    return Distance(step, amount, visits)


def tier_until(today: date, step: TierStep) -> date | None:
    """The last day of a tier reached today; None for everybody's. A tier counted by calendar years ends with a year."""
    if step.is_everybodys:
        return None
    last = months_after(today, step.valid_months)
    return last.replace(month=12, day=31) if step.window is TierWindow.CALENDAR_YEAR else last
