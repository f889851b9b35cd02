"""Which programs may come in, and whose key it is."""

import hmac
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.audit import Actor
from app.models import ApiKey, Customer, Store
from app.queries.scopes import ANYTHING, of_store
from app.rules.tokens import fingerprint


@dataclass(frozen=True)
class Caller:
    """The program behind a request. `store_id` None: it works for all stores; `store` is its store's code."""

    key_id: int
    name: str
    store_id: int | None
    store: str
    last_used_on: date | None

    @property
    def actor(self) -> Actor:
        """Who did it, as the journal says."""
        return Actor(f"api:{self.name}")

    @property
    def customers(self) -> ColumnElement[bool]:
        """Which customers it may see."""
        return ANYTHING if self.store_id is None else of_store(Customer, self.store_id)


@dataclass(frozen=True)
class KeyRow:
    """A key in the list. `store` is empty for one that works for all stores."""

    name: str
    store: str
    created_at: datetime
    last_used_on: date | None
    revoked_at: datetime | None


def caller_with(session: Session, key: str) -> Caller | None:
    """Whose key this is. None: nobody's, or one that was taken back."""
    mark = fingerprint(key)
    found = session.exec(
        select(ApiKey, Store.code)
        .outerjoin(Store, col(Store.id) == col(ApiKey.store_id))
        .where(ApiKey.sha256 == mark, col(ApiKey.revoked_at).is_(None))
    ).first()
    if found is None:
        return None
    row, code = found
    if not hmac.compare_digest(bytes(row.sha256), mark):
        return None
    return Caller(row.id or 0, row.name, row.store_id, code or "", row.last_used_on)


def all_keys(session: Session) -> list[KeyRow]:
    """Every key there ever was, the oldest first."""
    rows = session.exec(
        select(ApiKey, Store.code).outerjoin(Store, col(Store.id) == col(ApiKey.store_id)).order_by(col(ApiKey.id))
    )
    return [KeyRow(row.name, code or "", row.created_at, row.last_used_on, row.revoked_at) for row, code in rows]


def key_named(session: Session, name: str) -> ApiKey | None:
    """The key of that name, taken back or not."""
    return session.exec(select(ApiKey).where(ApiKey.name == name)).first()
