"""Telling customers whose points end soon, some accounts at a time: the rest of the shop's day must not wait for it."""

from sqlmodel import Session

from app.actions.points_notices import write_points_notices
from app.jobs.errands import Done, Errand
from app.queries.points_notices import last_account
from app.rules.refusals import words

ACCOUNTS_AT_ONCE = 2_000
_WRITTEN = words("写好 {written} 条积分到期提醒")


def tell_of_endings(session: Session, errand: Errand) -> Done:
    """Everybody with points that end within 30 days, if she agreed to be told and a way leads to her."""
    after, written = (int(errand.payload.get(name, 0)) for name in ("after", "written"))
    until = after + ACCOUNTS_AT_ONCE
    written += write_points_notices(session, after + 1, until, policy=errand.policy, now=errand.now, zone=errand.zone)
    if until < last_account(session):
        return Done(then={"after": until, "written": written})
    return Done(_WRITTEN, {"written": written})
