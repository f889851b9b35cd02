"""What the customer's survey pages show."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam
from sqlmodel import Session, col, select

from app.models import Complaint, Survey, SurveyAnswer, SurveyQuestion, SurveyResponse
from app.rules.questions import Answer, Question
from app.rules.surveys import CONTACT_KEY, SurveyUnknown, check_open
from app.vocabulary import QuestionKind, ResponseState, SurveyMode, SurveyStatus


@dataclass(frozen=True)
class SurveySheet:
    """A survey as a customer sees it: `questions` are the screens that make the score, `contact` the one after them
    (None when the shop does not ask everybody). `row_ids` says which rows the questions are, by their keys."""

    id: int
    slug: str
    title: str
    intro: str
    thanks: str
    mode: SurveyMode
    status: SurveyStatus
    opens_at: datetime | None
    closes_at: datetime | None
    questions: tuple[Question, ...]
    contact: Question | None
    row_ids: Mapping[str, int]

    @property
    def is_anonymous(self) -> bool:
        """Whether answers belong to nobody."""
        return self.mode is SurveyMode.ANONYMOUS

    @property
    def contact_key(self) -> str:
        """The key of the contact screen."""
        return self.contact.key if self.contact else CONTACT_KEY

    def may_leave_contact(self, run: "Run") -> bool:
        """Whether whom to call can still be said in this run."""
        return run.is_finished and not run.has_contact and not self.is_anonymous

    def check_answerable(self, now: datetime) -> None:
        """Refuse when a customer who scanned the code cannot answer now: SurveyUnknown, SurveyClosed,
        SurveyNotOpenYet or SurveyByInvitation."""
        check_open(self.status, self.mode, opens_at=self.opens_at, closes_at=self.closes_at, now=now)

    def question(self, key: str) -> Question | None:
        """The question of that key."""
        return next((question for question in self.questions if question.key == key), None)

    def place_of(self, question: Question) -> int:
        """Its number on the screen, from 1."""
        return self.questions.index(question) + 1

    def before(self, question: Question) -> Question | None:
        """The question before it."""
        place = self.questions.index(question)
        return self.questions[place - 1] if place else None

    def after(self, question: Question) -> Question | None:
        """The question after it."""
        return next(iter(self.questions[self.questions.index(question) + 1 :]), None)


@dataclass(frozen=True)
class Begun:
    """A run that has begun: which row it is, of which survey, and whether it can still change."""

    id: int
    survey_id: int
    is_finished: bool


@dataclass(frozen=True)
class Draft:
    """A survey that is still being written."""

    id: int
    title: str


@dataclass(frozen=True)
class Run:
    """One customer's way through a survey, so far: what she answered by the question's key, and what came of it."""

    submission_id: str
    answers: dict[str, Answer]
    is_finished: bool = False
    is_low: bool = False
    has_contact: bool = False
    receipt_no: str = ""
    due_at: datetime | None = None


def question_of(row: SurveyQuestion) -> Question:
    """A stored question as the rules know it."""
    return Question(
        key=row.key,
        kind=row.kind,
        text=row.text,
        hint=row.hint,
        dimension=row.dimension,
        weight=row.weight,
        scale_max=row.scale_max,
        # Whom to call may always be left out.
        is_required=row.is_required and row.kind is not QuestionKind.CONTACT,
        options=tuple(line.strip() for line in row.options.splitlines() if line.strip()),
    )


def question_rows(session: Session, survey_id: int) -> list[SurveyQuestion]:
    """The questions of a survey in their order."""
    of_survey = select(SurveyQuestion).where(SurveyQuestion.survey_id == survey_id)
    return list(session.exec(of_survey.order_by(col(SurveyQuestion.position), col(SurveyQuestion.id))))


def draft_surveys(session: Session, within: ColumnElement[bool]) -> tuple[Draft, ...]:
    """The surveys a question can still be added to, the newest first; of those that are `within` somebody's reach."""
    drafts = select(Survey).where(Survey.status == SurveyStatus.DRAFT, within)
    rows = session.exec(drafts.order_by(col(Survey.created_at).desc(), col(Survey.id).desc()))
    return tuple(Draft(row.id or 0, row.title) for row in rows)


