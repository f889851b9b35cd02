"""What an earning rule or a tier said before it was changed is kept: a sale told late is judged by the rules of its day."""

from datetime import datetime

from sqlmodel import Session

from app.models import EarningRule, RuleVersion, Tier
from app.queries.earning import said_of
from app.vocabulary import RuleSubject

_SUBJECTS = {EarningRule: RuleSubject.EARNING_RULE, Tier: RuleSubject.TIER}


def begin_version(row: EarningRule | Tier, *, now: datetime) -> None:
    """A new rule counts from now on: what was sold before it is none of its business."""
    row.since_at = now


def keep_version(session: Session, row: EarningRule | Tier, *, now: datetime) -> None:
    """Keep what a rule says, before it is changed; call it while the row still holds it. What it says from now on counts
    from now on. Twice in one moment keeps the first."""
    if row.since_at is not None and row.since_at >= now:
        return
    version = RuleVersion(
        subject=_SUBJECTS[type(row)], row_id=row.id or 0, since_at=row.since_at, until_at=now, said=said_of(row)
    )
    session.add(version)
    row.since_at = now  # stored with what changes: the journal has one line for both
