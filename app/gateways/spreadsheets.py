"""Tables people bring: CSV, XLSX and old XLS, as rows of plain text numbered as Excel numbers them.

A CSV is read line by line and may be of any size; one row of it may not, so memory stays small. A workbook is unpacked
whole by calamine, so its size is limited.
What a cell shows is kept: 13800138000.0 is 13800138000, a date is 2026-11-24, a formula is its last result.
"""

import csv
import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TextIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, ZipError, load_workbook

from app.rules.refusals import RuleBroken
from app.rules.spreadsheets import (
    LARGEST_SHEET_MB,
    LONGEST_CELL,
    MOST_COLUMNS,
    CsvBroken,
    EncodingUnknown,
    FileEmpty,
    FileMissing,
    NotATable,
    NotText,
    TooManyColumns,
    WebPageInDisguise,
    WorkbookDamaged,
    WorkbookLocked,
    WorkbookTooLarge,
)

Row = tuple[int, tuple[str, ...]]

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STRANGERS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"MZ", "EXE"),
    (b"SQLite format 3", "SQLite"),
)
_ENCODINGS = ("utf-8-sig", "gb18030")
_LONGEST_ROW = 10_000_000
_CHUNK = 1 << 20


class Source(Protocol):
    """Where a table's bytes come from: a path, or an upload that lies sealed."""

    @property
    def name(self) -> str:
        """What people call it."""

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Its bytes from the start, seekable. Raises OSError."""


@dataclass(frozen=True)
class TableFile:
    """A file that can be read as a table. `rows()` reads it from the start, every time it is called: every row with its
    number, the first being 1; empty rows too. It raises CsvBroken and TooManyColumns. `left_out` names the other sheets
    of a workbook that have something in them: only one is read."""

    name: str
    sha256: str
    rows: Callable[[], Iterator[Row]]
    left_out: tuple[str, ...] = ()


def open_table(source: Source) -> TableFile:
    """The table in a file, whatever its name says. Every refusal of `rules.spreadsheets` may be raised; none later,
    but CsvBroken and TooManyColumns."""
    try:
        with source.open("rb") as file:
            start = file.read(4096)
            digest = hashlib.file_digest(_rewound(file), "sha256").hexdigest()
    except OSError:
        raise FileMissing(name=source.name) from None
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        raise FileEmpty
    _check_kind(start)
    rows, left_out = _workbook(source, start) if start.startswith((_ZIP, _OLE)) else (_csv_rows(source), ())
    return TableFile(source.name, digest, rows, left_out)


def _narrow(number: int, cells: Sequence[str]) -> tuple[str, ...]:
    """A wide row without the empty cells at its end, which a workbook may have by the thousand. Raises TooManyColumns."""
    count = next((place for place in range(len(cells), 0, -1) if cells[place - 1].strip()), 0)
    if count > MOST_COLUMNS:
        raise TooManyColumns(limit=MOST_COLUMNS, row=number, count=count)
    return tuple(cells[:MOST_COLUMNS])


def _rewound(file: Any) -> Any:
    file.seek(0)
    return file


def _check_kind(start: bytes) -> None:
    for mark, kind in _STRANGERS:
        if start.startswith(mark):
            raise NotATable(kind=kind)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise EncodingUnknown(row=1)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<html", b"<!doctype", b"<?xml", b"<table", b"<meta")):
        raise WebPageInDisguise
    if b"\0" in start and not start.startswith((_ZIP, _OLE)):
        raise NotText


# ── CSV ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _csv_rows(source: Source) -> Callable[[], Iterator[Row]]:
    encoding = _encoding_of(source)
    delimiter = _delimiter_of(source, encoding)

    def rows() -> Iterator[Row]:
        csv.field_size_limit(_LONGEST_ROW)
        number = 0
        with _as_text(source, encoding) as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)  # an open quote would swallow the rest
            try:
                for number, cells in enumerate(reader, start=1):
                    if lines.row_ended() > LONGEST_CELL:
                        cells = [cell[: LONGEST_CELL + 1] for cell in cells]
                    yield number, tuple(cells) if len(cells) <= MOST_COLUMNS else _narrow(number, cells)
            except csv.Error:
                raise CsvBroken(row=number + 1) from None

    return rows


def _as_text(source: Source, encoding: str) -> TextIO:
    return io.TextIOWrapper(source.open("rb"), encoding=encoding, newline="")


class _Lines:
    """The lines of a file, as long as one row does not go on and on. Raises csv.Error."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._left = file, _LONGEST_ROW

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(self._left + 1):
            self._left -= len(line)
            if self._left < 0:
                raise csv.Error("the row does not end")
            yield line

    def row_ended(self) -> int:
        """The next line begins a row. How long the last one was: none of its cells is longer."""
        length, self._left = _LONGEST_ROW - self._left, _LONGEST_ROW
        return length


