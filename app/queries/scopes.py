"""Conditions that narrow a table: the same for a number on the dashboard and for the list that opens behind it."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select

from app.models import (
    AuditEntry,
    BenefitUse,
    Complaint,
    ComplaintEvent,
    Consent,
    ContactEvent,
    Customer,
    CustomerMerge,
    DuplicatePair,
    ImportBatch,
    Improvement,
    LowFeedback,
    OutboundMessage,
    Photo,
    PointsAccount,
    PointsEntry,
    PointsLot,
    PointsPending,
    PointsRequest,
    Purchase,
    PurchaseLine,
    Redemption,
    SignUp,
    SkinRecord,
    SocialAccount,
    Staff,
    StaffSession,
    Store,
    Survey,
    SurveyAnswer,
    SurveyInvitation,
    SurveyPlace,
    SurveyQuestion,
    SurveyResponse,
    SurveyRule,
    SurveySection,
    SurveyVersion,
    SurveyWave,
    TierChange,
    Visit,
)
from app.rules.access import Scope, scope_of
from app.rules.birthdays import birthdays_between
from app.rules.complaints import OPEN
from app.rules.days import months_after
from app.rules.policy import Policy
from app.rules.sessions import AT_THE_TILL, IDLE_LIMIT, TILL_IDLE_LIMIT
from app.vocabulary import Calendar, CustomerStatus, Role

ANYTHING: ColumnElement[bool] = true()
"""The reach of whoever asks from the command line."""
DUE_SOON = timedelta(hours=12)
"""How long before its deadline a case calls for somebody."""


class Person(Protocol):
    """Whose reach is asked. `store_id` None: all stores."""

    @property
    def staff_id(self) -> int: ...
    @property
    def role(self) -> Role: ...
    @property
    def store_id(self) -> int | None: ...


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


def waiting_sales() -> ColumnElement[bool]:
    """Sales whose buyer the till named and nobody knows yet."""
    named = or_(col(Purchase.buyer_phone_index).is_not(None), col(Purchase.buyer_member_no) != "")
    return and_(col(Purchase.customer_id).is_(None), named)


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


def stale(today: date, zone: ZoneInfo, policy: Policy) -> ColumnElement[bool]:
    """Customers whose file nobody has looked through with them for too long; who never was looked through counts from
    the day the file was made. A record the shop may not use is nobody's work."""
    since = months_after(today, -policy.stale_months)
    verified = col(Customer.verified_on)
    never = and_(verified.is_(None), col(Customer.created_at) < midnight(since, zone))
    return and_(or_(verified < since, never), col(Customer.status) == CustomerStatus.ACTIVE)


def frozen() -> ColumnElement[bool]:
    """Accounts of points whose books did not agree."""
    return col(PointsAccount.frozen_at).is_not(None)


def still_pending() -> ColumnElement[bool]:
    """Points of sales that do not count yet."""
    return col(PointsPending.closed_at).is_(None)


def signed_in_now(now: datetime) -> ColumnElement[bool]:
    """Sign-ins that still open the door: `rules.sessions.is_over`, as the database says it."""
    seen = col(StaffSession.last_seen_at)
    at_the_till: Any = aliased(Staff)
    of_the_till = exists().where(
        at_the_till.id == col(StaffSession.staff_id), col(at_the_till.role).in_(sorted(AT_THE_TILL))
    )
    return and_(
        col(StaffSession.ended_at).is_(None),
        col(StaffSession.expires_at) > now,
        or_(seen > now - IDLE_LIMIT, and_(seen > now - TILL_IDLE_LIMIT, of_the_till)),
    )


def signed_out(now: datetime) -> ColumnElement[bool]:
    """Sign-ins that are over, whoever or whatever ended them."""
    return not_(signed_in_now(now))


def only_store(table: Any, person: Person) -> int | None:
    """The one store of whose rows in this table a person may touch any; None: of all stores."""
    return None if scope_of(person.role, str(table.__tablename__)) is Scope.ALL else person.store_id


