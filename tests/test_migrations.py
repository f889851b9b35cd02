"""Migrations: up, down and up again; the tables at head are those of the models."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel, select

from app.db import Database, is_migrated, migrate
from app.models import SurveyResponse, Tier
from app.queries.survey_runs import stored_answers
from app.queries.surveys import survey_sheet
from app.rules.questions import Answer
from app.settings import Settings
from app.vocabulary import SurveyMode, VersionState


def differences(database: Database) -> list[object]:
    """What autogenerate would still have to do."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, SQLModel.metadata)


def test_the_models_equal_the_newest_migration(database: Database) -> None:
    assert differences(database) == []


def test_migrations_go_down_to_nothing_and_up_again(database: Database, settings: Settings) -> None:
    migrate(database, settings, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    assert not is_migrated(database)
    migrate(database, settings)
    assert is_migrated(database)
    assert differences(database) == []


def test_migrating_twice_changes_nothing(database: Database, settings: Settings) -> None:
    with database.reading() as session:
        before = session.exec(select(Tier.name)).all()
    migrate(database, settings)
    with database.reading() as session:
        assert session.exec(select(Tier.name)).all() == before


def test_surveys_of_before_get_a_first_version_and_keep_their_answers(database: Database, settings: Settings) -> None:
    """Down to where there were no versions, answered there as it was then, and up again."""
    run = {"s": "asked-before-000000"}
    migrate(database, settings, "20261129")
    with database.engine.begin() as connection:
        survey = connection.execute(text("SELECT id FROM surveys WHERE slug = 'satisfaction'")).scalar_one()
        begin = """INSERT INTO survey_responses (survey_id, submission_id, state, is_low, contact_name, contact_masked,
            started_at) VALUES (:survey, :s, 'partial', :no, '', '', '2026-11-20 10:00:00')"""
        connection.execute(text(begin), run | {"survey": survey, "no": False})
        keep = """INSERT INTO survey_answers (response_id, question_id, question_key, value, number)
            SELECT survey_responses.id, survey_questions.id, survey_questions.key, '4', 4
            FROM survey_responses, survey_questions WHERE survey_questions.key = 'product'"""
        connection.execute(text(keep))
        connection.execute(text("UPDATE surveys SET mode = 'anonymous'"))
    migrate(database, settings)
    with database.writing() as session:
        response = session.exec(select(SurveyResponse)).one()
        assert (response.version.number, response.version.state) == (1, VersionState.PUBLISHED)
        assert (response.mode, response.submission_id) == (SurveyMode.ANONYMOUS, run["s"])
        sheet = survey_sheet(session, "satisfaction")
        assert (sheet.version_id, len(sheet.questions)) == (response.version_id, 8)
        assert stored_answers(session, response.id or 0) == {"product": Answer("4", 4)}
