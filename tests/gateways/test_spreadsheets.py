"""Files as people bring them: read as text, or refused in one sentence."""

import hashlib
import os
import subprocess
import sys
import zipfile
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from app.gateways.spreadsheets import open_table
from app.rules import spreadsheets as refusals
from app.rules.refusals import RuleBroken

HEADER, ROW = ("姓名", "手机"), ("曾喆嫒", "13800138000")


def read(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    """The rows of a file."""
    return list(open_table(path).rows())


def refused(path: Path, refusal: type[RuleBroken]) -> str:
    """The sentence a file is refused with."""
    with pytest.raises(refusal) as caught:
        read(path)
    return caught.value.say(str)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_every_encoding_and_with_every_delimiter(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "till.csv"
    path.write_text(f"姓名{delimiter}手机\r\n曾喆嫒{delimiter}13800138000\r\n", encoding=encoding)
    assert read(path) == [(1, HEADER), (2, ROW)]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_rare_characters_survive(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "till.csv"
    path.write_text("姓名\n𡃁喆嫒\n", encoding=encoding)
    assert read(path)[1] == (2, ("𡃁喆嫒",))


def test_the_table_can_be_read_again_and_knows_itself(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text("姓名\n张\n", encoding="utf-8")
    table = open_table(path)
    assert list(table.rows()) == list(table.rows())
    assert table.name == "till.csv"
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_are_numbered_as_excel_numbers_them(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text('姓名,备注\n张,"一\n二"\n\n李,\n', encoding="utf-8")
    assert read(path) == [(1, ("姓名", "备注")), (2, ("张", "一\n二")), (3, ()), (4, ("李", ""))]


def test_a_comma_in_quotes_is_no_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text('"姓名,全名,称呼";手机\n"张,晓丽";1\n', encoding="utf-8")
    assert read(path)[1] == (2, ("张,晓丽", "1"))


def test_a_workbook_shows_what_excel_shows(tmp_path: Path) -> None:
    path = tmp_path / "till.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": '[$-804]yyyy"年"m"月"d"日";@'})
    for column, value in enumerate([13800138000, 13800138000.0, 0.1 + 0.2, "00123", True, 1234.5]):
        sheet.write(0, column, value)
    sheet.write_datetime(1, 0, datetime(2026, 11, 24, 18, 30), day)
    sheet.write_datetime(1, 1, datetime(1990, 1, 2), day)
    sheet.write_datetime(1, 2, date(1990, 1, 2), day)
    sheet.write_datetime(1, 3, time(9, 5), book.add_format({"num_format": "hh:mm"}))
    sheet.write_formula(1, 4, "=1+1", None, 2)
    sheet.write_formula(1, 5, '="张"&"三"', None, "张三")
    sheet.write_formula(2, 0, "=1/0", None, "#DIV/0!")
    book.close()
    assert read(path) == [
        (1, ("13800138000", "13800138000", "0.3", "00123", "TRUE", "1234.5")),
        (2, ("2026-11-24 18:30:00", "1990-01-02", "1990-01-02", "09:05:00", "2", "张三")),
        (3, ("", "", "", "", "", "")),
    ]


def test_merged_cells_fill_only_their_first(tmp_path: Path) -> None:
    path = tmp_path / "till.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (("单号", "金额"), ("A1", 1), ("", 2)):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    book.save(path)
    assert read(path) == [(1, ("单号", "金额")), (2, ("A1", "1")), (3, ("", "2"))]


def test_rows_above_and_an_empty_first_sheet_do_not_shift_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "till.xlsx"
    book = openpyxl.Workbook()
    sheet = book.create_sheet("数据")
    sheet["B3"] = "姓名"
    book.save(path)
    assert read(path) == [(1, ("",)), (2, ("",)), (3, ("姓名",))]


def test_the_name_says_nothing_the_content_everything(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.save(tmp_path / "book.xlsx")
    (tmp_path / "book.xlsx").rename(tmp_path / "book.csv")
    assert read(tmp_path / "book.csv") == [(1, HEADER)]
    (tmp_path / "text.xlsx").write_text("姓名,手机\n", encoding="gb18030")
    assert read(tmp_path / "text.xlsx") == [(1, HEADER)]


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", refusals.FileEmpty),
        (b"\xef\xbb\xbf\r\n \r\n", refusals.FileEmpty),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", refusals.NotATable),
        (b"\x89PNG\r\n\x1a\n\0\0", refusals.NotATable),
        (b"a,b\0\0\0", refusals.NotText),
        (b"\0" * 9000, refusals.NotText),
        ("姓名,手机\n".encode("utf-16"), refusals.EncodingUnknown),
        (b"<html><table><tr><td>x</td></tr></table></html>", refusals.WebPageInDisguise),
        (b"\r\n <?xml version='1.0'?><Workbook/>", refusals.WebPageInDisguise),
        (b"PK\x03\x04 not really", refusals.WorkbookDamaged),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, refusals.WorkbookDamaged),
        ("姓名\n".encode() + b"\xff\xff\xff\n", refusals.EncodingUnknown),
        ('姓名,手机\n张,"不关\n'.encode() + "字".encode() * 60_000, refusals.CsvBroken),
    ],
)
@pytest.mark.parametrize("name", ["till.xlsx", "till.csv", "till.xls"])
def test_what_is_no_table_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, refusal: type[RuleBroken], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    sentence = refused(path, refusal)
    assert "\n" not in sentence
    assert "{" not in sentence


def test_bytes_that_are_no_text_are_said_plainly(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_bytes(b"a\0b\0" * 999)
    assert "?" not in refused(path, refusals.NotText)
    assert "不是文字" in refused(path, refusals.NotText)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "nowhere.csv" in refused(tmp_path / "nowhere.csv", refusals.FileMissing)
    refused(tmp_path, refusals.FileMissing)


def test_a_wrong_letter_at_the_very_end_is_found_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_bytes("姓名,手机\n".encode() + "张,1\n".encode() * 300_000 + b"\xff\xff\n")
    with pytest.raises(refusals.EncodingUnknown) as refusal:
        open_table(path)
    assert refusal.value.values["row"] > 1


def test_a_workbook_with_a_password_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "till.xlsx"
    path.write_bytes(_locked_workbook())
    refused(path, refusals.WorkbookLocked)


def _locked_workbook() -> bytes:
    """The old container Excel puts an encrypted workbook into: one directory sector naming its stream."""
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504)
    header[24:32] = b"\x3e\0\x03\0\xfe\xff\x09\0"
    header[32:34] = b"\x06\0"
    header[44:48], header[48:52] = b"\x01\0\0\0", b"\x01\0\0\0"
    header[56:60] = b"\0\x10\0\0"
    header[60:76] = b"\xfe\xff\xff\xff\0\0\0\0\xfe\xff\xff\xff\0\0\0\0"
    header[76:512] = b"\0\0\0\0" + b"\xff" * 432
    table = (b"\xfd\xff\xff\xff\xfe\xff\xff\xff" + b"\xff" * 504)[:512]
    return bytes(header) + table + _entry("Root Entry", 5, child=1) + _entry("EncryptedPackage", 2) + b"\0" * 256


def _entry(name: str, kind: int, child: int = -1) -> bytes:
    letters = name.encode("utf-16-le") + b"\0\0"
    links = b"\xff" * 8 + child.to_bytes(4, "little", signed=True)
    return (
        letters.ljust(64, b"\0")
        + len(letters).to_bytes(2, "little")
        + bytes([kind, 1])
        + links
        + b"\0" * 36
        + b"\xfe\xff\xff\xff"
        + b"\0" * 8
    )


def test_a_workbook_that_unpacks_to_a_mountain_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as sheet,
    ):
        for _ in range(101):
            sheet.write(b"0" * 1_000_000)
    assert path.stat().st_size < 1_000_000
    assert "CSV" in refused(path, refusals.WorkbookTooLarge)


