"""A customer's points on one page: what she has and owes, what waits, what ends when, and why each movement has its number.
From here the counter puts points right and writes occasions down."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.adjustments import adjust_or_ask
from app.actions.occasions import take_back_occasion, write_occasion
from app.admin_base.asking import asking, reach
from app.admin_base.fields import cleaned
from app.admin_base.once import FIELD, Answer
from app.admin_base.points_words import DOUBTS, reasons
from app.admin_base.writing import LARGEST_ID, Refused, write
from app.i18n import gettext
from app.labels import choices_of
from app.models import Customer, PointsRequest
from app.queries.adjustments import has_second_person, requests
from app.queries.customers import customer_by_number
from app.queries.earning import pending_of, pending_points
from app.queries.points import lots_of, next_to_expire
from app.queries.points_page import PAGE, Movement, figures_of, movements_of, occasions_of, standing_of
from app.rules.access import may
from app.rules.adjustments import BY_HAND, Adjustment, is_by_hand
from app.rules.earning import told
from app.rules.refusals import RuleBroken, words
from app.vocabulary import AdjustReason, EarningKind

_GIVEN = words("已加 {points} 分，现在有 {balance} 分")
_TAKEN = words("已扣 {points} 分，现在有 {balance} 分")
_ASKED = words("{points} 分要第二个人同意，已经交给店主和店长；同意后才会记上")
_ALONE = words("{points} 分还没有记上：请到“积分审批”输入您的密码，自己确认")
_EARNED = words("已记上，加 {points} 分，现在有 {balance} 分")
_RELEASED = words("已恢复兑换")
_DAY = words("请选一个日期，或者留空。")


class EndUnreadable(RuleBroken):
    """No day that can be read."""

    code = "end_unreadable"
    message = _DAY


class OfACustomer(BaseView):
    """A page about one customer's points. In no menu: her own page leads here."""

    subject: ClassVar[str] = "customer_points"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Never in the menu by itself."""
        return False

    async def hers(self, request: Request) -> Customer:
        """Whose page it is. Raises HTTPException 404 for nobody of the reader's."""
        return await anyio.to_thread.run_sync(self._found, request.path_params["member_no"])

    def _found(self, number: str) -> Customer:
        with self._admin_ref.database.reading() as session:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            session.refresh(customer, ("tier",))  # named on the page, when nothing can be loaded any more
        return customer

    async def change(self, request: Request, fields: tuple[str, ...], work: Callable[[Session, int], str]) -> Answer:
        """Do something to her points and go back to them with what `work` says. Raises Refused, HTTPException 404."""
        request.state.form_names = fields
        number = request.path_params["member_no"]

        def unit(session: Session) -> Answer:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            return Answer(f"/desk/customers/{customer.member_no}/points", work(session, customer.id or 0))

        return await write(request, self._admin_ref.database, unit)

    async def shown(
        self, request: Request, template: str, context: Mapping[str, Any], *, is_wrong: bool = False
    ) -> Response:
        """The page, as an answer to what was refused where something was. `is_wrong`: what its address asks for."""
        refused = getattr(request.state, "refused_status", 422)
        status = refused if is_wrong or request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, template, dict(context), status_code=status)

    async def page(self, request: Request, sentence: str = "") -> Response:
        customer = await self.hers(request)
        if customer.member_no != request.path_params["member_no"] and request.method == "GET":
            return RedirectResponse(f"/desk/customers/{customer.member_no}/points", 303)
        context = await anyio.to_thread.run_sync(self.read, customer, number(request.query_params.get("before", "")))
        typed = await request.form() if request.method == "POST" else FormData()
        context |= {"customer": customer, "typed": {name: str(typed.get(name, "")) for name in ("kind", "what")}}
        return await self.shown(request, "desk/points.html", context | said_of(request, sentence))

    def standing(self, customer: Customer) -> Any:
        with self._admin_ref.database.reading() as session:
            return standing_of(session, customer.id or 0)

    def read(self, customer: Customer, before_id: int | None) -> dict[str, Any]:
        here, customer_id = asking(), customer.id or 0
        with self._admin_ref.database.reading() as session:
            account = standing_of(session, customer_id)
            movements = movements_of(session, customer_id, before_id=before_id)
            doubt = figures_of(session, account.account_id) if account.frozen_at and account.account_id else None
            return {
                "account": account,
                "lots": lots_of(session, customer_id),
                "pending": [
                    {"line": one, "why": told(one.working, gettext)} for one in pending_of(session, customer_id)
                ],
                "lines": [_line(one) for one in movements[:PAGE]],
                "older": movements[PAGE - 1].entry.id if len(movements) > PAGE else None,
                "is_older": before_id is not None,
                "asked": requests(session, is_waiting=True, customer_id=customer_id),
                "occasions": occasions_of(session, customer_id, now=here.now, zone=here.zone) if may_do() else (),
                "doubt": doubt,
                "doubt_words": gettext(DOUBTS.get(doubt.what, "")) if doubt else "",
                "can_do": may_do(),
                "can_release": here.person is not None and may(here.person.role, "points_accounts", "release"),
            }


