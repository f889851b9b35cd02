"""A row of a till's file as its cells are read: by field, every fault gathered, so that an owner can mend them all at once."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from app.rules.customers import TextTooLong
from app.rules.headers import Columns
from app.rules.purchases import CLOCKS_APART
from app.rules.refusals import RuleBroken, words
from app.rules.spreadsheets import LONGEST_CELL
from app.rules.tiers import TierStep

T = TypeVar("T")
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")


class CellsTooMany(RuleBroken):
    """More cells than headings: usually a comma in a text that was not quoted, and everything after it is shifted."""

    code = "cells_too_many"
    message = words("这一行的格子比表头多，内容可能错位了（文字里有逗号要加引号）。")


class NumberRounded(RuleBroken):
    """Excel showed a long number as 2.02611E+19 and saved just that: several orders would become one."""

    code = "number_rounded"
    message = words("Excel 把这个号码存成了 2.02611E+19 这样的形式，后面的数字已经丢失。请把这一列改为“文本”再导出。")


class NobodyNamed(RuleBroken):
    """Without phone and number the next import could not find her again."""

    code = "nobody_named"
    message = words("手机和会员号至少要有一个。")


class AlreadyThere(RuleBroken):
    """The file was to make new records only, and this one is there with other content."""

    code = "already_there"
    message = words("已经有了，内容不同。这次只新增，所以没有更新。")
    status = 409


class NotThere(RuleBroken):
    """The file was to update only, and this record is not there."""

    code = "not_there"
    message = words("还没有这一条。这次只更新，所以没有新增。")


@dataclass(frozen=True)
class Shop:
    """What a row may refer to: the tiers, the zone its times are in, and the moment of the import."""

    tiers: tuple[TierStep, ...]
    zone: ZoneInfo
    now: datetime

    @cached_property
    def latest(self) -> datetime:
        """What lies after this has not happened yet, whatever the till's clock says."""
        return self.now.astimezone(UTC) + CLOCKS_APART


@dataclass(frozen=True)
class RowRefused:
    """Everything that is wrong with a row, each with its field."""

    faults: tuple[RuleBroken, ...]


def is_filled(cells: Sequence[str]) -> bool:
    """Whether a row has anything in it."""
    return any(map(str.strip, cells))


class Reading:
    """The cells of one row, by field, and what is wrong with them."""

    def __init__(self, cells: Sequence[str], columns: Columns) -> None:
        self.cells, self.columns = cells, columns
        self.faults: list[RuleBroken] = []
        if len(cells) > len(columns.headers) and any(cell.strip() for cell in cells[len(columns.headers) :]):
            self.faults.append(CellsTooMany())

    def text(self, name: str) -> str:
        """A cell without blanks around it; a missing column or cell is empty."""
        return self.columns.reader(name)(self.cells)

    def given(self, name: str) -> str | None:
        """The same, empty being nothing: a blank never overwrites."""
        return self.text(name) or None

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """A cell through a reader; refused or empty is the default."""
        text = self.text(name)
        if not text:
            return default
        try:
            return reader(text)
        except RuleBroken as fault:
            self.refuse(fault, name)
            return default

    def refuse(self, fault: RuleBroken, name: str | None = None) -> None:
        """Gather a fault; `name` where the rule does not say which field it is about."""
        fault.field = name or fault.field
        self.faults.append(fault)

    @property
    def is_endless(self) -> bool:
        """Whether a quote may have swallowed rows that nobody would miss."""
        return max(map(len, self.cells), default=0) > LONGEST_CELL

    def refuse_endless(self) -> None:
        """In a column without a limit of its own, too."""
        if not self.is_endless:
            return
        for place, cell in enumerate(self.cells[: len(self.columns.headers)]):
            if len(cell) > LONGEST_CELL:
                self.refuse(TextTooLong(limit=LONGEST_CELL), self.columns.headers[place])


def whole_number(text: str) -> str:
    """A number that Excel has not rounded. Raises NumberRounded."""
    if _ROUNDED.fullmatch(text):
        raise NumberRounded
    return text


@cache
def within(limit: int) -> Callable[[str], str]:
    """A reader of texts of at most so many letters."""

    def read(text: str) -> str:
        if len(text) > limit:
            raise TextTooLong(limit=limit)
        return text

    return read


def word_of(text: str, meanings: Mapping[Any, tuple[str, ...]], enum: Any) -> Any:
    """The member of an enum a word means, by its own value or one of the spellings; None where it means none."""
    word = folded(text)
    if word in set(enum):
        return enum(word)
    return next((meaning for meaning, spellings in meanings.items() if word in spellings), None)


def folded(text: str) -> str:
    """A word without its case and width."""
    return unicodedata.normalize("NFKC", text).casefold().strip()
