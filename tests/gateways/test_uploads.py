"""What waits to be imported: sealed on the disk, read back at any place, and never believed when it was touched."""

import csv
import io
import os
import secrets
import zipfile
from pathlib import Path

import pytest

from app.db import open_database
from app.gateways.spreadsheets import open_table
from app.gateways.uploads import (
    PIECE,
    Arriving,
    bytes_of,
    drop_orphans,
    drop_upload,
    upload,
    upload_path,
)
from app.rules.spreadsheets import FileMissing
from app.rules.uploads import UploadTooLarge
from app.settings import Settings
from tests.files.dirty import dirty_xlsx


@pytest.fixture(autouse=True)
def keys(sqlite_settings: Settings) -> None:
    """The shop's keys."""
    open_database(sqlite_settings).engine.dispose()


def arrived(settings: Settings, content: bytes, block: int = 10_000) -> Arriving:
    """A file that has come in, block by block."""
    arriving = Arriving(settings)
    for start in range(0, len(content), block):
        arriving.write(content[start : start + block])
    arriving.finish()
    return arriving


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
def test_what_came_in_is_read_back_whole_and_at_any_place(sqlite_settings: Settings, size: int) -> None:
    content = secrets.token_bytes(size)
    arriving = arrived(sqlite_settings, content)
    with upload(sqlite_settings, arriving.key, "a").open() as file:
        assert file.read() == content
        assert file.seek(0, os.SEEK_END) == size
        for place in (0, size // 2, max(0, size - 3), max(0, PIECE - 2)):
            file.seek(place)
            assert file.read(5) == content[place : place + 5]
    assert arriving.size == size


def test_nothing_of_it_lies_in_the_open_and_nobody_else_may_read_it(sqlite_settings: Settings) -> None:
    content = "王小丽,13800138001\n".encode() * 10_000
    arriving = arrived(sqlite_settings, content)
    path = upload_path(sqlite_settings, arriving.key)
    sealed = path.read_bytes()
    assert b"13800138001" not in sealed
    assert "王小丽".encode() not in sealed
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(sealed) < len(content) * 1.01 + 200


def test_the_same_file_twice_looks_different_on_the_disk(sqlite_settings: Settings) -> None:
    one, two = (arrived(sqlite_settings, b"x" * 1000) for _ in range(2))
    assert one.sha256 == two.sha256
    assert upload_path(sqlite_settings, one.key).read_bytes() != upload_path(sqlite_settings, two.key).read_bytes()


def swapped(sealed: bytes) -> bytes:
    """Two pieces changed places."""
    piece, head = PIECE + 16, len(sealed) - 3 * (PIECE + 16)
    return (
        sealed[:head]
        + sealed[head + piece : head + 2 * piece]
        + sealed[head : head + piece]
        + sealed[head + 2 * piece :]
    )


TOUCHED = {
    "one bit": lambda sealed: sealed[:200] + bytes([sealed[200] ^ 1]) + sealed[201:],
    "cut off at a piece": lambda sealed: sealed[: len(sealed) - PIECE - 16],
    "cut off anywhere": lambda sealed: sealed[:-5],
    "something added": lambda sealed: sealed + b"x",
    "two pieces swapped": swapped,
    "another file": lambda sealed: b"ROUGE BACKUP\n" + sealed[13:],
    "nothing": lambda sealed: b"",
}


@pytest.mark.parametrize("how", TOUCHED)
def test_what_was_touched_is_not_believed(sqlite_settings: Settings, how: str) -> None:
    arriving = arrived(sqlite_settings, secrets.token_bytes(3 * PIECE))
    path = upload_path(sqlite_settings, arriving.key)
    path.write_bytes(TOUCHED[how](path.read_bytes()))
    with pytest.raises(OSError), upload(sqlite_settings, arriving.key, "a").open() as file:  # noqa: PT011  any kind of it
        file.read()


def test_a_file_above_the_limit_is_refused_while_it_comes(sqlite_settings: Settings) -> None:
    small = sqlite_settings.model_copy(update={"upload_limit_mb": 1})
    arriving = Arriving(small)
    for _ in range(10):
        arriving.write(b"x" * 100_000)
    with pytest.raises(UploadTooLarge):
        arriving.write(b"x")
    arriving.drop()
    assert list(small.uploads_dir.iterdir()) == []


@pytest.mark.parametrize("key", ["", "../keys/rouge.key", "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "/"])
def test_what_is_no_key_leads_nowhere(sqlite_settings: Settings, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        upload_path(sqlite_settings, key)
    drop_upload(sqlite_settings, key)
    assert bytes_of(sqlite_settings, key) == 0
    assert sqlite_settings.key_path.exists()


def test_a_csv_and_a_workbook_are_read_from_it_as_from_a_file(sqlite_settings: Settings, tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["姓名", "手机"], *(["王小丽", f"{number:011d}"] for number in range(20_000))])
    plain = tmp_path / "a.csv"
    plain.write_bytes(text.getvalue().encode("gb18030"))
    for path in (plain, dirty_xlsx(tmp_path / "b.xlsx"), Path(__file__).parents[1] / "files" / "zeros.xls"):
        arriving = arrived(sqlite_settings, path.read_bytes())
        sealed = open_table(upload(sqlite_settings, arriving.key, path.name))
        open_one = open_table(path)
        assert (sealed.name, sealed.sha256) == (open_one.name, open_one.sha256)
        assert list(sealed.rows()) == list(open_one.rows()) == list(sealed.rows())


def test_a_workbook_bomb_is_refused_before_it_is_unpacked(sqlite_settings: Settings) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(12):
            archive.writestr(f"xl/{number}.xml", b"0" * 10_000_000)
    arriving = arrived(sqlite_settings, packed.getvalue())
    with pytest.raises(Exception, match="workbook_too_large"):
        open_table(upload(sqlite_settings, arriving.key, "a.xlsx"))


def test_one_that_is_gone_says_so_by_its_own_name(sqlite_settings: Settings) -> None:
    arriving = arrived(sqlite_settings, b"a,b\n1,2\n")
    drop_upload(sqlite_settings, arriving.key)
    with pytest.raises(FileMissing) as refused:
        open_table(upload(sqlite_settings, arriving.key, "会员.csv"))
    assert "会员.csv" in refused.value.say(str)


def test_leftovers_go_after_a_day_and_what_is_wanted_stays(sqlite_settings: Settings) -> None:
    wanted, old, fresh = (arrived(sqlite_settings, b"x") for _ in range(3))
    for one in (wanted, old):
        os.utime(upload_path(sqlite_settings, one.key), (0, 0))
    assert drop_orphans(sqlite_settings, {wanted.key}) == 1
    assert {path.name for path in sqlite_settings.uploads_dir.iterdir()} == {wanted.key, fresh.key}
