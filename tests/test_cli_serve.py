"""`rouge serve` as a real process: from an empty folder to an open shop, and closed again in peace."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import select
from typer import Exit
from typer.testing import CliRunner

from app import cli as cli_room
from app.cli import cli
from app.db import open_database
from app.models import Customer, Staff
from app.settings import Settings
from seed.demo import build_demo
from tests.conftest import NOW, isolated

opening = sys.modules["app.cli.serve"]
"""The room, not the command of the same name."""
ROOT = Path(__file__).parent.parent
PATIENCE = 180.0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Rouge:
    """A `rouge` command that runs or ran."""

    process: subprocess.Popen[str]
    port: int
    out: Path
    err: Path

    @property
    def said(self) -> str:
        """What it printed."""
        return self.out.read_text(encoding="utf-8")

    @property
    def complained(self) -> str:
        """What it wrote to its log and error output."""
        return self.err.read_text(encoding="utf-8")

    def get(self, path: str, timeout: float = 10) -> int:
        """The status of a page; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until_ready(self) -> "Rouge":
        """Wait until the shop is open."""
        self._until(lambda: self.get("/readyz") == 200)
        return self

    def until_over(self) -> int:
        """Wait for the end; its exit code."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop, as an operating system does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.until_over()

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert self.process.poll() is None, f"it ended: {self.said} {self.complained}"
            assert time.monotonic() < deadline, f"not ready: {self.said} {self.complained}"
            time.sleep(0.1)


Start = Callable[..., Rouge]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `rouge` commands on a data folder; ends what still runs."""
    running: list[Rouge] = []

    def run(
        *arguments: str, data: Path | None = None, port: int | None = None, program: str = "", **variables: str
    ) -> Rouge:
        port = port or free_port()
        number = len(running)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ROUGE_")}
        settings = {"ROUGE_DATA_DIR": str(data or tmp_path / "data"), "ROUGE_PORT": str(port)}
        out, err = tmp_path / f"{number}.out", tmp_path / f"{number}.err"
        with out.open("w") as out_file, err.open("w") as err_file:
            process = subprocess.Popen(
                [sys.executable, *(("-c", program) if program else ("-m", "app.cli")), *(arguments or ("serve",))],
                env=clean | settings | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | variables,
                cwd=tmp_path,
                stdout=out_file,
                stderr=err_file,
                text=True,
            )
        running.append(Rouge(process, port, out, err))
        return running[-1]

    yield run
    for command in running:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()


def refuses(command: Rouge, *sentence: str) -> None:
    """It ends with 2 and one clear line."""
    assert command.until_over() == 2
    complaint = command.complained
    assert "Traceback" not in complaint
    assert len(complaint.strip().splitlines()) == 1, complaint
    for part in sentence:
        assert part in complaint


def setup_code(command: Rouge) -> str:
    """The code in the set-up address it printed."""
    found = re.search(r"/setup\?code=([\w-]{32})", command.said)
    assert found, command.said
    return found[1]


# ── Opening and closing ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_folder_becomes_an_open_shop_and_closes_in_peace(start: Start, tmp_path: Path) -> None:
    shop = start().until_ready()
    assert f"http://127.0.0.1:{shop.port}" in shop.said
    first_code = setup_code(shop)
    # Of two starts on one port the second is told so.
    refuses(start(port=shop.port), str(shop.port), f"ROUGE_PORT={shop.port + 1}")
    assert shop.get("/readyz") == 200
    # The log names neither the token nor what was asked.
    token = "ctilkDIUPK-n5oJecc2lRx1HiPniNGh3"
    shop.get(f"/card/{token}?q=13912345678")
    shop.get("/healthz?phone=13912345678")
    assert shop.stop() == 0
    assert '"route": "health:alive"' in shop.complained
    assert '"route": "card:show"' in shop.complained
    for secret in ("Traceback", "/card/", token, "1391234"):
        assert secret not in shop.complained
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", shop.port))
        probe.listen()
    data = tmp_path / "data"
    for path in (data / "keys" / "rouge.key", data / "rouge.db"):
        assert path.stat().st_mode & 0o077 == 0
    assert (data / "rouge.db").read_bytes()[:15] != b"SQLite format 3"

    # Behind a proxy with TLS other machines are let in.
    again = start(port=shop.port, ROUGE_HOST="0.0.0.0", ROUGE_PUBLIC_URL="https://vip.example.cn").until_ready()
    assert "https://vip.example.cn/setup?code=" in again.said
    assert setup_code(again) != first_code
    assert again.get(f"/setup?code={first_code}") == 403
    assert again.get(f"/setup?code={setup_code(again)}") == 200
    assert again.stop() == 0


def test_two_starts_on_one_empty_folder_make_one_key(start: Start, tmp_path: Path) -> None:
    first, second = start(), start()
    first.until_ready()
    second.until_ready()
    assert [path.name for path in (tmp_path / "data" / "keys").iterdir()] == ["rouge.key"]
    assert first.stop() == second.stop() == 0


