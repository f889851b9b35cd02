"""The address of a customer's own page: made, shown as a code she scans, replaced, taken back."""

from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.own_pages import hand_out_own_page, take_back_own_page
from app.admin_base.asking import asking, reach
from app.admin_base.once import Answer
from app.admin_base.writing import Refused, write
from app.columns import opened
from app.gateways import qr
from app.i18n import gettext
from app.models import Customer
from app.queries.customers import customer_by_number
from app.queries.own_page import holder_of
from app.queries.tokens import standing_token_of
from app.rules.own_page import Asked
from app.rules.refusals import words
from app.vocabulary import TokenPurpose

_MADE = words("链接做好了，请她扫这个码")
_ANEW = words("换了新链接，以前的都打不开了")
_TAKEN = words("已收回，以前的链接都打不开了")


class OwnPageHanding(BaseView):
    """Hand out a customer's own page. In no menu: her page at the desk leads here."""

    subject: ClassVar[str] = "own_pages"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    def is_visible(self, request: Request) -> bool:
        """Never in the menu by itself."""
        return False

    @expose("/desk/customers/{member_no}/own-page", methods=["GET", "POST"], identity="own-page")
    async def own_page(self, request: Request) -> Response:
        """The code and the address; make them, replace them, take them back. For whoever may change her record."""
        number, sentence = request.path_params["member_no"], ""
        if request.method == "POST":
            deed = str((await request.form()).get("deed", ""))
            try:
                return (await self._do(request, number, deed)).lead(request)
            except Refused as refusal:
                sentence = str(refusal)
        context = await anyio.to_thread.run_sync(self._read, number)
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(
            request, "desk/own_page.html", context | {"error": sentence}, status_code=status
        )

    async def _do(self, request: Request, number: str, deed: str) -> Answer:
        if deed not in {"make", "anew", "revoke"}:
            raise HTTPException(422)
        here = asking()

        def work(session: Session) -> Answer:
            customer = _seen(session, number)
            if deed == "revoke":
                take_back_own_page(session, customer.id or 0, now=here.now)
            else:
                hand_out_own_page(session, customer.id or 0, anew=deed == "anew", now=here.now)
            said = {"make": _MADE, "anew": _ANEW, "revoke": _TAKEN}[deed]
            return Answer(f"/desk/customers/{customer.member_no}/own-page", gettext(said))

        return await write(request, self._admin_ref.database, work)

    def _read(self, number: str) -> dict[str, Any]:
        now = asking().now
        with self._admin_ref.database.reading() as session:
            customer = _seen(session, number)
            row = standing_token_of(session, TokenPurpose.MEMBER, customer.id or 0, now)
            token = opened(row.token) or "" if row else ""
            holder = holder_of(session, token, now) if row else None
        settings = self._admin_ref.settings
        address = f"{settings.base_url}/me/{token}" if token else ""
        has_digits = bool(customer.phone_last4)
        has_day = bool(customer.birth_month and customer.birth_day)
        return {
            "customer": customer,
            "address": address,
            "code": qr.png_address(address) if address else "",
            "since": row.created_at if row else None,
            "asked": Asked.LAST4 if has_digits else Asked.BIRTHDAY if has_day else Asked.NOTHING_KNOWN,
            "is_usable": holder is not None or not token,
            "is_local": not settings.public_url,
        }


def _seen(session: Session, number: str) -> Customer:
    customer = customer_by_number(session, number, within=reach(Customer))
    if customer is None:
        raise HTTPException(404)
    return customer
