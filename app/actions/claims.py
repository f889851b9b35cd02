"""Sales that waited for their customer find her: by themselves when her phone or number becomes known, or by hand."""

from collections.abc import Collection, Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from app.actions.refunds import follow_slips
from app.actions.tiers import review_tier
from app.columns import blind_index
from app.db import lock_row
from app.models import Customer, CustomerAlias, Purchase, PurchaseLine
from app.queries.phones import former_owner, phones_shared
from app.queries.scopes import ANYTHING
from app.rules.claims import MemberNumberUnknown, NotWaiting, PhoneIsShared
from app.rules.customers import CustomerErased
from app.rules.member_numbers import parse_member_no
from app.rules.phones import parse_phone
from app.rules.policy import Policy
from app.rules.refusals import NotFound, RuleBroken
from app.vocabulary import CustomerStatus

_AT_ONCE = 500
"""So many numbers a question to the database names: an import of a whole file asks often."""


def claim_waiting(session: Session, customer: Customer, *, policy: Policy, now: datetime, zone: ZoneInfo | None) -> int:
    """Every sale that waits for her phone or her member number becomes hers, refunds too; how many. Her points and her
    tier follow at once. Raises ValueError where one was waiting and nobody said what day it is in the shop (`zone`): it
    would be hers and have earned nothing."""
    claimed = take_waiting(session, [customer], now=now)
    if claimed:
        if zone is None:
            raise ValueError("a sale that finds its customer earns by the shop's day: tell its zone")
        follow_slips(session, claimed, policy=policy, now=now, zone=zone)
        review_tier(session, customer.id or 0, policy=policy, now=now, zone=zone)
    return len(claimed)


def take_waiting(session: Session, customers: Iterable[Customer], *, now: datetime) -> list[Purchase]:
    """The same for many at once, without looking at tiers: the sales that found their customer. A number counts before a
    phone; a phone that a family shares names none of them, and its sales go on waiting for somebody to say whose they are."""
    by_number = {one.member_no: one.id for one in customers}
    by_phone = {bytes(one.phone_index): one.id for one in customers if one.phone_index and not one.phone_shared_reason}
    waiting = _waiting_for(session, by_number.keys(), by_phone.keys())
    for shared in phones_shared(session, by_phone.keys()) if waiting else ():
        del by_phone[shared]
    waiting = [
        sale
        for sale in waiting
        if sale.buyer_member_no in by_number or bytes(sale.buyer_phone_index or b"") in by_phone
    ]
    for sale in waiting:
        index = bytes(sale.buyer_phone_index) if sale.buyer_phone_index else b""
        sale.customer_id, sale.claimed_at = by_number.get(sale.buyer_member_no) or by_phone.get(index), now
    session.flush()
    return waiting


def claim_purchase(
    session: Session, purchase_id: int, *, customer_id: int, policy: Policy, now: datetime, zone: ZoneInfo
) -> int:
    """Give a sale that waits to a customer, because somebody knows it is hers, with whatever was refunded of it; how many
    slips. Raises NotFound, NotWaiting or CustomerErased."""
    sale = lock_row(session, Purchase, purchase_id)
    customer = lock_row(session, Customer, customer_id)
    if sale is None:
        raise NotFound
    if customer is None:
        raise NotFound("customer_id")
    if not is_waiting(sale):
        raise NotWaiting
    if customer.status is CustomerStatus.ERASED:
        raise CustomerErased("customer_id")
    first = sale.refund_of_id or sale.id
    slips = session.exec(
        select(Purchase)
        .where(or_(col(Purchase.id) == first, col(Purchase.refund_of_id) == first), col(Purchase.customer_id).is_(None))
        .with_for_update()
    ).all()
    for slip in slips:
        slip.customer_id, slip.claimed_at = customer_id, now
    session.flush()
    follow_slips(session, slips, policy=policy, now=now, zone=zone)
    review_tier(session, customer_id, policy=policy, now=now, zone=zone)
    return len(slips)


def claim_by_number(
    session: Session,
    purchase_id: int,
    *,
    member_no: str,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    whom: ColumnElement[bool] = ANYTHING,
) -> int:
    """The same, the customer named by her member number, by one she had before, or by her whole phone; `whom` is the reach
    of whoever claims: somebody beyond it is unknown. Raises MemberNumberUnknown, PhoneIsShared or as `claim_purchase`."""
    found = _by_member_no(session, member_no, whom) or _by_phone(session, member_no, whom)
    if found is None:
        raise MemberNumberUnknown("member_no")
    return claim_purchase(session, purchase_id, customer_id=found, policy=policy, now=now, zone=zone)


def _by_member_no(session: Session, text: str, whom: ColumnElement[bool]) -> int | None:
    try:
        number = parse_member_no(text)
    except RuleBroken:
        return None
    found = session.exec(select(Customer.id).where(Customer.member_no == number, whom)).first()
    of_alias = select(Customer.id).join(CustomerAlias).where(CustomerAlias.member_no == number, whom)
    return found or session.exec(of_alias).first()


def _by_phone(session: Session, text: str, whom: ColumnElement[bool]) -> int | None:
    """Whose phone it is. None for what is no whole phone, too. Raises PhoneIsShared."""
    try:
        index = blind_index(parse_phone(text).e164, "customers.phone")
    except RuleBroken:
        return None
    hers = session.exec(select(Customer.id).where(Customer.phone_index == index, whom).limit(2)).all()
    if not hers:
        return session.exec(select(Customer.id).where(Customer.id == former_owner(index), whom)).first()
    if len(hers) > 1:
        raise PhoneIsShared("member_no")
    return hers[0]


def waiting_lines(session: Session, batch_id: int) -> int:
    """How many lines of a file belong to sales that wait."""
    lines = select(func.count()).select_from(PurchaseLine).join(Purchase)
    still = col(Purchase.customer_id).is_(None)
    named = or_(Purchase.buyer_member_no != "", col(Purchase.buyer_phone_index).is_not(None))
    return session.exec(lines.where(Purchase.import_batch_id == batch_id, still, named)).one()


def is_waiting(sale: Purchase) -> bool:
    """Whether the till named somebody we do not know."""
    return sale.customer_id is None and bool(sale.buyer_member_no or sale.buyer_phone_index)


def _waiting_for(session: Session, numbers: Collection[str], phones: Collection[bytes]) -> list[Purchase]:
    """The sales that wait for these. Each condition repeats its index's own, or the database would read every sale."""
    nobodys = col(Purchase.customer_id).is_(None)
    number, phone = col(Purchase.buyer_member_no), col(Purchase.buyer_phone_index)
    found: dict[int, Purchase] = {}
    for of_index, column, wanted in ((number != "", number, list(numbers)), (phone.is_not(None), phone, list(phones))):
        for start in range(0, len(wanted), _AT_ONCE):
            asked = select(Purchase).where(nobodys, of_index, column.in_(wanted[start : start + _AT_ONCE]))
            found |= {sale.id or 0: sale for sale in session.exec(asked.with_for_update())}
    return [found[number] for number in sorted(found)]
