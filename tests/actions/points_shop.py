"""Customers with points, for the tests of the ledger."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from app.actions.customers import lowest_tier
from app.actions.points import earn_points, reverse_entry, spend_points
from app.models import Customer, PointsEntry, PointsLot
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 24)
JUNE, DECEMBER = date(2027, 6, 30), date(2027, 12, 31)


_NUMBERS = count(1)


def new_customer(session: Session, name: str = "王小美") -> int:
    """Somebody without points."""
    row = Customer(member_no=f"T{next(_NUMBERS)}", name=name, tier_id=lowest_tier(session).id or 0)
    session.add(row)
    session.flush()
    return row.id or 0


@dataclass
class Book:
    """One customer's points, moved with a fresh reference each time."""

    session: Session
    customer_id: int
    numbers: Any = None
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.numbers = self.numbers or count(1)

    def _how(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "reference": f"T{self.customer_id}-{next(self.numbers)}",
            "reason": "",
            "now": self.now,
            "zone": ZONE,
        } | given

    def earn(self, points: int, expires_on: date | None = None, **given: Any) -> PointsEntry:
        """Points come in."""
        return earn_points(self.session, self.customer_id, points, expires_on=expires_on, **self._how(given))

    def spend(self, points: int, **given: Any) -> PointsEntry:
        """Points go out."""
        return spend_points(self.session, self.customer_id, points, **self._how(given))

    def reverse(self, entry: PointsEntry, **given: Any) -> PointsEntry:
        """A movement is taken back."""
        return reverse_entry(self.session, entry.id or 0, **self._how(given))

    def later(self, days: int) -> None:
        """Days go by."""
        self.now += timedelta(days=days)


def lots(session: Session) -> list[tuple[int, int, date | None]]:
    """Every lot, in the order they were made: points, what remains, end."""
    rows = session.exec(select(PointsLot.points, PointsLot.remaining, PointsLot.expires_on).order_by(PointsLot.id))  # type: ignore[call-overload]
    return [tuple(row) for row in rows]
