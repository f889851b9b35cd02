"""Sales and refunds come in: each once, with its customer, and the customer's tier follows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from app.actions.earning import hold_buyer
from app.actions.redemptions import pay_with_points
from app.actions.refunds import follow_slips
from app.actions.tags import recompute_customer
from app.actions.tiers import review_tier
from app.audit import note_many
from app.columns import blind_index
from app.db import among, insert_many
from app.models import (
    Customer,
    CustomerAlias,
    PointsEntry,
    PointsPending,
    Product,
    Purchase,
    PurchaseLine,
    Staff,
    Store,
    Treatment,
)
from app.queries.earning import earning_sales
from app.queries.phones import phone_holders
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
)
from app.rules.redemptions import PointsNeedCustomer, check_points_paid, worth_fen
from app.rules.refusals import RuleBroken

NOBODY: Mapping[str, Any] = {
    "buyer_member_no": "",
    "buyer_phone": None,
    "buyer_phone_index": None,
    "buyer_phone_masked": "",
}
"""The columns of a sale that waits for nobody."""


@dataclass
class KnownOrder:
    """An order that is in already. `refunds` are the amounts of its refunds, negative; `waits_for` whom the till named
    when nobody of that number was known, as the columns of the row."""

    purchase_id: int
    customer_id: int | None
    paid_fen: int
    fingerprint: str
    waits_for: Mapping[str, Any]
    refunds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What the shop knows about the things some sales name. `indexes` are the blind indexes of their phones; `shared` those
    phones that several customers have, which by themselves name none of them."""

    orders: dict[str, KnownOrder]
    by_number: dict[str, int]
    by_phone: dict[str, int]
    shared: frozenset[str]
    indexes: dict[str, bytes]
    stores: dict[str, int]
    only_store_id: int | None
    products: dict[str, int]
    treatments: dict[str, int]
    staff: dict[str, int]


class PlannedLine(NamedTuple):
    """A line that may go in, as the columns of its row."""

    position: int
    sku: str
    item: str
    category: str
    quantity: int
    unit_price_fen: int
    amount_fen: int
    treatment_id: int | None
    product_id: int | None
    staff_id: int | None


@dataclass(frozen=True)
class PlannedSale:
    """A sale that may go in, as the values of its rows; `purchase_id` of the lines is not known yet."""

    purchase: dict[str, Any]
    lines: list[PlannedLine]


def record_purchase(
    session: Session, sale: Sale, *, policy: Policy, now: datetime, zone: ZoneInfo, may_wait: bool = False
) -> Purchase:
    """Put a sale or refund in: what points pay of it is spent, what it earns by the tier before it comes in, then her tier
    follows. The same order number again answers with the first one, unchanged. With `may_wait` a sale of somebody unknown
    waits for her.

    Raises CustomerUnknown, RefundOfUnknown, RefundTooLarge, StoreUnknown, PointsExceedSale, PointsNeedCustomer,
    NotEnoughPoints, PointsFrozen, SaleTooLarge, or what a field's own rule says.
    """
    known = look_up(session, [sale])
    if first := known.orders.get(sale.order_no):
        return session.get_one(Purchase, first.purchase_id)
    planned = planned_sale(sale, known, now=now, may_wait=may_wait, points_per_yuan=policy.points_per_yuan)
    while (hers := planned.purchase["customer_id"]) and not hold_buyer(session, hers):
        # Gone in this very moment, with the file she came in by or into another record: looked for again.
        again = look_up(session, [sale])
        planned = planned_sale(sale, again, now=now, may_wait=may_wait, points_per_yuan=policy.points_per_yuan)
    purchase = Purchase(**planned.purchase)
    try:
        with session.begin_nested():
            session.add(purchase)
            session.flush()
            session.add_all(PurchaseLine(purchase_id=purchase.id or 0, **line._asdict()) for line in planned.lines)
            session.flush()
    except IntegrityError:
        # Another till told the same order in the same moment; hers is the first.
        return session.exec(select(Purchase).where(Purchase.order_no == sale.order_no)).one()
    if purchase.points_used:
        pay_with_points(session, purchase, now=now, zone=zone)
    follow_slips(session, [purchase], policy=policy, now=now, zone=zone)
    if purchase.customer_id:
        review_tier(session, purchase.customer_id, policy=policy, now=now, zone=zone, purchase_id=purchase.id)
        recompute_customer(session, purchase.customer_id, now=now, zone=zone)
    return purchase


