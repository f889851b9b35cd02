"""Who is told that points end, when, and what the message lists."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.consents import DEFAULT_REGISTER, Receipt, Standing
from app.rules.points_notices import EndingLot, Notice, Reach, channel_for, due_from, notice, stage_of
from app.vocabulary import Channel, CustomerStatus, Purpose

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 24)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ANYWHERE = Reach(has_phone=True, has_wechat=True, has_email=True)


def lot(number: int, days: int, points: int = 10, came_at: datetime = LONG_AGO) -> EndingLot:
    """A lot that ends so many days from today."""
    return EndingLot(number, points, TODAY + timedelta(days=days), came_at)


def told(days_ago: int) -> datetime:
    """A message of that day."""
    return datetime(2026, 11, 24, 9, tzinfo=ZONE) - timedelta(days=days_ago)


@pytest.mark.parametrize(("days", "stage"), [(31, None), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, None)])
def test_the_nearest_stage_is_the_one_that_counts(days: int, stage: int | None) -> None:
    assert stage_of(TODAY + timedelta(days=days), TODAY) == stage


def test_one_message_lists_everything_that_ends_the_soonest_first() -> None:
    said = notice([lot(1, 30, 5), lot(2, 7, 20), lot(3, 7, 30), lot(4, 31, 99)], None, TODAY, ZONE)
    assert said == Notice("points-notice:2:7", ((TODAY + timedelta(days=7), 50), (TODAY + timedelta(days=30), 5)))


def test_what_was_spent_or_is_over_is_not_announced() -> None:
    assert notice([lot(1, 5, 0), lot(2, -1)], None, TODAY, ZONE) is None


def test_a_stage_is_told_once_and_the_next_one_again() -> None:
    near = [lot(1, 7)]
    assert notice(near, told(1), TODAY, ZONE) is not None  # yesterday it was the stage of 30 days
    assert notice([lot(1, 6)], told(1), TODAY, ZONE) is None
    assert notice(near, told(0), TODAY, ZONE) is None


def test_after_a_month_off_only_the_nearest_stage_is_told() -> None:
    assert notice([lot(1, 1)], told(40), TODAY, ZONE) == Notice("points-notice:1:1", ((date(2026, 11, 25), 10),))


def test_points_that_came_after_the_last_message_are_told_by_themselves() -> None:
    since = told(3) + timedelta(hours=1)
    assert notice([lot(1, 20), lot(2, 25)], told(3), TODAY, ZONE) is None
    said = notice([lot(1, 20), lot(2, 25, came_at=since)], told(3), TODAY, ZONE)
    assert said is not None
    assert said.key == "points-notice:2:30"
    assert len(said.ends) == 2


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("2026-11-23T19:00+00:00", "2026-11-24T09:00"),  # 03:00 in the shop
        ("2026-11-24T02:30+00:00", "2026-11-24T10:30"),
        ("2026-11-24T13:00+00:00", "2026-11-25T09:00"),  # 21:00: tomorrow, and tomorrow's days are counted
    ],
)
def test_nobody_is_woken_for_points(written: str, due: str) -> None:
    assert due_from(datetime.fromisoformat(written), ZONE) == datetime.fromisoformat(due).replace(tzinfo=ZONE)


def agreed(*channels: Channel | None) -> Standing:
    """Who agreed to be reached these ways."""
    return Standing(tuple(Receipt(Purpose.SERVICE_CARE, one, LONG_AGO) for one in channels))


def test_only_a_way_she_agreed_to_and_that_leads_to_her_is_taken() -> None:
    nowhere = Reach(has_phone=False, has_wechat=True, has_email=False)
    asked = DEFAULT_REGISTER
    assert channel_for(ANYWHERE, agreed(None), asked) is Channel.SMS
    assert channel_for(Reach(True, True, True, Channel.EMAIL), agreed(None), asked) is Channel.EMAIL
    assert channel_for(Reach(True, True, True, Channel.PHONE), agreed(Channel.WECHAT), asked) is Channel.WECHAT
    assert channel_for(nowhere, agreed(Channel.SMS), asked) is None
    assert channel_for(ANYWHERE, Standing(), asked) is None
    restricted = Standing(agreed(None).receipts, status=CustomerStatus.RESTRICTED)
    assert channel_for(ANYWHERE, restricted, asked) is None
