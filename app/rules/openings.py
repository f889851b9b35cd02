"""Points a customer brings along from the system before this one: given once, from a file."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.rules.customers import TextTooLong
from app.rules.headers import Columns
from app.rules.import_rows import NobodyNamed, Reading, RowRefused
from app.rules.member_numbers import parse_member_no
from app.rules.phones import Phone, parse_phone
from app.rules.refusals import RuleBroken, words

MOST_POINTS = 100_000_000
REASON_MAX = 100
_POINTS = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.0+)?")


class PointsWrong(RuleBroken):
    """Points are whole and nobody owes any."""

    code = "opening_wrong"
    message = words("积分要是整数，不能是负数或小数。")


class PointsTooMany(RuleBroken):
    """More than anybody can have: probably another column."""

    code = "opening_too_large"
    message = words("这个积分太大了，请检查。")


class OpeningDiffers(RuleBroken):
    """She was given other opening points before; which of the two is true, we cannot know."""

    code = "opening_differs"
    message = words("她的期初积分已经导入过，是 {points} 分，和这里的不一样。要改请用积分调整。")
    status = 409


@dataclass(frozen=True)
class OpeningRow:
    """A row of a points file: who, by number or phone, and how many. `note` says why, in the file's own words."""

    member_no: str
    phone: Phone | None
    points: int
    note: str


def read_points(text: str) -> int:
    """Whole points: 1200, 1,200, 1200.0. Raises PointsWrong or PointsTooMany."""
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix("分").strip()  # data
    if not _POINTS.fullmatch(plain) or not plain.isascii():
        raise PointsWrong
    points = int(plain.replace(",", "").partition(".")[0])
    if points > MOST_POINTS:
        raise PointsTooMany
    return points


def read_opening(cells: Sequence[str], columns: Columns) -> OpeningRow | RowRefused:
    """A row of a points file. No points at all are none."""
    row = Reading(cells, columns)
    number = row.read("member_no", parse_member_no, "")
    phone = row.read("phone", parse_phone, None) if not number else None
    if not row.text("member_no") and not row.text("phone"):
        row.refuse(NobodyNamed(), "member_no" if "member_no" in columns.places else "phone")
    points = row.read("points", read_points, 0)
    note = row.text("note")
    if len(note) > REASON_MAX:
        row.refuse(TextTooLong(limit=REASON_MAX), "note")
    return RowRefused(tuple(row.faults)) if row.faults else OpeningRow(number, phone, points, note)


def is_given(points: int, earlier: Collection[int]) -> bool:
    """Whether these opening points are hers already. Raises OpeningDiffers when she was given others."""
    if not earlier:
        return False
    if points not in earlier:
        raise OpeningDiffers("points", points=max(earlier))
    return True