def planned_sale(
    sale: Sale,
    known: Known,
    *,
    now: datetime,
    batch_id: int | None = None,
    may_wait: bool = False,
    points_per_yuan: int = 0,
) -> PlannedSale:
    """The rows a new sale becomes. Raises as `record_purchase`; with `may_wait` a sale of somebody unknown waits for her
    instead, and a refund with its sale. `points_per_yuan` 0: where nothing is paid with points."""
    sale = judged(sale)
    original = _original(sale, known)
    buyer = buyer_of(sale)
    customer_id, waits_for = customer_of(buyer, known), NOBODY
    if customer_id is None and original and (original.customer_id or original.waits_for != NOBODY):
        customer_id, waits_for = original.customer_id, original.waits_for
    elif customer_id is None and buyer.is_named:
        waits_for = _waiting(buyer, known)
    if buyer.is_named and customer_id is None and not may_wait:
        raise CustomerUnknown("member_no" if buyer.member_no else "phone")
    points_fen = 0
    if sale.points_used:
        if customer_id is None:
            raise PointsNeedCustomer("points_used")
        check_points_paid(sale.points_used, paid_fen(sale), points_per_yuan)
        points_fen = worth_fen(sale.points_used, points_per_yuan)
    paid = paid_fen(sale) - points_fen
    if original:
        original.refunds.append(paid)
    purchase = {
        "order_no": sale.order_no,
        "occurred_at": sale.occurred_at,
        "customer_id": customer_id,
        "store_id": _store_id(sale.store, known),
        "channel": sale.channel,
        "paid_fen": paid,
        "points_used": sale.points_used,
        "points_fen": points_fen,
        "refund_of_id": original.purchase_id if original else None,
        "import_batch_id": batch_id,
        "fingerprint": fingerprint(sale),
        "created_at": now,
        **waits_for,
    }
    return PlannedSale(purchase, [_line(at, line, known) for at, line in enumerate(sale.lines, start=1)])


def _line(position: int, line: SaleLine, known: Known) -> PlannedLine:
    return PlannedLine(
        position,
        line.sku,
        line.item,
        line.category,
        line.quantity,
        line.price_fen,
        line.amount_fen,
        treatment_id=known.treatments.get(line.sku),
        product_id=known.products.get(line.sku),
        staff_id=known.staff.get(line.staff),
    )


def check_same(sale: Sale, known: Known) -> None:
    """A known order told again must be the same sale to the same customer. Raises OrderDiffers or as above."""
    first = known.orders[sale.order_no]
    sale = judged(sale)
    buyer = buyer_of(sale)
    # Whoever it waited for is still who the till names, even if it has found its customer since.
    hers = customer_of(buyer, known)
    if hers is None and buyer.phone:
        hers = known.by_phone.get(buyer.phone.e164)  # the phone was not shared when this sale was told first
    is_hers = not buyer.is_named or _told_before(buyer, first, known) or hers == (first.customer_id or 0)
    if not is_hers or fingerprint(sale) != first.fingerprint:
        raise OrderDiffers("order_no")


def _told_before(buyer: Buyer, first: KnownOrder, known: Known) -> bool:
    index = known.indexes[buyer.phone.e164] if buyer.phone else None
    return (buyer.member_no, index) == (first.waits_for["buyer_member_no"], first.waits_for["buyer_phone_index"])


def insert_sales(session: Session, planned: Sequence[PlannedSale]) -> None:
    """Store many new sales in two statements, with one line in the journal: the batch each came in says the rest."""
    if not planned:
        return
    names = tuple(planned[0].purchase)
    insert_many(session, Purchase, names, map(itemgetter(*names), (sale.purchase for sale in planned)))
    # Asked for by number: to hand back the ids in order, SQLite would be told each sale by itself.
    ids = _numbered(session, Purchase.order_no, Purchase.id, {sale.purchase["order_no"] for sale in planned})
    lines = ((ids[sale.purchase["order_no"]], *line) for sale in planned for line in sale.lines)
    insert_many(session, PurchaseLine, ("purchase_id", *PlannedLine._fields), lines)
    note_many(session, "purchases", ids.values())


def follow_refunds(
    session: Session, planned: Sequence[PlannedSale], *, policy: Policy, now: datetime, zone: ZoneInfo
) -> None:
    """Refunds that came in with a file take back what their sales had earned, and give back what points had paid."""
    taken_back = {sale.purchase["refund_of_id"] for sale in planned} - {None}
    if not taken_back:
        return
    moved: set[int | None] = set()
    for column in (PointsEntry.purchase_id, PointsPending.purchase_id):
        moved |= set(session.exec(select(col(column)).where(among(session, column, taken_back))))
    moved |= earning_sales(session, taken_back)
    numbers = {sale.purchase["order_no"] for sale in planned if sale.purchase["refund_of_id"] in moved}
    if numbers:
        refunds = session.exec(select(Purchase).where(among(session, Purchase.order_no, numbers))).all()
        follow_slips(session, refunds, policy=policy, now=now, zone=zone)


