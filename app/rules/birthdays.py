"""Birthdays: solar or lunar, with or without the year, and on which day they are celebrated.

Source: semantics 5.2. Born on 29 February: 28 February in common years. Lunar: a leap month counts as the ordinary one,
and where the month has no 30th day it is the 29th.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from lunar_python import LunarYear, Solar

from app.rules.days import DayWrong, read_day
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Calendar

OLDEST_YEARS = 120
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LUNAR = re.compile(r"[(（]?(?:农历|農曆|阴历|陰曆|旧历|舊曆)[)）]?[:：\s]*")  # data
_SOLAR = re.compile(r"^(?:公历|公曆|阳历|陽曆|新历)[:：\s]*")  # data
_SHORT = re.compile(r"(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号號]?")  # data
_LUNAR_DAY = re.compile(
    r"(?:(\d{4}|[〇零○一二三四五六七八九]{4})\s*[-/.年]\s*)?[闰閏]?"  # data
    r"(\d{1,2}|十[一二]?|[正冬腊臘元一二三四五六七八九])\s*[-/.月]\s*"  # data
    r"(\d{1,2}|初[一二三四五六七八九十]|[一二三]?十[一二三四五六七八九]?|[廿卅]?[一二三四五六七八九]|[廿卅])"  # data
    r"\s*[日号號]?"  # data
)
_YEAR_ALONE = re.compile(r"\d{4}")
_DIGITS = {"〇": 0, "零": 0, "○": 0} | {digit: value for value, digit in enumerate("一二三四五六七八九", 1)}  # data
_MONTHS = {"正": 1, "元": 1, "冬": 11, "腊": 12, "臘": 12}  # data


class BirthdayWrong(RuleBroken):
    """Not a birthday in any spelling we read, or a day that does not exist."""

    code = "birthday_wrong"
    message = words("看不懂这个生日。请写成 1990-01-02、01-02 或 农历八月十五 这样。")


class BirthdayImpossible(RuleBroken):
    """A birthday in the future, or of somebody older than anybody."""

    code = "birthday_impossible"
    message = words("这个生日不可能：不能在将来，也不能早于 {years} 年前。")


@dataclass(frozen=True)
class Birthday:
    """A day of birth in its own calendar. `year` None: she did not say, and her age is unknown."""

    month: int
    day: int
    year: int | None = None
    calendar: Calendar = Calendar.SOLAR

    @property
    def text(self) -> str:
        """As it is kept and exported: 1990-01-02, or 01-02 without the year."""
        day = f"{self.month:02d}-{self.day:02d}"
        return day if self.year is None else f"{self.year:04d}-{day}"


def parse_birthday(text: str, *, today: date, calendar: Calendar = Calendar.SOLAR) -> Birthday:
    """The birthday somebody wrote: 1990-01-02, 1990/1/2, 1990年1月2日, 19900102, 01-02, 1月2日, 农历八月十五,
    农历1990-08-15, or Excel's serial number. `calendar` is meant where the text names none. Raises BirthdayWrong or
    BirthdayImpossible."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if _LUNAR.search(plain) or (calendar is Calendar.LUNAR and not _SOLAR.match(plain)):
        birthday = _lunar(_LUNAR.sub("", plain))
    else:
        birthday = _solar(_SOLAR.sub("", plain))
    if birthday.year is not None:
        # A lunar year may end two months into the next solar one; the year alone is compared there.
        born = date(birthday.year, 1, 1) if birthday.calendar is Calendar.LUNAR else _solar_date(birthday)
        if born > today or birthday.year < today.year - OLDEST_YEARS:
            raise BirthdayImpossible("birthday", years=OLDEST_YEARS)
    return birthday


def celebrated_on(birthday: Birthday, year: int) -> date:
    """The solar day it is celebrated in a year of its own calendar (a lunar year may end in the next solar one)."""
    if birthday.calendar is Calendar.SOLAR:
        return _solar_date(birthday, year)
    first, length = _lunar_months(year)[birthday.month]
    return first + timedelta(days=min(birthday.day, length) - 1)


def birthday_year(birthday: Birthday, on: date) -> int:
    """The year of its own calendar whose birthday is celebrated that day: of a lunar one perhaps the solar year before."""
    years = (year for year in (on.year, on.year - 1) if celebrated_on(birthday, year) == on)
    return next(years, on.year)


