"""How long a sign-in lasts."""

from datetime import datetime, timedelta

import pytest

from app.rules.sessions import expires_at, is_over, is_worth_touching
from app.vocabulary import Role

TINY = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("role", "idle"),
    [
        (Role.OWNER, timedelta(minutes=30)),
        (Role.MANAGER, timedelta(minutes=30)),
        (Role.MARKETER, timedelta(minutes=30)),
        (Role.AUDITOR, timedelta(minutes=30)),
        (Role.RECEPTION, timedelta(hours=12)),
        (Role.BEAUTICIAN, timedelta(hours=12)),
    ],
)
def test_a_resting_session_ends_sooner_away_from_the_till(role: Role, idle: timedelta, now: datetime) -> None:
    far = now + timedelta(days=9)
    assert not is_over(role, now, far, now + idle - TINY)
    assert is_over(role, now, far, now + idle)


@pytest.mark.parametrize("role", Role)
def test_a_busy_session_ends_after_twelve_hours(role: Role, now: datetime) -> None:
    end = expires_at(now)
    assert end == now + timedelta(hours=12)
    assert not is_over(role, end - TINY, end, end - TINY)
    assert is_over(role, end - TINY, end, end)


def test_a_sign_of_life_is_written_once_a_minute(now: datetime) -> None:
    assert not is_worth_touching(now, now + timedelta(minutes=1) - TINY)
    assert is_worth_touching(now, now + timedelta(minutes=1))
