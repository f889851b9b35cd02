"""What a request with a key was answered before."""

from sqlmodel import Session, select

from app.columns import opened
from app.models import KeptAnswer
from app.rules.idempotency import Kept, Keyed, KeyUsedForOther


def kept_answer(session: Session, keyed: Keyed) -> Kept | None:
    """The answer this very request got, None when it never got one. Raises KeyUsedForOther when the key came with
    another body."""
    row = session.exec(
        select(KeptAnswer).where(KeptAnswer.scope == keyed.scope, KeptAnswer.key == keyed.key)
    ).one_or_none()
    if row is None:
        return None
    if row.body_mark != keyed.body:
        raise KeyUsedForOther
    return Kept(row.status, opened(row.answer) or "")
