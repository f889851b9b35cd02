"""A customer is handed over at the desk: from then on whoever serves her sees what she must know."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.db import lock_row
from app.models import Customer, Staff, Visit
from app.queries.scopes import on_days
from app.rules.refusals import NotFound
from app.rules.visits import NobodyToServe
from app.vocabulary import CustomerStatus, Role, VisitOutcome


def hand_over(
    session: Session, customer_id: int, staff_id: int, *, now: datetime, zone: ZoneInfo, store_id: int | None = None
) -> Visit:
    """She is here and this beautician serves her: a visit of today, which opens her file to the beautician. Handed over to
    her already today, it is that visit. `store_id` None: where the beautician works. Raises NotFound, NobodyToServe."""
    customer = lock_row(session, Customer, customer_id)
    if customer is None or customer.status is CustomerStatus.ERASED:
        raise NotFound
    staff = session.get(Staff, staff_id)
    if staff is None or not staff.is_active or staff.role is not Role.BEAUTICIAN:
        raise NobodyToServe
    if (open_visit := open_visit_of(session, customer_id, staff_id, now=now, zone=zone)) is not None:
        return open_visit
    visit = Visit(
        customer_id=customer_id, staff_id=staff_id, visited_at=now, store_id=store_id or staff.store_id, created_at=now
    )
    session.add(visit)
    session.flush()
    return visit


def open_visit_of(session: Session, customer_id: int, staff_id: int, *, now: datetime, zone: ZoneInfo) -> Visit | None:
    """The visit she was handed over with today, while nobody has written down what was done."""
    today = now.astimezone(zone).date()
    wanted = select(Visit).where(
        Visit.customer_id == customer_id,
        Visit.staff_id == staff_id,
        col(Visit.treatment_id).is_(None),
        col(Visit.note).is_(None),
        Visit.outcome == VisitOutcome.UNKNOWN,
        on_days(col(Visit.visited_at), today, today, zone),
    )
    return session.exec(wanted.order_by(col(Visit.id).desc())).first()
