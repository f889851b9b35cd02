"""Migrations: up, down and up again; the tables at head are those of the models."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel, select

from app.db import Database, is_migrated, migrate
from app.models import Tier
from app.settings import Settings


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
