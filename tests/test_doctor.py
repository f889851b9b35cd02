"""`rouge doctor`: whatever is wrong is said in words, with the line that mends it."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from sqlalchemy import text
from sqlmodel import select
from typer.testing import CliRunner

from app.cli import cli, doctor
from app.cli.doctor import Check, State, examine
from app.db import open_database
from app.gateways import machine
from app.gateways.backups import create_backup
from app.gateways.machine import CdnAnswer, ask_cdn, ask_mail, chinese_font, file_system_of
from app.gateways.pdf import FontMissing, PdfUnavailable
from app.models import Customer, Heartbeat, Job, JobRun, Purchase, Staff, Tag, Tier
from app.settings import Settings
from app.vocabulary import JobKind, JobStage, JobState, Role
from seed.demo import build_demo
from tests.conftest import NOW, isolated
from tests.test_cli_serve import free_port

ESSENTIAL = {"pdf", "fonts", "disk", "file_system", "clock"}


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which everything is right, and no way to the network."""
    monkeypatch.setattr(doctor, "ask_cdn", lambda url, integrity: CdnAnswer(True, 0))
    monkeypatch.setattr(doctor, "check_printable", lambda text: None)
    monkeypatch.setattr(doctor, "ask_mail", lambda url: None)
    monkeypatch.setattr(doctor, "chinese_font", lambda: "WenQuanYi Micro Hei")
    monkeypatch.setattr(doctor, "free_bytes", lambda path: 10**10)
    monkeypatch.setattr(doctor, "file_system_of", lambda path: "ext4")
    return


def found(settings: Settings) -> dict[str, Check]:
    """The checks by name."""
    return {check.name: check for check in examine(settings)}


def test_a_healthy_shop_has_nothing_wrong(settings: Settings) -> None:
    checks = found(settings)
    assert [check.name for check in checks.values() if check.state is State.WRONG] == []
    assert {
        "database",
        "encryption",
        "migrations",
        "key",
        "owner",
        "demo",
        "cdn",
        "mail",
        "public_url",
        "clock_jump",
        "journal",
        "backup",
        "jobs",
    } <= checks.keys()
    assert ("dump_programs" in checks) is bool(settings.database_url)
    assert all(check.message for check in checks.values())


def test_before_the_first_start_it_says_what_to_do_and_makes_nothing(tmp_path: Path) -> None:
    settings = isolated(tmp_path / "nothing")
    check = found(settings)["database"]
    assert check.state is State.NOTICE
    assert "rouge serve" in check.mend
    assert not settings.data_dir.exists()


@pytest.mark.parametrize(
    ("fault", "name", "mend"),
    [
        ({"check_printable": PdfUnavailable(mend="apt-get install pango")}, "pdf", "apt-get install"),
        ({"check_printable": FontMissing(mend="")}, "fonts", "apt-get install fonts-"),
    ],
)
def test_missing_pdf_parts_are_named(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Exception], name: str, mend: str
) -> None:
    def broken(text: str) -> None:
        raise next(iter(fault.values()))

    monkeypatch.setattr(doctor, "check_printable", broken)
    check = found(sqlite_settings)[name]
    assert check.state is State.WRONG
    assert mend in check.mend


