"""Surveys as customers answer them: answers kept one by one, a run finished once, and what a low score sets off."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.actions.complaints import UNGUESSABLE, ComplaintIntake, open_complaint
from app.actions.limits import count_tries
from app.actions.low_feedback import improve_low, name_low, note_low
from app.actions.survey_origins import Origin, beginning, invited_runs, origin_of
from app.actions.survey_preferences import keep_preferences
from app.columns import opened
from app.db import lock_row
from app.models import Complaint, SurveyAnswer, SurveyResponse
from app.queries.complaints import complaint_of, only_customer_with
from app.queries.survey_runs import stored_answers
from app.queries.surveys import SurveySheet, sheet_of_survey
from app.rules.complaints import TEXT_MAX
from app.rules.limits import same_device
from app.rules.phones import Phone, parse_phone
from app.rules.policy import Policy
from app.rules.questions import Answer, AnswerMissing, Question, answer_to, contact_name, parts_of
from app.rules.refusals import NotFound
from app.rules.survey_gifts import GIFT_LENGTH, GIFT_LETTERS, gift_until_on
from app.rules.survey_logic import counted, hidden
from app.rules.survey_scores import verdict_on
from app.rules.surveys import AlreadyAnswered, ContactPhoneMissing, kept_time
from app.vocabulary import FeedbackChannel, QuestionKind, ResponseState, ResponseWay, SurveyMode

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


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def save_answer(
    session: Session,
    survey_id: int,
    submission_id: str,
    key: str,
    typed: Sequence[str],
    *,
    now: datetime,
    origin: Origin | None = None,
) -> SurveyResponse:
    """One answer of a run, kept at once; nothing typed takes an optional answer back. The run begins with its first
    answer, on the version asked then, from `origin` (None: the survey's own address, or the run's personal link), and
    ends on that version. Whether the survey is open is for the caller to ask (`SurveySheet.check_answerable`).

    Raises AlreadyAnswered when the run is finished, and what `answer_to` finds.
    """
    response = _locked(session, survey_id, submission_id)
    sheet = sheet_of_survey(session, survey_id, response.version_id if response else None)
    question = sheet.question(key)
    if question is None:
        raise NotFound("question")
    answer = answer_to(question, typed)
    if response is None:
        response = _begin(session, sheet, submission_id, origin, now)
        sheet = sheet_of_survey(session, survey_id, response.version_id)
    if response.state is ResponseState.FINISHED:
        raise AlreadyAnswered
    _keep(session, response, sheet, question, answer)
    return response


def _keep(
    session: Session, response: SurveyResponse, sheet: SurveySheet, question: Question, answer: Answer | None
) -> None:
    row_id = sheet.row_ids[question.key]
    parts = dict(parts_of(question, answer)) if answer else {}
    of_question = select(SurveyAnswer).where(
        SurveyAnswer.response_id == response.id, SurveyAnswer.question_id == row_id
    )
    kept = {row.statement: row for row in session.exec(of_question)}
    for statement, row in kept.items():
        if statement not in parts:
            session.delete(row)
    for statement, part in parts.items():
        row = kept.get(statement) or SurveyAnswer(
            response_id=response.id or 0, question_id=row_id, statement=statement, question_key=question.key, value=""
        )
        row.value, row.number = part.value, part.number
        session.add(row)
    if sheet.paper.rules:
        session.flush()
        mark_hidden(session, response.id or 0, hidden(sheet.paper, stored_answers(session, response.id or 0)))


def mark_hidden(session: Session, response_id: int, keys: Collection[str]) -> None:
    """Answers of an open run whose questions are not asked any more do not count, all others do."""
    of_run = update(SurveyAnswer).where(col(SurveyAnswer.response_id) == response_id)
    session.connection().execute(of_run.values(is_hidden=col(SurveyAnswer.question_key).in_(sorted(keys))))


def _begin(
    session: Session, sheet: SurveySheet, submission_id: str, origin: Origin | None, now: datetime
) -> SurveyResponse:
    """The run of that id, begun and locked. Of two first answers at once one begins it."""
    if origin is None:
        link = invited_runs(session, {submission_id}).get(submission_id)
        origin = link.origin if link else origin_of(sheet)
    fresh = SurveyResponse(**beginning(sheet, submission_id, origin, now=now))
    try:
        with session.begin_nested():
            session.add(fresh)
            session.flush()
    except IntegrityError:
        response = _locked(session, sheet.id, submission_id)
        if response is None:
            raise
        return response
    return fresh


def _locked(session: Session, survey_id: int, submission_id: str) -> SurveyResponse | None:
    found = session.exec(select(SurveyResponse.id).where(SurveyResponse.submission_id == submission_id)).first()
    response = lock_row(session, SurveyResponse, found) if found else None
    if response is not None and response.survey_id != survey_id:
        raise NotFound("submission_id")
    return response


# ── The end of a run ─────────────────────────────────────────────────────────────────────────────────────────────────


def finish_response(
    session: Session,
    survey_id: int,
    submission_id: str,
    *,
    policy: Policy,
    now: datetime,
    device: str = "",
    chance: Random = UNGUESSABLE,
) -> Finished:
    """The run counts from now on: scored, judged, and not to be changed. What logic hides is dropped. Finishing again
    changes nothing. `device` is what many answers may come from; `now` comes in the shop's zone.

    Raises AnswerMissing with the first required question's key as `field`, NotFound when the run never began.
    """
    response = _locked(session, survey_id, submission_id)
    if response is None or response.id is None:
        raise NotFound("submission_id")
    if response.state is ResponseState.FINISHED:
        return Finished(response, complaint_of(session, response.id), is_repeat=True)
    sheet = sheet_of_survey(session, survey_id, response.version_id)
    answered = _counted(session, response, sheet)
    verdict = verdict_on(answered, policy, has_contact=_may_call(response))
    response.state = ResponseState.FINISHED
    response.finished_at = kept_time(response.mode, now)
    response.score, response.nps, response.is_low = verdict.score, verdict.nps, verdict.is_low
    response.is_suspect = _is_suspect(session, response, device, policy=policy, now=now)
    _give(session, response, sheet, now, chance)
    session.add(response)
    session.flush()
    return Finished(response, _follow_up(session, response, answered, policy=policy, now=now), is_repeat=False)


def _follow_up(
    session: Session,
    response: SurveyResponse,
    answered: list[tuple[Question, Answer]],
    *,
    policy: Policy,
    now: datetime,
) -> Complaint | None:
    """What a finished response sets off."""
    keep_preferences(session, response, answered, now=now)
    improve_low(session, response, now=now)
    if not response.is_low or response.way is ResponseWay.OBSERVATION:
        return None
    note_low(session, response, policy=policy, now=now)
    return _open_case(session, response, answered, policy=policy, now=now) if _may_call(response) else None


def _may_call(response: SurveyResponse) -> bool:
    """Whether there is somebody to answer: she left a number, or the answers are hers by name."""
    return bool(response.contact_phone) or response.customer_id is not None


def _counted(session: Session, response: SurveyResponse, sheet: SurveySheet) -> list[tuple[Question, Answer]]:
    """What was asked and answered, in the survey's order; what was not asked is dropped. Raises AnswerMissing."""
    answers = stored_answers(session, response.id or 0)
    for question in sheet.asked(answers):
        if question.is_required and question.key not in answers:
            raise AnswerMissing(question.key)
    gone = hidden(sheet.paper, answers)
    if gone:
        of_run = delete(SurveyAnswer).where(col(SurveyAnswer.response_id) == response.id)
        session.connection().execute(of_run.where(col(SurveyAnswer.question_key).in_(sorted(gone))))
        session.expire_all()
    return counted(sheet.paper, answers)


