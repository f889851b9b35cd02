"""Sales and refunds come in: each once, with its customer, and the customer's tier follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from app.actions.tiers import review_tier
from app.audit import note_many
from app.columns import blind_index
from app.models import Customer, Product, Purchase, PurchaseLine, Staff, Store, Treatment
from app.rules.member_numbers import lost_zeros
from app.rules.policy import Policy
from app.rules.purchases import (
    Buyer,
    CustomerUnknown,
    MemberNumberLostZeros,
    OrderDiffers,
    RefundOfUnknown,
    Sale,
    SaleLine,
    StoreUnknown,
    buyer_of,
    check_refund,
    fingerprint,
    judged,
    paid_fen,
    unit_price_fen,
)
from app.rules.refusals import RuleBroken


@dataclass
class KnownOrder:
    """An order that is in already. `refunds` are the amounts of its refunds, negative."""

    purchase_id: int
    customer_id: int | None
    paid_fen: int
    fingerprint: str
    refunds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What the shop knows about the things some sales name."""

    orders: dict[str, KnownOrder]
    by_number: dict[str, int]
    by_phone: dict[bytes, int]
    stores: dict[str, int]
    only_store_id: int | None
    products: dict[str, int]
    treatments: dict[str, int]
    staff: dict[str, int]


@dataclass(frozen=True)
class PlannedSale:
    """A sale that may go in, as the values of its rows; `purchase_id` of the lines is not known yet."""

    purchase: dict[str, Any]
    lines: tuple[dict[str, Any], ...]


def record_purchase(session: Session, sale: Sale, *, policy: Policy, now: datetime, zone: ZoneInfo) -> Purchase:
    """Put a sale or refund in and lift the customer's tier when it earned that. The same order number again answers
    with the first one, unchanged.

    Raises CustomerUnknown, RefundOfUnknown, RefundTooLarge, StoreUnknown, or what a field's own rule says.
    """
    known = look_up(session, [sale])
    if first := known.orders.get(sale.order_no):
        return session.get_one(Purchase, first.purchase_id)
    planned = planned_sale(sale, known, now=now)
    purchase = Purchase(**planned.purchase)
    try:
        with session.begin_nested():
            session.add(purchase)
            session.flush()
            session.add_all(PurchaseLine(purchase_id=purchase.id or 0, **line) for line in planned.lines)
            session.flush()
    except IntegrityError:
        # Another till told the same order in the same moment; hers is the first.
        return session.exec(select(Purchase).where(Purchase.order_no == sale.order_no)).one()
    if purchase.customer_id:
        review_tier(session, purchase.customer_id, policy=policy, now=now, zone=zone)
    return purchase


def planned_sale(sale: Sale, known: Known, *, now: datetime, batch_id: int | None = None) -> PlannedSale:
    """The rows a new sale becomes. Raises as `record_purchase`."""
    sale = judged(sale)
    original = _original(sale, known)
    customer_id = _customer_id(buyer_of(sale), known) or (original.customer_id if original else None)
    paid = paid_fen(sale)
    if original:
        original.refunds.append(paid)
    purchase = {
        "order_no": sale.order_no,
        "occurred_at": sale.occurred_at,
        "customer_id": customer_id,
        "store_id": _store_id(sale.store, known),
        "channel": sale.channel,
        "paid_fen": paid,
        "refund_of_id": original.purchase_id if original else None,
        "import_batch_id": batch_id,
        "fingerprint": fingerprint(sale),
        "created_at": now,
    }
    return PlannedSale(purchase, tuple(_line(at, line, known) for at, line in enumerate(sale.lines, start=1)))


def _line(position: int, line: SaleLine, known: Known) -> dict[str, Any]:
    return {
        "position": position,
        "sku": line.sku,
        "item": line.item,
        "category": line.category,
        "quantity": line.quantity,
        "unit_price_fen": unit_price_fen(line),
        "amount_fen": line.amount_fen,
        "treatment_id": known.treatments.get(line.sku),
        "product_id": known.products.get(line.sku),
        "staff_id": known.staff.get(line.staff),
    }


def check_same(sale: Sale, known: Known) -> None:
    """A known order told again must be the same sale to the same customer. Raises OrderDiffers or as above."""
    first = known.orders[sale.order_no]
    sale = judged(sale)
    buyer = buyer_of(sale)
    other_buyer = buyer.is_named and _customer_id(buyer, known) != first.customer_id
    if other_buyer or fingerprint(sale) != first.fingerprint:
        raise OrderDiffers("order_no")


