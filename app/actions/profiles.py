"""What staff do to a customer's file on her page: change it, say that it is still right, let a question rest. The first
time a file is complete its owner gets the gift the shop promised, once."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.actions.customers import create_customer, update_customer
from app.actions.earning import earn_for_occasion
from app.db import lock_row
from app.models import Customer
from app.queries.profiles import completeness, profile_gift
from app.rules.completeness import with_declined
from app.rules.customers import CustomerDetails
from app.rules.earning import EarnedOftenEnough, NothingToEarn
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import EarningKind


def create_profile(
    session: Session,
    details: CustomerDetails,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
) -> Customer:
    """A new file, and the gift when it is complete at once. Raises as `create_customer`."""
    customer = create_customer(session, details, policy=policy, now=now, zone=zone)
    give_profile_gift(session, customer, policy=policy, now=now, zone=zone, staff_id=staff_id)
    return customer


def update_profile(
    session: Session,
    customer_id: int,
    details: CustomerDetails,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
) -> Customer:
    """Change a file, and give the gift when that completes it. Raises as `update_customer`."""
    customer = update_customer(session, customer_id, details, now=now, policy=policy, zone=zone, staff_id=staff_id)
    give_profile_gift(session, customer, policy=policy, now=now, zone=zone, staff_id=staff_id)
    return customer


def confirm_profile(session: Session, customer_id: int, day: date | None, *, now: datetime) -> Customer:
    """Write down that everything in the file is right as of a day (None: take that back). Raises NotFound."""
    details = CustomerDetails(verified_on=day, emptied=frozenset() if day else frozenset({"verified_on"}))
    return update_customer(session, customer_id, details, now=now)


def decline_field(
    session: Session,
    customer_id: int,
    field: str,
    day: date | None,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
) -> Customer:
    """She would rather not say, so nobody asks for a while (None: she may be asked again). That may be what was left of
    her file. Raises NotFound, NothingToDecline."""
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    customer.declined_fields = with_declined(customer.declined_fields, field, day)
    session.flush()
    give_profile_gift(session, customer, policy=policy, now=now, zone=zone, staff_id=staff_id)
    return customer


def give_profile_gift(
    session: Session, customer: Customer, *, policy: Policy, now: datetime, zone: ZoneInfo, staff_id: int | None = None
) -> bool:
    """The gift for a complete file, when an earning rule gives one and she has had none. The caller holds her record, so that
    two who complete it at once give it once; whether it was given now."""
    assert customer.id is not None, "a gift needs a stored record"
    today = now.astimezone(zone).date()
    if not completeness(session, customer, today=today, policy=policy).is_complete:
        return False
    if profile_gift(session, customer.id) is not None:
        return False
    try:
        earn_for_occasion(
            session, customer.id, EarningKind.PROFILE, reference=str(customer.id), now=now, zone=zone, staff_id=staff_id
        )
    except (NothingToEarn, EarnedOftenEnough):
        return False
    return True
