"""When work is tried again, when the night begins, and when the machine is late."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.jobs import (
    BACKUP_OLD_AFTER,
    LATE_AFTER,
    Beat,
    Pulse,
    beat_at,
    is_asleep,
    is_backup_old,
    latest_night,
    retry_after,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_the_waits_grow_to_six_hours_and_end_after_eight_attempts():
    minutes = [retry_after(attempt) / timedelta(minutes=1) for attempt in range(1, 8)]
    assert minutes == [1, 3, 9, 27, 81, 243, 360]
    assert retry_after(8) is None


@pytest.mark.parametrize(
    ("here", "night"),
    [
        ("2026-11-24T02:59:59", "2026-11-23T03:00"),
        ("2026-11-24T03:00:00", "2026-11-24T03:00"),
        ("2026-11-24T23:59:59", "2026-11-24T03:00"),
    ],
)
def test_the_night_is_that_of_the_shops_clock(here, night):
    moment = datetime.fromisoformat(here).replace(tzinfo=SHANGHAI).astimezone(UTC)
    assert latest_night(moment, 3, SHANGHAI) == datetime.fromisoformat(night).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_a_day_of_23_or_25_hours_has_one_night(day):
    new_york = ZoneInfo("America/New_York")
    hours = [
        datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=new_york).astimezone(UTC) + n * timedelta(minutes=10)
        for n in range(3 * 6, 23 * 6)
    ]
    assert len({latest_night(hour, 2, new_york).date() for hour in hours if hour.astimezone(new_york).hour >= 3}) == 1


def test_a_worker_is_late_after_two_minutes_and_a_clock_put_back_counts_too():
    assert beat_at(None, NOW) == Beat(Pulse.NEVER)
    assert beat_at(NOW - LATE_AFTER, NOW).pulse is Pulse.OK
    assert beat_at(NOW - LATE_AFTER - SECOND, NOW).pulse is Pulse.LATE
    assert beat_at(NOW + LATE_AFTER + SECOND, NOW).pulse is Pulse.LATE
    assert beat_at(NOW - 7 * SECOND, NOW).seconds == 7


def test_a_worker_nobody_ever_saw_is_missed_after_an_hour():
    never = beat_at(None, NOW)
    assert not is_asleep(never, None, NOW)
    assert not is_asleep(never, NOW - timedelta(hours=1), NOW)
    assert is_asleep(never, NOW - timedelta(hours=1) - SECOND, NOW)
    assert not is_asleep(beat_at(NOW, NOW), NOW - timedelta(days=9), NOW)
    assert is_asleep(beat_at(NOW - timedelta(hours=1), NOW), NOW, NOW)


def test_a_backup_is_old_after_36_hours_and_none_counts_from_the_opening():
    assert not is_backup_old(NOW - BACKUP_OLD_AFTER, None, NOW)
    assert is_backup_old(NOW - BACKUP_OLD_AFTER - SECOND, None, NOW)
    assert not is_backup_old(None, NOW - BACKUP_OLD_AFTER, NOW)
    assert is_backup_old(None, NOW - BACKUP_OLD_AFTER - SECOND, NOW)
    assert not is_backup_old(None, None, NOW)
