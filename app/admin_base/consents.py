"""Consents where staff meet them: everything a customer agreed to on one page, changed by a tap; and a plain word where
somebody writes a health note nobody was asked about. Care comes first: it is said, not forbidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin.application import expose
from sqlalchemy import inspect as mapped
from sqlalchemy.orm import object_session
from sqlmodel import Session, select
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.consents import grant_many, withdraw
from app.admin_base.asking import asking, within_scope
from app.admin_base.once import Answer
from app.admin_base.showing import Deed, is_health
from app.admin_base.writing import LARGEST_ID, Refused, write
from app.db import Database
from app.i18n import gettext, later
from app.labels import word_of
from app.models import Consent, Customer
from app.queries.consents import FullReceipt, current_register, receipts_of, standing_of
from app.rules.access import may
from app.rules.consents import REASONS, SENSITIVE, Register, Standing, may_use, ways
from app.rules.refusals import NotFound, words
from app.vocabulary import Channel, Purpose, VisitOutcome

AGREED = "agreed"
"""The deed by which whoever writes a health note says that she agreed."""
HOWS = (later("当面"), later("柜台签字"), later("电话"), later("微信"), later("短信"), later("书面"))
"""How a yes or a no reached the shop."""
_GIVEN = words("已记下她同意：{what}")
_UNASKED = words("。还没有她对皮肤与健康记录的同意，请当面问一声")
_ENDED = words("已撤回，即时生效：{what}")


@dataclass(frozen=True)
class Cell:
    """One purpose over one channel: whether it may be used and why, and the button that changes it."""

    value: str
    channel: str
    may: bool
    reason: str
    is_in_all: bool
    granted_at: datetime | None
    can_grant: bool
    can_withdraw: bool


@dataclass(frozen=True)
class Line:
    """One purpose of the matrix, as the customer reads it."""

    purpose: Purpose
    wording: str
    is_sensitive: bool
    cells: tuple[Cell, ...]


class TakesConsents:
    """The register of receipts, with a page for one customer and a page for one receipt."""

    templates: Any
    database: ClassVar[Database]
    identity: ClassVar[str]
    get_object_for_details: Any
    _admin_ref: ClassVar[Any]

    @expose("/of/{pk}", methods=["GET", "POST"])
    async def of_customer(self, request: Request) -> Response:
        """What one customer agreed to, purpose by channel. Read: owner, manager, reception, auditor. Change: whoever may
        write consents."""
        number = _number(request.path_params["pk"])
        sentence = ""
        if request.method == "POST":
            try:
                return (await self._said(request, number, await request.form())).lead(request)
            except Refused as refusal:
                sentence = str(refusal) or _beside(request)
        context = await anyio.to_thread.run_sync(self._matrix, number)
        status = getattr(request.state, "refused_status", 409) if request.method == "POST" else 200
        person = asking().person
        context |= {"error": sentence, "hows": HOWS, "can_say": person and may(person.role, "consents", "create")}
        return await self.templates.TemplateResponse(request, "consents/customer.html", context, status_code=status)

    @expose("/receipt/{pk}", methods=["GET"])
    async def receipt(self, request: Request) -> Response:
        """One receipt on a sheet of paper, to show or to print. For whoever may read consents."""
        row = await self.get_object_for_details(request)
        if row is None:
            raise HTTPException(404)
        context = await anyio.to_thread.run_sync(self._receipt, row)
        return await self.templates.TemplateResponse(request, "consents/receipt.html", context)

    async def _said(self, request: Request, number: int, form: FormData) -> Answer:
        deed, _, value = str(form.get("say", "")).partition(":")
        wish = _wish(value)
        if wish is None or deed not in {"yes", "no"}:
            raise HTTPException(422)
        request.state.form_names = ()
        here, how = asking(), str(form.get("how", ""))
        staff_id = here.person.staff_id if here.person else None

        def work(session: Session) -> Answer:
            _seen(session, number)
            if deed == "yes":
                grant_many(session, number, [wish], how=how, policy=here.policy, now=here.now, staff_id=staff_id)
            else:
                withdraw(session, number, *wish, how=how, now=here.now, staff_id=staff_id)
            said = gettext(_GIVEN if deed == "yes" else _ENDED)
            return Answer(f"/admin/{self.identity}/of/{number}", said.format(what=_called(*wish)))

        return await write(request, self.database, work)

    def _matrix(self, number: int) -> dict[str, Any]:
        with self.database.reading() as session:
            customer = _seen(session, number)
            register = current_register(session)
            standing = standing_of(session, number, today=asking().today)
            receipts = receipts_of(session, number)
        return {
            "customer": customer,
            "is_child": standing.is_child,
            "lines": [_line(purpose, standing, register, receipts) for purpose in _order(standing)],
            "receipts": receipts,
        }

    def _receipt(self, row: Consent) -> dict[str, Any]:
        with self.database.reading() as session:
            customer = _seen(session, row.customer_id)
            found = next(one for one in receipts_of(session, row.customer_id) if one.id == row.id)
            terms = current_register(session).of(row.purpose)
        policy = asking().policy
        is_current = found.notice_version == policy.notice_version
        return {"customer": customer, "receipt": found, "terms": terms, "policy": policy, "is_current": is_current}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID):
        raise HTTPException(404)
    return int(text)


def _seen(session: Session, number: int) -> Customer:
    """The customer, if she is this person's to see. Raises NotFound."""
    customer: Customer | None = session.scalars(
        within_scope(select(Customer).where(Customer.id == number), Customer)
    ).first()
    if customer is None:
        raise HTTPException(404, NotFound().say(gettext))
    return customer


