"""The one writer of a customer's tier. It follows what she buys: up at once, down at her review, back after a refund;
a person's word stands for as long as it was given. Every change leaves a row with the figures of its moment."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import load_only
from sqlmodel import Session, col, select

from app.actions.tier_warnings import warn
from app.db import among, lock_row
from app.models import Customer, TierChange
from app.queries.tiers import bought_between, changed_at, first_day, histories, tier_ranks, tier_steps
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.rules.tier_moves import Move, TierGone, checked_hold, moved_by_table, review, rise, undone_by_refund, warning
from app.rules.tiers import NOTHING, Bought, Figures, Membership, TierStep, tier_until
from app.vocabulary import TierWhy, TierWindow

Rising = Callable[[Customer], None]
TIER_COLUMNS = ("tier_id", "tier_until_on", "tier_held_until_on")
"""What only this file writes."""
_MOVED: tuple[Any, ...] = (Customer.id, Customer.tier_id, Customer.tier_until_on, Customer.tier_held_until_on)
"""What a night needs of those who move: of her fifty columns most would be read for nothing."""


def _nobody(customer: Customer) -> None:
    """Nobody asks how she was before."""


@dataclass
class Reviewed:
    """What a portion of the nightly review came to."""

    seen: int = 0
    risen: int = 0
    fallen: int = 0
    kept: int = 0
    warned: int = 0


def change_tier(
    session: Session,
    customer: Customer,
    tier_id: int,
    why: TierWhy,
    *,
    now: datetime,
    until_on: date | None = None,
    held_until_on: date | None = None,
    figures: Figures = NOTHING,
    window_from_on: date | None = None,
    purchase_id: int | None = None,
    reason: str = "",
    staff_id: int | None = None,
) -> TierChange:
    """Give a customer a tier, and write down how she came to it. `held_until_on`: until when no rule takes it back."""
    change = TierChange(
        customer_id=customer.id or 0,
        at=now,
        from_tier_id=customer.tier_id,
        to_tier_id=tier_id,
        why=why,
        amount_fen=figures.amount_fen,
        visits=figures.visits,
        window_from_on=window_from_on,
        until_on=until_on,
        purchase_id=purchase_id,
        reason=reason,
        staff_id=staff_id,
    )
    customer.tier_id, customer.tier_until_on, customer.tier_held_until_on = tier_id, until_on, held_until_on
    session.add(change)
    return change


def until_of(session: Session, tier_id: int, *, now: datetime, zone: ZoneInfo | None) -> date | None:
    """The last day of a tier that begins today."""
    step = next((one for one in tier_steps(session) if one.tier_id == tier_id), None)
    return tier_until(now.astimezone(zone).date() if zone else now.date(), step) if step else None


def note_start(
    session: Session, customers: Collection[Customer], why: TierWhy, *, now: datetime, staff_id: int | None = None
) -> None:
    """Write down that new records begin on a tier they were given. Whoever begins on the lowest one has no history yet."""
    lowest = min((step for step in tier_steps(session)), key=lambda step: step.rank, default=None)
    for one in customers:
        if lowest is None or one.tier_id != lowest.tier_id:
            session.add(
                TierChange(
                    customer_id=one.id or 0,
                    at=now,
                    to_tier_id=one.tier_id,
                    why=why,
                    until_on=one.tier_until_on,
                    staff_id=staff_id,
                )
            )


def review_tier(
    session: Session,
    customer_id: int,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    purchase_id: int | None = None,
) -> bool:
    """Lift a customer to the tier her purchases have earned, or take back what a refund undid; whether she rose.
    `purchase_id` is the slip that asked."""
    asked = review_tiers(session, [customer_id], policy=policy, now=now, zone=zone, purchase_id=purchase_id)
    return bool(asked)


def review_tiers(
    session: Session,
    customer_ids: Collection[int],
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    rising: Rising = _nobody,
    purchase_id: int | None = None,
) -> list[int]:
    """The same for many at once: the ids of those who rose. Nobody falls here but by a refund. `rising` sees each whose
    tier moves as she was before."""
    look = _looked_at(session, customer_ids, policy=policy, now=now, zone=zone)
    moves: dict[int, Move] = {}
    doubted: list[int] = []
    for customer_id, member in look.members.items():
        slips = look.slips.get(customer_id, ())
        move = rise(member, look.steps, slips, policy=policy, today=look.today) if slips else None
        if move is not None:
            moves[customer_id] = move
        elif any(slip.refund_of_id is not None for slip in slips):
            doubted.append(customer_id)
    moves |= _undone(session, look, doubted)
    return _moved(session, look, moves, rising=rising, purchase_id=purchase_id)


def review_due(
    session: Session, customer_ids: Collection[int], *, policy: Policy, now: datetime, zone: ZoneInfo
) -> Reviewed:
    """The review of those whose last day has passed or is near: renewed, lowered after the grace, warned once. Late or
    twice it does the same."""
    look = _looked_at(session, customer_ids, policy=policy, now=now, zone=zone, reviews=True)
    over = [
        number
        for number, one in look.members.items()
        if (one.until_on is not None and one.until_on < look.today)
        or (one.held_until_on is not None and one.held_until_on < look.today)
    ]
    past = histories(session, [one for one in over if look.members[one].held_until_on is not None], zone)
    moves: dict[int, Move] = {}
    for customer_id in over:
        slips, history = look.slips.get(customer_id, ()), past.get(customer_id, ())
        member = look.members[customer_id]
        move = review(member, look.steps, slips, policy=policy, today=look.today, history=history)
        if move is not None:
            moves[customer_id] = move
    risen = _moved(session, look, moves)
    kept = sum(move.step.tier_id == look.members[number].tier_id for number, move in moves.items())
    warned = _warn_those_near(session, look, policy=policy, now=now)
    return Reviewed(len(look.members), len(risen), len(moves) - len(risen) - kept, kept, warned)


def apply_table(
    session: Session, customer_ids: Collection[int], *, policy: Policy, now: datetime, zone: ZoneInfo
) -> Reviewed:
    """Judge these anew by the table as it is now, because the owner said so: up, and down where their purchases carry
    less. A tier whose last day is still ahead is not cut short, and a person's word stands."""
    look = _looked_at(session, customer_ids, policy=policy, now=now, zone=zone)
    moves: dict[int, Move] = {}
    for customer_id, member in look.members.items():
        move = moved_by_table(member, look.steps, look.slips.get(customer_id, ()), policy=policy, today=look.today)
        if move is not None:
            moves[customer_id] = move
    risen = _moved(session, look, moves)
    return Reviewed(len(look.members), len(risen), len(moves) - len(risen))


