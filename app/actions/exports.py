"""Records leave the shop as a file: counted, and written down before the first of them goes."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from app.actions.limits import count_tries, count_try
from app.audit import note_deed
from app.queries.shop_tables import WHOLE_SHOP
from app.rules.exports import SAME_EXPORT, FileKind
from app.rules.limits import EXPORT
from app.vocabulary import AuditAction


@dataclass(frozen=True)
class ExportRun:
    """A file as it is about to leave. `subject` is the table, `filters` the names of what narrows the list, never what was
    typed; `whole_numbers` how many telephone numbers are in it in full, for the reason given."""

    subject: str
    kind: FileKind
    rows: int
    purpose: str
    filters: str = ""
    has_health: bool = False
    whole_numbers: int = 0
    reason: str = ""


def start_export(session: Session, run: ExportRun, *, staff_id: int, sent: str, now: datetime) -> None:
    """Count and write down a file that leaves from now on. `sent` is the form's own mark: sent twice at once it is one
    try. Raises TooManyTries."""
    if not count_tries(session, SAME_EXPORT, {f"{staff_id}\0{sent}\0{run}": 1}, now=now):
        count_try(session, EXPORT, str(staff_id), now=now)
    note_deed(
        session,
        AuditAction.EXPORT,
        run.subject,
        rows=run.rows,
        file=run.kind.value,
        purpose=run.purpose,
        filters=run.filters,
        has_health=run.has_health,
        whole_numbers=run.whole_numbers,
    )
    if run.whole_numbers:
        note_deed(session, AuditAction.REVEAL, run.subject, reason=run.reason, whole_numbers=run.whole_numbers)


def cut_off_export(session: Session, run: ExportRun, *, sent_rows: int) -> None:
    """Write down that a file did not leave whole: whoever asked for it went away, or something broke."""
    note_deed(session, AuditAction.EXPORT, run.subject, rows=run.rows, file=run.kind.value, sent_rows=sent_rows)


def note_whole_export(session: Session, *, rows: int, tables: int) -> None:
    """Write down that everything the shop owns leaves from now on, numbers and health notes whole."""
    note_deed(session, AuditAction.EXPORT, WHOLE_SHOP, rows=rows, tables=tables, file="csv, json", has_health=True)
