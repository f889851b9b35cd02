"""Days and times as tills write them, and months that end where months end."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.rules.days import DayWrong, MomentWrong, latest_today, months_after, read_day, read_moment


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 8, 31), -6, date(2026, 2, 28)),
        (date(2026, 11, 24), 12, date(2027, 11, 24)),
        (date(2026, 11, 24), -12, date(2025, 11, 24)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2026, 12, 1), 1, date(2027, 1, 1)),
        (date(2026, 1, 1), -1, date(2025, 12, 1)),
    ],
)
def test_months_are_clamped_to_the_end_of_the_month(day: date, months: int, after: date) -> None:
    assert months_after(day, months) == after


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-11-24", datetime(2026, 11, 24)),
        ("2026/11/24 18:30", datetime(2026, 11, 24, 18, 30)),
        ("2026-11-24 18:30:05", datetime(2026, 11, 24, 18, 30, 5)),
        ("2026-11-24T18:30:05", datetime(2026, 11, 24, 18, 30, 5)),
        ("2026年11月24日", datetime(2026, 11, 24)),
        ("2026年11月24日 18时30分", datetime(2026, 11, 24, 18, 30)),
        ("2026年11月24日18:30", datetime(2026, 11, 24, 18, 30)),
        ("2026.11.24 9:05", datetime(2026, 11, 24, 9, 5)),
        ("20261124", datetime(2026, 11, 24)),
        ("20261124183005", datetime(2026, 11, 24, 18, 30, 5)),
        ("46350", datetime(2026, 11, 24)),
        ("46350.770833333", datetime(2026, 11, 24, 18, 30)),
        ("2026-11-24T18:30:00+08:00", datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
        ("2026-11-24T10:30:00Z", datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read(written: str, moment: datetime) -> None:
    assert read_moment(written) == moment


@pytest.mark.parametrize("written", ["", "18:30", "2026-11-31", "2026-11-24 25:00", "24/11/2026", "1.5E+5", "明天"])
def test_what_is_no_moment_is_refused(written: str) -> None:
    with pytest.raises(MomentWrong):
        read_moment(written)


def test_excels_first_days_are_not_trusted() -> None:
    assert read_day("61") == date(1900, 3, 1)
    with pytest.raises(DayWrong):
        read_day("60")


def test_the_latest_today_is_where_the_day_begins_first() -> None:
    assert latest_today(datetime(2026, 11, 24, 9, 59, tzinfo=UTC)) == date(2026, 11, 24)
    assert latest_today(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)) == date(2026, 11, 24) + timedelta(days=1)