def look_up(session: Session, sales: Iterable[Sale], *, lock: bool = True) -> Known:
    """Everything these sales name, in a handful of queries. Refunded orders are held (`lock`), so that two refunds at
    once cannot together give back more than was paid."""
    sales = list(sales)
    buyers = [buyer for sale in sales if (buyer := _readable_buyer(sale))]
    numbers = {buyer.member_no for buyer in buyers if buyer.member_no}
    numbers |= {whole for number in numbers if (whole := lost_zeros(number))}
    indexes = {
        phone: blind_index(phone, "customers.phone") for phone in {one.phone.e164 for one in buyers if one.phone}
    }
    owners, shared = phone_holders(session, indexes.values())
    orders = _orders(session, sales, lock=lock)
    # What an order that is in already was made of is not looked up again.
    skus = {line.sku for sale in sales if sale.order_no not in orders for line in sale.lines if line.sku}
    stores = session.exec(select(Store)).all()
    open_stores = [store.id for store in stores if store.is_active]
    return Known(
        orders=orders,
        by_number=_numbered(session, CustomerAlias.member_no, CustomerAlias.customer_id, numbers)
        | _numbered(session, Customer.member_no, Customer.id, numbers),
        by_phone={phone: owners[index] for phone, index in indexes.items() if index in owners},
        shared=frozenset(phone for phone, index in indexes.items() if index in shared),
        indexes=indexes,
        stores={key: store.id or 0 for store in stores for key in (store.name, store.code)},
        only_store_id=open_stores[0] if len(open_stores) == 1 else None,
        products=_numbered(session, Product.sku, Product.id, skus),
        treatments=_numbered(session, Treatment.code, Treatment.id, skus),
        staff={key: person.id or 0 for person in session.exec(select(Staff)) for key in (person.name, person.login)},
    )


def _numbered(session: Session, key: str, row_id: int | None, wanted: set[str]) -> dict[str, int]:
    """The ids of the rows with these keys; the arguments are a table's columns."""
    rows = session.exec(select(col(key), col(row_id)).where(among(session, key, wanted))) if wanted else ()
    return {key: row_id for key, row_id in rows if row_id}


def _orders(session: Session, sales: list[Sale], *, lock: bool) -> dict[str, KnownOrder]:
    numbers = {sale.order_no for sale in sales} | {sale.refund_of for sale in sales if sale.refund_of}
    names = ("order_no", "id", "customer_id", "paid_fen", "fingerprint", *NOBODY)
    columns: list[Any] = [getattr(Purchase, name) for name in names]
    wanted: Any = select(*columns).where(among(session, Purchase.order_no, numbers)).order_by(col(Purchase.id))
    if lock and any(sale.refund_of for sale in sales):
        wanted = wanted.with_for_update()
    known = {
        order_no: KnownOrder(row_id, customer_id, paid, told, _waits_for(waits_for))
        for order_no, row_id, customer_id, paid, told, *waits_for in session.exec(wanted)
    }
    refunded = {known[sale.refund_of].purchase_id: known[sale.refund_of] for sale in sales if sale.refund_of in known}
    taken_back = among(session, Purchase.refund_of_id, refunded)
    refunds = select(Purchase.refund_of_id, func.sum(Purchase.paid_fen)).where(taken_back)
    for original_id, fen in session.exec(refunds.group_by(col(Purchase.refund_of_id))) if refunded else ():
        refunded[original_id or 0].refunds.append(int(fen))
    return known


def _waits_for(values: Sequence[Any]) -> Mapping[str, Any]:
    return dict(zip(NOBODY, values, strict=True)) if any(values) else NOBODY


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


def customer_of(buyer: Buyer, known: Known) -> int | None:
    """By member number, then by phone; None for somebody who walked in, whom nobody knows, or who names only a phone that her
    family shares. Raises MemberNumberLostZeros."""
    if not buyer.is_named:
        return None
    if buyer.member_no in known.by_number:
        return known.by_number[buyer.member_no]
    phone = buyer.phone.e164 if buyer.phone else ""
    if phone not in known.shared and (owner := known.by_phone.get(phone)):
        return owner
    whole = lost_zeros(buyer.member_no) if buyer.member_no else None
    if whole in known.by_number:
        raise MemberNumberLostZeros("member_no", member_no=whole)
    return None


def _waiting(buyer: Buyer, known: Known) -> dict[str, Any]:
    """Whom a sale waits for, as the columns of its row."""
    phone = buyer.phone
    return {
        "buyer_member_no": buyer.member_no,
        "buyer_phone": phone.e164 if phone else None,
        "buyer_phone_index": known.indexes[phone.e164] if phone else None,
        "buyer_phone_masked": phone.masked if phone else "",
    }


def _store_id(store: str, known: Known) -> int | None:
    if not store:
        return known.only_store_id
    if store not in known.stores:
        raise StoreUnknown("store")
    return known.stores[store]
