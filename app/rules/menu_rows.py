"""A row of the menu or of the shelf, read: treatments by code, products by number."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.rules.amounts import AmountWrong, parse_fen
from app.rules.headers import Columns
from app.rules.import_rows import Reading, RowRefused, folded, whole_number, within, word_of
from app.rules.refusals import RuleBroken, words
from app.vocabulary import CategoryOfNeed, ImportKind

_MOST_MINUTES = 24 * 60
# fmt: off
_CATEGORIES = {
    CategoryOfNeed.SKIN: ("护肤", "皮肤", "面部", "面部护理", "美容", "護膚", "护肤品", "skincare"),  # data
    CategoryOfNeed.HAIR: ("美发", "头发", "洗发", "护发", "美髮", "染烫"),  # data
    CategoryOfNeed.NAILS: ("美甲", "指甲", "手足", "美睫"),  # data
    CategoryOfNeed.MAKEUP: ("彩妆", "化妆", "彩妝", "妆容"),  # data
    CategoryOfNeed.BODY: ("身体护理", "身体", "美体", "身體護理", "spa", "按摩"),  # data
    CategoryOfNeed.OTHER: ("其他", "其它", "无"),  # data
}
_YES = {"是", "在用", "启用", "在售", "上架", "正常", "有", "1", "y", "yes", "true", "√", "✓"}  # data
_NO = {"否", "停用", "禁用", "停售", "下架", "已下架", "无", "0", "n", "no", "false", "×"}  # data
# fmt: on


class CategoryWrong(RuleBroken):
    """A word that is none of the needs."""

    code = "category_wrong"
    message = words("类别请写 护肤、美发、美甲、彩妆、身体护理 或 其他。")


class MinutesWrong(RuleBroken):
    """Not a time a treatment takes."""

    code = "minutes_wrong"
    message = words("时长请写分钟数，像 60。")


class YesNoWrong(RuleBroken):
    """Neither yes nor no."""

    code = "yes_no_wrong"
    message = words("请写 是 或 否。")


class CodeMissing(RuleBroken):
    """Without it the next file could not find the same thing again."""

    code = "code_missing"
    message = words("缺少编码。")


class TitleMissing(RuleBroken):
    """A new thing without a name."""

    code = "title_missing"
    message = words("缺少名称。")


class CodeRepeats(RuleBroken):
    """The same thing again in one file, with other content: which one is true?"""

    code = "code_repeats"
    message = words("和第 {row} 行编码相同，但内容不同。请只留一行。")


@dataclass(frozen=True)
class MenuRow:
    """A treatment or product as a row tells it: `columns` by the table's names, only what the row says."""

    code: str
    columns: Mapping[str, Any]


def read_menu(cells: Sequence[str], columns: Columns) -> MenuRow | RowRefused:
    """A row of a treatments or products file."""
    row = Reading(cells, columns)
    readers = _TREATMENT if columns.kind is ImportKind.TREATMENTS else _PRODUCT
    told = {
        _STORED_AS.get(name, name): row.read(name, reader, None) for name, reader in readers.items() if row.text(name)
    }
    key = key_of(columns.kind)
    if not row.text(key):
        row.refuse(CodeMissing(), key)
    if not row.faults:
        row.refuse_endless()
    return RowRefused(tuple(row.faults)) if row.faults else MenuRow(told[key], told)


def key_of(kind: ImportKind) -> str:
    """The field by which the next file finds the same thing."""
    return "code" if kind is ImportKind.TREATMENTS else "sku"


def _price(text: str) -> int:
    fen = parse_fen(text)
    if fen < 0:
        raise AmountWrong
    return fen


def _minutes(text: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    match = re.fullmatch(r"(\d{1,4})(?:\.0+)?\s*(?:分钟|分|min|mins|minutes)?", plain, re.ASCII)  # data
    if match is None or not 0 < int(match[1]) <= _MOST_MINUTES:
        raise MinutesWrong
    return int(match[1])


@lru_cache(maxsize=1_000)
def category_called(text: str) -> CategoryOfNeed | None:
    """The kind of care a word means, by our own word or one of the spellings of shops; None where it means none."""
    found: CategoryOfNeed | None = word_of(text, _CATEGORIES, CategoryOfNeed)
    return found


def _category(text: str) -> CategoryOfNeed:
    category = category_called(text)
    if category is None:
        raise CategoryWrong
    return category


def _yes(text: str) -> bool:
    word = folded(text)
    if word not in _YES | _NO:
        raise YesNoWrong
    return word in _YES


def _code(text: str) -> str:
    return within(40)(whole_number(text))


_STORED_AS = {"price": "price_fen"}
_TREATMENT: dict[str, Callable[[str], Any]] = {
    "code": _code,
    "name": within(80),
    "category": _category,
    "minutes": _minutes,
    "price": _price,
    "after_care": within(1000),
    "contraindications": within(500),
    "is_active": _yes,
}
_PRODUCT: dict[str, Callable[[str], Any]] = {
    "sku": _code,
    "name": within(120),
    "category": _category,
    "series": within(60),
    "price": _price,
    "registration_no": within(60),
    "is_active": _yes,
}