def set_tier_by_hand(
    session: Session,
    customer_id: int,
    tier_id: int,
    *,
    reason: str,
    until_on: date | None,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
) -> TierChange:
    """Give a customer a tier for a reason, until a day; then the rule decides again. Raises NotFound, TierGone,
    HoldWithoutReason, HoldEndWrong."""
    why, last = checked_hold(reason, until_on, now.astimezone(zone).date())
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    if tier_id not in {step.tier_id for step in tier_steps(session)}:
        raise TierGone("tier")
    return change_tier(
        session,
        customer,
        tier_id,
        TierWhy.MANUAL,
        now=now,
        until_on=last,
        held_until_on=last,
        reason=why,
        staff_id=staff_id,
    )


def end_hold(
    session: Session, customer_id: int, *, policy: Policy, now: datetime, zone: ZoneInfo, staff_id: int | None = None
) -> bool:
    """Take a person's word back before its end: the rule decides from now on. Whether there was one."""
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    if customer.tier_held_until_on is None:
        return False
    customer.tier_held_until_on = now.astimezone(zone).date() - timedelta(days=1)
    session.flush()
    review_due(session, [customer_id], policy=policy, now=now, zone=zone)
    return True


def lift_by_file(
    session: Session, customer: Customer, news: Mapping[str, Any], *, now: datetime, staff_id: int | None = None
) -> None:
    """Give her the tier a file says (`news`: its columns); a person's word about it stands beside it."""
    change_tier(
        session,
        customer,
        news["tier_id"],
        TierWhy.IMPORT,
        now=now,
        until_on=news.get("tier_until_on", customer.tier_until_on),
        held_until_on=customer.tier_held_until_on,
        staff_id=staff_id,
    )


# ── Looking and moving ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Look:
    """What is known of some customers, who are ours until this unit of work ends."""

    today: date
    now: datetime
    zone: ZoneInfo
    policy: Policy
    steps: tuple[TierStep, ...]
    members: Mapping[int, Membership] = field(default_factory=dict)
    slips: Mapping[int, Sequence[Bought]] = field(default_factory=dict)


