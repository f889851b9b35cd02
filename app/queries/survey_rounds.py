"""Rounds of surveys whose time has come, links that still open, and low scores that wait."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.models import LowFeedback, Survey, SurveyInvitation, SurveyWave
from app.vocabulary import SurveyMode, SurveyStatus, WaveAudience, WaveState


def rounds_over(now: datetime) -> ColumnElement[bool]:
    """Open ones whose end has come."""
    return and_(col(SurveyWave.state) == WaveState.OPEN, col(SurveyWave.closes_at) <= now)


def rounds_to_begin(now: datetime) -> ColumnElement[bool]:
    """Planned ones whose time has come, of surveys that are out and have no other round open: somebody may have opened a
    later one by hand."""
    other = aliased(SurveyWave)
    asked = select(Survey.id).where(Survey.status == SurveyStatus.PUBLISHED)
    busy = select(other.survey_id).where(other.state == WaveState.OPEN, col(other.closes_at) > now)
    return and_(
        col(SurveyWave.state) == WaveState.PLANNED,
        col(SurveyWave.opens_at) <= now,
        col(SurveyWave.closes_at) > now,
        col(SurveyWave.survey_id).in_(asked),
        col(SurveyWave.survey_id).not_in(busy),
    )


def rounds_to_invite(now: datetime) -> ColumnElement[bool]:
    """Open ones that ask by personal links and have not asked everybody yet, of surveys that still take answers."""
    still = or_(col(Survey.closes_at).is_(None), col(Survey.closes_at) > now)
    asked = select(Survey.id).where(Survey.status == SurveyStatus.PUBLISHED, Survey.mode != SurveyMode.ANONYMOUS, still)
    return and_(
        col(SurveyWave.state) == WaveState.OPEN,
        col(SurveyWave.audience) != WaveAudience.EVERYONE,
        col(SurveyWave.invited_at).is_(None),
        col(SurveyWave.closes_at) > now,
        col(SurveyWave.survey_id).in_(asked),
    )


def round_to_invite(session: Session, now: datetime, *, after: int = 0) -> int | None:
    """The next of those, by its number; None where there is none."""
    wanted = select(SurveyWave.id).where(rounds_to_invite(now), col(SurveyWave.id) > after)
    return session.exec(wanted.order_by(col(SurveyWave.id))).first()


def has_round_waiting(session: Session, now: datetime) -> bool:
    """Whether the clock has anything to do about rounds."""
    waiting = or_(rounds_over(now), rounds_to_begin(now), rounds_to_invite(now))
    return session.exec(select(SurveyWave.id).where(waiting).limit(1)).first() is not None


def links_that_open(now: datetime) -> ColumnElement[bool]:
    """Personal links that are neither over nor taken back."""
    return and_(col(SurveyInvitation.revoked_at).is_(None), col(SurveyInvitation.expires_at) > now)


def low_open() -> ColumnElement[bool]:
    """Low scores nobody has seen to."""
    return col(LowFeedback.handled_at).is_(None)


def low_overdue(now: datetime) -> ColumnElement[bool]:
    """Those of them that should have been seen to by now."""
    return and_(low_open(), col(LowFeedback.due_at) <= now)


def low_group() -> ColumnElement[bool]:
    """Low scores of customers who have not rated better since."""
    return and_(col(LowFeedback.customer_id).is_not(None), col(LowFeedback.improved_at).is_(None))
