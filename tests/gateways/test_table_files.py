"""Files that are written while they are read: opened again by the programs people have."""

import csv
import os
import time
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from app.gateways.table_files import Portion, csv_file, workbook_file

HEADINGS = ("姓名", "实付", "次数", "日期", "时间", "空")
ROW = ("王小丽", Decimal("-427.50"), 3, date(2026, 11, 24), datetime(2026, 11, 24, 18, 30, 5), None)
PAYLOADS = [
    '=HYPERLINK("http://evil","点我")',
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "＝1+1",
    "http://evil",
    "007",
    "1" * 18,
]


def csv_rows(content: bytes) -> list[list[str]]:
    """A CSV as a spreadsheet program reads it."""
    return list(csv.reader(StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_csv_says_that_it_is_utf8_and_keeps_numbers_as_numbers() -> None:
    content = b"".join(csv_file(HEADINGS, [[ROW]]))
    assert content.startswith(b"\xef\xbb\xbf")
    assert csv_rows(content) == [
        list(HEADINGS),
        ["王小丽", "-427.50", "3", "2026-11-24", "2026-11-24 18:30:05", ""],
    ]
    assert '"王小丽",-427.50,3,'.encode() in content


def test_a_csv_holds_no_formula_and_loses_nothing() -> None:
    rows = csv_rows(b"".join(csv_file(["备注"], [[[text] for text in PAYLOADS]])))[1:]
    assert [row[0].removeprefix("'") for row in rows] == PAYLOADS
    assert [row[0] for row in rows[:6]] == [f"'{text}" for text in PAYLOADS[:6]]
    assert [row[0] for row in rows[6:]] == PAYLOADS[6:]


def test_a_csv_comes_portion_by_portion() -> None:
    read: list[int] = []

    def portions() -> Iterator[Portion]:
        for number in range(3):
            read.append(number)
            yield [[number]]

    blocks = csv_file(["编号"], portions())
    assert csv_rows(next(blocks)) == [["编号"]]
    assert (next(blocks), read) == (b"0\r\n", [0])
    assert list(blocks) == [b"1\r\n", b"2\r\n"]


def test_a_csv_without_rows_still_has_its_heading() -> None:
    assert csv_rows(b"".join(csv_file(HEADINGS, []))) == [list(HEADINGS)]


def test_a_workbook_keeps_kinds_apart(tmp_path: Path) -> None:
    content = b"".join(workbook_file(HEADINGS, [[ROW]], folder=tmp_path))
    heading, row = load_workbook(BytesIO(content)).active.iter_rows()
    assert [cell.value for cell in heading] == list(HEADINGS)
    assert [cell.value for cell in row[:3]] == ["王小丽", -427.5, 3]
    assert (row[3].value, row[3].number_format) == (datetime(2026, 11, 24), "yyyy-mm-dd")
    assert (row[4].value, row[4].number_format) == (datetime(2026, 11, 24, 18, 30, 5), "yyyy-mm-dd hh:mm:ss")


def test_a_workbook_holds_texts_and_never_formulas_or_links(tmp_path: Path) -> None:
    content = b"".join(workbook_file(["备注"], [[[text] for text in PAYLOADS]], folder=tmp_path))
    sheet = load_workbook(BytesIO(content)).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == PAYLOADS
    assert {cell.data_type for cell in cells} == {"s"}
    assert not any(cell.hyperlink for cell in cells)


@pytest.mark.parametrize("blocks", [1, 3, 10_000])
def test_nothing_is_left_behind_however_far_it_came(tmp_path: Path, blocks: int) -> None:
    file = workbook_file(["备注"], ([["x"]] for _ in range(20)), folder=tmp_path)
    for _, _ in zip(range(blocks), file, strict=False):
        assert list(tmp_path.iterdir())
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_power_cut_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    stale, busy = tmp_path / "export-stale", tmp_path / "export-busy"
    for folder in (stale, busy):
        folder.mkdir()
        (folder / "table.xlsx").touch()
    long_ago = time.time() - 7 * 3600
    os.utime(stale, (long_ago, long_ago))
    b"".join(workbook_file(["备注"], [], folder=tmp_path))
    assert list(tmp_path.iterdir()) == [busy]
