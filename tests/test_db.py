"""The database: encrypted, one writer at a time, all or nothing."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import Session, select

from app.db import Database, open_database
from app.keys import KeyTrouble
from app.models import Counter, Tag
from app.settings import Settings
from tests.conftest import isolated


def test_the_file_on_disk_is_unreadable_without_the_key(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    with database.writing() as session:
        session.add(Tag(name="canary-词"))
    for path in sqlite_settings.data_dir.glob("rouge.db*"):
        assert b"canary" not in path.read_bytes()
    assert sqlite_settings.sqlite_path.read_bytes()[:15] != b"SQLite format 3"


def test_a_wrong_key_is_named_and_changes_nothing(sqlite_settings: Settings, tmp_path: Path) -> None:
    before = sqlite_settings.sqlite_path.read_bytes()
    other = tmp_path / "other.key"
    other.write_text("rouge-master-key-1:" + "11" * 32)
    with pytest.raises(KeyTrouble, match="wrong_key"):
        open_database(isolated(sqlite_settings.data_dir, key_file=other))
    assert sqlite_settings.sqlite_path.read_bytes() == before


def test_a_lost_key_beside_existing_data_is_never_replaced_by_a_new_one(sqlite_settings: Settings) -> None:
    sqlite_settings.key_path.unlink()
    with pytest.raises(KeyTrouble, match="key_file_missing"):
        open_database(sqlite_settings, create=True)
    assert not sqlite_settings.key_path.exists()


def _fail_halfway(database: Database) -> None:
    with database.writing() as session:
        session.add(Tag(name="half"))
        session.flush()
        _ = 1 / 0


def test_a_unit_of_work_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _fail_halfway(database)
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "half")).first() is None


def test_a_reading_session_cannot_write(database: Database) -> None:
    with database.reading() as session:
        session.add(Tag(name="sneaked in"))
        with pytest.raises(DatabaseError):
            session.flush()


def test_a_unit_of_work_inside_another_is_refused_instead_of_waiting_for_itself(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    with database.writing(), pytest.raises(RuntimeError), database.writing():
        pass
    with database.writing() as session:
        session.add(Tag(name="afterwards"))


def _count_up(session: Session) -> None:
    """Read, think, write: the shape of every race."""
    counter = session.exec(select(Counter).where(Counter.name == "race").with_for_update()).one()
    time.sleep(0.005)
    counter.value += 1
    session.add(counter)


def _race(work, threads: int = 8, times: int = 5) -> list[Exception]:
    trouble: list[Exception] = []

    def run() -> None:
        for _ in range(times):
            try:
                work()
            except (OperationalError, DatabaseError) as error:
                trouble.append(error)

    runners = [threading.Thread(target=run) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    return trouble


@pytest.fixture
def counter(database: Database) -> Database:
    """A counter at zero that everybody wants to raise."""
    with database.writing() as session:
        session.add(Counter(name="race", value=0))
    return database


def _value(database: Database) -> int:
    with database.reading() as session:
        return session.exec(select(Counter.value).where(Counter.name == "race")).one()


def test_forty_read_then_write_changes_at_once_lose_none(counter: Database) -> None:
    def work() -> None:
        with counter.writing() as session:
            _count_up(session)

    assert _race(work) == []
    assert _value(counter) == 40


def test_without_the_guard_changes_are_lost(counter: Database) -> None:
    """The negative control: the same race with a plain read, then a write of what was read."""

    def work() -> None:
        with counter.reading() as session:
            seen = session.exec(select(Counter.value).where(Counter.name == "race")).one()
        time.sleep(0.005)
        with counter.writing() as session:
            row = session.exec(select(Counter).where(Counter.name == "race")).one()
            row.value = seen + 1
            session.add(row)

    _race(work)
    assert _value(counter) < 40


def test_what_is_committed_is_synced_to_the_disk_before_it_is_acknowledged(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
