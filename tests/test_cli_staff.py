"""`rouge init` and `rouge user …`: accounts without a browser."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from app.actions.staff import sign_in
from app.cli import cli
from app.db import Database, open_database
from app.gateways.passwords import verify_password
from app.models import AuditEntry, Staff
from app.queries.staff import credentials_of, staff_of_session
from app.settings import Settings, current_settings
from app.vocabulary import Role
from tests.actions.test_staff import make
from tests.conftest import NOW

PASSWORD = "violet-harbor-nineteen"
Rouge = Callable[..., Result]


@pytest.fixture
def rouge(monkeypatch: pytest.MonkeyPatch) -> Rouge:
    """Runs `rouge …`, `typed` being its standard input."""

    def run(*words: str, typed: str | bytes = "") -> Result:
        current_settings.cache_clear()
        return CliRunner().invoke(cli, words, input=typed)

    yield run
    current_settings.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty machine: the data folder of a shop that is not there yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROUGE_DATA_DIR", str(tmp_path / "shop"))
    monkeypatch.delenv("ROUGE_DATABASE_URL", raising=False)
    return tmp_path / "shop"


@pytest.fixture
def shop(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A shop with its owner, which the command line finds."""
    monkeypatch.chdir(sqlite_settings.data_dir)
    monkeypatch.setenv("ROUGE_DATA_DIR", str(sqlite_settings.data_dir))
    monkeypatch.delenv("ROUGE_DATABASE_URL", raising=False)
    database = open_database(sqlite_settings)
    make(database, NOW)
    yield database
    database.engine.dispose()


def account(database: Database, login: str) -> Staff | None:
    """The account with this login."""
    with database.reading() as session:
        return session.exec(select(Staff).where(Staff.login == login)).first()


# ── init ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_init_makes_keys_database_and_owner(rouge: Rouge, folder: Path) -> None:
    done = rouge("init", "--owner", "王姐", "--login", "Boss", "--password-stdin", typed=f"{PASSWORD}\r\n")
    assert done.exit_code == 0, done.stderr
    assert "boss" in done.stdout
    assert (folder / "keys" / "rouge.key").stat().st_mode & 0o777 == 0o600
    database = open_database(Settings(_env_file=None, data_dir=folder, database_url=""))
    owner = account(database, "boss")
    assert (owner.name, owner.role) == ("王姐", Role.OWNER)
    assert verify_password(PASSWORD, owner.password_hash)[0]
    with database.reading() as session:
        assert "rouge" in session.exec(select(AuditEntry.actor).where(AuditEntry.subject == "staff")).all()
    database.engine.dispose()
    assert PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("--owner", "王姐"), PASSWORD, "--password-stdin"),
        (("--owner", "王姐", "--password-stdin"), "", "12"),
        (("--owner", "王姐", "--password-stdin"), "short\n", "12"),
        (("--owner", "王姐", "--password-stdin"), "password1234\n", "太常见"),
        (("--owner", "王姐", "--password-stdin"), "the-owner-is-here\n", "登录名"),
        (("--owner", "王姐", "--password-stdin"), b"\xff\xfe\xfd\n", "UTF-8"),
        (("--owner", " ", "--password-stdin"), f"{PASSWORD}\n", "姓名"),
        (("--owner", "王姐", "--login", "a b", "--password-stdin"), f"{PASSWORD}\n", "登录名"),
        (("--password-stdin",), f"{PASSWORD}\n", "--owner"),
    ],
)
def test_what_init_cannot_use_leaves_nothing_behind(
    rouge: Rouge, folder: Path, words: tuple[str, ...], typed: str | bytes, says: str
) -> None:
    done = rouge("init", *words, typed=typed)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not folder.exists()


def test_init_refuses_where_somebody_owns_the_shop(rouge: Rouge, shop: Database) -> None:
    done = rouge("init", "--owner", "李姐", "--login", "second", "--password-stdin", typed=f"{PASSWORD}\n")
    assert done.exit_code == 2
    assert "已经有店主" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert account(shop, "second") is None


# ── user ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_generated_password_is_printed_once_and_opens(rouge: Rouge, shop: Database) -> None:
    done = rouge("user", "add", "小李", "--login", "XiaoLi", "--role", "reception", "--json")
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["login"] == "xiaoli"
    assert verify_password(answer["password"], account(shop, "xiaoli").password_hash)[0]
    assert account(shop, "xiaoli").role is Role.RECEPTION
    assert answer["password"] not in rouge("user", "list").stdout


def test_a_given_password_is_not_printed(rouge: Rouge, shop: Database) -> None:
    done = rouge("user", "add", "小李", "--login", "li", "--role", "manager", "--password-stdin", typed=f"{PASSWORD}\n")
    assert done.exit_code == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "password" not in json.loads(
        rouge("user", "reset", "li", "--password-stdin", "--json", typed="another-long-word\n").stdout
    )


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("add", "小李", "--login", "BOSS", "--role", "manager"), "", "已有人用"),
        (("add", "小李", "--login", "a b", "--role", "manager"), "", "登录名"),
        (("add", "", "--login", "xiaoli", "--role", "manager"), "", "姓名"),
        (("add", "小李", "--login", "xiaoli", "--role", "queen"), "", "queen"),
        (("add", "小李", "--login", "xiaoli", "--role", "manager", "--password-stdin"), "xiaoli-xiaoli\n", "登录名"),
        (("reset", "nobody"), "", "nobody"),
        (("reset", "boss", "--password-stdin"), "short\n", "12"),
        (("unlock", "nobody"), "", "nobody"),
        (("disable", "nobody"), "", "nobody"),
        (("disable", "boss"), "", "最后一个店主"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    rouge: Rouge, shop: Database, words: tuple[str, ...], typed: str, says: str
) -> None:
    before = account(shop, "boss")
    done = rouge("user", *words, typed=typed)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    with shop.reading() as session:
        assert session.exec(select(Staff)).all() == [before]


def test_the_list_names_everybody(rouge: Rouge, shop: Database) -> None:
    make(shop, NOW, "gone", Role.BEAUTICIAN, is_active=False)
    users = json.loads(rouge("user", "list", "--json").stdout)["users"]
    assert [(user["login"], user["role"], user["is_active"]) for user in users] == [
        ("boss", "owner", True),
        ("gone", "beautician", False),
    ]
    lines = rouge("user", "list").stdout.splitlines()
    assert lines[0].split("\t")[:3] == ["boss", "店主", "王姐"]
    assert "已停用" in lines[1]


def test_reset_ends_every_session(rouge: Rouge, shop: Database) -> None:
    with shop.reading() as session:
        credentials = credentials_of(session, "boss")
    with shop.writing() as session:
        sid = sign_in(session, credentials, is_right=True, now=NOW)
    assert rouge("user", "reset", "BOSS").exit_code == 0
    with shop.reading() as session:
        assert staff_of_session(session, sid, NOW) is None


def test_unlock_and_disable_do_what_they_say(rouge: Rouge, shop: Database) -> None:
    make(shop, NOW, "li", Role.RECEPTION)
    with shop.writing() as session:
        session.exec(select(Staff).where(Staff.login == "li")).one().failed_logins = 9
    assert rouge("user", "unlock", "li").exit_code == 0
    assert account(shop, "li").failed_logins == 0
    assert rouge("user", "disable", "li").exit_code == 0
    assert not account(shop, "li").is_active


def test_a_shop_that_is_not_there_is_one_line(rouge: Rouge, folder: Path) -> None:
    done = rouge("user", "list")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
