"""A nudge says "look", and losing it costs seconds. On both databases."""

import threading

import pytest
from sqlmodel import Session

from app.actions.jobs import put_job
from app.audit import AuditedSession
from app.db import Database
from app.gateways import nudges
from app.gateways.nudges import FILE, Nudges, nudge_after_commit
from app.keys import KeyRing, current_keys
from app.settings import Settings
from tests.conftest import NOW


@pytest.fixture
def queue(settings: Settings, database: Database) -> Nudges:
    """The shop's nudges, as the worker opens them."""
    return Nudges(settings, current_keys())


@pytest.fixture
def units(settings: Settings, database: Database) -> type[Session]:
    """Units of work as in the web process: a commit nudges. A class of its own leaves other tests alone."""

    class Unit(AuditedSession):
        pass

    nudge_after_commit(Unit, settings, current_keys())
    return Unit


def put(units: type[Session], database: Database, *, commit: bool = True) -> None:
    """Put a job as a page does."""
    with units(database.engine) as session:
        put_job(session, "message", "message:7", {"customer": 17}, now=NOW, due_at=NOW)
        if commit:
            session.commit()


def waiting(queue: Nudges) -> int:
    """Nudges nobody has taken yet."""
    return queue._huey.pending_count()


def test_the_worker_looks_at_once_by_itself_and_whenever_it_is_nudged(settings, queue) -> None:
    seen = threading.Semaphore(0)
    worker = Nudges(settings, current_keys(), seen.release)
    consumer = worker.consumer()
    for thread in (consumer.scheduler, *(thread for _, thread in consumer.worker_threads)):
        thread.start()
    try:
        assert seen.acquire(timeout=30)
        queue.nudge()
        assert seen.acquire(timeout=30)
    finally:
        consumer.stop(graceful=True)


def test_a_commit_that_put_a_job_nudges_and_no_other_does(database, units, queue) -> None:
    put(units, database, commit=False)
    with units(database.engine) as session:
        session.commit()
    assert waiting(queue) == 0
    put(units, database)
    assert waiting(queue) == 1


def test_a_nudge_that_cannot_be_left_breaks_nothing(database, units, monkeypatch) -> None:
    def is_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nudges, "_queue", is_full)
    put(units, database)


def test_nothing_about_the_job_is_in_the_queue(database, units, queue) -> None:
    put(units, database)
    (message,) = queue._huey.storage.enqueued_items()
    assert b"message" not in bytes(message)
    assert b"customer" not in bytes(message)


def test_only_what_this_shop_signed_is_unpickled(settings, queue) -> None:
    stranger = Nudges(settings, KeyRing.from_master(b"x" * 32))
    stranger.nudge()
    with pytest.raises(ValueError, match="mismatch"):
        queue._huey.dequeue()


def test_a_damaged_queue_is_made_anew(sqlite_settings) -> None:
    ring = KeyRing.from_master(b"x" * 32)
    (sqlite_settings.data_dir / FILE).write_bytes(b"no database at all" * 100)
    queue = Nudges(sqlite_settings, ring)
    queue.nudge()
    assert waiting(queue) == 1
