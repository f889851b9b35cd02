"""Days and times as people and tills write them, and months that end where months end."""

import calendar
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

from app.rules.refusals import RuleBroken, words

EXCEL_DAY_ZERO = date(1899, 12, 30)
"""Excel counts days from here (its own 29 February 1900 never was, so serials below 61 are not trusted)."""

_DAY = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(.*)", re.DOTALL)  # data
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2})(\d{2})(\d{2})?)?")
_SERIAL = re.compile(r"(\d{1,6})(\.\d+)?")
_TIME = re.compile(r"[T\s]*(\d{1,2})\s*[:时点]\s*(\d{1,2})?(?:\s*[:分]\s*(\d{1,2})?)?(?:\.\d+)?\s*秒?")  # data


class DayWrong(RuleBroken):
    """No day that can be read, or one that never was."""

    code = "day_wrong"
    message = words("看不懂这个日期。请写成 2026-11-24 这样。")


class MomentWrong(RuleBroken):
    """No time that can be read, or one that never was."""

    code = "moment_wrong"
    message = words("看不懂这个时间。请写成 2026-11-24 18:30 这样。")


def latest_today(now: datetime) -> date:
    """The latest day it can be anywhere on earth: a birthday after it lies in the future whatever the shop's zone is."""
    return (now.astimezone(UTC) + timedelta(hours=14)).date()


def months_after(day: date, months: int) -> date:
    """The same day so many months later (negative: earlier); in a shorter month its last day: 31 Jan + 1 → 28 Feb."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def read_day(text: str) -> date:
    """A day: 1990-01-02, 1990/1/2, 1990.1.2, 1990年1月2日, 19900102 or Excel's serial number. Raises DayWrong."""
    try:
        moment = _read(text)
    except ValueError:
        raise DayWrong from None
    if moment is None:
        raise DayWrong
    return moment.date()


def read_moment(text: str) -> datetime:
    """A day with or without a time, as a clock on the shop's wall shows it; without a time it is midnight. An offset
    (`+08:00`, `Z`) is kept: then the answer has a zone. Raises MomentWrong."""
    try:
        moment = _read(text)
    except ValueError:
        raise MomentWrong from None
    if moment is None:
        raise MomentWrong
    return moment


def read_moment_of(day: str, clock: str) -> datetime:
    """A moment whose day and clock stand apart, as `read_moment`; without a clock it is the day's own time. A clock that
    is a whole moment must be of that day. Raises MomentWrong."""
    if not day or not clock:
        return read_moment(day or clock)
    date_of_day = read_moment(day).date()
    try:
        return datetime.combine(date_of_day, _clock(unicodedata.normalize("NFKC", clock)))
    except ValueError:
        moment = read_moment(clock)
    if moment.date() != date_of_day:
        raise MomentWrong
    return moment


def _read(text: str) -> datetime | None:
    if _PLAIN.fullmatch(text):  # what most tills write
        return datetime.fromisoformat(text)
    plain = unicodedata.normalize("NFKC", text).strip()
    if "T" in plain or re.search(r"\d[+]\d\d:?\d\d$|\dZ$", plain):
        return datetime.fromisoformat(plain)
    if match := _DAY.fullmatch(plain):
        return datetime.combine(date(int(match[1]), int(match[2]), int(match[3])), _clock(match[4]))
    if match := _COMPACT.fullmatch(plain):
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime.combine(date(year, month, day), time(hour, minute, second))
    if match := _SERIAL.fullmatch(plain):
        return _from_serial(int(match[1]), float(match[2] or 0))
    return None


def _clock(text: str) -> time:
    if not text.strip():
        return time()
    match = _TIME.fullmatch(text.rstrip())
    if match is None:
        raise ValueError(text)
    hour, minute, second = (int(part or 0) for part in match.groups())
    return time(hour, minute, second)


def _from_serial(days: int, share: float) -> datetime | None:
    if not 61 <= days <= 73050:  # to the end of 2099
        return None
    seconds = round(share * 86400)
    return datetime.combine(EXCEL_DAY_ZERO, time()) + timedelta(days=days, seconds=seconds)
