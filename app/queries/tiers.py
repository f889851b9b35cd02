"""The tiers of the shop, what customers bought that decides them, and how each came to hers."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_
from sqlmodel import Session, col, func, select

from app.db import among
from app.models import Customer, Purchase, Staff, Tier, TierChange
from app.queries.scopes import midnight
from app.rules.policy import Policy
from app.rules.tier_moves import PastChange, warning
from app.rules.tiers import Bought, Day, Distance, Figures, Membership, TierStep, distance, reached
from app.vocabulary import CustomerStatus, TierWhy, TierWindow


def step_of(tier: Tier) -> TierStep:
    """A tier as the rules see it."""
    return TierStep(
        tier.id or 0,
        tier.name,
        tier.rank,
        tier.threshold_fen,
        tier.threshold_visits,
        tier.valid_months,
        tier.needs_both,
        tier.window,
    )


def tier_steps(session: Session) -> tuple[TierStep, ...]:
    """The tiers in use, the lowest first."""
    tiers = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank)))
    return tuple(step_of(tier) for tier in tiers)


def tier_ranks(session: Session) -> dict[int, int]:
    """The rank of every tier, in use or not."""
    return {number or 0: rank for number, rank in session.exec(select(Tier.id, Tier.rank))}


def first_day(steps: Sequence[TierStep], today: date, months: int) -> date | None:
    """The first day any of these steps can count; None: since ever."""
    day = Day(today, months)
    firsts = [day.first(window) for window in {step.window for step in steps}]
    return min((one for one in firsts if one), default=None) if None not in firsts else None


def bought_between(
    session: Session, customer_ids: Collection[int], first: date | None, last: date, zone: ZoneInfo
) -> dict[int, list[Bought]]:
    """The slips of these customers on the shop's days from `first` (None: ever) to `last`, both included, by customer."""
    slips: dict[int, list[Bought]] = defaultdict(list)
    if not customer_ids:
        return slips
    wanted = select(  # type: ignore[call-overload]  # typed up to four columns
        Purchase.customer_id, Purchase.id, Purchase.occurred_at, Purchase.paid_fen, Purchase.refund_of_id
    ).where(
        among(session, Purchase.customer_id, set(customer_ids)),
        Purchase.occurred_at < midnight(last + timedelta(days=1), zone),
    )
    if first is not None:
        wanted = wanted.where(Purchase.occurred_at >= midnight(first, zone))
    for customer_id, purchase_id, at, paid_fen, refund_of_id in session.exec(wanted):
        slips[customer_id].append(Bought(purchase_id, at.astimezone(zone).date(), paid_fen, refund_of_id, at))
    return slips


def changed_at(
    session: Session, customer_ids: Collection[int], zone: ZoneInfo, *, by: datetime | None = None
) -> dict[int, datetime]:
    """When the tier of each last became another one; with `by`, as it was known at that moment."""
    if not customer_ids:
        return {}
    moved = col(TierChange.from_tier_id).is_distinct_from(col(TierChange.to_tier_id))
    rows = select(TierChange.customer_id, TierChange.at).where(
        among(session, TierChange.customer_id, set(customer_ids)), moved
    )
    rows = rows if by is None else rows.where(TierChange.at <= by)
    newest: dict[int, datetime] = {}
    for customer_id, at in session.exec(rows.order_by(col(TierChange.at))):
        newest[customer_id] = at.astimezone(zone)
    return newest


def histories(session: Session, customer_ids: Collection[int], zone: ZoneInfo) -> dict[int, list[PastChange]]:
    """Every change of each, the newest first."""
    found: dict[int, list[PastChange]] = defaultdict(list)
    if not customer_ids:
        return found
    wanted = select(TierChange).where(among(session, TierChange.customer_id, set(customer_ids)))
    for row in session.exec(wanted.order_by(col(TierChange.at).desc(), col(TierChange.id).desc())):
        at = row.at.astimezone(zone)
        found[row.customer_id].append(
            PastChange(
                at,
                at.date(),
                row.from_tier_id,
                row.to_tier_id,
                row.why,
                Figures(row.amount_fen, row.visits),
                row.window_from_on,
                row.until_on,
            )
        )
    return found


def newest_change(session: Session) -> int:
    """The number of the last change of all."""
    return session.exec(select(func.max(TierChange.id))).one() or 0


def changes_since(session: Session, customer_ids: Collection[int], change_id: int) -> list[int]:
    """The numbers of these customers' changes after this one, in order."""
    if not customer_ids:
        return []
    hers = among(session, TierChange.customer_id, set(customer_ids))
    wanted = select(TierChange.id).where(hers, col(TierChange.id) > change_id)
    return [number or 0 for number in session.exec(wanted.order_by(col(TierChange.id)))]


