"""Changes of points that wait for a second person, and who gave and took how much by hand."""

import time
from datetime import date
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session, select
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.adjustments import approve, refuse
from app.admin_base.asking import asking, reach
from app.admin_base.once import Answer
from app.admin_base.points_page import number
from app.admin_base.showing import readable
from app.admin_base.sign_in import knows_password
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.models import PointsRequest, Staff
from app.queries.adjustments import count_waiting, hand_totals, has_second_person, requests
from app.queries.points import balance_of
from app.rules.access import may
from app.rules.days import months_after
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import RequestState

_APPROVED = words("已同意，{name} {points} 分，现在有 {balance} 分")
_REFUSED = words("没有同意，{name} 的积分没有变")
_MENU_SECONDS = 15.0
_MOST_IN_MENU = 100
_MONTHS_BACK = 12


class ApprovalsPage(BaseView):
    """What somebody asked for and a second person decides."""

    subject: ClassVar[str] = "approvals"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[int | None, tuple[float, int]] = {}

    def badge(self, request: Request) -> str:
        """How many wait, for the menu of whoever may decide; counted now and then."""
        person = asking().person
        if person is None or not may(person.role, self.subject, "do"):
            return ""
        at, n = self._counted.get(person.store_id, (0.0, 0))
        if time.monotonic() - at > _MENU_SECONDS:
            with self._admin_ref.database.reading() as session:
                n = count_waiting(session, within=reach(PointsRequest), most=_MOST_IN_MENU)
            self._counted[person.store_id] = (time.monotonic(), n)
        return f"{_MOST_IN_MENU - 1}+" if n >= _MOST_IN_MENU else str(n) if n else ""

    @expose("/desk/points-requests", methods=["GET", "POST"], identity="desk-points-requests")
    async def approvals(self, request: Request) -> Response:
        """Look: owner, manager, auditor. Say yes or no to what somebody else asked: owner, manager."""
        sentence = ""
        if request.method == "POST":
            try:
                return await self._decided(request)
            except Refused as refusal:
                sentence = str(refusal)
        context = {
            **await anyio.to_thread.run_sync(self._read, number(request.query_params.get("before", ""))),
            "error": sentence
            or " ".join(" ".join(said) for said in getattr(request.state, "field_errors", {}).values()),
        }
        status = getattr(request.state, "refused_status", 409) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "desk/points_requests.html", context, status_code=status)

    async def _decided(self, request: Request) -> Response:
        form = await request.form()
        request_id, say = number(str(form.get("request", ""))) or 0, str(form.get("say", ""))
        if say not in {RequestState.APPROVED, RequestState.REFUSED}:
            raise HTTPException(404)
        is_known = await self._knows_password(request, form)

        def work(session: Session) -> Answer:
            here = asking()
            of_hers = select(PointsRequest).where(PointsRequest.id == request_id, reach(PointsRequest))
            asked = session.exec(of_hers).first()
            if asked is None:
                raise NotFound
            name, who = asked.customer.name, here.actor.staff_id or 0
            if say == RequestState.REFUSED:
                refuse(session, request_id, now=here.now, staff_id=who)
                return Answer("/desk/points-requests", gettext(_REFUSED).format(name=name))
            entry = approve(session, request_id, now=here.now, zone=here.zone, staff_id=who, knows_password=is_known)
            told = {"name": name, "points": f"{entry.points:+,}", "balance": f"{entry.balance_after:,}"}
            return Answer("/desk/points-requests", gettext(_APPROVED).format(**told))

        answer = await write(request, self._admin_ref.database, work)
        self._counted.clear()
        return answer.lead(request)

    async def _knows_password(self, request: Request, form: FormData) -> bool:
        """Whether whoever asked herself typed her password. Raises Refused after too many tries."""
        password, here = str(form.get("password", "")), asking()
        if not password or here.person is None:
            return False
        ip = request.client.host if request.client else ""
        database = self._admin_ref.database

        def known() -> bool:
            with database.reading() as session:
                me = session.get_one(Staff, here.person.staff_id) if here.person else None
            return me is not None and knows_password(database, me.login, password, ip, now=here.now)

        try:
            return await anyio.to_thread.run_sync(known)
        except RuleBroken as refusal:
            request.state.refused_status = refusal.status
            raise Refused(refusal.say(gettext)) from None

    def _read(self, before_id: int | None) -> dict[str, Any]:
        person, within = asking().person, reach(PointsRequest)
        can_decide = person is not None and may(person.role, self.subject, "do")
        with self._admin_ref.database.reading() as session:
            waiting = requests(session, is_waiting=True, within=within)
            balances = {one.customer_id: balance_of(session, one.customer_id) for one in waiting}
            decided = requests(session, is_waiting=False, within=within, before_id=before_id)
            staff_id = person.staff_id if person else None
            alone = {one.id for one in waiting if one.staff_id == staff_id and not has_second_person(session, one)}
        return {
            "waiting": [
                {
                    "row": one,
                    "note": readable(one, "note", one.note),
                    "before": balances[one.customer_id],
                    "after": balances[one.customer_id] + one.points,
                    "is_own": one.staff_id == staff_id,
                    "is_alone": one.id in alone,
                    "is_over": one.expires_on is not None and one.expires_on < asking().today,
                }
                for one in waiting
            ],
            "decided": [{"row": one, "note": readable(one, "note", one.note)} for one in decided],
            "can_decide": can_decide,
            "limit": asking().policy.points_approval_from,
            "sees_totals": person is not None and may(person.role, "hand_totals", "view"),
        }


class HandTotalsPage(BaseView):
    """Who gave and took how many points by hand, month by month. The approvals lead here."""

    subject: ClassVar[str] = "hand_totals"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """The page of the approvals leads here."""
        return False

    @expose("/desk/points-totals", methods=["GET"], identity="desk-points-totals")
    async def totals(self, request: Request) -> Response:
        """The totals of a month. For owner and auditor."""
        this_month = asking().today.replace(day=1)
        months = [months_after(this_month, -back) for back in range(_MONTHS_BACK)]
        wanted = request.query_params.get("month", "")
        first = next((one for one in months if f"{one:%Y-%m}" == wanted), this_month)
        rows = await anyio.to_thread.run_sync(self._read, first)
        context = {"rows": rows, "first": first, "months": months, "this_month": this_month}
        return await self.templates.TemplateResponse(request, "desk/points_totals.html", context)

    def _read(self, first: date) -> Any:
        last = date.fromordinal(months_after(first, 1).toordinal() - 1)
        with self._admin_ref.database.reading() as session:
            return hand_totals(session, first, last, asking().zone)
