"""Surveys: questions written and frozen, answers kept one by one, a run finished once, and what a low score sets off."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, func, select

from app.actions.complaints import UNGUESSABLE, ComplaintIntake, open_complaint
from app.columns import opened
from app.db import lock_row
from app.models import Complaint, Survey, SurveyAnswer, SurveyQuestion, SurveyResponse
from app.queries.complaints import complaint_of, only_customer_with
from app.queries.surveys import question_of, question_rows, stored_answers
from app.rules.complaints import TEXT_MAX
from app.rules.phones import Phone, parse_phone
from app.rules.policy import Policy
from app.rules.questions import (
    Answer,
    AnswerMissing,
    Question,
    SurveyFrozen,
    answer_to,
    check_publishable,
    check_question,
    contact_name,
)
from app.rules.refusals import NotFound
from app.rules.surveys import AlreadyAnswered, ContactPhoneMissing, verdict_on
from app.vocabulary import FeedbackChannel, QuestionKind, ResponseState, SurveyMode, SurveyStatus

_RUN_BYTES = 16


@dataclass(frozen=True)
class Contact:
    """Whom to call, checked: `name` may be empty."""

    name: str
    phone: Phone


@dataclass(frozen=True)
class Finished:
    """What a finished run came to. `is_repeat`: it had been finished before and nothing was done again."""

    response: SurveyResponse
    complaint: Complaint | None
    is_repeat: bool


def new_submission_id() -> str:
    """The id of one run through a survey: 128 random bits, known to nobody but the customer's phone."""
    return secrets.token_urlsafe(_RUN_BYTES)


# ── The owner's side ─────────────────────────────────────────────────────────────────────────────────────────────────


def save_question(
    session: Session, survey_id: int, asked: Question, *, question_id: int | None = None, position: int | None = None
) -> SurveyQuestion:
    """A question of a draft, new or changed; a new one goes to the end unless `position` says otherwise. Raises
    SurveyFrozen once customers have seen or answered it."""
    _draft(session, survey_id)
    check_question(asked)
    row = session.get(SurveyQuestion, question_id) if question_id else None
    if question_id and (row is None or row.survey_id != survey_id):
        raise NotFound
    if row is None:
        last = session.exec(
            select(func.max(SurveyQuestion.position)).where(SurveyQuestion.survey_id == survey_id)
        ).one()
        row = SurveyQuestion(survey_id=survey_id, position=(last or 0) + 1, key=asked.key, kind=asked.kind, text="")
    row.key, row.kind, row.text, row.hint = asked.key, asked.kind, asked.text, asked.hint
    row.dimension, row.weight, row.scale_max = asked.dimension, asked.weight, asked.scale_max
    row.is_required = asked.is_required and asked.kind is not QuestionKind.CONTACT
    row.options = "\n".join(asked.options)
    row.position = position if position is not None else row.position
    session.add(row)
    session.flush()
    return row


def publish_survey(session: Session, survey_id: int) -> Survey:
    """Customers can answer from now on, and the questions are frozen, numbered from 1. A closed survey is opened
    again. Raises what `check_publishable` finds."""
    survey = _survey(session, survey_id)
    rows = question_rows(session, survey_id)
    check_publishable(survey.slug, [question_of(row) for row in rows])
    if survey.status is SurveyStatus.DRAFT:
        for position, row in enumerate(rows, start=1):
            row.position = position
            session.add(row)
    survey.status = SurveyStatus.PUBLISHED
    session.add(survey)
    return survey


def close_survey(session: Session, survey_id: int) -> Survey:
    """No more answers; what was answered stays."""
    survey = _survey(session, survey_id)
    survey.status = SurveyStatus.CLOSED
    session.add(survey)
    return survey


def _draft(session: Session, survey_id: int) -> Survey:
    survey = _survey(session, survey_id)
    answered = session.exec(select(SurveyResponse.id).where(SurveyResponse.survey_id == survey_id).limit(1)).first()
    if survey.status is not SurveyStatus.DRAFT or answered is not None:
        raise SurveyFrozen
    return survey


