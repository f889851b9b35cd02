"""Everything about one customer on one page: what the counter must know first, what to ask her, all that happened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.profiles import confirm_profile, decline_field
from app.actions.visits import hand_over
from app.admin_base.asking import asking, reach
from app.admin_base.desk import within_reach
from app.admin_base.events import told
from app.admin_base.hiding import sees
from app.admin_base.once import Answer
from app.admin_base.points_page import points_card
from app.admin_base.showing import readable, shown
from app.admin_base.tier_page import tier_section
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.models import (
    Complaint,
    Consent,
    ContactEvent,
    Customer,
    OutboundMessage,
    PointsEntry,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Staff,
    SurveyResponse,
    TierChange,
    Visit,
)
from app.queries import profiles
from app.queries.customers import customer_by_number
from app.queries.earning import occasion_points
from app.queries.merging import undoable_merges
from app.queries.timeline import Place, timeline
from app.queries.visits import beauticians
from app.rules.access import may, may_see
from app.rules.birthdays import age_on
from app.rules.completeness import prompts, read_declined, resting_fields
from app.rules.refusals import words
from app.vocabulary import CustomerStatus, EarningKind, Gender, TimelineKind

FACTS = (
    "gender", "birthday", "preferred_channel", "source", "store", "occupation", "income_band", "email", "address", "note",
)  # fmt: skip
_LIFE = (
    Visit, Purchase, PurchaseLine, PointsEntry, SkinRecord, SurveyResponse, Complaint, OutboundMessage, Consent, ContactEvent,
    TierChange,
)  # fmt: skip
_CONFIRMED = words("已记下：今天核对过，资料没有变化")
_UNCONFIRMED = words("已撤销今天的核对")
_DECLINED = words("记下了，这一项暂时不再问")
_HANDED_OVER = words("已交给 {name}，她现在能看到这位顾客的档案和过敏提示")
_ASKABLE = words("好的，下次可以再问")


@dataclass(frozen=True)
class Way:
    """A quick action: its word, icon and where it leads. `key` sets apart the one that is most wanted."""

    key: str
    icon: str
    href: str


class CustomerPage(BaseView):
    """One customer. In no menu: the search box and every list lead here."""

    subject: ClassVar[str] = "desk"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Never in the menu by itself."""
        return False

    @expose("/desk/customers/{member_no}", methods=["GET"], identity="desk-customer")
    async def customer(self, request: Request) -> Response:
        """Who she is and everything that happened. For whoever may see her, each part for whoever may read it."""
        found = await anyio.to_thread.run_sync(self._found, request.path_params["member_no"])
        if found.member_no != request.path_params["member_no"]:  # a number that was joined to hers
            return RedirectResponse(f"/desk/customers/{found.member_no}", 303)
        register = self._register()
        context = {
            **await anyio.to_thread.run_sync(self._read, found, request.query_params),
            "customer": found,
            "model_view": register,
            "facts": await self._facts(request, register, found),
            "deeds": register.deeds_on(request, found),
            "ways": self._ways(found),
        }
        return await self.templates.TemplateResponse(request, "desk/customer.html", context)

    @expose("/desk/customers/{member_no}/verified", methods=["POST"], identity="desk-customer")
    async def verified(self, request: Request) -> Response:
        """Her file is right as it stands, from today; or take that back. For whoever may change her record."""
        form = await request.form()
        undone, was = form.get("undo") == "1", _day(str(form.get("was", "")))

        def change(session: Session, customer: Customer) -> str:
            before = customer.verified_on
            here = asking()
            confirm_profile(session, customer.id or 0, was if undone else here.today, now=here.now)
            return "" if undone else f"?was={before.isoformat() if before else 'never'}"

        return await self._changed(request, change, gettext(_UNCONFIRMED if undone else _CONFIRMED))

    @expose("/desk/customers/{member_no}/declined", methods=["POST"], identity="desk-customer")
    async def declined(self, request: Request) -> Response:
        """She would rather not say, so nobody asks for a while; or she may be asked again. For whoever may change her
        record."""
        form = await request.form()
        field, undone = str(form.get("field", "")), form.get("undo") == "1"

        def change(session: Session, customer: Customer) -> str:
            here = asking()
            decline_field(
                session,
                customer.id or 0,
                field,
                None if undone else here.today,
                policy=here.policy,
                now=here.now,
                zone=here.zone,
                staff_id=here.person.staff_id if here.person else None,
            )
            return ""

        return await self._changed(request, change, gettext(_ASKABLE if undone else _DECLINED))

    @expose("/desk/customers/{member_no}/hand-over", methods=["POST"], identity="desk-customer")
    async def handed_over(self, request: Request) -> Response:
        """She goes to this beautician now, who sees from then on what she must know. For whoever may write down visits and
        works at the desk."""
        form, here = await request.form(), asking()
        if not may(_role(), "visits", "create"):
            raise HTTPException(403)

        def look() -> dict[str, tuple[int, str]]:
            with self._admin_ref.database.reading() as session:
                return {str(number): (number, name) for number, name in self._hands(session)}

        hands = await anyio.to_thread.run_sync(look)
        staff_id, name = hands.get(str(form.get("staff", "")), (0, ""))

        def change(session: Session, customer: Customer) -> str:
            store_id = here.person.store_id if here.person else None
            hand_over(session, customer.id or 0, staff_id, now=here.now, zone=here.zone, store_id=store_id)
            return ""

        return await self._changed(request, change, gettext(_HANDED_OVER).format(name=name))

    def _hands(self, session: Session) -> tuple[tuple[int, str], ...]:
        """Whom the person may hand her over to."""
        person = asking().person
        is_at_desk = may(_role(), "desk", "do") and may(_role(), "visits", "create")
        return beauticians(session, person.store_id, reach(Staff)) if person and is_at_desk else ()

    async def _changed(self, request: Request, change: Callable[[Session, Customer], str], said: str) -> Response:
        number = request.path_params["member_no"]

        def work(session: Session) -> Answer:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            query = change(session, customer)
            return Answer(f"/desk/customers/{customer.member_no}{query}", said)

        try:
            return (await write(request, self._admin_ref.database, work)).lead(request)
        except Refused as refusal:
            raise HTTPException(422, str(refusal)) from None

    def _found(self, number: str) -> Customer:
        with self._admin_ref.database.reading() as session:
            customer = customer_by_number(session, number, within=reach(Customer))
            if customer is None:
                raise HTTPException(404)
            session.refresh(customer, ("tier", "store"))  # named on the page, when nothing can be loaded any more
        return customer

    def _register(self) -> Any:
        return next(view for view in self._admin_ref.views if view.is_model and view.model is Customer)

    async def _facts(self, request: Request, register: Any, customer: Customer) -> list[tuple[str, Any]]:
        """What is filled in of what this reader sees, as the register shows it."""
        facts = []
        for name in FACTS:
            value, looks = (
                await register.get_detail_value(customer, name, request) if register.shows(name) else (None, "")
            )
            if value not in (None, "", Gender.UNKNOWN):
                facts.append((register._column_labels.get(name, name), looks))
        return facts

    def _read(self, customer: Customer, query: QueryParams) -> dict[str, Any]:
        here, number = asking(), customer.id or 0
        with self._admin_ref.database.reading() as session:
            return {
                "warnings": _warnings(customer),
                "age": age_on(customer.birthday, customer.birthday_calendar, here.today)
                if sees(_role(), Customer, "birthday")
                else None,
                "tags": profiles.tags_of(session, number),
                "points": points_card(session, number),
                "tier": tier_section(session, customer),
                "skin": self._skin(session, number),
                "referred_by": profiles.referred_by(session, customer, reach(Customer)),
                "referred": profiles.referred(session, customer, reach(Customer)),
                **self._standing(session, number),
                **self._asking(session, customer),
                **self._life(session, number, query),
                "was": query.get("was", ""),
                "hands": self._hands(session),
                "is_usable": customer.status is CustomerStatus.ACTIVE,
                "can_change": may(_role(), "desk", "do"),
                "history": f"/admin/journal?customer={number}" if may(_role(), "journal", "view") else "",
                "merges": undoable_merges(session, number, now=here.now)
                if may(_role(), "customer_merges", "undo")
                else (),
            }

    def _standing(self, session: Session, number: int) -> dict[str, Any]:
        """How things are with her now, of what this reader may list."""
        tables = within_reach((Visit, Complaint, Consent))
        return {
            "last_visit_at": profiles.last_visit_at(session, number, tables[Visit]) if Visit in tables else None,
            "open_cases": profiles.open_cases(session, number, tables[Complaint]) if Complaint in tables else 0,
            "agreed": profiles.agreed(session, number, tables[Consent]) if Consent in tables else None,
        }

    def _skin(self, session: Session, number: int) -> list[dict[str, Any]]:
        if not may(_role(), "skin_records", "list"):
            return []
        names = ("skin_type", "is_sensitive", "concerns")
        return [
            {"seen_on": one.seen_on, "staff": one.staff, **{name: _legible(one, name) for name in names}}
            for one in profiles.skin_records(session, number, reach(SkinRecord))
        ]

    def _asking(self, session: Session, customer: Customer) -> dict[str, Any]:
        """How far the file is and what to ask next, for whoever may write it down."""
        here = asking()
        if not may(_role(), "desk", "do"):
            return {"completeness": None, "prompts": (), "resting": (), "gift": None}
        measured = profiles.completeness(session, customer, today=here.today, policy=here.policy)
        declined = read_declined(customer.declined_fields)
        resting = resting_fields(declined, today=here.today, ask_again_days=here.policy.ask_again_days)
        return {
            "completeness": measured,
            "prompts": prompts(measured, asks_health=may(_role(), "health", "edit")),
            "resting": sorted(resting),
            "gift": profiles.profile_gift(session, customer.id or 0),
            "gift_points": occasion_points(session, EarningKind.PROFILE, here.now),
        }

    def _life(self, session: Session, number: int, query: QueryParams) -> dict[str, Any]:
        tables = within_reach(_LIFE)
        if not may_see(_role(), "survey_responses", "customer_id"):  # whose answers they are is hidden from her
            tables.pop(SurveyResponse, None)
        kind = query.get("kind", "")
        kinds = (TimelineKind(kind),) if kind in set(TimelineKind) else tuple(TimelineKind)
        page = timeline(
            session,
            number,
            within=tables,
            zone=asking().zone,
            kinds=kinds,
            after=Place.read(query.get("after", "")),
        )
        return {
            "events": [told(event) for event in page.events],
            "kind": kind,
            "kinds": [one for one in TimelineKind if _readable_kind(one, tables)],
            "older": str(page.older) if page.older else "",
            "is_older": bool(query.get("after")),
        }

    def _ways(self, customer: Customer) -> tuple[Way, ...]:
        """What is done most with a customer before one, for whoever may."""
        number = customer.id
        offers = (
            ("visits", "create", Way("visit", "fa-door-open", f"/admin/visit/create?customer={number}")),
            ("counter_sales", "do", Way("sale", "fa-cash-register", f"/desk/customers/{customer.member_no}/sale")),
            ("points_counter", "do", Way("redeem", "fa-gift", f"/desk/customers/{customer.member_no}/redeem")),
            ("customer_points", "view", Way("points", "fa-coins", f"/desk/customers/{customer.member_no}/points")),
            ("complaints", "create", Way("complaint", "fa-comment-dots", f"/admin/complaint/create?customer={number}")),
            ("customers", "edit", Way("edit", "fa-pen", f"/admin/customer/edit/{number}")),
            ("consents", "create", Way("consent", "fa-file-signature", f"/admin/consent/of/{number}")),
            ("photos", "list", Way("photos", "fa-camera", f"/desk/photos?customer={customer.member_no}")),
            ("own_pages", "do", Way("own", "fa-mobile-screen", f"/desk/customers/{customer.member_no}/own-page")),
            ("merges", "do", Way("merge", "fa-code-merge", f"/desk/merge?a={customer.member_no}")),
        )
        return tuple(way for subject, action, way in offers if may(_role(), subject, action))


