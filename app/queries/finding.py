"""Finding a record by what somebody types at the counter, always through an index."""

from contextlib import suppress

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.models import Complaint, Customer, Purchase
from app.rules.names import tidy_words
from app.rules.phones import parse_phone
from app.rules.refusals import RuleBroken

_LAST_LETTER = "\U0010ffff"


def starting_with(column: Mapped[str], term: str) -> ColumnElement[bool]:
    """Texts that begin with the term, as a range: an ordinary index serves it on both databases."""
    return and_(column >= term, column < term + _LAST_LETTER)


def customers_like(term: str) -> ColumnElement[bool]:
    """Customers by the beginning of the name, of its pinyin or initials, by the last four digits or the whole number of
    the phone, by the member number or its beginning. No text, nobody."""
    text = tidy_words(term)
    if not text:
        return false()
    conditions = [starting_with(col(Customer.name), text)]
    latin = "".join(text.lower().split())
    if latin.isascii() and latin.isalpha():
        conditions += [
            starting_with(col(Customer.name_pinyin), latin),
            starting_with(col(Customer.name_initials), latin),
        ]
    number = "".join(text.upper().split())
    if number.isascii():
        conditions.append(starting_with(col(Customer.member_no), number))
    if len(number) == 4 and number.isdecimal():
        conditions.append(col(Customer.phone_last4) == number)
    with suppress(RuleBroken):
        conditions.append(col(Customer.phone_index) == blind_index(parse_phone(text).e164, "customers.phone"))
    return or_(*conditions)


def purchases_like(term: str) -> ColumnElement[bool]:
    """Purchases by the beginning of the order number, or of a customer found as above."""
    if not term:
        return false()
    return or_(
        starting_with(col(Purchase.order_no), term),
        col(Purchase.customer_id).in_(select(Customer.id).where(customers_like(term)).limit(200)),
    )


def complaints_like(term: str) -> ColumnElement[bool]:
    """Cases by the beginning of the receipt number or of the contact's name, or of a customer found as above."""
    if not term:
        return false()
    return or_(
        starting_with(col(Complaint.receipt_no), term.upper()),
        starting_with(col(Complaint.contact_name), term),
        col(Complaint.customer_id).in_(select(Customer.id).where(customers_like(term)).limit(200)),
    )


def has_customers(session: Session) -> bool:
    """Whether anybody is in the member file yet."""
    return session.exec(select(Customer.id).limit(1)).first() is not None