class PointsPage(OfACustomer):
    """One customer's points."""

    @expose("/desk/customers/{member_no}/points", methods=["GET"], identity="desk-points")
    async def points(self, request: Request) -> Response:
        """All of them, with why. For whoever may see the customer."""
        return await self.page(request)


class CounterPage(OfACustomer):
    """What the counter does with one customer's points."""

    subject: ClassVar[str] = "points_counter"

    @expose("/desk/customers/{member_no}/points/adjust", methods=["GET", "POST"], identity="desk-points-counter")
    async def adjust(self, request: Request) -> Response:
        """Give or take by hand, with a reason; from the policy's limit on a second person is asked. For owner, manager and
        reception."""
        customer, form, sentence = await self.hers(request), FormData(), ""
        if request.method == "POST":
            form = await request.form()
            try:
                return (await self._adjusted(request, form)).lead(request)
            except Refused as refusal:
                sentence = str(refusal)
        context = {
            "customer": customer,
            "account": await anyio.to_thread.run_sync(self.standing, customer),
            "codes": choices_of(AdjustReason),
            "typed": {name: str(form.get(name, "")) for name in ("way", "points", "reason_code", "note", "expires_on")},
            "limit": asking().policy.points_approval_from,
            "today": asking().today.isoformat(),
            **said_of(request, sentence),
        }
        return await self.shown(request, "desk/points_adjust.html", context)

    @expose("/desk/customers/{member_no}/points/occasion", methods=["POST"], identity="desk-points-counter")
    async def occasion(self, request: Request) -> Response:
        """She came to an event, shared something, her idea was taken up: which
        one, then its points. For owner, manager and reception."""
        form = await request.form()
        kind = str(form.get("kind", ""))
        if kind not in set(BY_HAND):
            raise HTTPException(404)

        def work(session: Session, customer_id: int) -> str:
            here = asking()
            entry = write_occasion(
                session, customer_id, EarningKind(kind), cleaned_note(form, "what"), reference=reference_of(form, kind),
                policy=here.policy, now=here.now, zone=here.zone, staff_id=here.actor.staff_id or 0,
            )  # fmt: skip
            return gettext(_EARNED).format(points=f"{entry.points:,}", balance=f"{entry.balance_after:,}")

        return await self._led(request, work, ("what",))

    @expose(
        "/desk/customers/{member_no}/points/occasion/{entry}/undo", methods=["POST"], identity="desk-points-counter"
    )
    async def take_back(self, request: Request) -> Response:
        """An occasion was written down by mistake: one tap takes its points back. For owner, manager and reception."""
        entry_id = number(request.path_params["entry"]) or 0

        def work(session: Session, customer_id: int) -> str:
            here = asking()
            gone = take_back_occasion(
                session, customer_id, entry_id, now=here.now, zone=here.zone, staff_id=here.actor.staff_id or 0
            )
            return gettext(_TAKEN).format(points=f"{-gone.points:,}", balance=f"{gone.balance_after:,}")

        return await self._led(request, work)

    async def _led(
        self, request: Request, work: Callable[[Session, int], str], fields: tuple[str, ...] = ()
    ) -> Response:
        try:
            return (await self.change(request, fields, work)).lead(request)
        except Refused as refusal:
            return await self.page(request, str(refusal))

    async def _adjusted(self, request: Request, form: FormData) -> Answer:
        def work(session: Session, customer_id: int) -> str:
            here = asking()
            done = adjust_or_ask(
                session, customer_id, _adjustment(form), reference=reference_of(form, "adjust"), policy=here.policy,
                now=here.now, zone=here.zone, staff_id=here.actor.staff_id or 0,
            )  # fmt: skip
            points = f"{abs(done.points):,}"
            if isinstance(done, PointsRequest):
                asked = _ASKED if has_second_person(session, done) or done.staff_id != here.actor.staff_id else _ALONE
                return gettext(asked).format(points=points)
            return gettext(_GIVEN if done.points > 0 else _TAKEN).format(
                points=points, balance=f"{done.balance_after:,}"
            )

        return await self.change(request, ("points", "reason_code", "note", "expires_on"), work)


