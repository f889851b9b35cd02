"""What the demo shop's customers say: survey answers, complaints, praise, and what the shop answered."""

from datetime import date, timedelta

from sqlmodel import col, select

from app.actions.complaints import (
    ComplaintIntake,
    assign_complaint,
    close_complaint,
    note_on_complaint,
    open_complaint,
    reply_to_complaint,
)
from app.actions.surveys import contact_from, finish_response, leave_contact, save_answer
from app.models import Complaint, Survey, SurveyQuestion
from app.vocabulary import FeedbackChannel, FeedbackKind, QuestionKind, SurveyStatus
from seed.demo_people import Person, Team
from seed.demo_stage import Stage
from seed.reference import rows_of

_MOODS = (("good", 72.0), ("fair", 19.0), ("poor", 9.0))
_RATINGS: dict[str, tuple[tuple[int, float], ...]] = {
    "good": ((5, 62.0), (4, 34.0), (3, 4.0)),
    "fair": ((4, 45.0), (3, 45.0), (2, 10.0)),
    "poor": ((3, 25.0), (2, 50.0), (1, 25.0)),
}
_RECOMMENDATIONS = {"good": (8, 11), "fair": (7, 10), "poor": (0, 6)}
_ANSWERED_SHARE = 0.3
_CONTACT_SHARE = {"good": 0.25, "fair": 0.35, "poor": 0.7}
_NOTE = "已联系当班同事核实，等回电。"
_SURVEY_REPLY = "看到您的评价很抱歉，店长已和当班同事谈过，这次护理为您免单，欢迎再来，我们会做得更好。"


def add_responses(stage: Stage, people: list[Person]) -> int:
    """Answers to the shop's survey, most of them of the last month. Returns how many were finished."""
    survey = stage.session.exec(
        select(Survey).where(Survey.status == SurveyStatus.PUBLISHED).order_by(col(Survey.id))
    ).first()
    visitors = [person for person in people if person.visit_days]
    if survey is None or not visitors:
        return 0
    questions = stage.session.exec(
        select(SurveyQuestion).where(SurveyQuestion.survey_id == survey.id).order_by(col(SurveyQuestion.position))
    ).all()
    days = sorted(_answer_day(stage) for _ in range(round(len(people) * _ANSWERED_SHARE)))
    for number, day in enumerate(days):
        _answer(stage, survey, list(questions), stage.chance.choice(visitors), day=day, number=number)
    return len(days)


def _answer_day(stage: Stage) -> date:
    return stage.day(stage.chance.randrange(0, 29) if stage.happens(0.7) else stage.chance.randrange(30, 90))


def _answer(
    stage: Stage, survey: Survey, questions: list[SurveyQuestion], person: Person, *, day: date, number: int
) -> None:
    mood = stage.one_of(_MOODS)
    words = [row["words"] for row in rows_of("demo_words") if row["mood"] == mood]
    run = f"demo-{number:04d}-{stage.chance.getrandbits(64):016x}"
    now = stage.open_hours(day)
    survey_id = survey.id or 0
    for question in questions:
        typed = _typed(stage, question, mood, words)
        if typed:
            save_answer(stage.session, survey_id, run, question.key, [typed], now=now)
        now += timedelta(seconds=stage.chance.randrange(4, 15))
    finish_response(stage.session, survey_id, run, policy=stage.policy, now=now)
    if stage.happens(_CONTACT_SHARE[mood]):
        contact = contact_from(person.customer.name, person.phone)
        finished = leave_contact(
            stage.session, survey_id, run, contact, policy=stage.policy, now=now, chance=stage.chance
        )
        if finished.complaint is not None and day < stage.day(2):
            _solve(stage, finished.complaint, _SURVEY_REPLY, hours=stage.chance.randrange(3, 40), is_closed=True)


def _typed(stage: Stage, question: SurveyQuestion, mood: str, words: list[str]) -> str:
    """What she taps or types; "" for nothing."""
    if question.kind is QuestionKind.RATING:
        return str(stage.one_of(_RATINGS[mood]))
    if question.kind is QuestionKind.NPS:
        return str(stage.chance.randrange(*_RECOMMENDATIONS[mood]))
    return stage.chance.choice(words) if question.kind is QuestionKind.TEXT and stage.happens(0.45) else ""


def add_cases(stage: Stage, people: list[Person], team: Team) -> int:
    """Complaints, questions and praise at every stage: fresh, overdue, answered in time and late, closed. Returns how
    many cases there are, those from the survey included."""
    visitors = [person for person in people if person.visit_days]
    for row in reversed(list(rows_of("demo_cases"))):
        day = stage.day(-int(row["day"]))
        person = stage.chance.choice(visitors) if visitors and stage.happens(0.8) else None
        intake = ComplaintIntake(
            text=row["text"],
            kind=FeedbackKind(row["kind"]),
            channel=FeedbackChannel(row["channel"]),
            customer_id=person.customer_id if person else None,
            contact_name=person.customer.name if person else "",
            contact_phone=person.phone if person else "",
        )
        now = stage.open_hours(day)
        staff_id = team.reception.id
        complaint = open_complaint(
            stage.session, intake, policy=stage.policy, now=now, staff_id=staff_id, chance=stage.chance
        )
        assign_complaint(
            stage.session, complaint.id or 0, team.manager.id or 0, staff_id=staff_id, now=now + timedelta(minutes=5)
        )
        _proceed(stage, complaint, row["progress"], row["reply"], team)
    stage.session.flush()
    return len(stage.session.exec(select(Complaint.id)).all())


def _proceed(stage: Stage, complaint: Complaint, progress: str, reply: str, team: Team) -> None:
    if progress == "noted":
        later = complaint.opened_at + timedelta(minutes=40)
        note_on_complaint(stage.session, complaint.id or 0, _NOTE, staff_id=team.manager.id, now=later)
    elif progress in {"solved", "late", "closed"}:
        hours = 61 if progress == "late" else stage.chance.randrange(2, 30)
        _solve(stage, complaint, reply, hours=hours, is_closed=progress == "closed", staff_id=team.manager.id)


def _solve(
    stage: Stage, complaint: Complaint, reply: str, *, hours: int, is_closed: bool, staff_id: int | None = None
) -> None:
    now = complaint.opened_at + timedelta(hours=hours)
    reply_to_complaint(stage.session, complaint.id or 0, reply, solves=True, staff_id=staff_id, now=now)
    if is_closed:
        close_complaint(stage.session, complaint.id or 0, staff_id=staff_id, now=now + timedelta(days=2))
