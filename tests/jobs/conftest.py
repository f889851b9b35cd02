"""A shop whose machine has work of our own making to do."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session, col, select

from app.actions.jobs import put_job
from app.db import Database
from app.jobs.errands import AnyKind, Done, Errand, Kind
from app.jobs.running import Runner
from app.models import Job, Tag
from app.settings import Settings


class Clock:
    """The time tests say it is."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **much: float) -> None:
        """Let time pass, or put the clock back."""
        self.now += timedelta(**much)


@pytest.fixture
def clock(now: datetime) -> Clock:
    """A clock that stands until it is put forward."""
    return Clock(now)


def write_tag(session: Session, errand: Errand) -> Done:
    """An effect one can count: one more row by this name."""
    session.add(Tag(name=f"{errand.key}/{uuid4().hex[:8]}"))
    session.flush()
    return Done()


def effects(database: Database) -> dict[str, int]:
    """How often each job had its effect, by key."""
    with database.reading() as session:
        found: dict[str, int] = {}
        for name in session.exec(select(Tag.name).where(col(Tag.name).contains("/"))):
            key = name.rpartition("/")[0]
            found[key] = found.get(key, 0) + 1
        return found


def jobs(database: Database) -> dict[str, Job]:
    """All jobs by their keys."""
    with database.reading() as session:
        return {job.key: job for job in session.exec(select(Job))}


def put(database: Database, now: datetime, *keys: str, kind: str = "tag", after: timedelta = timedelta()) -> None:
    """Put jobs."""
    with database.writing() as session:
        for key in keys:
            put_job(session, kind, key, {}, now=now, due_at=now + after)


MakeRunner = Callable[..., Runner]


@pytest.fixture
def runner(database: Database, settings: Settings, clock: Clock) -> MakeRunner:
    """A worker that knows the kinds it is given, and no schedule."""
    kinds: Mapping[str, AnyKind] = {"tag": Kind(write_tag)}

    def make(work: Mapping[str, AnyKind] = kinds, *, schedule=(), worker: str = "one") -> Runner:
        return Runner(database, settings, work, schedule, clock, worker)

    return make
