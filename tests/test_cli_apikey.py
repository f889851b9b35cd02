"""`rouge apikey …`: a key is printed once, and only its fingerprint is kept."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from app.cli import cli
from app.db import Database
from app.models import ApiKey, AuditEntry, Store
from app.queries.api_keys import caller_with
from app.rules.tokens import fingerprint
from app.settings import Settings, current_settings
from tests.conftest import NOW

Rouge = Callable[..., Result]


@pytest.fixture
def rouge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rouge]:
    """Runs `rouge …` in that shop."""
    monkeypatch.setenv("ROUGE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ROUGE_DATABASE_URL", settings.database_url)
    current_settings.cache_clear()
    yield lambda *words: CliRunner().invoke(cli, words)
    current_settings.cache_clear()


def keys(database: Database) -> list[ApiKey]:
    """Every key there is."""
    with database.reading() as session:
        return list(session.exec(select(ApiKey).order_by(ApiKey.id)))


def test_a_key_is_printed_once_alone_on_its_line_and_only_its_fingerprint_is_kept(
    rouge: Rouge,
    database: Database,
) -> None:
    done = rouge("apikey", "create", "前台收银机")
    assert done.exit_code == 0, done.stderr
    key = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"rouge_[\w-]{43}", key)
    [row] = keys(database)
    assert bytes(row.sha256) == fingerprint(key)
    with database.reading() as session:
        assert caller_with(session, key).name == "前台收银机"
        entries = session.exec(select(AuditEntry).where(AuditEntry.subject == "api_keys")).all()
    assert {entry.actor for entry in entries} == {"rouge"}
    assert key not in "".join(entry.changes for entry in entries)
    assert key not in rouge("apikey", "list").stdout


def test_programs_read_it_as_json(rouge: Rouge, database: Database) -> None:
    with database.writing() as session:
        session.add(Store(code="north", name="北店"))
    made = json.loads(rouge("apikey", "create", "pos", "--store", "north", "--json").stdout)
    assert made["name"] == "pos"
    assert made["store"] == "north"
    rouge("apikey", "revoke", "pos", "--json")
    [listed] = json.loads(rouge("apikey", "list", "--json").stdout)["keys"]
    assert (listed["name"], listed["store"], listed["last_used_on"]) == ("pos", "north", None)
    assert listed["revoked_at"]
    with database.reading() as session:
        assert caller_with(session, made["key"]) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("create", "pos"), "这个名字的密钥已经有了"),
        (("create", ""), "请给密钥起个名字"),
        (("create", "x" * 41), "最多 40 个字"),
        (("create", "web", "--store", "nowhere"), "没有这家门店"),
        (("revoke", "nobody"), "没有叫“nobody”的密钥"),
        (("revoke", "old"), "已经停用"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    rouge: Rouge,
    database: Database,
    words: tuple[str, ...],
    says: str,
) -> None:
    with database.writing() as session:
        session.add(ApiKey(name="pos", sha256=bytes(32), created_at=NOW))
        session.add(ApiKey(name="old", sha256=bytes(31) + b"1", created_at=NOW, revoked_at=NOW))
    done = rouge("apikey", *words)
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert len(keys(database)) == 2


def test_a_shop_without_keys_says_how_to_make_one(rouge: Rouge, database: Database) -> None:
    assert "rouge apikey create" in rouge("apikey", "list").stdout