def _wish(value: str) -> tuple[Purpose, Channel | None] | None:
    purpose, _, channel = value.partition(".")
    if purpose not in set(Purpose) or channel not in {*Channel, ""}:
        return None
    wish = Purpose(purpose), Channel(channel) if channel else None
    return wish if wish[1] is None or wish[1] in ways(wish[0]) else None


def _called(purpose: Purpose, channel: Channel | None) -> str:
    return f"{word_of(purpose)} · {word_of(channel)}" if channel else word_of(purpose)


def _beside(request: Request) -> str:
    told = getattr(request.state, "field_errors", {})
    return next((sentence for sentences in told.values() for sentence in sentences), "")


def _order(standing: Standing) -> Sequence[Purpose]:
    """The guardian first where there must be one; not at all where there need not."""
    needs_one = standing.is_child or standing.agreed(Purpose.GUARDIAN)
    others = [purpose for purpose in Purpose if purpose is not Purpose.GUARDIAN]
    return [Purpose.GUARDIAN, *others] if needs_one else others


def _line(purpose: Purpose, standing: Standing, register: Register, receipts: Sequence[FullReceipt]) -> Line:
    cells = tuple(_cell(purpose, channel, standing, register, receipts) for channel in ways(purpose))
    return Line(purpose, register.of(purpose).wording, purpose in SENSITIVE, cells)


def _cell(
    purpose: Purpose,
    channel: Channel | None,
    standing: Standing,
    register: Register,
    receipts: Sequence[FullReceipt],
) -> Cell:
    verdict = may_use(purpose, channel, standing, register)
    told = [
        one for one in receipts if one.purpose is purpose and one.channel in {channel, None} and not one.withdrawn_at
    ]
    return Cell(
        value=f"{purpose}.{channel}" if channel else str(purpose),
        channel=word_of(channel),
        may=verdict.may,
        reason=REASONS[verdict.reason],
        is_in_all=bool(channel and told and told[0].channel is None),
        granted_at=told[0].granted_at if told else None,
        can_grant=not told,
        can_withdraw=bool(told),
    )


class AsksForConsent:
    """A register of records with health notes: a note nobody agreed to is said, with one tap for «she agreed»; and the
    way to her consents stands on the record's page."""

    model: ClassVar[Any]
    database: ClassVar[Database]
    get_object_for_details: Any
    address_of: Any

    async def details_context(self, request: Request) -> dict[str, Any]:
        """The record's page, with what was not asked at its head."""
        context: dict[str, Any] = await super().details_context(request)  # type: ignore[misc]  # of the view it is mixed into
        row, person = await self.get_object_for_details(request), asking().person
        if row is None:
            return context
        context["is_health_unasked"] = any(one["deed"].name == AGREED for one in context["deeds"])
        context["deeds"] = [one for one in context["deeds"] if one["deed"].name != AGREED]
        if person is not None and may(person.role, "consents", "list"):
            context["consents"] = f"/admin/consent/of/{_customer_of(row)}"
        return context

    def deeds_on(self, request: Request, row: Any) -> list[dict[str, Any]]:
        """«She agreed» is offered only where somebody has still to ask."""
        deeds: list[dict[str, Any]] = super().deeds_on(request, row)  # type: ignore[misc]  # of the view it is mixed into
        if any(one["deed"].name == AGREED for one in deeds):
            with self.database.reading() as session:
                is_unasked = _is_unasked(session, row)
            deeds = [one for one in deeds if is_unasked or one["deed"].name != AGREED]
        return deeds

    def _saved(self, request: Request, form: FormData, row: Any) -> Answer:
        """After saving a note nobody was asked about: to the page where one tap says that she agreed."""
        answer: Answer = super()._saved(request, form, row)  # type: ignore[misc]  # of the view it is mixed into
        session, person = object_session(row), asking().person
        may_say = person is not None and may(person.role, "health", "edit")
        if not may_say or session is None or not _is_unasked(session, row):
            return answer
        return Answer(self.address_of(row), f"{answer.said}{gettext(_UNASKED)}")


def _is_unasked(session: Any, row: Any) -> bool:
    """Whether something of her health stands there that nobody asked her about."""
    number = _customer_of(row)
    if number is None or not _has_health(row):
        return False
    return not standing_of(session, number, today=asking().today).agreed(Purpose.HEALTH_RECORD)


def agreed_deed(action: Any) -> Deed:
    """«She agreed, face to face»: offered where a health note stands that nobody was asked about."""
    return Deed(
        AGREED,
        later("她当面同意了"),
        action,
        ("health", "edit"),
        done=later("已记下：她同意保存皮肤与健康记录"),
        hint=later("这里记了皮肤或健康信息，但还没有她的同意。这是敏感信息，要单独问一声再留着；护理照做不误。"),
    )


def _customer_of(row: Any) -> int | None:
    number: int | None = row.id if isinstance(row, Customer) else row.customer_id
    return number


def _has_health(row: Any) -> bool:
    """Whether anything of her health stands in it."""
    columns = [one.key for one in mapped(type(row)).column_attrs if is_health(type(row), one.key)]
    return any(_is_told(getattr(row, key)) for key in columns)


def _is_told(value: Any) -> bool:
    return bool(value) and value != VisitOutcome.UNKNOWN
