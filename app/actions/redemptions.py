"""Points are handed in for a reward of the catalogue, or for what the counter agreed on; and taken back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from app.actions.earning import hold_buyer
from app.actions.ledger import locked_account
from app.actions.points import reverse_entry, spend_points
from app.db import lock_row
from app.models import Customer, Purchase, Redemption, Reward, Tier
from app.queries.earning import sale_reference
from app.queries.rewards import offer_of
from app.rules.points import ReferenceTaken, day_of, whole_points
from app.rules.policy import Policy
from app.rules.redemptions import (
    LONGEST_REFERENCE,
    AlreadyReturned,
    BalanceMoved,
    ReferenceUnusable,
    RewardUnknown,
    check_offer,
)
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import CustomerStatus

_REASON = words("积分兑换")
_RETURNED = words("兑换退回")
_PAID = words("结账抵扣")


@dataclass(frozen=True)
class Wanted:
    """What is to be redeemed. `reference` makes it happen once; `reward_id` None: something the counter agreed on.
    `shown`: the balance somebody looked at before she said yes, in points; None where nobody was shown one."""

    points: int
    reference: str
    reward_id: int | None = None
    note: str = ""
    shown: int | None = None


def redeem(
    session: Session, customer_id: int, wanted: Wanted, *, now: datetime, zone: ZoneInfo, staff_id: int | None = None
) -> Redemption:
    """Hand points in. The same reference again gives the first redemption.

    Raises NotEnoughPoints, PointsWrong, PointsFrozen, ReferenceTaken, ReferenceUnusable, NotFound, RewardUnknown,
    BalanceMoved, or what `check_offer` refuses."""
    if not 0 < len(wanted.reference.strip()) <= LONGEST_REFERENCE:
        raise ReferenceUnusable("reference", limit=LONGEST_REFERENCE)
    whole_points(wanted.points)
    customer = session.get(Customer, customer_id)
    if customer is None or customer.status is CustomerStatus.ERASED:
        raise NotFound
    hold_buyer(session, customer_id)  # before her account, as a merge does: the two would wait for each other
    account = locked_account(session, customer_id)  # of two tills at once the second sees what the first did
    known = session.exec(select(Redemption).where(Redemption.reference == wanted.reference)).first()
    if known is not None:
        return _same(known, customer_id, wanted)
    if wanted.shown is not None and wanted.shown != account.balance:
        raise BalanceMoved(shown=f"{wanted.shown:,}", balance=f"{account.balance:,}")
    try:
        with session.begin_nested():
            return _redeemed(session, customer, wanted, now=now, zone=zone, staff_id=staff_id)
    except IntegrityError:
        # Another customer's redemption of that name came in meanwhile.
        raise ReferenceTaken("reference", reference=wanted.reference) from None


def _redeemed(
    session: Session, customer: Customer, wanted: Wanted, *, now: datetime, zone: ZoneInfo, staff_id: int | None
) -> Redemption:
    reward = _taken(session, customer, wanted, day_of(now, zone)) if wanted.reward_id else None
    entry = spend_points(
        session, customer.id or 0, wanted.points, reference=f"redemption:{wanted.reference}",
        reason=reward.name if reward else wanted.note or _REASON, now=now, zone=zone, staff_id=staff_id,
    )  # fmt: skip
    redemption = Redemption(
        reference=wanted.reference,
        customer_id=customer.id or 0,
        reward_id=wanted.reward_id,
        points=wanted.points,
        entry_id=entry.id or 0,
        at=now,
        staff_id=staff_id,
        note=wanted.note,
    )
    session.add(redemption)
    session.flush()
    return redemption


def pay_with_points(session: Session, purchase: Purchase, *, now: datetime, zone: ZoneInfo) -> None:
    """Spend the points that pay for a part of a sale. Raises NotEnoughPoints, PointsFrozen, PointsWrong."""
    try:
        spend_points(
            session, purchase.customer_id or 0, purchase.points_used, reference=sale_reference(purchase),
            reason=_PAID, purchase_id=purchase.id, now=now, zone=zone,
        )  # fmt: skip
    except RuleBroken as refusal:
        refusal.field = "points_used"
        raise


def return_redemption(
    session: Session,
    redemption_id: int,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    reason: str = "",
    staff_id: int | None = None,
) -> Redemption:
    """Take a redemption back: the points into the lots they came from, what was taken from the stock too. Raises NotFound,
    AlreadyReturned."""
    redemption = lock_row(session, Redemption, redemption_id)
    if redemption is None:
        raise NotFound
    if redemption.returned_at is not None:
        raise AlreadyReturned
    grace = policy.points_grace_days
    reverse_entry(
        session, redemption.entry_id, reference=f"return:{redemption.id}", reason=reason.strip() or _RETURNED,
        grace_until_on=day_of(now, zone) + timedelta(days=grace) if grace else None, now=now, zone=zone,
        staff_id=staff_id,
    )  # fmt: skip
    reward = lock_row(session, Reward, redemption.reward_id) if redemption.reward_id else None
    if reward is not None and reward.stock is not None:
        reward.stock += 1
    redemption.returned_at = now
    session.flush()
    return redemption


def _same(known: Redemption, customer_id: int, wanted: Wanted) -> Redemption:
    told = (known.customer_id, known.points, known.reward_id)
    if told != (customer_id, wanted.points, wanted.reward_id):
        raise ReferenceTaken("reference", reference=wanted.reference)
    return known


def _taken(session: Session, customer: Customer, wanted: Wanted, today: date) -> Reward:
    """The reward, one less of it. Whoever wants the last one at the same time waits here."""
    reward = lock_row(session, Reward, wanted.reward_id or 0)
    if reward is None:
        raise RewardUnknown("reward")
    had = session.exec(
        select(func.count())
        .select_from(Redemption)
        .where(
            Redemption.reward_id == reward.id,
            Redemption.customer_id == customer.id,
            col(Redemption.returned_at).is_(None),
        )
    ).one()
    check_offer(offer_of(reward), wanted.points, today=today, rank=_rank(session, customer.tier_id), had=had)
    if reward.stock is not None:
        reward.stock -= 1
        session.flush()
    return reward


def _rank(session: Session, tier_id: int) -> int:
    return session.exec(select(Tier.rank).where(Tier.id == tier_id)).one()
