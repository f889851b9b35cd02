"""What an address handed to a customer opens."""

from datetime import datetime

from sqlmodel import Session, col, or_, select

from app.models import PublicToken
from app.rules.tokens import fingerprint, well_formed
from app.vocabulary import TokenPurpose


def standing_token_row(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> PublicToken | None:
    """The record of a token that still opens something. None when it is unknown, cut off, expired, revoked or made for
    another purpose: the caller cannot tell which, and so neither can a stranger."""
    if not well_formed(token):
        return None
    return session.exec(
        select(PublicToken).where(
            PublicToken.sha256 == fingerprint(token),
            PublicToken.purpose == purpose,
            col(PublicToken.revoked_at).is_(None),
            or_(col(PublicToken.expires_at).is_(None), col(PublicToken.expires_at) > now),
        )
    ).first()


def subject_of(session: Session, token: str, purpose: TokenPurpose, now: datetime) -> int | None:
    """Whose address this is: the id of the customer, case or response it was made for. None as above."""
    row = standing_token_row(session, token, purpose, now)
    return row.subject_id if row else None


def standing_token_of(session: Session, purpose: TokenPurpose, subject_id: int, now: datetime) -> PublicToken | None:
    """The newest address of a subject that still opens something; None where there is none."""
    return session.exec(
        select(PublicToken)
        .where(
            PublicToken.purpose == purpose,
            PublicToken.subject_id == subject_id,
            col(PublicToken.revoked_at).is_(None),
            or_(col(PublicToken.expires_at).is_(None), col(PublicToken.expires_at) > now),
        )
        .order_by(col(PublicToken.id).desc())
    ).first()
