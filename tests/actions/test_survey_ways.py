"""Ways to answer a survey and what follows: versions, logic, personal links, places, rounds, low scores."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from app.actions.customers import create_customer
from app.actions.low_feedback import handle_low
from app.actions.submissions import Submission, Taken, take_submissions
from app.actions.survey_gifts import use_gift
from app.actions.survey_invitations import invite, revoke_invitation, send_invitations
from app.actions.survey_origins import Origin
from app.actions.survey_places import PlaceDetails, create_place
from app.actions.survey_replies import record_response
from app.actions.survey_sheets import AddressTaken
from app.actions.survey_templates import survey_from_template
from app.actions.survey_versions import draft_version, publish_survey, save_question, save_rule
from app.actions.survey_waves import WaveDetails, invite_portion, open_wave, plan_wave, turn_waves
from app.actions.surveys import finish_response, save_answer
from app.db import Database
from app.models import (
    LowFeedback,
    OutboundMessage,
    Staff,
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyQuestion,
    SurveyResponse,
    SurveyVersion,
    SurveyWave,
    Visit,
)
from app.queries.survey_links import link_of
from app.rules.customers import CustomerDetails
from app.rules.low_feedback import LowHandled
from app.rules.policy import Policy
from app.rules.questions import AnswerUnknown, Question, TextTooLong
from app.rules.survey_cooldown import AskedRecently
from app.rules.survey_gifts import GiftUsed
from app.rules.survey_logic import Condition, LogicBackwards
from app.rules.surveys import InviteAnonymous, LinkExpired, LinkRevoked, LinkUnknown
from app.vocabulary import (
    AnswerTest,
    LogicDeed,
    QuestionKind,
    ResponseState,
    ResponseWay,
    Role,
    SurveyMode,
    SurveyOccasion,
    VersionState,
    WaveAudience,
    WaveState,
)
from tests.actions.test_surveys import together

POLICY = Policy()
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=ZONE)
DAY = timedelta(days=1)
RUN = "run-" + "x" * 20
GOOD = {"effect": ["5"], "skill": ["5"], "attitude": ["4"], "environment": ["4"], "recommend": ["9"]}
POOR = {"effect": ["2"], "skill": ["1"], "attitude": ["2"], "environment": ["3"], "recommend": ["3"]}


@pytest.fixture
def asked(database: Database) -> int:
    """The survey after a visit, published: a low skill or attitude asks why."""
    with database.writing() as session:
        survey = survey_from_template(session, SurveyOccasion.AFTER_VISIT, "after", now=NOW)
        survey.gift = "下次到店送手膜一片"
        return publish_survey(session, survey.id or 0, now=NOW).id or 0


@pytest.fixture
def her(database: Database) -> int:
    """A customer the shop may write to by no way yet."""
    with database.writing() as session:
        details = CustomerDetails(name="陈小姐", phone="13812345678")
        return create_customer(session, details, policy=POLICY, now=NOW).id or 0


def send(database: Database, key: str, *typed: str, run: str = RUN, slug: str = "after", **more: object) -> Taken:
    form = Submission(slug, run, key, typed, False, "", "", "10.0.0.1", more.pop("now", NOW), **more)
    with database.writing() as session:
        return take_submissions(session, [form], policy=POLICY)[0]


def send_all(database: Database, answers: dict[str, list[str]], **more: object) -> Taken:
    for key, typed in answers.items():
        taken = send(database, key, *typed, **more)
        assert taken.refusal is None
    return send(database, "words", "", **more)


def response(database: Database, run: str = RUN) -> SurveyResponse:
    with database.reading() as session:
        return session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == run)).one()


def kept(database: Database) -> dict[str, tuple[str, bool]]:
    with database.reading() as session:
        rows = session.exec(select(SurveyAnswer).order_by(SurveyAnswer.id)).all()
        return {f"{row.question_key}{row.statement or ''}": (row.value, row.is_hidden) for row in rows}


# ── Logic and versions ───────────────────────────────────────────────────────────────────────────────────────────────


def test_going_back_hides_an_answer_and_the_end_drops_it(database: Database, asked: int) -> None:
    for key, typed in POOR.items():
        send(database, key, *typed)
    assert send(database, "why", "等太久").refusal is None
    assert kept(database)["why"] == ("等太久", False)
    send(database, "attitude", "4")
    send(database, "skill", "4")
    assert kept(database)["why"] == ("等太久", True)
    send(database, "attitude", "1")
    assert kept(database)["why"] == ("等太久", False)  # back again: nothing was lost
    send(database, "attitude", "4")
    assert send(database, "words", "都好").run.is_finished
    assert "why" not in kept(database)


def test_a_question_logic_hides_is_neither_asked_nor_missed(database: Database, asked: int) -> None:
    last = send_all(database, GOOD)
    assert last.run.is_finished
    assert (response(database).score, response(database).nps) == (89, 9)  # (3 × 100 + 3 × 87.5 + 2 × 75) ÷ 8


def test_an_answer_to_a_hidden_question_is_kept_and_does_not_count(database: Database, asked: int) -> None:
    send(database, "skill", "5")
    assert send(database, "why", "多写一句").refusal is None
    assert kept(database)["why"] == ("多写一句", True)


def test_who_began_ends_with_the_version_she_began_with(database: Database, asked: int) -> None:
    send(database, "effect", "5")
    with database.writing() as session:
        draft_version(session, asked, now=NOW)
        save_question(session, asked, Question("extra", QuestionKind.RATING, "新题"))
        publish_survey(session, asked, now=NOW)
    assert send_all(database, GOOD).run.is_finished
    other = "run-" + "y" * 20
    assert not send_all(database, GOOD, run=other).run.is_finished
    assert send(database, "extra", "3", run=other).run.is_finished
    assert response(database).version_id != response(database, other).version_id


def test_a_new_version_is_a_copy_and_leaves_the_old_one_alone(database: Database, asked: int) -> None:
    def asks(session: object, number: int) -> list[tuple[str, str]]:
        of = select(SurveyQuestion).join(SurveyVersion, SurveyVersion.id == SurveyQuestion.version_id)
        rows = session.exec(of.where(SurveyVersion.survey_id == asked, SurveyVersion.number == number))
        return sorted((row.key, row.text) for row in rows)

    with database.writing() as session:
        before = asks(session, 1)
        draft = draft_version(session, asked, now=NOW)
        assert draft_version(session, asked, now=NOW).id == draft.id
        row = session.exec(select(SurveyQuestion).where(SurveyQuestion.version_id == draft.id)).first()
        save_question(session, asked, Question(row.key, row.kind, "换个说法"), question_id=row.id)
        publish_survey(session, asked, now=NOW)
    with database.reading() as session:
        assert asks(session, 1) == before != asks(session, 2)
        states = session.exec(select(SurveyVersion.state).where(SurveyVersion.survey_id == asked)).all()
    assert sorted(states) == [VersionState.PUBLISHED, VersionState.RETIRED]


def test_a_rule_that_points_backwards_is_not_published(database: Database, asked: int) -> None:
    with database.writing() as session:
        draft_version(session, asked, now=NOW)
        backwards = [Condition("recommend", AnswerTest.AT_MOST, 6)]
        save_rule(session, asked, backwards, deed=LogicDeed.SKIP, target="effect")
    with pytest.raises(LogicBackwards), database.writing() as session:
        publish_survey(session, asked, now=NOW)


# ── What phones send ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_matrix_is_one_row_for_each_statement_and_may_be_sent_again(database: Database) -> None:
    with database.writing() as session:
        survey = survey_from_template(session, SurveyOccasion.EVENT, "event", now=NOW)
        publish_survey(session, survey.id or 0, now=NOW)
    for typed in (("1:4", "2:5", "3:1"), ("1:3", "3:1"), ("1:3", "3:1")):
        assert send(database, "parts", *typed, slug="event").refusal is None
    assert kept(database) == {"parts1": ("3", False), "parts3": ("1", False)}


@pytest.mark.parametrize(
    ("key", "typed", "refusal"),
    [("effect", "6", AnswerUnknown), ("effect", "0", AnswerUnknown), ("words", "字" * 100_000, TextTooLong)],
)
def test_what_cannot_be_kept_is_refused_and_nothing_else_is_lost(
    database: Database, asked: int, key: str, typed: str, refusal: type[Exception]
) -> None:
    send(database, "skill", "5")
    assert isinstance(send(database, key, typed).refusal, refusal)
    assert kept(database) == {"skill": ("5", False)}


def test_many_answers_from_one_device_are_marked(database: Database, asked: int) -> None:
    policy = replace(POLICY, device_alarm_from=3)
    for number in range(4):
        run = f"run-{number:020d}"
        with database.writing() as session:
            for key, typed in GOOD.items():
                save_answer(session, asked, run, key, typed, now=NOW)
            finish_response(session, asked, run, policy=policy, now=NOW, device="one tablet")
    with database.reading() as session:
        marks = session.exec(select(SurveyResponse.is_suspect).order_by(SurveyResponse.id)).all()
    assert marks == [False, False, True, True]


def test_a_place_says_where_answers_come_from(database: Database, asked: int) -> None:
    with database.writing() as session:
        details = PlaceDetails(asked, "after-table-1", "一号台", ResponseWay.KIOSK, store_id=1)
        place = create_place(session, details, now=NOW).id
        with pytest.raises(AddressTaken):
            create_place(session, replace(details, slug="after"), now=NOW)
    send(database, "effect", "5", slug="after-table-1")
    row = response(database)
    assert (row.place_id, row.way, row.store_id, row.survey_id) == (place, ResponseWay.KIOSK, 1, asked)


# ── Personal links ───────────────────────────────────────────────────────────────────────────────────────────────────


def invited(database: Database, survey_id: int, customer_id: int, **more: object) -> tuple[SurveyInvitation, str]:
    with database.writing() as session:
        one = invite(session, survey_id, customer_id, policy=POLICY, now=NOW, **more)
        return one.invitation, one.token


def test_a_link_goes_on_on_another_phone_and_is_hers_by_name(database: Database, asked: int, her: int) -> None:
    invitation, token = invited(database, asked, her)
    assert invited(database, asked, her) == (invitation, token)  # she has it already
    with database.reading() as session:
        link = link_of(session, token)
    assert (link.submission_id, link.slug, link.name) == (invitation.submission_id, "after", "陈小姐")
    run = link.submission_id
    send(database, "effect", "5", run=run)
    send(database, "skill", "4", run=run)
    row = response(database, run)
    assert (row.customer_id, row.invitation_id, row.way, row.mode) == (
        her, invitation.id, ResponseWay.LINK, SurveyMode.IDENTIFIED,
    )  # fmt: skip


def test_two_phones_finishing_one_link_are_one_response(database: Database, asked: int, her: int) -> None:
    run = invited(database, asked, her)[0].submission_id
    for key, typed in GOOD.items():
        send(database, key, *typed, run=run)
    done = []

    def tap() -> None:
        with database.writing() as session:
            done.append(finish_response(session, asked, run, policy=POLICY, now=NOW).is_repeat)

    assert together(4, tap) == []
    assert sorted(done) == [False, True, True, True]
    assert response(database, run).state is ResponseState.FINISHED
    assert send(database, "skill", "1", run=run).run.is_finished
    assert kept(database)["skill"] == ("5", False)


def looked_then_begun(database: Database, asked: int, invitation_id: int, *, linked: bool) -> list[BaseException]:
    """Four phones that each saw no run of this link, and begin one of their own."""
    with database.reading() as session:
        version = session.exec(select(SurveyVersion.id).where(SurveyVersion.survey_id == asked)).first()

    def begin() -> None:
        with database.writing() as session:
            number = len(session.exec(select(SurveyResponse.id)).all())
            session.add(
                SurveyResponse(
                    survey_id=asked, version_id=version, submission_id=f"own-{number:020d}", started_at=NOW,
                    invitation_id=invitation_id if linked else None, state=ResponseState.FINISHED,
                )
            )  # fmt: skip

    return [trouble for _ in range(4) for trouble in together(1, begin)]


def test_the_database_refuses_a_second_response_of_one_link(database: Database, asked: int, her: int) -> None:
    number = invited(database, asked, her)[0].id or 0
    failed = looked_then_begun(database, asked, number, linked=True)
    assert [type(trouble) for trouble in failed] == [IntegrityError] * 3


def test_without_that_constraint_there_are_several(database: Database, asked: int, her: int) -> None:
    """The negative control: the harm is real."""
    number = invited(database, asked, her)[0].id or 0
    assert looked_then_begun(database, asked, number, linked=False) == []
    with database.reading() as session:
        assert len(session.exec(select(SurveyResponse.id)).all()) == 4


def test_a_link_ends_on_its_day_or_when_it_is_taken_back(database: Database, asked: int, her: int) -> None:
    invitation, token = invited(database, asked, her)
    run = invitation.submission_id
    last = invitation.expires_at - timedelta(seconds=1)
    assert send(database, "effect", "5", run=run, now=last.astimezone(ZONE)).refusal is None
    over = send(database, "effect", "4", run=run, now=invitation.expires_at.astimezone(ZONE))
    assert isinstance(over.refusal, LinkExpired)
    with database.writing() as session:
        revoke_invitation(session, invitation.id or 0, now=NOW)
    assert isinstance(send(database, "effect", "4", run=run).refusal, LinkRevoked)
    with database.reading() as session:
        assert link_of(session, token).is_revoked
        with pytest.raises(LinkUnknown):
            link_of(session, token + "x")


def test_she_is_left_alone_for_a_week_whichever_survey_it_was(database: Database, asked: int, her: int) -> None:
    invited(database, asked, her)
    with database.reading() as session:
        other = session.exec(select(Survey.id).where(Survey.slug == "satisfaction")).one()
    for wait, refusal in ((7 * DAY - timedelta(seconds=1), True), (7 * DAY, False)):
        with database.writing() as session:
            if refusal:
                with pytest.raises(AskedRecently):
                    invite(session, other, her, policy=POLICY, now=NOW + wait)
            else:
                assert not invite(session, other, her, policy=POLICY, now=NOW + wait).is_repeat


# ── Nobody's answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_anonymous_answer_keeps_its_day_and_nobodys_name(database: Database, asked: int, her: int) -> None:
    with database.writing() as session:
        session.get(Survey, asked).mode = SurveyMode.ANONYMOUS
        with pytest.raises(InviteAnonymous):
            invite(session, asked, her, policy=POLICY, now=NOW)
    with database.writing() as session:
        record_response(session, asked, RUN, POOR, origin=Origin(customer_id=her, visit_id=1), policy=POLICY, now=NOW)
        low = session.exec(select(LowFeedback)).one()
        assert (low.customer_id, low.opened_at.astimezone(ZONE).hour, low.due_at - low.opened_at) == (None, 0, DAY)
    row = response(database)
    midnight = NOW.replace(hour=0, minute=0)
    assert (row.customer_id, row.visit_id, row.gift_code) == (None, None, None)
    assert (row.started_at, row.finished_at) == (midnight, midnight)


def test_the_database_lets_no_anonymous_answer_get_a_name(database: Database, asked: int, her: int) -> None:
    with database.writing() as session:
        session.get(Survey, asked).mode = SurveyMode.ANONYMOUS
    send(database, "effect", "5")
    with database.writing() as session:
        session.get(Survey, asked).mode = SurveyMode.OPEN  # whatever becomes of the survey
    with pytest.raises(IntegrityError), database.writing() as session:
        session.exec(select(SurveyResponse)).one().customer_id = her


# ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_low_score_by_name_is_a_task_a_complaint_and_over_with_a_better_one(
    database: Database, asked: int, her: int
) -> None:
    run = invited(database, asked, her)[0].submission_id
    send_all(database, POOR, run=run)
    with database.writing() as session:
        low = session.exec(select(LowFeedback)).one()
        assert (low.customer_id, low.due_at - low.opened_at, low.improved_at) == (her, timedelta(hours=1), None)
        handle_low(session, low.id or 0, "打电话道歉", now=NOW)
        with pytest.raises(LowHandled):
            handle_low(session, low.id or 0, "又打一次", now=NOW)
    later = NOW + 8 * DAY
    with database.writing() as session:
        better = invite(session, asked, her, policy=POLICY, now=later).invitation.submission_id
    send_all(database, GOOD, run=better, now=later)
    with database.reading() as session:
        low = session.exec(select(LowFeedback)).one()
        assert (low.improved_at, low.improved_response_id) == (later, response(database, better).id)


def test_an_interview_names_who_asked_and_is_kept_once(database: Database, asked: int, her: int) -> None:
    with database.writing() as session:
        staff = Staff(name="小李", login="li", password_hash="!", role=Role.RECEPTION, created_at=NOW)
        visit = Visit(customer_id=her, visited_at=NOW)
        session.add_all([staff, visit])
        session.flush()
        origin = Origin(ResponseWay.INTERVIEW, customer_id=her, interviewer_id=staff.id, visit_id=visit.id)
        first = record_response(session, asked, RUN, GOOD, origin=origin, policy=POLICY, now=NOW)
        again = record_response(session, asked, RUN, POOR, origin=origin, policy=POLICY, now=NOW)
        assert (first.is_repeat, again.is_repeat, again.response.score) == (False, True, first.response.score)
        assert again.response.interviewer_id == staff.id
        assert visit.effect_score == 5  # what she said of its effect stands with the visit


def test_an_interview_without_its_interviewer_is_refused_by_the_database(database: Database, asked: int) -> None:
    origin = Origin(ResponseWay.INTERVIEW)
    with pytest.raises(IntegrityError), database.writing() as session:
        record_response(session, asked, RUN, GOOD, origin=origin, policy=POLICY, now=NOW)


def test_a_gift_is_handed_over_once(database: Database, asked: int) -> None:
    send_all(database, GOOD)
    code = response(database).gift_code or ""
    assert (len(code), response(database).gift_until_on) == (8, date(2026, 12, 24))
    with database.writing() as session:
        use_gift(session, f" {code[:4].lower()}-{code[4:]} ", now=NOW)
        with pytest.raises(GiftUsed):
            use_gift(session, code, now=NOW)


# ── Rounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_opens_a_round_closes_it_and_plans_the_next(database: Database, asked: int) -> None:
    with database.writing() as session:
        plan_wave(session, WaveDetails(asked, "第一期", NOW, NOW + DAY, repeat_months=3), now=NOW)
        assert len(turn_waves(session, now=NOW).opened) == 1
        assert turn_waves(session, now=NOW).opened == ()
    send(database, "effect", "5")
    with database.writing() as session:
        turned = turn_waves(session, now=NOW + DAY)
        assert (len(turned.closed), len(turned.planned)) == (1, 1)
        waves = session.exec(select(SurveyWave).order_by(SurveyWave.id)).all()
        assert [(wave.state, wave.opens_at) for wave in waves] == [
            (WaveState.CLOSED, NOW),
            (WaveState.PLANNED, datetime(2027, 2, 24, 18, 30, tzinfo=ZONE)),
        ]
        first = waves[0].id
    send(database, "effect", "5", run="run-" + "z" * 20)
    assert (response(database).wave_id, response(database, "run-" + "z" * 20).wave_id) == (first, None)


def test_a_round_of_members_invites_each_once_and_leaves_the_tired_alone(
    database: Database, asked: int, her: int
) -> None:
    with database.writing() as session:
        tired = create_customer(session, CustomerDetails(name="王女士"), policy=POLICY, now=NOW).id or 0
        other = session.exec(select(Survey.id).where(Survey.slug == "satisfaction")).one()
        invite(session, other, tired, policy=POLICY, now=NOW)
        details = WaveDetails(asked, "会员", NOW, NOW + 3 * DAY, WaveAudience.MEMBERS)
        wave = open_wave(session, plan_wave(session, details, now=NOW).id or 0).id or 0
        portion = invite_portion(session, wave, after_id=0, most=10, policy=POLICY, now=NOW)
        assert ([one.invitation.customer_id for one in portion.invited], portion.resting) == ([her], 1)
        assert portion.invited[0].invitation.expires_at == NOW + 3 * DAY  # never longer than the round
        again = invite_portion(session, wave, after_id=0, most=10, policy=POLICY, now=NOW)
        assert [one.is_repeat for one in again.invited] == [True]
        sent = send_invitations(session, portion.invited, base_url="https://x.test/", policy=POLICY, now=NOW, zone=ZONE)
        assert sent == 0  # she agreed to no messages
        assert session.exec(select(OutboundMessage)).all() == []
        assert portion.invited[0].invitation.delivered_at is None
    run = portion.invited[0].invitation.submission_id
    send(database, "effect", "5", run=run)
    send(database, "effect", "5")
    assert (response(database, run).wave_id, response(database).wave_id) == (wave, None)