def is_birthday_month(birthday: Birthday, on: date) -> bool:
    """Whether it is celebrated in the month of that day."""
    days = (celebrated_on(birthday, year) for year in (on.year - 1, on.year))
    return any((day.year, day.month) == (on.year, on.month) for day in days)


def age_on(birthday: str, calendar: Calendar, today: date) -> int | None:
    """How old somebody with this birthday, as the record keeps it, is today. None without the year."""
    year, *rest = birthday.split("-") if birthday.count("-") == 2 else ("",)
    if not rest:
        return None
    born_on = celebrated_on(Birthday(int(rest[0]), int(rest[1]), int(year), calendar), int(year))
    is_to_come = today < celebrated_on(Birthday(born_on.month, born_on.day), today.year)
    return max(today.year - born_on.year - is_to_come, 0)


def birthdays_between(first: date, last: date) -> dict[tuple[Calendar, int, int], date]:
    """Every (calendar, month, day) celebrated from `first` to `last`, both included, with the day it is celebrated:
    what a query compares with `birthday_calendar`, `birth_month` and `birth_day`."""
    found: dict[tuple[Calendar, int, int], date] = {}
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        found.setdefault((Calendar.SOLAR, day.month, day.day), day)
        if (day.month, day.day) == (2, 28) and _solar_date(Birthday(2, 29), day.year) == day:
            found.setdefault((Calendar.SOLAR, 2, 29), day)
        for month, moon, length in _moons(day):
            found.setdefault((Calendar.LUNAR, month, moon), day)
            if moon == length == 29:
                found.setdefault((Calendar.LUNAR, month, 30), day)
    return found


@cache
def _lunar_months(year: int) -> dict[int, tuple[date, int]]:
    """The ordinary months of a lunar year: first solar day and length. Kept, because the almanac takes milliseconds."""
    months = {}
    for month in LunarYear.fromYear(year).getMonthsInYear():
        if not month.isLeap():
            first = Solar.fromJulianDay(month.getFirstJulianDay())
            months[month.getMonth()] = (date(first.getYear(), first.getMonth(), first.getDay()), month.getDayCount())
    return months


def _moons(day: date) -> Iterator[tuple[int, int, int]]:
    """Lunar month, day and the month's length of a solar day; nothing in a leap month, whose days were celebrated in the
    ordinary one."""
    for year in (day.year - 1, day.year):
        for month, (first, length) in _lunar_months(year).items():
            if 0 <= (day - first).days < length:
                yield month, (day - first).days + 1, length


def _solar(plain: str) -> Birthday:
    if match := _SHORT.fullmatch(plain):
        month, day = int(match[1]), int(match[2])
        if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
            raise BirthdayWrong("birthday")
        return Birthday(month, day)
    if _YEAR_ALONE.fullmatch(plain):  # 1990 is a year here, not Excel's day of 1905
        raise BirthdayWrong("birthday")
    try:
        day_of_birth = read_day(plain)
    except DayWrong:
        raise BirthdayWrong("birthday") from None
    return Birthday(day_of_birth.month, day_of_birth.day, day_of_birth.year)


def _lunar(plain: str) -> Birthday:
    match = _LUNAR_DAY.fullmatch(plain.strip())
    if match is None:
        raise BirthdayWrong("birthday")
    year = int("".join(str(_DIGITS.get(digit, digit)) for digit in match[1])) if match[1] else None
    month = _MONTHS.get(match[2]) or _number(match[2])
    day = _number(match[3])
    if not 1 <= month <= 12 or not 1 <= day <= 30:
        raise BirthdayWrong("birthday")
    return Birthday(month, day, year, Calendar.LUNAR)


def _number(text: str) -> int:
    """A Chinese number up to 39: 八, 初五, 十五, 二十, 廿三, 三十."""
    if text.isdecimal():
        return int(text)
    text = text.removeprefix("初").replace("廿", "二十").replace("卅", "三十")  # data
    tens, ten, ones = text.rpartition("十")  # data
    return (_DIGITS.get(tens, 1) if ten else 0) * 10 + _DIGITS.get(ones, 0)


def _solar_date(birthday: Birthday, year: int | None = None) -> date:
    year = birthday.year if year is None else year
    assert year is not None, "a birthday without a year has no date of its own"
    try:
        return date(year, birthday.month, birthday.day)
    except ValueError:
        return date(year, 2, 28)
