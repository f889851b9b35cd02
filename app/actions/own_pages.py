"""A customer's own page: its address handed out, replaced, taken back; and opened with what only she knows besides."""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

from sqlmodel import Session

from app.actions.limits import count_try, forget_tries
from app.actions.tokens import revoke_tokens, standing_tokens
from app.columns import blind_index
from app.queries.own_page import Holder
from app.rules.limits import OWN_PAGE, OWN_PAGE_SOON
from app.rules.own_page import is_still_open
from app.vocabulary import TokenPurpose

_LIMITS = (OWN_PAGE, OWN_PAGE_SOON)


def hand_out_own_page(session: Session, customer_id: int, *, anew: bool = False, now: datetime) -> str:
    """The token of her page's address. `anew`: another one, and every older one opens nothing from then on. Raises
    NotFound."""
    if anew:
        revoke_tokens(session, TokenPurpose.MEMBER, [customer_id], now=now)
    return standing_tokens(session, [customer_id], purpose=TokenPurpose.MEMBER, now=now)[customer_id].token


def take_back_own_page(session: Session, customer_id: int, *, now: datetime) -> int:
    """Her page's addresses open nothing any more. Returns how many did."""
    return revoke_tokens(session, TokenPurpose.MEMBER, [customer_id], now=now)


def try_to_open(session: Session, holder: Holder, typed: str, *, now: datetime) -> bool:
    """Whether what was typed opens her page. Counted before it is looked at, so that many tries at once are no more
    than as many; a right one forgets the wrong ones. Raises TooManyTries."""
    who = str(holder.customer_id)
    for limit in _LIMITS:
        count_try(session, limit, who, now=now)
    if not holder.factor.opens(typed):
        return False
    for limit in _LIMITS:
        forget_tries(session, limit, who)
    return True


def opened_stamp(holder: Holder, token: str, now: datetime) -> str:
    """What the browser that opened this page keeps: since when, so that nobody can say otherwise. Another address or
    another phone number opens with none of it."""
    moment = f"{int(now.timestamp() * 1000):x}"
    return f"{moment}.{_mark(holder, token, moment)}"


def is_open(holder: Holder, token: str, stamp: str, now: datetime) -> bool:
    """Whether this browser opened this page a short while ago."""
    moment, _, mark = stamp.partition(".")
    if not secrets.compare_digest(mark.encode(errors="replace"), _mark(holder, token, moment).encode()):
        return False
    return is_still_open(datetime.fromtimestamp(int(moment, 16) / 1000, UTC), now)


def _mark(holder: Holder, token: str, moment: str) -> str:
    told = "\0".join((token, str(holder.customer_id), holder.factor.value, moment))
    return urlsafe_b64encode(blind_index(told, "own_page.opened")).decode()
