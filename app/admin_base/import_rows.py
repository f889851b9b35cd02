"""What a person sees of a file that waits: its columns with examples, and its first rows as they would become. Nobody's
number whole, and nothing of it is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from app.i18n import gettext
from app.labels import word_of
from app.queries.import_batches import Batch, Map
from app.rules.amounts import fen_as_yuan
from app.rules.headers import Columns, match_columns, propose_columns
from app.rules.import_fields import fields_of
from app.rules.import_header import EXAMPLES, Row, below_title, example, header_of, holds_phone, is_unnamed
from app.rules.import_rows import RowRefused, Shop
from app.rules.imports import CustomerRow, read_customer, read_purchase
from app.rules.menu_rows import read_menu
from app.rules.openings import read_opening
from app.rules.phones import Phone
from app.rules.refusals import words
from app.rules.spreadsheets import FileEmpty, OnlyHeader
from app.rules.uploads import HeadingsMissing
from app.vocabulary import ImportKind, ImportMode

LOOKED_AT = 60
"""Rows read for examples: enough to find three that are filled in."""
SHOWN = 8
_LEFT_EMPTY = words("{column}：{reason}这一格会留空。")

_READERS: Mapping[ImportKind, Callable[[Sequence[str], Columns, Shop], Any]] = {
    ImportKind.CUSTOMERS: read_customer,
    ImportKind.PURCHASES: read_purchase,
    ImportKind.TREATMENTS: lambda cells, columns, shop: read_menu(cells, columns),
    ImportKind.PRODUCTS: lambda cells, columns, shop: read_menu(cells, columns),
    ImportKind.POINTS: lambda cells, columns, shop: read_opening(cells, columns),
}


@dataclass(frozen=True)
class Head:
    """The beginning of a file: its headings in order, each once; the first rows below; where the header stands."""

    header: int
    headings: tuple[str, ...]
    cells: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ColumnShown:
    """One column: what the file calls it, what it is said to be, and a few cells."""

    place: int
    heading: str
    field: str
    examples: tuple[str, ...]

    @property
    def letter(self) -> str:
        """Where it stands in Excel, if the file gives it no name."""
        return self.heading.strip("[]") if is_unnamed(self.heading) else ""


@dataclass(frozen=True)
class RowShown:
    """One row as it would become: label and text by field, or why it would not; `left_out`: which cells stay empty."""

    number: int
    values: Mapping[str, str]
    reasons: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def head_of(kind: ImportKind, rows: Callable[[], Iterator[Row]]) -> Head:
    """The beginning of a file. Raises FileEmpty, OnlyHeader, HeadingsMissing, and whatever reading it does."""
    header = header_of(kind, rows())
    found = list(islice(below_title(rows, header), LOOKED_AT))
    if not found:
        raise FileEmpty
    cells = tuple(" ".join(one.replace("\ufeff", "").split()) for one in found[0][1])
    if holds_phone(cells):
        raise HeadingsMissing("file")
    below = tuple(row for row in found[1:] if any(cell.strip() for cell in row[1]))
    if not below:
        raise OnlyHeader
    empty = {
        heading
        for place, heading in enumerate(cells)
        if is_unnamed(heading) and not any(row[1][place].strip() for row in below if place < len(row[1]))
    }
    headings = tuple(dict.fromkeys(one for one in cells if one not in empty))
    return Head(header.row, headings, cells, below)


def mapping_for(kind: ImportKind, head: Head, maps: Sequence[Map]) -> dict[str, str]:
    """What the columns of a new file seem to be: as they were said last for such a file, else by their names."""
    proposed = propose_columns(kind, head.headings)
    fitting = next((one for one in maps if one.fits(head.headings)), None)
    return proposed | {
        heading: field for heading, field in (fitting.mapping if fitting else {}).items() if heading in proposed
    }


def columns_shown(head: Head, mapping: Mapping[str, str]) -> tuple[ColumnShown, ...]:
    """The columns with what they are said to be, and three cells each."""
    shown = []
    for place, heading in enumerate(head.headings):
        field, at = mapping.get(heading, ""), head.cells.index(heading)
        cells = (row[1][at] for row in head.rows if at < len(row[1]) and row[1][at].strip())
        examples = tuple(dict.fromkeys(example(cell, field) for cell in islice(cells, 20)))[:EXAMPLES]
        shown.append(ColumnShown(place, heading, field, examples))
    return tuple(shown)


def typed_mapping(head: Head, form: Mapping[str, Any], kind: ImportKind) -> dict[str, str]:
    """What a person said about the columns; a field we do not have is none."""
    known = fields_of(kind)
    said = {heading: str(form.get(f"column-{place}", "")) for place, heading in enumerate(head.headings)}
    return {heading: field if field in known else "" for heading, field in said.items()}


def check_columns(kind: ImportKind, head: Head, mapping: Mapping[str, str], mode: ImportMode) -> None:
    """Whether these columns will do. Raises as `match_columns`."""
    match_columns(kind, head.cells, mapping, mode)


def first_rows(batch: Batch, head: Head, shop: Shop) -> tuple[tuple[str, ...], tuple[RowShown, ...]]:
    """The first rows as they would become: which fields are shown, and the rows."""
    columns = match_columns(batch.kind, head.cells, batch.mapping, batch.mode)
    used = [field for field in fields_of(batch.kind) if field in columns.places]
    reader = _READERS.get(batch.kind)
    shown = []
    for number, cells in head.rows[:SHOWN]:
        raw = {field: example(columns.cell(cells, field), field) for field in used}
        read = reader(cells, columns, shop) if reader else None
        if isinstance(read, RowRefused):
            reasons = tuple(dict.fromkeys(fault.say(gettext) for fault in read.faults))
            shown.append(RowShown(number, raw, reasons))
        else:
            bad = read.left_out if isinstance(read, CustomerRow) else ()
            values = raw | {field: text for field, text in _told(read, shop.zone).items() if field in used}
            values |= {fault.field: "" for fault in bad if fault.field}
            told = (
                gettext(_LEFT_EMPTY).format(column=columns.heading(fault.field), reason=fault.say(gettext))
                for fault in bad
            )
            shown.append(RowShown(number, values, (), tuple(told)))
    return tuple(used), tuple(shown)


def labels(kind: ImportKind) -> dict[str, str]:
    """Our fields by their names in the reader's language."""
    return {field: gettext(label) for field, label in fields_of(kind).items()}


def _told(read: Any, zone: ZoneInfo) -> dict[str, str]:
    """What a reader made of a row, as people read it."""
    told: dict[str, str] = {}
    for name, value in _flat(read):
        field = name.removesuffix("_fen")
        if name == "phone" and not isinstance(value, Phone):
            continue
        if text := _text(name, value, zone):
            told[field] = text
    return told


def _flat(read: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(read, Mapping):
        values: Mapping[str, Any] = read
    elif is_dataclass(read) and not isinstance(read, type):
        values = {name: getattr(read, name) for name in asdict(read)}
    else:
        return
    for name, value in values.items():
        if isinstance(value, Mapping) or (
            is_dataclass(value) and not isinstance(value, Phone) and not hasattr(value, "name")
        ):
            yield from _flat(value)
        else:
            yield name, value


def _text(name: str, value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, Phone):
        return value.masked
    if isinstance(value, StrEnum):
        return word_of(value)
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, tuple):
        return gettext("、").join(str(one) for one in value)
    if name.endswith("_fen") and isinstance(value, int):
        return f"¥{fen_as_yuan(value)}"
    if hasattr(value, "name"):
        return str(value.name)
    if value is None or isinstance(value, bool):
        return ""
    return example(str(value), name)
