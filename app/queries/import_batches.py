"""Files on their way in: where each stands, what works on it, and which lists of columns were kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import Session, col, select

from app.models import ImportBatch, ImportMap, Job, Purchase, PurchaseLine, Staff, Store
from app.rules.import_reports import cells_left_out, told_faults, told_warnings
from app.rules.import_undo import Refusal
from app.rules.refusals import NotFound
from app.vocabulary import ImportKind, ImportMode, ImportStage, JobStage

CHECK, RUN, UNDO = "check-import", "run-import", "undo-import"
"""What the machine does with a file, as the keys of its jobs begin."""
SHOWN_REFUSED = 50
"""Refused rows on a page; the file has them all."""
_OPEN = (JobStage.WAITING, JobStage.LEASED)
_WAITING_STAGES = (ImportStage.UPLOADED, ImportStage.CHECKED, ImportStage.RUNNING, ImportStage.FAILED)


@dataclass(frozen=True)
class Work:
    """The newest job on a file. `done` of `total` rows; both 0 before it says."""

    task: str
    key: str
    stage: JobStage
    done: int
    total: int
    error: str

    @property
    def is_open(self) -> bool:
        """Whether it waits or is being done."""
        return self.stage in _OPEN

    @property
    def is_dead(self) -> bool:
        """Whether the machine gave it up."""
        return self.stage is JobStage.DEAD


@dataclass(frozen=True)
class Verdict:
    """What became of the rows of a file, or would: each is created, updated, unchanged or rejected; `waiting` are those of
    the created whose customer is not known yet. `rejections` are row, column and reason of the refused ones, the first of
    them, and so of the cells left out of rows that went in."""

    created: int
    updated: int
    unchanged: int
    waiting: int
    rejected: int
    rejections: tuple[Mapping[str, Any], ...]
    unknown_columns: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> int:
        """All of them."""
        return self.created + self.updated + self.unchanged + self.rejected

    @property
    def first_faults(self) -> tuple[tuple[Any, str, str], ...]:
        """The first refused rows as people read them, a line a column that is wrong: row, column, why."""
        return tuple(told_faults(self._refused[:SHOWN_REFUSED]))

    @property
    def more(self) -> int:
        """Refused rows that are only counted."""
        return self.rejected - len(self._refused)

    @property
    def left_out(self) -> int:
        """Cells that were left out of rows that went in."""
        return cells_left_out(self.rejections)

    @property
    def warnings(self) -> tuple[tuple[Any, str, str], ...]:
        """These cells as people read them: row, column, why."""
        return told_warnings(self.rejections)

    @property
    def first_warnings(self) -> tuple[tuple[Any, str, str], ...]:
        """The first of them."""
        return self.warnings[:SHOWN_REFUSED]

    @property
    def _refused(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(one for one in self.rejections if not one.get("left_out"))


@dataclass(frozen=True)
class Batch:
    """A file, as its page shows it. `stopped`: why the machine left it to a person; `in_the_way`: what keeps it from being
    taken back."""

    id: int
    kind: ImportKind
    file_name: str
    mode: ImportMode
    stage: ImportStage
    store_id: int | None
    store: str
    store_code: str
    mapping: Mapping[str, str]
    upload_key: str
    sha256: str
    staff_id: int | None
    who: str
    started_at: datetime
    finished_at: datetime | None
    reverted_at: datetime | None
    reverted_by: str
    rows_in_all: int
    earns: bool
    verdict: Verdict | None
    stopped: str
    in_the_way: tuple[Refusal, ...]
    result: Verdict
    work: Work | None

    @property
    def is_busy(self) -> bool:
        """Whether the machine is at it, or will be in a moment."""
        return self.work is not None and self.work.is_open


def batch_of(session: Session, batch_id: int, within: ColumnElement[bool] | None = None) -> Batch:
    """A file with all its page says. `within`: those the person may see. Raises NotFound."""
    wanted = select(ImportBatch).where(ImportBatch.id == batch_id)
    row = session.exec(wanted if within is None else wanted.where(within)).first()
    if row is None:
        raise NotFound
    store = session.get(Store, row.store_id) if row.store_id else None
    return Batch(
        id=batch_id,
        kind=row.kind,
        file_name=row.file_name,
        mode=row.mode,
        stage=row.stage,
        store_id=row.store_id,
        store=store.name if store else "",
        store_code=store.code if store else "",
        mapping=json.loads(row.mapping),
        upload_key=row.upload_key,
        sha256=row.file_sha256,
        staff_id=row.staff_id,
        who=_name(session, row.staff_id),
        started_at=row.started_at,
        finished_at=row.finished_at,
        reverted_at=row.reverted_at,
        reverted_by=_name(session, row.reverted_staff_id),
        rows_in_all=row.rows_in_all,
        earns=row.earns,
        verdict=verdict_of(row.check_report),
        stopped=str(_left(row).get("stopped", "")),
        in_the_way=tuple(Refusal(**one) for one in _left(row).get("in_the_way", ())),
        result=_result(session, row),
        work=work_on(session, batch_id),
    )


def _name(session: Session, staff_id: int | None) -> str:
    staff = session.get(Staff, staff_id) if staff_id else None
    return staff.name if staff else ""


def verdict_of(report: str) -> Verdict | None:
    """What a dry run left with its file; None before there was one."""
    if not report:
        return None
    said = json.loads(report)
    if "created" not in said:
        return None
    figures = {name: int(said.get(name, 0)) for name in ("created", "updated", "unchanged", "waiting", "rejected")}
    return Verdict(
        **figures,
        rejections=tuple(said.get("rejections", ())),
        unknown_columns=tuple(said.get("unknown_columns", ())),
        notes=tuple(said.get("notes", ())),
    )


def _result(session: Session, row: ImportBatch) -> Verdict:
    kept = json.loads(row.rejections)
    waiting = _waiting(session, row.id or 0) if row.kind is ImportKind.PURCHASES else 0
    return Verdict(row.created, row.updated, row.unchanged, waiting, row.rejected, tuple(kept), (), ())


def _left(row: ImportBatch) -> dict[str, Any]:
    left: dict[str, Any] = json.loads(row.check_report) if row.check_report else {}
    return left


def _waiting(session: Session, batch_id: int) -> int:
    """Lines of a file that wait for their customer still."""
    lines = select(func.count()).select_from(PurchaseLine).join(Purchase)
    named = or_(col(Purchase.buyer_member_no) != "", col(Purchase.buyer_phone_index).is_not(None))
    still = col(Purchase.customer_id).is_(None)
    return session.exec(lines.where(Purchase.import_batch_id == batch_id, still, named)).one()


def work_on(session: Session, batch_id: int) -> Work | None:
    """The newest job on a file; None when there never was one."""
    key = col(Job.key)
    mine = or_(*(key.startswith(f"{task}:{batch_id}:", autoescape=True) for task in (CHECK, RUN, UNDO)))
    job = session.exec(select(Job).where(mine).order_by(col(Job.id).desc()).limit(1)).first()
    if job is None:
        return None
    said = json.loads(job.payload)
    return Work(
        job.key.split(":")[0],
        job.key,
        job.stage,
        int(said.get("done", 0)),
        int(said.get("total", 0)),
        job.last_error,
    )


def attempts_at(session: Session, task: str, batch_id: int) -> int:
    """How often the machine was asked to do that with a file."""
    return len(session.exec(select(Job.id).where(col(Job.key).startswith(f"{task}:{batch_id}:"))).all())


def running_import(session: Session, but: int) -> str:
    """The name of another file that is being brought in or taken back just now; empty when none is."""
    busy = select(Job.key).where(
        or_(col(Job.key).startswith(f"{RUN}:"), col(Job.key).startswith(f"{UNDO}:")), col(Job.stage).in_(_OPEN)
    )
    ids = {int(key.split(":")[1]) for key in session.exec(busy)} - {but}
    return session.exec(select(ImportBatch.file_name).where(col(ImportBatch.id).in_(ids)).limit(1)).first() or ""


@dataclass(frozen=True)
class UnderWay:
    """A file somebody has not finished with."""

    id: int
    kind: ImportKind
    file_name: str
    stage: ImportStage
    started_at: datetime


def under_way(session: Session, within: ColumnElement[bool], most: int = 10) -> tuple[UnderWay, ...]:
    """Files that wait for a person or are being worked on, the newest first."""
    wanted = select(ImportBatch).where(within, col(ImportBatch.stage).in_(_WAITING_STAGES))
    found = session.exec(wanted.order_by(col(ImportBatch.id).desc()).limit(most))
    return tuple(UnderWay(row.id or 0, row.kind, row.file_name, row.stage, row.started_at) for row in found)


@dataclass(frozen=True)
class Map:
    """A list of columns that was kept: what a till calls them → ours."""

    id: int
    name: str
    mapping: Mapping[str, str]

    def fits(self, headings: Sequence[str]) -> bool:
        """Whether every column it speaks of is there."""
        there = set(headings)
        return bool(self.mapping) and all(heading in there for heading, field in self.mapping.items() if field)


def maps_of(session: Session, kind: ImportKind) -> tuple[Map, ...]:
    """The kept lists for a kind of file, the newest first."""
    wanted = select(ImportMap).where(ImportMap.kind == kind).order_by(col(ImportMap.id).desc())
    return tuple(Map(one.id or 0, one.name, json.loads(one.mapping)) for one in session.exec(wanted))


def uploads_wanted(session: Session) -> set[str]:
    """The keys of all files that still wait."""
    return set(session.exec(select(ImportBatch.upload_key).where(ImportBatch.upload_key != "")))
