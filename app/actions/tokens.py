"""Addresses that only their holder knows: made, made again, taken back."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, or_, select

from app.columns import opened
from app.models import Customer, PublicToken
from app.rules.refusals import NotFound
from app.rules.tokens import TOKEN_BYTES, fingerprint
from app.vocabulary import TokenPurpose


@dataclass(frozen=True)
class StandingToken:
    """An address that opens, and since when: for a card, the day it was issued."""

    token: str
    created_at: datetime


def issue_token(
    session: Session, purpose: TokenPurpose, subject_id: int, *, now: datetime, expires_at: datetime | None = None
) -> str:
    """A new address for a customer, case or response. It opens until `expires_at` (None: until it is revoked)."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(_row(token, purpose, subject_id, now=now, expires_at=expires_at))
    return token


def token_of(session: Session, purpose: TokenPurpose, subject_id: int) -> str:
    """The address a subject has that is not taken back, to be handed out once more. Raises NotFound."""
    issued = select(PublicToken).where(
        PublicToken.purpose == purpose, PublicToken.subject_id == subject_id, col(PublicToken.revoked_at).is_(None)
    )
    row = session.exec(issued.order_by(col(PublicToken.id).desc())).first()
    if row is None:
        raise NotFound
    return opened(row.token) or ""


def standing_tokens(
    session: Session,
    customer_ids: Collection[int],
    *,
    purpose: TokenPurpose = TokenPurpose.CARD,
    now: datetime,
) -> dict[int, StandingToken]:
    """The addresses of these customers' cards or own pages, by customer id. Missing ones are made. Raises NotFound for a
    record that went into another one this very moment: its card would open nothing."""
    if _lock_customers(session, customer_ids) != set(customer_ids):
        raise NotFound
    rows = session.exec(
        select(PublicToken)
        .where(
            PublicToken.purpose == purpose,
            col(PublicToken.subject_id).in_(customer_ids),
            col(PublicToken.revoked_at).is_(None),
            or_(col(PublicToken.expires_at).is_(None), col(PublicToken.expires_at) > now),
        )
        .order_by(col(PublicToken.id))
    )
    standing = {row.subject_id: StandingToken(opened(row.token) or "", row.created_at) for row in rows}
    for customer_id in customer_ids:
        if customer_id not in standing:
            token = issue_token(session, purpose, customer_id, now=now)
            standing[customer_id] = StandingToken(token, now)
    session.flush()
    return standing


def revoke_tokens(session: Session, purpose: TokenPurpose, subject_ids: Collection[int], *, now: datetime) -> int:
    """Take back every address of this purpose these subjects have; a lost card's QR opens nothing from now on.
    Returns how many were taken back."""
    rows = session.exec(
        select(PublicToken).where(
            PublicToken.purpose == purpose,
            col(PublicToken.subject_id).in_(subject_ids),
            col(PublicToken.revoked_at).is_(None),
        )
    ).all()
    for row in rows:
        row.revoked_at = now
    session.flush()
    return len(rows)


def _lock_customers(session: Session, customer_ids: Collection[int]) -> set[int | None]:
    """Two print runs at once would each find no token and make one: the second QR would be a card nobody issued.
    In the order of ids, so that two runs over the same people wait for each other instead of blocking each other."""
    held = select(Customer.id).where(col(Customer.id).in_(customer_ids)).order_by(col(Customer.id)).with_for_update()
    return set(session.exec(held))


def _row(
    token: str, purpose: TokenPurpose, subject_id: int, *, now: datetime, expires_at: datetime | None
) -> PublicToken:
    return PublicToken(
        sha256=fingerprint(token),
        token=token,
        purpose=purpose,
        subject_id=subject_id,
        created_at=now,
        expires_at=expires_at,
    )
