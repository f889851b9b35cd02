"""A survey answered: kept one by one, finished once, and what a low score sets off."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from app.actions.survey_versions import close_survey, publish_survey, save_question
from app.actions.surveys import (
    contact_from,
    finish_response,
    leave_contact,
    new_submission_id,
    save_answer,
)
from app.columns import blind_index
from app.db import Database
from app.models import Complaint, ComplaintEvent, Customer, Survey, SurveyAnswer, SurveyResponse, Tier
from app.queries.surveys import question_rows
from app.rules.phones import PhoneWrong
from app.rules.policy import Policy
from app.rules.questions import (
    AnswerMissing,
    AnswerUnknown,
    KeyUnusable,
    Question,
    SurveyEmpty,
    SurveyFrozen,
    TextTooLong,
)
from app.rules.refusals import NotFound
from app.rules.surveys import AlreadyAnswered, ContactPhoneMissing
from app.vocabulary import (
    ComplaintEventKind,
    CustomerStatus,
    FeedbackChannel,
    QuestionKind,
    ResponseState,
    SurveyMode,
    SurveyStatus,
)
from tests.questionnaires import put_survey, version_of

POLICY = Policy()
PHONE = "138 1234 5678"
RATINGS = ("product", "skill", "attitude", "environment", "price", "care")


def the_survey(database: Database) -> int:
    with database.reading() as session:
        survey_id = session.exec(select(Survey.id).where(Survey.slug == "satisfaction")).one()
    assert survey_id is not None
    return survey_id


def fill(database: Database, run: str, now: datetime, *, rating: int = 5, nps: int = 10) -> int:
    """Every required question answered."""
    survey_id = the_survey(database)
    with database.writing() as session:
        for key in RATINGS:
            save_answer(session, survey_id, run, key, [str(rating)], now=now)
        save_answer(session, survey_id, run, "recommend", [str(nps)], now=now)
    return survey_id


def finish(database: Database, run: str, now: datetime) -> None:
    with database.writing() as session:
        finish_response(session, the_survey(database), run, policy=POLICY, now=now)


def leave(database: Database, run: str, now: datetime, *, name: str = "李女士", phone: str = PHONE) -> None:
    with database.writing() as session:
        leave_contact(session, the_survey(database), run, contact_from(name, phone), policy=POLICY, now=now)


def response_of(database: Database, run: str) -> SurveyResponse:
    with database.reading() as session:
        return session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == run)).one()


def complaints(database: Database) -> list[Complaint]:
    with database.reading() as session:
        return list(session.exec(select(Complaint).order_by(Complaint.id)))  # type: ignore[arg-type]


def member(database: Database, phone: str = "+8613812345678", **values: object) -> int:
    with database.writing() as session:
        tier = session.exec(select(Tier.id)).first()
        known = session.exec(select(Customer)).all()
        customer = Customer(
            **{"member_no": f"1000{len(known):04d}", "name": "李梅", "tier_id": tier, "phone": phone,
               "phone_index": blind_index(phone, "customers.phone")} | values
        )  # fmt: skip
        session.add(customer)
        session.flush()
        assert customer.id is not None
        return customer.id


def together(jobs: int, work: Callable[[], object]) -> list[BaseException]:
    """The same work in several threads at once; what failed."""
    failed: list[BaseException] = []
    gate = threading.Barrier(jobs)

    def one() -> None:
        gate.wait()
        try:
            work()
        except BaseException as trouble:
            failed.append(trouble)

    threads = [threading.Thread(target=one) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return failed


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_kept_at_once_and_the_last_one_counts(database: Database, now: datetime) -> None:
    survey_id, run = the_survey(database), new_submission_id()
    for typed in (["2"], ["5"]):
        with database.writing() as session:
            save_answer(session, survey_id, run, "product", typed, now=now)
    response = response_of(database, run)
    with database.reading() as session:
        kept = session.exec(select(SurveyAnswer).where(SurveyAnswer.response_id == response.id)).one()
    assert (kept.question_key, kept.value, kept.number) == ("product", "5", 5)
    assert (response.state, response.score, response.started_at) == (ResponseState.PARTIAL, None, now)


def test_leaving_an_optional_question_out_takes_its_answer_back(database: Database, now: datetime) -> None:
    survey_id, run = the_survey(database), new_submission_id()
    for typed in (["很好"], []):
        with database.writing() as session:
            save_answer(session, survey_id, run, "words", typed, now=now)
    with database.reading() as session:
        assert session.exec(select(SurveyAnswer)).all() == []


@pytest.mark.parametrize(
    ("key", "typed", "refusal"),
    [
        ("product", ["9"], AnswerUnknown),
        ("product", [], AnswerMissing),
        ("words", ["字" * 2001], TextTooLong),
        ("nothing", ["1"], NotFound),
    ],
)
def test_a_refused_answer_leaves_nothing_behind(
    database: Database, now: datetime, key: str, typed: list[str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal), database.writing() as session:
        save_answer(session, the_survey(database), new_submission_id(), key, typed, now=now)
    with database.reading() as session:
        assert session.exec(select(SurveyResponse)).all() == []


def test_what_a_database_cannot_hold_is_left_out_and_rare_characters_stay(database: Database, now: datetime) -> None:
    run = new_submission_id()
    with database.writing() as session:
        save_answer(session, the_survey(database), run, "words", ["𡃁喆嫒 😤\x00\ud83d\ue000"], now=now)
    with database.reading() as session:
        assert session.exec(select(SurveyAnswer.value)).one() == "𡃁喆嫒 😤\ue000"


def test_a_run_belongs_to_one_survey(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now)
    with database.writing() as session:
        other_id, _ = put_survey(session, Survey(slug="other", title="另一份", status=SurveyStatus.DRAFT))
        save_question(session, other_id, Question("x", QuestionKind.TEXT, text="说说"))
        publish_survey(session, other_id, now=now)
    with pytest.raises(NotFound), database.writing() as session:
        save_answer(session, other_id, run, "x", ["y"], now=now)
    with pytest.raises(NotFound), database.writing() as session:
        finish_response(session, other_id, run, policy=POLICY, now=now)


def test_two_first_answers_at_once_begin_one_run(database: Database, now: datetime) -> None:
    survey_id, run = the_survey(database), new_submission_id()

    def answer() -> None:
        with database.writing() as session:
            save_answer(session, survey_id, run, "product", ["4"], now=now)

    assert together(6, answer) == []
    with database.reading() as session:
        assert len(session.exec(select(SurveyResponse)).all()) == 1
        assert len(session.exec(select(SurveyAnswer)).all()) == 1


# ── Finishing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_finished_run_is_scored_and_no_longer_changes(database: Database, now: datetime) -> None:
    run = new_submission_id()
    survey_id = fill(database, run, now, rating=4, nps=9)
    finish(database, run, now)
    response = response_of(database, run)
    assert (response.state, response.score, response.nps, response.is_low) == (ResponseState.FINISHED, 75, 9, False)
    assert response.finished_at == now
    with pytest.raises(AlreadyAnswered), database.writing() as session:
        save_answer(session, survey_id, run, "product", ["1"], now=now)


def test_finishing_names_the_first_question_left_out(database: Database, now: datetime) -> None:
    survey_id, run = the_survey(database), new_submission_id()
    with database.writing() as session:
        save_answer(session, survey_id, run, "product", ["5"], now=now)
        save_answer(session, survey_id, run, "attitude", ["5"], now=now)
    with pytest.raises(AnswerMissing) as caught, database.writing() as session:
        finish_response(session, survey_id, run, policy=POLICY, now=now)
    assert caught.value.field == "skill"
    with pytest.raises(NotFound), database.writing() as session:
        finish_response(session, survey_id, new_submission_id(), policy=POLICY, now=now)


def test_finishing_again_changes_nothing(database: Database, now: datetime) -> None:
    run = new_submission_id()
    survey_id = fill(database, run, now, rating=1, nps=0)
    finish(database, run, now)
    leave(database, run, now)
    later = now + timedelta(hours=1)
    with database.writing() as session:
        finished = finish_response(session, survey_id, run, policy=POLICY, now=later)
        assert finished.is_repeat
        assert finished.complaint is not None
        assert finished.response.finished_at == now
    assert len(complaints(database)) == 1


def test_a_low_score_with_a_contact_opens_a_complaint_due_in_48_hours(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now, rating=2, nps=3)
    with database.writing() as session:
        save_answer(session, the_survey(database), run, "words", ["等了四十分钟"], now=now)
    finish(database, run, now)
    assert complaints(database) == []
    shop_now = now.astimezone(ZoneInfo("Asia/Shanghai"))
    leave(database, run, shop_now)
    (complaint,) = complaints(database)
    assert complaint.due_at == now + timedelta(hours=48)
    assert (complaint.opened_at, complaint.channel) == (now, FeedbackChannel.SURVEY)
    assert complaint.receipt_no.startswith("F1124-")
    assert (complaint.contact_name, complaint.contact_phone, complaint.contact_masked) == (
        "李女士",
        "+8613812345678",
        "138****5678",
    )
    assert "等了四十分钟" in complaint.text
    assert "您觉得价格合理吗？ 2/5" in complaint.text
    with database.reading() as session:
        (event,) = session.exec(select(ComplaintEvent)).all()
    assert (event.kind, event.at, event.complaint_id) == (ComplaintEventKind.OPENED, now, complaint.id)


@pytest.mark.parametrize(("rating", "nps", "opened"), [(5, 6, 1), (5, 7, 0), (3, 10, 1), (4, 10, 0)])
def test_only_a_low_score_opens_one(database: Database, now: datetime, rating: int, nps: int, opened: int) -> None:
    run = new_submission_id()
    fill(database, run, now, rating=rating, nps=nps)
    finish(database, run, now)
    leave(database, run, now)
    assert len(complaints(database)) == opened
    assert response_of(database, run).contact_masked == "138****5678"


def test_a_second_contact_changes_nothing(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now, rating=1, nps=0)
    finish(database, run, now)
    leave(database, run, now)
    leave(database, run, now, name="别人", phone="13900001111")
    (complaint,) = complaints(database)
    assert (complaint.contact_name, response_of(database, run).contact_name) == ("李女士", "李女士")


def test_a_contact_before_the_end_is_refused(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now)
    with pytest.raises(NotFound):
        leave(database, run, now)


@pytest.mark.parametrize(
    ("phone", "refusal"),
    [("", ContactPhoneMissing), ("  ", ContactPhoneMissing), ("123", PhoneWrong), ("138****5678", PhoneWrong)],
)
def test_a_contact_needs_a_phone_that_can_be_called(phone: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        contact_from("李女士", phone)


def test_texts_of_any_length_fit_into_the_complaint(database: Database, now: datetime) -> None:
    with database.writing() as session:
        survey = Survey(slug="long", title="长")
        put_survey(session, survey)
        for key in ("a", "b", "c"):
            save_question(session, survey.id or 0, Question(key, QuestionKind.TEXT, text="说说"))
        save_question(session, survey.id or 0, Question("r", QuestionKind.RATING, text="满意吗"))
        publish_survey(session, survey.id or 0, now=now)
        survey_id, run = survey.id or 0, new_submission_id()
        for key in ("a", "b", "c"):
            save_answer(session, survey_id, run, key, ["字" * 2000], now=now)
        save_answer(session, survey_id, run, "r", ["1"], now=now)
        finish_response(session, survey_id, run, policy=POLICY, now=now)
        finished = leave_contact(session, survey_id, run, contact_from("", PHONE), policy=POLICY, now=now)
        assert finished.complaint is not None
        assert len(finished.complaint.text) == 4000


def test_a_phone_on_exactly_one_record_links_the_customer(database: Database, now: datetime) -> None:
    customer_id = member(database)
    run = new_submission_id()
    fill(database, run, now, rating=1)
    finish(database, run, now)
    leave(database, run, now)
    assert response_of(database, run).customer_id == customer_id
    assert complaints(database)[0].customer_id == customer_id


@pytest.mark.parametrize(
    "others",
    [
        [{"phone_shared_reason": "母女"}, {"phone_shared_reason": "母女"}],
        [{"status": CustomerStatus.ERASED}],
        [],
    ],
    ids=["shared by two", "erased", "unknown"],
)
def test_otherwise_nobody_is_linked(database: Database, now: datetime, others: list[dict[str, object]]) -> None:
    for values in others:
        member(database, **values)
    run = new_submission_id()
    fill(database, run, now, rating=1)
    finish(database, run, now)
    leave(database, run, now)
    assert response_of(database, run).customer_id is None
    assert complaints(database)[0].customer_id is None


def test_an_anonymous_survey_keeps_no_contact_links_nobody_and_knows_only_the_day(
    database: Database, now: datetime
) -> None:
    member(database)
    with database.writing() as session:
        session.exec(select(Survey)).one().mode = SurveyMode.ANONYMOUS
    run = new_submission_id()
    shop_now = datetime(2026, 11, 25, 0, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    fill(database, run, shop_now, rating=1)
    finish(database, run, shop_now)
    with pytest.raises(NotFound):
        leave(database, run, shop_now)
    response = response_of(database, run)
    midnight = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    assert (response.started_at, response.finished_at) == (midnight, midnight)
    assert (response.customer_id, response.contact_phone, response.contact_name) == (None, None, "")
    assert complaints(database) == []


# ── Twice at once ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_finishing_and_leaving_a_contact_twice_at_once_make_one_complaint(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now, rating=1, nps=0)

    def tap() -> None:
        finish(database, run, now)
        leave(database, run, now)

    assert together(8, tap) == []
    assert len(complaints(database)) == 1
    with database.reading() as session:
        assert len(session.exec(select(ComplaintEvent)).all()) == 1
        assert len(session.exec(select(SurveyResponse)).all()) == 1


def read_then_write(database: Database, response_id: int, now: datetime, *, linked: bool) -> list[BaseException]:
    """What a naive build does: look first, write later, in two steps."""
    seen = threading.Barrier(4)

    def tap() -> None:
        with database.reading() as session:
            known = session.exec(select(Complaint)).first()
        seen.wait(timeout=30)
        if known is None:
            with database.writing() as session:
                session.add(
                    Complaint(
                        receipt_no=new_submission_id()[:20],
                        text="…",
                        response_id=response_id if linked else None,
                        opened_at=now,
                        due_at=now,
                    )
                )

    return together(4, tap)


def test_without_the_unique_link_the_race_opens_several_complaints(database: Database, now: datetime) -> None:
    """The negative control: the harm is real."""
    run = new_submission_id()
    fill(database, run, now, rating=1)
    assert read_then_write(database, response_of(database, run).id or 0, now, linked=False) == []
    assert len(complaints(database)) == 4


def test_the_database_itself_refuses_a_second_complaint_of_one_response(database: Database, now: datetime) -> None:
    run = new_submission_id()
    fill(database, run, now, rating=1)
    failed = read_then_write(database, response_of(database, run).id or 0, now, linked=True)
    assert [type(trouble) for trouble in failed] == [IntegrityError] * 3
    assert len(complaints(database)) == 1


# ── The owner's side ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def draft(database: Database) -> int:
    with database.writing() as session:
        return put_survey(session, Survey(slug="spring-2027", title="春季"))[0]


def test_questions_are_written_changed_and_numbered_on_publishing(
    database: Database, draft: int, now: datetime
) -> None:
    with database.writing() as session:
        first = save_question(session, draft, Question("words", QuestionKind.TEXT, text="说说"), position=7)
        save_question(session, draft, Question("service", QuestionKind.RATING, text="服务"))
        save_question(session, draft, Question("words", QuestionKind.TEXT, text="说说看"), question_id=first.id)
        publish_survey(session, draft, now=now)
    with database.reading() as session:
        rows = question_rows(session, version_of(session, draft))
    assert [(row.position, row.key, row.text) for row in rows] == [(1, "words", "说说看"), (2, "service", "服务")]


def test_a_survey_without_questions_is_not_published(database: Database, draft: int, now: datetime) -> None:
    with pytest.raises(SurveyEmpty), database.writing() as session:
        publish_survey(session, draft, now=now)


def test_published_or_closed_questions_are_frozen(database: Database, draft: int, now: datetime) -> None:
    asked = Question("words", QuestionKind.TEXT, text="说说")
    with database.writing() as session:
        save_question(session, draft, asked)
        publish_survey(session, draft, now=now)
    for change in (lambda session: None, lambda session: close_survey(session, draft)):
        with database.writing() as session:
            change(session)
        with pytest.raises(SurveyFrozen), database.writing() as session:
            save_question(session, draft, asked)


def test_a_closed_survey_can_be_opened_again(database: Database, draft: int, now: datetime) -> None:
    with database.writing() as session:
        save_question(session, draft, Question("words", QuestionKind.TEXT, text="说说"))
        publish_survey(session, draft, now=now)
        close_survey(session, draft)
        assert publish_survey(session, draft, now=now).status is SurveyStatus.PUBLISHED


def test_a_question_that_cannot_be_asked_is_refused(database: Database, draft: int) -> None:
    with pytest.raises(KeyUnusable), database.writing() as session:
        save_question(session, draft, Question("1 bad", QuestionKind.TEXT, text="说说"))
    with pytest.raises(NotFound), database.writing() as session:
        save_question(session, draft, Question("ok", QuestionKind.TEXT), question_id=1)
    with pytest.raises(NotFound), database.writing() as session:
        save_question(session, 99_999, Question("ok", QuestionKind.TEXT))


def test_ids_of_runs_are_random_and_long_enough() -> None:
    ids = {new_submission_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(run) for run in ids} == {22}
