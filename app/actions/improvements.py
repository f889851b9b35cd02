"""Improvements: what the shop changes about a weak dimension, done by somebody, and told to customers."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.db import lock_row
from app.models import Improvement
from app.rules.improvements import check_due, check_may_tell, check_open
from app.rules.refusals import NotFound
from app.vocabulary import ImprovementState


@dataclass(frozen=True)
class ImprovementDetails:
    """What is to change: `wave_id` is the round the weakness was found in, `owner_id` who sees to it."""

    survey_id: int
    dimension: str
    title: str
    owner_id: int
    due_on: date
    plan: str = ""
    wave_id: int | None = None
    store_id: int | None = None


def plan_improvement(
    session: Session, details: ImprovementDetails, *, now: datetime, staff_id: int | None = None
) -> Improvement:
    """Somebody sees to it by a day. Raises ImprovementDueBefore. `now` comes in the shop's zone."""
    check_due(details.due_on, now.date())
    row = Improvement(created_at=now, staff_id=staff_id, **vars(details))
    session.add(row)
    session.flush()
    return row


def update_improvement(
    session: Session, improvement_id: int, details: ImprovementDetails, *, now: datetime
) -> Improvement:
    """Another plan, owner or day, while it is open. Raises NotFound, ImprovementSettled, ImprovementDueBefore."""
    row = _unsettled(session, improvement_id)
    if details.due_on != row.due_on:
        check_due(details.due_on, now.date())
    for name, value in vars(details).items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def is_open(improvement: Improvement) -> bool:
    """Whether somebody still works on it, so that its plan can change."""
    return improvement.state is ImprovementState.OPEN


def finish_improvement(session: Session, improvement_id: int, *, now: datetime) -> Improvement:
    """It is done; the next round shows what it brought. Raises NotFound, ImprovementSettled."""
    row = _unsettled(session, improvement_id)
    row.state, row.done_at = ImprovementState.DONE, now
    session.add(row)
    return row


def drop_improvement(session: Session, improvement_id: int) -> Improvement:
    """The shop leaves it. Raises NotFound, ImprovementSettled."""
    row = _unsettled(session, improvement_id)
    row.state = ImprovementState.DROPPED
    session.add(row)
    return row


def tell_customers(session: Session, improvement_id: int, told: str, *, now: datetime) -> Improvement:
    """Customers read that it was changed, from now on. Other words may follow; since when stays. Raises NotFound,
    ImprovementNotDone, ToldMissing."""
    row = _locked(session, improvement_id)
    check_may_tell(row.state, told)
    row.told, row.told_at = told.strip(), row.told_at or now
    session.add(row)
    return row


def _unsettled(session: Session, improvement_id: int) -> Improvement:
    row = _locked(session, improvement_id)
    check_open(row.state)
    return row


def _locked(session: Session, improvement_id: int) -> Improvement:
    row = lock_row(session, Improvement, improvement_id)
    if row is None:
        raise NotFound
    return row