@pytest.mark.parametrize(
    ("free", "state"),
    [
        (500 * 1024 * 1024, State.FINE),
        (500 * 1024 * 1024 - 1, State.NOTICE),
        (50 * 1024 * 1024, State.NOTICE),
        (50 * 1024 * 1024 - 1, State.WRONG),
    ],
)
def test_little_space_is_said_before_it_is_too_late(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    monkeypatch.setattr(doctor, "free_bytes", lambda path: free)
    assert found(sqlite_settings)["disk"].state is state


@pytest.mark.parametrize(("kind", "state"), [("ext4", State.FINE), ("nfs4", State.WRONG), ("cifs", State.WRONG)])
def test_a_network_disk_is_refused(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: str, state: State
) -> None:
    monkeypatch.setattr(doctor, "file_system_of", lambda path: kind)
    assert found(sqlite_settings)["file_system"].state is state


def test_a_disk_of_unknown_kind_is_named_without_empty_brackets(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "file_system_of", lambda path: "")
    message = found(sqlite_settings)["file_system"].message
    assert message.endswith(str(sqlite_settings.data_dir))
    assert "?" not in message


@pytest.mark.parametrize(
    ("answer", "clock", "cdn"),
    [
        (CdnAnswer(True, 120), State.FINE, State.FINE),
        (CdnAnswer(True, 121), State.WRONG, State.FINE),
        (CdnAnswer(True, -121), State.WRONG, State.FINE),
        (CdnAnswer(False, None), State.FINE, State.NOTICE),
        (None, State.FINE, State.NOTICE),
    ],
)
def test_clock_and_cdn(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, answer: CdnAnswer | None, clock: State, cdn: State
) -> None:
    monkeypatch.setattr(doctor, "ask_cdn", lambda url, integrity: answer)
    checks = found(sqlite_settings)
    assert (checks["clock"].state, checks["cdn"].state) == (clock, cdn)


def test_a_key_others_can_read_is_wrong(sqlite_settings: Settings) -> None:
    sqlite_settings.key_path.chmod(0o644)
    check = found(sqlite_settings)["key"]
    assert check.state is State.WRONG
    assert check.mend.startswith("chmod 600")


def test_a_key_among_the_backups_is_wrong(sqlite_settings: Settings) -> None:
    moved = sqlite_settings.data_dir / "backups" / "rouge.key"
    moved.parent.mkdir()
    sqlite_settings.key_path.rename(moved)
    assert found(isolated(sqlite_settings.data_dir, key_file=moved))["key"].state is State.WRONG


def test_a_missing_key_is_one_finding_and_the_rest_is_still_examined(sqlite_settings: Settings) -> None:
    sqlite_settings.key_path.unlink()
    checks = found(sqlite_settings)
    assert checks["database"].state is State.WRONG
    assert "ROUGE_KEY_FILE" in checks["database"].message
    assert checks.keys() >= ESSENTIAL


def test_a_foreign_key_is_named_on_either_database(settings: Settings, tmp_path: Path) -> None:
    database = open_database(settings)
    with database.writing() as session:
        tier_id = session.exec(select(Tier.id)).first()
        session.add(Customer(member_no="A-1", name="她", phone="+8613912345678", tier_id=tier_id))
    database.engine.dispose()
    other = tmp_path / "other.key"
    other.write_text("rouge-master-key-1:" + "11" * 32)
    other.chmod(0o600)
    wrong = [
        check for check in found(settings.model_copy(update={"key_file": other})).values() if check.state is State.WRONG
    ]
    assert [check.name for check in wrong] == ["database" if not settings.database_url else "encryption"]
    assert "other.key" in wrong[0].message


@pytest.mark.parametrize("at", [0, 8192, 65536])
def test_a_damage_anywhere_in_the_file_is_found(sqlite_settings: Settings, at: int) -> None:
    with sqlite_settings.sqlite_path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * 64)
    assert State.WRONG in {check.state for check in found(sqlite_settings).values()}


def test_a_file_that_is_not_encrypted_is_found(sqlite_settings: Settings) -> None:
    sqlite_settings.sqlite_path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert found(sqlite_settings)["database"].state is State.WRONG


def test_a_database_that_does_not_answer_is_one_finding(tmp_path: Path, sqlite_settings: Settings) -> None:
    settings = isolated(sqlite_settings.data_dir, database_url="postgresql+psycopg://rouge:geheim@127.0.0.1:1/rouge")
    check = found(settings)["database"]
    assert check.state is State.WRONG
    assert "PostgreSQL" in check.message
    assert "geheim" not in check.message


