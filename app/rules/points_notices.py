"""Telling a customer that points end: 30, 7 and 1 days before, each lot once per stage, all of them in one message.

What a message said is not written down lot by lot. It lists everything that ends within the longest stage, so whatever
was there then has been announced for the stage it had reached. Source: semantics 5.1 (4).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.rules.consents import Register, Standing, may_use
from app.rules.refusals import words
from app.vocabulary import Channel, Purpose

STAGES = (30, 7, 1)
"""Days before the last day."""
KEY = "points-notice:"
SUBJECT = words("积分快到期了")
BODY = words("{shop}：您有积分快到期。{ends}。过了这一天就用不了了，之前来店里可以兑换。")
END = words("{day} 到期 {points} 分")
BETWEEN = words("；")
_FROM, _TO = time(9), time(21)
"""When a message may arrive, by the shop's clock: nobody is woken for points."""
_WRITTEN = (Channel.SMS, Channel.WECHAT, Channel.EMAIL)
"""Ways a message can go by itself, the surest first."""


@dataclass(frozen=True)
class EndingLot:
    """What is left of a lot, its last day, and since when the customer has it."""

    lot_id: int
    points: int
    expires_on: date
    came_at: datetime


@dataclass(frozen=True)
class Notice:
    """One message: the key that lets it be written once, and what ends when, the soonest first."""

    key: str
    ends: tuple[tuple[date, int], ...]


@dataclass(frozen=True)
class Reach:
    """Which ways lead to a customer, and the one she likes best."""

    has_phone: bool
    has_wechat: bool
    has_email: bool
    preferred: Channel | None = None

    def leads(self, channel: Channel) -> bool:
        """Whether something sent this way could arrive."""
        return {Channel.SMS: self.has_phone, Channel.WECHAT: self.has_wechat, Channel.EMAIL: self.has_email}[channel]


def due_from(now: datetime, zone: ZoneInfo) -> datetime:
    """When a message written now may go out: at once by day, else next morning. In the shop's zone; its day is the one
    the stages are counted from."""
    local = now.astimezone(zone)
    if _FROM <= local.time() < _TO:
        return local
    day = local.date() if local.time() < _FROM else local.date() + timedelta(days=1)
    return datetime.combine(day, _FROM, zone)


def stage_of(expires_on: date, today: date) -> int | None:
    """The stage a lot has reached: the nearest one, whatever was missed before it. None: over, or not yet."""
    left = (expires_on - today).days
    return min((stage for stage in STAGES if 0 <= left <= stage), default=None)


def notice(lots: Iterable[EndingLot], told_at: datetime | None, today: date, zone: ZoneInfo) -> Notice | None:
    """What a customer must be told today. `told_at`: when she was told last. None: nothing new, or one went out today."""
    told_on = told_at.astimezone(zone).date() if told_at else None
    if told_on is not None and told_on >= today:
        return None
    near = sorted((lot for lot in lots if _stage(lot, today)), key=lambda lot: (lot.expires_on, lot.lot_id))
    first = next((lot for lot in near if not _is_told(lot, told_at, told_on, today)), None)
    if first is None:
        return None
    ends: dict[date, int] = {}
    for lot in near:
        ends[lot.expires_on] = ends.get(lot.expires_on, 0) + lot.points
    return Notice(f"{KEY}{first.lot_id}:{_stage(first, today)}", tuple(ends.items()))


def channel_for(reach: Reach, standing: Standing, register: Register) -> Channel | None:
    """How she may be told, the way she likes best first. None: she said no, or no way leads to her."""
    ways = sorted(_WRITTEN, key=lambda one: one is not reach.preferred)
    open_ways = (one for one in ways if reach.leads(one))
    return next((one for one in open_ways if may_use(Purpose.SERVICE_CARE, one, standing, register).may), None)


def _stage(lot: EndingLot, today: date) -> int | None:
    return stage_of(lot.expires_on, today) if lot.points > 0 else None


def _is_told(lot: EndingLot, told_at: datetime | None, told_on: date | None, today: date) -> bool:
    stage = _stage(lot, today)
    if told_at is None or told_on is None or stage is None:
        return False
    return told_on >= lot.expires_on - timedelta(days=stage) and lot.came_at <= told_at
