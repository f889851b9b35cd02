"""What tills and other programs bring in over the API: a customer, a sale, each once however often it is told."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from app.actions.claims import is_waiting
from app.actions.consents import grant_many
from app.actions.customers import create_customer, lock_member_series
from app.actions.idempotency import do_once
from app.actions.purchases import check_same, customer_of, look_up, record_purchase
from app.columns import blind_index
from app.models import Purchase
from app.queries.api_keys import Caller
from app.queries.members import Member, member, member_with_phone, points_earned, store_called, tier_named
from app.queries.points import balance_of
from app.queries.scopes import ANYTHING
from app.queries.sign_ups import owner_of_phone
from app.rules.api_keys import StoreNotTheKeys
from app.rules.consents import HOW_MAX, GuardianFirst
from app.rules.customers import CustomerDetails, PhoneTakenUnseen
from app.rules.idempotency import Kept, Keyed
from app.rules.imports import MomentInFuture
from app.rules.phones import parse_phone
from app.rules.policy import Policy
from app.rules.purchases import OrderDiffers, Sale, SaleBelowZero, buyer_of, paid_fen
from app.rules.refusals import NotFound
from app.vocabulary import Channel, Purpose

_HOW = "收银系统（{name}）登记"  # data: stands on the receipt
_CLOCKS_APART = timedelta(days=1)
"""How far ahead of ours a till's clock may be, as in an imported file."""


@dataclass(frozen=True)
class SaleTaken:
    """What a till is told about its sale. `is_waiting`: nobody has that number or phone yet, and the sale waits for her."""

    order_no: str
    paid_fen: int
    points_earned: int
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

    Raises OrderDiffers for another sale under a known number, StoreNotTheKeys, MomentInFuture, SaleBelowZero, or as
    `record_purchase`."""
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


def _possible(sale: Sale, now: datetime) -> Sale:
    if sale.occurred_at > now + _CLOCKS_APART:
        raise MomentInFuture("occurred_at")
    if paid_fen(sale) < 0:
        raise SaleBelowZero("lines")
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
        points_earned=points_earned(session, purchase.id or 0),
        balance=balance_of(session, hers) if hers else 0,
        tier=tier_named(session, hers) if hers else None,
        is_waiting=is_waiting(purchase),
    )