def survey_sheet(session: Session, slug: str) -> SurveySheet:
    """The survey of that address, open or not. Raises SurveyUnknown."""
    sheet = survey_sheets(session, {slug}).get(slug)
    if sheet is None:
        raise SurveyUnknown
    return sheet


def survey_sheets(session: Session, slugs: Collection[str]) -> dict[str, SurveySheet]:
    """The surveys of these addresses, open or not; an unknown address is not in it."""
    of_slugs = select(Survey).where(col(Survey.slug).in_([slug for slug in slugs if slug.isprintable()]))
    return {survey.slug: _sheet(survey, question_rows(session, survey.id or 0)) for survey in session.exec(of_slugs)}


def _sheet(survey: Survey, rows: list[SurveyQuestion]) -> SurveySheet:
    asked = [question_of(row) for row in rows]
    return SurveySheet(
        id=survey.id or 0,
        slug=survey.slug,
        title=survey.title,
        intro=survey.intro,
        thanks=survey.thanks,
        mode=survey.mode,
        status=survey.status,
        opens_at=survey.opens_at,
        closes_at=survey.closes_at,
        questions=tuple(question for question in asked if question.kind is not QuestionKind.CONTACT),
        contact=None
        if survey.mode is SurveyMode.ANONYMOUS
        else next((question for question in asked if question.kind is QuestionKind.CONTACT), None),
        row_ids={row.key: row.id or 0 for row in rows},
    )


def run_of(session: Session, sheet: SurveySheet, submission_id: str) -> Run:
    """How far this run has come; one that was never seen has not begun. A run of another survey is none of this one."""
    response = session.exec(
        select(SurveyResponse).where(
            SurveyResponse.submission_id == submission_id, SurveyResponse.survey_id == sheet.id
        )
    ).first()
    if response is None or response.id is None:
        return Run(submission_id, {})
    complaint = session.exec(select(Complaint).where(Complaint.response_id == response.id)).first()
    return Run(
        submission_id=submission_id,
        answers=stored_answers(session, response.id),
        is_finished=response.state is ResponseState.FINISHED,
        is_low=response.is_low,
        has_contact=bool(response.contact_phone),
        receipt_no=complaint.receipt_no if complaint else "",
        due_at=complaint.due_at if complaint else None,
    )


def is_of_another_survey(session: Session, sheet: SurveySheet, submission_id: str) -> bool:
    """Whether this run belongs to a different survey, so that it cannot be used here."""
    survey_id = session.exec(
        select(SurveyResponse.survey_id).where(SurveyResponse.submission_id == submission_id)
    ).first()
    return survey_id is not None and survey_id != sheet.id


def begun_runs(session: Session, submission_ids: Collection[str]) -> dict[str, Begun]:
    """Which of these runs have begun, each locked until the unit of work ends."""
    found = select(SurveyResponse.submission_id, SurveyResponse.id, SurveyResponse.survey_id, SurveyResponse.state)
    # In their order: two groups over the same runs wait for each other instead of blocking.
    among = col(SurveyResponse.submission_id).in_(bindparam("runs", expanding=True))
    ordered = found.where(among).order_by(col(SurveyResponse.id)).with_for_update()
    rows = session.exec(ordered, params={"runs": list(submission_ids)})
    return {run: Begun(row_id or 0, survey, state is ResponseState.FINISHED) for run, row_id, survey, state in rows}


def answers_of(session: Session, response_ids: Collection[int]) -> dict[int, dict[str, Answer]]:
    """What was answered in these responses so far, by the question's key."""
    given = select(SurveyAnswer.response_id, SurveyAnswer.question_key, SurveyAnswer.value, SurveyAnswer.number)
    found: dict[int, dict[str, Answer]] = {response_id: {} for response_id in response_ids}
    among = col(SurveyAnswer.response_id).in_(bindparam("responses", expanding=True))
    rows = session.exec(given.where(among), params={"responses": list(response_ids)})
    for response_id, key, value, number in rows:
        found[response_id][key] = Answer(value, number)
    return found


def stored_answers(session: Session, response_id: int) -> dict[str, Answer]:
    """The answers of a response by their questions' keys."""
    rows = session.exec(select(SurveyAnswer).where(SurveyAnswer.response_id == response_id))
    return {row.question_key: Answer(row.value, row.number) for row in rows}
