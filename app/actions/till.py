"""What tills and other programs bring in over the API: a customer, a sale, a refund, points handed in, each once however
often it is told."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from app.actions.claims import is_waiting
from app.actions.consents import grant_many
from app.actions.customers import create_customer, lock_member_series
from app.actions.earning import hold_buyer
from app.actions.idempotency import do_once
from app.actions.ledger import locked_account
from app.actions.purchases import check_same, customer_of, look_up, record_purchase
from app.actions.redemptions import Wanted, redeem
from app.columns import blind_index
from app.db import lock_row
from app.models import PointsEntry, Purchase, Redemption, Store
from app.queries.api_keys import Caller
from app.queries.earning import pending_taken, refund_moved, reward_called, sale_earned, sale_ended
from app.queries.members import Member, member, member_numbered, member_with_phone, store_called, tier_named
from app.queries.phones import owner_of_phone
from app.queries.points import balance_of
from app.queries.scopes import ANYTHING
from app.rules.api_keys import StoreNotTheKeys
from app.rules.consents import HOW_MAX, GuardianFirst
from app.rules.customers import CustomerDetails, PhoneTakenUnseen
from app.rules.idempotency import Kept, Keyed
from app.rules.imports import MomentInFuture
from app.rules.phones import parse_phone
from app.rules.policy import Policy
from app.rules.purchases import (
    CLOCKS_APART,
    OrderDiffers,
    RefundOfNothing,
    RefundOfUnknown,
    RefundTooLarge,
    Sale,
    SaleBelowZero,
    SaleLine,
    buyer_of,
    check_lines,
    check_refund_lines,
    paid_fen,
)
from app.rules.redemptions import RewardUnknown
from app.rules.refusals import NotFound
from app.vocabulary import Channel, Purpose

_HOW = "收银系统（{name}）登记"  # data: stands on the receipt
_REFUND = "退款"  # data: the line of a refund that names none


@dataclass(frozen=True)
class SaleTaken:
    """What a till is told about its sale. `points_ended`: so many of those it earned had ended before they came in.
    `is_waiting`: nobody has that number or phone yet, and the sale waits for her."""

    order_no: str
    paid_fen: int
    points_earned: int
    points_ended: int
    balance: int
    tier: str | None
    is_waiting: bool


def register(
    session: Session,
    details: CustomerDetails,
    consents: Collection[tuple[Purpose, Channel | None]],
    *,
    caller: Caller,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[Member, bool]:
    """The customer of this phone, and whether she is new. One who is there already stays as she is, her consents too.

    Raises PhoneTakenUnseen where she is out of the key's reach, GuardianFirst, or as `create_customer`."""
    phone = parse_phone(details.phone or "")
    lock_member_series(session)  # before looking: two at once would both find the phone free
    if owner_of_phone(session, phone) is not None:
        try:
            return member_with_phone(session, phone, within=caller.customers), False
        except NotFound:
            raise PhoneTakenUnseen("phone") from None
    details = replace(details, store_id=caller.store_id)
    customer_id = create_customer(session, details, policy=policy, now=now, zone=zone).id or 0
    try:
        how = _HOW.format(name=caller.name)[:HOW_MAX]
        grant_many(session, customer_id, consents, how=how, policy=policy, now=now)
    except GuardianFirst as refusal:
        refusal.field = "consents"
        raise
    return member(session, customer_id, within=ANYTHING), True


