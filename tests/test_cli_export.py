"""`rouge export`: everything the shop owns, exactly as it is, readable without Rouge."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlmodel import SQLModel, select
from typer.testing import CliRunner, Result

from app.actions.api_keys import create_api_key, issue_api_key
from app.actions.customers import create_customer
from app.cli import cli
from app.cli import export as command
from app.columns import Sealed, opened
from app.db import Database
from app.gateways.media import take_photo
from app.models import AuditEntry, Customer, Photo, PublicToken, Staff, SurveyResponse
from app.queries import shop_tables
from app.queries.shop_tables import LEFT_BEHIND, TAKEN_OUT, columns_left, columns_out
from app.rules.api_keys import KeyDetails
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.settings import Settings, current_settings
from app.vocabulary import AuditAction, PhotoKind
from seed.demo import build_demo
from tests.conftest import NOW

Rouge = Callable[..., Result]
ODD = '=1+1,"好"\r\n\t- 第二行\r只有回车 😀'
NEW = "晚到的"
PHONE, ALLERGY = "13800138000", "对薄荷过敏"


@pytest.fixture
def rouge(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rouge]:
    """Runs `rouge …` in that shop."""
    monkeypatch.setenv("ROUGE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ROUGE_DATABASE_URL", settings.database_url)
    current_settings.cache_clear()
    yield lambda *words: CliRunner().invoke(cli, words)
    current_settings.cache_clear()


@pytest.fixture
def shop(database: Database, settings: Settings) -> Database:
    """A shop with a bit of everything, a photo among it."""
    build_demo(database, today=date(2026, 11, 24), zone=settings.zone, customers=10)
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "pink").save(picture, "PNG")
    photo = take_photo(settings, picture.getvalue())
    with database.writing() as session:
        details = CustomerDetails(name="王小梅", phone=PHONE, note="怕痛", allergy_note=ALLERGY)
        customer = create_customer(session, details, policy=Policy(), now=NOW)
        customer.address = ODD
        kept = Photo(
            customer_id=customer.id, kind=PhotoKind.BEFORE, taken_on=NOW.date(), created_at=NOW,
            file_key=photo.file_key, sha256=photo.sha256, width=photo.width, height=photo.height,
        )  # fmt: skip
        session.add(kept)
        issue_api_key(session, create_api_key(session, KeyDetails(name="till"), now=NOW).id)
    return database


def read_csv(path: Path) -> list[dict[str, str]]:
    """A table as any program reads it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stored(database: Database, table: str) -> list[dict[str, Any]]:
    """What the database holds of a table, by the test's own reading."""
    source = SQLModel.metadata.tables[table]
    with database.reading() as session:
        rows = session.execute(select(source).order_by(source.c.id)).mappings().all()
    found = [{name: plain(row[name]) for name in columns_out(table)} for row in rows]
    if table == "audit_entries":
        found = [row for row in found if (row["action"], row["subject"]) != ("export", "shop")]
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Sealed):
        return opened(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file in it."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_csv(value: Any) -> str:
    """The same in a CSV."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def test_everything_is_read_back_as_it_lies_in_the_database(rouge: Rouge, shop: Database, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = rouge("export", str(out), "--json")
    assert done.exit_code == 0, done.stderr
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert {path.stem for path in out.glob("*.csv")} == set(TAKEN_OUT) == set(manifest["counts"])
    for table in TAKEN_OUT:
        there = stored(shop, table)
        assert json.loads((out / f"{table}.json").read_text("utf-8")) == there, table
        assert read_csv(out / f"{table}.csv") == [{name: in_csv(row[name]) for name in row} for row in there], table
        assert manifest["counts"][table] == len(there)
    assert json.loads(done.stdout)["counts"] == manifest["counts"]
    for name, checksum in manifest["sha256"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == checksum
    [photo] = json.loads((out / "photos.json").read_text("utf-8"))
    with Image.open(out / "media" / "photos" / f"{photo['id']}.jpg") as picture:
        assert picture.size == (40, 30)


def test_the_promised_columns_are_there_phones_in_full_and_texts_untouched(
    rouge: Rouge, shop: Database, tmp_path: Path
) -> None:
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    promised = {
        "customers": "id member_no name phone birthday email occupation note",
        "consents": "customer_id purpose channel notice_version granted_at withdrawn_at",
        "survey_questions": "survey_id key kind dimension weight scale_max",
        "survey_responses": "id survey_id submission_id",
        "survey_answers": "response_id question_key value",
        "complaints": "id receipt_no kind text due_at",
        "complaint_events": "complaint_id kind at",
        "purchases": "id order_no paid_fen occurred_at",
        "purchase_lines": "purchase_id item amount_fen",
    }
    for table, columns in promised.items():
        header = (tmp_path / "out" / f"{table}.csv").read_text("utf-8").splitlines()[0].split(",")
        assert set(columns.split()) <= set(header), table
    hers = next(row for row in read_csv(tmp_path / "out" / "customers.csv") if row["name"] == "王小梅")
    assert (hers["phone"], hers["allergy_note"], hers["address"]) == (f"+86{PHONE}", ALLERGY, ODD)


def test_two_exports_of_one_state_differ_in_the_time_alone(rouge: Rouge, shop: Database, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert rouge("export", str(tmp_path / name)).exit_code == 0
    files = [contents(tmp_path / name) for name in ("one", "two")]
    lists = [json.loads(found.pop(Path("manifest.json"))) for found in files]
    assert files[0] == files[1]
    times = [found.pop("exported_at") for found in lists]
    assert lists[0] == lists[1]
    assert all(datetime.fromisoformat(moment).tzinfo for moment in times)
    # The negative control: a change of the shop is a difference.
    with shop.writing() as session:
        session.exec(select(Customer)).first().note = "别的"
    assert rouge("export", str(tmp_path / "three")).exit_code == 0
    assert (tmp_path / "three" / "customers.csv").read_bytes() != files[0][Path("customers.csv")]


def test_no_secret_leaves_the_house(rouge: Rouge, shop: Database, tmp_path: Path, settings: Settings) -> None:
    with shop.reading() as session:
        secrets = [person.password_hash for person in session.exec(select(Staff))]
        secrets += [opened(row.token) for row in session.exec(select(PublicToken))]
        secrets += [row.file_key for row in session.exec(select(Photo))]
        kept = {row.submission_id for row in session.exec(select(SurveyResponse))}
    assert len(secrets) > 8
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "out").glob("*.*"))
    assert [secret for secret in secrets if secret in written] == []
    assert settings.key_path.read_text().strip() not in written
    assert all(submission in written for submission in kept)  # promised to other programs
    left = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["columns_left_out"]
    assert left["staff"] == ["password_hash"]
    assert left["customers"] == ["phone_index", "wechat_index"]
    assert left["public_tokens"] == ["sha256", "token"]


def test_every_table_is_taken_out_or_named_as_left() -> None:
    assert set(TAKEN_OUT) & set(LEFT_BEHIND) == set()
    assert set(TAKEN_OUT) | set(LEFT_BEHIND) == set(SQLModel.metadata.tables)
    assert list(TAKEN_OUT) == sorted(TAKEN_OUT)
    for table in TAKEN_OUT:
        secret = [one.name for one in SQLModel.metadata.tables[table].columns if one.info.get("personal") == "secret"]
        assert set(secret) - {"submission_id"} <= set(columns_left(table)) | {"submission_id"}, table
    # The negative control: a table nobody decided about is seen.
    assert {"rows_of_tomorrow"} | set(TAKEN_OUT) | set(LEFT_BEHIND) != set(SQLModel.metadata.tables)


@pytest.mark.parametrize("there", ["a file inside", "a file in its place"])
def test_a_folder_in_use_is_refused_in_one_line_and_left_alone(
    rouge: Rouge, database: Database, tmp_path: Path, there: str
) -> None:
    out = tmp_path / "out"
    if there == "a file inside":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    else:
        out.write_text("mine")
    done = rouge("export", str(out))
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.glob("out/*")] == (["mine.txt"] if out.is_dir() else [])
    with database.reading() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.EXPORT)).all() == []


def test_only_the_owner_of_the_files_can_read_them(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o755)
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_the_journal_says_so_before_anything_leaves_and_a_broken_export_leaves_no_files(
    rouge: Rouge, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shop_tables.rows_of

    def full_disk(session: Any, table: str) -> Iterator[Any]:
        yield from whole(session, table)
        if table == "purchases":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "rows_of", full_disk)
    done = rouge("export", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "No space left on device" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
    with database.reading() as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.EXPORT)).all()
    assert (entry.subject, entry.actor) == ("shop", "rouge")
    assert json.loads(entry.changes)["rows"] > 5


def test_what_is_changed_while_it_runs_is_in_none_of_its_files(
    rouge: Rouge, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop stays open; the export is of one moment."""
    monkeypatch.setattr(command, "rows_of", Busy(database, "13900139000"))
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    assert NEW not in (tmp_path / "out" / "customers.csv").read_text("utf-8")
    assert rouge("export", str(tmp_path / "next")).exit_code == 0
    assert NEW in (tmp_path / "next" / "customers.csv").read_text("utf-8")


def test_control_without_holding_still_each_table_is_of_its_own_moment(
    rouge: Rouge, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        pytest.skip("a reader of SQLite always sees one moment")
    monkeypatch.setattr(command, "rows_of", Busy(database, "13900139000"))
    monkeypatch.setattr(command, "hold_still", lambda session: None)
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    assert NEW in (tmp_path / "out" / "customers.csv").read_text("utf-8")


class Busy:
    """Reads rows, and enters somebody the moment the first table is read."""

    def __init__(self, shop: Database, phone: str) -> None:
        self.shop, self.phone, self.is_done = shop, phone, False

    def __call__(self, session: Any, table: str) -> Iterator[Any]:
        if not self.is_done:
            self.is_done = True
            with self.shop.writing() as writing:
                create_customer(writing, CustomerDetails(name=NEW, phone=self.phone), policy=Policy(), now=NOW)
        return shop_tables.rows_of(session, table)


def test_the_guide_speaks_both_languages(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    assert rouge("export", str(tmp_path / "out")).exit_code == 0
    guide = (tmp_path / "out" / "README.txt").read_text("utf-8")
    assert re.search("公式", guide)
    assert re.search("formulas", guide)
    assert not (tmp_path / "out" / "customers.csv").read_bytes().startswith(b"\xef\xbb\xbf")
