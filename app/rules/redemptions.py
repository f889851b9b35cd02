"""Points handed in: what they are worth in money, and whether a reward may be had."""

from dataclasses import dataclass
from datetime import date

from app.rules.refusals import RuleBroken, words


class RewardClosed(RuleBroken):
    """Not on offer, not yet, or no longer."""

    code = "reward_closed"
    message = words("“{name}”现在不能兑换。")
    status = 409


class RewardNotForTier(RuleBroken):
    """For members of a higher tier."""

    code = "reward_not_for_tier"
    message = words("“{name}”要{tier}及以上才能兑换。")
    status = 409


class RewardOut(RuleBroken):
    """None left."""

    code = "reward_out"
    message = words("“{name}”已经换完了。")
    status = 409


class RewardOftenEnough(RuleBroken):
    """She has had it as often as anybody may."""

    code = "reward_often_enough"
    message = words("“{name}”每人最多换 {most} 次。")
    status = 409


class RewardCostsOther(RuleBroken):
    """The till and the catalogue name different points: one of them is out of date."""

    code = "reward_costs_other"
    message = words("“{name}”要 {points} 分。请按目录里的分数兑换。")


class BalanceMoved(RuleBroken):
    """What was looked at before pressing is no longer true: whoever presses has to see what is left now."""

    code = "balance_moved"
    message = words("她的积分刚刚变过：您看到的是 {shown} 分，现在是 {balance} 分。请看看新的数再决定。")
    status = 422


class RewardUnknown(RuleBroken):
    """Nothing of that name in the catalogue."""

    code = "reward_unknown"
    message = words("没有这个兑换项。")


class AlreadyReturned(RuleBroken):
    """What was taken back once is not taken back again."""

    code = "redemption_returned"
    message = words("这次兑换已经退回过了。")
    status = 409


class PointsExceedSale(RuleBroken):
    """More would be paid with points than the sale costs."""

    code = "points_exceed_sale"
    message = words("积分抵扣超过了这一单的金额：最多用 {points} 分。")


class PointsNeedCustomer(RuleBroken):
    """Points are somebody's: a sale to nobody, or to somebody unknown, cannot be paid with them."""

    code = "points_need_customer"
    message = words("用积分要先认出是哪位会员。")


class ReferenceUnusable(RuleBroken):
    """Without a name of its own a redemption could happen twice unnoticed."""

    code = "reference_unusable"
    message = words("请给这次兑换一个单号，最多 {limit} 个字。")


LONGEST_REFERENCE = 100


@dataclass(frozen=True)
class Offer:
    """A reward as its rules see it. `stock` None: no end of it; `from_rank` None: for everybody; `most` 0: no limit."""

    name: str
    points: int
    stock: int | None
    from_rank: int | None
    tier_name: str
    most: int
    starts_on: date | None
    ends_on: date | None
    is_active: bool


def worth_fen(points: int, points_per_yuan: int) -> int:
    """What points pay for in money, in whole fen: floor(points × 100 ÷ points per yuan)."""
    return points * 100 // points_per_yuan


def points_for_fen(fen: int, points_per_yuan: int) -> int:
    """The most points that pay for so much and no more."""
    return fen * points_per_yuan // 100


def check_points_paid(points: int, total_fen: int, points_per_yuan: int) -> None:
    """Points pay for no more than the sale costs. Raises PointsExceedSale."""
    if worth_fen(points, points_per_yuan) > total_fen:
        raise PointsExceedSale("points_used", points=points_for_fen(max(total_fen, 0), points_per_yuan))


def check_offer(offer: Offer, points: int, *, today: date, rank: int, had: int) -> None:
    """Whether somebody of that rank, who has had it so often, may have it today for those points. Raises RewardClosed,
    RewardNotForTier, RewardOut, RewardOftenEnough, RewardCostsOther."""
    is_on = (offer.starts_on is None or offer.starts_on <= today) and (offer.ends_on is None or today <= offer.ends_on)
    if not offer.is_active or not is_on:
        raise RewardClosed("reward", name=offer.name)
    if offer.from_rank is not None and rank < offer.from_rank:
        raise RewardNotForTier("reward", name=offer.name, tier=offer.tier_name)
    if offer.stock == 0:
        raise RewardOut("reward", name=offer.name)
    if offer.most and had >= offer.most:
        raise RewardOftenEnough("reward", name=offer.name, most=offer.most)
    if points != offer.points:
        raise RewardCostsOther("points", name=offer.name, points=offer.points)
