"""Files of records that leave the shop: what is asked before, how long they may be, and what no spreadsheet program may
take for a formula."""

import re
from datetime import timedelta
from enum import StrEnum

from app.rules.limits import Limit
from app.rules.phones import ReasonMissing, reason_to_see
from app.rules.refusals import RuleBroken, words

MOST_WORKBOOK_ROWS = 1_048_575
"""What an Excel sheet holds below its heading. Source: Excel specifications and limits, Microsoft."""
LONGEST_WORKBOOK_CELL = 32_767
"""Letters in one Excel cell. Source: as above."""
SAME_EXPORT = Limit("export_same", 1, timedelta(minutes=1))
"""The very same form again within a minute is a finger that tapped twice: it counts as one try."""

_FORMULA = re.compile("[ \u00a0\u3000\u200b\ufeff]*[=+\\-@＝＋－＠\t\r\n]")


class FileKind(StrEnum):
    """What kind of file people take out."""

    XLSX = "xlsx"
    CSV = "csv"


class PurposeMissing(RuleBroken):
    """No record leaves the shop without a purpose."""

    code = "purpose_missing"
    message = words("请写明这份文件做什么用。")


class NothingToExport(RuleBroken):
    """A file without rows helps nobody."""

    code = "nothing_to_export"
    message = words("没有符合条件的记录，所以没有导出。请放宽条件再试。")


class TooLongForWorkbook(RuleBroken):
    """More rows than a sheet of Excel holds."""

    code = "too_long_for_workbook"
    message = words("一共 {rows} 条，Excel 一张表最多 {most} 条。请改选 CSV，或者缩小范围。")


def purpose_of(typed: str) -> str:
    """What a file is for, ready to keep. Raises PurposeMissing, ReasonTooLong, ReasonHoldsPhone, all on `purpose`."""
    try:
        return reason_to_see(typed)
    except ReasonMissing:
        raise PurposeMissing("purpose") from None
    except RuleBroken as refusal:
        refusal.field = "purpose"
        raise


def check_length(rows: int, kind: FileKind) -> None:
    """Raise NothingToExport or, where it does not fit the kind of file, TooLongForWorkbook."""
    if not rows:
        raise NothingToExport
    if kind is FileKind.XLSX and rows > MOST_WORKBOOK_ROWS:
        raise TooLongForWorkbook("kind", rows=f"{rows:,}", most=f"{MOST_WORKBOOK_ROWS:,}")


def guarded(text: str) -> str:
    """A text no spreadsheet program runs as a formula: an apostrophe before what begins like one. Source: OWASP, CSV
    Injection; the full-width signs do the same in Chinese and Japanese versions."""
    return text if not text or text[0].isalnum() or not _FORMULA.match(text) else f"'{text}"


def dialled(e164: str) -> str:
    """A whole number as people here write it, without the plus that would make it a formula: 13800138000, and
    852 91234567 from elsewhere. Nothing stays nothing."""
    country, rest = e164[1:4], e164[4:]
    return e164[3:] if e164.startswith("+86") else f"{country} {rest}".strip()
