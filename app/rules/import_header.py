"""Where a file's header stands, and what of a file a person is shown while she says which column is which."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.rules.headers import ColumnDoubled, ColumnsMissing, field_of, folded_heading
from app.rules.phones import PhoneWrong, numbers_masked, parse_phone
from app.rules.refusals import RuleBroken, words
from app.vocabulary import ImportKind

Row = tuple[int, tuple[str, ...]]
LOOKED_THROUGH = 10
"""A title and a few lines about the shop may stand above the header."""
EXAMPLES = 3
LONGEST_EXAMPLE = 40
_PLAIN = frozenset(
    {"amount", "unit_price", "price", "quantity", "minutes", "points", "occurred_at", "birthday", "joined_on"}
)
_NUMBERS = frozenset({"member_no", "order_no", "refund_of", "sku", "code", "registration_no"})
_SCIENTIFIC = re.compile(r"(\d)\.\d+([eE]\+?\d+)")
_LETTER = re.compile(r"\[[A-Z]{1,3}\]")
_LONG = re.compile(r"\d{7,}")


class FieldMissing(RuleBroken):
    """Nothing can be done without these."""

    code = "field_missing"
    message = words("还缺：{columns}。请在下面选出它是哪一列；文件里没有，就要补上再上传。")


class FieldTwice(RuleBroken):
    """Two columns are said to be the same."""

    code = "field_twice"
    message = words("这几列选成了同一项：{columns}。请只留一列，其他的选“不导入”。")


def in_wizard(refusal: RuleBroken) -> RuleBroken:
    """A refusal about columns, said to somebody who has them before her."""
    said: dict[type[RuleBroken], type[RuleBroken]] = {ColumnsMissing: FieldMissing, ColumnDoubled: FieldTwice}
    kind = said.get(type(refusal))
    return kind(refusal.field, **refusal.values) if kind else refusal


@dataclass(frozen=True)
class Header:
    """The row that names the columns, or the lower of two such rows, and every column's name: one without is called by its
    letter, as Excel does, so that nothing of it is lost unseen. No cells: an empty file."""

    row: int
    cells: tuple[str, ...]


def header_of(kind: ImportKind, rows: Iterable[Row], mapping: Mapping[str, str] | None = None) -> Header:
    """Where a file's header stands and what it says. A cell over two columns may have their names below it: 联系方式 over 手机
    and 微信."""
    top = list(islice(rows, LOOKED_THROUGH))
    if not top:
        return Header(1, ())
    number = header_row(kind, top, mapping)
    at = next(place for place, row in enumerate(top) if row[0] == number)
    cells = top[at][1]
    for upper, lower in ((at, at + 1), (at - 1, at)):
        if upper < 0 or lower == len(top):
            continue
        joined = _joined(kind, top[upper][1], top[lower][1])
        if joined and _known(kind, joined) > _known(kind, cells):
            return Header(top[lower][0], _each_named(joined))
    return Header(number, _each_named(cells))


def below_title(rows: Callable[[], Iterator[Row]], header: Header) -> Iterator[Row]:
    """The file from its header on."""
    if header.cells:
        yield header.row, header.cells
    yield from (row for row in rows() if row[0] > header.row)


def is_unnamed(heading: str) -> bool:
    """Whether the file gives that column no name."""
    return _LETTER.fullmatch(heading) is not None


def _each_named(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell if cell.strip() else f"[{_letter(place)}]" for place, cell in enumerate(cells))


def _letter(place: int) -> str:
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)


def _joined(kind: ImportKind, upper: Sequence[str], lower: Sequence[str]) -> tuple[str, ...]:
    """Two rows of a header as one; nothing where the lower one is a row like others: it names columns only below a cell that
    spreads over them."""
    width = max(len(upper), len(lower))
    above, below = ([*cells, *[""] * (width - len(cells))] for cells in (upper, lower))
    named = [place for place in range(width) if below[place].strip()]
    spreads = [
        not above[place].strip() or (place + 1 < width and not above[place + 1].strip()) for place in range(width)
    ]
    is_header = all(spreads[place] and not any(map(str.isdigit, below[place])) for place in named)
    if not is_header or not any(field_of(kind, below[place]) for place in named):
        return ()
    return tuple(below[place] if place in named else above[place] for place in range(width))


def _known(kind: ImportKind, cells: Sequence[str]) -> int:
    return len({field_of(kind, cell) for cell in cells if cell.strip()} - {None})


def header_row(kind: ImportKind, rows: Iterable[Row], mapping: Mapping[str, str] | None = None) -> int:
    """The number of the row that names the columns: of the first ten the one with most names we know or that `mapping`
    ({heading: field}) speaks of, else the first with more than one cell. A till writes its own name and the day above. 1
    for an empty file."""
    first, best, most = 0, 0, 0
    said = {folded_heading(heading): field for heading, field in (mapping or {}).items() if field}
    for place, (number, cells) in enumerate(rows):
        if place == LOOKED_THROUGH:
            break
        named = (said.get(folded_heading(cell)) or field_of(kind, cell) for cell in cells if cell.strip())
        known = len(set(named) - {None})
        if known > most:
            best, most = number, known
        if not first and sum(bool(cell.strip()) for cell in cells) > 1:
            first = number
    return best or first or 1


def holds_phone(headings: Sequence[str]) -> bool:
    """Whether what should be names of columns has somebody's number in it."""
    return any(numbers_masked(one) != one for one in headings)


def example(text: str, field: str) -> str:
    """A cell as the wizard shows it: nobody's number whole, whichever column it stands in."""
    text = " ".join(text.split())
    if field not in _PLAIN:
        text = _SCIENTIFIC.sub(r"\1.**\2", text)
    if field in _PLAIN:
        shown = text
    elif field == "phone" or (field in _NUMBERS and _is_phone(text)):
        shown = _phone(text)
    elif field == "wechat":
        shown = f"{text[:1]}***" if text else ""
    elif field in _NUMBERS:
        shown = text
    else:
        shown = _LONG.sub(lambda found: _covered(found[0]), numbers_masked(text))
    return shown if len(shown) <= LONGEST_EXAMPLE else f"{shown[:LONGEST_EXAMPLE]}…"


def _is_phone(text: str) -> bool:
    try:
        parse_phone(text)
    except PhoneWrong:
        return False
    return True


def _phone(text: str) -> str:
    try:
        return parse_phone(text).masked
    except PhoneWrong:
        return _covered(text)


def _covered(text: str) -> str:
    """Of something that is no number we know, the first two digits and the last two."""
    digits = sum(letter.isdigit() for letter in text)
    place, shown = 0, []
    for letter in text:
        place += letter.isdigit()
        hide = letter.isdigit() and 2 < place <= digits - 2
        shown.append("*" if hide else letter)
    return "".join(shown)
