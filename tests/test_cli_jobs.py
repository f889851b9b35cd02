"""`rouge jobs …` by hand, and the worker beside `rouge serve`: kept alive, stopped in peace, never left behind."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from app.actions.jobs import put_job
from app.actions.limits import forget_old_tries
from app.cli import cli
from app.db import Database
from app.jobs import kinds
from app.jobs.schedule import SCHEDULE
from app.models import Job, JobRun, RateWindow, Staff
from app.rules.backups import file_name, name_of
from app.settings import Settings, current_settings
from app.vocabulary import JobKind, JobStage, JobState, Role
from tests.conftest import NOW
from tests.test_cli_serve import PATIENCE, Rouge, Start, refuses, start  # noqa: F401  a fixture

LAST_NIGHT = "2026-11-24T03:00"


@pytest.fixture
def rouge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable]:
    """Runs a command on the test's shop."""
    for name in [name for name in os.environ if name.startswith("ROUGE_") and not name.startswith("ROUGE_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROUGE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ROUGE_DATABASE_URL", settings.database_url)
    current_settings.cache_clear()
    yield lambda *line: CliRunner().invoke(cli, line)
    current_settings.cache_clear()


@pytest.fixture
def opened(database: Database) -> None:
    """Somebody works here since a week."""
    with database.writing() as session:
        session.add(
            Staff(name="李店主", login="owner", password_hash="!", role=Role.OWNER, created_at=NOW - timedelta(days=7))
        )


NIGHTLY = [named.kind for named in SCHEDULE if named.kind != "survey-waves"]
"""What every night has; no round of a survey waits in this shop."""


def runs(database: Database) -> list[tuple[str, JobState]]:
    """What was written down, oldest first."""
    with database.reading() as session:
        return [(run.name, run.state) for run in session.exec(select(JobRun).order_by(JobRun.id))]


# ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_says_what_there_is_and_what_is_due(rouge, database, opened):
    listed = json.loads(rouge("jobs", "list", "--json").output)
    assert [job["name"] for job in listed["jobs"]] == [named.kind for named in SCHEDULE]
    assert {job["name"] for job in listed["jobs"] if not job["due"]} == {"survey-waves"}  # no round waits
    assert listed["last_sweep_seconds"] is None
    shown = rouge("jobs", "list").output
    assert "review-tiers" in shown
    assert "核对会员等级" in shown


def test_a_named_job_runs_though_it_is_not_due_and_is_written_down(rouge, database):
    for _ in range(2):
        done = rouge("jobs", "run", "review-tiers", "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)["state"] == "done"
    assert runs(database) == [("review-tiers", JobState.DONE)] * 2


def test_what_fails_by_hand_ends_with_1_a_sentence_and_a_line_in_the_register(rouge, database, monkeypatch):
    def is_broken(session):
        return type("Verdict", (), {"is_whole": False, "broken_id": 7})

    monkeypatch.setattr(kinds, "verify_chain", is_broken)
    done = rouge("jobs", "run", "verify-journal")
    assert done.exit_code == 1
    assert "第 7 条" in done.output
    assert runs(database) == [("verify-journal", JobState.FAILED)]


def test_a_name_that_does_not_exist_is_refused_with_those_that_do(rouge):
    done = rouge("jobs", "run", "expire-everything")
    assert done.exit_code == 2
    assert "review-tiers" in done.output


def test_a_moment_nobody_understands_is_refused(rouge):
    assert rouge("jobs", "run-due", "--now", "tomorrow").exit_code == 2


def test_what_is_due_at_a_moment_is_done_once_however_often_one_asks(rouge, database, opened):
    first = json.loads(rouge("jobs", "run-due", "--now", LAST_NIGHT, "--json").output)
    assert first == {"done": len(NIGHTLY), "failed": 0}
    again = json.loads(rouge("jobs", "run-due", "--now", LAST_NIGHT, "--json").output)
    assert again == {"done": 0, "failed": 0}
    next_night = json.loads(rouge("jobs", "run-due", "--now", "2026-11-25T03:00", "--json").output)
    assert next_night["done"] == len(NIGHTLY)
    assert sorted(runs(database)) == sorted([(kind, JobState.DONE) for kind in NIGHTLY] * 2)


def test_a_person_is_asked_before_work_is_done_as_of_a_moment_that_has_not_come(rouge, database, monkeypatch):
    ahead = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    monkeypatch.setattr("app.cli.jobs.is_typed", lambda: True)
    for command in (("run", "expire-points"), ("run-due",)):
        asked = CliRunner().invoke(cli, ["jobs", *command, "--now", ahead], input="\n")  # an empty line is a no
        assert (asked.exit_code, "还没到" in asked.output) == (2, True)
    assert runs(database) == []
    assert rouge("jobs", "run", "expire-points", "--now", LAST_NIGHT).exit_code == 0
    assert rouge("jobs", "run", "expire-points", "--now", ahead, "--yes").exit_code == 0
    monkeypatch.setattr("app.cli.jobs.is_typed", lambda: False)
    assert rouge("jobs", "run", "expire-points", "--now", ahead).exit_code == 0, "a script knows what it does"


def test_something_that_fails_makes_the_command_end_with_1(rouge, database, monkeypatch):
    monkeypatch.setattr(kinds, "verify_chain", None)
    with database.writing() as session:
        put_job(session, JobKind.VERIFY_JOURNAL, "now", {}, now=NOW, due_at=NOW)
    done = rouge("jobs", "run-due", "--now", NOW.isoformat())
    assert done.exit_code == 1
    with database.reading() as session:
        job = session.exec(select(Job)).one()
    assert (job.stage, job.attempts, job.due_at) == (JobStage.WAITING, 1, NOW + timedelta(minutes=1))


def test_a_moment_to_come_neither_stamps_nor_deletes_a_backup_and_forgets_nothing(rouge, database, settings, opened):
    """`run-due --now 2030-01-01`: the file is of today, the nights before it stay, and so do fresh traces."""
    rouge("jobs", "run", "backup")
    (first,) = settings.backups_dir.glob("*.backup")
    today, now = name_of(first.name).made_at, datetime.now(UTC)
    nights = [first.with_name(file_name(today - timedelta(days=number))) for number in range(1, 40)]
    for night in nights:
        shutil.copy(first, night)
    with database.writing() as session:
        session.add(RateWindow(bucket=b"x", began_at=now, count=1))
    done = rouge("jobs", "run-due", "--now", "2030-01-01", "--json")
    assert json.loads(done.output) == {"done": len(NIGHTLY), "failed": 0}
    assert all(night.exists() for night in nights)
    made = [name_of(path.name).made_at for path in settings.backups_dir.glob("*.backup")]
    assert len(made) == 41
    assert max(made) < now + timedelta(minutes=5)
    with database.reading() as session:
        assert session.exec(select(RateWindow)).one()
    # Control: by the moment that was named the trace would be gone.
    with database.writing() as session:
        assert forget_old_tries(session, now=datetime(2030, 1, 1, tzinfo=UTC)) == 1


def test_what_fails_is_told_in_a_sentence_with_its_folder_and_no_traceback(rouge, database, settings, opened, caplog):
    settings.backups_dir.write_text("mine")
    done = rouge("jobs", "run-due")
    assert done.exit_code == 1
    assert str(settings.backups_dir) in done.output
    assert "Traceback" not in done.output + caplog.text
    with database.reading() as session:
        job = session.exec(select(Job).where(Job.kind == JobKind.BACKUP)).one()
    assert str(settings.backups_dir) in job.last_error


# ── Beside the pages ──────────────────────────────────────────────────────────────────────────────────────────────────


def children(pid: int) -> dict[int, str]:
    """The processes a process started, and theirs, with their command lines."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            found |= children(child)
    return found


def workers(shop: Rouge) -> list[int]:
    """The job workers of a `rouge serve`."""
    return [pid for pid, line in children(shop.process.pid).items() if " jobs work " in line]


def lives(pid: int) -> bool:
    """Whether the process does anything any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(is_so: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def test_one_worker_looks_beside_any_number_of_web_processes_and_all_stop_together(
    start: Start,  # noqa: F811
    sqlite_settings: Settings,
) -> None:
    shop = start(data=sqlite_settings.data_dir, ROUGE_WORKERS="2").until_ready()
    everybody = children(shop.process.pid)
    assert len(workers(shop)) == 1
    until(lambda: readiness(shop)["jobs"] == "ok")
    assert readiness(shop)["last_sweep_seconds"] < 60
    assert shop.stop() == 0
    until(lambda: not any(lives(pid) for pid in everybody))
    assert "Traceback" not in shop.complained
    assert shop.get("/healthz") == 0


def test_a_killed_worker_is_started_again_and_a_killed_shop_leaves_nobody_behind(
    start: Start,  # noqa: F811
    sqlite_settings: Settings,
) -> None:
    shop = start(data=sqlite_settings.data_dir, ROUGE_WORKERS="2").until_ready()
    (first,) = workers(shop)
    os.kill(first, signal.SIGKILL)
    until(lambda: workers(shop) and workers(shop) != [first])
    everybody = children(shop.process.pid)
    shop.process.kill()
    shop.until_over()
    until(lambda: not any(lives(pid) for pid in everybody))


def readiness(shop: Rouge) -> dict:
    """What /readyz says."""
    with urlopen(f"http://127.0.0.1:{shop.port}/readyz") as answer:
        return json.load(answer)


def test_a_second_machine_works_without_pages_and_stops_in_peace(start: Start, sqlite_settings: Settings) -> None:  # noqa: F811
    worker = start("jobs", "work", data=sqlite_settings.data_dir)
    until(lambda: "工作进程" in worker.said)
    assert worker.stop() == 0
    assert "Traceback" not in worker.complained
