"""What a customer sees of herself on her own page."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, or_, select

from app.models import (
    Customer,
    EarningRule,
    PointsAccount,
    PointsEntry,
    Purchase,
    Redemption,
    Reward,
    Tier,
)
from app.queries.earning import PendingLine, pending_of
from app.queries.points import balance_of, is_frozen, lots_of
from app.queries.tokens import subject_of
from app.rules.own_page import HISTORY_PAGE, SecondFactor
from app.vocabulary import AdjustReason, Calendar, CustomerStatus, PointsKind, RewardKind, TokenPurpose


@dataclass(frozen=True)
class Holder:
    """Whose page an address is, and what opens it besides."""

    customer_id: int
    factor: SecondFactor


@dataclass(frozen=True)
class Person:
    """Who she is, as the shop has it. Her phone is masked here, too."""

    name: str
    member_no: str
    phone_masked: str
    email: str
    birthday: str
    birthday_calendar: Calendar
    tier: str
    tier_colour: str
    tier_rank: int
    tier_until_on: date | None


@dataclass(frozen=True)
class Wish:
    """A reward she could have one day: `missing` points from now; 0 at once."""

    name: str
    kind: RewardKind
    points: int
    missing: int
    description: str
    ends_on: date | None


@dataclass(frozen=True)
class EndDay:
    """So many points count through that day; None: they never end."""

    points: int
    ends_on: date | None


@dataclass(frozen=True)
class Purse:
    """Her points: what she has (below zero a debt), what comes, when it ends. `is_frozen`: nothing is redeemed until
    a person of the shop has looked."""

    balance: int
    is_frozen: bool
    pending: tuple[PendingLine, ...]
    ends: tuple[EndDay, ...]

    @property
    def coming(self) -> int:
        """Points that do not count yet."""
        return sum(one.points for one in self.pending)


@dataclass(frozen=True)
class Movement:
    """One movement of her points, with what can be said of it. What staff noted for each other is not in it."""

    entry_id: int
    at: datetime
    kind: PointsKind
    points: int
    working: str
    rule: str
    reason_code: AdjustReason | None
    order_no: str
    reward: str


def holder_of(session: Session, token: str, now: datetime) -> Holder | None:
    """Whose page this address is. None when it opens nothing, or the record is no longer in use."""
    customer_id = subject_of(session, token, TokenPurpose.MEMBER, now)
    if customer_id is None:
        return None
    row = session.exec(
        select(Customer.phone_last4, Customer.birth_month, Customer.birth_day).where(
            Customer.id == customer_id, Customer.status == CustomerStatus.ACTIVE
        )
    ).first()
    return Holder(customer_id, SecondFactor(*row)) if row else None


def person_of(session: Session, customer_id: int) -> Person:
    """Who she is."""
    row = session.exec(
        select(Customer, Tier).join(Tier, col(Tier.id) == col(Customer.tier_id)).where(Customer.id == customer_id)
    ).one()
    customer, tier = row
    return Person(
        name=customer.name,
        member_no=customer.member_no,
        phone_masked=customer.phone_masked,
        email=customer.email,
        birthday=customer.birthday,
        birthday_calendar=customer.birthday_calendar,
        tier=tier.name,
        tier_colour=tier.colour,
        tier_rank=tier.rank,
        tier_until_on=customer.tier_until_on,
    )


def purse_of(session: Session, customer_id: int) -> Purse:
    """Her points, one line for each last day, in the order they will be used."""
    days: dict[date | None, int] = {}
    for lot in lots_of(session, customer_id):
        days[lot.expires_on] = days.get(lot.expires_on, 0) + lot.remaining
    return Purse(
        balance_of(session, customer_id),
        is_frozen(session, customer_id),
        tuple(one for one in pending_of(session, customer_id) if one.points > 0),
        tuple(EndDay(points, day) for day, points in days.items()),
    )


def history_of(
    session: Session, customer_id: int, *, before_id: int | None = None, limit: int = HISTORY_PAGE
) -> tuple[Movement, ...]:
    """How her points came about, newest first, with what a merged record brought along; that two records were joined is
    no movement of hers. `before_id` is the last one seen."""
    entry = PointsEntry
    rows = session.execute(
        select(  # type: ignore[call-overload]  # typed up to four columns
            entry.id, entry.at, entry.kind, entry.points, entry.working, EarningRule.name, entry.reason_code,
            Purchase.order_no, Reward.name,
        )
        .join(PointsAccount, col(PointsAccount.id) == col(entry.account_id))
        .outerjoin(EarningRule, col(EarningRule.id) == col(entry.rule_id))
        .outerjoin(Purchase, col(Purchase.id) == col(entry.purchase_id))
        .outerjoin(Redemption, col(Redemption.entry_id) == col(entry.id))
        .outerjoin(Reward, col(Reward.id) == col(Redemption.reward_id))
        .where(
            PointsAccount.customer_id == customer_id,
            entry.kind != PointsKind.MERGE,
            *([col(entry.id) < before_id] if before_id else []),
        )
        .order_by(col(entry.id).desc())
        .limit(limit)
    )  # fmt: skip
    return tuple(
        Movement(number, at, kind, points, working or "", rule or "", code, order_no or "", reward or "")
        for number, at, kind, points, working, rule, code, order_no, reward in rows
    )


def rewards_for(session: Session, customer_id: int, *, rank: int, balance: int, today: date) -> tuple[Wish, ...]:
    """What she may have for her points, the cheapest first: of her tier, in its days, in stock, and not yet had as often
    as one may."""
    had = dict(
        session.exec(
            select(Redemption.reward_id, func.count())
            .where(Redemption.customer_id == customer_id, col(Redemption.returned_at).is_(None))
            .group_by(col(Redemption.reward_id))
        ).all()
    )
    rows = session.exec(
        select(Reward)
        .outerjoin(Tier, col(Tier.id) == col(Reward.tier_id))
        .where(
            col(Reward.is_active),
            or_(col(Reward.stock).is_(None), col(Reward.stock) > 0),
            or_(col(Reward.starts_on).is_(None), col(Reward.starts_on) <= today),
            or_(col(Reward.ends_on).is_(None), col(Reward.ends_on) >= today),
            or_(col(Reward.tier_id).is_(None), col(Tier.rank) <= rank),
        )
        .order_by(col(Reward.points), col(Reward.id))
    )
    return tuple(
        Wish(row.name, row.kind, row.points, max(0, row.points - balance), row.description, row.ends_on)
        for row in rows
        if not row.most_per_customer or had.get(row.id, 0) < row.most_per_customer
    )
