"""A database that somebody else holds: whoever waits is told in words, and afterwards all goes on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlcipher3.dbapi2 import OperationalError
from sqlmodel import select
from starlette.testclient import TestClient

from app.db import Database, open_database
from app.models import SurveyAnswer, SurveyResponse
from app.settings import Settings

PAGE = "/s/satisfaction"


@contextmanager
def held(settings: Settings) -> Iterator[None]:
    """Another process has the whole database, or on PostgreSQL the table that is written to."""
    other = open_database(settings)
    connection = other.engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("BEGIN EXCLUSIVE" if other.is_sqlite else "LOCK TABLE survey_responses IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK")
        connection.close()
        other.engine.dispose()


def answer(client: TestClient, run: str) -> tuple[int, str]:
    sent = client.post(PAGE, data={"submission_id": run, "question": "product", "answer": "4"})
    return sent.status_code, sent.text


def kept(database: Database) -> dict[str, str]:
    with database.reading() as session:
        return dict(session.exec(select(SurveyResponse.submission_id, SurveyAnswer.value).join(SurveyAnswer)).all())


def test_who_comes_while_the_database_is_held_waits_and_is_kept(
    client: TestClient, database: Database, settings: Settings
) -> None:
    answers: list[tuple[int, str]] = []
    runs = [f"waits-{number:012d}" for number in range(4)]
    threads = [threading.Thread(target=lambda run=run: answers.append(answer(client, run))) for run in runs]
    with held(settings):
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert answers == []
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [303] * 4
    assert kept(database) == dict.fromkeys(runs, "4")


def test_who_waited_long_enough_is_told_that_nothing_was_kept_and_keeps_what_she_typed(
    app: FastAPI, client: TestClient, database: Database, settings: Settings
) -> None:
    app.state.submissions._patience = 0.3
    with held(settings):
        status, page = answer(client, "gives-up-000000000")
        assert status == 503
        assert "还没有保存" in page
        assert "gives-up-000000000" in page
        assert 'name="answer" value="4"' in page
    app.state.submissions._patience = 12
    assert answer(client, "gives-up-000000000")[0] == 303
    assert kept(database) == {"gives-up-000000000": "4"}


def test_control_who_does_not_wait_is_refused_at_once(sqlite_settings: Settings) -> None:
    """What every request would get if the driver did not wait for its turn."""
    impatient = open_database(sqlite_settings).engine.raw_connection()
    impatient.cursor().execute("PRAGMA busy_timeout=0")
    with held(sqlite_settings), pytest.raises(OperationalError, match="locked"):
        impatient.cursor().execute("BEGIN IMMEDIATE")
    impatient.close()
