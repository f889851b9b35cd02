"""Becoming a member from one's own phone: a name and a number, and each consent a box of its own that starts empty.
Whoever is known sees the same as whoever is new."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, cast
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from app import i18n
from app.actions.sign_ups import count_sign_up, is_hurried, new_form, sign_up, stamped
from app.audit import CUSTOMER
from app.db import Database
from app.queries.consents import current_register
from app.queries.policy import current_policy
from app.routes.deps import CallerDep, DatabaseDep, Now, PolicyDep, SettingsDep
from app.routes.rendering import page
from app.rules.consents import Register
from app.rules.limits import TooManyTries
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.rules.sign_ups import OFFLINE, ONLINE, SignUpForm, SignUpRead, offers, read_sign_up
from app.rules.surveys import is_submission_id
from app.vocabulary import Gender, Purpose

router = APIRouter()
_THANKS = "/join/thanks"


class Typed(BaseModel):
    """What stood in the form. `website` is a field no person sees: whoever fills it in is none."""

    submission_id: str = ""
    opened: str = ""
    website: str = ""
    name: str = ""
    phone: str = ""
    birthday: str = ""
    gender: str = ""
    source: str = ""
    consent: list[str] = []
    guardian_name: str = ""
    guardian_agrees: str = ""
    store: str = ""
    ref: str = ""

    def read(self, register: Register, now: datetime) -> SignUpRead:
        """What of it can be kept. `now` in the shop's zone."""
        form = SignUpForm(
            name=self.name,
            phone=self.phone,
            birthday=self.birthday,
            gender=self.gender,
            source=self.source,
            consents=self.consent,
            guardian_name=self.guardian_name,
            is_guardian=bool(self.guardian_agrees),
            store=self.store,
            ref=self.ref,
        )
        return read_sign_up(form, register=register, today=now.date())


@router.get("/join", name="join:show")
def show(
    request: Request,
    *,
    database: DatabaseDep,
    now: Now,
    store: str = "",
    ref: str = "",
) -> Response:
    """The form, empty; `store` and `ref` come with the code or link that led here. Open to everyone."""
    with database.reading() as session:
        policy, register = current_policy(session), current_register(session)
    typed = Typed(submission_id=new_form(), opened=stamped(now), store=store[:20], ref=ref[:64])
    answer = _page(request, typed, policy=policy, register=register)
    # Going back finds the same form, so that sending it again is a second tap and no second sign-up.
    answer.headers["cache-control"] = "private, no-cache"
    return answer


@router.get("/join/thanks", name="join:thank")
def thank(request: Request, policy: PolicyDep) -> Response:
    """Thanks, the same for everybody. Open to everyone."""
    return page(request, "joining/thanks.html", policy=policy)


@router.post("/join", name="join:sign_up")
def join(
    request: Request,
    *,
    database: DatabaseDep,
    settings: SettingsDep,
    now: Now,
    caller: CallerDep,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Keep the form and say thanks, to whoever is known as to whoever is new. Open to everyone."""
    with database.reading() as session:
        policy, register = current_policy(session), current_register(session)
    if not is_submission_id(typed.submission_id):
        typed.submission_id = new_form()
    if typed.website:
        return RedirectResponse(_THANKS, 303)
    at = now.astimezone(settings.zone)
    read = typed.read(register, at)
    refusals = read.faults or _kept(database, typed, read, caller, at)
    if refusals:
        return _page(request, typed, policy=policy, register=register, read=read, refusals=refusals)
    return RedirectResponse(_THANKS, 303)


def _kept(database: Database, typed: Typed, read: SignUpRead, caller: str, now: datetime) -> dict[str, RuleBroken]:
    """Keep it; what was refused, by field."""
    try:
        with database.writing(CUSTOMER) as session:
            _keep(session, typed, read, caller, now)
    except RuleBroken as refusal:
        return {refusal.field or "": refusal}
    return {}


def _keep(session: Session, typed: Typed, read: SignUpRead, caller: str, now: datetime) -> None:
    hurried = is_hurried(typed.opened, now)
    if count_sign_up(session, read, caller, hurried=hurried, now=now):
        # The rules anew: the notice she agrees to is the one that stands as her receipt is written.
        policy, zone = current_policy(session), cast(ZoneInfo, now.tzinfo)
        sign_up(session, typed.submission_id, read, policy=policy, now=now, zone=zone)


def _page(
    request: Request,
    typed: Typed,
    *,
    policy: Policy,
    register: Register,
    read: SignUpRead | None = None,
    refusals: Mapping[str, RuleBroken] | None = None,
) -> Response:
    """The form with what was typed, and what is wrong beside each field."""
    found = refusals or {}
    wait = next((one for one in found.values() if isinstance(one, TooManyTries)), None)
    form = page(
        request,
        "joining/page.html",
        status=wait.status if wait else 422 if found else 200,
        policy=policy,
        typed=typed,
        offers=offers(register),
        membership=register.of(Purpose.MEMBERSHIP),
        guardian=register.of(Purpose.GUARDIAN) if read is not None and read.asks_guardian else None,
        genders=(Gender.FEMALE, Gender.MALE, Gender.UNKNOWN),
        sources=((True, OFFLINE), (False, ONLINE)),
        errors={field: refusal.say(i18n.gettext) for field, refusal in found.items()},
        here=f"/join?store={quote(typed.store)}&ref={quote(typed.ref)}" if typed.store or typed.ref else "",
    )
    if wait:
        form.headers["retry-after"] = str(wait.seconds)
    return form
