"""Whose a member number is: her own, or one of a record that went into hers."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select, union_all

from app.models import Customer, CustomerAlias
from app.queries.scopes import ANYTHING


def customer_by_number(session: Session, number: str, *, within: ColumnElement[bool] = ANYTHING) -> Customer | None:
    """The customer with this member number, be it on her old card, of those `within` somebody's reach. None: nobody."""
    return session.exec(select(Customer).where(has_number([number]), within)).first()


def has_number(numbers: Collection[str]) -> ColumnElement[bool]:
    """The condition that a customer has one of these numbers, or had it before two records became one. One set of ids
    rather than "or": PostgreSQL would read every customer to answer that."""
    known: Any = aliased(Customer)  # the query around it may be about customers, too
    own = select(known.id).where(known.member_no.in_(numbers))
    former = select(CustomerAlias.customer_id).where(col(CustomerAlias.member_no).in_(numbers))
    return col(Customer.id).in_(union_all(own, former))


def present_numbers(session: Session, numbers: Collection[str]) -> dict[str, str]:
    """The number each of these stands for today, by the number asked for: itself, or the one it was joined to."""
    own = select(Customer.member_no).where(col(Customer.member_no).in_(numbers))
    former = (
        select(CustomerAlias.member_no, Customer.member_no)
        .join(Customer, col(Customer.id) == col(CustomerAlias.customer_id))
        .where(col(CustomerAlias.member_no).in_(numbers))
    )
    return {number: number for number in session.exec(own)} | dict(session.exec(former).all())
