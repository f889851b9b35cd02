"""Points moved by hand: what waits for a second person, and how much each person gave and took."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, or_
from sqlalchemy import select as sql_select
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from app.models import PointsEntry, PointsRequest, Staff
from app.queries.scopes import ANYTHING, on_days, visible
from app.queries.staff import Colleague
from app.rules.access import may
from app.rules.adjustments import BY_HAND
from app.vocabulary import PointsKind, RequestState

PAGE = 50


@dataclass(frozen=True)
class HandTotal:
    """What one person moved by hand: points given and taken (both positive), how often, and of it with a second yes."""

    staff_id: int
    name: str
    given: int
    taken: int
    count: int
    approved: int


def request_by(session: Session, reference: str) -> PointsRequest | None:
    """What was asked under this reference already."""
    return session.exec(select(PointsRequest).where(PointsRequest.reference == reference)).first()


def moved_by_hand(session: Session, account_id: int, staff_id: int, today: date, zone: ZoneInfo) -> int:
    """How many points a person has given to an account and taken from it on a day of the shop, without a second one."""
    approved = select(PointsRequest.entry_id).where(col(PointsRequest.entry_id).is_not(None))
    wanted = select(func.coalesce(func.sum(func.abs(PointsEntry.points)), 0)).where(
        PointsEntry.account_id == account_id,
        _by_hand(),
        PointsEntry.staff_id == staff_id,
        on_days(col(PointsEntry.at), today, today, zone),
        col(PointsEntry.id).not_in(approved),
    )
    return int(session.exec(wanted).one())


def _by_hand() -> ColumnElement[bool]:
    """Put right, or given for what somebody saw happen."""
    seen = or_(*(col(PointsEntry.reference).startswith(f"{kind.value}:") for kind in BY_HAND))
    return or_(col(PointsEntry.kind) == PointsKind.ADJUST, and_(col(PointsEntry.kind) == PointsKind.EARN, seen))


def requests(
    session: Session,
    *,
    is_waiting: bool,
    within: ColumnElement[bool] = ANYTHING,
    customer_id: int | None = None,
    before_id: int | None = None,
) -> list[PointsRequest]:
    """What waits, oldest first; or what was decided, newest first. Each with whose it is and who asked."""
    state, number = col(PointsRequest.state), col(PointsRequest.id)
    wanted = select(PointsRequest).where(within, state == RequestState.WAITING if is_waiting else state != RequestState.WAITING)  # fmt: skip
    if customer_id is not None:
        wanted = wanted.where(PointsRequest.customer_id == customer_id)
    if before_id is not None:
        wanted = wanted.where(number < before_id)
    named = (PointsRequest.customer, PointsRequest.staff, PointsRequest.decided_staff)
    wanted = wanted.options(*(joinedload(one) for one in named))  # type: ignore[arg-type]
    return list(session.exec(wanted.order_by(number.asc() if is_waiting else number.desc()).limit(PAGE)))


def has_second_person(session: Session, request: PointsRequest) -> bool:
    """Whether somebody else works here who may say yes to this and reaches the customer."""
    wanted = select(Staff).where(col(Staff.is_active), Staff.id != request.staff_id)
    for other in session.exec(wanted):
        person = Colleague(other.id or 0, other.role, other.store_id)
        if may(person.role, "approvals", "do"):
            hers = visible(PointsRequest, person)
            mine = select(PointsRequest.id).where(PointsRequest.id == request.id, *([] if hers is None else [hers]))
            if session.exec(mine).first() is not None:
                return True
    return False


def count_waiting(session: Session, *, within: ColumnElement[bool] = ANYTHING, most: int = 1000) -> int:
    """How many wait for a second person; `most` means that many or more."""
    some = select(PointsRequest.id).where(PointsRequest.state == RequestState.WAITING, within).limit(most).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def hand_totals(session: Session, first: date, last: date, zone: ZoneInfo) -> list[HandTotal]:
    """Who moved how many points by hand on these days, most first."""
    points, number = col(PointsEntry.points), col(PointsEntry.id)
    moved = func.sum(func.abs(points))
    wanted = (
        sql_select(
            col(Staff.id),
            col(Staff.name),
            func.sum(case((points > 0, points), else_=0)),
            func.sum(case((points < 0, -points), else_=0)),
            func.count(number),
            func.count(col(PointsRequest.id)),
        )
        .join(Staff, col(Staff.id) == col(PointsEntry.staff_id))
        .outerjoin(PointsRequest, col(PointsRequest.entry_id) == number)
        .where(_by_hand(), on_days(col(PointsEntry.at), first, last, zone))
        .group_by(col(Staff.id), col(Staff.name))
        .order_by(moved.desc(), col(Staff.id))
    )
    rows = session.execute(wanted)
    return [HandTotal(one, name, int(given), int(taken), n, approved) for one, name, given, taken, n, approved in rows]