def _survey(session: Session, survey_id: int) -> Survey:
    survey = lock_row(session, Survey, survey_id)
    if survey is None:
        raise NotFound
    return survey


# ── The customer's side ──────────────────────────────────────────────────────────────────────────────────────────────


def save_answer(
    session: Session, survey_id: int, submission_id: str, key: str, typed: Sequence[str], *, now: datetime
) -> SurveyResponse:
    """One answer of a run, kept at once; nothing typed takes an optional answer back. The run begins with its first
    answer. Whether the survey is open is for the caller to ask (`SurveySheet.check_answerable`).

    Raises AlreadyAnswered when the run is finished, and what `answer_to` finds.
    """
    row = session.exec(
        select(SurveyQuestion).where(SurveyQuestion.survey_id == survey_id, SurveyQuestion.key == key)
    ).first()
    if row is None or row.kind is QuestionKind.CONTACT:
        raise NotFound("question")
    answer = answer_to(question_of(row), typed)
    response = _begun(session, survey_id, submission_id, now)
    if response.state is ResponseState.FINISHED:
        raise AlreadyAnswered
    _keep(session, response, row, answer)
    return response


def _keep(session: Session, response: SurveyResponse, row: SurveyQuestion, answer: Answer | None) -> None:
    kept = session.exec(
        select(SurveyAnswer).where(SurveyAnswer.response_id == response.id, SurveyAnswer.question_id == row.id)
    ).first()
    if answer is None:
        if kept is not None:
            session.delete(kept)
        return
    if kept is None:
        assert response.id is not None
        assert row.id is not None
        kept = SurveyAnswer(response_id=response.id, question_id=row.id, question_key=row.key, value="")
    kept.value, kept.number = answer.value, answer.number
    session.add(kept)


def _begun(session: Session, survey_id: int, submission_id: str, now: datetime) -> SurveyResponse:
    """The run of that id, locked; begun when there is none. Of two first answers at once one begins it."""
    response = _locked(session, survey_id, submission_id)
    if response is not None:
        return response
    survey = _asked(session, survey_id)
    fresh = SurveyResponse(survey_id=survey_id, submission_id=submission_id, started_at=kept_time(survey.mode, now))
    try:
        with session.begin_nested():
            session.add(fresh)
            session.flush()
    except IntegrityError:
        response = _locked(session, survey_id, submission_id)
        if response is None:
            raise
        return response
    return fresh


def _asked(session: Session, survey_id: int) -> Survey:
    survey = session.get(Survey, survey_id)
    if survey is None:
        raise NotFound
    return survey


def _locked(session: Session, survey_id: int, submission_id: str) -> SurveyResponse | None:
    found = session.exec(select(SurveyResponse.id).where(SurveyResponse.submission_id == submission_id)).first()
    response = lock_row(session, SurveyResponse, found) if found else None
    if response is not None and response.survey_id != survey_id:
        raise NotFound("submission_id")
    return response


