"""When work for the machine is tried, tried again and given up, and when the machine is late."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from app.rules.refusals import RuleBroken, words

MOST_ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
LEASE = timedelta(minutes=1)
"""How long work that only changes the database may take before another worker takes it over."""
LONGEST_LEASE = timedelta(minutes=30)
"""The same for work on whole files. No lease is longer."""
SWEEP_SECONDS = 10
LATE_AFTER = timedelta(minutes=2)
"""Twelve sweeps missed: the worker is not merely busy."""
BACKUP_OLD_AFTER = timedelta(hours=36)
"""A night missed, and half a day to notice."""


class JobNotDead(RuleBroken):
    """Only what was given up can be tried again by hand."""

    code = "job_not_dead"
    message = words("这件任务没有停下，不用再试。")
    status = 409


class LeaseLost(RuleBroken):
    """Another worker has this job by now: what was done for it here must not stay."""

    code = "lease_lost"
    message = words("这件任务已由另一个工作进程接手。")
    status = 409


class Hopeless(RuleBroken):
    """Trying again would not help. Subclasses say why; the job stops at once and waits for a person."""

    code = "hopeless"
    message = words("这件任务做不成，再试也没有用。")


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after the `attempts`th failure: 1 min, then three times as long each, at most 6 h. A mail server
    may be away for a night (12 h in all). None: given up."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return min(FIRST_WAIT * 3 ** (attempts - 1), LONGEST_WAIT)


def latest_night(now: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The last moment the night's work was to begin, at or before `now`: `hour` on the shop's clock."""
    here = now.astimezone(zone)
    tonight = datetime.combine(here.date(), time(hour), zone)
    return tonight if tonight <= here else datetime.combine(here.date() - timedelta(days=1), time(hour), zone)


class Pulse(StrEnum):
    """Whether the worker is alive: it sweeps, it has not for too long, or it was never seen."""

    OK = "ok"
    LATE = "late"
    NEVER = "never"


@dataclass(frozen=True)
class Beat:
    """The worker's last sign of life, and the `seconds` since then; None when there was none."""

    pulse: Pulse
    at: datetime | None = None
    seconds: int | None = None


def beat_at(last: datetime | None, now: datetime) -> Beat:
    """What a last sweep at `last` means at `now`. One from the future tells of a clock put back: it counts by its
    distance."""
    if last is None:
        return Beat(Pulse.NEVER)
    distance = abs(now - last)
    return Beat(Pulse.LATE if distance > LATE_AFTER else Pulse.OK, last, int(distance.total_seconds()))


def is_asleep(beat: Beat, opened: datetime | None, now: datetime) -> bool:
    """Whether a person must look after the worker: it stopped, or has never been seen in a shop that is open since an
    hour."""
    if beat.pulse is Pulse.NEVER:
        return opened is not None and now - opened > timedelta(hours=1)
    return beat.pulse is Pulse.LATE


def is_backup_old(last: datetime | None, opened: datetime | None, now: datetime) -> bool:
    """Whether the shop has gone too long without a good backup. A shop nobody works in yet needs none."""
    since = last or opened
    return since is not None and now - since > BACKUP_OLD_AFTER