WIDE = [f"列{place}" for place in range(refusals.MOST_COLUMNS + 1)]


def as_file(path: Path, rows: list[list[str]]) -> Path:
    """A file of the kind its name says, with these rows."""
    if path.suffix == ".csv":
        path.write_text("\n".join(",".join(cells) for cells in rows), encoding="utf-8")
        return path
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    for place, cells in enumerate(rows):
        sheet.write_row(place, 0, cells)
    book.close()
    return path


@pytest.mark.parametrize("name", ["wide.csv", "wide.xlsx"])
def test_more_columns_than_anybody_could_name_are_refused_wherever_they_stand(tmp_path: Path, name: str) -> None:
    said = refused(as_file(tmp_path / name, [WIDE, WIDE]), refusals.TooManyColumns)
    assert said.startswith("一个表格最多 200 列，第 1 行有 201 列")
    assert "第 3 行" in refused(as_file(tmp_path / name, [WIDE[:2], ["a", "b"], WIDE]), refusals.TooManyColumns)


@pytest.mark.parametrize("name", ["wide.csv", "wide.xlsx"])
def test_as_many_columns_as_may_be_are_read_and_empty_ones_behind_them_do_not_count(tmp_path: Path, name: str) -> None:
    most = WIDE[:-1]
    rows = read(as_file(tmp_path / name, [most + [""] * 500, [*most, " "]]))
    assert [cells for _, cells in rows] == [tuple(most), tuple(most)]