def _is_suspect(session: Session, response: SurveyResponse, device: str, *, policy: Policy, now: datetime) -> bool:
    """Whether many answers came from this device within the hour. A shared tablet is one by its nature."""
    if not device or response.way is ResponseWay.KIOSK:
        return False
    return bool(count_tries(session, same_device(policy.device_alarm_from), {device: 1}, now=now))


def _give(session: Session, response: SurveyResponse, sheet: SurveySheet, now: datetime, chance: Random) -> None:
    """A code for the till, where the survey is thanked with something. An anonymous answer gets none of its own: at the
    till it would have a face."""
    if not sheet.gift or response.mode is SurveyMode.ANONYMOUS or response.way is ResponseWay.OBSERVATION:
        return
    code = ""
    while not code or session.exec(select(SurveyResponse.id).where(SurveyResponse.gift_code == code)).first():
        code = "".join(chance.choice(GIFT_LETTERS) for _ in range(GIFT_LENGTH))
    response.gift_code, response.gift_until_on = code, gift_until_on(now.date(), sheet.gift_days)


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
    after a low score opened as a complaint. A second contact for the same run changes nothing. An anonymous run keeps
    no contact and links nobody: raises NotFound, as for a run that is not finished. `chance` draws the complaint's
    receipt number."""
    response = _locked(session, survey_id, submission_id)
    if response is None or response.state is not ResponseState.FINISHED or response.mode is SurveyMode.ANONYMOUS:
        raise NotFound("submission_id")
    if response.contact_phone:
        return Finished(response, complaint_of(session, response.id), is_repeat=True)
    response.contact_name = contact.name
    response.contact_phone, response.contact_masked = contact.phone.e164, contact.phone.masked
    response.customer_id = response.customer_id or only_customer_with(session, contact.phone.e164)
    session.add(response)
    session.flush()
    complaint = None
    if response.is_low:
        name_low(session, response)
        answered = _counted(session, response, sheet_of_survey(session, survey_id, response.version_id))
        complaint = _open_case(session, response, answered, policy=policy, now=now, chance=chance)
    else:
        improve_low(session, response, now=now)
    return Finished(response, complaint, is_repeat=False)


def contact_from(name: str, phone: str) -> Contact:
    """Whom to call, from what was typed. Raises ContactPhoneMissing, PhoneWrong, TextTooLong."""
    if not phone.strip():
        raise ContactPhoneMissing("contact_phone")
    return Contact(contact_name(name), parse_phone(phone))


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
        store_id=response.store_id,
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
    if question.kind is QuestionKind.YES_NO:
        return f"{question.text} {'✓' if answer.number else '✗'}"
    if question.kind is QuestionKind.MATRIX:
        rated = [
            f"{question.statements[statement - 1]} {part.value}/{question.scale_max}"
            for statement, part in parts_of(question, answer)
        ]
        return f"{question.text} {'、'.join(rated)}"  # data
    return f"{question.text}\n{answer.value}"
