"""Passwords that are tried: counted before one is hashed, so that guessing costs the guesser time and the shop little.

A name's tries are counted in two places. From an address its owner has signed in from before, they are counted for that
address alone; from anywhere else, for all strangers together. So guessing from a thousand addresses is as slow as from
one, and nobody is kept out of her own shop by people who type her name elsewhere.
"""

from datetime import datetime

from sqlmodel import Session

from app.actions.limits import check_tries, count_try, forget_tries
from app.models import Staff
from app.queries.staff import networks_of
from app.rules.limits import LOGIN_PER_ACCOUNT, LOGIN_PER_ADDRESS, Limit, network_of

Counted = tuple[tuple[Limit, str], ...]
"""What a try was counted as, to give it back when the password was right."""


def check_sign_in(session: Session, login: str, address: str, *, now: datetime) -> None:
    """Refuse a try that would be one too many. Only reads. Raises TooManyTries, whether the name exists or not."""
    for limit, who in _counted(session, login, address, now):
        check_tries(session, limit, who, now=now)


def count_sign_in(session: Session, login: str, address: str, *, now: datetime) -> Counted:
    """Count a try before its password is looked at. Raises TooManyTries; then nothing is counted."""
    counted = _counted(session, login, address, now)
    for limit, who in counted:
        count_try(session, limit, who, now=now)
    return counted


def forget_sign_ins(session: Session, staff: Staff, *, now: datetime) -> None:
    """Let somebody try again at once from everywhere."""
    login = _key(staff.login)
    for who in (login, *(_at(login, network) for network in networks_of(session, login, now))):
        forget_tries(session, LOGIN_PER_ACCOUNT, who)


def _counted(session: Session, login: str, address: str, now: datetime) -> Counted:
    login, network = _key(login), network_of(address)
    is_known = network in networks_of(session, login, now)
    return (
        (LOGIN_PER_ADDRESS, network),
        (LOGIN_PER_ACCOUNT, _at(login, network) if is_known else login),
    )


def _key(login: str) -> str:
    """A name as it is looked up, whatever was typed."""
    return login.strip().casefold()


def _at(login: str, network: str) -> str:
    return f"{login}\0{network}"
