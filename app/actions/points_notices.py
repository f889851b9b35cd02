"""Messages that points end: written here, sent by another job."""

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.db import upsert
from app.i18n import gettext, long_day
from app.models import Customer, OutboundMessage
from app.queries.consents import current_register, standings_of
from app.queries.points_notices import ending_lots, reaches, told_at
from app.rules.points_notices import BETWEEN, BODY, END, SUBJECT, Notice, channel_for, due_from, notice
from app.rules.policy import Policy
from app.vocabulary import Channel, MessageState, Purpose

_Ends = tuple[tuple[date, int], ...]


def write_points_notices(
    session: Session, first: int, last: int, *, policy: Policy, now: datetime, zone: ZoneInfo
) -> int:
    """Tell whoever of the accounts from `first` to `last` must be told today and may be. Twice on a day writes once.
    Returns how many messages were written."""
    due_at = due_from(now, zone)
    today = due_at.date()
    near = ending_lots(session, first, last, today)
    _lock(session, near)
    near = ending_lots(session, first, last, today) if near else {}  # as it is now that nobody changes it
    told = told_at(session, near)
    wanted = {number: notice(lots, told.get(number), today, zone) for number, lots in near.items()}
    notices = {number: one for number, one in wanted.items() if one is not None}
    ways = _ways(session, notices, today)
    rows = [_row(number, notices[number], way, due_at, policy) for number, way in ways.items()]
    if not rows:
        return 0
    writing = upsert(session, OutboundMessage).on_conflict_do_nothing().returning(col(OutboundMessage.id))
    return len(session.connection().execute(writing, rows).all())


def _lock(session: Session, customer_ids: Collection[int]) -> None:
    """Two runs at once would each find that nobody was told. In the order of ids, so that they wait for each other."""
    held = select(Customer.id).where(col(Customer.id).in_(customer_ids)).order_by(col(Customer.id))
    session.exec(held.with_for_update(key_share=True)).all()


def _ways(session: Session, customer_ids: Collection[int], today: date) -> dict[int, Channel]:
    """How each of these may be told; without those who may not be."""
    numbers, register = sorted(customer_ids), current_register(session)
    standings = standings_of(session, numbers, today=today)
    found = reaches(session, numbers)
    ways = {number: channel_for(found[number], standings[number], register) for number in found}
    return {number: way for number, way in ways.items() if way is not None}


def _row(customer_id: int, notice: Notice, channel: Channel, due_at: datetime, policy: Policy) -> dict[str, object]:
    return {
        "key": notice.key,
        "customer_id": customer_id,
        "purpose": Purpose.SERVICE_CARE,
        "channel": channel,
        "subject": gettext(SUBJECT),
        "body": gettext(BODY).format(shop=policy.shop_name, ends=_listed(notice.ends)),
        "state": MessageState.WAITING,
        "due_at": due_at,
        "attempts": 0,
        "last_error": "",
    }


def _listed(ends: _Ends) -> str:
    end = gettext(END)
    return gettext(BETWEEN).join(end.format(day=long_day(day), points=points) for day, points in ends)