def due_after(session: Session, customer_id: int, limit: int, *, today: date, policy: Policy) -> list[int]:
    """The next customers after this number whose tier or hold is over, or who must be told that it will be."""
    until, held = col(Customer.tier_until_on), col(Customer.tier_held_until_on)
    due = or_(until <= today + timedelta(days=policy.tier_warn_days), held < today)
    wanted = select(Customer.id).where(due, col(Customer.id) > customer_id, Customer.status != CustomerStatus.ERASED)
    return [number or 0 for number in session.exec(wanted.order_by(col(Customer.id)).limit(limit))]


def customers_after(session: Session, customer_id: int, limit: int) -> list[int]:
    """The next customers after this number, in order."""
    wanted = select(Customer.id).where(col(Customer.id) > customer_id).order_by(col(Customer.id)).limit(limit)
    return [number or 0 for number in session.exec(wanted)]


# ── One customer's page ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class PastTier:
    """A change of hers as her page tells it."""

    at: datetime
    before: str
    after: str
    why: TierWhy
    amount_fen: int
    visits: int
    window_from_on: date | None
    until_on: date | None
    reason: str
    staff: str

    @property
    def is_renewal(self) -> bool:
        """Whether she kept what she had."""
        return self.before == self.after


@dataclass(frozen=True)
class TierStanding:
    """Where a customer stands: her tier, until when, by whose word, what counts so far, what is missing to the next one
    and, when her last day is near, what is missing to keep it."""

    tier_id: int
    name: str
    rank: int
    until_on: date | None
    held_until_on: date | None
    is_held: bool
    counted: Figures
    counted_from_on: date | None
    window: TierWindow
    next: Distance | None
    to_keep: Distance | None


def tier_standing(
    session: Session, customer_id: int, *, policy: Policy, now: datetime, zone: ZoneInfo
) -> TierStanding | None:
    """Where she stands today; None for a number nobody has."""
    wanted = select(Customer, Tier).join(Tier, col(Tier.id) == col(Customer.tier_id))
    found = session.exec(wanted.where(Customer.id == customer_id)).first()
    steps = tier_steps(session)
    if found is None or not steps:
        return None
    customer, tier = found
    today = now.astimezone(zone).date()
    slips = bought_between(session, [customer_id], None, today, zone)[customer_id]
    at = changed_at(session, [customer_id], zone).get(customer_id)
    member = membership(customer, tier.rank, at)
    day = Day(today, policy.tier_window_months, at)
    ahead = distance(member, steps, slips, day)
    shown = ahead.step if ahead else reached(steps, slips, day).step
    counted = counted_in(shown, slips, day)
    return TierStanding(
        tier_id=tier.id or 0,
        name=tier.name,
        rank=tier.rank,
        until_on=customer.tier_until_on,
        held_until_on=customer.tier_held_until_on,
        is_held=member.is_held(today),
        counted=counted,
        counted_from_on=day.first(shown.window),
        window=shown.window,
        next=ahead,
        to_keep=warning(member, steps, slips, policy=policy, today=today),
    )


def counted_in(step: TierStep, slips: Sequence[Bought], day: Day) -> Figures:
    """What counts towards one step on that day."""
    return reached((step,), slips, day).figures


def membership(customer: Customer, rank: int, at: datetime | None = None) -> Membership:
    """A record as the rules see it."""
    return Membership(customer.tier_id, rank, customer.tier_until_on, customer.tier_held_until_on, at)


def past_tiers(session: Session, customer_id: int, *, most: int = 50) -> tuple[PastTier, ...]:
    """How she came to the tier she has, the newest change first."""
    names = dict(session.exec(select(Tier.id, Tier.name)).all())
    wanted = (
        select(TierChange, Staff.name)
        .join(Staff, col(Staff.id) == col(TierChange.staff_id), isouter=True)
        .where(TierChange.customer_id == customer_id)
        .order_by(col(TierChange.at).desc(), col(TierChange.id).desc())
        .limit(most)
    )
    return tuple(
        PastTier(
            row.at,
            names.get(row.from_tier_id, ""),
            names.get(row.to_tier_id, ""),
            row.why,
            row.amount_fen,
            row.visits,
            row.window_from_on,
            row.until_on,
            row.reason,
            staff or "",
        )
        for row, staff in session.exec(wanted)
    )


def tier_choices(session: Session) -> tuple[tuple[int, str], ...]:
    """The tiers somebody may be given by hand, the lowest first."""
    return tuple((step.tier_id, step.name) for step in tier_steps(session))
