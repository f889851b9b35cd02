"""The first set-up in the browser: a shop without an owner gets one. Afterwards the address is gone."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app import i18n
from app.actions.idempotency import do_once
from app.actions.staff import create_first_owner
from app.actions.tokens import revoke_tokens
from app.audit import Actor
from app.db import Database
from app.gateways.passwords import hash_password
from app.queries.idempotency import kept_answer
from app.queries.staff import has_owner
from app.queries.tokens import subject_of
from app.routes.deps import CallerDep, DatabaseDep, Now, OnceDep, PolicyDep, ReadDep
from app.routes.guessing import note_bad_token
from app.routes.rendering import page
from app.rules.idempotency import Kept, Keyed
from app.rules.limits import TooManyTries
from app.rules.passwords import PasswordsDiffer, check_password
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.rules.staff import login_of, name_of, shop_name_of
from app.vocabulary import TokenPurpose

router = APIRouter()
_OPENED = "/admin/login?opened=1"
NOBODY = 0
"""A set-up code is about no record: there is no owner yet."""


class Typed(BaseModel):
    """What stood in the form. The passwords are never sent back."""

    code: str = ""
    shop_name: str = ""
    name: str = ""
    login: str = ""
    password: str = ""
    password_again: str = ""

    def errors(self) -> dict[str, str]:
        """The sentence beside each field that cannot be used; a field's first trouble only."""
        checks: tuple[Callable[[], object], ...] = (
            lambda: shop_name_of(self.shop_name),
            lambda: name_of(self.name),
            lambda: login_of(self.login),
            lambda: check_password(self.password, known=(self.login, self.name, self.shop_name)),
            self._same_twice,
        )
        found: dict[str, str] = {}
        for check in checks:
            try:
                check()
            except RuleBroken as refusal:
                found.setdefault(refusal.field or "", refusal.say(i18n.gettext))
        return found

    def _same_twice(self) -> None:
        if self.password != self.password_again:
            raise PasswordsDiffer("password_again")


def _is_open(session: Session, code: str, now: datetime) -> bool:
    """Whether this code opens the set-up. Raises 404 once the shop has an owner: then there is no such page."""
    if has_owner(session):
        raise HTTPException(404)
    return subject_of(session, code, TokenPurpose.SETUP, now) is not None


class CodeWrong(RuleBroken):
    """No set-up under this code, or none any more."""

    code = "setup_code_wrong"
    message = words("这个开店码不对，或者已经过期。请核对后再试。")
    status = 403


def _explained(request: Request, policy: Policy, code: str, refusal: RuleBroken | None) -> Response:
    status, error = (refusal.status, refusal.say(i18n.gettext)) if refusal else (200, "")
    explained = page(request, "setup/code.html", status=status, policy=policy, code=code, error=error)
    if isinstance(refusal, TooManyTries):
        explained.headers["retry-after"] = str(refusal.seconds)
    return explained


def _refused(database: Database, code: str, caller: str, now: datetime) -> RuleBroken | None:
    """Why this code does not open; None where none was given. A guess is counted."""
    if not code:
        return None
    try:
        note_bad_token(database, caller, now=now)
    except TooManyTries as refusal:
        return refusal
    return CodeWrong()


@router.get("/setup", name="setup:show")
def show(
    request: Request,
    *,
    database: DatabaseDep,
    session: ReadDep,
    policy: PolicyDep,
    now: Now,
    caller: CallerDep,
    code: str = "",
) -> Response:
    """The form for whoever holds the code, for anybody else where to find it. Open to everyone until there is an
    owner."""
    code = code.strip()
    if not _is_open(session, code, now):
        return _explained(request, policy, code, _refused(database, code, caller, now))
    return page(request, "setup/page.html", policy=policy, typed=Typed(code=code), errors={})


@router.post("/setup", name="setup:open")
def open_shop(
    request: Request,
    *,
    database: DatabaseDep,
    policy: PolicyDep,
    now: Now,
    caller: CallerDep,
    keyed: OnceDep,
    typed: Annotated[Typed, Form()],
) -> Response:
    """Make the owner's account and name the shop. Open to everyone who holds the code, until there is an owner."""
    with database.reading() as session:
        try:
            is_open = _is_open(session, typed.code, now)
        except HTTPException:
            # The second tap of whoever has just opened the shop.
            if keyed is None or kept_answer(session, keyed) is None:
                raise
            return RedirectResponse(_OPENED, 303)
    if not is_open:
        return _explained(request, policy, typed.code, _refused(database, typed.code, caller, now))
    errors = typed.errors() or _opened(database, typed, keyed, now)
    if errors:
        return page(request, "setup/page.html", status=422, policy=policy, typed=typed, errors=errors)
    return RedirectResponse(_OPENED, 303)


def _opened(database: Database, typed: Typed, keyed: Keyed | None, now: datetime) -> dict[str, str]:
    """Open the shop; the code is used up with it. Returns what was refused, by field."""
    try:
        password_hash = hash_password(typed.password)
        with database.writing(Actor("setup")) as session:

            def work() -> Kept:
                create_first_owner(
                    session,
                    name=typed.name,
                    login=typed.login,
                    shop_name=typed.shop_name,
                    password_hash=password_hash,
                    now=now,
                )
                revoke_tokens(session, TokenPurpose.SETUP, [NOBODY], now=now)
                return Kept(303, _OPENED)

            do_once(session, keyed, work, now=now)
    except RuleBroken as refusal:
        return {refusal.field or "": refusal.say(i18n.gettext)}
    return {}
