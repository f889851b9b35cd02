"""Birthdays in every spelling, and the day they are celebrated."""

from datetime import date, timedelta

import pytest

from app.rules.birthdays import (
    Birthday,
    BirthdayImpossible,
    BirthdayWrong,
    age_on,
    birthdays_between,
    celebrated_on,
    parse_birthday,
)
from app.vocabulary import Calendar

TODAY = date(2026, 11, 24)
LUNAR = Calendar.LUNAR


@pytest.mark.parametrize(
    "written",
    ["1990-01-02", "1990/1/2", "1990.1.2", "1990年1月2日", "1990 年 1 月 2 日", "19900102", "32875", "32875.0",
     "1990-01-02 00:00:00", "１９９０－０１－０２", "公历1990-01-02"],
)  # fmt: skip
def test_a_solar_day_is_one_day_however_it_is_written(written: str) -> None:
    assert parse_birthday(written, today=TODAY) == Birthday(1, 2, 1990)


@pytest.mark.parametrize("written", ["01-02", "1-2", "1/2", "1月2日", "1月2号"])
def test_the_year_may_be_unknown(written: str) -> None:
    assert parse_birthday(written, today=TODAY) == Birthday(1, 2)
    assert parse_birthday(written, today=TODAY).text == "01-02"


@pytest.mark.parametrize(
    ("written", "birthday"),
    [
        ("农历八月十五", Birthday(8, 15, None, LUNAR)),
        ("阴历 8月15日", Birthday(8, 15, None, LUNAR)),
        ("農曆正月初一", Birthday(1, 1, None, LUNAR)),
        ("农历腊月廿三", Birthday(12, 23, None, LUNAR)),
        ("农历冬月三十", Birthday(11, 30, None, LUNAR)),
        ("农历十二月二十九", Birthday(12, 29, None, LUNAR)),
        ("农历八月十", Birthday(8, 10, None, LUNAR)),
        ("农历闰四月初三", Birthday(4, 3, None, LUNAR)),
        ("农历1990-08-15", Birthday(8, 15, 1990, LUNAR)),
        ("农历1990年八月十五", Birthday(8, 15, 1990, LUNAR)),
        ("农历一九九〇年八月十五", Birthday(8, 15, 1990, LUNAR)),
        ("1990年8月15日（农历）", Birthday(8, 15, 1990, LUNAR)),
    ],
)
def test_a_lunar_day_is_read(written: str, birthday: Birthday) -> None:
    assert parse_birthday(written, today=TODAY) == birthday


def test_a_form_may_say_the_calendar_beside_the_day() -> None:
    assert parse_birthday("08-15", today=TODAY, calendar=LUNAR) == Birthday(8, 15, None, LUNAR)
    assert parse_birthday("1990-08-15", today=TODAY, calendar=LUNAR) == Birthday(8, 15, 1990, LUNAR)


@pytest.mark.parametrize(
    "written",
    ["1990-02-30", "1990-13-01", "1990-00-01", "90-01-02", "02-30", "13-01", "00-10", "1990", "昨天", "农历十三月初一",
     "农历八月三十一", "农历", "1.38E+10", "-5", "0", "60", "99999", "2/1/1990"],
)  # fmt: skip
def test_days_that_never_were_or_could_be_two_are_refused(written: str) -> None:
    with pytest.raises(BirthdayWrong):
        parse_birthday(written, today=TODAY)


@pytest.mark.parametrize("written", ["2026-11-25", "1905-12-31", "1900-01-01", "农历2027年正月初一"])
def test_a_birthday_is_neither_in_the_future_nor_older_than_anybody(written: str) -> None:
    with pytest.raises(BirthdayImpossible):
        parse_birthday(written, today=TODAY)


@pytest.mark.parametrize("written", ["2026-11-24", "1906-01-01"])
def test_the_youngest_and_the_oldest_have_birthdays(written: str) -> None:
    assert parse_birthday(written, today=TODAY).text == written


@pytest.mark.parametrize(
    ("birthday", "year", "day"),
    [
        (Birthday(11, 24), 2026, date(2026, 11, 24)),
        (Birthday(2, 29, 2000), 2027, date(2027, 2, 28)),
        (Birthday(2, 29, 2000), 2028, date(2028, 2, 29)),
        (Birthday(8, 15, None, LUNAR), 2027, date(2027, 9, 15)),  # 中秋节 2027
        (Birthday(1, 1, None, LUNAR), 2027, date(2027, 2, 6)),  # 春节 2027
        (Birthday(12, 30, None, LUNAR), 2025, date(2026, 2, 16)),  # the twelfth month of 2025 has 29 days
        (Birthday(12, 23, None, LUNAR), 2026, date(2027, 1, 30)),  # a lunar year ends in the next solar one
        (Birthday(6, 6, None, LUNAR), 2025, date(2025, 6, 30)),  # a leap sixth month follows: not again
        (Birthday(6, 6, None, LUNAR), 2026, date(2026, 7, 19)),
    ],
)
def test_the_day_a_birthday_is_celebrated(birthday: Birthday, year: int, day: date) -> None:
    assert celebrated_on(birthday, year) == day


def test_a_week_lists_whose_birthdays_fall_in_it() -> None:
    week = birthdays_between(date(2027, 9, 13), date(2027, 9, 19))
    assert week[Calendar.SOLAR, 9, 13] == date(2027, 9, 13)
    assert week[LUNAR, 8, 15] == date(2027, 9, 15)
    assert (Calendar.SOLAR, 9, 20) not in week


@pytest.mark.parametrize(("year", "listed"), [(2027, True), (2028, False)])
def test_a_leap_day_is_celebrated_on_the_28th_in_common_years_only(year: int, listed: bool) -> None:
    assert ((Calendar.SOLAR, 2, 29) in birthdays_between(date(year, 2, 28), date(year, 2, 28))) is listed


def test_the_list_and_the_day_celebrated_agree_on_every_day_of_three_years() -> None:
    start, end = date(2025, 1, 1), date(2027, 12, 31)
    days = [start + timedelta(days=offset) for offset in range((end - start).days + 1)]
    for birthday in (
        Birthday(2, 29),
        Birthday(12, 30, None, LUNAR),
        Birthday(6, 30, None, LUNAR),
        Birthday(6, 1, None, LUNAR),
    ):
        key = (birthday.calendar, birthday.month, birthday.day)
        listed = {day for day in days if key in birthdays_between(day, day)}
        assert listed == {celebrated_on(birthday, year) for year in range(2024, 2028)} & set(days)


@pytest.mark.parametrize(
    ("birthday", "calendar", "age"),
    [
        ("1990-11-24", Calendar.SOLAR, 36), ("1990-11-25", Calendar.SOLAR, 35), ("11-24", Calendar.SOLAR, None), ("", Calendar.SOLAR, None),
        ("2026-11-24", Calendar.SOLAR, 0), ("2000-02-29", Calendar.SOLAR, 26), ("1990-12-30", Calendar.LUNAR, 35),
    ],
)  # fmt: skip
def test_an_age_is_counted_and_never_stored(birthday: str, calendar: Calendar, age: int | None) -> None:
    assert age_on(birthday, calendar, date(2026, 11, 24)) == age
