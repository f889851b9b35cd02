"""Finding a record by what somebody types at the counter, always through an index."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.models import Complaint, Customer, CustomerAlias, Purchase
from app.queries.phones import former_owner
from app.rules.names import tidy_name
from app.rules.phones import parse_phone
from app.rules.refusals import RuleBroken

_LAST_LETTER = "\U0010ffff"


def starting_with(column: Mapped[str], term: str) -> ColumnElement[bool]:
    """Texts that begin with the term, as a range: an ordinary index serves it on both databases."""
    return and_(column >= term, column < term + _LAST_LETTER)


@dataclass(frozen=True)
class Way:
    """One way to find a customer, served by one index: the condition, the column it is about, what that column holds
    when it is met exactly, and among whom."""

    condition: ColumnElement[bool]
    column: Any
    exactly: str | bytes = ""
    of: Any = Customer


def ways_to(term: str, of: Any = Customer) -> tuple[Way, ...]:
    """What somebody may mean by a term, the likeliest first: the whole phone or one given up in a merge, a member number or
    one that was joined to another, the last four digits, the beginning of the name or of what friends call her, of its pinyin or initials. No
    text, no way. `of`: some customers, read like all of them."""
    text = tidy_name(term)
    if not text:
        return ()
    ways: list[Way] = []
    with suppress(RuleBroken):
        index = blind_index(parse_phone(text).e164, "customers.phone")
        ways.append(Way(col(of.phone_index) == index, of.phone_index, index, of))
        ways.append(Way(col(of.id) == former_owner(index), of.id, of=of))
    number = "".join(text.upper().split())
    if number.isascii():
        # One value rather than a set: beside an "or" PostgreSQL would read every customer for a set.
        joined = select(CustomerAlias.customer_id).where(CustomerAlias.member_no == number).scalar_subquery()
        ways.append(Way(starting_with(col(of.member_no), number), of.member_no, number, of))
        ways.append(Way(col(of.id) == joined, of.id, of=of))
    if len(number) == 4 and number.isdecimal():
        ways.append(Way(col(of.phone_last4) == number, of.phone_last4, number, of))
    ways.append(Way(starting_with(col(of.name), text), of.name, text, of))
    ways.append(Way(starting_with(col(of.given_name), text), of.given_name, text, of))
    latin = "".join(text.lower().split())
    if latin.isascii() and latin.isalpha():
        ways.append(Way(starting_with(col(of.name_initials), latin), of.name_initials, latin, of))
        ways.append(Way(starting_with(col(of.name_pinyin), latin), of.name_pinyin, latin, of))
    return tuple(ways)


def customers_like(term: str) -> ColumnElement[bool]:
    """Customers by any of the ways above. No text, nobody."""
    return or_(false(), *(way.condition for way in ways_to(term)))


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
