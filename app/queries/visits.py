"""Who serves whom today."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from app.models import Customer, Staff, Visit
from app.queries.scopes import on_days
from app.vocabulary import Role


@dataclass(frozen=True)
class HandedOver:
    """A customer somebody serves today. `has_warning`: there is something to know before her skin is touched."""

    name: str
    member_no: str
    has_warning: bool


def beauticians(session: Session, store_id: int | None, within: ColumnElement[bool]) -> tuple[tuple[int, str], ...]:
    """Whom a customer may be handed over to, number and name: of this store or of none, of those the person may see."""
    wanted = select(Staff.id, Staff.name).where(Staff.role == Role.BEAUTICIAN, col(Staff.is_active), within)
    if store_id is not None:
        wanted = wanted.where(or_(col(Staff.store_id) == store_id, col(Staff.store_id).is_(None)))
    return tuple((number or 0, name) for number, name in session.exec(wanted.order_by(col(Staff.name), col(Staff.id))))


def served_today(session: Session, staff_id: int, today: date, zone: ZoneInfo) -> tuple[HandedOver, ...]:
    """The customers of her day, the last one first."""
    wanted = (
        select(
            Customer.name,
            Customer.member_no,
            col(Customer.allergy_note).is_not(None),
            col(Customer.health_note).is_not(None),
        )
        .join(Visit, col(Visit.customer_id) == col(Customer.id))
        .where(Visit.staff_id == staff_id, on_days(col(Visit.visited_at), today, today, zone))
        .order_by(col(Visit.visited_at).desc(), col(Visit.id).desc())
    )
    found: dict[str, HandedOver] = {}
    for name, number, allergy, health in session.exec(wanted):
        found.setdefault(number, HandedOver(name, number, bool(allergy or health)))
    return tuple(found.values())