def test_demo_rows_are_pointed_out(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    build_demo(database, today=NOW.date(), zone=sqlite_settings.zone, customers=1)
    database.engine.dispose()
    check = found(sqlite_settings)["demo"]
    assert check.state is State.NOTICE
    assert "--wipe" in check.mend


@pytest.mark.parametrize(
    ("url", "state"),
    [("", State.NOTICE), ("smtps://a:b@smtp.example.cn:465", State.FINE), ("smtp.example.cn", State.WRONG)],
)
def test_mail(sqlite_settings: Settings, url: str, state: State) -> None:
    check = found(sqlite_settings.model_copy(update={"smtp_url": url}))["mail"]
    assert check.state is state
    assert "a:b" not in check.message


def test_a_mail_server_that_does_not_let_us_in_is_named(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ask_mail", lambda url: "535")
    check = found(sqlite_settings.model_copy(update={"smtp_url": "smtps://a:b@smtp.example.cn"}))["mail"]
    assert check.state is State.WRONG
    assert "535" in check.message
    assert "a:b" not in check.message + check.mend


# ── The machine's own work ────────────────────────────────────────────────────────────────────────────────────────────


def written(settings: Settings, *rows: object) -> None:
    """Rows in the shop, past every rule."""
    database = open_database(settings)
    with database.writing() as session:
        session.add_all(rows)
    database.engine.dispose()


def test_a_shop_without_a_backup_is_told_how_to_make_one_and_soon_it_is_wrong(sqlite_settings: Settings) -> None:
    check = found(sqlite_settings)["backup"]
    assert check.state is State.NOTICE
    assert "rouge backup create" in check.mend
    long_ago = datetime.now(UTC) - timedelta(days=3)
    written(sqlite_settings, Staff(name="兰", login="lan", password_hash="!", role=Role.OWNER, created_at=long_ago))
    assert found(sqlite_settings)["backup"].state is State.WRONG


@pytest.mark.parametrize(("hours", "state"), [(1, State.FINE), (35, State.FINE), (37, State.WRONG)])
def test_a_backup_grows_old(sqlite_settings: Settings, hours: int, state: State) -> None:
    database = open_database(sqlite_settings)
    create_backup(database, sqlite_settings, now=datetime.now(UTC) - timedelta(hours=hours))
    database.engine.dispose()
    check = found(sqlite_settings)["backup"]
    assert check.state is state
    assert str(hours) in check.message


def test_a_backup_that_is_no_longer_there_does_not_count(sqlite_settings: Settings) -> None:
    now = datetime.now(UTC)
    written(sqlite_settings, JobRun(name=JobKind.BACKUP, started_at=now, finished_at=now, state=JobState.DONE))
    assert found(sqlite_settings)["backup"].state is State.WRONG


def test_a_backup_from_the_future_is_an_alarm_and_no_backup(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    create_backup(database, sqlite_settings, now=datetime.now(UTC) + timedelta(days=1133))
    database.engine.dispose()
    check = found(sqlite_settings)["backup"]
    assert check.state is State.WRONG
    assert "时钟不对" in check.message
    assert "-27" not in check.message


def test_a_row_from_the_future_tells_of_a_clock_put_back(sqlite_settings: Settings, monkeypatch) -> None:
    assert found(sqlite_settings)["clock_jump"].state is State.FINE
    ahead = datetime.now(UTC) + timedelta(minutes=6)
    monkeypatch.setattr(doctor, "newest_entry_at", lambda session: ahead)
    assert found(sqlite_settings)["clock_jump"].state is State.WRONG
    monkeypatch.setattr(doctor, "newest_entry_at", lambda session: ahead - timedelta(minutes=2))
    assert found(sqlite_settings)["clock_jump"].state is State.FINE


def test_a_sale_whose_moment_has_not_come_is_found(settings: Settings) -> None:
    now = datetime.now(UTC)
    sale = {"paid_fen": 100, "fingerprint": "", "created_at": now}
    written(settings, Purchase(order_no="A", occurred_at=now + timedelta(minutes=9), **sale))
    assert found(settings)["sales_ahead"].state is State.FINE
    written(settings, Purchase(order_no="B", occurred_at=now + timedelta(hours=3), **sale))
    check = found(settings)["sales_ahead"]
    assert check.state is State.WRONG
    assert "1 笔" in check.message


def test_a_journal_somebody_wrote_into_is_found(settings: Settings) -> None:
    written(settings, Tag(name="a"), Tag(name="b"))
    assert found(settings)["journal"].state is State.FINE
    database = open_database(settings)
    drop = (
        "DROP TRIGGER audit_entries_no_update"
        if database.is_sqlite
        else "DROP TRIGGER audit_entries_append_only ON audit_entries"
    )
    with database.engine.begin() as connection:
        connection.execute(text(drop))
        connection.execute(text("UPDATE audit_entries SET actor = 'nobody'"))
    database.engine.dispose()
    check = found(settings)["journal"]
    assert check.state is State.WRONG
    assert "rouge backup" in check.mend


def test_the_worker_is_fine_away_or_in_trouble(sqlite_settings: Settings) -> None:
    assert found(sqlite_settings)["jobs"].state is State.NOTICE
    now = datetime.now(UTC)
    written(sqlite_settings, Heartbeat(name="sweep", beaten_at=now))
    assert found(sqlite_settings)["jobs"].state is State.FINE
    written(sqlite_settings, Job(kind="x", key="x:1", due_at=now, stage=JobStage.DEAD))
    check = found(sqlite_settings)["jobs"]
    assert check.state is State.WRONG
    assert "rouge jobs list" in check.mend


@pytest.mark.parametrize(
    ("url", "state"), [("", State.NOTICE), ("http://vip.cn", State.NOTICE), ("https://vip.cn", State.FINE)]
)
def test_the_address_in_the_qr_codes(sqlite_settings: Settings, url: str, state: State) -> None:
    assert found(sqlite_settings.model_copy(update={"public_url": url}))["public_url"].state is state


@pytest.mark.parametrize(("key_mode", "code"), [(0o600, 0), (0o666, 1)])
def test_the_command_fails_only_for_what_is_essential(
    sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, key_mode: int, code: int
) -> None:
    sqlite_settings.key_path.chmod(key_mode)
    monkeypatch.setattr(doctor, "current_settings", lambda: sqlite_settings)
    plain, as_json = CliRunner().invoke(cli, ["doctor"]), CliRunner().invoke(cli, ["doctor", "--json"])
    assert plain.exit_code == as_json.exit_code == code
    assert json.loads(as_json.stdout)["ok"] is (code == 0)
    assert {line[0] for line in plain.stdout.splitlines() if not line.startswith(" ")} <= set("✓!✗")


# ── What the machine is asked ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_kind_of_file_system_is_that_of_the_nearest_mount(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = (
        "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"22 21 0:44 / {tmp_path} rw - nfs4 server:/shop rw\n"
        f"23 22 0:45 / {tmp_path}/with\\040space rw - cifs //server/x rw\n"
        f"24 21 0:46 / {tmp_path}x rw - tmpfs tmpfs rw\n"
    )
    monkeypatch.setattr(machine.Path, "read_text", lambda self, **_: mounts)
    (tmp_path / "with space").mkdir()
    assert file_system_of(Path("/")) == "ext4"
    assert file_system_of(tmp_path / "data" / "not" / "there") == "nfs4"
    assert file_system_of(tmp_path / "with space" / "data") == "cifs"


@pytest.mark.parametrize(
    ("output", "family"),
    [("", None), ("文泉驿微米黑,WenQuanYi Micro Hei\nNoto Sans CJK SC\n", "Noto Sans CJK SC")],
)
def test_a_chinese_font_is_found_by_what_it_can_draw(
    monkeypatch: pytest.MonkeyPatch, output: str, family: str | None
) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: "/usr/bin/fc-list")
    monkeypatch.setattr(machine.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=output))
    assert chinese_font() == family


