"""What the page of the rules is made from: the rows as they are today."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, or_, select

from app.models import Reward, Tier
from app.queries.benefits import tier_benefits
from app.queries.earning import rules_at
from app.queries.tiers import step_of
from app.rules.earning import EarningTerms
from app.rules.points_words import RewardTerms, TierTerms


@dataclass(frozen=True)
class RuleRows:
    """Earning rules, tiers from the lowest up, rewards from the cheapest up."""

    rules: tuple[EarningTerms, ...]
    tiers: tuple[TierTerms, ...]
    rewards: tuple[RewardTerms, ...]


def rule_rows(session: Session, *, now: datetime, today: date) -> RuleRows:
    """What holds at this moment. A reward that is out of stock is not promised."""
    gives = tier_benefits(session)
    tiers = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank))).all()
    rewards = session.exec(
        select(Reward, Tier.name)
        .outerjoin(Tier, col(Tier.id) == col(Reward.tier_id))
        .where(
            col(Reward.is_active),
            or_(col(Reward.stock).is_(None), col(Reward.stock) > 0),
            or_(col(Reward.starts_on).is_(None), col(Reward.starts_on) <= today),
            or_(col(Reward.ends_on).is_(None), col(Reward.ends_on) >= today),
        )
        .order_by(col(Reward.points), col(Reward.id))
    )
    return RuleRows(
        rules_at(session, now),
        tuple(
            TierTerms(
                step_of(tier),
                tier.points_percent,
                tier.discount_percent,
                tier.benefits,
                tuple((one.kind, one.name, one.times_a_year) for one in gives.get(tier.id or 0, ())),
            )
            for tier in tiers
        ),
        tuple(RewardTerms(row.name, row.points, tier or "", row.ends_on) for row, tier in rewards),
    )
