"""A file on its way in through the back office: uploaded, its columns said, looked through, brought in, taken back, or
thrown away. What the rows do is `actions.imports`; here it is one file and where it stands."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import false, update
from sqlmodel import Session, col, select

from app.actions.import_undo import undo_import, why_not
from app.actions.imports import Incoming, import_file
from app.actions.jobs import put_job
from app.audit import Actor
from app.db import Database, lock_row
from app.i18n import gettext
from app.models import Customer, ImportBatch, ImportMap, Job, Purchase, Store
from app.queries.import_batches import (
    CHECK,
    RUN,
    UNDO,
    Batch,
    attempts_at,
    batch_of,
    running_import,
    work_on,
)
from app.queries.scopes import ANYTHING, only_store, visible
from app.queries.staff import colleague
from app.rules.import_reports import ImportReport, kept_reasons
from app.rules.import_undo import ImportAlreadyReverted, ImportBuiltUpon
from app.rules.phones import numbers_masked
from app.rules.refusals import NotFound, RuleBroken
from app.rules.uploads import KEPT_FOR, ImportBusy, UploadGone, check_may_change, check_may_run, map_name
from app.vocabulary import ImportKind, ImportMode, ImportStage, JobKind, JobStage

Row = tuple[int, tuple[str, ...]]
Rows = Callable[[], Iterator[Row]]
Progress = Callable[[int, int], None]
FALLBACK = timedelta(minutes=1)
"""What is done while the person waits is put down for the machine as well: the connection may break in the middle."""
_UNFINISHED = (ImportStage.UPLOADED, ImportStage.CHECKED)


@dataclass(frozen=True)
class Uploaded:
    """A file that has just come in, sealed under `key`."""

    kind: ImportKind
    name: str
    sha256: str
    key: str


def take_upload(
    session: Session,
    uploaded: Uploaded,
    *,
    mode: ImportMode,
    store_id: int | None,
    mapping: Mapping[str, str],
    now: datetime,
    staff_id: int | None,
) -> int:
    """Write down that a file is here; its number. `mapping` is what its columns seem to be."""
    row = ImportBatch(
        kind=uploaded.kind,
        file_name=numbers_masked(uploaded.name)[-200:],
        file_sha256=uploaded.sha256,
        started_at=now,
        staff_id=staff_id,
        mode=mode,
        stage=ImportStage.UPLOADED,
        store_id=store_id,
        mapping=json.dumps(dict(mapping), ensure_ascii=False),
        upload_key=uploaded.key,
    )
    session.add(row)
    session.flush()
    assert row.id is not None, "a stored row has a number"
    return row.id


# ── What a person decides ─────────────────────────────────────────────────────────────────────────────────────────────


def ask_check(
    session: Session, batch_id: int, mapping: Mapping[str, str], *, now: datetime, is_at_once: bool = False
) -> str:
    """Say which column is which, and have the whole file looked through; the key of that work. `is_at_once`: the caller
    does it herself in a moment. Raises NotFound, ImportBusy, ImportIsIn."""
    say_columns(session, batch_id, mapping)
    return _put(session, CHECK, batch_id, now=now, due_at=now + FALLBACK if is_at_once else now)


def say_columns(session: Session, batch_id: int, mapping: Mapping[str, str]) -> None:
    """Say which column is which, and go on later; what was looked through before has to be again. Raises NotFound,
    ImportBusy, ImportIsIn."""
    row, is_busy = _held(session, batch_id)
    check_may_change(row.stage, is_busy=is_busy)
    said = json.dumps(dict(mapping), ensure_ascii=False)
    _write(session, batch_id, {"mapping": said, "stage": ImportStage.UPLOADED, "check_report": ""})


def ask_run(session: Session, batch_id: int, *, now: datetime, earns: bool = False) -> str:
    """Have a file brought in, or go on with one that broke off, as it was begun. `earns`: its sales give points.
    Raises NotFound, ImportBusy, ImportIsIn, ImportNotChecked, AnotherIsRunning, UploadGone."""
    # Two files confirmed at the same moment: the second sees the first. A store's row stands for all of them.
    session.exec(select(Store).order_by(col(Store.id)).limit(1).with_for_update()).one()
    row, is_busy = _held(session, batch_id)
    check_may_run(row.stage, is_busy=is_busy, other=running_import(session, batch_id))
    if not row.upload_key:
        raise UploadGone
    if row.stage is ImportStage.CHECKED:
        _write(session, batch_id, {"earns": earns and row.kind is ImportKind.PURCHASES})
    _write(session, batch_id, {"stage": ImportStage.RUNNING})
    return _put(session, RUN, batch_id, now=now, due_at=now)


def ask_undo(session: Session, batch_id: int, *, now: datetime, staff_id: int | None, is_at_once: bool = False) -> str:
    """Have an import taken back; the key of that work. Raises NotFound, ImportBusy, ImportAlreadyReverted, ImportBuiltUpon
    with the reasons."""
    row, is_busy = _held(session, batch_id)
    if is_busy:
        raise ImportBusy
    if row.stage is ImportStage.REVERTED:
        raise ImportAlreadyReverted
    # Of a large one the work itself finds out: to ask takes long, and everybody who writes would wait for it here.
    if is_at_once and (reasons := why_not(session, batch_id)):
        raise ImportBuiltUpon(reasons, gettext)
    _write(session, batch_id, {"check_report": ""})
    due_at = now + FALLBACK if is_at_once else now
    return _put(session, UNDO, batch_id, now=now, due_at=due_at, staff=staff_id or 0)


def throw_away(session: Session, batch_id: int) -> str:
    """Forget a file that was never brought in; the key of its upload. Raises NotFound, ImportBusy, ImportIsIn."""
    row, is_busy = _held(session, batch_id)
    check_may_change(row.stage, is_busy=is_busy)
    session.delete(row)
    session.flush()
    return row.upload_key


def keep_map(
    session: Session, kind: ImportKind, name: str, mapping: Mapping[str, str], *, now: datetime, staff_id: int | None
) -> None:
    """Keep what a till calls its columns under a name; one with this name is replaced. Raises MapNameMissing,
    MapNameTooLong."""
    name, said = map_name(name), json.dumps(dict(mapping), ensure_ascii=False)
    known = session.exec(select(ImportMap).where(ImportMap.kind == kind, ImportMap.name == name)).first()
    if known is None:
        session.add(ImportMap(name=name, kind=kind, mapping=said, created_at=now, staff_id=staff_id))
    else:
        known.mapping = said
    session.flush()


def forget_uploads(session: Session, *, now: datetime) -> int:
    """Let go of files nobody went on with for a week: what was never brought in goes whole, of what broke off only the
    upload. How many."""
    old = select(ImportBatch).where(ImportBatch.upload_key != "", col(ImportBatch.started_at) < now - KEPT_FOR)
    gone = 0
    for row in session.exec(old).all():
        work = work_on(session, row.id or 0)
        if work is not None and work.is_open:
            continue
        if row.stage in _UNFINISHED:
            session.delete(row)
        else:
            _write(session, row.id or 0, {"upload_key": ""})
        gone += 1
    session.flush()
    return gone


def _held(session: Session, batch_id: int) -> tuple[ImportBatch, bool]:
    row = lock_row(session, ImportBatch, batch_id)
    if row is None:
        raise NotFound
    work = work_on(session, batch_id)
    return row, work is not None and work.is_open


def _put(session: Session, task: str, batch_id: int, *, now: datetime, due_at: datetime, **said: int) -> str:
    key = f"{task}:{batch_id}:{attempts_at(session, task, batch_id) + 1}"
    kind = JobKind.CHECK_IMPORT if task == CHECK else JobKind.RUN_IMPORT
    put_job(session, kind, key, {"batch": batch_id, **said}, now=now, due_at=due_at)
    return key


# ── What is then done with it: each opens its own units of work ───────────────────────────────────────────────────────


def incoming_of(session: Session, batch: Batch, rows: Rows) -> Incoming:
    """The file as `actions.imports` takes it: it reaches as far as whoever sent it does now, whoever else works on it."""
    person = colleague(session, batch.staff_id)
    within = visible(Customer, person) if person else false()
    return Incoming(
        kind=batch.kind,
        name=batch.file_name,
        sha256=batch.sha256,
        rows=rows,
        mapping=batch.mapping,
        store_code=batch.store_code,
        mode=batch.mode,
        within=ANYTHING if within is None else within,
        only_store_id=only_store(Purchase, person) if person else None,
        earns=batch.earns,
    )


def check_batch(
    database: Database, batch_id: int, rows: Rows, *, key: str, now: datetime, zone: ZoneInfo, progress: Progress
) -> None:
    """Look a whole file through, writing nothing but what it said. Of a file that was thrown away or decided on anew
    meanwhile nothing is written. Raises what `import_file` raises before its first row."""
    with database.reading() as session:
        batch = batch_of(session, batch_id)
    if not _is_current(batch, key):
        return
    with database.reading() as session:
        incoming = incoming_of(session, batch, rows)
    report = import_file(
        database,
        incoming,
        actor=Actor(batch.who, batch.staff_id),
        now=now,
        zone=zone,
        dry_run=True,
        progress=progress,
    )
    with database.writing() as session:
        lock_row(session, ImportBatch, batch_id)
        if _is_current(batch_of(session, batch_id), key):
            said = {"check_report": _told(report), "rows_in_all": report.rows, "stage": ImportStage.CHECKED}
            _write(session, batch_id, said)
            close_work(session, key, now=now)


def run_batch(
    database: Database, batch_id: int, rows: Rows, *, now: datetime, zone: ZoneInfo, progress: Progress
) -> str:
    """Bring a file in, or what is left of one that broke off; the key of the upload that is not needed any more. Raises
    what `import_file` raises before its first row."""
    with database.reading() as session:
        batch = batch_of(session, batch_id)
    if batch.stage not in {ImportStage.RUNNING, ImportStage.DONE}:
        return ""
    if batch.stage is ImportStage.RUNNING:
        with database.reading() as session:
            incoming = incoming_of(session, batch, rows)
        import_file(
            database,
            incoming,
            actor=Actor(batch.who, batch.staff_id),
            now=now,
            zone=zone,
            progress=progress,
            batch_id=batch_id,
        )
    with database.writing() as session:
        _write(session, batch_id, {"upload_key": ""})
    return batch.upload_key


def undo_batch(
    database: Database, batch_id: int, *, key: str, actor: Actor, now: datetime, zone: ZoneInfo, progress: Progress
) -> None:
    """Take an import back, once however often it is asked. Raises what `undo_import` raises."""
    with database.reading() as session:
        is_back = batch_of(session, batch_id).stage is ImportStage.REVERTED
    if not is_back:
        undo_import(database, batch_id, actor=actor, now=now, zone=zone, progress=progress)
    with database.writing() as session:
        close_work(session, key, now=now)


def break_off(database: Database, batch_id: int, refusal: RuleBroken) -> str:
    """A file that cannot be looked through, brought in or taken back as it is: it waits for a person, who reads why. The
    reason. Who stands in the way of an undo is kept by number, not by name."""
    reason, refusals = refusal.say(gettext), getattr(refusal, "refusals", ())
    report = {"stopped": reason, "in_the_way": [asdict(one) for one in refusals]}
    with database.writing() as session:
        said = {"check_report": json.dumps(report, ensure_ascii=False)}
        _write(session, batch_id, said)
        _write(session, batch_id, {"stage": ImportStage.FAILED}, only_in=(ImportStage.RUNNING,))
    return reason


def close_work(session: Session, key: str, *, now: datetime) -> None:
    """It is done already, so the machine need not begin it."""
    waits = (col(Job.key) == key) & (col(Job.stage) == JobStage.WAITING)
    session.connection().execute(update(Job).where(waits).values(stage=JobStage.DONE, finished_at=now))


def note_progress(session: Session, key: str, done: int, total: int, *, lease_until: datetime) -> None:
    """How far the work on a file has come, and that whoever does it lives."""
    job = session.exec(select(Job.payload).where(Job.key == key)).first()
    if job is None:
        return
    said = json.dumps(json.loads(job) | {"done": done, "total": total})
    held = (col(Job.key) == key) & (col(Job.stage) == JobStage.LEASED)
    session.connection().execute(update(Job).where(held).values(payload=said, lease_until=lease_until))


def _is_current(batch: Batch, key: str) -> bool:
    return batch.stage in _UNFINISHED and batch.work is not None and batch.work.key == key


def _told(report: ImportReport) -> str:
    said = {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "waiting": report.waiting,
        "rejected": len(report.rejected),
        "rejections": kept_reasons(report),
        "unknown_columns": list(report.unknown_columns),
        "notes": list(report.notes),
    }
    return json.dumps(said, ensure_ascii=False)


def _write(session: Session, batch_id: int, changes: Mapping[str, Any], only_in: tuple[ImportStage, ...] = ()) -> None:
    # Core, not the row: a report of ten thousand refused rows is no entry for the journal.
    wanted = update(ImportBatch).where(col(ImportBatch.id) == batch_id)
    if only_in:
        wanted = wanted.where(col(ImportBatch.stage).in_(only_in))
    session.connection().execute(wanted.values(dict(changes)))
