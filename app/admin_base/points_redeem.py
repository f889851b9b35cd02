"""Redeeming at the counter: choose, look at what is left, confirm; and taking it back. Three taps from her page."""

from typing import Any, ClassVar

import anyio.to_thread
from sqladmin.application import expose
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.redemptions import Wanted, redeem, return_redemption
from app.admin_base.asking import asking
from app.admin_base.once import Answer
from app.admin_base.points_page import OfACustomer, cleaned_note, number, reference_of, said_of
from app.admin_base.writing import Refused
from app.i18n import gettext, long_day
from app.models import Customer, Redemption, Reward
from app.queries.points_page import standing_of
from app.queries.rewards import Offered, is_to_come, offered_to
from app.rules.access import may
from app.rules.points import LONGEST_REASON, PointsReasonMissing, PointsWrong, stated_reason, whole_points
from app.rules.refusals import NotFound, RuleBroken, words

_DONE = words("已兑换{what}：{before} 分 → {after} 分")
_FREE = words("{points} 分")
_BACK = words("已撤销，{points} 分还给她了，现在有 {balance} 分")
_FROM = words("{day} 起才能兑换。")
_SHORT = words("还差 {points} 分。")
_NOTE = words("请写明换了什么，最多 {limit} 个字。")


class WhatForMissing(RuleBroken):
    """Points handed in for nothing that anybody could look up."""

    code = "redemption_note_missing"
    message = _NOTE


class RedeemPage(OfACustomer):
    """One customer redeems."""

    subject: ClassVar[str] = "points_counter"

    @expose("/desk/customers/{member_no}/redeem", methods=["GET", "POST"], identity="desk-redeem")
    async def redeem(self, request: Request) -> Response:
        """Choose, then see the balance before and after, then redeem. For owner, manager and reception."""
        customer, sentence = await self.hers(request), ""
        asked: Any = request.query_params
        if request.method == "POST":
            asked = await request.form()
            try:
                return (await self._redeemed(request, asked)).lead(request)
            except Refused as refusal:
                sentence = str(refusal)
        context = await anyio.to_thread.run_sync(self._read, customer)
        chosen = _chosen(asked, context["offers"])
        typed = str(asked.get("points", "")).strip()
        points, wrong = (chosen.reward.points, {}) if chosen else _free_points(typed, "points" in asked)
        context |= {
            "customer": customer,
            "chosen": chosen,
            "points": points,
            "typed": typed,
            "after": context["account"].balance - points,
            "note": str(asked.get("note", "")) if request.method == "POST" else "",
            **said_of(request, sentence),
        }
        context["errors"] |= wrong
        is_chosen = bool(points) and not context["account"].frozen_at and (chosen is None or chosen.is_open)
        template = "desk/points_confirm.html" if is_chosen else "desk/points_redeem.html"
        return await self.shown(request, template, context, is_wrong=bool(wrong))

    @expose("/desk/customers/{member_no}/redeem/{redemption}/undo", methods=["POST"], identity="desk-redeem")
    async def undo(self, request: Request) -> Response:
        """Take a redemption back, with the reason. For owner, manager and reception."""
        form, redemption_id = await request.form(), number(request.path_params["redemption"]) or 0

        def work(session: Session, customer_id: int) -> str:
            here, done = asking(), session.get(Redemption, redemption_id)
            if done is None or done.customer_id != customer_id:
                raise NotFound
            reason = stated_reason(str(form.get("reason", "")).replace("\x00", ""))
            return_redemption(
                session, redemption_id, reason=reason, policy=here.policy, now=here.now, zone=here.zone,
                staff_id=here.actor.staff_id,
            )  # fmt: skip
            balance = standing_of(session, customer_id).balance
            return gettext(_BACK).format(points=f"{done.points:,}", balance=f"{balance:,}")

        try:
            return (await self.change(request, (), work)).lead(request)
        except Refused as refusal:
            raise HTTPException(422, str(refusal)) from None

    async def _redeemed(self, request: Request, form: Any) -> Answer:
        reward_id, points = number(str(form.get("reward", ""))), number(str(form.get("points", ""))) or 0
        note = cleaned_note(form, "note")

        def work(session: Session, customer_id: int) -> str:
            here = asking()
            before = standing_of(session, customer_id).balance
            if reward_id is None or note:
                _check_note(note)
            wanted = Wanted(points, reference_of(form, "counter"), reward_id, note, _shown(form))
            done = redeem(session, customer_id, wanted, now=here.now, zone=here.zone, staff_id=here.actor.staff_id)
            what = session.get_one(Reward, reward_id).name if reward_id else gettext(_FREE).format(points=f"{points:,}")
            return gettext(_DONE).format(what=what, before=f"{before:,}", after=f"{before - done.points:,}")

        return await self.change(request, ("points", "note"), work)

    def _read(self, customer: Customer) -> dict[str, Any]:
        here = asking()
        with self._admin_ref.database.reading() as session:
            account = standing_of(session, customer.id or 0)
            offers = offered_to(session, customer, account.balance, here.today)
            return {
                "account": account,
                "offers": offers,
                "open": [one for one in offers if one.is_open],
                "shut": [(one, _why_not(one)) for one in offers if not one.is_open],
                "can_offer": here.person is not None and may(here.person.role, "rewards", "create"),
            }


def _chosen(asked: Any, offers: list[Offered]) -> Offered | None:
    wanted = number(str(asked.get("reward", "")))
    return next((one for one in offers if one.reward.id == wanted), None)


def _free_points(typed: str, is_asked: bool) -> tuple[int, dict[str, str]]:
    """How many points for something outside the catalogue, 0 for none; and what is wrong with them, by field."""
    if not is_asked:
        return 0, {}
    try:
        return whole_points(number(typed) or 0), {}
    except PointsWrong as refusal:
        return 0, {"points": refusal.say(gettext)}


def _shown(form: Any) -> int | None:
    """The balance the page showed before the press; None for a form that carries none."""
    text = str(form.get("shown", "")).strip()
    return int(text[:12]) if text.removeprefix("-").isdecimal() else None


def _why_not(offered: Offered) -> str:
    reward, today = offered.reward, asking().today
    if is_to_come(offered, today) and reward.starts_on:
        return gettext(_FROM).format(day=long_day(reward.starts_on))
    if offered.refusal is not None:
        return offered.refusal.say(gettext)
    return gettext(_SHORT).format(points=f"{offered.missing:,}")


def _check_note(note: str) -> None:
    try:
        stated_reason(note)
    except PointsReasonMissing:
        raise WhatForMissing("note", limit=LONGEST_REASON) from None
