"""`rouge cards` and `rouge poster` as a person types them."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlmodel import select
from typer.testing import CliRunner

from app import cli as package
from app.actions.customers import create_customer
from app.cli import cli, prints
from app.db import Database, open_database
from app.models import AuditEntry, PublicToken, Survey, Tier
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.settings import Settings
from app.vocabulary import AuditAction, SurveyMode, SurveyStatus
from tests.paper import Paper, codes_in

Rouge = Callable[..., Result]


@pytest.fixture
def rouge(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Rouge:
    """Types a `rouge` command; `public_url` is where the shop can be reached."""

    def typed(*words: object, public_url: str = "https://vip.example.cn") -> Result:
        settings = sqlite_settings.model_copy(update={"public_url": public_url})
        monkeypatch.setattr(package, "current_settings", lambda: settings)
        return CliRunner().invoke(cli, [str(word) for word in words])

    return typed


@pytest.fixture
def database(sqlite_settings: Settings) -> Database:
    """The shop the command works on."""
    return open_database(sqlite_settings)


@pytest.fixture
def numbers(database: Database, now: datetime) -> list[str]:
    """Three customers on two tiers; their numbers."""
    with database.writing() as session:
        tiers = session.exec(select(Tier).order_by(Tier.rank)).all()
        people = [("王小梅", tiers[0]), ("欧阳娜娜", tiers[1]), ("李喆", tiers[0])]
        return [
            create_customer(session, CustomerDetails(name=name, tier_id=tier.id), policy=Policy(), now=now).member_no
            for name, tier in people
        ]


def tokens(database: Database) -> int:
    """How many card addresses there are."""
    with database.reading() as session:
        return len(session.exec(select(PublicToken)).all())


def test_a_chosen_few_are_printed(rouge: Rouge, numbers: list[str], tmp_path: Path) -> None:
    out = tmp_path / "cards.pdf"
    result = rouge("cards", "--out", out, "--member", f"{numbers[0][:4]} {numbers[0][4:]}", "--member", numbers[1])
    assert result.exit_code == 0, result.output
    paper = Paper(out.read_bytes())
    assert paper.sizes_mm == [(85.60, 53.98)] * 4
    assert "欧阳娜娜" in paper.text(1)
    assert "王小梅" in paper.text(3)
    (code,) = codes_in(paper.picture(2))
    assert re.fullmatch(r"https://vip\.example\.cn/card/[\w-]{32}", code)


def test_a_whole_tier_is_printed_on_a4(rouge: Rouge, numbers: list[str], tmp_path: Path) -> None:
    out = tmp_path / "tier.pdf"
    result = rouge("cards", "--out", out, "--tier", "普通会员", "--layout", "a4", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"cards": 2, "file": str(out)}
    paper = Paper(out.read_bytes())
    assert paper.sizes_mm == [(210.0, 297.0)] * 2
    assert "欧阳娜娜" not in paper.text(1)


def test_everyone_is_printed(rouge: Rouge, numbers: list[str], tmp_path: Path) -> None:
    out = tmp_path / "all.pdf"
    assert rouge("cards", "--out", out, "--all").exit_code == 0
    assert len(Paper(out.read_bytes()).sizes_mm) == 6


def test_the_same_card_again_has_the_same_code_and_a_reissued_one_another(
    rouge: Rouge, numbers: list[str], tmp_path: Path
) -> None:
    codes = []
    for again in ([], [], ["--anew"]):
        out = tmp_path / "card.pdf"
        assert rouge("cards", "--out", out, "--member", numbers[0], *again).exit_code == 0
        codes += codes_in(Paper(out.read_bytes()).picture(2))
    assert codes[0] == codes[1] != codes[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "还没有选印给谁"),
        (("--member", "99999999"), "99999999"),
        (("--tier", "白金"), "没有叫“白金”的等级"),
        (("--tier", "金卡会员"), "还没有顾客"),
    ],
)
def test_what_cannot_be_printed_is_one_line_and_nothing_is_left(
    rouge: Rouge, database: Database, numbers: list[str], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    out = tmp_path / "cards.pdf"
    result = rouge("cards", "--out", out, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""
    assert not out.exists()
    assert tokens(database) == 0


def test_a_file_that_cannot_be_written_changes_nothing(
    rouge: Rouge, database: Database, numbers: list[str], tmp_path: Path
) -> None:
    result = rouge("cards", "--out", tmp_path / "nowhere" / "cards.pdf", "--all")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr
    assert tokens(database) == 0


def test_a_character_that_cannot_be_printed_stops_the_run_before_anything_is_written(
    rouge: Rouge, database: Database, now: datetime, tmp_path: Path
) -> None:
    with database.writing() as session:
        create_customer(session, CustomerDetails(name="王\U0010fffd"), policy=Policy(), now=now)
    result = rouge("cards", "--out", tmp_path / "cards.pdf", "--all")
    assert result.exit_code == 2
    assert "apt-get install fonts-noto-cjk" in result.stderr
    assert tokens(database) == 0
    assert list(tmp_path.glob("*.pdf")) == []


def test_a_run_is_written_down(rouge: Rouge, database: Database, numbers: list[str], tmp_path: Path) -> None:
    rouge("cards", "--out", tmp_path / "all.pdf", "--all", "--layout", "a4")
    with database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.PRINT)).one()
    assert (entry.actor, entry.subject) == ("rouge", "customers")
    assert json.loads(entry.changes) == {"count": 3, "layout": "a4", "anew": 0}


@pytest.mark.parametrize(("public_url", "warned"), [("", True), ("https://vip.example.cn", False)])
@pytest.mark.parametrize("command", [("cards", "--all"), ("poster", "--survey", "satisfaction")])
def test_codes_that_lead_to_this_machine_only_are_warned_of(
    rouge: Rouge, numbers: list[str], tmp_path: Path, command: tuple[str, ...], public_url: str, warned: bool
) -> None:
    result = rouge(*command, "--out", tmp_path / "out.pdf", public_url=public_url)
    assert result.exit_code == 0
    assert ("ROUGE_PUBLIC_URL" in result.stderr) is warned


@pytest.mark.parametrize(("size", "paper_mm"), [("a4", (210.0, 297.0)), ("a6", (105.0, 148.0))])
def test_a_poster_leads_to_its_survey(
    rouge: Rouge, database: Database, tmp_path: Path, size: str, paper_mm: tuple[float, float]
) -> None:
    out = tmp_path / "poster.pdf"
    result = rouge("poster", "--survey", "satisfaction", "--out", out, "--size", size)
    assert result.exit_code == 0, result.output
    paper = Paper(out.read_bytes())
    assert paper.sizes_mm == [paper_mm]
    assert codes_in(paper.picture(1, 150)) == ["https://vip.example.cn/s/satisfaction"]
    with database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.PRINT)).one()
    assert (entry.subject, json.loads(entry.changes)) == ("surveys", {"size": size})


def test_a_poster_of_an_unknown_survey_is_one_line(rouge: Rouge, tmp_path: Path) -> None:
    result = rouge("poster", "--survey", "nope", "--out", tmp_path / "poster.pdf")
    assert result.exit_code == 2
    assert "satisfaction" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "mode", "said"),
    [
        (SurveyStatus.DRAFT, SurveyMode.OPEN, "草稿"),
        (SurveyStatus.CLOSED, SurveyMode.OPEN, "已经结束"),
        (SurveyStatus.PUBLISHED, SurveyMode.IDENTIFIED, "专属邀请"),
    ],
)
def test_a_survey_nobody_could_answer_gets_no_poster(
    rouge: Rouge, database: Database, tmp_path: Path, status: SurveyStatus, mode: SurveyMode, said: str
) -> None:
    with database.writing() as session:
        session.add(Survey(slug="other", title="别的", status=status, mode=mode))
    result = rouge("poster", "--survey", "other", "--out", tmp_path / "poster.pdf")
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "poster.pdf").exists()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "cards.pdf"
    out.write_bytes(b"old")

    def full_disk(self: Path, _: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        prints._save(out, b"new")
    assert out.read_bytes() == b"old"
