"""A benefit of a tier is given and, where that was a slip, taken back. Never more often than the tier grants."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.db import lock_row
from app.models import BenefitUse, Customer, TierBenefit
from app.queries.benefits import is_her_month, used_in_year
from app.rules.benefits import (
    NOTE_MAX,
    BenefitNoteTooLong,
    BenefitNotHers,
    NotHerBirthdayMonth,
    UseTakenBack,
    check_use,
    year_from,
    year_until,
)
from app.rules.refusals import NotFound


def use_benefit(
    session: Session,
    customer_id: int,
    benefit_id: int,
    *,
    now: datetime,
    zone: ZoneInfo,
    note: str = "",
    staff_id: int | None = None,
) -> BenefitUse:
    """Write down that she was given it today. Counted under her record's lock: of two counters at once the last one left
    goes to one. Raises NotFound, BenefitNotHers, NotHerBirthdayMonth, BenefitUsedUp, BenefitNoteTooLong."""
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    benefit = session.get(TierBenefit, benefit_id)
    if benefit is None or not benefit.is_active or benefit.tier_id != customer.tier_id:
        raise BenefitNotHers
    said = " ".join(note.split())
    if len(said) > NOTE_MAX:
        raise BenefitNoteTooLong("note", limit=NOTE_MAX)
    today, joined = now.astimezone(zone).date(), customer.created_at.astimezone(zone).date()
    if benefit.in_birthday_month and not is_her_month(customer, today):
        raise NotHerBirthdayMonth(name=benefit.name)
    first = year_from(joined, today)
    used = used_in_year(session, customer_id, benefit_id, first)
    again_on = year_until(joined, first) + timedelta(days=1)
    check_use(benefit.name, benefit.times_a_year, used, again_on=again_on)
    use = BenefitUse(
        customer_id=customer_id,
        benefit_id=benefit_id,
        used_on=today,
        year_from_on=first,
        note=said,
        created_at=now,
        staff_id=staff_id,
    )
    session.add(use)
    session.flush()
    return use


def take_back_use(session: Session, use_id: int, *, now: datetime) -> BenefitUse:
    """It was not given after all: it counts no more. Raises NotFound, UseTakenBack."""
    use = lock_row(session, BenefitUse, use_id)
    if use is None:
        raise NotFound
    if use.taken_back_at is not None:
        raise UseTakenBack
    use.taken_back_at = now
    session.flush()
    return use
