"""The owner's side of a questionnaire: its address and words, and its questions as the back office's forms bring them."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, func, select

from app.actions.survey_versions import save_question
from app.db import lock_row
from app.models import Survey, SurveyPlace, SurveyQuestion, SurveyVersion
from app.rules.questions import Question, SurveyFrozen, SurveyHadPublic
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import MemberField, QuestionKind, SurveyMode, SurveyOccasion, SurveyStatus, VersionState


class AddressFixed(RuleBroken):
    """Printed posters carry the address; a promise of anonymity was read by those who answered."""

    code = "survey_address_fixed"
    message = words("问卷发布后，网址和回答方式不能再改：海报已经印好，顾客也看过说明。请新建一份问卷。")
    status = 409


class AddressTaken(RuleBroken):
    """One address opens one thing."""

    code = "survey_address_taken"
    message = words("网址名“{slug}”已经有问卷或二维码在用，请换一个。")
    status = 409


class ClosesBeforeOpening(RuleBroken):
    """A survey nobody could ever answer."""

    code = "survey_closes_before_opening"
    message = words("结束时间要晚于开始时间。")


@dataclass(frozen=True)
class SurveyDetails:
    """What the owner decides about a questionnaire. `store_id` None: all stores; `opens_at`, `closes_at` None: no
    limit."""

    slug: str
    title: str
    intro: str = ""
    thanks: str = ""
    mode: SurveyMode = SurveyMode.OPEN
    store_id: int | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    occasion: SurveyOccasion = SurveyOccasion.OTHER
    again_after_days: int = 0
    gift: str = ""
    gift_days: int = 30


@dataclass(frozen=True)
class QuestionDetails:
    """A question as a form brings it; `options` and `statements` one per line. `key` empty: one is given. `position` None: at the end."""

    survey_id: int
    kind: QuestionKind
    text: str
    key: str = ""
    hint: str = ""
    dimension: str = ""
    weight: int = 1
    scale_max: int = 5
    is_required: bool = True
    options: str = ""
    position: int | None = None
    statements: str = ""
    maps_to: MemberField | None = None


def is_draft(survey: Survey) -> bool:
    """Whether its questions can still be written."""
    return survey.status is SurveyStatus.DRAFT


def is_of_draft(question: SurveyQuestion) -> bool:
    """Whether the question can still be written."""
    return question.version.state is VersionState.DRAFT


def create_survey(session: Session, details: SurveyDetails, *, now: datetime) -> Survey:
    """A draft, with a first version to be written. Raises ClosesBeforeOpening, AddressTaken."""
    survey = _put(session, Survey(slug="", title="", created_at=now), details)
    session.add(SurveyVersion(survey_id=survey.id or 0, number=1, created_at=now))
    session.flush()
    return survey


def update_survey(session: Session, survey_id: int, details: SurveyDetails) -> Survey:
    """New words and times; the address and the mode only of a draft. Raises AddressFixed, ClosesBeforeOpening."""
    survey = lock_row(session, Survey, survey_id)
    if survey is None:
        raise NotFound
    if survey.status is not SurveyStatus.DRAFT:
        for name in ("slug", "mode"):
            if getattr(survey, name) != getattr(details, name):
                raise AddressFixed(name)
    return _put(session, survey, details)


def _put(session: Session, survey: Survey, details: SurveyDetails) -> Survey:
    if details.opens_at and details.closes_at and details.closes_at <= details.opens_at:
        raise ClosesBeforeOpening("closes_at")
    if session.exec(select(SurveyPlace.id).where(SurveyPlace.slug == details.slug)).first() is not None:
        raise AddressTaken("slug", slug=details.slug)
    survey.slug, survey.title, survey.mode = details.slug, details.title, details.mode
    survey.intro, survey.thanks, survey.store_id = details.intro, details.thanks, details.store_id
    survey.opens_at, survey.closes_at = details.opens_at, details.closes_at
    survey.occasion, survey.again_after_days = details.occasion, details.again_after_days
    survey.gift, survey.gift_days = details.gift, details.gift_days
    session.add(survey)
    session.flush()
    return survey


def create_question(session: Session, details: QuestionDetails) -> SurveyQuestion:
    """A question more. Raises SurveyFrozen, and what the question's own rules find."""
    last = session.exec(select(func.max(SurveyQuestion.id)).where(SurveyQuestion.survey_id == details.survey_id)).one()
    asked = _question(details, details.key or f"q{(last or 0) + 1}")
    return save_question(session, details.survey_id, asked, position=details.position)


def update_question(session: Session, question_id: int, details: QuestionDetails) -> SurveyQuestion:
    """A question changed within its survey. Raises SurveyFrozen, and what the question's own rules find."""
    row = session.get(SurveyQuestion, question_id)
    if row is None:
        raise NotFound
    asked = _question(details, details.key or row.key)
    return save_question(session, row.survey_id, asked, question_id=question_id, position=details.position)


def hold_question(session: Session, question_id: int) -> None:
    """What changing a question locks before the question itself: publishing holds the survey and looks at its
    questions."""
    row = session.get(SurveyQuestion, question_id)
    if row is not None:
        lock_row(session, Survey, row.survey_id)


def check_question_may_go(session: Session, question: SurveyQuestion) -> None:
    """Raises SurveyFrozen: what customers were asked stays."""
    if not is_of_draft(question):
        raise SurveyFrozen


def check_survey_may_go(session: Session, survey: Survey) -> None:
    """Raises SurveyHadPublic: only a draft is deleted; its questions go with it."""
    if survey.status is not SurveyStatus.DRAFT:
        raise SurveyHadPublic


def _question(details: QuestionDetails, key: str) -> Question:
    return Question(
        key=key,
        kind=details.kind,
        text=details.text,
        hint=details.hint,
        dimension=details.dimension,
        weight=details.weight,
        scale_max=details.scale_max,
        is_required=details.is_required,
        options=_lines(details.options),
        statements=_lines(details.statements),
        maps_to=details.maps_to,
    )


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
