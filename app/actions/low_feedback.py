"""Low scores: put before somebody within the hour, seen to with a word, and over when the customer rates better."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.audit import note_deed
from app.db import lock_row
from app.models import LowFeedback, SurveyResponse
from app.rules.low_feedback import LowHandled, checked_note, is_better, low_due_at
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.rules.surveys import kept_time
from app.vocabulary import AuditAction


def note_low(session: Session, response: SurveyResponse, *, policy: Policy, now: datetime) -> LowFeedback:
    """Somebody must look into this finished response. Once for each."""
    known = session.exec(select(LowFeedback).where(LowFeedback.response_id == response.id)).first()
    if known is not None:
        return known
    low = LowFeedback(
        response_id=response.id or 0,
        customer_id=response.customer_id,
        store_id=response.store_id,
        opened_at=kept_time(response.mode, now),
        due_at=low_due_at(response.mode, now, policy),
    )
    session.add(low)
    session.flush()
    return low


def name_low(session: Session, response: SurveyResponse) -> None:
    """The customer of a low response became known: she left her number."""
    low = session.exec(select(LowFeedback).where(LowFeedback.response_id == response.id)).first()
    if low is not None and low.customer_id is None:
        low.customer_id = response.customer_id
        session.add(low)


def improve_low(session: Session, response: SurveyResponse, *, now: datetime) -> int:
    """A finished response of hers that is better takes her out of the low-feedback group. Returns how many low answers
    that settles."""
    if response.customer_id is None or not is_better(response.score, is_low=response.is_low):
        return 0
    standing = select(LowFeedback).where(
        LowFeedback.customer_id == response.customer_id, col(LowFeedback.improved_at).is_(None)
    )
    rows = session.exec(standing.order_by(col(LowFeedback.id)).with_for_update()).all()
    for low in rows:
        low.improved_at, low.improved_response_id = now, response.id
        session.add(low)
    return len(rows)


def handle_low(session: Session, low_id: int, note: str, *, now: datetime, staff_id: int | None = None) -> LowFeedback:
    """Somebody has seen to it; `note` says what was done. Raises NotFound, LowHandled, LowNoteMissing, LowNoteTooLong."""
    low = lock_row(session, LowFeedback, low_id)
    if low is None:
        raise NotFound
    if low.handled_at is not None:
        raise LowHandled
    low.note, low.handled_at, low.staff_id = checked_note(note), now, staff_id
    session.add(low)
    session.flush()
    note_deed(session, AuditAction.UPDATE, str(LowFeedback.__tablename__), low_id)
    return low
