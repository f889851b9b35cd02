"""The journal's chain was checked, by whom it may concern."""

from datetime import datetime

from sqlmodel import Session

from app.actions.jobs import note_run
from app.i18n import kept
from app.models import JobRun
from app.queries.journal import Verdict
from app.rules.refusals import words
from app.vocabulary import JobKind, JobState

_WHOLE = words("{entries} 条，完整无缺")
_BROKEN = words("操作日志从第 {entry} 条起对不上：有人绕过程序改动过，或数据库已损坏")


def note_check(session: Session, verdict: Verdict, *, started_at: datetime, finished_at: datetime) -> JobRun:
    """What checking the chain found stands where the nightly check's result stands, so that the journal's page shows the
    newer of the two."""
    outcome = (
        kept(_WHOLE, {"entries": verdict.entries})
        if verdict.is_whole
        else kept(_BROKEN, {"entry": verdict.broken_id or 0})
    )
    state = JobState.DONE if verdict.is_whole else JobState.FAILED
    return note_run(
        session, JobKind.VERIFY_JOURNAL, started_at=started_at, finished_at=finished_at, state=state, outcome=outcome
    )
