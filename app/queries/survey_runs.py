"""Runs through a survey: how far each has come, and what was answered."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import bindparam
from sqlalchemy import select as rows_of
from sqlmodel import Session, col, select

from app.models import Complaint, SurveyAnswer, SurveyResponse
from app.rules.questions import Answer, whole_answer
from app.vocabulary import ResponseState, SurveyMode


@dataclass(frozen=True)
class Begun:
    """A run that has begun: which row it is, of which survey and version, and whether it can still change."""

    id: int
    survey_id: int
    version_id: int
    is_finished: bool


@dataclass(frozen=True)
class Run:
    """One customer's way through a survey, so far: what she answered by the question's key, and what came of it.
    `version_id` None: it has not begun, and gets the version asked now. `mode` is what she was promised."""

    submission_id: str
    answers: dict[str, Answer] = field(default_factory=dict)
    is_finished: bool = False
    is_low: bool = False
    has_contact: bool = False
    receipt_no: str = ""
    due_at: datetime | None = None
    version_id: int | None = None
    mode: SurveyMode | None = None
    gift_code: str = ""
    gift_until_on: date | None = None


def run_of(session: Session, survey_id: int, submission_id: str) -> Run:
    """How far this run has come; one that was never seen has not begun. A run of another survey is none of this one."""
    response = session.exec(
        select(SurveyResponse).where(
            SurveyResponse.submission_id == submission_id, SurveyResponse.survey_id == survey_id
        )
    ).first()
    if response is None or response.id is None:
        return Run(submission_id)
    complaint = session.exec(select(Complaint).where(Complaint.response_id == response.id)).first()
    return Run(
        submission_id=submission_id,
        answers=stored_answers(session, response.id),
        is_finished=response.state is ResponseState.FINISHED,
        is_low=response.is_low,
        has_contact=bool(response.contact_phone),
        receipt_no=complaint.receipt_no if complaint else "",
        due_at=complaint.due_at if complaint else None,
        version_id=response.version_id,
        mode=response.mode,
        gift_code=response.gift_code or "",
        gift_until_on=response.gift_until_on,
    )


def is_of_another_survey(session: Session, survey_id: int, submission_id: str) -> bool:
    """Whether this run belongs to a different survey, so that it cannot be used here."""
    found = session.exec(select(SurveyResponse.survey_id).where(SurveyResponse.submission_id == submission_id)).first()
    return found is not None and found != survey_id


def begun_runs(session: Session, submission_ids: Collection[str]) -> dict[str, Begun]:
    """Which of these runs have begun, each locked until the unit of work ends."""
    found = rows_of(
        col(SurveyResponse.submission_id),
        col(SurveyResponse.id),
        col(SurveyResponse.survey_id),
        col(SurveyResponse.version_id),
        col(SurveyResponse.state),
    )
    # In their order: two groups over the same runs wait for each other instead of blocking.
    among = col(SurveyResponse.submission_id).in_(bindparam("runs", expanding=True))
    ordered = found.where(among).order_by(col(SurveyResponse.id)).with_for_update()
    rows = session.execute(ordered, params={"runs": list(submission_ids)})
    return {
        run: Begun(row_id or 0, survey, version, state is ResponseState.FINISHED)
        for run, row_id, survey, version, state in rows
    }


def answers_of(session: Session, response_ids: Collection[int]) -> dict[int, dict[str, Answer]]:
    """What was answered in these responses so far, by the question's key, hidden answers included: who goes back once
    more finds them again."""
    given = rows_of(
        col(SurveyAnswer.response_id),
        col(SurveyAnswer.question_key),
        col(SurveyAnswer.statement),
        col(SurveyAnswer.value),
        col(SurveyAnswer.number),
    )
    parts: dict[int, dict[str, dict[int, Answer]]] = {response_id: {} for response_id in response_ids}
    among = col(SurveyAnswer.response_id).in_(bindparam("responses", expanding=True))
    rows = session.execute(given.where(among), params={"responses": list(response_ids)})
    for response_id, key, statement, value, number in rows:
        parts[response_id].setdefault(key, {})[statement] = Answer(value, number)
    return {run: {key: whole_answer(found) for key, found in answers.items()} for run, answers in parts.items()}


def stored_answers(session: Session, response_id: int) -> dict[str, Answer]:
    """The answers of a response by their questions' keys."""
    return answers_of(session, [response_id])[response_id]
