"""Points put right by hand at the counter. What is too much for one person alone waits until a second one says yes."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.actions.earning import hold_buyer
from app.actions.ledger import entry_by, locked_account
from app.actions.points import adjust_points
from app.audit import note_deed
from app.db import lock_row
from app.models import PointsEntry, PointsRequest
from app.queries.adjustments import has_second_person, moved_by_hand, request_by
from app.rules.adjustments import (
    Adjustment,
    PasswordNotHers,
    check_end,
    check_enough,
    check_may_decide,
    checked_adjustment,
    needs_second,
)
from app.rules.points import ReferenceTaken, day_of
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction, PointsKind, RequestState


def adjust_or_ask(
    session: Session,
    customer_id: int,
    adjustment: Adjustment,
    *,
    reference: str,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int,
) -> PointsEntry | PointsRequest:
    """Change her points by hand, or, from the policy's `points_approval_from` on, ask a second person. The same reference
    again gives what the first one did. Raises NotFound, PointsWrong, PointsReasonMissing, EndsInThePast,
    NothingTakenEnds, NotEnoughPoints, ReferenceTaken, PointsInDoubt."""
    today = day_of(now, zone)
    hold_buyer(session, customer_id)
    account = locked_account(session, customer_id)
    asked = request_by(session, reference)
    if asked is not None:
        return _same(asked, customer_id, adjustment)
    checked = checked_adjustment(adjustment, today=today)
    is_done = entry_by(session, PointsKind.ADJUST, reference) is not None
    moved = moved_by_hand(session, account.id, staff_id, today, zone)
    if not is_done and needs_second(checked.points, moved, policy):
        check_enough(account.balance, checked.points)
        request = PointsRequest(
            customer_id=customer_id, points=checked.points, reason_code=checked.reason_code, note=checked.note,
            expires_on=checked.expires_on, reference=reference, asked_at=now, staff_id=staff_id,
        )  # fmt: skip
        session.add(request)
        session.flush()
        return request
    return adjust_points(
        session, customer_id, checked.points, reference=reference, reason=checked.note, now=now, zone=zone,
        staff_id=staff_id, expires_on=checked.expires_on, reason_code=checked.reason_code,
    )  # fmt: skip


def approve(
    session: Session, request_id: int, *, now: datetime, zone: ZoneInfo, staff_id: int, knows_password: bool = False
) -> PointsEntry:
    """A second person says yes: the points move now, in the name of who asked. Of two who say it at once the one is
    refused. Where there is no second person, who asked says it herself with her password, and the journal says so. Raises
    NotFound, RequestDecided, OwnRequest, PasswordNotHers, EndsInThePast, NotEnoughPoints, PointsInDoubt."""
    request = _decidable(session, request_id, staff_id)
    is_alone = request.staff_id == staff_id
    if is_alone and not knows_password:
        raise PasswordNotHers("password")
    check_end(request.expires_on, today=day_of(now, zone))
    entry = adjust_points(
        session, request.customer_id, request.points, reference=request.reference, reason=request.note, now=now, zone=zone,
        staff_id=request.staff_id, expires_on=request.expires_on, reason_code=request.reason_code,
    )  # fmt: skip
    request.entry_id = entry.id
    _decide(session, request, RequestState.APPROVED, now, staff_id)
    if is_alone:
        note_deed(session, AuditAction.UPDATE, "points_requests", request_id, alone=1)
    return entry


def refuse(session: Session, request_id: int, *, now: datetime, staff_id: int) -> PointsRequest:
    """A second person says no, or where there is none who asked: nothing moves. Raises NotFound, RequestDecided, OwnRequest."""
    request = _decidable(session, request_id, staff_id)
    _decide(session, request, RequestState.REFUSED, now, staff_id)
    return request


def _decidable(session: Session, request_id: int, staff_id: int) -> PointsRequest:
    request = lock_row(session, PointsRequest, request_id)
    if request is None:
        raise NotFound
    has_second = request.staff_id != staff_id or has_second_person(session, request)
    check_may_decide(request.state, request.staff_id, staff_id, has_second=has_second)
    return request


def _decide(session: Session, request: PointsRequest, state: RequestState, now: datetime, staff_id: int) -> None:
    request.state, request.decided_at, request.decided_staff_id = state, now, staff_id
    session.flush()


def _same(asked: PointsRequest, customer_id: int, adjustment: Adjustment) -> PointsRequest:
    if (asked.customer_id, asked.points) != (customer_id, adjustment.points):
        raise ReferenceTaken("reference", reference=asked.reference)
    return asked
