"""What wakes the workers: huey keeps the clock and carries nudges. A nudge says "look", nothing else; what is due lies
in the shop's own tables, so a lost nudge costs seconds and never a job. (huey forgets a message when it hands it out:
killed then, the message is gone.)"""

import hashlib
import hmac
import logging
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from huey import Huey, PostgresHuey, SqliteHuey
from huey.consumer import Consumer, Scheduler
from huey.serializer import SignedSerializer
from sqlalchemy import event, make_url
from sqlalchemy.orm import Session

from app.keys import KeyRing
from app.queries.jobs import PUT
from app.rules.jobs import SWEEP_SECONDS
from app.settings import Settings

_LOG = logging.getLogger(__name__)
FILE = "nudges.db"
THREADS = 2
"""One may be busy with a long backup; the other goes on."""


class _Clock(Scheduler):
    """huey looks once a minute; ours at every sweep."""

    periodic_task_seconds = SWEEP_SECONDS


class _Consumer(Consumer):
    scheduler_class = _Clock


class Nudges:
    """The queue of nudges: a file beside the database, or tables of the PostgreSQL the shop has."""

    def __init__(self, settings: Settings, ring: KeyRing, look: Callable[[], None] = lambda: None) -> None:
        logging.getLogger("huey").setLevel(logging.WARNING)  # it reports every tick
        self._huey = _queue(settings, ring)

        # A nudge that waited longer than a sweep is one the sweep has seen.
        @self._huey.task(name="nudge", expires=SWEEP_SECONDS)
        def nudge() -> None:
            look()

        @self._huey.periodic_task(lambda _: True, name="tick", expires=SWEEP_SECONDS)
        def tick() -> None:
            look()

        self._nudge = nudge

    def nudge(self) -> None:
        """Wake a worker."""
        self._nudge()

    def consumer(self) -> Consumer:
        """The loop of a worker process: ticks and nudges, until SIGTERM; what is being done is finished first."""
        return _Consumer(
            self._huey,
            workers=THREADS,
            max_delay=1.0,
            graceful_signal=signal.SIGTERM.name.removeprefix("SIG"),
            health_check_interval=5,
        )


def _queue(settings: Settings, ring: KeyRing) -> Huey:
    # huey unpickles what it reads: only what this shop signed.
    secret = hmac.new(ring.session, b"nudges", hashlib.sha256).hexdigest()
    serializer = SignedSerializer(secret=secret, salt="rouge")
    if settings.database_url:
        dsn = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresHuey("rouge", results=False, serializer=serializer, dsn=dsn, table_prefix="nudges")
    path = settings.data_dir / FILE
    _drop_damaged(path)
    # Nothing in it is worth a sync; and no WAL, which the system's own SQLite library may damage.
    return SqliteHuey(
        "rouge", results=False, serializer=serializer, filename=str(path), fsync=False, journal_mode="truncate"
    )


def _drop_damaged(path: Path) -> None:
    """A file nobody can read any more is made anew."""
    try:
        with sqlite3.connect(path, timeout=1) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return  # held by somebody, or the disk's trouble: not the file's
    except sqlite3.DatabaseError:
        with suppress(OSError):
            path.unlink()


def nudge_after_commit(sessions: type[Session], settings: Settings, ring: KeyRing) -> None:
    """From now on a unit of work of this process that put a job wakes a worker once it is committed. Without the nudge,
    whatever goes wrong with it, the next sweep finds the job."""
    queue = cache(partial(Nudges, settings, ring))

    @event.listens_for(sessions, "after_commit")
    def _nudge(session: Session) -> None:
        if session.info.pop(PUT, False):
            try:
                queue().nudge()
            except Exception:  # noqa: BLE001  what was committed is safe, whatever huey's storage says
                _LOG.warning("a nudge was lost; the next sweep will look", exc_info=True)
