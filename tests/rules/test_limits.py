"""Stretches of time, the wait in words, and whom an address stands for."""

from datetime import UTC, datetime, timedelta

import pytest

from app.rules import limits
from app.rules.limits import BAD_TOKEN, LOGIN_PER_ACCOUNT, LONGEST, Limit, TooManyTries, network_of


@pytest.mark.parametrize(
    ("minute", "second", "began", "wait"),
    [(10, 0.0, 10, 60.0), (10, 59.5, 10, 0.5), (11, 0.0, 11, 60.0)],
)
def test_a_minute_is_the_clocks_minute(minute: int, second: float, began: int, wait: float) -> None:
    now = datetime(2026, 11, 24, 10, minute, tzinfo=UTC) + timedelta(seconds=second)
    assert LOGIN_PER_ACCOUNT.began_at(now) == datetime(2026, 11, 24, 10, began, tzinfo=UTC)
    assert LOGIN_PER_ACCOUNT.wait(now) == timedelta(seconds=wait)


def test_an_hour_is_the_same_hour_in_every_zone() -> None:
    zone_of_india = datetime.fromisoformat("2026-11-24T16:15:00+05:30")
    assert BAD_TOKEN.began_at(zone_of_india) == datetime(2026, 11, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wait", "minutes", "seconds"), [(0.2, 1, 1), (60, 1, 60), (60.1, 2, 61), (3600, 60, 3600), (0, 1, 1)]
)
def test_the_wait_is_said_rounded_up(wait: float, minutes: int, seconds: int) -> None:
    refusal = TooManyTries(timedelta(seconds=wait))
    assert f"请过 {minutes} 分钟再试" in refusal.say(str)
    assert refusal.seconds == seconds


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_a_connection_of_ipv6_counts_as_one(address: str, who: str) -> None:
    assert network_of(address) == who


def test_no_limit_looks_back_further_than_counts_are_kept() -> None:
    every = [one for one in vars(limits).values() if isinstance(one, Limit)]
    assert len(every) >= 6
    assert max(one.per for one in every) <= LONGEST
    assert len({one.name for one in every}) == len(every)
