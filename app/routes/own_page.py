"""A customer's own page on her phone: what she has, what it is worth, what she agreed to, what the shop knows of her.
Whoever holds the address sees nothing of it before she has shown that it is hers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from app import i18n
from app.actions.consents import withdraw
from app.actions.own_pages import is_open, opened_stamp, try_to_open
from app.audit import CUSTOMER
from app.db import Database
from app.labels import word_of
from app.queries.benefits import benefits_of
from app.queries.consents import current_register, standing_of
from app.queries.own_page import Holder, Movement, history_of, holder_of, person_of, purse_of, rewards_for
from app.queries.policy import current_policy
from app.queries.tiers import tier_standing
from app.routes.deps import CallerDep, DatabaseDep, Now, SettingsDep
from app.routes.guessing import note_bad_token
from app.routes.rendering import page
from app.rules.cards import face_colour
from app.rules.consents import NothingToWithdraw, Register, Standing
from app.rules.earning import told
from app.rules.limits import TooManyTries
from app.rules.own_page import HISTORY_PAGE, OPEN_FOR, OwnPageShut, OwnPageShutToday, OwnPageUnknown
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.settings import Settings
from app.vocabulary import Channel, PointsKind, Purpose

router = APIRouter()
_COOKIE = "rouge_me"
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_HOW = "本人网页"  # data: stands on the receipt
_FIRST = 5
"""Movements shown before she asks for all of them."""
_WITHDRAWN = words("已收回，从现在起不再这样用您的信息。")
_GONE = words("这一项已经收回了。")


@router.get("/me/{token}", name="me:show")
def show(
    request: Request,
    token: str,
    *,
    database: DatabaseDep,
    settings: SettingsDep,
    now: Now,
    caller: CallerDep,
    done: str = "",
) -> Response:
    """Her page, or the question that opens it. Open to customers: the address is unguessable, and then what only she
    knows is asked."""
    holder, policy = _holder(database, token, now, caller=caller)
    if not _is_open(request, holder, token, now):
        return _door(request, holder, policy)
    with database.reading() as session:
        shown = _shown(session, holder, policy, settings, now)
    said = {"withdrawn": _WITHDRAWN, "gone": _GONE}.get(done, "")
    return _private(
        page(request, "own_page/page.html", policy=policy, token=token, said=said, here=_here(token), **shown)
    )


@router.post("/me/{token}", name="me:open")
def unlock(
    request: Request,
    token: str,
    *,
    database: DatabaseDep,
    settings: SettingsDep,
    now: Now,
    caller: CallerDep,
    digits: Annotated[str, Form()] = "",
) -> Response:
    """Open it with the last digits of her phone, or her birthday where there is none. Open to customers, a few tries a
    day."""
    holder, policy = _holder(database, token, now, caller=caller)
    try:
        with database.writing(CUSTOMER) as session:
            is_hers = try_to_open(session, holder, digits[:20], now=now)
    except TooManyTries as wait:
        shut: RuleBroken = OwnPageShutToday() if wait.is_long else wait
        answer = _door(request, holder, policy, shut, status=429)
        answer.headers["retry-after"] = str(wait.seconds)
        return answer
    if not is_hers:
        return _door(request, holder, policy, OwnPageShut("digits"), status=422)
    answer = RedirectResponse(f"/me/{token}", 303)
    answer.set_cookie(
        _COOKIE,
        opened_stamp(holder, token, now),
        max_age=int(OPEN_FOR.total_seconds()),
        path=f"/me/{token}",
        secure=settings.public_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )
    return _private(answer)


@router.get("/me/{token}/points", name="me:history")
def history(
    request: Request, token: str, *, database: DatabaseDep, now: Now, caller: CallerDep, before: str = ""
) -> Response:
    """Every movement of her points, newest first, with its reason. Open to customers, once their page is open."""
    holder, policy = _holder(database, token, now, caller=caller)
    if not _is_open(request, holder, token, now):
        return _back(token)
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    with database.reading() as session:
        moves = history_of(session, holder.customer_id, before_id=after, limit=HISTORY_PAGE + 1)
        purse = purse_of(session, holder.customer_id)
    lines = [_line(move) for move in moves[:HISTORY_PAGE]]
    older = moves[HISTORY_PAGE - 1].entry_id if len(moves) > HISTORY_PAGE else None
    answer = page(
        request,
        "own_page/history.html",
        policy=policy,
        token=token,
        lines=lines,
        older=older,
        is_older=after is not None,
        balance=purse.balance,
    )
    return _private(answer)


@router.post("/me/{token}/consents", name="me:withdraw")
def take_back(
    request: Request,
    token: str,
    *,
    database: DatabaseDep,
    now: Now,
    caller: CallerDep,
    consent: Annotated[str, Form()] = "",
) -> Response:
    """Take one consent back, at once. Open to customers, once their page is open."""
    holder, _ = _holder(database, token, now, caller=caller)
    wish = _wish(consent)
    if not _is_open(request, holder, token, now) or wish is None:
        return _back(token)
    try:
        with database.writing(CUSTOMER) as session:
            withdraw(session, holder.customer_id, *wish, how=_HOW, now=now)
    except NothingToWithdraw:  # a second tap, or she said it in the shop meanwhile: either way it is so
        return _back(token, "?done=gone#consents")
    return _back(token, "?done=withdrawn#consents")


@router.post("/me/{token}/leave", name="me:leave")
def leave(token: str, *, database: DatabaseDep, now: Now, caller: CallerDep) -> Response:
    """Close her page on this phone. Open to customers."""
    _holder(database, token, now, caller=caller)
    answer = _back(token)
    answer.delete_cookie(_COOKIE, path=f"/me/{token}")
    return answer


# ── The door ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _holder(database: Database, token: str, now: datetime, *, caller: str) -> tuple[Holder, Policy]:
    with database.reading() as session:
        policy, holder = current_policy(session), holder_of(session, token, now)
    if holder is None:
        note_bad_token(database, caller, now=now)
        raise OwnPageUnknown
    return holder, policy


def _is_open(request: Request, holder: Holder, token: str, now: datetime) -> bool:
    return is_open(holder, token, request.cookies.get(_COOKIE, ""), now)


def _door(
    request: Request, holder: Holder, policy: Policy, refusal: RuleBroken | None = None, *, status: int = 200
) -> Response:
    """Nothing of her stands here, not even her name."""
    error = refusal.say(i18n.gettext) if refusal else ""
    asked = holder.factor.asked
    return _private(page(request, "own_page/door.html", status=status, policy=policy, asked=asked, error=error))


def _back(token: str, rest: str = "") -> Response:
    return _private(RedirectResponse(f"/me/{token}{rest}", 303))


def _private(answer: Response) -> Response:
    answer.headers.update(_PRIVATE)
    return answer


def _here(token: str) -> str:
    """For the links to other languages: without what was just done."""
    return f"/me/{token}?"


# ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _shown(session: Session, holder: Holder, policy: Policy, settings: Settings, now: datetime) -> dict[str, Any]:
    number, today = holder.customer_id, now.astimezone(settings.zone).date()
    person, purse = person_of(session, number), purse_of(session, number)
    standing = standing_of(session, number, today=today)
    moves = history_of(session, number, limit=_FIRST + 1)
    return {
        "person": person,
        "face": face_colour(person.tier_colour, policy.brand_colour),
        "purse": purse,
        "today": today,
        "tier": tier_standing(session, number, policy=policy, now=now, zone=settings.zone),
        "benefits": benefits_of(session, number, today=today, zone=settings.zone),
        "rewards": rewards_for(session, number, rank=person.tier_rank, balance=purse.balance, today=today),
        "lines": [_line(move) for move in moves[:_FIRST]],
        "has_more": len(moves) > _FIRST,
        "consents": _agreed(standing, current_register(session)),
    }


_KINDS = {
    PointsKind.OPENING: words("以前攒下的积分"),
    PointsKind.EARN: words("得到"),
    PointsKind.REDEEM: words("兑换"),
    PointsKind.EXPIRE: words("到期"),
    PointsKind.ADJUST: words("店里调整"),
}
_TAKEN_BACK, _GIVEN_BACK, _RECALLED = words("退货收回"), words("退回给您"), words("店里收回")


def _line(move: Movement) -> dict[str, Any]:
    """A movement as it is read: what it was, and how the figure came about."""
    back = _GIVEN_BACK if move.points > 0 else _TAKEN_BACK if move.order_no else _RECALLED
    by_kind = _KINDS.get(move.kind) or back
    what = move.reward or move.rule or i18n.gettext(by_kind)
    why = told(move.working, i18n.gettext) or (word_of(move.reason_code) if move.reason_code else "")
    return {"at": move.at, "what": what, "why": why, "order_no": move.order_no, "points": move.points}


def _agreed(standing: Standing, register: Register) -> list[Mapping[str, Any]]:
    """What she said yes to and can take back. Membership itself she ends in the shop."""
    return [
        {
            "value": f"{one.purpose}.{one.channel or ''}",
            "purpose": one.purpose,
            "channel": one.channel,
            "wording": register.of(one.purpose).wording,
            "granted_at": one.granted_at,
        }
        for one in standing.receipts
        if one.stands and one.purpose is not Purpose.MEMBERSHIP
    ]


def _wish(value: str) -> tuple[Purpose, Channel | None] | None:
    purpose, _, channel = value.partition(".")
    if purpose not in set(Purpose) - {Purpose.MEMBERSHIP} or channel not in {*Channel, ""}:
        return None
    return Purpose(purpose), Channel(channel) if channel else None