def take_sale(session: Session, sale: Sale, *, caller: Caller, policy: Policy, now: datetime, zone: ZoneInfo) -> Kept:
    """Put a sale in; the answer as JSON. The same order again gets the first answer, and 200 instead of 201.

    Raises OrderDiffers for another sale under a known number, StoreNotTheKeys, MomentInFuture, SaleBelowZero,
    LineExceedsPrice, or as `record_purchase`."""
    sale = _in_the_keys_store(session, _possible(sale, now), caller)
    _check_is_hers_to_ask(session, sale, caller)
    is_new = False

    def work() -> Kept:
        nonlocal is_new
        known = look_up(session, [sale])
        if buyer_of(sale).is_named and customer_of(buyer_of(sale), known) is None:
            # She may be entered this very moment: whoever comes second must see the other.
            lock_member_series(session)
        purchase = record_purchase(session, sale, policy=policy, now=now, zone=zone, may_wait=True)
        # An import may have brought the same number in since we looked.
        is_new = sale.order_no not in known.orders and purchase.created_at == now
        return Kept(200, json.dumps(asdict(_told(session, purchase)), ensure_ascii=False))

    # The first answer is kept as long as a till may ask again; after that the sale is told as things stand.
    kept = do_once(session, _order_key(sale), work, now=now)
    if is_new:
        return replace(kept, status=201)
    check_same(sale, look_up(session, [sale]))
    return kept


@dataclass(frozen=True)
class RefundAsked:
    """A refund as a till tells it; `amount_fen` is the money that goes back. No lines: of the sale as a whole."""

    order_no: str
    refund_no: str
    amount_fen: int
    lines: tuple[SaleLine, ...] = ()


@dataclass(frozen=True)
class RefundTaken:
    """What a refund did to her points. `points_taken_back` counts those that still waited, too."""

    points_taken_back: int
    points_given_back: int
    balance: int


def take_refund(
    session: Session, asked: RefundAsked, *, caller: Caller, policy: Policy, now: datetime, zone: ZoneInfo
) -> Kept:
    """Take money back of a sale, and its points with it; the answer as JSON. The same refund number again gets the first
    answer, and 200 instead of 201.

    Raises RefundOfUnknown, RefundOfNothing, RefundLinesDiffer, RefundTooLarge, OrderDiffers for another slip under a known number."""
    sale = _sold(session, asked.order_no, caller)
    if not asked.amount_fen and sale.paid_fen:
        raise RefundOfNothing("amount_fen")
    if not asked.amount_fen:
        _check_not_back_yet(session, sale, asked)
    if asked.lines:
        check_refund_lines(sum(line.amount_fen for line in asked.lines), asked.amount_fen, sale.points_fen)
    store = session.get(Store, sale.store_id) if sale.store_id else None
    slip = Sale(
        order_no=asked.refund_no,
        occurred_at=now,
        lines=_taken_back(asked),
        store=store.code if store else "",
        channel=sale.channel,
        refund_of=asked.order_no,
        paid_fen=-asked.amount_fen,
    )
    is_new = False

    def work() -> Kept:
        nonlocal is_new
        waited = pending_taken(session, sale.id or 0)
        try:
            refund = record_purchase(session, slip, policy=policy, now=now, zone=zone)
        except RefundTooLarge as refusal:
            refusal.field = "amount_fen"
            raise
        is_new = refund.created_at == now
        told = _refund_told(session, sale, refund, pending_taken(session, sale.id or 0) - waited)
        return Kept(200, json.dumps(asdict(told), ensure_ascii=False))

    kept = do_once(session, _order_key(slip), work, now=now)
    first = session.exec(select(Purchase).where(Purchase.order_no == asked.refund_no)).one()
    if (first.refund_of_id, first.paid_fen) != (sale.id, -asked.amount_fen):
        raise OrderDiffers("refund_no")
    return replace(kept, status=201) if is_new else kept


def _sold(session: Session, order_no: str, caller: Caller) -> Purchase:
    """The sale, if it is the key's to touch; whether another store has one of that number is not told."""
    sale = session.exec(select(Purchase).where(Purchase.order_no == order_no)).first()
    is_hers = sale is not None and (caller.store_id is None or sale.store_id in {None, caller.store_id})
    if sale is None or not is_hers or sale.refund_of_id is not None:
        raise RefundOfUnknown("order_no")
    return sale


def _check_not_back_yet(session: Session, sale: Purchase, asked: RefundAsked) -> None:
    """What points alone paid for goes back once, whole: no sum of money would tell a second time. Raises RefundTooLarge."""
    lock_row(session, Purchase, sale.id or 0)  # of two at once the second sees the first
    others = select(Purchase.id).where(Purchase.refund_of_id == sale.id, Purchase.order_no != asked.refund_no)
    if session.exec(others).first() is not None:
        raise RefundTooLarge("amount_fen")


