"""Customers earn: by what they buy, and by occasions. Each sale and each occasion once, by the rules and the tier of its
day; the books themselves are `actions.points`."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, or_, select

from app.actions.ledger import customer_of, entry_by, locked_account
from app.actions.points import earn_points, expire_points
from app.db import lock_row
from app.models import Customer, ImportBatch, PointsEntry, PointsPending, Purchase
from app.queries.earning import (
    birthday_of,
    birthdays_given,
    earner_at,
    earner_of,
    order_of,
    rules_at,
    sale_earned,
    sale_reference,
    tier_of_sale,
    times_given,
)
from app.rules.birthdays import birthday_year, celebrated_on
from app.rules.earning import (
    EarnedOftenEnough,
    Earning,
    NothingToEarn,
    SaleTooLarge,
    occasion_earning,
    occasion_terms,
    sale_points,
    working_less,
)
from app.rules.points import LARGEST_POINTS, ReferenceTaken, day_of, is_over
from app.rules.points_expiry import ends_on
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import CustomerStatus, EarningKind, PointsKind

# ── Sales ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def hold_buyer(session: Session, customer_id: int) -> bool:
    """Hold a customer's record before her account, as everybody does who needs both; whether it is there still. Not the
    whole row: a slip that was just written for her would wait for us, and we for it."""
    held = select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True)
    return session.exec(held).first() is not None


def earn_for_sale(session: Session, purchase: Purchase, *, policy: Policy, now: datetime, zone: ZoneInfo) -> int:
    """The points of a sale, by the rules and the tier of its moment: call it before her tier follows the sale. They come in
    at once, or wait for the rule's days. What they are; again, what they were. An imported sale is history, whose points
    come as an opening balance: it earns only where somebody said so of its file. Raises SaleTooLarge."""
    if not _earns(session, purchase):
        return 0
    if known := sale_earned(session, purchase):
        return known
    earning = _worth(session, purchase, policy, now, zone)
    if earning is None:
        return 0
    if earning.points > LARGEST_POINTS:
        raise SaleTooLarge("lines", points=earning.points, largest=LARGEST_POINTS)
    earned_on = day_of(purchase.occurred_at, zone)
    counts_on = earned_on + timedelta(days=earning.rule.pending_days)
    if counts_on > day_of(now, zone):
        session.add(
            PointsPending(
                customer_id=purchase.customer_id or 0,
                purchase_id=purchase.id or 0,
                rule_id=earning.rule.rule_id,
                reference=sale_reference(purchase),
                points=earning.points,
                working=earning.working,
                earned_on=earned_on,
                due_on=counts_on,
                expires_on=ends_on(earning.rule.expiry, earned_on),
            )
        )
        session.flush()
    else:
        _earn(
            session, purchase.customer_id or 0, earning, reference=sale_reference(purchase), earned_on=earned_on,
            now=now, zone=zone, **_came_with(purchase),
        )  # fmt: skip
    return earning.points


def _earns(session: Session, purchase: Purchase) -> bool:
    if not purchase.customer_id or purchase.refund_of_id or purchase.paid_fen <= 0:
        return False
    if purchase.import_batch_id and not session.get_one(ImportBatch, purchase.import_batch_id).earns:
        return False
    return session.get_one(Customer, purchase.customer_id).status is not CustomerStatus.ERASED


def _came_with(purchase: Purchase) -> dict[str, Any]:
    """What the points of a sale name: the sale, or the file that brought it. An entry stays for ever, and a sale it names
    could not be taken back with its file."""
    batch_id = purchase.import_batch_id
    return {"import_batch_id": batch_id} if batch_id else {"purchase_id": purchase.id}


def _worth(session: Session, purchase: Purchase, policy: Policy, now: datetime, zone: ZoneInfo) -> Earning | None:
    moment = min(purchase.occurred_at, now)  # a till's clock may be ahead
    order = order_of(session, purchase, zone)
    tier = tier_of_sale(session, purchase, moment, months=policy.tier_window_months, zone=zone)
    earner = earner_of(session, purchase.customer_id or 0, tier, order.on)
    rules = rules_at(session, moment)
    return sale_points(order, earner, rules, campaigns_multiply=bool(policy.campaigns_multiply))


def settle_pending(session: Session, pending_id: int, *, now: datetime, zone: ZoneInfo) -> PointsEntry | None:
    """Points that waited come in, once their day is there and less what a refund took. None: not yet, or not any more."""
    pending = lock_row(session, PointsPending, pending_id)
    if pending is None or pending.closed_at is not None or pending.due_on > day_of(now, zone):
        return None
    left = pending.points - pending.taken_back
    working = working_less(pending.working, pending.taken_back, left)
    entry = earn_points(
        session, pending.customer_id, left, reference=pending.reference,
        reason=_name_of(session, pending), now=now, zone=zone, expires_on=pending.expires_on,
        earned_on=pending.earned_on, rule_id=pending.rule_id, working=working, **_came_with(pending.purchase),
    )  # fmt: skip
    pending.entry_id, pending.closed_at = entry.id, now
    session.flush()
    _end_if_over(session, pending.customer_id, pending.expires_on, now, zone)
    return entry


def _name_of(session: Session, pending: PointsPending) -> str:
    return pending.rule.name if pending.rule else ""


def _earn(
    session: Session, customer_id: int, earning: Earning, *, reference: str, earned_on: date, now: datetime,
    zone: ZoneInfo, purchase_id: int | None = None, staff_id: int | None = None, import_batch_id: int | None = None,
    what: str = "",
) -> PointsEntry:  # fmt: skip
    expires_on = ends_on(earning.rule.expiry, earned_on)
    entry = earn_points(
        session, customer_id, earning.points, reference=reference, reason=what or earning.rule.name, now=now, zone=zone,
        expires_on=expires_on, purchase_id=purchase_id, staff_id=staff_id, earned_on=earned_on,
        rule_id=earning.rule.rule_id, working=earning.working, import_batch_id=import_batch_id,
    )  # fmt: skip
    _end_if_over(session, customer_id, expires_on, now, zone)
    return entry


def _end_if_over(session: Session, customer_id: int, expires_on: date | None, now: datetime, zone: ZoneInfo) -> None:
    """Points that came in so late that they have ended meanwhile fall away at once."""
    if is_over(expires_on, day_of(now, zone)):
        expire_points(session, customer_id, now=now, zone=zone)


# ── Occasions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def earn_for_occasion(
    session: Session,
    customer_id: int,
    kind: EarningKind,
    *,
    reference: str,
    now: datetime,
    zone: ZoneInfo,
    at: datetime | None = None,
    purchase_id: int | None = None,
    staff_id: int | None = None,
    what: str = "",
) -> PointsEntry:
    """Points for an event, a share, an adopted suggestion …, by the rule and the tier of the moment it was (`at`; None: now).
    `what`: which one it was, where somebody said so. The same reference again gives the first entry. Raises NothingToEarn,
    EarnedOftenEnough, NotFound, ReferenceTaken."""
    at = min(at or now, now)
    on = day_of(at, zone)
    customer = session.get(Customer, customer_id)
    if customer is None or customer.status is CustomerStatus.ERASED:
        raise NotFound
    locked_account(session, customer_id)  # of two at once the second sees what the first was given
    whole = f"{kind.value}:{reference}"
    if known := entry_by(session, PointsKind.EARN, whole):
        if customer_of(session, known) != customer_id:
            raise ReferenceTaken("reference", reference=reference)
        return known
    terms = occasion_terms(rules_at(session, at), kind, on, earner_at(session, customer_id, at, on))
    if terms is None:
        raise NothingToEarn
    year = (date(on.year, 1, 1), date(on.year, 12, 31))
    if terms.most_times_a_year and times_given(session, customer_id, terms.rule_id, *year) >= terms.most_times_a_year:
        raise EarnedOftenEnough(name=terms.name, times=terms.most_times_a_year)
    return _earn(
        session, customer_id, occasion_earning(terms), reference=whole, earned_on=on, now=now, zone=zone,
        purchase_id=purchase_id, staff_id=staff_id, what=what,
    )  # fmt: skip


def give_referral_points(session: Session, purchase: Purchase, *, now: datetime, zone: ZoneInfo) -> PointsEntry | None:
    """Points for whoever brought the buyer, when this is the first sale she keeps. None: not this time."""
    friend_id = purchase.customer_id
    if not friend_id or purchase.refund_of_id or purchase.paid_fen <= 0 or purchase.import_batch_id:
        return None
    giver = session.exec(
        select(Customer)
        .where(Customer.id == select(Customer.referred_by_id).where(Customer.id == friend_id).scalar_subquery())
        .where(Customer.id != friend_id, Customer.status == CustomerStatus.ACTIVE)
    ).first()
    if giver is None:
        return None
    locked_account(session, friend_id)  # two first sales at once: the second sees the other
    others = select(func.coalesce(func.sum(Purchase.paid_fen), 0)).where(
        Purchase.customer_id == friend_id,
        Purchase.id != purchase.id,
        or_(col(Purchase.refund_of_id).is_(None), Purchase.refund_of_id != purchase.id),
    )
    if session.exec(others).one() > 0:
        return None
    reference = f"{friend_id}:{purchase.order_no}"
    at = min(purchase.occurred_at, now)
    try:
        return earn_for_occasion(
            session, giver.id or 0, EarningKind.REFERRAL, reference=reference, at=at, purchase_id=purchase.id,
            now=now, zone=zone,
        )  # fmt: skip
    except (NothingToEarn, EarnedOftenEnough):
        return None


def give_birthday_points(
    session: Session, customer_id: int, on: date, *, policy: Policy, now: datetime, zone: ZoneInfo
) -> PointsEntry | None:
    """Points for the birthday celebrated that day, once in a year of its calendar, and never soon after the last ones: a
    date that was changed earns nothing twice, nor does one that came with a merged record. None: not this time."""
    customer = session.get(Customer, customer_id)
    birthday = birthday_of(customer) if customer else None
    if customer is None or birthday is None or customer.status is not CustomerStatus.ACTIVE:
        return None
    year = birthday_year(birthday, on)
    if celebrated_on(birthday, year) != on:
        return None
    locked_account(session, customer_id)
    for reference, given_on in birthdays_given(session, customer_id):
        if reference.endswith(f":{year}") or abs((on - given_on).days) < policy.birthday_cool_off_days:
            return None
    at = min(now, datetime.combine(on, time(23, 59, 59), zone))
    try:
        return earn_for_occasion(
            session, customer_id, EarningKind.BIRTHDAY, reference=f"{customer_id}:{year}", at=at, now=now, zone=zone
        )
    except (NothingToEarn, EarnedOftenEnough):
        return None
