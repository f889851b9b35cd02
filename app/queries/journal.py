"""The journal's chain: its newest entry, whether it is whole, and when somebody looked."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app import keys
from app.audit import record_of
from app.i18n import told
from app.models import AuditEntry, JobRun
from app.rules.journal import NO_SEAL, fits, seal
from app.vocabulary import JobKind, JobState

_PORTION = 1000
_NEWEST = 50


@dataclass(frozen=True)
class Head:
    """The newest sealed entry. Written down elsewhere (a backup's manifest), it shows when the journal's end was cut
    off."""

    entry_id: int
    seal: bytes


@dataclass(frozen=True)
class Verdict:
    """What checking the chain found. `broken_id` is the first entry that does not bear the seal it must, None when all
    do; `unsealed` were written before there were seals."""

    entries: int
    unsealed: int
    broken_id: int | None
    head: Head | None

    @property
    def is_whole(self) -> bool:
        """Nothing was changed, taken out, put in or moved."""
        return self.broken_id is None


def head(session: Session) -> Head | None:
    """The newest sealed entry. None while there is none."""
    wanted = select(AuditEntry.id, AuditEntry.seal).where(col(AuditEntry.seal).is_not(None))
    row = session.exec(wanted.order_by(col(AuditEntry.id).desc()).limit(1)).first()
    return Head(row[0] or 0, row[1] or b"") if row else None


def holds(session: Session, known: Head) -> bool:
    """Whether an entry once known as the newest is still there, as it was."""
    stored = session.exec(select(AuditEntry.seal).where(AuditEntry.id == known.entry_id)).first()
    return stored == known.seal


def verify_chain(session: Session) -> Verdict:
    """Read the whole journal, oldest first, and check every seal. Takes some seconds per 100,000 entries and the
    same memory for any number. That the newest entries were cut off only a `Head` kept elsewhere can show."""
    key = keys.current_keys().journal
    rows = session.execute(
        select(AuditEntry.__table__)  # type: ignore[attr-defined]
        .order_by(col(AuditEntry.id))
        .execution_options(yield_per=_PORTION)
    )
    before, entries, unsealed, newest = NO_SEAL, 0, 0, None
    for row in rows:
        before = seal(key, before, record_of(row))
        if not fits(row.seal, before, is_after_sealed=newest is not None):
            return Verdict(entries, unsealed, row.id, newest)
        entries += 1
        if row.seal is None:
            unsealed += 1
        else:
            newest = Head(row.id, before)
    return Verdict(entries, unsealed, None, newest)


@dataclass(frozen=True)
class LastChange:
    """Who changed a field last, and when."""

    actor: str
    staff_id: int | None
    at: datetime


def last_changes(session: Session, subject: str, subject_id: int, columns: Iterable[str]) -> dict[str, LastChange]:
    """Who changed each of these columns of a record last, as far as its newest entries say."""
    wanted = set(columns)
    entries = session.exec(
        select(AuditEntry)
        .where(AuditEntry.subject == subject, AuditEntry.subject_id == subject_id)
        .order_by(col(AuditEntry.id).desc())
        .limit(_NEWEST)
    )
    found: dict[str, LastChange] = {}
    for entry in entries:
        for column in wanted & json.loads(entry.changes).keys():
            found.setdefault(column, LastChange(entry.actor, entry.staff_id, entry.at))
    return found


@dataclass(frozen=True)
class Check:
    """The last time the chain was checked, by the clock or by hand."""

    at: datetime
    is_whole: bool
    outcome: str


def last_check(session: Session) -> Check | None:
    """None: never yet."""
    runs = select(JobRun).where(JobRun.name == JobKind.VERIFY_JOURNAL, col(JobRun.finished_at).is_not(None))
    run = session.exec(runs.order_by(col(JobRun.id).desc()).limit(1)).first()
    return Check(run.finished_at or run.started_at, run.state is JobState.DONE, told(run.outcome)) if run else None