def _looked_at(
    session: Session,
    customer_ids: Collection[int],
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    reviews: bool = False,
) -> _Look:
    """Their tiers and slips. The records are locked before the slips are read: of two sales of one customer at once the
    second must see the first. `reviews`: also what counted on the day their tier ended."""
    today, steps = now.astimezone(zone).date(), tier_steps(session)
    if not customer_ids or not steps:
        return _Look(today, now, zone, policy, steps)
    columns: Any = (Customer.id, Customer.tier_id, Customer.tier_until_on, Customer.tier_held_until_on)
    held = select(*columns).where(among(session, Customer.id, set(customer_ids))).order_by(col(Customer.id))
    rows = session.exec(held.with_for_update(key_share=True)).all()
    since = [today]
    if reviews:
        since += [until for _, _, until, _ in rows if until is not None and until < today]
    firsts = first_day(steps, min(since), policy.tier_window_months)
    slips = bought_between(session, [number or 0 for number, *_ in rows], firsts, today, zone)
    counts_from_change = any(step.window is TierWindow.SINCE_CHANGE for step in steps)
    moments = changed_at(session, [number or 0 for number, *_ in rows], zone) if counts_from_change else {}
    ranks = tier_ranks(session)
    members = {
        number or 0: Membership(tier_id, ranks[tier_id], until, hold, moments.get(number or 0))
        for number, tier_id, until, hold in rows
    }
    return _Look(today, now, zone, policy, steps, members, slips)


def _undone(session: Session, look: _Look, doubted: Sequence[int]) -> dict[int, Move]:
    """What refunds take back of these: asked only about those who had any."""
    lowest = min((step.rank for step in look.steps), default=0)
    doubted = [number for number in doubted if look.members[number].rank > lowest]
    if not doubted:
        return {}
    past = histories(session, doubted, look.zone)
    slips = bought_between(session, doubted, None, look.today, look.zone)
    moves: dict[int, Move] = {}
    for customer_id in doubted:
        move = undone_by_refund(
            look.members[customer_id],
            look.steps,
            slips[customer_id],
            policy=look.policy,
            today=look.today,
            history=past.get(customer_id, ()),
        )
        if move is not None:
            moves[customer_id] = move
    return moves


def _moved(
    session: Session,
    look: _Look,
    moves: Mapping[int, Move],
    *,
    rising: Rising = _nobody,
    purchase_id: int | None = None,
) -> list[int]:
    """Carry the moves out; who rose."""
    if not moves:
        return []
    wanted = select(Customer).where(among(session, Customer.id, set(moves))).order_by(col(Customer.id))
    if rising is _nobody:
        wanted = wanted.options(load_only(*_MOVED))
    risen = []
    for customer in session.exec(wanted.execution_options(populate_existing=True)):
        number = customer.id or 0
        move = moves[number]
        rising(customer)
        change_tier(
            session,
            customer,
            move.step.tier_id,
            move.why,
            now=look.now,
            until_on=move.until_on,
            figures=move.figures,
            window_from_on=move.window_from_on,
            purchase_id=purchase_id or _last_slip(move, look.slips.get(number, ())),
        )
        if move.step.rank > look.members[number].rank:
            risen.append(number)
    session.flush()
    return risen


def _last_slip(move: Move, slips: Sequence[Bought]) -> int | None:
    """The slip that moved her, as far as one did."""
    if move.why not in {TierWhy.REACHED, TierWhy.REFUND}:
        return None
    is_refund = move.why is TierWhy.REFUND
    some = [slip for slip in slips if (slip.refund_of_id is not None) is is_refund]
    return max(some, key=lambda slip: (slip.on, slip.purchase_id)).purchase_id if some else None


def _warn_those_near(session: Session, look: _Look, *, policy: Policy, now: datetime) -> int:
    near = {}
    for customer_id, member in look.members.items():
        slips = look.slips.get(customer_id, ())
        missing = warning(member, look.steps, slips, policy=policy, today=look.today)
        if missing is not None and member.until_on is not None:
            near[customer_id] = (member.until_on, missing)
    return warn(session, near, policy=policy, now=now, today=look.today)
