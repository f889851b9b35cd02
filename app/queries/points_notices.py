"""Whose points end soon, and when she was told last."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, func, select

from app.models import Customer, OutboundMessage, PointsAccount, PointsEntry, PointsLot
from app.rules.points_notices import KEY, STAGES, EndingLot, Reach


def last_account(session: Session) -> int:
    """The highest number of an account; 0 for none."""
    return session.exec(select(func.max(PointsAccount.id))).first() or 0


def ending_lots(session: Session, first: int, last: int, today: date) -> dict[int, list[EndingLot]]:
    """What ends within the longest stage in the accounts from `first` to `last`, by customer."""
    lot, found = PointsLot, dict[int, list[EndingLot]]()
    rows = session.execute(
        select(  # type: ignore[call-overload]  # typed up to four columns
            PointsAccount.customer_id, lot.id, lot.remaining, lot.expires_on, PointsEntry.at
        )
        .join(PointsAccount, col(PointsAccount.id) == lot.account_id)
        .join(PointsEntry, col(PointsEntry.id) == lot.entry_id)
        .where(
            col(lot.account_id).between(first, last),
            col(lot.expires_on).between(today, today + timedelta(days=max(STAGES))),
            lot.remaining > 0,
            col(PointsAccount.closed_at).is_(None),
            col(PointsAccount.customer_id).is_not(None),
        )
    )
    for customer_id, lot_id, points, expires_on, at in rows:
        found.setdefault(customer_id, []).append(EndingLot(lot_id, points, expires_on, at))
    return found


def told_at(session: Session, customer_ids: Collection[int]) -> dict[int, datetime]:
    """When each of these was last told that points end; the others never were."""
    told = (
        select(OutboundMessage.customer_id, func.max(OutboundMessage.due_at))
        .where(col(OutboundMessage.customer_id).in_(customer_ids), col(OutboundMessage.key).startswith(KEY))
        .group_by(col(OutboundMessage.customer_id))
    )
    return {customer_id or 0: at for customer_id, at in session.exec(told)}


def reaches(session: Session, customer_ids: Sequence[int]) -> dict[int, Reach]:
    """Which ways lead to these. One known to lead nowhere is none."""
    who = select(  # type: ignore[call-overload, misc]  # typed up to four columns
        Customer.id,
        Customer.phone_last4,
        Customer.phone_invalid_on,
        Customer.wechat_index,
        Customer.email,
        Customer.email_invalid_on,
        Customer.preferred_channel,
    ).where(col(Customer.id).in_(customer_ids))
    return {
        number: Reach(
            has_phone=bool(last4) and phone_invalid_on is None,
            has_wechat=wechat is not None,
            has_email=bool(email) and email_invalid_on is None,
            preferred=preferred,
        )
        for number, last4, phone_invalid_on, wechat, email, email_invalid_on, preferred in session.execute(who)
    }