def test_without_fontconfig_there_is_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert chinese_font() is None


class FakeAnswer:
    """What urlopen gives back."""

    def __init__(self, body: bytes, date: str | None) -> None:
        self.body, self.headers = body, {"Date": date} if date else {}

    def read(self, most: int) -> bytes:
        """The body."""
        return self.body[:most]

    def __enter__(self) -> "FakeAnswer":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_the_cdn_is_believed_only_when_the_checksum_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"htmx"
    good = "sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode()
    monkeypatch.setattr(machine.urllib.request, "urlopen", lambda url, timeout: FakeAnswer(body, None))
    assert ask_cdn("https://cdn.example/htmx.js", good) == CdnAnswer(True, None)
    assert ask_cdn("https://cdn.example/htmx.js", "sha384-AAAA") == CdnAnswer(False, None)
    assert ask_cdn("https://cdn.example/htmx.js", "md5-AAAA") == CdnAnswer(False, None)
    assert ask_cdn("/static/vendor/htmx.js", good) is None


def test_a_cdn_that_is_silent_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(url: str, timeout: float) -> FakeAnswer:
        raise TimeoutError

    monkeypatch.setattr(machine.urllib.request, "urlopen", silent)
    assert ask_cdn("https://cdn.example/htmx.js", "") is None


@pytest.fixture
def mail_server() -> Iterator[int]:
    """The port of a mail server on this machine."""
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=free_port(),
        auth_require_tls=False,
        authenticator=lambda server, session, envelope, mechanism, data: AuthResult(
            success=data.password == b"right word", handled=False
        ),
    )
    controller.start()
    yield controller.port
    controller.stop()


@pytest.mark.parametrize(("login", "answer"), [("", None), ("rouge:right%20word@", None), ("rouge:wrong@", "535")])
def test_a_mail_server_is_asked_without_sending_anything(mail_server: int, login: str, answer: str | None) -> None:
    assert ask_mail(f"smtp://{login}127.0.0.1:{mail_server}") == answer


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "smtps://127.0.0.1:1", "smtp://127.0.0.1:99999"])
def test_a_mail_server_that_is_not_there_has_a_reason(url: str) -> None:
    assert ask_mail(url)