def _role() -> Any:
    person = asking().person
    assert person is not None, "a page of the back office without a person"
    return person.role


def _legible(record: Any, name: str) -> Any:
    value = getattr(record, name)
    return shown(readable(record, name, value), name) if may(_role(), "health", "details") else ""


def _warnings(customer: Customer) -> list[dict[str, str]]:
    """What must be known before anything is done to her skin: the words for whoever may read them, for everybody else that
    there are some. Source: S4 「關注客戶健康和美麗」."""
    may_read = may(_role(), "health", "details")
    found = [(name, getattr(customer, name)) for name in ("allergy_note", "health_note")]
    return [
        {"kind": name, "text": str(readable(customer, name, value)) if may_read else ""}
        for name, value in found
        if value
    ]


def _readable_kind(kind: TimelineKind, tables: dict[Any, Any]) -> bool:
    from_tables = {
        TimelineKind.VISIT: Visit, TimelineKind.PURCHASE: Purchase, TimelineKind.POINTS: PointsEntry,
        TimelineKind.SKIN: SkinRecord, TimelineKind.SURVEY: SurveyResponse, TimelineKind.COMPLAINT: Complaint,
        TimelineKind.MESSAGE: OutboundMessage, TimelineKind.CONSENT: Consent, TimelineKind.CONTACT: ContactEvent,
        TimelineKind.TIER: TierChange,
    }  # fmt: skip
    return from_tables[kind] in tables


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
