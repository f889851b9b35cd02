"""A file is looked through, brought in or taken back while nobody waits for it."""

import time
from datetime import timedelta
from functools import cache

from app.actions.import_batches import (
    Rows,
    break_off,
    check_batch,
    forget_uploads,
    note_progress,
    run_batch,
    undo_batch,
)
from app.audit import SYSTEM, Actor
from app.db import Database
from app.gateways.spreadsheets import open_table
from app.gateways.uploads import drop_orphans, drop_upload, upload
from app.jobs.errands import Done, Errand
from app.models import Staff
from app.queries.import_batches import UNDO, Batch, batch_of, uploads_wanted
from app.queries.import_records import changes_of
from app.rules.jobs import LONGEST_LEASE
from app.rules.refusals import RuleBroken
from app.settings import Settings

LEASE = timedelta(minutes=2)
"""Renewed while rows go in: of a worker that was killed another takes over after this."""
_SAY_EVERY = 1.0


def check_import(database: Database, settings: Settings, errand: Errand) -> Done:
    """Look a whole file through."""
    batch = _batch(database, errand)
    try:
        check_batch(
            database,
            batch.id,
            _rows(settings, batch),
            key=errand.key,
            now=errand.real_now,
            zone=errand.zone,
            progress=Teller(database, errand).tell,
        )
    except RuleBroken as refusal:
        return _stopped(database, batch, refusal)
    return Done(batch.file_name)


def run_import(database: Database, settings: Settings, errand: Errand) -> Done:
    """Bring a file in, or take one back."""
    batch = _batch(database, errand)
    if errand.key.startswith(f"{UNDO}:"):
        return _undo(database, batch, errand)
    try:
        done_with = run_batch(
            database,
            batch.id,
            _rows(settings, batch),
            now=errand.real_now,
            zone=errand.zone,
            progress=Teller(database, errand).tell,
        )
    except RuleBroken as refusal:
        return _stopped(database, batch, refusal)
    drop_upload(settings, done_with)
    return Done(batch.file_name)


def _undo(database: Database, batch: Batch, errand: Errand) -> Done:
    # All of it is one unit of work: nothing can be said meanwhile, so the lease is for the whole.
    teller = Teller(database, errand)
    with database.reading() as session:
        records = sum(one.created + one.changed for one in changes_of(session, batch.id))
    teller.say(0, records, LONGEST_LEASE)
    staff_id = int(errand.payload.get("staff", 0))
    with database.reading() as session:
        staff = session.get(Staff, staff_id) if staff_id else None
    try:
        undo_batch(
            database,
            batch.id,
            key=errand.key,
            actor=Actor(staff.name, staff.id) if staff else SYSTEM,
            now=errand.real_now,
            zone=errand.zone,
            progress=lambda done, total: None,
        )
    except RuleBroken as refusal:
        return _stopped(database, batch, refusal)
    return Done(batch.file_name)


def forget_old_uploads(database: Database, settings: Settings, errand: Errand) -> int:
    """Throw away files nobody went on with, and what lies beside them for nobody. How many."""
    with database.writing() as session:
        gone = forget_uploads(session, now=errand.safe_now)
        wanted = uploads_wanted(session)
    return gone + drop_orphans(settings, wanted)


def _batch(database: Database, errand: Errand) -> Batch:
    with database.reading() as session:
        return batch_of(session, int(errand.payload["batch"]))


def _rows(settings: Settings, batch: Batch) -> Rows:
    """The rows of a file, which is opened when they are first asked for, and once."""
    table = cache(lambda: open_table(upload(settings, batch.upload_key, batch.file_name)))
    return lambda: table().rows()


def _stopped(database: Database, batch: Batch, refusal: RuleBroken) -> Done:
    """The file itself is the reason: no work for the machine any more, but for whoever sent it."""
    return Done(break_off(database, batch.id, refusal))


class Teller:
    """Says how far the work has come, once a second."""

    def __init__(self, database: Database, errand: Errand) -> None:
        self.database, self.errand, self.said_at = database, errand, 0.0
        self.began_at = time.monotonic()

    def tell(self, done: int, total: int) -> None:
        """Rows done and rows in all."""
        now = time.monotonic()
        if now - self.said_at >= _SAY_EVERY:
            self.said_at = now
            self.say(done, total, LEASE)

    def say(self, done: int, total: int, lease: timedelta) -> None:
        """The same, now."""
        until = self.errand.real_now + timedelta(seconds=time.monotonic() - self.began_at) + lease
        with self.database.writing() as session:
            note_progress(session, self.errand.key, done, total, lease_until=until)
