"""Which backups are kept, what their names say, what a manifest survives."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.backups import KEEP_DAYS, KEEP_MONTHS, KEEP_NEWEST, Manifest, Name, Part, file_name, name_of, superseded

NOW = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
NIGHTS = [NOW - timedelta(days=days) for days in range(800)]


def test_two_years_of_nights_leave_five_weeks_and_the_first_of_each_of_twelve_months() -> None:
    kept = sorted(set(NIGHTS) - superseded(NIGHTS, now=NOW, zone=ZONE))
    recent = [night for night in kept if night > NIGHTS[KEEP_NEWEST - 1] - timedelta(days=KEEP_DAYS)]
    assert len(recent) == KEEP_NEWEST - 1 + KEEP_DAYS
    months = [night.astimezone(ZONE) for night in kept if night not in recent]
    assert [(night.year, night.month) for night in months] == [
        (2025, 12),
        *((2026, month) for month in range(1, 11)),
    ]
    assert {night.day for night in months} == {1}
    assert len(months) + 1 == KEEP_MONTHS  # November's first is among the recent ones


def test_deleting_every_night_ends_with_the_same_ones_as_deleting_once() -> None:
    kept: set[datetime] = set()
    for night in reversed(NIGHTS):
        kept.add(night)
        kept -= superseded(kept, now=night, zone=ZONE)
    assert kept == set(NIGHTS) - superseded(NIGHTS, now=NOW, zone=ZONE)


@pytest.mark.parametrize("age", [timedelta(days=1), timedelta(days=5000)])
def test_the_seven_newest_good_ones_always_stay(age: timedelta) -> None:
    newest = [NOW - age - timedelta(days=60 * number) for number in range(KEEP_NEWEST)]
    old = NOW - age - timedelta(days=1500)
    assert superseded([*newest, old], now=NOW, zone=ZONE) == {old}
    assert superseded(newest, now=NOW, zone=ZONE) == set()
    assert superseded([*newest[1:], old], now=NOW, zone=ZONE) == set()
    assert superseded([], now=NOW, zone=ZONE) == set()


def test_a_night_years_ahead_takes_no_good_backup_away() -> None:
    ahead, nights = NOW + timedelta(days=1200), NIGHTS[:40]
    assert superseded([ahead, *nights], now=ahead, zone=ZONE) == set()
    # Control: once seven nights are that late, it is that late.
    a_week = [ahead + timedelta(days=number) for number in range(KEEP_NEWEST)]
    assert superseded([*a_week, *nights], now=a_week[-1], zone=ZONE) == set(nights)


def test_a_clock_that_was_ahead_deletes_nothing() -> None:
    ahead = [NOW + timedelta(days=400), NOW, NOW - timedelta(days=1)]
    assert superseded(ahead, now=NOW, zone=ZONE) == set()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (file_name(NOW), Name(NOW, True)),
        (file_name(NOW.astimezone(ZONE)), Name(NOW, True)),
        (file_name(NOW, "unverified"), Name(NOW, False)),
        (file_name(NOW, "before-restore"), Name(NOW, True, True)),
        ("rouge-20261124T190000Z.2.backup", Name(NOW, True)),
        ("rouge-20261124T190000Z.backup.part", None),
        (".rouge-20261124T190000Z.backup", None),
        ("rouge-20261124.backup", None),
        ("holiday.backup", None),
    ],
)
def test_a_name_says_when_and_whether_it_counts(name: str, said: Name | None) -> None:
    assert name_of(name) == said


def test_a_manifest_is_read_back_as_it_was() -> None:
    manifest = Manifest(
        made_at=NOW,
        program="0.1.0",
        database="sqlite",
        server="SQLite 3.53.4",
        revision="20261126",
        shop_name="胭脂美妆",
        counts={"customers": 2, "tiers": 3},
        parts=(Part("rouge.db", 4096, "ab"),),
        head_id=7,
        head_seal="00ff",
    )
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.rows == 5
    with pytest.raises((ValueError, KeyError, TypeError)):
        Manifest.from_json(b"{}")
