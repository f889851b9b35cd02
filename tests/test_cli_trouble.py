"""A shop that cannot be opened: one clear sentence, exit 2, and nothing changed."""

import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from app.cli import cli, main
from app.cli.trouble import sentence_for, settings_sentence
from app.db import open_database
from app.settings import Settings, current_settings
from tests.conftest import isolated

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """`rouge demo`, which opens a shop as `rouge serve` does, on a data folder."""
    monkeypatch.chdir(tmp_path)  # no .env of this machine

    def command(data: Path, **variables: str) -> Result:
        for name in [name for name in os.environ if name.startswith("ROUGE_")]:
            monkeypatch.delenv(name)
        for name, value in ({"ROUGE_DATA_DIR": str(data)} | variables).items():
            monkeypatch.setenv(name, value)
        current_settings.cache_clear()
        try:
            return CliRunner().invoke(cli, ["demo", "--customers", "1"])
        finally:
            current_settings.cache_clear()

    return command


@pytest.fixture
def data(sqlite_settings: Settings) -> Path:
    """The data folder of a shop that was open before."""
    return sqlite_settings.data_dir


def refuses(result: Result, *sentence: str) -> None:
    """It ended with 2 and one clear line."""
    assert result.exit_code == 2, result.output
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    for part in sentence:
        assert part in result.stderr


def test_a_missing_key_is_named_and_not_replaced(run: Run, data: Path) -> None:
    (data / "keys" / "rouge.key").unlink()
    refuses(run(data), "rouge.key", "ROUGE_KEY_FILE")
    assert not (data / "keys" / "rouge.key").exists()


@pytest.mark.parametrize("key", ["rouge-master-key-1:" + "11" * 32 + "\n", "nonsense", "rouge-master-key-1:zz", "…"])
def test_a_wrong_or_damaged_key_is_named(run: Run, data: Path, key: str) -> None:
    (data / "keys" / "rouge.key").write_text(key)
    before = (data / "rouge.db").read_bytes()
    refuses(run(data), "rouge.key")
    assert (data / "rouge.db").read_bytes() == before


def test_a_key_that_cannot_be_read_is_named(run: Run, data: Path) -> None:
    (data / "keys" / "rouge.key").unlink()
    (data / "keys" / "rouge.key").mkdir()
    refuses(run(data), "chmod 600")


def test_a_lost_key_beside_a_filled_postgres_is_not_replaced(run: Run, settings: Settings) -> None:
    settings.key_path.unlink()
    refuses(run(settings.data_dir, ROUGE_DATABASE_URL=settings.database_url), "ROUGE_KEY_FILE")
    assert not settings.key_path.exists()


@pytest.mark.parametrize("at", [0, 8192])
def test_a_damaged_database_is_named(run: Run, data: Path, at: int) -> None:
    with (data / "rouge.db").open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * 20_000)
    refuses(run(data), "备份")


def test_a_data_folder_that_is_none_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refuses(run(tmp_path / "file"), "ROUGE_DATA_DIR")
    refuses(run(tmp_path / "file" / "below"), "ROUGE_DATA_DIR")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_named(run: Run, data: Path) -> None:
    data.chmod(0o500)
    refuses(run(data), "ROUGE_DATA_DIR")
    data.chmod(0o700)


def test_data_of_a_newer_program_is_left_alone(run: Run, data: Path) -> None:

    database = open_database(isolated(data))
    with database.writing() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '29990101'"))
    database.engine.dispose()
    refuses(run(data), "升级程序")


@pytest.mark.parametrize("url", ["postgresql//nowhere", "postgresql+nosuch://x", "postgresql+pg8000://x"])
def test_a_database_address_that_is_none_is_named(run: Run, tmp_path: Path, url: str) -> None:
    refuses(run(tmp_path / "data", ROUGE_DATABASE_URL=url), "ROUGE_DATABASE_URL")


def test_a_postgres_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result = run(tmp_path / "data", ROUGE_DATABASE_URL=f"postgresql+psycopg://rouge:geheim@127.0.0.1:{port}/rouge")
    refuses(result, "PostgreSQL")
    assert "geheim" not in result.stderr


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "磁盘满了"),
        (PermissionError(errno.EACCES, "Permission denied"), "ROUGE_DATA_DIR"),
        (OSError(errno.EROFS, "Read-only file system"), "ROUGE_DATA_DIR"),
        (OperationalError("", {}, Exception("database or disk is full")), "磁盘满了"),
        (OperationalError("", {}, Exception("attempt to write a readonly database")), "ROUGE_DATA_DIR"),
        (OperationalError("", {}, Exception("unable to open database file")), "ROUGE_DATA_DIR"),
        (OperationalError("", {}, Exception("database disk image is malformed")), "备份"),
        (OperationalError("", {}, Exception("database is locked")), "占用"),
    ],
)
def test_what_the_operator_can_mend_is_said(tmp_path: Path, error: Exception, part: str) -> None:
    sentence = sentence_for(error, isolated(tmp_path))
    assert sentence is not None
    assert part in sentence


@pytest.mark.parametrize("error", [ValueError("ours"), OperationalError("", {}, Exception("no such table: x"))])
def test_what_is_our_own_mistake_is_not_explained_away(tmp_path: Path, error: Exception) -> None:
    assert sentence_for(error, isolated(tmp_path)) is None


def test_every_setting_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(
            _env_file=None, port="many", timezone="Asia/Shangai", database_url="sqlite:///plain.db", log_level="LOUD"
        )
    assert settings_sentence(refused.value).count("ROUGE_") == 4


@pytest.mark.parametrize("wrong", [["cards"], ["nothere"], ["cards", "--layout", "a9", "--out", "x.pdf"]])
def test_wrong_use_is_one_line_on_stderr(wrong: list[str], monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["rouge", *wrong])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
