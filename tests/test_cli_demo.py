"""`rouge demo --wipe`: what the person at the keyboard is told."""

import json

import pytest
from typer.testing import CliRunner

from app import cli as cli_room
from app.cli import cli
from app.db import open_database
from app.models import Staff
from app.settings import Settings
from app.vocabulary import Role
from seed.demo import build_demo
from tests.conftest import NOW


@pytest.mark.parametrize("has_owner", [True, False])
def test_a_wipe_says_when_nobody_is_left_who_may_open_the_back_office(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, has_owner: bool
) -> None:
    monkeypatch.setattr(cli_room, "current_settings", lambda: sqlite_settings)
    database = open_database(sqlite_settings)
    build_demo(database, today=NOW.date(), zone=sqlite_settings.zone, customers=1)
    if has_owner:
        with database.writing() as session:
            session.add(Staff(name="兰", login="lan", password_hash="!", role=Role.OWNER))
    database.engine.dispose()
    said = CliRunner().invoke(cli, ["demo", "--wipe"])
    assert said.exit_code == 0
    assert ("rouge init" in said.stdout) is not has_owner
    again = CliRunner().invoke(cli, ["demo", "--wipe", "--json"])
    assert json.loads(again.stdout)["has_owner"] is has_owner


def test_a_day_nobody_understands_is_refused_in_one_line(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_room, "current_settings", lambda: sqlite_settings)
    refused = CliRunner().invoke(cli, ["demo", "--today", "24.11.2026"])
    assert refused.exit_code == 2
    assert "24.11.2026" in refused.output
    assert len(refused.output.strip().splitlines()) == 1