# ── The demo shop ─────────────────────────────────────────────────────────────────────────────────────────────────────

SMALL = """
import functools, sys
import app.cli
opening = sys.modules["app.cli.serve"]
opening.build_demo = functools.partial(opening.build_demo, customers=9)
app.cli.main()
"""
"""`rouge`, whose demo shop is not of two hundred people."""


def test_the_demo_shop_is_built_where_nobody_is_and_only_once(start: Start, tmp_path: Path) -> None:
    # An interrupted first start leaves nothing half done.
    broken = start("serve", "--demo-if-empty", program=SMALL)
    broken._until((tmp_path / "data" / "rouge.db").exists)
    time.sleep(0.5)
    broken.process.kill()
    broken.until_over()
    shop = start("serve", "--demo-if-empty", program=SMALL).until_ready()
    logins = [line for line in shop.said.splitlines() if line.startswith("  ")]
    assert len(logins) == 8
    assert "peony-mirror-velvet" in shop.said
    assert shop.stop() == 0
    again = start("serve", "--demo-if-empty", program=SMALL).until_ready()
    assert [line for line in again.said.splitlines() if line.startswith("  ")] == logins
    assert again.stop() == 0
    with ours(tmp_path / "data") as session:
        assert len(session.exec(select(Customer.id)).all()) == 9


@contextmanager
def ours(data: Path):
    """A look into a shop's database."""
    database = open_database(Settings(_env_file=None, data_dir=data, database_url=""))
    with database.reading() as session:
        yield session
    database.engine.dispose()


@pytest.fixture
def demo_data(sqlite_settings: Settings) -> Path:
    """A data folder with a small demo shop."""
    database = open_database(sqlite_settings)
    build_demo(database, today=NOW.date(), zone=sqlite_settings.zone, customers=2)
    database.engine.dispose()
    return sqlite_settings.data_dir


def test_demo_and_wipe_by_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = isolated(tmp_path / "data")
    monkeypatch.setattr(cli_room, "current_settings", lambda: settings)
    built = CliRunner().invoke(cli, ["demo", "--customers", "3", "--today", "2026-11-24", "--json"])
    assert built.exit_code == 0
    assert '"customers": 3' in built.stdout
    again = CliRunner().invoke(cli, ["demo"])
    assert again.exit_code == 2
    assert "rouge demo --wipe" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1
    assert CliRunner().invoke(cli, ["demo", "--wipe"]).exit_code == 0
    with ours(tmp_path / "data") as session:
        assert session.exec(select(Staff.id)).first() is None


# ── Who may reach it ──────────────────────────────────────────────────────────────────────────────────────────────────


Binding = Callable[..., str]
EVERYWHERE = {"host": "0.0.0.0", "public_url": "https://vip.example.cn"}


@pytest.fixture
def refusal(sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]) -> Binding:
    """What a start with these settings says; the shop stays shut if it ends with 2."""

    def said(*, is_shut: bool, demo_if_empty: bool = False, **values: object) -> str:
        settings = sqlite_settings.model_copy(update=values)
        database = open_database(settings)
        with pytest.raises(Exit) if is_shut else nullcontext() as ended:
            opening._check_binding(settings, database, demo_if_empty=demo_if_empty)
        database.engine.dispose()
        assert not is_shut or ended.value.exit_code == 2
        return capsys.readouterr().err

    return said


def test_other_machines_are_not_let_in_without_tls(refusal: Binding) -> None:
    said = refusal(is_shut=True, host="0.0.0.0", public_url="")
    assert "HTTPS" in said
    assert "ROUGE_PUBLIC_URL" in said
    assert len(said.strip().splitlines()) == 1
    refusal(is_shut=False, **EVERYWHERE)


def test_accounts_with_a_public_password_are_never_shown_to_other_machines(refusal: Binding, demo_data: Path) -> None:
    assert "rouge demo --wipe" in refusal(is_shut=True, **EVERYWHERE)
    assert "密码" in refusal(is_shut=False, demo=True, **EVERYWHERE)


def test_no_demo_shop_is_built_where_other_machines_look_in(refusal: Binding) -> None:
    assert "rouge demo --wipe" in refusal(is_shut=True, demo_if_empty=True, **EVERYWHERE)


# ── Before anything is opened ─────────────────────────────────────────────────────────────────────────────────────────


def test_settings_that_cannot_be_used_are_named(
    start: Start, sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses(start(ROUGE_TIMEZONE="Asia/Shangai"), "ROUGE_TIMEZONE")
    with pytest.raises(Exit) as ended:
        opening._listen(sqlite_settings.model_copy(update={"host": "192.0.2.1"}))
    assert ended.value.exit_code == 2
    assert "ROUGE_HOST" in capsys.readouterr().err


def test_the_bare_command_shows_help_in_both_languages() -> None:
    command = CliRunner().invoke(cli, ["--help"])
    assert command.exit_code == 0
    assert "顾客系统" in command.output
    assert "customer system" in command.output
