"""A till's sales, some thousand rows at a time: the rows of one order are one sale, whole or not at all. A sale whose buyer
nobody knows waits for her. Decision: docs/decisions/0015."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlmodel import Session

from app.actions.purchases import (
    NOBODY,
    Known,
    KnownOrder,
    PlannedSale,
    check_same,
    follow_refunds,
    insert_sales,
    look_up,
    planned_sale,
)
from app.i18n import gettext
from app.queries.policy import current_policy
from app.rules.headers import Columns
from app.rules.import_reports import Portion, Rejection, rejection
from app.rules.import_rows import NotThere, RowRefused, Shop
from app.rules.imports import OrderSpoiled, PurchaseReader, PurchaseRow, contradictions, read_purchase, sale_of
from app.rules.purchases import Sale, StoreNotHers
from app.rules.refusals import RuleBroken
from app.vocabulary import ImportMode

Row = tuple[int, tuple[str, ...]]
PORTION = 2000
_BITS = 1 << 27
"""Sixteen megabytes: of a million orders it takes two hundred for scattered that are not."""


@dataclass(frozen=True)
class Orders:
    """What one reading of a file tells about its orders: how many lines those have whose lines stand apart, which take
    others back, and which are taken back."""

    scattered: Mapping[str, int] = field(default_factory=dict)
    refunds: frozenset[str] = frozenset()
    refunded: frozenset[str] = frozenset()


class OrderOutline:
    """Looks at the orders of a file as its rows pass, in the same memory however many there are."""

    def __init__(self) -> None:
        self._begun = bytearray(_BITS >> 3)
        self._last = ""
        self.scattered: set[str] = set()
        self.refunds: set[str] = set()
        self.refunded: set[str] = set()

    def see(self, order_no: str, refund_of: str) -> None:
        """The next row."""
        if refund_of:
            self.refunds.add(order_no)
            self.refunded.add(refund_of)
        if not order_no or order_no == self._last:
            return
        self._last = order_no
        mark = hash(order_no)
        first, second = mark & (_BITS - 1), (mark >> 32) & (_BITS - 1)
        begun = self._begun
        if begun[first >> 3] & (1 << (first & 7)) and begun[second >> 3] & (1 << (second & 7)):
            self.scattered.add(order_no)
        begun[first >> 3] |= 1 << (first & 7)
        begun[second >> 3] |= 1 << (second & 7)

    def orders(self, again: Callable[[], Iterator[str]]) -> Orders:
        """What was seen. `again` gives the order number of every row once more, if that is needed."""
        lines: Counter[str] = Counter()
        if self.scattered:
            lines = Counter(order_no for order_no in again() if order_no in self.scattered)
        return Orders(lines, frozenset(self.refunds), frozenset(self.refunded))


@dataclass(frozen=True)
class Slip:
    """The rows of one order, read; `sale` None where they do not make one."""

    rows: tuple[int, ...]
    sale: Sale | None
    rejected: tuple[Rejection, ...] = ()


class PurchaseFile:
    """A purchases file being brought in; remembers the orders that the file itself refunds. `only_store_id`: the one store
    whose sales it may hold; None: of all stores."""

    def __init__(
        self,
        columns: Columns,
        shop: Shop,
        orders: Orders,
        *,
        mode: ImportMode,
        store_code: str = "",
        only_store_id: int | None = None,
    ) -> None:
        self.columns, self.shop, self.orders = columns, shop, orders
        self.mode, self.store_code, self.only_store_id = mode, store_code, only_store_id
        self.reader = PurchaseReader(columns, shop)
        self.batch_id: int | None = None
        self.known: dict[str, KnownOrder] = {}
        self._fresh: dict[str, KnownOrder] = {}
        self.unknown_staff: set[str] = set()

    def portions(self, read: Callable[[], Iterator[Row]]) -> Iterator[list[Slip]]:
        """The orders in portions that are stored together; refunds come last, whatever order the till wrote them in."""
        for are_refunds in (False, True) if self.orders.refunds else (False,):
            portion: list[Slip] = []
            size = 0
            for slip in self._slips(read(), are_refunds=are_refunds):
                portion.append(slip)
                size += len(slip.rows)
                if size >= PORTION:
                    yield portion
                    portion, size = [], 0
            if portion:
                yield portion

    def settle(self, session: Session, slips: list[Slip], *, write: bool) -> Portion:
        """Judge a portion and, if `write`, store what may go in. May be repeated until `remember`."""
        portion = Portion()
        self._fresh = {}
        known = look_up(session, [slip.sale for slip in slips if slip.sale], lock=write)
        for order_no in self.known.keys() - known.orders.keys():
            known.orders[order_no] = self.known[order_no]
        planned: list[PlannedSale] = []
        for slip in slips:
            portion.rejected += slip.rejected
            if slip.sale is None:
                continue
            try:
                self._judge(slip.sale, len(slip.rows), known, portion, planned)
            except RuleBroken as fault:
                portion.rejected += [rejection(row, [fault], self.columns, gettext) for row in slip.rows]
        if write:
            insert_sales(session, planned)
            follow_refunds(session, planned, policy=current_policy(session), now=self.shop.now, zone=self.shop.zone)
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run)."""
        self.known |= self._fresh
        self._fresh = {}

    def _judge(self, sale: Sale, rows: int, known: Known, portion: Portion, planned: list[PlannedSale]) -> None:
        if self.only_store_id and known.stores.get(sale.store, self.only_store_id) != self.only_store_id:
            raise StoreNotHers("store")
        if sale.order_no in known.orders:
            check_same(sale, known)
            portion.unchanged += rows
            return
        if self.mode is ImportMode.UPDATE:
            raise NotThere("order_no")
        plan = planned_sale(sale, known, now=self.shop.now, batch_id=self.batch_id, may_wait=True)
        planned.append(plan)
        told = plan.purchase
        portion.created += rows
        if told["customer_id"] is None and (told["buyer_member_no"] or told["buyer_phone_index"]):
            portion.waiting += rows
        self.unknown_staff.update([line.staff for line in sale.lines if line.staff and line.staff not in known.staff])
        if sale.order_no in self.orders.refunded:
            waits_for = {name: told[name] for name in NOBODY}
            self._fresh[sale.order_no] = KnownOrder(
                0, told["customer_id"], told["paid_fen"], told["fingerprint"], waits_for
            )

    def _slips(self, rows: Iterator[Row], *, are_refunds: bool) -> Iterator[Slip]:
        """Orders as soon as their last line is read: where the number changes, or where all lines of one whose lines
        stand apart are there."""
        refunds, scattered = self.orders.refunds, self.orders.scattered
        apart: dict[str, list[Row]] = {}
        order: list[Row] = []
        current = ""
        number_of = self.columns.reader("order_no")
        for row in rows:
            order_no = number_of(row[1])
            if (order_no in refunds) is not are_refunds:
                continue
            if not order_no:
                yield self._slip([row])
            elif order_no in scattered:
                lines = apart.setdefault(order_no, [])
                lines.append(row)
                if len(lines) >= scattered[order_no]:
                    yield self._slip(apart.pop(order_no))
            else:
                if order_no != current and order:
                    yield self._slip(order)
                    order = []
                current = order_no
                order.append(row)
        if order:
            yield self._slip(order)
        yield from (self._slip(lines) for lines in apart.values())

    def _slip(self, lines: list[Row]) -> Slip:
        numbers = tuple([number for number, _ in lines])
        if sale := self.reader.sale([cells for _, cells in lines]):
            return Slip(numbers, self._of_store(sale))
        rows = [(number, read_purchase(cells, self.columns, self.shop)) for number, cells in lines]
        bad = {number: row.faults for number, row in rows if isinstance(row, RowRefused)}
        good = [(number, row) for number, row in rows if isinstance(row, PurchaseRow)]
        bad = bad or {number: (fault,) for number, fault in contradictions(good).items()}
        if not bad:
            return Slip(numbers, self._of_store(sale_of([row for _, row in good])))
        spoiler = next(iter(bad))
        faults = {number: bad.get(number) or (OrderSpoiled("order_no", row=spoiler),) for number in numbers}
        return Slip(numbers, None, tuple(rejection(row, found, self.columns, gettext) for row, found in faults.items()))

    def _of_store(self, sale: Sale) -> Sale:
        return replace(sale, store=self.store_code) if self.store_code and not sale.store else sale
