"""`rouge backup …`: what the person at the keyboard is told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from app import cli as cli_room
from app.cli import backup, cli
from app.db import open_database
from app.gateways.presence import at_work
from app.models import JobRun, Tag
from app.settings import Settings
from app.vocabulary import JobKind, JobState

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A `rouge backup` command on a shop."""
    for module in (cli_room, backup):
        monkeypatch.setattr(module, "current_settings", lambda: sqlite_settings)
    return lambda *arguments, typed=None: CliRunner().invoke(cli, ["backup", *map(str, arguments)], input=typed)


def made(run: Run) -> Path:
    """A fresh backup."""
    return Path(json.loads(run("create", "--json").stdout)["file"])


def tag(settings: Settings, name: str) -> None:
    """A row that comes after the backup."""
    database = open_database(settings)
    with database.writing() as session:
        session.add(Tag(name=name))
    database.engine.dispose()


def has_tag(settings: Settings, name: str) -> bool:
    """Whether it is there."""
    database = open_database(settings)
    with database.reading() as session:
        found = session.exec(select(Tag).where(Tag.name == name)).first() is not None
    database.engine.dispose()
    return found


def test_there_and_back(run: Run, sqlite_settings: Settings) -> None:
    path = made(run)
    tag(sqlite_settings, "后来的")
    listed = json.loads(run("list", "--json").stdout)["backups"]
    assert [(item["file"], item["good"]) for item in listed] == [(str(path), True)]
    assert path.name in run("list").stdout
    assert json.loads(run("verify", path, "--json").stdout)["ok"]
    done = run("restore", path, typed="胭脂美妆\n")
    assert done.exit_code == 0, done.output
    assert "before-restore" in done.stdout
    assert not has_tag(sqlite_settings, "后来的")


def test_a_backup_by_hand_counts_for_the_dashboard(run: Run, sqlite_settings: Settings) -> None:
    path = made(run)
    run("create", "--no-verify")
    database = open_database(sqlite_settings)
    with database.reading() as session:
        runs = session.exec(select(JobRun).where(JobRun.name == JobKind.BACKUP)).all()
    database.engine.dispose()
    assert [(job.state, job.outcome) for job in runs] == [(JobState.DONE, path.name)]


@pytest.mark.parametrize("typed", ["", "\n", "别的店\n"])
def test_without_the_shops_name_nothing_is_restored(run: Run, sqlite_settings: Settings, typed: str) -> None:
    path = made(run)
    tag(sqlite_settings, "后来的")
    refused = run("restore", path, typed=typed)
    assert refused.exit_code == 2
    assert "什么都没有改动" in refused.stderr
    assert has_tag(sqlite_settings, "后来的")
    assert len(json.loads(run("list", "--json").stdout)["backups"]) == 1


def test_an_open_shop_is_told_how_to_close(run: Run, sqlite_settings: Settings) -> None:
    path = made(run)
    with at_work(sqlite_settings):
        refused = run("restore", path, "--yes")
    assert refused.exit_code == 2
    assert "systemctl stop rouge" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_damaged_one_fails_the_check_and_is_not_restored(run: Run) -> None:
    path = made(run)
    path.write_bytes(path.read_bytes()[:-1])
    assert run("verify", path).exit_code == 1
    said = json.loads(run("verify", path, "--json").stdout)
    assert (said["ok"], said["code"]) == (False, "backup_damaged")
    refused = run("restore", path, "--yes")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert path.name in run("list").stdout


@pytest.mark.parametrize("command", ["verify", "restore"])
def test_a_file_that_is_not_there_is_wrong_use(run: Run, tmp_path: Path, command: str) -> None:
    refused = run(command, tmp_path / "nothing")
    assert refused.exit_code == 2
    assert "nothing" in refused.stderr


def test_a_place_that_is_taken_or_missing_is_wrong_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for place, why in (("taken", "已经有"), ("no/where.backup", "插好"), ("stick", "插好"), ("stick/", "插好")):
        refused = run("create", "--out", f"{tmp_path}/{place}")
        assert (refused.exit_code, why in refused.stderr) == (2, True)
        assert not (tmp_path / "stick").exists()
    assert (tmp_path / "taken").read_text() == "mine"
    assert run("create", "--out", tmp_path / "fresh.backup").exit_code == 0
    assert (tmp_path / "fresh.backup").exists()


def test_a_file_where_the_folder_should_be_is_the_cause_that_is_named(run: Run, sqlite_settings: Settings) -> None:
    sqlite_settings.backups_dir.write_text("mine")
    refused = run("create")
    assert refused.exit_code == 2
    assert str(sqlite_settings.backups_dir) in refused.stderr


def test_a_new_machine_is_not_told_that_its_data_goes(run: Run, sqlite_settings: Settings) -> None:
    path = made(run)
    assert "会被它换掉" in run("restore", path, typed="").stderr
    sqlite_settings.sqlite_path.unlink()
    said = run("restore", path, typed="").stderr
    assert "还没有数据" in said
    assert "会被它换掉" not in said


def test_without_the_key_nothing_is_made_and_nothing_restored(run: Run, sqlite_settings: Settings) -> None:
    path = made(run)
    sqlite_settings.key_path.unlink()
    for arguments in (("create",), ("list",), ("verify", path), ("restore", path, "--yes")):
        refused = run(*arguments)
        assert refused.exit_code == 2
        assert "rouge.key" in refused.stderr
    assert not sqlite_settings.key_path.exists()


def test_a_shop_without_backups_is_told_how_to_make_one(run: Run, sqlite_settings: Settings) -> None:
    shutil.rmtree(sqlite_settings.backups_dir, ignore_errors=True)
    assert "rouge backup create" in run("list").stdout
