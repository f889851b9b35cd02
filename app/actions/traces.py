"""What is only kept for a while is forgotten: where and when somebody signed in."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func
from sqlmodel import Session, col

from app.models import StaffSession
from app.rules.policy import Policy


def forget_old_sign_ins(session: Session, *, policy: Policy, now: datetime) -> int:
    """Delete the sign-ins that ended, or ran out, longer ago than the policy keeps them. Returns how many rows went."""
    ended_at = func.coalesce(StaffSession.ended_at, StaffSession.expires_at)
    before = now - timedelta(days=policy.trace_days)
    gone: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        delete(StaffSession).where(ended_at < before, col(StaffSession.expires_at) < before)
    )
    return gone.rowcount