def visible(table: Any, person: Person) -> ColumnElement[bool] | None:
    """Of a table's rows those this person may see or name. None: all of them, so that nothing has to be asked."""
    scope = scope_of(person.role, str(table.__tablename__))
    if scope is None:
        return false()
    store_id = only_store(table, person)
    store = None if store_id is None else of_store(table, store_id)
    if scope is not Scope.OWN:
        return store
    own = own_rows(table, person.staff_id)
    return own if store is None else and_(own, store)


def gathered_customers(person: Person) -> tuple[Select[Any], ...]:
    """Lists of the customers `visible` lets this person see, to be read instead of asking it of each customer: all of
    them stand there, now and then somebody else as well. Nothing: she sees everybody, or nobody."""
    scope, store_id = scope_of(person.role, str(Customer.__tablename__)), only_store(Customer, person)
    if scope is Scope.OWN:
        return (select(Visit.customer_id).where(Visit.staff_id == person.staff_id),)
    if scope is None or store_id is None:
        return ()
    happened: tuple[Any, ...] = (Purchase, Visit)
    return (
        select(Customer.id).where(col(Customer.store_id) == store_id),
        select(Customer.id).where(col(Customer.store_id).is_(None)),
        *(select(one.customer_id).where(one.store_id == store_id, one.customer_id.is_not(None)) for one in happened),
    )


def own_rows(table: type[SQLModel], staff_id: int) -> ColumnElement[bool]:
    """What a person served herself, where `rules.access` says so. Nothing for a table without a server."""
    served = select(Visit.customer_id).where(Visit.staff_id == staff_id)
    answered = select(SurveyResponse.id).where(col(SurveyResponse.customer_id).in_(served))
    conditions: dict[type[SQLModel], ColumnElement[bool]] = {
        Customer: col(Customer.id).in_(served),
        SkinRecord: or_(col(SkinRecord.customer_id).in_(served), col(SkinRecord.staff_id) == staff_id),
        Photo: or_(col(Photo.customer_id).in_(served), col(Photo.staff_id) == staff_id),
        SocialAccount: col(SocialAccount.customer_id).in_(served),
        BenefitUse: or_(col(BenefitUse.customer_id).in_(served), col(BenefitUse.staff_id) == staff_id),
        Purchase: col(Purchase.id).in_(select(PurchaseLine.purchase_id).where(PurchaseLine.staff_id == staff_id)),
        PurchaseLine: col(PurchaseLine.staff_id) == staff_id,
        Visit: col(Visit.staff_id) == staff_id,
        SurveyResponse: col(SurveyResponse.customer_id).in_(served),
        SurveyAnswer: col(SurveyAnswer.response_id).in_(answered),
    }
    return conditions.get(table, false())


def of_store(table: type[SQLModel], store_id: int) -> ColumnElement[bool]:
    """What belongs to one store, or to none: a row by the store it names, else by what it hangs on. A table without a
    line in `_OF_STORE` belongs to nobody."""
    return _OF_STORE[table](table, store_id) if table in _OF_STORE else false()


def _of_it_or_none(row: Any, store_id: int) -> ColumnElement[bool]:
    return or_(row.store_id == store_id, row.store_id.is_(None))


def _of_it_or_its_customers(row: Any, store_id: int) -> ColumnElement[bool]:
    # What names no store is everybody's only as far as its customer is.
    return or_(row.store_id == store_id, and_(row.store_id.is_(None), _on(Customer, row.customer_id, store_id)))


def _customers(row: Any, store_id: int) -> ColumnElement[bool]:
    """Who belongs to the store or to none, and who bought something or was served there."""
    happened: tuple[Any, ...] = (aliased(Purchase), aliased(Visit))
    return or_(
        _of_it_or_none(row, store_id),
        *(
            # Adding nothing keeps SQLite from walking through all that happened in the store, once for every customer;
            # skipping nothing keeps PostgreSQL from collecting all of it before it looks at the first.
            exists(select(one.id).where(one.customer_id == row.id, one.store_id + 0 == store_id).offset(0))
            for one in happened
        ),
    )


