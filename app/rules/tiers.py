"""Which step of membership a customer has reached: by money or by visits in a window, never by a balance.

Source: semantics 5.3. A threshold of 0 means the tier does not ask for that figure; a tier that asks for neither is
everybody's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from app.rules.days import months_after


@dataclass(frozen=True)
class TierStep:
    """A tier as far as reaching it goes."""

    tier_id: int
    name: str
    rank: int
    threshold_fen: int
    threshold_visits: int
    valid_months: int


@dataclass(frozen=True)
class Bought:
    """One slip of the till: a sale, or a refund of another slip (`refund_of_id`, negative amount)."""

    purchase_id: int
    on: date
    paid_fen: int
    refund_of_id: int | None = None


@dataclass(frozen=True)
class Figures:
    """What counts towards a tier: money net of refunds, and days on which something was bought and kept."""

    amount_fen: int
    visits: int


def tier_for(amount_fen: int, visits: int, tiers: Sequence[TierStep]) -> TierStep:
    """The highest tier reached by amount OR visits, ≥ being enough; the lowest one when none is."""
    ordered = sorted(tiers, key=lambda tier: tier.rank)
    reached = [tier for tier in ordered if _is_reached(tier, amount_fen, visits)]
    return reached[-1] if reached else ordered[0]


def window_start(today: date, months: int) -> date:
    """The first day that counts: the same day so many months ago (31 August − 6 months → 28 February)."""
    return months_after(today, -months)


def tier_until(today: date, tier: TierStep) -> date:
    """The last day of a tier reached today."""
    return months_after(today, tier.valid_months)


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


def _is_reached(tier: TierStep, amount_fen: int, visits: int) -> bool:
    if not tier.threshold_fen and not tier.threshold_visits:
        return True
    by_amount = 0 < tier.threshold_fen <= amount_fen
    return by_amount or 0 < tier.threshold_visits <= visits
