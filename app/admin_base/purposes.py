"""The purpose register: what each consent is for, in the words the customer reads, and how many agreed."""

from collections.abc import Mapping
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.consents import change_purpose
from app.actions.policy import lock_policy
from app.admin_base.asking import asking, reach
from app.admin_base.clashes import Clash, Clashes, put_together
from app.admin_base.merging import FIELD, Marks
from app.admin_base.once import Answer
from app.admin_base.writing import Refused, write
from app.i18n import gettext
from app.labels import word_of
from app.models import Consent
from app.queries.consents import agreed_counts, current_register
from app.rules.access import may
from app.rules.consents import LIMITS, OWNERS_CHOICE, SENSITIVE, Register, Terms, may_be_offered, ways
from app.rules.refusals import words
from app.vocabulary import Channel, Purpose

_SAVED = words("“{name}”已保存，登记页和隐私说明马上按新的写")
_CHECK = words("还没有保存，请看下面标出的地方。")
_LABELS = {
    "wording": words("用来做什么"),
    "uses": words("用到哪些信息"),
    "kept": words("保存多久"),
    "needs_consent": words("要先同意"),
    "is_offered": words("在扫码登记页上问"),
}


class PurposesPage(BaseView):
    """Every purpose with its words and its numbers; the owner rewrites them here."""

    subject: ClassVar[str] = "purposes"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    @expose("/purposes", methods=["GET", "POST"], identity="purposes")
    async def purposes(self, request: Request) -> Response:
        """Read: whoever works with customers or messages, and the auditor. Change: the owner."""
        person = asking().person
        can_save = person is not None and may(person.role, self.subject, "do")
        form, errors, sentence = FormData(), {}, ""
        if request.method == "POST":
            if not can_save:
                raise HTTPException(403)
            form = await request.form()
            try:
                return (await self._save(request, form)).lead(request)
            except Refused as refused:
                told = getattr(request.state, "field_errors", {})
                errors = {name: sentences[0] for name, sentences in told.items()}
                sentence = str(refused) or gettext(_CHECK)
        register, counts = await anyio.to_thread.run_sync(self._read)
        context = {
            "lines": [_line(one, register, counts, form, errors) for one in Purpose],
            "opened_purpose": str(form.get("purpose", request.query_params.get("purpose", ""))),
            "version": str(form.get("notice_version", asking().policy.notice_version)),
            "policy": asking().policy,
            "marks": {str(one): self._marks(request, form, one, register) for one in Purpose},
            "labels": _LABELS,
            "limits": LIMITS,
            "errors": errors,
            "error": sentence,
            "can_save": can_save,
            "counts_people": person is not None and may(person.role, "consents", "list"),
        }
        status = getattr(request.state, "refused_status", 422) if request.method == "POST" else 200
        return await self.templates.TemplateResponse(request, "purposes/page.html", context, status_code=status)

    async def _save(self, request: Request, form: FormData) -> Answer:
        name = str(form.get("purpose", ""))
        if name not in set(Purpose):
            raise HTTPException(422)
        purpose, here = Purpose(name), asking()
        typed = {key: str(form.get(key, "")) for key in LIMITS}
        typed |= {key: bool(form.get(key)) for key in ("needs_consent", "is_offered")}  # type: ignore[misc]
        request.state.form_names = (*typed, "notice_version")
        staff_id = here.person.staff_id if here.person else None

        def work(session: Session) -> Answer:
            lock_policy(session)
            before = current_register(session).of(purpose)
            if purpose not in OWNERS_CHOICE:  # no such box on the page
                typed["needs_consent"] = before.needs_consent  # type: ignore[assignment]
            if not may_be_offered(purpose, before) and purpose not in OWNERS_CHOICE:
                typed["is_offered"] = before.is_offered  # type: ignore[assignment]
            now = vars(before)

            def tell(clashing: tuple[str, ...], kept: tuple[str, ...]) -> Clashes:
                asked = (
                    Clash(one, gettext(_LABELS[one]), str(typed[one]), str(now[one]), (str(typed[one]),))
                    for one in clashing
                )
                return Clashes(tuple(asked), tuple((gettext(_LABELS[one]), str(now[one])) for one in kept))

            values = put_together(request, _place(purpose), typed, now, form=form, tell=tell)
            change_purpose(
                session,
                purpose,
                Terms(**values),
                notice_version=str(form.get("notice_version", "")),
                now=here.now,
                staff_id=staff_id,
            )
            return Answer("/admin/purposes", gettext(_SAVED).format(name=word_of(purpose)))

        return await write(request, self._admin_ref.database, work)

    def _read(self) -> tuple[Register, Mapping[tuple[Purpose, Channel | None], int]]:
        with self._admin_ref.database.reading() as session:
            return current_register(session), agreed_counts(session, within=reach(Consent))

    def _marks(self, request: Request, form: FormData, purpose: Purpose, register: Register) -> str:
        if form.get("purpose") == purpose:
            return getattr(request.state, "opened", "") or str(form.get(FIELD, ""))
        return str(Marks.of(_place(purpose), vars(register.of(purpose))))


def _place(purpose: Purpose) -> str:
    return f"purpose:{purpose}"


def _line(
    purpose: Purpose,
    register: Register,
    counts: Mapping[tuple[Purpose, Channel | None], int],
    form: FormData,
    errors: Mapping[str, str],
) -> dict[str, Any]:
    terms, is_typed = register.of(purpose), form.get("purpose") == purpose
    typed = (
        {key: str(form.get(key, "")) for key in LIMITS} if is_typed else {key: getattr(terms, key) for key in LIMITS}
    )
    channels = [*ways(purpose), *((None,) if len(ways(purpose)) > 1 else ())]
    return {
        "purpose": purpose,
        "terms": terms,
        "typed": typed,
        "needs_consent": bool(form.get("needs_consent")) if is_typed else terms.needs_consent,
        "is_offered": bool(form.get("is_offered")) if is_typed else terms.is_offered,
        "errors": errors if is_typed else {},
        "is_sensitive": purpose in SENSITIVE,
        "is_changed": register.is_changed(purpose),
        "may_choose": purpose in OWNERS_CHOICE,
        "may_offer": purpose is not Purpose.GUARDIAN,
        "counts": [(channel, counts.get((purpose, channel), 0)) for channel in channels],
        "by_channel": len(channels) > 1,
    }
