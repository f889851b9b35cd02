"""What the operator's probes are told about the worker."""

from datetime import UTC, datetime, timedelta

import pytest

from app.actions.jobs import beat
from app.routes import health
from app.rules.jobs import LATE_AFTER


@pytest.fixture
def started_long_ago(monkeypatch):
    """Pages that have been open longer than a worker needs to start."""
    monkeypatch.setattr(health, "_STARTED", health._STARTED - LATE_AFTER.total_seconds() - 60)


def sweep(database, ago):
    """The worker looked that long ago."""
    with database.writing() as session:
        beat(session, now=datetime.now(UTC) - ago)


def test_a_worker_that_sweeps_is_in_order(client, database, started_long_ago):
    sweep(database, timedelta(seconds=7))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["jobs"] == "ok"
    assert 7 <= answer.json()["last_sweep_seconds"] < 60


def test_a_worker_that_stopped_is_not(client, database, started_long_ago):
    sweep(database, timedelta(hours=12))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["jobs"] == "late"
    assert answer.json()["database"] == answer.json()["migrations"] == "ok"


def test_nor_is_one_that_never_came(client, database, started_long_ago):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json()["jobs"], answer.json()["last_sweep_seconds"]) == ("never", None)


def test_right_after_the_start_yesterdays_sign_is_no_failure(client, database, monkeypatch):
    monkeypatch.setattr(health, "_STARTED", health.time.monotonic())
    assert client.get("/readyz").status_code == 200
    sweep(database, timedelta(hours=12))
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["jobs"] == "late"