def insert_sales(session: Session, planned: Sequence[PlannedSale]) -> None:
    """Store many new sales in two statements, with one line in the journal: the batch each came in says the rest."""
    if not planned:
        return
    ids = session.scalars(
        insert(Purchase).returning(col(Purchase.id), sort_by_parameter_order=True),
        [sale.purchase for sale in planned],
    ).all()
    lines = [
        line | {"purchase_id": purchase_id}
        for purchase_id, sale in zip(ids, planned, strict=True)
        for line in sale.lines
    ]
    session.execute(insert(PurchaseLine), lines)
    note_many(session, "purchases", ids)


def look_up(session: Session, sales: Iterable[Sale], *, lock: bool = True) -> Known:
    """Everything these sales name, in a handful of queries. Refunded orders are held (`lock`), so that two refunds at
    once cannot together give back more than was paid."""
    sales = list(sales)
    buyers = [buyer for sale in sales if (buyer := _readable_buyer(sale))]
    numbers = {buyer.member_no for buyer in buyers if buyer.member_no}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    phones = {blind_index(buyer.phone.e164, "customers.phone") for buyer in buyers if buyer.phone}
    skus = {line.sku for sale in sales for line in sale.lines if line.sku}
    stores = session.exec(select(Store)).all()
    open_stores = [store.id for store in stores if store.is_active]
    return Known(
        orders=_orders(session, sales, lock=lock),
        by_number=_numbered(session, Customer.member_no, Customer.id, numbers),
        by_phone=customers_by_phone(session, phones),
        stores={key: store.id or 0 for store in stores for key in (store.name, store.code)},
        only_store_id=open_stores[0] if len(open_stores) == 1 else None,
        products=_numbered(session, Product.sku, Product.id, skus),
        treatments=_numbered(session, Treatment.code, Treatment.id, skus),
        staff={key: person.id or 0 for person in session.exec(select(Staff)) for key in (person.name, person.login)},
    )


def _numbered(session: Session, key: str, row_id: int | None, wanted: set[str]) -> dict[str, int]:
    """The ids of the rows with these keys; the arguments are a table's columns."""
    rows = session.exec(select(col(key), col(row_id)).where(col(key).in_(wanted))) if wanted else ()
    return {key: row_id for key, row_id in rows if row_id}


def customers_by_phone(session: Session, phones: Iterable[bytes]) -> dict[bytes, int]:
    """Whose these phones are, by blind index; of a family that shares one, the one it belongs to."""
    rows = session.exec(
        select(Customer.phone_index, Customer.id)
        .where(col(Customer.phone_index).in_(set(phones)))
        .order_by(col(Customer.phone_shared_reason) == "", col(Customer.id).desc())
    )
    return {bytes(index): customer_id for index, customer_id in rows if index and customer_id}


def _orders(session: Session, sales: list[Sale], *, lock: bool) -> dict[str, KnownOrder]:
    numbers = {sale.order_no for sale in sales} | {sale.refund_of for sale in sales if sale.refund_of}
    wanted = select(Purchase).where(col(Purchase.order_no).in_(numbers)).order_by(col(Purchase.id))
    if lock and any(sale.refund_of for sale in sales):
        wanted = wanted.with_for_update()
    rows = session.exec(wanted).all()
    known = {row.order_no: KnownOrder(row.id or 0, row.customer_id, row.paid_fen, row.fingerprint) for row in rows}
    by_id = {order.purchase_id: order for order in known.values()}
    refunds = select(Purchase.refund_of_id, func.sum(Purchase.paid_fen)).where(col(Purchase.refund_of_id).in_(by_id))
    for original_id, refunded in session.exec(refunds.group_by(col(Purchase.refund_of_id))):
        by_id[original_id or 0].refunds.append(int(refunded))
    return known


def _readable_buyer(sale: Sale) -> Buyer | None:
    try:
        return buyer_of(sale)
    except RuleBroken:
        return None  # said when the sale itself is judged


def _original(sale: Sale, known: Known) -> KnownOrder | None:
    if not sale.refund_of:
        return None
    original = known.orders.get(sale.refund_of)
    if original is None:
        raise RefundOfUnknown("refund_of")
    check_refund(original.paid_fen, original.refunds, paid_fen(sale))
    return original


def _customer_id(buyer: Buyer, known: Known) -> int | None:
    """By member number, then by phone; None for somebody who walked in."""
    if not buyer.is_named:
        return None
    if buyer.member_no in known.by_number:
        return known.by_number[buyer.member_no]
    if buyer.phone and (owner := known.by_phone.get(blind_index(buyer.phone.e164, "customers.phone"))):
        return owner
    whole = lost_zeros(buyer.member_no) if buyer.member_no else None
    if whole in known.by_number:
        raise MemberNumberLostZeros("member_no", member_no=whole)
    raise CustomerUnknown("member_no" if buyer.member_no else "phone")


def _store_id(store: str, known: Known) -> int | None:
    if not store:
        return known.only_store_id
    if store not in known.stores:
        raise StoreUnknown("store")
    return known.stores[store]
