"""Keys of tills and other programs: made, made anew, taken back. A key is given once; only its fingerprint is kept."""

import secrets
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from app.actions.limits import check_tries, count_try
from app.db import lock_row
from app.models import ApiKey, Store
from app.queries.api_keys import Caller, caller_with, key_named
from app.rules.api_keys import (
    KEY_BYTES,
    KEY_MARK,
    KeyDetails,
    KeyNameTaken,
    KeyNotThere,
    KeyRevoked,
    KeyUnknown,
    key_name,
)
from app.rules.limits import API_PER_KEY
from app.rules.purchases import StoreUnknown
from app.rules.refusals import NotFound
from app.rules.tokens import fingerprint


def create_api_key(session: Session, details: KeyDetails, *, now: datetime) -> ApiKey:
    """Room for a key: `issue_api_key` gives it. Raises KeyNameWrong, KeyNameTaken."""
    name = key_name(details.name)
    if key_named(session, name):
        raise KeyNameTaken("name")
    # The fingerprint of what nobody has: it opens nothing.
    row = ApiKey(name=name, sha256=fingerprint(_new_key()), store_id=details.store_id, created_at=now)
    session.add(row)
    session.flush()
    return row


def issue_api_key(session: Session, key_id: int) -> str:
    """The key itself, for the only time; one that was given before opens nothing from now on. Raises KeyRevoked,
    NotFound."""
    row = lock_row(session, ApiKey, key_id)
    if row is None:
        raise NotFound
    if row.revoked_at is not None:
        raise KeyRevoked
    key = _new_key()
    row.sha256 = fingerprint(key)
    session.flush()
    return key


def revoke_api_key(session: Session, key_id: int, *, now: datetime) -> ApiKey:
    """From now on it opens nothing; its name stays on what was done with it. Raises KeyRevoked, NotFound."""
    row = lock_row(session, ApiKey, key_id)
    if row is None:
        raise NotFound
    if row.revoked_at is not None:
        raise KeyRevoked
    row.revoked_at = now
    session.flush()
    return row


def key_id_of(session: Session, name: str) -> int:
    """The key somebody means by its name. Raises KeyNotThere."""
    row = key_named(session, key_name(name))
    if row is None or row.id is None:
        raise KeyNotThere("name", name=name)
    return row.id


def store_id_of(session: Session, code: str) -> int | None:
    """The store a code names; None for none. Raises StoreUnknown."""
    if not code:
        return None
    store_id = session.exec(select(Store.id).where(Store.code == code)).first()
    if store_id is None:
        raise StoreUnknown("store")
    return store_id


def let_in(session: Session, key: str, *, now: datetime) -> Caller:
    """Whose key this is; only reads. Raises KeyUnknown, or TooManyTries for one that came too often."""
    caller = caller_with(session, key)
    if caller is None:
        raise KeyUnknown
    check_tries(session, API_PER_KEY, str(caller.key_id), now=now)
    return caller


def count_request(session: Session, caller: Caller, *, now: datetime) -> None:
    """Count a request of this key, and once a day (`now` in the shop's zone) when it was last used. Raises TooManyTries."""
    count_try(session, API_PER_KEY, str(caller.key_id), now=now)
    if caller.last_used_on != now.date():
        # Past the journal: it would say every day that a till is a till.
        session.execute(update(ApiKey).where(col(ApiKey.id) == caller.key_id).values(last_used_on=now.date()))


def _new_key() -> str:
    return KEY_MARK + secrets.token_urlsafe(KEY_BYTES)
