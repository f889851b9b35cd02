"""Who would move if the tiers were others: the shop's own customers and purchases, judged before anything is changed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, or_
from sqlalchemy import select as values
from sqlmodel import Session, col, select

from app.db import among
from app.models import Customer, Purchase, Tier
from app.queries.scopes import midnight
from app.queries.tiers import bought_between, changed_at, first_day
from app.rules.policy import Policy
from app.rules.tiers import Day, Membership, TierStep, reached
from app.vocabulary import CustomerStatus, TierWindow

PORTION = 2_000
AT_ONCE = 5_000
"""In a shop of more customers the machine looks at each while nobody waits: it takes longer than a page may."""
NAMED = 8
Seen = Callable[[int], None]


@dataclass(frozen=True)
class Mover:
    """Somebody who would move. `until_on`: she keeps what she has until then. Her name is looked up when it is shown."""

    customer_id: int
    before: str
    after: str
    until_on: date | None = None
    member_no: str = ""
    name: str = ""


@dataclass
class Movement:
    """How many would go up and down, some of them by name, and how many each tier would have. `kept` of those that go
    down have their tier until a day. `tiers` are the names, the lowest first."""

    up: int = 0
    down: int = 0
    kept: int = 0
    looked_at: int = 0
    risers: list[Mover] = field(default_factory=list)
    fallers: list[Mover] = field(default_factory=list)
    now: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    tiers: tuple[str, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether anybody does."""
        return bool(self.up or self.down)


@dataclass(frozen=True)
class _Member:
    id: int
    tier_id: int
    until_on: date | None
    held_until_on: date | None


def who_would_move(
    session: Session,
    steps: Sequence[TierStep],
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    before: Sequence[TierStep] = (),
    seen: Seen = lambda count: None,
) -> Movement:
    """Everybody judged by these steps instead of the ones she has. With `before`, the steps of now, nobody is counted down
    whose purchases had not carried her tier anyway: that is her review's work. Memory flat, whatever the shop's
    size; `seen` hears how many were looked at so far."""
    today = now.astimezone(zone).date()
    names = {number or 0: (name, rank) for number, name, rank in session.exec(select(Tier.id, Tier.name, Tier.rank))}
    names |= {step.tier_id: (step.name, step.rank) for step in steps}
    in_order = sorted(names.values(), key=lambda one: one[1])
    found = Movement(tiers=tuple(dict.fromkeys(name for name, _ in in_order)))
    for portion in _portions(session):
        _judge(session, portion, found, (steps, before, names), policy=policy, today=today, zone=zone)
        seen(found.looked_at)
    return found


def has_too_many(session: Session) -> bool:
    """Whether the shop has more customers than are looked at while somebody waits."""
    return (session.exec(select(func.max(Customer.id))).one() or 0) > AT_ONCE


def named(session: Session, found: Movement) -> Movement:
    """The same with the names of those who are named; whoever is gone by now is left out."""
    ids = [one.customer_id for one in (*found.risers, *found.fallers)]
    wanted = select(Customer.id, Customer.member_no, Customer.name)
    rows = session.exec(wanted.where(among(session, Customer.id, ids))).all() if ids else []
    known = {customer_id: (member_no, name) for customer_id, member_no, name in rows}
    for movers in (found.risers, found.fallers):
        movers[:] = [
            replace(one, member_no=known[one.customer_id][0], name=known[one.customer_id][1])
            for one in movers
            if one.customer_id in known
        ]
    return found


def _portions(session: Session) -> Iterator[list[_Member]]:
    """The customers in portions."""
    columns: Any = (Customer.id, Customer.tier_id, Customer.tier_until_on, Customer.tier_held_until_on)
    wanted = values(*columns).where(col(Customer.status) != CustomerStatus.ERASED).order_by(col(Customer.id))
    after = 0
    while rows := [_Member(*row) for row in session.execute(wanted.where(col(Customer.id) > after).limit(PORTION))]:
        yield rows
        after = rows[-1].id


def _judge(
    session: Session,
    people: list[_Member],
    found: Movement,
    tables: tuple[Sequence[TierStep], Sequence[TierStep], dict[int, tuple[str, int]]],
    *,
    policy: Policy,
    today: date,
    zone: ZoneInfo,
) -> None:
    """Judge a portion by the steps wanted, beside those of now; `tables` also has every tier's name and rank."""
    steps, before, names = tables
    both = (*steps, *before)
    first = first_day(both, today, policy.tier_window_months)
    buyers = _worth_a_look(session, [one.id for one in people], both, first, zone)
    slips = bought_between(session, buyers, first, today, zone)
    moments = changed_at(session, buyers, zone) if any(one.window is TierWindow.SINCE_CHANGE for one in both) else {}
    for one in people:
        day = Day(today, policy.tier_window_months, moments.get(one.id))
        hers, (tier, rank) = slips.get(one.id, ()), names[one.tier_id]
        member = Membership(one.tier_id, rank, one.until_on, one.held_until_on)
        to = reached(steps, hers, day).step
        is_up = to.rank > rank
        is_down = to.rank < rank and (not before or _carried_by(before, hers, day, one.tier_id))
        found.looked_at += 1
        found.now[tier] += 1
        if member.is_held(today) or not (is_up or is_down):
            found.after[tier] += 1
            continue
        found.after[to.name] += 1
        keeps = one.until_on if is_down and one.until_on and one.until_on >= today else None
        found.up += is_up
        found.down += is_down
        found.kept += keeps is not None
        movers = found.risers if is_up else found.fallers
        if len(movers) < NAMED:
            movers.append(Mover(one.id, tier, to.name, keeps))


def _carried_by(before: Sequence[TierStep], slips: Any, day: Day, tier_id: int) -> bool:
    """Whether by the steps of now her purchases carry the tier she has."""
    own = next((step.rank for step in before if step.tier_id == tier_id), None)
    return own is not None and reached(before, slips, day).step.rank >= own


def _worth_a_look(
    session: Session, numbers: list[int], steps: Sequence[TierStep], first: date | None, zone: ZoneInfo
) -> list[int]:
    """Of these customers those whose purchases can carry anything: the database adds up, the others are on the lowest
    step whatever the details."""
    fen = min((step.threshold_fen for step in steps if step.threshold_fen), default=None)
    visits = min((step.threshold_visits for step in steps if step.threshold_visits), default=None)
    enough = []
    if fen is not None:
        paid = case((col(Purchase.paid_fen) > 0, col(Purchase.paid_fen)), else_=0)
        enough.append(func.sum(paid) >= fen)
    if visits is not None:
        enough.append(func.count() >= visits)
    if not numbers or not enough:
        return []
    wanted = values(col(Purchase.customer_id)).where(among(session, Purchase.customer_id, numbers))
    if first is not None:
        wanted = wanted.where(col(Purchase.occurred_at) >= midnight(first, zone))
    return list(session.execute(wanted.group_by(col(Purchase.customer_id)).having(or_(*enough))).scalars())
