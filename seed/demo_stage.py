"""What every part of the demo shop needs: the session, repeatable chance, the days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.rules.policy import Policy

_T = TypeVar("_T")


@dataclass(frozen=True)
class Stage:
    """Where the demo shop is built, and with which dice."""

    session: Session
    chance: Random
    today: date
    zone: ZoneInfo
    policy: Policy

    def day(self, days_ago: int) -> date:
        """A day before today."""
        return self.today - timedelta(days=days_ago)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """A moment in the shop's zone."""
        return datetime.combine(day, time(hour, minute), self.zone)

    def open_hours(self, day: date) -> datetime:
        """Some moment while the shop is open; today only early, so that nothing lies ahead of most visitors."""
        minutes = self.chance.randrange(0, 100) if day == self.today else self.chance.randrange(30, 630)
        return self.at(day, 9, 30) + timedelta(minutes=minutes)

    def happens(self, share: float) -> bool:
        """Whether something that happens to this share of cases happens now."""
        return self.chance.random() < share

    def one_of(self, weighted: Sequence[tuple[_T, float]]) -> _T:
        """One of several, each as often as its weight says."""
        return self.chance.choices([item for item, _ in weighted], [weight for _, weight in weighted])[0]
