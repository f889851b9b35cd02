"""Points: which lots a spend takes, what a reversal gives back, what is over. Whole numbers, never rounded."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.vocabulary import PointsKind

LARGEST_POINTS = 100_000_000
"""More than this in one movement is a slip of the hand."""
REVERSIBLE = frozenset({PointsKind.OPENING, PointsKind.EARN, PointsKind.REDEEM, PointsKind.ADJUST})
MAY_OWE = frozenset({PointsKind.REVERSE, PointsKind.MERGE})
"""Movements that may leave a debt: a spend never does."""
LONGEST_REASON = 200


class PointsWrong(RuleBroken):
    """Nothing, a fraction, or more than a shop ever gives."""

    code = "points_wrong"
    message = words("积分要填 1 到 {largest} 之间的整数。")


class NotEnoughPoints(RuleBroken):
    """A spend is never larger than what is there."""

    code = "insufficient_points"
    message = words("积分不够：现有 {balance} 分，需要 {points} 分。")
    status = 409


class ReferenceTaken(RuleBroken):
    """The same reference with other figures is another movement, and must not pass for the first."""

    code = "points_reference_taken"
    message = words("这个单号已经记过一笔积分，内容不一样：{reference}")
    status = 409


class PointsFrozen(RuleBroken):
    """The nightly check found a difference; until a person has looked nothing is redeemed."""

    code = "points_frozen"
    message = words("这位顾客的积分账核对不上，已暂停兑换。请店主先核对。")
    status = 409


class PointsInDoubt(RuleBroken):
    """The lots do not bear out the balance: nothing is written on top of that."""

    code = "points_in_doubt"
    message = words("这位顾客的积分账核对不上，这一笔没有记。请店主先核对。")
    status = 409


class NotReversible(RuleBroken):
    """What a reversal or a merge did is taken back by its own way, never by another reversal."""

    code = "points_not_reversible"
    message = words("这一笔积分不能撤销。")
    status = 409


class ReversedTooMuch(RuleBroken):
    """No more is taken back than was given, however often somebody asks."""

    code = "points_reversed_too_much"
    message = words("这一笔最多还能撤销 {points} 分。")
    status = 409


class PointsSpentMeanwhile(RuleBroken):
    """What has been spent since two records were merged cannot go back to both."""

    code = "points_spent_meanwhile"
    message = words(
        "合并之后，对方带来的积分已经用掉了 {points} 分，不能再拆开。请先让这些分回来（兑换的在积分明细里撤销，抵掉货款的随退货退回），再撤销合并。"
    )
    status = 409


class PointsEntangled(PointsSpentMeanwhile):
    """A refund of the other's sale was paid with points of the record that stayed: nobody could say whose they are now."""

    code = "points_entangled"
    message = words(
        "合并之后，对方的一笔消费退了货，收回的积分里有 {points} 分只能从这份档案自己的积分里扣，已经分不开了。这次合并不能撤销，请把两份档案合着用。"
    )


class PointsReasonMissing(RuleBroken):
    """Whoever changes points by hand says why."""

    code = "points_reason_missing"
    message = words("请写明原因，最多 {limit} 个字。")


@dataclass(frozen=True)
class Lot:
    """Points that came in together: what is left of them, and through which day they count (None: always)."""

    lot_id: int
    remaining: int
    earned_on: date
    expires_on: date | None


@dataclass(frozen=True)
class Use:
    """So many points out of a lot (negative: back into it)."""

    lot_id: int
    points: int


def day_of(now: datetime, zone: ZoneInfo) -> date:
    """The shop's day: points end at its midnight, not at the server's."""
    return now.astimezone(zone).date()


def whole_points(points: int) -> int:
    """An amount of points that can be moved. Raises PointsWrong."""
    if type(points) is not int or not 1 <= points <= LARGEST_POINTS:
        raise PointsWrong("points", largest=LARGEST_POINTS)
    return points


def signed_points(points: int) -> int:
    """The same for a correction, which may take away. Raises PointsWrong."""
    if type(points) is not int:
        raise PointsWrong("points", largest=LARGEST_POINTS)
    whole_points(abs(points))
    return points


def stated_reason(reason: str, field: str = "reason") -> str:
    """Why somebody moves points by hand, in one spelling: two that look alike are one. Raises PointsReasonMissing."""
    tidy = tidy_words(reason)
    if not 0 < len(tidy) <= LONGEST_REASON:
        raise PointsReasonMissing(field, limit=LONGEST_REASON)
    return tidy


def in_order(lots: Iterable[Lot], first: Collection[int] = ()) -> list[Lot]:
    """Lots as they are used up: those named in `first`, then soonest expiry, then oldest; undated ones last.
    Source: semantics 5.1.1, odoo/odoo#206048."""
    return sorted(
        lots,
        key=lambda lot: (
            lot.lot_id not in first,
            lot.expires_on is None,
            lot.expires_on or date.max,
            lot.earned_on,
            lot.lot_id,
        ),
    )


def taken(lots: Iterable[Lot], points: int, first: Collection[int] = ()) -> tuple[Use, ...]:
    """What comes out of which lot. Less than `points` in all where the lots hold less."""
    uses, missing = [], points
    for lot in in_order(lots, first):
        part = min(lot.remaining, missing)
        if part > 0:
            uses.append(Use(lot.lot_id, part))
            missing -= part
    return tuple(uses)


def given_back(uses: Sequence[Use], points: int, already: int = 0) -> tuple[Use, ...]:
    """What of a spend goes back into which lot: what was taken last comes back first. `already`: points of it that went
    back before, so that parts add up to exactly the whole."""
    backs, skip, missing = [], already, points
    for use in reversed(uses):
        part = min(max(use.points - skip, 0), missing)
        skip = max(skip - use.points, 0)
        if part > 0:
            backs.append(Use(use.lot_id, -part))
            missing -= part
    return tuple(backs)


def is_over(expires_on: date | None, today: date) -> bool:
    """Whether the last day is gone: points count through the whole of it."""
    return expires_on is not None and expires_on < today


def lots_change(balance_before: int, balance_after: int) -> int:
    """How much more (negative: less) lies in the lots after a movement: what is below zero is a debt, and no lot holds
    it. So what comes in repays the debt first."""
    return max(balance_after, 0) - max(balance_before, 0)
