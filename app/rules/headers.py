"""Which column of a till's file is which field of ours: by its heading in Chinese or English, or as the owner says."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.rules.import_fields import ALIASES, NEEDED
from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.vocabulary import ImportKind, ImportMode

_TRUER: dict[str, tuple[str, ...]] = {
    "amount": ("实收", "实收金额", "实付", "实付金额"),  # data: beside one of these, 金额 is what it would have cost
    "points": ("当前积分", "可用积分", "期初积分", "积分余额", "剩余积分"),  # data: beside these, 积分 was ever earned
}
_DAYS = ("日期", "消费日期")  # data


class ColumnsMissing(RuleBroken):
    """Nothing can be done without these."""

    code = "columns_missing"
    message = words(
        "表头里缺少：{columns}。表头要在前 10 行里。如果文字是乱码，请把文件另存为“CSV UTF-8”或 XLSX；叫法不同的列可以用 --map 指定。"
    )


class ColumnDoubled(RuleBroken):
    """Two columns claim to be the same."""

    code = "column_doubled"
    message = words("这几列说的是同一项：{columns}。请删掉多余的列，或用 --map 把它设为空。")


class MapWrong(RuleBroken):
    """The owner's own list of columns does not fit."""

    code = "map_wrong"
    message = words("--map 文件不对：它应当是 JSON，像 {{\"手机号码\": \"phone\"}}；设为 \"\" 的列不导入。")  # fmt: skip


class MapFieldUnknown(MapWrong):
    """A field we do not have."""

    code = "map_field_unknown"
    message = words("--map 里的“{unknown}”不是我们的字段。可以用：{fields}。")


class MapHeaderUnknown(MapWrong):
    """A heading the file does not have."""

    code = "map_header_unknown"
    message = words("--map 里的列“{header}”在文件里没有。")


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row, and the headings as the file writes them. `unknown` are those nobody reads.
    `occurred_on` is the day where `occurred_at` is its clock."""

    kind: ImportKind
    places: Mapping[str, int]
    headers: tuple[str, ...]
    unknown: tuple[str, ...]

    def heading(self, field: str | None) -> str:
        """What the file calls a field; our own name where it has no such column."""
        return self.headers[self.places[field]] if field and field in self.places else field or ""

    def cell(self, cells: Sequence[str], field: str) -> str:
        """The text of a field in a row, tidied; a missing column or cell is empty."""
        return self.reader(field)(cells)

    def reader(self, field: str) -> Callable[[Sequence[str]], str]:
        """What reads `cell`s of one field, for rows by the million."""
        return self._readers.get(field, _nothing)

    @cached_property
    def _readers(self) -> dict[str, Callable[[Sequence[str]], str]]:
        return {field: _reader(place) for field, place in self.places.items()}


def _nothing(cells: Sequence[str]) -> str:
    return ""


def _reader(place: int) -> Callable[[Sequence[str]], str]:
    def read(cells: Sequence[str]) -> str:
        if place >= len(cells):
            return ""
        text = cells[place]
        # Most cells of a till are numbers and codes: nothing in them wants tidying.
        return text if text.isascii() and text.isalnum() else tidy_words(text)

    return read


def match_columns(
    kind: ImportKind,
    headers: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    mode: ImportMode = ImportMode.BOTH,
) -> Columns:
    """Find the fields in a header. `mapping` says {heading: field} where ours would not know ("" leaves a column out).
    What only updates needs no name.

    Raises ColumnsMissing, ColumnDoubled, MapFieldUnknown or MapHeaderUnknown.
    """
    headers = tuple(_tidy(header) for header in headers)
    mapping = mapping or {}
    said = _said(kind, headers, mapping)
    claims: dict[str, list[int]] = {}
    strangers: list[int] = []
    for place, header in enumerate(headers):
        field = said.get(folded_heading(header)) if folded_heading(header) in said else field_of(kind, header)
        if field:
            claims.setdefault(field, []).append(place)
        elif header and folded_heading(header) not in said:
            strangers.append(place)
    for field in _TRUER:
        if not any(folded_heading(headers[place]) in said for place in claims.get(field, ())):
            strangers += _less_true(field, claims, headers)
    _part_day_and_clock(claims, headers)
    for claimed in claims.values():
        if len(claimed) > 1:
            raise ColumnDoubled(columns="、".join(headers[place] for place in claimed))  # data: a list mark
    needed = [wanted for wanted in NEEDED[kind] if mode is not ImportMode.UPDATE or wanted != ("name",)]
    missing = [wanted for wanted in needed if not claims.keys() & set(wanted)]
    if missing:
        names = "、".join(
            "/".join(ALIASES[kind][field][0] for field in wanted) for wanted in missing
        )  # data: a list mark
        raise ColumnsMissing(columns=names)
    unknown = tuple(headers[place] for place in sorted(strangers))
    return Columns(kind, {field: found[0] for field, found in claims.items()}, headers, unknown)


def propose_columns(kind: ImportKind, headers: Sequence[str]) -> dict[str, str]:
    """What every heading seems to be, as the {heading: field} a person may correct; "" for one nobody reads, for the second
    of one field, and for the amount beside the one that was paid. Refuses nothing."""
    headers = [header for header in map(_tidy, headers) if header]
    proposed: dict[str, str] = {}
    taken: dict[str, list[str]] = {}
    truest = [name for names in _TRUER.values() for name in names]
    for header in sorted(headers, key=lambda one: not _is_one_of(truest, one)):
        field = field_of(kind, header) or ""
        holders = taken.setdefault(field, [])
        if field and (not holders or _are_day_and_clock(field, [*holders, header])):
            holders.append(header)
            proposed[header] = field
    return {header: proposed.get(header, "") for header in headers}


def field_of(kind: ImportKind, header: str) -> str | None:
    """Our field for a heading; None for one nobody reads. Case, spaces, marks and what stands in brackets do not matter:
    金额（元）, * 金额 and Amount are the same."""
    return next((field for field, names in ALIASES[kind].items() if _is_one_of(names, header)), None)


def read_mapping(text: str) -> dict[str, str]:
    """The owner's list {heading: field}. Raises MapWrong."""
    try:
        mapping = json.loads(text)
    except ValueError:
        raise MapWrong from None
    if not isinstance(mapping, dict) or not all(isinstance(field, str | None) for field in mapping.values()):
        raise MapWrong
    return {str(header): field or "" for header, field in mapping.items()}


