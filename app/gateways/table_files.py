"""Tables taken out: CSV and XLSX, written while they are read, in memory that does not grow with the rows.

A cell is a text, a number, a day, a moment (in the shop's zone, without saying so) or nothing. A text stays a text: a
long number keeps all its digits and its zeros in front, and nothing in a text is ever run as a formula.
"""

import csv
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from xlsxwriter import Workbook

from app.rules.exports import LONGEST_WORKBOOK_CELL, FileKind, guarded

Cell = str | int | Decimal | date | datetime | None
Portion = Sequence[Sequence[Cell]]

MEDIA_TYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_BOM = "\ufeff"  # without it Excel takes Chinese for the language of Windows
_SCRATCH = "export-"
_SCRATCH_SECONDS = 6 * 3600
_BLOCK = 1 << 16
_ROWS_AT_ONCE = 40


def csv_file(headings: Sequence[str], portions: Iterable[Portion]) -> Iterator[bytes]:
    """A CSV in UTF-8, a portion of rows at a time. Texts stand in quotes, numbers do not."""
    text = StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    text.write(_BOM)
    for portion in chain([[headings]], portions):
        writer.writerows([[_in_csv(cell) for cell in row] for row in portion])
        yield text.getvalue().encode("utf-8", "replace")
        text.seek(0)
        text.truncate()


def _in_csv(cell: Cell) -> str | int | Decimal:
    if isinstance(cell, str):
        return guarded(cell)
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, date) else cell


def workbook_file(headings: Sequence[str], portions: Iterable[Portion], *, folder: Path) -> Iterator[bytes]:
    """A workbook of one sheet, put together in `folder` and gone from there once it is sent or nobody wants it any more.
    While it is put together it gives empty blocks: whoever waits for them may stop."""
    _sweep(folder)
    with TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
        path = Path(scratch) / "table.xlsx"
        options = {
            "constant_memory": True,
            "tmpdir": scratch,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "use_zip64": True,
        }
        workbook = Workbook(str(path), options)
        writes = _headed(workbook, headings)
        try:
            at = 1
            for portion in portions:
                for start in range(0, len(portion), _ROWS_AT_ONCE):
                    for row in portion[start : start + _ROWS_AT_ONCE]:
                        writes(at, row)
                        at += 1
                    yield b""
            workbook.close()
        finally:
            if not workbook.fileclosed:
                for sheet in workbook.worksheets():
                    sheet._opt_close()  # its rows lie in an open file, which only the end of the workbook would close
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _headed(workbook: Workbook, headings: Sequence[str]) -> Callable[[int, Sequence[Cell]], None]:
    """Begin the sheet; what writes a row of it."""
    sheet = workbook.add_worksheet()
    money = workbook.add_format({"num_format": "0.00"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    moment = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(len(headings) - 1, 0), 18)
    for column, heading in enumerate(headings):
        sheet.write_string(0, column, heading, workbook.add_format({"bold": True}))

    def write(at: int, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                if cell:
                    sheet.write_string(at, column, cell[:LONGEST_WORKBOOK_CELL])
            elif isinstance(cell, int):
                sheet.write_number(at, column, cell)
            elif isinstance(cell, Decimal):
                sheet.write_number(at, column, float(cell), money)
            elif cell is not None:
                sheet.write_datetime(at, column, cell, moment if isinstance(cell, datetime) else day)

    return write


def _sweep(folder: Path) -> None:
    """Remove what a machine that lost its power left lying: records in plain text."""
    for left in folder.glob(f"{_SCRATCH}*"):
        if time.time() - left.stat().st_mtime > _SCRATCH_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def written(kind: FileKind, headings: Sequence[str], portions: Iterable[Portion], *, folder: Path) -> Iterator[bytes]:
    """The file of that kind, block by block; `folder` takes what has to lie somewhere meanwhile."""
    if kind is FileKind.CSV:
        return csv_file(headings, portions)
    return workbook_file(headings, portions, folder=folder)
