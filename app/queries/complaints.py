"""Whose phone that is, and which case a response opened."""

from sqlmodel import Session, select

from app.columns import blind_index
from app.models import Complaint, Customer
from app.queries.phones import former_owners
from app.vocabulary import CustomerStatus


def only_customer_with(session: Session, e164: str) -> int | None:
    """The id of the one customer who has this phone, or gave it up in a merge; None when nobody did, or several share it."""
    index = blind_index(e164, "customers.phone")
    ids = session.exec(
        select(Customer.id)
        .where(
            Customer.phone_index == index,
            Customer.status != CustomerStatus.ERASED,
        )
        .limit(2)
    ).all()
    if not ids:
        return former_owners(session, [index]).get(index)
    return ids[0] if len(ids) == 1 else None


def complaint_of(session: Session, response_id: int | None) -> Complaint | None:
    """The case a survey response opened, if it did."""
    if response_id is None:
        return None
    return session.exec(select(Complaint).where(Complaint.response_id == response_id)).first()
