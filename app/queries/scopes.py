"""Conditions that narrow a table: the same for a number on the dashboard and for the list that opens behind it."""

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, or_
from sqlmodel import SQLModel, col, select

from app.models import Complaint, Customer, Purchase, PurchaseLine, SkinRecord, Visit
from app.rules.birthdays import birthdays_between
from app.rules.complaints import OPEN
from app.vocabulary import Calendar, CustomerStatus

DUE_SOON = timedelta(hours=12)
"""How long before its deadline a case calls for somebody."""


class CaseState(StrEnum):
    """How a case stands against its promise."""

    OPEN = "open"
    OVERDUE = "overdue"
    DUE_SOON = "due_soon"


class Slip(StrEnum):
    """Which way the money went."""

    SALE = "sale"
    REFUND = "refund"


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant a day of the shop begins."""
    return datetime.combine(day, time(), zone)


def on_days(column: Any, first: date, last: date, zone: ZoneInfo) -> ColumnElement[bool]:
    """An instant on one of these days of the shop, the last one included."""
    return and_(column >= midnight(first, zone), column < midnight(last + timedelta(days=1), zone))


def last_days(column: Any, days: timedelta, today: date, zone: ZoneInfo) -> ColumnElement[bool]:
    """An instant on the last so many days of the shop, today being one of them."""
    return on_days(column, today - days + timedelta(days=1), today, zone)


def coming_week(today: date) -> tuple[date, date]:
    """Today and the six days after it, as first and last."""
    return today, today + timedelta(days=6)


def slips(kind: Slip) -> ColumnElement[bool]:
    """Sales, or refunds."""
    refunded = col(Purchase.refund_of_id)
    return refunded.is_(None) if kind is Slip.SALE else refunded.is_not(None)


def cases(state: CaseState, now: datetime) -> ColumnElement[bool]:
    """Open: the shop still has work to do. Overdue and due soon (less than `DUE_SOON` to go) are open cases that never
    had a solution: `rules.complaints.standing`, as the database says it."""
    is_open = col(Complaint.status).in_(sorted(OPEN))
    if state is CaseState.OPEN:
        return is_open
    due_at = col(Complaint.due_at)
    in_time = due_at < now if state is CaseState.OVERDUE else and_(due_at >= now, due_at < now + DUE_SOON)
    return and_(is_open, col(Complaint.solved_at).is_(None), in_time)


def born(calendar: Calendar, month: int, day: int) -> ColumnElement[bool]:
    """Customers whose birthday in that calendar is that day. A record the shop may not use is not congratulated."""
    return and_(
        col(Customer.birth_month) == month,
        col(Customer.birth_day) == day,
        col(Customer.birthday_calendar) == calendar,
        col(Customer.status) == CustomerStatus.ACTIVE,
    )


def celebrating(first: date, last: date) -> ColumnElement[bool]:
    """Customers who celebrate their birthday on one of these days, by either calendar."""
    return or_(false(), *(born(*birthday) for birthday in birthdays_between(first, last)))


def own_rows(table: type[SQLModel], staff_id: int) -> ColumnElement[bool]:
    """What a person served herself, where `rules.access.sees_only_own` says so. Nothing for a table without a server."""
    served = select(Visit.customer_id).where(Visit.staff_id == staff_id)
    conditions: dict[type[SQLModel], ColumnElement[bool]] = {
        Customer: col(Customer.id).in_(served),
        SkinRecord: or_(col(SkinRecord.customer_id).in_(served), col(SkinRecord.staff_id) == staff_id),
        Purchase: col(Purchase.id).in_(select(PurchaseLine.purchase_id).where(PurchaseLine.staff_id == staff_id)),
        PurchaseLine: col(PurchaseLine.staff_id) == staff_id,
        Visit: col(Visit.staff_id) == staff_id,
    }
    return conditions.get(table, false())