def _said(kind: ImportKind, headers: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    there = {folded_heading(header) for header in headers}
    for header, field in mapping.items():
        if field and field not in ALIASES[kind]:
            raise MapFieldUnknown(unknown=field, fields=", ".join(ALIASES[kind]))
        if folded_heading(header) not in there:
            raise MapHeaderUnknown(header=header)
    return {folded_heading(header): field for header, field in mapping.items()}


def _less_true(field: str, claims: dict[str, list[int]], headers: Sequence[str]) -> list[int]:
    """The columns beside a truer one of the same field, taken out of the claims. Two true ones are left to be refused."""
    claimed = claims.get(field, [])
    true = [place for place in claimed if _is_one_of(_TRUER[field], headers[place])]
    if not true:
        return []
    claims[field] = true
    return [place for place in claimed if place not in true]


def _are_day_and_clock(field: str, headers: Sequence[str]) -> bool:
    """Whether two columns are one moment: a day and its clock."""
    return field == "occurred_at" and sum(_is_one_of(_DAYS, one) for one in headers) == 1 and len(headers) == 2


def _part_day_and_clock(claims: dict[str, list[int]], headers: Sequence[str]) -> None:
    """日期 and 时间 side by side are one moment."""
    moments = claims.get("occurred_at", [])
    days = [place for place in moments if _is_one_of(_DAYS, headers[place])]
    clocks = [place for place in moments if place not in days]
    if days and clocks:
        claims["occurred_on"], claims["occurred_at"] = days, clocks


def _is_one_of(names: Sequence[str], header: str) -> bool:
    folded = folded_heading(header)
    return folded in names or re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", folded) in names


def _tidy(header: str) -> str:
    return " ".join(header.replace("\ufeff", "").split())


def folded_heading(header: str) -> str:
    """A heading without what does not matter in it: case, width, spaces and marks."""
    plain = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s_*:\-\ufeff\u200b]", "", plain)
