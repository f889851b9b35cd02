"""What waits at the desk today, each as a number that stops where nobody counts on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from app.models import Complaint, Customer, DuplicatePair, Purchase, SignUp
from app.queries.scopes import CaseState, cases, celebrating, stale, waiting_sales
from app.rules.policy import Policy
from app.vocabulary import PairState, SignUpState

MOST_COUNTED = 1000
MOST_BIRTHDAYS = 8


@dataclass(frozen=True)
class Celebrating:
    """Somebody whose birthday is today."""

    name: str
    member_no: str


@dataclass(frozen=True)
class Waiting:
    """How many of each call for somebody; None: not for this reader. `MOST_COUNTED` means that many or more."""

    overdue_cases: int | None = None
    due_soon_cases: int | None = None
    duplicates: int | None = None
    sign_ups: int | None = None
    waiting_sales: int | None = None
    stale_profiles: int | None = None


def waiting(
    session: Session, *, within: Mapping[Any, ColumnElement[bool]], now: datetime, zone: ZoneInfo, policy: Policy
) -> Waiting:
    """What waits, of the tables that are `within` the reader's reach: table → which of its rows."""
    wanted = {
        "overdue_cases": (Complaint, cases(CaseState.OVERDUE, now)),
        "due_soon_cases": (Complaint, cases(CaseState.DUE_SOON, now)),
        "duplicates": (DuplicatePair, DuplicatePair.state == PairState.OPEN),
        "sign_ups": (SignUp, SignUp.state == SignUpState.KNOWN),
        "waiting_sales": (Purchase, waiting_sales()),
        "stale_profiles": (Customer, stale(now.astimezone(zone).date(), zone, policy)),
    }
    return Waiting(
        **{
            name: _count(session, table, condition, within[table])
            for name, (table, condition) in wanted.items()
            if table in within
        }
    )


def _count(session: Session, table: Any, condition: Any, reach: ColumnElement[bool]) -> int:
    some = select(table.id).where(condition, reach).limit(MOST_COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def birthdays_today(session: Session, today: date, within: ColumnElement[bool]) -> tuple[Celebrating, ...]:
    """Whom to congratulate when she comes in."""
    wanted = select(Customer.name, Customer.member_no).where(celebrating(today, today), within)
    return tuple(Celebrating(*row) for row in session.exec(wanted.order_by(col(Customer.id)).limit(MOST_BIRTHDAYS)))
