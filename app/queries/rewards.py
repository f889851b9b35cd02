"""What a customer may have for her points today, and why not the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, func, select

from app.models import Customer, Redemption, Reward, Tier
from app.rules.redemptions import Offer, RewardClosed, check_offer
from app.rules.refusals import RuleBroken


@dataclass(frozen=True)
class Offered:
    """A reward for one customer: what it leaves her, or why she cannot have it."""

    reward: Reward
    after: int
    refusal: RuleBroken | None

    @property
    def missing(self) -> int:
        """How many points she lacks; 0 where she has enough."""
        return max(-self.after, 0)

    @property
    def is_open(self) -> bool:
        """Whether she may have it now."""
        return self.refusal is None and not self.missing


def offer_of(reward: Reward) -> Offer:
    """A reward as its rules see it."""
    return Offer(
        name=reward.name,
        points=reward.points,
        stock=reward.stock,
        from_rank=reward.tier.rank if reward.tier else None,
        tier_name=reward.tier.name if reward.tier else "",
        most=reward.most_per_customer,
        starts_on=reward.starts_on,
        ends_on=reward.ends_on,
        is_active=reward.is_active,
    )


def times_had(session: Session, customer_id: int) -> dict[int, int]:
    """How often she has had each reward; what was returned does not count."""
    wanted = (
        select(Redemption.reward_id, func.count())
        .where(Redemption.customer_id == customer_id, col(Redemption.returned_at).is_(None))
        .group_by(col(Redemption.reward_id))
    )
    return {reward_id: times for reward_id, times in session.exec(wanted) if reward_id is not None}


def offered_to(session: Session, customer: Customer, balance: int, today: date) -> list[Offered]:
    """The catalogue for her, what she may have first, the cheapest before the others. What is over or put away is left
    out; what has not begun is not."""
    rank = session.exec(select(Tier.rank).where(Tier.id == customer.tier_id)).one()
    had = times_had(session, customer.id or 0)
    wanted = select(Reward).where(Reward.is_active, (col(Reward.ends_on).is_(None)) | (col(Reward.ends_on) >= today))
    rows = session.exec(wanted.options(joinedload(Reward.tier)))  # type: ignore[arg-type]
    return sorted(
        _offered(rows, rank, had, balance, today),
        key=lambda one: (not one.is_open, one.reward.points, one.reward.id or 0),
    )


def _offered(rewards: Iterable[Reward], rank: int, had: dict[int, int], balance: int, today: date) -> list[Offered]:
    found = []
    for reward in rewards:
        refusal: RuleBroken | None = None
        try:
            check_offer(offer_of(reward), reward.points, today=today, rank=rank, had=had.get(reward.id or 0, 0))
        except RuleBroken as refused:
            refusal = refused
        found.append(Offered(reward, balance - reward.points, refusal))
    return found


def is_to_come(offered: Offered, today: date) -> bool:
    """Whether a reward is only not on offer yet."""
    starts_on = offered.reward.starts_on
    return isinstance(offered.refusal, RewardClosed) and starts_on is not None and starts_on > today
