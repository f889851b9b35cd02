"""What came in over the sign-up page."""

import json
from typing import Any

from sqlmodel import Session, col, func, or_, select

from app.columns import opened
from app.models import Customer, CustomerAlias, SignUp, Store
from app.queries.tokens import subject_of
from app.rules.member_numbers import parse_member_no
from app.rules.refusals import RuleBroken
from app.vocabulary import CustomerStatus, SignUpState, TokenPurpose


def told_in(row: SignUp) -> dict[str, Any]:
    """What somebody with a known phone typed, until a person has looked at it; empty afterwards."""
    return json.loads(opened(row.told) or "{}")


def has_signed_up(session: Session, submission_id: str) -> bool:
    """Whether this very form is in already: a second tap, a page loaded again."""
    return session.exec(select(SignUp.id).where(SignUp.submission_id == submission_id)).first() is not None


def waiting_sign_ups(session: Session, *, within: Any) -> int:
    """How many wait for a person, of those `within` somebody's reach."""
    return session.exec(select(func.count()).select_from(SignUp).where(SignUp.state == SignUpState.KNOWN, within)).one()


def open_store(session: Session, code: str) -> int | None:
    """The store a code on the wall names; None for none or one that is closed."""
    usable = code if code.isprintable() else ""
    return session.exec(select(Store.id).where(Store.code == usable, col(Store.is_active))).first()


def recommender(session: Session, ref: str, *, now: Any) -> int | None:
    """Who sent her: by the token of a member's card, by a member number, or by one that was joined to another. None for
    whoever is not there: nobody is refused for it."""
    if not ref:
        return None
    holder = subject_of(session, ref, TokenPurpose.CARD, now)
    try:
        number = parse_member_no(ref)
    except RuleBroken:
        number = ""
    joined = select(CustomerAlias.customer_id).where(CustomerAlias.member_no == number)
    wanted = select(Customer.id).where(
        or_(Customer.id == holder, Customer.member_no == number, col(Customer.id).in_(joined)),
        Customer.status == CustomerStatus.ACTIVE,
    )
    return session.exec(wanted.order_by(col(Customer.id))).first()
