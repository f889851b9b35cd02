"""A whole set of answers at once: from another program, a telephone interview, somebody who looked on."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, select

from app.actions.survey_origins import Origin
from app.actions.surveys import Finished, finish_response, save_answer
from app.models import SurveyResponse
from app.queries.complaints import complaint_of
from app.queries.surveys import sheet_of_survey
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.rules.surveys import check_open
from app.vocabulary import ResponseState


def record_response(
    session: Session,
    survey_id: int,
    submission_id: str,
    answers: Mapping[str, Sequence[str]],
    *,
    origin: Origin,
    policy: Policy,
    now: datetime,
) -> Finished:
    """Answers by their questions' keys, each as `answer_to` takes it, kept and finished in one go. Optional questions may be
    missing; answers to what is not asked are dropped. The same `submission_id` again changes nothing and gives what the
    first one came to. `now` comes in the shop's zone.

    Raises what `check_open`, `answer_to` and `finish_response` find; NotFound with the key of an unknown question.
    """
    known = session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == submission_id)).first()
    if known is not None and known.survey_id != survey_id:
        raise NotFound("submission_id")
    if known is not None and known.state is ResponseState.FINISHED:
        return Finished(known, complaint_of(session, known.id), is_repeat=True)
    sheet = sheet_of_survey(session, survey_id)
    times = (sheet.opens_at, sheet.closes_at)
    check_open(sheet.status, sheet.mode, opens_at=times[0], closes_at=times[1], now=now, is_invited=True)
    for key, typed in answers.items():
        if sheet.question(key) is None:
            raise NotFound(key)
        save_answer(session, survey_id, submission_id, key, typed, now=now, origin=origin)
    return finish_response(session, survey_id, submission_id, policy=policy, now=now)
