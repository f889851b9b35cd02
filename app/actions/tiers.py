"""Tiers follow what customers buy. Up at once; down only at a review date, which is another day's work."""

from collections.abc import Callable, Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.models import Customer, Tier
from app.queries.tiers import bought_between, tier_steps
from app.rules.policy import Policy
from app.rules.tiers import figures, tier_for, tier_until, window_start


def review_tier(session: Session, customer_id: int, *, policy: Policy, now: datetime, zone: ZoneInfo) -> bool:
    """Lift a customer to the tier her purchases have earned; whether she rose."""
    return bool(review_tiers(session, [customer_id], policy=policy, now=now, zone=zone))


def review_tiers(
    session: Session,
    customer_ids: Collection[int],
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    rising: Callable[[Customer], None] = lambda customer: None,
) -> list[int]:
    """The same for many at once: the ids of those who rose. A tier higher than earned stays: nobody falls here.
    `rising` sees each of them as she was before."""
    steps = tier_steps(session)
    if not customer_ids or not steps:
        return []
    today = now.astimezone(zone).date()
    slips = bought_between(session, customer_ids, window_start(today, policy.tier_window_months), today, zone)
    ranks = dict(session.exec(select(Tier.id, Tier.rank)).all())
    buyers = session.exec(
        select(Customer).where(col(Customer.id).in_(slips)).with_for_update().order_by(col(Customer.id))
    )
    risen = []
    for customer in buyers:
        earned = figures(slips[customer.id or 0])
        step = tier_for(earned.amount_fen, earned.visits, steps)
        if step.rank > ranks[customer.tier_id]:
            rising(customer)
            customer.tier_id, customer.tier_until_on = step.tier_id, tier_until(today, step)
            risen.append(customer.id or 0)
    session.flush()
    return risen
