"""When the machine's named work is due. Derived from what has been done, never from a timer: a machine that was off
catches up, and one that asks twice gets the same answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.queries.jobs import last_done, shop_opened_at
from app.queries.survey_rounds import has_round_waiting
from app.rules.jobs import latest_night
from app.rules.policy import Policy
from app.vocabulary import JobKind


@dataclass(frozen=True)
class Named:
    """Named work: whether it is due, and the slot it is due in (`backup:2026-11-24:03`), which makes it happen once."""

    kind: str
    is_due: Callable[[Session, datetime, Policy, ZoneInfo], bool]
    slot: Callable[[datetime, Policy, ZoneInfo], str]


def nightly(kind: JobKind) -> Named:
    """Once a night from the policy's hour on, or as soon as the machine is on again."""

    def is_due(session: Session, now: datetime, policy: Policy, zone: ZoneInfo) -> bool:
        # A shop that opened today has its first night before it.
        since = last_done(session, kind, until=now) or shop_opened_at(session)
        return since is not None and since < latest_night(now, policy.night_hour, zone)

    def slot(now: datetime, policy: Policy, zone: ZoneInfo) -> str:
        # With the hour: the day the owner moves it has two nights rather than none.
        return f"{kind}:{latest_night(now, policy.night_hour, zone):%Y-%m-%d:%H}"

    return Named(kind, is_due, slot)


def hourly(kind: JobKind, has_work: Callable[[Session, datetime], bool]) -> Named:
    """As soon as there is anything to do, and once an hour at most: an hour without leaves no line behind."""

    def is_due(session: Session, now: datetime, policy: Policy, zone: ZoneInfo) -> bool:
        return has_work(session, now)

    def slot(now: datetime, policy: Policy, zone: ZoneInfo) -> str:
        return f"{kind}:{now.astimezone(UTC):%Y-%m-%dT%H}"

    return Named(kind, is_due, slot)


ON_CALL = frozenset({JobKind.CHECK_IMPORT, JobKind.RUN_IMPORT, JobKind.TRY_DESIGN})
"""What a person causes, at any hour."""
_HOURLY = (hourly(JobKind.SURVEY_WAVES, has_round_waiting),)
SCHEDULE = (
    *(nightly(kind) for kind in JobKind if kind not in ON_CALL | {named.kind for named in _HOURLY}),
    *_HOURLY,
)
