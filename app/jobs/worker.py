"""The worker: a process of its own that looks every few seconds, and at once when nudged."""

import logging
import os
import socket
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from app.db import Database, is_migrated
from app.gateways.lifeline import end_with
from app.gateways.nudges import Nudges
from app.jobs.errands import AnyKind
from app.jobs.kinds import KINDS
from app.jobs.running import Runner
from app.jobs.schedule import ON_CALL, SCHEDULE, Named
from app.keys import current_keys
from app.queries.jobs import server_time
from app.settings import Settings

_LOG = logging.getLogger(__name__)
_UNMIGRATED_SECONDS = 2.0


def clock_of(database: Database) -> Callable[[], datetime]:
    """The clock all workers of this shop go by: the machine's, or PostgreSQL's where several machines work."""
    if database.is_sqlite:
        return lambda: datetime.now(UTC)

    def ask() -> datetime:
        with database.reading() as session:
            return server_time(session)

    return ask


def runner_of(
    database: Database,
    settings: Settings,
    *,
    clock: Callable[[], datetime] | None = None,
    kinds: Mapping[str, AnyKind] = KINDS,
    schedule: Collection[Named] = SCHEDULE,
) -> Runner:
    """A runner for this process. `clock`: as of another moment."""
    worker, real_clock = f"{socket.gethostname()[:40]}/{os.getpid()}", clock_of(database)
    return Runner(database, settings, kinds, schedule, clock or real_clock, worker, real_clock)


def kinds_here(settings: Settings, *, serves: bool) -> Mapping[str, AnyKind]:
    """What this machine can do: a file that was uploaded lies where the pages are served, and a worker on a second machine
    leaves it to that one."""
    if serves or settings.uploads_dir.is_dir():
        return KINDS
    return {name: kind for name, kind in KINDS.items() if name not in ON_CALL}


def work(database: Database, settings: Settings, *, parent: int | None = None, runner: Runner | None = None) -> None:
    """Work until SIGTERM. With `parent`, no longer than that process lives."""
    if parent is not None:
        end_with(parent)
    _wait_for_tables(database)
    runner = runner or runner_of(database, settings, kinds=kinds_here(settings, serves=parent is not None))
    nudges = Nudges(settings, current_keys(), lambda: _look(runner, consumer.stop_flag.is_set))
    consumer = nudges.consumer()
    consumer.run()


def _look(runner: Runner, is_over: Callable[[], bool]) -> None:
    tally = runner.sweep(is_over)
    for reason in tally.reasons:
        _LOG.warning("%s", reason)
    if tally.done or tally.failed:
        _LOG.info("jobs: %s done, %s failed", tally.done, tally.failed)


def _wait_for_tables(database: Database) -> None:
    """A worker on a second machine may start before the first has brought the tables up to date."""
    has_said = False
    while not is_migrated(database):
        if not has_said:
            _LOG.warning("the tables are not those of this version: waiting for rouge serve to upgrade them")
            has_said = True
        time.sleep(_UNMIGRATED_SECONDS)