def _encoding_of(source: Source) -> str:
    """UTF-8 where the whole file is valid UTF-8, else GB18030. The whole file is decoded first: a wrong letter at the end
    must not be found when half the rows are in."""
    furthest = 0
    for encoding in _ENCODINGS:
        lines = 0
        try:
            with _as_text(source, encoding) as file:
                while block := file.read(_CHUNK):
                    lines += block.count("\n")
        except UnicodeDecodeError:
            furthest = max(furthest, lines)
            continue
        return encoding
    raise EncodingUnknown(row=furthest + 1)


def _delimiter_of(source: Source, encoding: str) -> str:
    """What stands most often in the header outside quotes; a file of one column has commas, as it were."""
    with _as_text(source, encoding) as file:
        header = file.readline(LONGEST_CELL)
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)


# ── Workbooks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _workbook(source: Source, start: bytes) -> tuple[Callable[[], Iterator[Row]], tuple[str, ...]]:
    """The rows of the first sheet that has any, and the names of the others that do."""
    if start.startswith(_ZIP):
        _check_size(source)
    elif _size_of(source) > LARGEST_SHEET_MB * 1_000_000:
        raise WorkbookTooLarge(limit=LARGEST_SHEET_MB)
    try:
        with source.open("rb") as file:
            workbook = load_workbook(source if isinstance(source, Path) else file)
        sheet, left_out = _first_filled(workbook)
    except PasswordError:
        raise WorkbookLocked from None
    except (CalamineError, ZipError, OSError) as error:
        raise _why_unreadable(error, source, start) from None

    def rows() -> Iterator[Row]:
        for number, row in enumerate(sheet.iter_rows(), start=1):
            cells = tuple([cell if isinstance(cell, str) else _shown(cell) for cell in row])
            yield number, cells if len(cells) <= MOST_COLUMNS else _narrow(number, cells)

    return rows, left_out


def _size_of(source: Source) -> int:
    with source.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def _check_size(source: Source) -> None:
    """Before unpacking: a small file may unpack to a thousand times its size."""
    try:
        with source.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        raise WorkbookDamaged from None
    if sum(member.file_size for member in members) > LARGEST_SHEET_MB * 1_000_000:
        raise WorkbookTooLarge(limit=LARGEST_SHEET_MB)
    if not any(member.filename.startswith(("xl/", "content.xml")) for member in members):
        raise NotATable(kind="ZIP")


def _first_filled(workbook: CalamineWorkbook) -> tuple[CalamineSheet, tuple[str, ...]]:
    first, others = None, []
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.height and first is None:
            first = sheet
        elif sheet.height:
            others.append(name)
    if first is None:
        raise FileEmpty
    return first, tuple(others)


def _why_unreadable(error: Exception, source: Source, start: bytes) -> RuleBroken:
    """Excel keeps a workbook with a password in an old container; calamine then finds no workbook in it."""
    with source.open("rb") as file:
        if start.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in file.read():
            return WorkbookLocked()
    return WorkbookDamaged()


def _shown(cell: object) -> str:
    """A cell that is not text as text. Numbers as Excel keeps them: fifteen digits, so 0.1 + 0.2 is 0.3."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else format(cell, ".15g")
    if isinstance(cell, datetime):
        shown = (cell + timedelta(milliseconds=500)).replace(microsecond=0)
        return shown.isoformat(" ") if shown.time() != time() else shown.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
