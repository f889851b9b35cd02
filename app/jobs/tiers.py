"""The nightly review of tiers, a portion at a time: the till must not wait for it. And a changed table carried out for
everybody, where the owner asked for that."""

from sqlmodel import Session

from app.actions.tiers import Reviewed, apply_table, review_due
from app.jobs.errands import Done, Errand
from app.queries.tiers import customers_after, due_after
from app.rules.refusals import words

AT_ONCE = 500
"""Customers looked at in one transaction: well under a second."""
APPLY = "apply"
_REVIEWED = words("看了 {seen} 位顾客，{risen} 位升级，{kept} 位续期，{fallen} 位降级，提醒了 {warned} 位")
_COUNTS = ("seen", "risen", "kept", "fallen", "warned")


def review_tiers(session: Session, errand: Errand) -> Done:
    """Those whose last day has passed or is near; with `apply` in the payload everybody, by the table as it is now. The
    next portion begins after the last number looked at, so that one done twice looks at nobody twice."""
    payload = {name: int(errand.payload.get(name, 0)) for name in (APPLY, "after", *_COUNTS)}
    day = errand.now.astimezone(errand.zone).date()
    if payload[APPLY]:
        numbers = customers_after(session, payload["after"], AT_ONCE)
    else:
        numbers = due_after(session, payload["after"], AT_ONCE, today=day, policy=errand.policy)
    review = apply_table if payload[APPLY] else review_due
    done: Reviewed = review(session, numbers, policy=errand.policy, now=errand.now, zone=errand.zone)
    counts = {name: payload[name] + getattr(done, name) for name in _COUNTS}
    if len(numbers) == AT_ONCE:
        return Done(then={APPLY: payload[APPLY], "after": numbers[-1], **counts})
    return Done(_REVIEWED, counts)
