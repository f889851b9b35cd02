"""A customer's tier on her page: where she stands and why, what it gives her, and the few things done about it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.benefits import take_back_use, use_benefit
from app.actions.tiers import end_hold, set_tier_by_hand
from app.admin_base.asking import asking, reach
from app.admin_base.once import Answer
from app.admin_base.tag_pages import may_do, number_in
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.models import BenefitUse, Customer, TierBenefit
from app.queries.benefits import benefits_of
from app.queries.customers import customer_by_number
from app.queries.tiers import past_tiers, tier_choices, tier_standing
from app.rules.access import may
from app.rules.refusals import NotFound, words
from app.vocabulary import TierWhy

_SET = words("等级已改为{tier}，到 {day} 为止以您指定的为准")
_ENDED = words("已取消指定，等级按规则重新算过")
_USED = words("已记下：用了一次“{name}”。点“撤销”可以退回")
_BACK = words("已退回一次“{name}”")


def tier_section(session: Session, customer: Customer, typed: Mapping[str, str] | None = None) -> dict[str, Any] | None:
    """What her page shows of her tier, for whoever may see it."""
    here, number = asking(), customer.id or 0
    standing = tier_standing(session, number, policy=here.policy, now=here.now, zone=here.zone)
    if standing is None or here.person is None:
        return None
    sees_history = may(here.person.role, "tier_changes", "list")
    past = past_tiers(session, number) if sees_history else ()
    sees_benefits = may(here.person.role, "benefit_uses", "list")
    return {
        "standing": standing,
        "past": past,
        "why": next((one.reason for one in past if one.why is TierWhy.MANUAL), ""),
        "benefits": benefits_of(session, number, today=here.today, zone=here.zone) if sees_benefits else (),
        "may_use": may_do("customer_benefits"),
        "may_set": may_do("customer_tier"),
        "choices": tier_choices(session),
        "typed": {"tier": number_in((typed or {}).get("tier")) or standing.tier_id}
        | {name: (typed or {}).get(name, "") for name in ("until_on", "reason")},
        "error": (typed or {}).get("error", ""),
    }


class OfHerTier(BaseView):
    """A page about one customer's tier. In no menu: her own page leads to it."""

    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Never in the menu by itself."""
        return False

    async def _changed(self, request: Request, change: Callable[[Session, Customer], str]) -> Response:
        number = request.path_params["member_no"]

        def work(session: Session) -> Answer:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            said = change(session, customer)
            return Answer(f"/desk/customers/{customer.member_no}#tier", said)

        return (await write(request, self._admin_ref.database, work)).lead(request)

    async def _shown(self, request: Request, typed: Mapping[str, str]) -> Response:
        """Her tier alone, with what was refused."""
        customer, section = await anyio.to_thread.run_sync(self._section, request.path_params["member_no"], typed)
        context = {"customer": customer, "tier": section}
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "tiers/customer.html", context, status_code=status)

    def _section(self, number: str, typed: Mapping[str, str]) -> tuple[Customer, dict[str, Any] | None]:
        with self._admin_ref.database.reading() as session:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            return customer, tier_section(session, customer, typed)


class TierPage(OfHerTier):
    """A customer's tier is set by hand."""

    subject: ClassVar[str] = "customer_tier"

    @expose("/desk/customers/{member_no}/tier", methods=["GET", "POST"], identity="desk-customer-tier")
    async def tier(self, request: Request) -> Response:
        """Give her a tier by hand for a reason and until a day, or take that word back. For the owner and the manager."""
        form = await request.form() if request.method == "POST" else {}
        typed = {name: str(form.get(name, "")) for name in ("tier", "until_on", "reason", "undo")}
        request.state.form_names = ()  # one sentence above the form says it
        sentence = ""
        if request.method == "POST":
            try:
                return await self._changed(request, lambda session, customer: _set(session, customer, typed))
            except Refused as refused:
                sentence = str(refused)
        return await self._shown(request, typed | {"error": sentence})


class BenefitPage(OfHerTier):
    """A customer gets what her tier grants."""

    subject: ClassVar[str] = "customer_benefits"

    @expose("/desk/customers/{member_no}/benefit", methods=["POST"], identity="desk-customer-benefits")
    async def benefit(self, request: Request) -> Response:
        """A benefit of her tier was given, or was not after all. For whoever serves her."""
        form = await request.form()
        typed = {name: str(form.get(name, "")) for name in ("benefit", "use", "note", "undo")}
        request.state.form_names = ()
        try:
            return await self._changed(request, lambda session, customer: _used(session, customer, typed))
        except Refused as refused:
            return await self._shown(request, {"error": str(refused)})


def _set(session: Session, customer: Customer, typed: Mapping[str, str]) -> str:
    here, number = asking(), customer.id or 0
    staff_id = here.person.staff_id if here.person else None
    if typed["undo"] == "1":
        end_hold(session, number, policy=here.policy, now=here.now, zone=here.zone, staff_id=staff_id)
        return gettext(_ENDED)
    change = set_tier_by_hand(
        session,
        number,
        number_in(typed["tier"]),
        reason=typed["reason"],
        until_on=_day(typed["until_on"]),
        now=here.now,
        zone=here.zone,
        staff_id=staff_id,
    )
    session.flush()
    name = dict(tier_choices(session)).get(change.to_tier_id, "")
    return gettext(_SET).format(tier=name, day=change.until_on)


def _used(session: Session, customer: Customer, typed: Mapping[str, str]) -> str:
    here, number = asking(), customer.id or 0
    if typed["undo"] == "1":
        use_id = number_in(typed["use"])
        hers = select(BenefitUse.id).where(BenefitUse.id == use_id, BenefitUse.customer_id == number)
        if session.exec(hers).first() is None:
            raise NotFound
        return gettext(_BACK).format(name=_name(session, take_back_use(session, use_id, now=here.now).benefit_id))
    use = use_benefit(
        session,
        number,
        number_in(typed["benefit"]),
        now=here.now,
        zone=here.zone,
        note=typed["note"],
        staff_id=here.person.staff_id if here.person else None,
    )
    return gettext(_USED).format(name=_name(session, use.benefit_id))


def _name(session: Session, benefit_id: int) -> str:
    return session.exec(select(TierBenefit.name).where(col(TierBenefit.id) == benefit_id)).one()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
