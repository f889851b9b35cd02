"""Ways to a customer: what they were before, which of them lead nowhere, and which work again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.db import lock_row
from app.models import ContactEvent, Customer
from app.rules.contacts import ContactAlreadyInvalid, ContactIsEmpty, ContactWorks, masked_contact
from app.rules.merging import TOLD_BY
from app.rules.refusals import NotFound
from app.vocabulary import ContactEventKind, ContactKind

MARKS = {ContactKind.PHONE: "phone_invalid_on", ContactKind.EMAIL: "email_invalid_on"}
"""What can be found to lead nowhere, and the column that says since when."""


def note_changes(
    session: Session, customer: Customer, before: Mapping[str, Any], *, now: datetime, staff_id: int | None = None
) -> None:
    """Write down every way to her that has just become another; `before` are the columns as they were."""
    session.add_all(replaced(customer, before, now=now, staff_id=staff_id))
    session.flush()


def replaced(
    customer: Customer, before: Mapping[str, Any], *, now: datetime, staff_id: int | None = None
) -> list[ContactEvent]:
    """Every way to her that has just become another, not yet stored. A new number is not the one that led nowhere."""
    assert customer.id is not None, "a stored record has a number"
    events = []
    for contact in ContactKind:
        old, new = before.get(contact.value), getattr(customer, contact.value)
        if contact.value not in before or not old or old == new:
            continue
        events.append(
            ContactEvent(
                customer_id=customer.id,
                contact=contact,
                kind=ContactEventKind.REPLACED,
                old_value=old,
                old_masked=before["phone_masked"]
                if contact is ContactKind.PHONE
                else masked_contact(contact, str(old)),
                at=now,
                staff_id=staff_id,
            )
        )
        if contact in MARKS:
            setattr(customer, MARKS[contact], None)
    return events


def note_left(
    session: Session, stays: Mapping[str, Any], left: Mapping[str, Any], *, now: datetime, staff_id: int | None = None
) -> list[int]:
    """Write down, with the record that stays, every way to her that only the other one had; both are columns by name, hers
    open. The numbers of what was written."""
    events = [
        ContactEvent(
            customer_id=stays["id"],
            contact=contact,
            kind=ContactEventKind.REPLACED,
            old_value=left[contact.value],
            old_masked=left["phone_masked"]
            if contact is ContactKind.PHONE
            else masked_contact(contact, left[contact.value]),
            at=now,
            staff_id=staff_id,
        )
        for contact in ContactKind
        if left[contact.value] and any(left[one] != stays[one] for one in TOLD_BY.get(contact, (contact.value,)))
    ]
    session.add_all(events)
    session.flush()
    return [event.id or 0 for event in events]


def contacts_of(customer: Customer) -> dict[str, Any]:
    """Her ways as they stand, for `note_changes`."""
    return {contact.value: getattr(customer, contact.value) for contact in ContactKind} | {
        "phone_masked": customer.phone_masked
    }


def mark_invalid(
    session: Session,
    customer_id: int,
    *,
    contact: ContactKind,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
) -> Customer:
    """A number nobody answers at, or an address that sends everything back: from now on nobody is asked to use it.

    Raises NotFound, ContactIsEmpty, ContactAlreadyInvalid.
    """
    customer = _held(session, customer_id)
    mark = MARKS[ContactKind(contact)]
    if not getattr(customer, contact):
        raise ContactIsEmpty("contact")
    if getattr(customer, mark) is not None:
        raise ContactAlreadyInvalid("contact")
    setattr(customer, mark, now.astimezone(zone).date())
    told = {"reason": reason, "at": now, "staff_id": staff_id}
    _note(session, customer, ContactKind(contact), ContactEventKind.INVALID, **told)
    return customer


def mark_valid(
    session: Session, customer_id: int, *, contact: ContactKind, now: datetime, staff_id: int | None = None
) -> Customer:
    """It works after all. Raises NotFound, ContactWorks."""
    customer = _held(session, customer_id)
    mark = MARKS[ContactKind(contact)]
    if getattr(customer, mark) is None:
        raise ContactWorks("contact")
    setattr(customer, mark, None)
    _note(session, customer, ContactKind(contact), ContactEventKind.VALID, at=now, staff_id=staff_id)
    return customer


def _held(session: Session, customer_id: int) -> Customer:
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound
    return customer


def _note(session: Session, customer: Customer, contact: ContactKind, kind: ContactEventKind, **told: Any) -> None:
    masked = customer.phone_masked if contact is ContactKind.PHONE else masked_contact(contact, customer.email)
    session.add(ContactEvent(customer_id=customer.id or 0, contact=contact, kind=kind, old_masked=masked, **told))
    session.flush()
