"""A survey in figures."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from app.actions.surveys import finish_response, new_submission_id, publish_survey, save_answer, save_question
from app.db import Database
from app.models import Survey
from app.queries.survey_results import SurveyResults, results_of
from app.rules.policy import Policy
from app.rules.questions import Question
from app.rules.surveys import Grade
from app.vocabulary import QuestionKind as Kind

POLICY = Policy(sample_min=2)


@pytest.fixture
def survey_id(database: Database) -> int:
    with database.writing() as session:
        survey = Survey(slug="small", title="小")
        session.add(survey)
        session.flush()
        assert survey.id is not None
        for asked in (
            Question("skill", Kind.RATING, text="手法", dimension="服务"),
            Question("room", Kind.RATING, text="环境", dimension="环境", is_required=False),
            Question("recommend", Kind.NPS, text="推荐", is_required=False),
            Question("needs", Kind.CHOICES, text="想要", options=("补水", "祛痘"), is_required=False),
            Question("words", Kind.TEXT, text="说说", is_required=False),
        ):
            save_question(session, survey.id, asked)
        publish_survey(session, survey.id)
        return survey.id


def respond(database: Database, survey_id: int, now: datetime, *, finished: bool = True, **answers: object) -> None:
    run = new_submission_id()
    with database.writing() as session:
        for key, typed in answers.items():
            given = [str(one) for one in typed] if isinstance(typed, list) else [str(typed)]
            save_answer(session, survey_id, run, key, given, now=now)
        if finished:
            finish_response(session, survey_id, run, policy=POLICY, now=now)


def results(database: Database, survey_id: int, **within: datetime) -> SurveyResults:
    with database.reading() as session:
        return results_of(session, survey_id, POLICY, **within)


def test_nobody_answered_yet(database: Database, survey_id: int) -> None:
    found = results(database, survey_id)
    assert (found.n, found.mean_score, found.satisfied_percent, found.nps, found.is_enough) == (
        0,
        None,
        None,
        None,
        False,
    )
    assert found.questions == ()


def test_figures_count_what_was_answered_and_only_finished_runs(
    database: Database, survey_id: int, now: datetime
) -> None:
    respond(database, survey_id, now, skill=5, room=4, recommend=10, needs=[1, 2], words="好")
    respond(database, survey_id, now, skill=1, recommend=6, needs=[2])
    respond(database, survey_id, now, skill=1, finished=False)
    found = results(database, survey_id)
    assert (found.n, found.n_partial, found.n_low) == (2, 1, 1)
    # 87.5 kept as 88, and 0.
    assert (found.mean_score, found.grade) == (44, Grade.POOR)
    assert (found.satisfied, found.ratings, found.satisfied_percent) == (2, 3, 67)
    assert (found.nps, found.nps_n) == (0, 2)
    assert found.dimensions == {"服务": 50, "环境": 75}
    assert [(item.question.key, item.n, item.counts, item.mean_score) for item in found.questions] == [
        ("skill", 2, {1: 1, 5: 1}, 50),
        ("room", 1, {4: 1}, 75),
        ("recommend", 2, {6: 1, 10: 1}, None),
        ("needs", 2, {1: 1, 2: 2}, None),
    ]


@pytest.mark.parametrize(("n", "is_enough"), [(1, False), (2, True)])
def test_too_few_responses_have_no_grade(
    database: Database, survey_id: int, now: datetime, n: int, is_enough: bool
) -> None:
    for _ in range(n):
        respond(database, survey_id, now, skill=5)
    found = results(database, survey_id)
    assert (found.is_enough, found.grade) == (is_enough, Grade.EXCELLENT if is_enough else None)


def test_a_period_runs_from_its_start_until_just_before_its_end(
    database: Database, survey_id: int, now: datetime
) -> None:
    respond(database, survey_id, now, skill=5)
    later = now + timedelta(days=1)
    assert results(database, survey_id, since=now, until=later).n == 1
    assert results(database, survey_id, since=now + timedelta(seconds=1)).n == 0
    assert results(database, survey_id, until=now).n == 0


def test_another_surveys_answers_are_not_counted(database: Database, survey_id: int, now: datetime) -> None:
    respond(database, survey_id, now, skill=5)
    with database.reading() as session:
        other = session.exec(select(Survey.id).where(Survey.slug == "satisfaction")).one()
        assert results_of(session, other or 0, POLICY).n == 0