def points_card(session: Session, customer_id: int) -> dict[str, Any] | None:
    """Her points in short for her own page; None for whoever may not see them."""
    person = asking().person
    if person is None or not may(person.role, "customer_points", "view"):
        return None
    standing = standing_of(session, customer_id)
    return {
        "balance": standing.balance,
        "debt": standing.debt,
        "is_frozen": standing.frozen_at is not None,
        "next": next_to_expire(session, customer_id),
        "pending": pending_points(session, customer_id),
    }


def may_do() -> bool:
    """Whether the reader may move points."""
    person = asking().person
    return person is not None and may(person.role, CounterPage.subject, "do")


def said_of(request: Request, sentence: str) -> dict[str, Any]:
    """What was refused: beside its field, or above the form."""
    errors = getattr(request.state, "field_errors", {})
    return {"errors": {name: " ".join(said) for name, said in errors.items()}, "error": sentence}


def reference_of(form: FormData, kind: str) -> str:
    """What makes a movement of the counter happen once: whose form it was and its token."""
    token = cleaned(str(form.get(FIELD, "")))[:64] or secrets.token_urlsafe(18)
    return f"{kind}:{asking().actor.staff_id}:{token}"


def number(text: str) -> int | None:
    """A whole number above nothing, as typed, in the digits of a Chinese keyboard too; None for anything else."""
    text = text.strip()
    return int(text) if text.isdecimal() and 0 < int(text[:11]) <= LARGEST_ID else None


def _adjustment(form: FormData) -> Adjustment:
    points, code = number(str(form.get("points", ""))) or 0, str(form.get("reason_code", ""))
    return Adjustment(
        -points if form.get("way") == "take" else points,
        AdjustReason(code) if code in set(AdjustReason) else AdjustReason.OTHER,
        cleaned_note(form, "note"),
        _end(str(form.get("expires_on", "")).strip()),
    )


def cleaned_note(form: FormData, name: str) -> str:
    """Words somebody wrote, without what no text holds."""
    return str(form.get(name, "")).replace("\x00", "").strip()


def _end(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(text) if text else None
    raise EndUnreadable("expires_on")


def _line(movement: Movement) -> dict[str, Any]:
    entry, redemption = movement.entry, movement.redemption
    person = asking().person
    opens_sale = person is not None and may(person.role, "purchases", "details")
    is_undoable = may_do() and redemption is not None and redemption.returned_at is None
    return {
        "at": entry.at,
        "kind": entry.kind,
        "points": entry.points,
        "after": entry.balance_after,
        "reasons": reasons(movement),
        "who": str(entry.staff or ""),
        "order_no": entry.purchase.order_no if entry.purchase else "",
        "sale": f"/admin/purchase/details/{entry.purchase_id}" if entry.purchase_id and opens_sale else "",
        "entry": entry.id,
        "is_occasion": may_do() and is_by_hand(entry.kind, entry.reference) and not movement.is_taken_back,
        "undo": redemption.id if redemption and is_undoable and redemption.entry_id == entry.id else None,
    }
