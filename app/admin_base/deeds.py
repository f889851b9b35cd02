"""What can be done to a record beyond editing it: each deed a small form on the record's page."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqladmin.application import expose
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from wtforms import Form, StringField

from app.admin_base.asking import asking
from app.admin_base.merging import FIELD, Marks
from app.admin_base.once import Answer
from app.admin_base.showing import Deed, name_of
from app.admin_base.writing import Refused, prepare, supplied, write
from app.db import Database
from app.i18n import gettext
from app.rules.access import may
from app.rules.refusals import RuleBroken, words

_CHECK = words("还没有保存，请看下面标出的地方。")


class DeedOvertaken(RuleBroken):
    """Somebody else has just done the same to this record."""

    code = "deed_overtaken"
    message = words("刚才别人也做过这一步，所以还没有按您的来。请先和同事对一下；确实要再做，就再点一次。")
    status = 409


class DoesDeeds:
    """A register whose records something can be done to. Mixed into `ShopView`, which has what it asks for."""

    deeds: ClassVar[Sequence[Deed]] = ()

    name: ClassVar[Any]
    identity: ClassVar[str]
    templates: Any
    database: ClassVar[Database]
    _admin_ref: ClassVar[Any]
    get_object_for_details: Any
    address_of: Any
    _loaded: Any

    @expose("/do/{deed}/{pk}", methods=["GET", "POST"])
    async def do_deed(self, request: Request) -> Response:
        """Do something to a record and show it again. For whoever the permission table allows this deed. A refused one
        leaves its address in the browser: asked for again, it leads to the record."""
        deed = next((one for one in self.deeds if one.name == request.path_params["deed"]), None)
        if deed is None:
            raise HTTPException(404)
        if not may_do_deed(deed):
            raise HTTPException(403)
        if request.method == "GET":
            return RedirectResponse(f"/admin/{self.identity}/details/{request.path_params['pk']}", 303)
        form = deed.form(await request.form())
        row = await self.get_object_for_details(request)
        if row is None:
            return await self._admin_ref.gone(request, self, form)
        try:
            answer = await self._do(request, deed, form, row)
        except Refused as refusal:
            return await self._shown_again(request, deed, form, str(refusal))
        if deed.answer:
            return await self._shown_once(request, deed, row, answer)
        return answer.lead(request)

    async def _do(self, request: Request, deed: Deed, form: Form, row: Any) -> Answer:
        request.state.form_names = tuple(deed.fields)
        if not form.validate():
            raise Refused(gettext(_CHECK))
        typed = {name: form[name].data for name in deed.fields}
        typed |= {name: "" for name in typed if typed[name] is None and isinstance(form[name], StringField)}
        if deed.before is not None:
            typed = await prepare(request, deed.before, typed, row)
        pk, marks = request.path_params["pk"], str((await request.form()).get(FIELD, ""))

        def work(session: Session) -> Answer:
            row = self._loaded(session, pk)  # as it stands now, not when the page asked
            if marks and any(not Marks.read(place_of(row), marks).fits(*one) for one in overwritten(deed, row).items()):
                raise DeedOvertaken
            if not deed.when(row):
                raise RuleBroken
            given = deed.action(session, row.id, **typed, **supplied(deed.action, 2))
            back = self.address_of(row)
            return Answer(back, given=str(given)) if deed.answer else Answer(back, str(deed.done))

        return await write(request, self.database, work)

    async def _shown_once(self, request: Request, deed: Deed, row: Any, answer: Answer) -> Response:
        # A redirect or a message would put what was given into an address or a cookie.
        context = {
            "deed": deed,
            "given": answer.given,
            "title": name_of(row, str(self.name)),
            "back": answer.location,
        }
        page = await self.templates.TemplateResponse(request, deed.answer, context)
        page.headers["Cache-Control"] = "no-store"
        return page

    async def _shown_again(self, request: Request, deed: Deed, form: Form, sentence: str) -> Response:
        for name, sentences in getattr(request.state, "field_errors", {}).items():
            form[name].errors = [*form[name].errors, *sentences]
        request.state.typed_deed = {deed.name: form}
        request.state.deed_refused = sentence
        request.state.loaded = {}  # the record may be another by now: that may be why
        request.path_params["identity"] = self.identity
        answer = await self._admin_ref.details(request)
        answer.status_code = getattr(request.state, "refused_status", 422)
        return answer

    def deeds_on(self, request: Request, row: Any) -> list[dict[str, Any]]:
        """The deeds this person may do to the record as it stands, each with its form: empty, or as it was typed."""
        typed = getattr(request.state, "typed_deed", {})
        return [
            {
                "deed": deed,
                "form": typed.get(deed.name) or deed.form(),
                "is_open": deed.name in typed,
                "opened": str(Marks.of(place_of(row), overwritten(deed, row))) if deed.overwrites else "",
            }
            for deed in self.deeds
            if may_do_deed(deed) and (deed.when(row) or deed.name in typed)
        ]


def may_do_deed(deed: Deed) -> bool:
    """Whether the person may do it to any record at all."""
    person = asking().person
    return person is not None and may(person.role, *deed.needs)


def place_of(row: Any) -> str:
    """Which record a form is about."""
    return f"{row.__tablename__}:{row.id}"


def overwritten(deed: Deed, row: Any) -> dict[str, Any]:
    """What a deed replaces, as it stands."""
    return {name: getattr(row, name) for name in deed.overwrites}
