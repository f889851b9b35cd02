"""Work for the machine: what is due, how it went last, and whether somebody is doing it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from app.models import Heartbeat, Job, JobRun, Staff
from app.rules.jobs import LONGEST_LEASE, Beat, beat_at, is_asleep, is_backup_old
from app.vocabulary import JobKind, JobStage, JobState

SWEEP = "sweep"
"""The heartbeat of the workers."""
PUT = "has_put_job"
"""What a session's `info` says when its commit is worth a nudge."""


@dataclass(frozen=True)
class JobsHealth:
    """How the machine's work stands: the worker's last sign of life and whether it has to be looked after, how many jobs
    wait, are being done, were given up, and when the newest good backup that is there was made."""

    beat: Beat
    is_asleep: bool
    waiting: int
    working: int
    dead: int
    last_backup_at: datetime | None
    is_backup_old: bool


def last_done(session: Session, name: str, *, until: datetime | None = None) -> datetime | None:
    """When a named job last ended well; None when it never did. Runs after `until` do not count: a clock that was wrong
    for an hour must not stop the job for a year."""
    wanted = select(func.max(col(JobRun.finished_at))).where(JobRun.name == name, JobRun.state == JobState.DONE)
    if until is not None:
        wanted = wanted.where(col(JobRun.finished_at) <= until)
    return session.exec(wanted).one()


def last_runs(session: Session) -> dict[str, JobRun]:
    """The newest run of every named job, good or bad."""
    newest = select(func.max(col(JobRun.id))).group_by(col(JobRun.name))
    return {run.name: run for run in session.exec(select(JobRun).where(col(JobRun.id).in_(newest)))}


def shop_opened_at(session: Session) -> datetime | None:
    """Since when somebody works here; None before."""
    return session.exec(select(func.min(col(Staff.created_at)))).one()


def claimable(now: datetime) -> ColumnElement[bool]:
    """Jobs a worker may take: due, or held by one whose lease ran out. A lease much longer than any that is given was
    written before the clock was put back."""
    return and_(
        col(Job.due_at) <= now,
        or_(col(Job.stage) == JobStage.WAITING, and_(col(Job.stage) == JobStage.LEASED, lease_is_over(now))),
    )


def lease_is_over(now: datetime) -> ColumnElement[bool]:
    """Whoever held the job is gone."""
    return or_(col(Job.lease_until) <= now, col(Job.lease_until) > now + LONGEST_LEASE)


def has_claimable(session: Session, kinds: list[str], now: datetime) -> bool:
    """Whether a worker that knows these kinds has anything to do."""
    return session.exec(select(Job.id).where(claimable(now), col(Job.kind).in_(kinds)).limit(1)).first() is not None


def has_job(session: Session, key: str) -> bool:
    """Whether this was put already, however far it has come."""
    return session.exec(select(Job.id).where(Job.key == key)).first() is not None


def jobs_health(session: Session, *, now: datetime, backup_at: datetime | None = None) -> JobsHealth:
    """How the machine's work stands, for the dashboard, `rouge doctor` and /metrics. `backup_at`: when the newest good
    backup that is there was made; only who may look at files knows."""
    open_ones = select(Job.stage, func.count()).where(Job.stage != JobStage.DONE).group_by(col(Job.stage))
    counts = dict(session.exec(open_ones).all())
    opened = shop_opened_at(session)
    # One was made, and now there is none.
    is_lost = backup_at is None and last_done(session, JobKind.BACKUP, until=now) is not None
    beat = last_beat(session, now=now)
    return JobsHealth(
        beat=beat,
        is_asleep=is_asleep(beat, opened, now),
        waiting=counts.get(JobStage.WAITING, 0),
        working=counts.get(JobStage.LEASED, 0),
        dead=counts.get(JobStage.DEAD, 0),
        last_backup_at=backup_at,
        is_backup_old=is_lost or is_backup_old(backup_at, opened, now),
    )


def last_beat(session: Session, *, now: datetime) -> Beat:
    """The workers' last sign of life."""
    return beat_at(session.exec(select(Heartbeat.beaten_at).where(Heartbeat.name == SWEEP)).first(), now)


def server_time(session: Session) -> datetime:
    """PostgreSQL's clock: machines whose own clocks differ agree on it."""
    return session.exec(select(func.clock_timestamp(type_=col(Job.due_at).type))).one()  # type: ignore[attr-defined]