def test_a_wide_old_xls_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.gateways.spreadsheets.MOST_COLUMNS", 3)
    refused(Path(__file__).parents[1] / "files" / "till.xls", refusals.TooManyColumns)


def test_a_zip_of_something_else_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "photos.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", "x")
    refused(path, refusals.NotATable)


def test_a_csv_of_200_megabytes_needs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    row = f"张晓丽,10000000001,{'面霜洗面奶护理' * 43}\n".encode()
    with path.open("wb") as file:
        file.write("姓名,手机,备注\n".encode())
        for _ in range(225):
            file.write(row * 1000)
    assert path.stat().st_size > 200_000_000
    rows, megabytes = _counted(path)
    assert rows == "225001"
    assert megabytes < 150


@pytest.mark.parametrize("piece", ["面霜洗面奶护理" * 50, "面霜洗面奶护理" * 49 + "\n"])
def test_a_csv_of_200_megabytes_that_is_one_endless_cell_is_refused_with_little_memory(
    tmp_path: Path, piece: str
) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write('姓名,备注\n张,"'.encode())
        while file.tell() < 200_000_000:
            file.write(piece.encode() * 10_000)
    refusal, megabytes = _counted(path)
    assert refusal == "CsvBroken:2"
    assert megabytes < 250


def test_a_long_cell_is_a_matter_of_its_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text("姓名,备注\n张," + "长" * 200_000 + "\n李,\n", encoding="utf-8")
    assert read(path) == [(1, ("姓名", "备注")), (2, ("张", "长" * 100_001)), (3, ("李", ""))]


def _counted(path: Path) -> tuple[str, int]:
    """How many rows a file has, or its refusal and row; and the most megabytes that took."""
    script = (
        "import re, sys; from pathlib import Path; from app.gateways.spreadsheets import open_table\n"
        "from app.rules.refusals import RuleBroken\n"
        "try: rows = sum(1 for _ in open_table(Path(sys.argv[1])).rows())\n"
        "except RuleBroken as fault: rows = type(fault).__name__ + ':' + str(fault.values['row'])\n"
        "print(rows, int(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True, env=os.environ
    )
    rows, megabytes = done.stdout.split()
    return rows, int(megabytes)


def test_an_old_xls_of_a_till_is_read_too() -> None:
    """The file is a real BIFF8 workbook: a phone kept as a number, a day as a day."""
    rows = read(Path(__file__).parents[1] / "files" / "till.xls")
    assert rows[0][1] == ("姓名", "手机", "生日", "性别")
    assert rows[1][1] == ("王小梅", "10000001234", "1990-01-02", "女")
    assert rows[2][1] == ("曾喆", "1000000 5678", "农历八月十五", "男")
