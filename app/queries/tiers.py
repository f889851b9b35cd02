"""The tiers of the shop, and what customers bought in the window that decides them."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.models import Purchase, Tier
from app.rules.tiers import Bought, TierStep


def tier_steps(session: Session) -> tuple[TierStep, ...]:
    """The tiers in use, the lowest first."""
    tiers = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank)))
    return tuple(
        TierStep(tier.id or 0, tier.name, tier.rank, tier.threshold_fen, tier.threshold_visits, tier.valid_months)
        for tier in tiers
    )


def bought_between(
    session: Session, customer_ids: Collection[int], first: date, last: date, zone: ZoneInfo
) -> dict[int, list[Bought]]:
    """The slips of these customers on the shop's days from `first` to `last`, both included, by customer."""
    since = datetime.combine(first, time(), zone)
    until = datetime.combine(last + timedelta(days=1), time(), zone)
    slips: dict[int, list[Bought]] = defaultdict(list)
    for customer_id, purchase_id, at, paid_fen, refund_of_id in session.exec(
        select(  # type: ignore[call-overload]  # typed up to four columns
            Purchase.customer_id, Purchase.id, Purchase.occurred_at, Purchase.paid_fen, Purchase.refund_of_id
        ).where(
            col(Purchase.customer_id).in_(customer_ids), Purchase.occurred_at >= since, Purchase.occurred_at < until
        )
    ):
        slips[customer_id].append(Bought(purchase_id, at.astimezone(zone).date(), paid_fen, refund_of_id))
    return slips


def buyers_after(session: Session, customer_id: int, limit: int) -> list[int]:
    """The next customers after this number who ever bought something, in order."""
    buyer = col(Purchase.customer_id)
    return [
        one or 0
        for one in session.exec(select(buyer).where(buyer > customer_id).distinct().order_by(buyer).limit(limit))
    ]
