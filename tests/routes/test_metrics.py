"""The shop's numbers: for whom, which, and of all processes together."""

import os
import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.actions.jobs import beat, note_run, put_job
from app.db import Database, open_database
from app.gateways.backups import create_backup
from app.gateways.counting import FOLDER, counted_together
from app.main import create_app
from app.settings import Settings
from app.vocabulary import JobKind

TOKEN = "a-long-enough-token"


def numbers(client: TestClient) -> dict[str, float]:
    """Every line, by its name with labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@pytest.fixture
def here(app: FastAPI) -> TestClient:
    """A program on this very machine."""
    return TestClient(app, client=("127.0.0.1", 4711))


@pytest.fixture
def sqlite_here(sqlite_settings: Settings) -> TestClient:
    """The same, where the database makes no difference."""
    return TestClient(create_app(sqlite_settings, open_database(sqlite_settings)), client=("127.0.0.1", 4711))


def test_they_say_how_things_stand(here: TestClient, database: Database, settings: Settings) -> None:
    now = datetime.now(UTC)
    with database.writing() as session:
        beat(session, now=now - timedelta(seconds=30))
        put_job(session, "x", "x:1", {}, now=now, due_at=now)
    create_backup(database, settings, now=now - timedelta(hours=1))
    found = numbers(here)
    assert found["rouge_database_up"] == 1
    assert found["rouge_database_bytes"] > 100_000
    assert found["rouge_disk_free_bytes"] > 0
    assert 30 <= found["rouge_last_sweep_age_seconds"] < 90
    assert 3600 <= found["rouge_last_backup_age_seconds"] < 3700
    assert (found["rouge_jobs_waiting"], found["rouge_jobs_dead"]) == (1, 0)
    assert found["rouge_write_queue"] == 0
    kind = "sqlite" if database.is_sqlite else "postgresql"
    assert found[f'rouge_info{{database="{kind}",version="0.1.0"}}'] == 1


def test_a_backup_counts_by_its_file(sqlite_here: TestClient, sqlite_settings: Settings) -> None:
    now, database = datetime.now(UTC), open_database(sqlite_settings)
    with database.writing() as session:
        note_run(session, JobKind.BACKUP, started_at=now, finished_at=now)
    assert "rouge_last_backup_age_seconds" not in numbers(sqlite_here)
    create_backup(database, sqlite_settings, now=now - timedelta(hours=2))
    database.engine.dispose()
    assert 7200 <= numbers(sqlite_here)["rouge_last_backup_age_seconds"] < 7300


def test_what_never_happened_has_no_line(sqlite_settings: Settings) -> None:
    found = numbers(TestClient(create_app(sqlite_settings, open_database(sqlite_settings)), client=("::1", 1)))
    assert "rouge_last_backup_age_seconds" not in found
    assert "rouge_last_sweep_age_seconds" not in found


ROUTES = 'rouge_requests_total{method="GET",route="health:alive",status="200"}'


def test_every_request_is_counted_by_the_name_of_its_route(sqlite_here: TestClient) -> None:
    before = numbers(sqlite_here).get(ROUTES, 0)
    for _ in range(3):
        sqlite_here.get("/healthz")
    sqlite_here.request("BREW", "/nothing/at/all")
    found = numbers(sqlite_here)
    assert found[ROUTES] == before + 3
    assert found['rouge_request_seconds_count{route="health:alive"}'] >= 3
    assert found['rouge_requests_total{method="OTHER",route="none",status="404"}'] >= 1


def test_no_label_grows_with_people_or_addresses(sqlite_here: TestClient) -> None:
    before = set(re.findall(r'route="([^"]+)"', sqlite_here.get("/metrics").text))  # what this process was asked before
    for number in range(20):
        sqlite_here.get(f"/card/token-{number}")
        sqlite_here.get(f"/admin/customer/details/{number}")
        sqlite_here.request(f"M{number}", f"/x/{number}")
    text = sqlite_here.get("/metrics").text
    assert not re.search(r"token-|details/|/x/|M1\b", text)
    labels = set(re.findall(r"(\w+)=\"", text))
    assert labels == {"route", "method", "status", "le", "version", "database"}
    assert len(set(re.findall(r'route="([^"]+)"', text)) - before) < 10


def test_a_database_that_is_gone_is_a_number_too(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    client = TestClient(create_app(sqlite_settings, database), client=("127.0.0.1", 1))
    database.engine.dispose()
    sqlite_settings.sqlite_path.write_bytes(b"?" * 8192)
    found = numbers(client)
    assert found["rouge_database_up"] == 0
    assert "rouge_jobs_dead" not in found


# ── For whom ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("token", "caller", "headers", "status"),
    [
        ("", "127.0.0.1", {}, 200),
        ("", "::1", {}, 200),
        ("", "10.0.0.9", {}, 403),
        ("", "203.0.113.9", {}, 403),
        ("", "testclient", {}, 403),
        # What a proxy on this machine passes on comes from 127.0.0.1 as well.
        ("", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 403),
        ("", "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("", "127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("", "127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 403),
        ("", "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
        ("", "127.0.0.1", {"Via": "1.1 caddy"}, 403),
        ("", "10.0.0.9", {"Authorization": "Bearer "}, 403),
        (TOKEN, "10.0.0.9", {"Authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, "10.0.0.9", {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "1.2.3.4"}, 200),
        (TOKEN, "10.0.0.9", {"Authorization": f"Bearer {TOKEN}x"}, 403),
        (TOKEN, "10.0.0.9", {"Authorization": TOKEN}, 403),
        (TOKEN, "127.0.0.1", {}, 403),
    ],
)
def test_only_the_operator_reads_them(
    sqlite_settings: Settings, token: str, caller: str, headers: dict[str, str], status: int
) -> None:
    settings = sqlite_settings.model_copy(update={"metrics_token": token})
    client = TestClient(create_app(settings, open_database(settings)), client=(caller, 4711))
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert ("rouge_info" in answer.text) is (status == 200)


# ── Several processes ─────────────────────────────────────────────────────────────────────────────────────────────────

COUNTING = """
    import os, sys
    from app.gateways.metrics import Standing, count_request, note_queue, rendered
    for _ in range(int(sys.argv[1])):
        count_request("survey:answer", "POST", 303, 0.01)
    note_queue(int(sys.argv[2]))
    if sys.argv[3:]:
        print(rendered(Standing("1", "sqlite", True, 1)).decode())
"""


def test_two_processes_count_as_one_and_a_dead_ones_queue_is_forgotten() -> None:
    with counted_together(2):
        folder = Path(os.environ[FOLDER])
        counts = [_count(["3", "7"]), _count(["4", "5", "show"])]
    del os.environ[FOLDER]
    assert 'rouge_requests_total{method="POST",route="survey:answer",status="303"} 7.0' in counts[1]
    assert "rouge_write_queue 5.0" in counts[1]
    assert not folder.exists()


def _count(arguments: list[str]) -> str:
    """A process that counts, as the web server starts them."""
    command = [sys.executable, "-c", textwrap.dedent(COUNTING), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def test_one_process_needs_no_folder() -> None:
    with counted_together(1):
        assert FOLDER not in os.environ