def _taken_back(asked: RefundAsked) -> tuple[SaleLine, ...]:
    """The lines of a refund, as what goes out, whatever sign the till wrote."""
    if not asked.lines:
        return (SaleLine(item=_REFUND, amount_fen=-asked.amount_fen),)
    sign = -1 if sum(line.amount_fen for line in asked.lines) > 0 else 1
    return tuple(
        replace(line, amount_fen=sign * line.amount_fen, quantity=sign * line.quantity) for line in asked.lines
    )


def _refund_told(session: Session, sale: Purchase, refund: Purchase, waited: int) -> RefundTaken:
    taken, given = refund_moved(session, refund)
    return RefundTaken(
        points_taken_back=taken + waited,
        points_given_back=given,
        balance=balance_of(session, sale.customer_id) if sale.customer_id else 0,
    )


@dataclass(frozen=True)
class RedemptionAsked:
    """Points to hand in, `reward` by its name in the catalogue."""

    member_no: str
    points: int
    reference: str
    reward: str = ""


def take_redemption(
    session: Session, asked: RedemptionAsked, *, caller: Caller, now: datetime, zone: ZoneInfo
) -> tuple[PointsEntry, bool]:
    """Hand points in; the entry, and whether it is new: the same reference again gives the first. Raises NotFound,
    RewardUnknown, or as `redeem`."""
    hers = member_numbered(session, asked.member_no, within=caller.customers)
    reward_id = reward_called(session, asked.reward) if asked.reward else None
    if asked.reward and reward_id is None:
        raise RewardUnknown("reward")
    wanted = Wanted(asked.points, asked.reference, reward_id)
    hold_buyer(session, hers.customer_id)
    locked_account(session, hers.customer_id)  # whoever sends the same again waits here, and then sees the first
    is_new = session.exec(select(Redemption.id).where(Redemption.reference == asked.reference)).first() is None
    redemption = redeem(session, hers.customer_id, wanted, now=now, zone=zone)
    return session.get_one(PointsEntry, redemption.entry_id), is_new


def _possible(sale: Sale, now: datetime) -> Sale:
    if sale.occurred_at > now + CLOCKS_APART:
        raise MomentInFuture("occurred_at")
    if paid_fen(sale) < 0:
        raise SaleBelowZero("lines")
    check_lines(sale.lines)
    return sale


def _in_the_keys_store(session: Session, sale: Sale, caller: Caller) -> Sale:
    """A key of one store sells in it and in no other."""
    if caller.store_id is None:
        return sale
    if sale.store and store_called(session, sale.store) != caller.store_id:
        raise StoreNotTheKeys("store", store=caller.store)
    return replace(sale, store=caller.store)


def _check_is_hers_to_ask(session: Session, sale: Sale, caller: Caller) -> None:
    """What another store sold under this number is not told to a key of this one. Raises OrderDiffers."""
    sold_in = session.exec(select(Purchase.store_id).where(Purchase.order_no == sale.order_no)).all()
    if caller.store_id is not None and any(store not in {None, caller.store_id} for store in sold_in):
        raise OrderDiffers("order_no")


def _order_key(sale: Sale) -> Keyed:
    """An order names itself. What is in it `check_same` compares, so the fingerprint is the same for all."""
    name = blind_index(sale.order_no, "purchases.order_no").hex()
    return Keyed("order", name, blind_index("", "purchases.order_no"))


def _told(session: Session, purchase: Purchase) -> SaleTaken:
    hers = purchase.customer_id
    return SaleTaken(
        order_no=purchase.order_no,
        paid_fen=purchase.paid_fen,
        points_earned=sale_earned(session, purchase),
        points_ended=sale_ended(session, purchase),
        balance=balance_of(session, hers) if hers else 0,
        tier=tier_named(session, hers) if hers else None,
        is_waiting=is_waiting(purchase),
    )