def kept_time(mode: SurveyMode, now: datetime) -> datetime:
    """When it happened; of an anonymous answer only the day (of the zone `now` comes in): a minute names a person."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) if mode is SurveyMode.ANONYMOUS else now


def finish_response(session: Session, survey_id: int, submission_id: str, *, policy: Policy, now: datetime) -> Finished:
    """The run counts from now on: scored, judged, and not to be changed. Finishing again changes nothing.

    Raises AnswerMissing with the first required question's key as `field`, NotFound when the run never began.
    """
    response = _locked(session, survey_id, submission_id)
    if response is None or response.id is None:
        raise NotFound("submission_id")
    if response.state is ResponseState.FINISHED:
        return Finished(response, complaint_of(session, response.id), is_repeat=True)
    answered = _answered(session, response)
    verdict = verdict_on(answered, policy, has_contact=bool(response.contact_phone))
    response.state = ResponseState.FINISHED
    response.finished_at = kept_time(_asked(session, survey_id).mode, now)
    response.score, response.nps, response.is_low = verdict.score, verdict.nps, verdict.is_low
    session.add(response)
    session.flush()
    complaint = _open_case(session, response, answered, policy=policy, now=now) if verdict.opens_complaint else None
    return Finished(response, complaint, is_repeat=False)


def leave_contact(
    session: Session,
    survey_id: int,
    submission_id: str,
    contact: Contact,
    *,
    policy: Policy,
    now: datetime,
    chance: Random = UNGUESSABLE,
) -> Finished:
    """She wishes to be called: kept with her finished run, linked to her record when her phone is on exactly one, and
    after a low score opened as a complaint. A second contact for the same run changes nothing. An anonymous survey
    keeps no contact and links nobody: raises NotFound, as for a run that is not finished. `chance` draws the
    complaint's receipt number."""
    response = _locked(session, survey_id, submission_id)
    anonymous = _asked(session, survey_id).mode is SurveyMode.ANONYMOUS
    if response is None or response.state is not ResponseState.FINISHED or anonymous:
        raise NotFound("submission_id")
    if response.contact_phone:
        return Finished(response, complaint_of(session, response.id), is_repeat=True)
    response.contact_name = contact.name
    response.contact_phone, response.contact_masked = contact.phone.e164, contact.phone.masked
    response.customer_id = response.customer_id or only_customer_with(session, contact.phone.e164)
    session.add(response)
    session.flush()
    answered = _answered(session, response)
    complaint = None
    if response.is_low:
        complaint = _open_case(session, response, answered, policy=policy, now=now, chance=chance)
    return Finished(response, complaint, is_repeat=False)


def contact_from(name: str, phone: str) -> Contact:
    """Whom to call, from what was typed. Raises ContactPhoneMissing, PhoneWrong, TextTooLong."""
    if not phone.strip():
        raise ContactPhoneMissing("contact_phone")
    return Contact(contact_name(name), parse_phone(phone))


def _answered(session: Session, response: SurveyResponse) -> list[tuple[Question, Answer]]:
    """What was asked and answered, in the survey's order. Raises AnswerMissing."""
    answers = stored_answers(session, response.id or 0)
    asked = [question_of(row) for row in question_rows(session, response.survey_id)]
    for question in asked:
        if question.is_required and question.key not in answers:
            raise AnswerMissing(question.key)
    return [(question, answers[question.key]) for question in asked if question.key in answers]


def _open_case(
    session: Session,
    response: SurveyResponse,
    answered: Sequence[tuple[Question, Answer]],
    *,
    policy: Policy,
    now: datetime,
    chance: Random = UNGUESSABLE,
) -> Complaint:
    told = "\n".join(_as_line(question, answer) for question, answer in answered)
    intake = ComplaintIntake(
        text=told[:TEXT_MAX],  # the whole of it stays with the response
        channel=FeedbackChannel.SURVEY,
        customer_id=response.customer_id,
        contact_name=response.contact_name,
        contact_phone=opened(response.contact_phone) or "",
        response_id=response.id,
        store_id=_asked(session, response.survey_id).store_id,
    )
    return open_complaint(session, intake, policy=policy, now=now, chance=chance)


def _as_line(question: Question, answer: Answer) -> str:
    """A question and its answer as the shop wrote and the customer gave them: 环境：2/5."""
    top = {QuestionKind.RATING: question.scale_max, QuestionKind.NPS: 10}.get(question.kind)
    if top is not None:
        return f"{question.text} {answer.value}/{top}"
    if question.kind in {QuestionKind.CHOICE, QuestionKind.CHOICES}:
        chosen = "、".join(question.options[int(number) - 1] for number in answer.value.split(","))  # data
        return f"{question.text} {chosen}"
    return f"{question.text}\n{answer.value}"
