"""A till's sales, some hundred rows at a time: the rows of one order are one sale, whole or not at all."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlmodel import Session

from app.actions.purchases import Known, KnownOrder, PlannedSale, check_same, insert_sales, look_up, planned_sale
from app.actions.tiers import review_tiers
from app.i18n import gettext
from app.rules.headers import Columns
from app.rules.import_reports import Portion, Rejection, rejection
from app.rules.imports import OrderSpoiled, PurchaseRow, RowRefused, Shop, contradictions, read_purchase, sale_of
from app.rules.policy import Policy
from app.rules.purchases import Sale
from app.rules.refusals import RuleBroken

Row = tuple[int, tuple[str, ...]]
PORTION = 500


@dataclass(frozen=True)
class Orders:
    """The order numbers of a file: how many lines each has, and which are refunded by others of the file."""

    lines: Tally[str]
    refunded: frozenset[str]


@dataclass(frozen=True)
class Slip:
    """The rows of one order, read; `sale` None where they do not make one."""

    rows: tuple[int, ...]
    sale: Sale | None
    rejected: tuple[Rejection, ...] = ()


class PurchaseFile:
    """A purchases file being brought in; remembers the orders that the file itself refunds."""

    def __init__(
        self,
        columns: Columns,
        shop: Shop,
        policy: Policy,
        orders: Orders,
        *,
        store_code: str = "",
        batch_id: int | None = None,
    ) -> None:
        self.columns, self.shop, self.policy, self.orders = columns, shop, policy, orders
        self.store_code, self.batch_id = store_code, batch_id
        self.known: dict[str, KnownOrder] = {}
        self._fresh: dict[str, KnownOrder] = {}
        self.unknown_staff: set[str] = set()

    def portions(self, rows: Iterable[Row]) -> Iterator[list[Slip]]:
        """The orders in portions that are stored together; refunds come last, whatever order the till wrote them in."""
        refunds: list[Slip] = []
        portion: list[Slip] = []
        size = 0
        for slip in self._slips(rows):
            if slip.sale and slip.sale.refund_of:
                refunds.append(slip)
                continue
            portion.append(slip)
            size += len(slip.rows)
            if size >= PORTION:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion
        for start in range(0, len(refunds), PORTION):
            yield refunds[start : start + PORTION]

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
            buyers = {buyer for sale in planned if (buyer := sale.purchase["customer_id"])}
            review_tiers(session, buyers, policy=self.policy, now=self.shop.now, zone=self.shop.zone)
        return portion

    def remember(self) -> None:
        """The portion is in (or judged, in a dry run)."""
        self.known |= self._fresh
        self._fresh = {}

    def _judge(self, sale: Sale, rows: int, known: Known, portion: Portion, planned: list[PlannedSale]) -> None:
        if sale.order_no in known.orders:
            check_same(sale, known)
            portion.unchanged += rows
            return
        plan = planned_sale(sale, known, now=self.shop.now, batch_id=self.batch_id)
        planned.append(plan)
        portion.created += rows
        self.unknown_staff |= {line.staff for line in sale.lines if line.staff and line.staff not in known.staff}
        if sale.order_no in self.orders.refunded:
            told = plan.purchase
            self._fresh[sale.order_no] = KnownOrder(0, told["customer_id"], told["paid_fen"], told["fingerprint"])

    def _slips(self, rows: Iterable[Row]) -> Iterator[Slip]:
        """Orders as soon as their last line is read: lines of one order may stand anywhere in the file."""
        waiting: dict[str, list[tuple[int, PurchaseRow | RowRefused]]] = {}
        for number, cells in rows:
            row = read_purchase(cells, self.columns, self.shop)
            order_no = self.columns.cell(cells, "order_no")
            lines = waiting.setdefault(order_no, [])
            lines.append((number, row))
            if not order_no or len(lines) >= self.orders.lines[order_no]:
                yield self._slip(waiting.pop(order_no))
        yield from (self._slip(lines) for lines in waiting.values())

    def _slip(self, lines: list[tuple[int, PurchaseRow | RowRefused]]) -> Slip:
        numbers = tuple(number for number, _ in lines)
        bad: dict[int, tuple[RuleBroken, ...]] = {
            number: row.faults for number, row in lines if isinstance(row, RowRefused)
        }
        good = [(number, row) for number, row in lines if isinstance(row, PurchaseRow)]
        bad = bad or {number: (fault,) for number, fault in contradictions(good).items()}
        if not bad:
            return Slip(numbers, self._sale([row for _, row in good]))
        spoiler = next(iter(bad))
        faults = {number: bad.get(number) or (OrderSpoiled("order_no", row=spoiler),) for number in numbers}
        return Slip(numbers, None, tuple(rejection(row, found, self.columns, gettext) for row, found in faults.items()))

    def _sale(self, lines: list[PurchaseRow]) -> Sale:
        sale = sale_of(lines)
        return sale if sale.store else replace(sale, store=self.store_code)
