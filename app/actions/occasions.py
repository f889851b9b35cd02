"""What somebody at the counter saw happen, written down for points: which event, which idea; and taken back."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.actions.earning import earn_for_occasion, hold_buyer
from app.actions.ledger import customer_of, entry_by, locked_account
from app.actions.points import reverse_entry
from app.models import PointsEntry
from app.queries.adjustments import moved_by_hand
from app.queries.points import reversed_of
from app.rules.adjustments import check_occasions, is_by_hand
from app.rules.earning import AlreadyWrittenDown
from app.rules.points import day_of, stated_reason
from app.rules.policy import Policy
from app.rules.refusals import NotFound, words
from app.vocabulary import EarningKind, PointsKind

_TAKEN_BACK = words("记错了")


def write_occasion(
    session: Session,
    customer_id: int,
    kind: EarningKind,
    what: str,
    *,
    reference: str,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int,
) -> PointsEntry:
    """Points for `what` she came to, shared or proposed, by the rule of its kind. The same reference again gives the first
    entry. One gift is the rule's word; several on one day count towards the policy's `points_approval_from` like any points
    given by hand. Raises PointsReasonMissing, AlreadyWrittenDown, OccasionsNeedSecond, and as `earn_for_occasion`."""
    what = stated_reason(what, "what")
    hold_buyer(session, customer_id)
    account = locked_account(session, customer_id)
    known = entry_by(session, PointsKind.EARN, f"{kind.value}:{reference}")
    if known is None and _is_told(session, account.id, kind, what):
        raise AlreadyWrittenDown("what", what=what)
    moved = moved_by_hand(session, account.id, staff_id, day_of(now, zone), zone)
    entry = earn_for_occasion(
        session, customer_id, kind, reference=reference, now=now, zone=zone, staff_id=staff_id, what=what
    )
    if known is None:
        check_occasions(entry.points, moved, policy)
    return entry


def _is_told(session: Session, account_id: int, kind: EarningKind, what: str) -> bool:
    of_that_name = select(PointsEntry).where(
        PointsEntry.account_id == account_id,
        PointsEntry.kind == PointsKind.EARN,
        PointsEntry.reason == what,
        col(PointsEntry.reference).startswith(f"{kind.value}:"),
    )
    return any(not reversed_of(session, one.id or 0) for one in session.exec(of_that_name))


def take_back_occasion(
    session: Session, customer_id: int, entry_id: int, *, now: datetime, zone: ZoneInfo, staff_id: int
) -> PointsEntry:
    """It was written down by mistake: its points go, once. Raises NotFound, ReversedTooMuch."""
    entry = session.get(PointsEntry, entry_id)
    if entry is None or customer_of(session, entry) != customer_id or not is_by_hand(entry.kind, entry.reference):
        raise NotFound
    return reverse_entry(
        session, entry_id, reference=f"occasion-back:{entry_id}", reason=_TAKEN_BACK, now=now, zone=zone,
        staff_id=staff_id,
    )  # fmt: skip
