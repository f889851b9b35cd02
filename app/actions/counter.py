"""The counter sells and takes back without a till, by the till's own way: one purchase, its points, her tier."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from app.actions.complaints import receipt_no
from app.actions.till import RefundAsked, take_refund, take_sale
from app.models import Customer, Purchase
from app.queries.api_keys import Caller
from app.rules.amounts import AmountWrong, parse_fen
from app.rules.counter import RefundReasonMissing, RefundReasonTooLong
from app.rules.policy import Policy
from app.rules.purchases import OrderDiffers, RefundTooLarge, Sale, SaleLine
from app.rules.refusals import NotFound
from app.rules.texts import plain
from app.vocabulary import CustomerStatus

_COUNTER = Caller(key_id=0, name="", store_id=None, store="", last_used_on=None)
"""Whoever is signed in at the counter: which customers and stores are hers was asked before."""
_REFUND = "退款：{reason}"  # data: the line of a refund
_LONGEST_REASON = 100


@dataclass(frozen=True)
class CounterSale:
    """What is sold to a customer who stands here. `store` is a code, empty meaning the shop's only one; `staff` the login
    of who served her, empty for nobody."""

    order_no: str
    lines: tuple[SaleLine, ...]
    store: str = ""
    staff: str = ""
    points_used: int = 0


def counter_order_no(now: datetime) -> str:
    """A number for a sale of the counter, made as a case's is: S261124-7KQ3M9."""
    return f"S{now:%y}{receipt_no(now)[1:]}"


def sell_at_counter(
    session: Session, customer_id: int, sold: CounterSale, *, policy: Policy, now: datetime, zone: ZoneInfo
) -> Purchase:
    """Put the sale in; the same number again gives what was put in first, unchanged. Raises NotFound, OrderDiffers where the
    number is another customer's, or as `take_sale`."""
    customer = session.get(Customer, customer_id)
    if customer is None or customer.status is CustomerStatus.ERASED:
        raise NotFound
    wanted = select(Purchase).where(Purchase.order_no == sold.order_no)
    known = session.exec(wanted).first()
    if known is not None:
        if known.customer_id != customer_id:
            raise OrderDiffers("order_no")
        return known
    sale = Sale(
        order_no=sold.order_no,
        occurred_at=now,
        lines=tuple(replace(line, staff=sold.staff) for line in sold.lines),
        member_no=customer.member_no,
        store=sold.store,
        points_used=sold.points_used,
    )
    take_sale(session, sale, caller=_COUNTER, policy=policy, now=now, zone=zone)
    return session.exec(wanted).one()


def refund_at_counter(
    session: Session, purchase_id: int, *, amount: str, reason: str, policy: Policy, now: datetime, zone: ZoneInfo
) -> str:
    """Give money back of a sale, all that is left of it where no `amount` in yuan is named, and its points follow; the number
    of the refund. The reason stands on its slip. Raises NotFound, RefundReasonMissing, RefundReasonTooLong, or as
    `take_refund`."""
    sale = session.get(Purchase, purchase_id)
    if sale is None:
        raise NotFound
    why = " ".join(plain(reason).split())
    if not why:
        raise RefundReasonMissing("reason")
    if len(why) > _LONGEST_REASON:
        raise RefundReasonTooLong("reason", limit=_LONGEST_REASON)
    fen = _amount(amount) if plain(amount) else _left(session, sale)
    refund_no = f"T{counter_order_no(now)[1:]}"
    line = SaleLine(item=_REFUND.format(reason=why), amount_fen=fen)
    asked = RefundAsked(sale.order_no, refund_no, fen, (line,))
    try:
        take_refund(session, asked, caller=_COUNTER, policy=policy, now=now, zone=zone)
    except RefundTooLarge as refusal:
        refusal.field = "amount"
        raise
    return refund_no


def can_be_refunded(purchase: Purchase) -> bool:
    """Whether it is a sale that somebody paid for, with money or points."""
    return purchase.refund_of_id is None and (purchase.paid_fen > 0 or purchase.points_used > 0)


def _left(session: Session, sale: Purchase) -> int:
    """What is left to give back. Raises RefundTooLarge where that is nothing."""
    back = select(func.coalesce(func.sum(Purchase.paid_fen), 0)).where(col(Purchase.refund_of_id) == sale.id)
    left = sale.paid_fen + int(session.exec(back).one())
    if left <= 0 and sale.paid_fen:
        raise RefundTooLarge("amount")
    return max(left, 0)


def _amount(typed: str) -> int:
    fen = parse_fen(typed)
    if fen <= 0:
        raise AmountWrong("amount")
    return fen
