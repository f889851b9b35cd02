"""A sale at the counter, where no till tells us: choose, look at the sum and the points, record. Three taps from her page."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin.application import expose
from sqlmodel import Session, col
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.counter import CounterSale, can_be_refunded, counter_order_no, sell_at_counter
from app.admin_base.asking import asking, only_own, reach
from app.admin_base.once import Answer
from app.admin_base.points_page import OfACustomer, said_of
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.models import Customer, Purchase, Staff
from app.queries.counter import (
    Server,
    discount_of,
    menu_of,
    open_stores,
    outlook,
    server_today,
    servers,
    sold,
    sold_as,
    store_code,
)
from app.queries.customers import customer_by_number
from app.queries.points_page import standing_of
from app.rules.access import may
from app.rules.amounts import fen_as_yuan
from app.rules.counter import (
    MOST_ROWS,
    CounterLine,
    MenuItem,
    TypedRow,
    chosen_item,
    is_counter_order,
    menu_by_key,
    parse_rows,
    points_typed,
)
from app.rules.earning import told
from app.rules.points import NotEnoughPoints
from app.rules.purchases import OrderEmpty
from app.rules.redemptions import check_points_paid, worth_fen
from app.rules.refusals import RuleBroken, words

_DONE = words("已记上 {money}")
_AGAIN = words("这一单已经记上了，没有再记一遍。")
_COLUMNS = ("item", "quantity", "price", "priced_for")


@dataclass(frozen=True)
class Counter:
    """What the form offers. `percent_off` 0: her tier gives no discount; `serves`: the login of who is taken to have served her."""

    menu: tuple[MenuItem, ...]
    by_key: Mapping[str, MenuItem]
    servers: tuple[Server, ...]
    serves: str
    stores: tuple[tuple[str, str], ...]
    store: str
    tier: str
    percent_off: int
    account: Any


@dataclass(frozen=True)
class Typed:
    """The form as it was understood: rows to show again, and what they come to."""

    order_no: str
    rows: tuple[TypedRow, ...]
    lines: tuple[CounterLine, ...]
    is_discounted: bool
    store: str
    staff: str
    points: str
    points_used: int
    points_fen: int
    total_fen: int
    wrong: Mapping[str, RuleBroken]

    @property
    def paid_fen(self) -> int:
        """The money."""
        return self.total_fen - self.points_fen


class SalePage(OfACustomer):
    """One customer buys."""

    subject: ClassVar[str] = "counter_sales"

    @expose("/desk/customers/{member_no}/sale", methods=["GET", "POST"], identity="desk-sale")
    async def sale(self, request: Request) -> Response:
        """Choose, then see the sum and the points, then record. For owner, manager, reception, and a beautician for what
        she served herself."""
        customer, sentence = await self.hers(request), ""
        asked: Any = await request.form() if request.method == "POST" else request.query_params
        counter = await anyio.to_thread.run_sync(self._counter, customer)
        typed = _typed(asked, counter)
        if request.method == "POST":
            try:
                return (await self._sold(request, typed)).lead(request)
            except Refused as refusal:
                sentence = str(refusal)
        elif asked.get("no") and await anyio.to_thread.run_sync(self._known, customer, typed.order_no):
            return RedirectResponse(f"/desk/customers/{customer.member_no}/sale/{typed.order_no}?again=1", 303)
        context = {"customer": customer, "counter": counter, "typed": typed, **said_of(request, sentence)}
        context["errors"] |= {field: one.say(gettext) for field, one in typed.wrong.items()} if "step" in asked else {}
        if asked.get("step") == "check" and not context["errors"] and not sentence:
            context |= await anyio.to_thread.run_sync(self._outlook, customer, typed, counter)
            return await self.shown(request, "desk/sale_confirm.html", context)
        return await self.shown(request, "desk/sale.html", context | _form(asked, typed, counter))

    @expose("/desk/customers/{member_no}/sale/{order_no}", methods=["GET"], identity="desk-sale")
    async def done(self, request: Request) -> Response:
        """What was recorded, and where it is taken back. For whoever may sell."""
        customer = await self.hers(request)
        context = await anyio.to_thread.run_sync(self._done, customer, request.path_params["order_no"])
        said = gettext(_AGAIN) if request.query_params.get("again") else ""
        return await self.shown(request, "desk/sale_done.html", {"customer": customer, "said": said, **context})

    async def _sold(self, request: Request, typed: Typed) -> Answer:
        request.state.form_names = ("points_used",)
        number = request.path_params["member_no"]

        def unit(session: Session) -> Answer:
            here = asking()
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            place = f"/desk/customers/{customer.member_no}/sale/{typed.order_no}"
            if sold_as(session, typed.order_no, customer.id or 0) is not None:
                return Answer(f"{place}?again=1")
            for refusal in typed.wrong.values():
                raise refusal
            lines = tuple(one.line for one in typed.lines)
            wanted = CounterSale(typed.order_no, lines, typed.store, typed.staff, typed.points_used)
            done = sell_at_counter(session, customer.id or 0, wanted, policy=here.policy, now=here.now, zone=here.zone)
            return Answer(place, gettext(_DONE).format(money=f"¥{fen_as_yuan(done.paid_fen)}"))

        return await write(request, self._admin_ref.database, unit)

    def _counter(self, customer: Customer) -> Counter:
        here = asking()
        person = here.person
        assert person is not None, "a page of the back office without a person"
        with self._admin_ref.database.reading() as session:
            stores = open_stores(session)
            hers = person.store_id or customer.store_id
            store = store_code(session, hers)
            menu = menu_of(session)
            if only_own(Purchase):
                staff = tuple(one for one in servers(session, None, col(Staff.id) == person.staff_id))
                serves: int | None = person.staff_id
            else:
                staff = servers(session, person.store_id, reach(Staff))
                serves = server_today(session, customer.id or 0, here.today, here.zone)
            tier, percent_off = discount_of(session, customer.tier_id)
            return Counter(
                menu,
                menu_by_key(menu),
                staff,
                next((one.login for one in staff if one.staff_id == serves), ""),
                stores if person.store_id is None and len(stores) > 1 else (),
                store,
                tier,
                percent_off,
                standing_of(session, customer.id or 0),
            )

    def _known(self, customer: Customer, order_no: str) -> bool:
        with self._admin_ref.database.reading() as session:
            return sold_as(session, order_no, customer.id or 0) is not None

    def _outlook(self, customer: Customer, typed: Typed, counter: Counter) -> dict[str, Any]:
        here = asking()
        with self._admin_ref.database.reading() as session:
            coming = outlook(
                session, customer.id or 0, typed.lines, typed.paid_fen, policy=here.policy, now=here.now, zone=here.zone
            )
        at_once = 0 if coming.due_on else coming.points
        return {
            "coming": coming,
            "why": told(coming.working, gettext),
            "after": counter.account.balance - typed.points_used + at_once,
            "server": next((one.name for one in counter.servers if one.login == typed.staff), ""),
            "store_name": dict(counter.stores).get(typed.store, ""),
            "saved_fen": sum(one.line.price_fen * one.line.quantity - one.line.amount_fen for one in typed.lines),
        }

    def _done(self, customer: Customer, order_no: str) -> dict[str, Any]:
        person = asking().person
        with self._admin_ref.database.reading() as session:
            purchase = sold_as(session, order_no, customer.id or 0, within=reach(Purchase))
            if purchase is None:
                raise HTTPException(404)
            found = sold(session, purchase)
        can_refund = person is not None and may(person.role, "purchases", "refund")
        left_fen = purchase.paid_fen - found.returned_fen
        return {
            "sold": found,
            "left_fen": left_fen,
            "can_refund": can_refund and can_be_refunded(purchase) and (left_fen > 0 or not found.is_returned),
        }


def _typed(asked: Any, counter: Counter) -> Typed:
    rows = _rows(asked, counter)
    is_new = not asked.get("no")
    is_discounted = bool(counter.percent_off) and (is_new or bool(asked.get("discount")))
    lines, wrong = parse_rows(rows, counter.by_key, percent_off=counter.percent_off if is_discounted else 0)
    if not lines and not wrong:
        wrong["lines"] = OrderEmpty("lines")
    total = sum(one.line.amount_fen for one in lines)
    used = 0
    try:
        used = _points(asked, total, counter)
    except RuleBroken as refusal:
        wrong["points_used"] = refusal
    per_yuan = asking().policy.points_per_yuan
    store, staff = str(asked.get("store", "")), str(asked.get("staff", ""))
    order_no = str(asked.get("no", ""))
    return Typed(
        order_no if is_counter_order(order_no) else counter_order_no(asking().now),
        rows,
        lines,
        is_discounted,
        store if store in dict(counter.stores) else counter.store,
        counter.serves if is_new or only_own(Purchase) else _login(staff, counter),
        str(asked.get("points_used", "")),
        used,
        worth_fen(used, per_yuan),
        total,
        wrong,
    )


def _login(staff: str, counter: Counter) -> str:
    return staff if staff in {one.login for one in counter.servers} else ""


def _points(asked: Any, total_fen: int, counter: Counter) -> int:
    """How many points pay. Raises PointsWrong, NotEnoughPoints, PointsExceedSale."""
    used = points_typed(str(asked.get("points_used", "")))
    if used > max(counter.account.balance, 0):
        raise NotEnoughPoints("points_used", balance=counter.account.balance, points=used)
    if used:
        check_points_paid(used, total_fen, asking().policy.points_per_yuan)
    return used


def _rows(asked: Any, counter: Counter) -> tuple[TypedRow, ...]:
    """The rows as they were typed, each thing of the menu with its price; one that was chosen instead of another has its own."""
    columns = [[str(one) for one in asked.getlist(name)[:MOST_ROWS]] for name in _COLUMNS]
    rows = [TypedRow(*(one.replace("\x00", "") for one in row)) for row in zip_longest(*columns, fillvalue="")]
    return tuple(_priced(row, counter) for row in rows)


def _priced(row: TypedRow, counter: Counter) -> TypedRow:
    known = chosen_item(row.item, counter.by_key)
    was = chosen_item(row.priced_for, counter.by_key)
    price = row.price
    if was is not None and was != known and price.strip() == fen_as_yuan(was.price_fen):
        price = ""  # it was the other thing's
    if known is not None and not price.strip():
        price = fen_as_yuan(known.price_fen)
    return TypedRow(row.item, row.quantity or "1", price, known.name if known else "")


def _form(asked: Any, typed: Typed, counter: Counter) -> dict[str, Any]:
    """The rows of the form, with an empty one to type into."""
    wants_more = bool(asked.get("add")) or not typed.rows
    rows = (*typed.rows, TypedRow(quantity="1")) if wants_more and len(typed.rows) < MOST_ROWS else typed.rows
    per_yuan = asking().policy.points_per_yuan
    balance = 0 if counter.account.frozen_at else max(counter.account.balance, 0)
    return {
        "rows": rows,
        "can_add": len(rows) < MOST_ROWS,
        "worth_fen": worth_fen(balance, per_yuan),
        "is_payable": balance > 0 and worth_fen(balance, per_yuan) > 0,
        "is_added": bool(asked.get("add")),
    }