def _responses(row: Any, store_id: int) -> ColumnElement[bool]:
    """Answers given in the store or to its own survey; to one of the whole house, as far as it may see who answered."""
    asked: Any = aliased(Survey)
    hers = or_(
        row.store_id == store_id,
        asked.store_id == store_id,
        and_(asked.store_id.is_(None), _on(Customer, row.customer_id, store_id)),
    )
    return exists().where(asked.id == row.survey_id, hers)


def _on(parent: Any, key: Any, store_id: int) -> ColumnElement[bool]:
    """Hanging on a row of the store, or on none. Asked row by row, for only a page of rows is ever looked at."""
    above: Any = aliased(parent)
    return or_(key.is_(None), exists().where(above.id == key, _OF_STORE[parent](above, store_id)))


_OF_STORE: dict[type[SQLModel], Callable[[Any, int], ColumnElement[bool]]] = {
    Store: lambda row, store_id: row.id == store_id,
    Staff: _of_it_or_none,
    Customer: _customers,
    # Whoever may not see one of the two could not tell whether they are one.
    DuplicatePair: lambda row, store_id: and_(
        _on(Customer, row.low_id, store_id), _on(Customer, row.high_id, store_id)
    ),
    CustomerMerge: lambda row, store_id: and_(row.survivor_id.is_not(None), _on(Customer, row.survivor_id, store_id)),
    SkinRecord: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    Photo: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    SocialAccount: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    ContactEvent: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    Consent: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    # Whoever typed a phone of another store's customer must not be led to her.
    SignUp: lambda row, store_id: and_(_of_it_or_none(row, store_id), _on(Customer, row.customer_id, store_id)),
    Purchase: _of_it_or_its_customers,
    PurchaseLine: lambda row, store_id: _on(Purchase, row.purchase_id, store_id),
    PointsAccount: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    PointsEntry: lambda row, store_id: _on(PointsAccount, row.account_id, store_id),
    PointsLot: lambda row, store_id: _on(PointsAccount, row.account_id, store_id),
    PointsPending: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    PointsRequest: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    Redemption: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    TierChange: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    BenefitUse: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    Visit: _of_it_or_its_customers,
    Survey: _of_it_or_none,
    SurveyVersion: lambda row, store_id: _on(Survey, row.survey_id, store_id),
    SurveySection: lambda row, store_id: _on(SurveyVersion, row.version_id, store_id),
    SurveyQuestion: lambda row, store_id: _on(Survey, row.survey_id, store_id),
    SurveyRule: lambda row, store_id: _on(SurveyVersion, row.version_id, store_id),
    SurveyPlace: lambda row, store_id: and_(_of_it_or_none(row, store_id), _on(Survey, row.survey_id, store_id)),
    SurveyWave: lambda row, store_id: _on(Survey, row.survey_id, store_id),
    SurveyInvitation: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    SurveyResponse: _responses,
    SurveyAnswer: lambda row, store_id: _on(SurveyResponse, row.response_id, store_id),
    LowFeedback: lambda row, store_id: _on(SurveyResponse, row.response_id, store_id),
    Improvement: _of_it_or_none,
    Complaint: _of_it_or_its_customers,
    ComplaintEvent: lambda row, store_id: _on(Complaint, row.complaint_id, store_id),
    OutboundMessage: lambda row, store_id: _on(Customer, row.customer_id, store_id),
    # The files and the journal of a store are what its own people brought and did; what the owner, somebody without a
    # store or the machine did is not its business.
    ImportBatch: lambda row, store_id: row.staff_id.in_(select(Staff.id).where(Staff.store_id == store_id)),
    AuditEntry: lambda row, store_id: row.staff_id.in_(select(Staff.id).where(Staff.store_id == store_id)),
}
