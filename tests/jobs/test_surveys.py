"""Rounds of surveys by the clock: late or twice, nobody is asked twice and nobody is left out."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.actions.consents import ConsentDetails, grant_consent
from app.actions.survey_invitations import send_invitations
from app.actions.survey_templates import survey_from_template
from app.actions.survey_versions import close_survey, publish_survey
from app.actions.survey_waves import WaveDetails, invite_portion, open_wave, plan_wave
from app.db import Database
from app.jobs.kinds import KINDS
from app.jobs.schedule import SCHEDULE
from app.models import Customer, JobRun, OutboundMessage, SurveyInvitation, SurveyWave
from app.rules.policy import Policy
from app.vocabulary import Channel, JobKind, Purpose, SurveyOccasion, WaveAudience, WaveState
from tests.actions.points_shop import new_customer
from tests.jobs.conftest import Clock, MakeRunner

ZONE = ZoneInfo("Asia/Shanghai")
BEGIN = datetime(2026, 12, 1, 10, tzinfo=ZONE)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DUE = [named for named in SCHEDULE if named.kind == JobKind.SURVEY_WAVES]


def put_members(session: Session, number: int = 3) -> None:
    """So many members; all but the first agreed to be written to."""
    for nth in range(number):
        her = new_customer(session, f"顾客{nth}")
        session.get(Customer, her).phone_last4 = f"{nth:04d}"
        if nth:
            wish = ConsentDetails(her, Purpose.SERVICE_CARE, Channel.SMS)
            grant_consent(session, wish, policy=Policy(), now=BEGIN - 90 * DAY)


@pytest.fixture
def wave(database: Database) -> int:
    """A round for three members, planned: two weeks from the first of December, and again every three months."""
    with database.writing() as session:
        put_members(session)
        survey = survey_from_template(session, SurveyOccasion.QUARTERLY, "quarter", now=BEGIN - DAY)
        publish_survey(session, survey.id or 0, now=BEGIN - DAY)
        plan = WaveDetails(
            survey.id or 0, "冬季", BEGIN, BEGIN + 14 * DAY, audience=WaveAudience.MEMBERS, repeat_months=3
        )
        return plan_wave(session, plan, now=BEGIN - DAY).id or 0


@pytest.fixture
def sweep(runner: MakeRunner, clock: Clock):
    """The worker looks at a moment: how many jobs it did."""

    def work(at: datetime) -> int:
        clock.now = at
        tally = runner(KINDS, schedule=DUE).sweep()
        assert tally.reasons == ()
        return tally.done

    return work


def states(database: Database) -> list[WaveState]:
    with database.reading() as session:
        return list(session.exec(select(SurveyWave.state).order_by(SurveyWave.id)))


def asked(database: Database) -> tuple[int, int]:
    """How many links were made, and how many messages written."""
    with database.reading() as session:
        return len(session.exec(select(SurveyInvitation)).all()), len(session.exec(select(OutboundMessage)).all())


def test_a_round_opens_in_its_time_and_asks_everybody_once(database: Database, wave: int, sweep, settings) -> None:
    assert sweep(BEGIN - timedelta(seconds=1)) == 0
    assert sweep(BEGIN) == 1
    assert states(database) == [WaveState.OPEN]
    assert asked(database) == (3, 2)  # one did not agree: her link waits to be handed over
    assert [sweep(BEGIN + nth * HOUR) for nth in range(1, 6)] == [0] * 5  # nothing to do leaves no line
    with database.reading() as session:
        run = session.exec(select(JobRun)).one()
        told = "".join(session.exec(select(OutboundMessage.body)))
        assert session.exec(select(SurveyWave)).one().invited_at is not None
    assert all(figure in run.outcome for figure in ('"opened": 1', '"invited": 3', '"written": 2', '"resting": 0'))
    assert told.count(f"{settings.base_url}/s/t/") == 2


def test_by_hand_twice_says_that_there_was_nothing(database: Database, wave: int, runner: MakeRunner, clock) -> None:
    clock.now = BEGIN + HOUR
    said = "{0} 期开始，0 期结束；发了 {1} 份邀请，写好 {2} 条消息，0 位最近刚问过"
    assert runner(KINDS).run_by_hand(JobKind.SURVEY_WAVES) == said.format(1, 3, 2)
    assert runner(KINDS).run_by_hand(JobKind.SURVEY_WAVES) == said.format(0, 0, 0)
    assert asked(database) == (3, 2)


def test_a_machine_that_was_off_opens_late_and_one_off_too_long_opens_nothing(
    database: Database, wave: int, sweep
) -> None:
    assert sweep(BEGIN + 13 * DAY) == 1
    assert asked(database) == (3, 2)
    assert sweep(BEGIN + 20 * DAY) == 1
    assert states(database) == [WaveState.CLOSED, WaveState.PLANNED]
    assert sweep(BEGIN + 400 * DAY) == 0  # the next one's time is over, too: nobody is asked for the past


def test_small_portions_reach_everybody(database: Database, wave: int, sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.surveys.CUSTOMERS_AT_ONCE", 1)
    assert sweep(BEGIN) == 1
    assert asked(database) == (3, 2)


def test_one_killed_after_a_portion_goes_on_and_writes_to_nobody_twice(database: Database, wave: int, sweep) -> None:
    with database.writing() as session:
        open_wave(session, wave)
        portion = invite_portion(session, wave, after_id=0, most=2, policy=Policy(), now=BEGIN)
        send_invitations(session, portion.invited, base_url="http://x", policy=Policy(), now=BEGIN, zone=ZONE)
    assert asked(database) == (2, 1)
    assert sweep(BEGIN + HOUR) == 1
    assert asked(database) == (3, 2)


def test_a_survey_that_was_closed_meanwhile_asks_nobody_and_stops_no_work(database: Database, wave: int, sweep) -> None:
    with database.writing() as session:
        row = open_wave(session, wave)
        close_survey(session, row.survey_id)
    assert sweep(BEGIN + HOUR) == 0
    assert asked(database) == (0, 0)


def test_a_later_round_opened_by_hand_lets_the_earlier_one_wait(database: Database, wave: int, sweep) -> None:
    with database.writing() as session:
        survey_id = session.get(SurveyWave, wave).survey_id
        later = WaveDetails(survey_id, "加问", BEGIN + 15 * DAY, BEGIN + 20 * DAY)
        open_wave(session, plan_wave(session, later, now=BEGIN - DAY).id or 0)
    assert sweep(BEGIN) == 0
    assert states(database) == [WaveState.PLANNED, WaveState.OPEN]
    # Without the look at the other round the whole hour's work would break on the database's own guard.
    with pytest.raises(IntegrityError), database.writing() as session:
        open_wave(session, wave)
