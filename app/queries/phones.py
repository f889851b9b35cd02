"""Whose a phone is: her own, or one she gave up when two records became one. Whoever has it today comes first."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import ScalarSelect, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.db import among
from app.models import Customer, CustomerAlias
from app.rules.phones import Phone
from app.vocabulary import CustomerStatus


def owner_of_phone(session: Session, phone: Phone) -> Customer | None:
    """Whose phone it is; of a family that shares it whoever has it for her own."""
    index = blind_index(phone.e164, "customers.phone")
    owner_id = phone_owners(session, [index]).get(index)
    return session.get(Customer, owner_id) if owner_id else None


def phone_owners(session: Session, indexes: Collection[bytes]) -> dict[bytes, int]:
    """Whose these phones are, by blind index; of a family that shares one, the one it belongs to."""
    return phone_holders(session, indexes)[0]


def phones_shared(session: Session, indexes: Collection[bytes]) -> set[bytes]:
    """Those of these phones that several have: by itself such a phone does not say who somebody is."""
    return phone_holders(session, indexes)[1]


def phone_holders(session: Session, indexes: Collection[bytes]) -> tuple[dict[bytes, int], set[bytes]]:
    """Both of it: whose they are, and which are shared."""
    if not indexes:
        return {}, set()
    shared: set[bytes] = set()
    found = select(Customer.phone_index, Customer.id).where(among(session, Customer.phone_index, set(indexes)))
    rows = session.exec(found).all()
    if len(rows) > len({index for index, _ in rows}):
        owners_last = found.order_by(col(Customer.phone_shared_reason) == "", col(Customer.id).desc())
        rows = session.exec(owners_last).all()
        told = Counter(bytes(index) for index, _ in rows if index)
        shared = {index for index, holders in told.items() if holders > 1}
    owners = {bytes(index): customer_id for index, customer_id in rows if index and customer_id}
    return former_owners(session, set(indexes) - owners.keys()) | owners, shared


def former_owners(session: Session, indexes: Collection[bytes]) -> dict[bytes, int]:
    """Who gave these phones up in a merge, by blind index: only phones that nobody has today."""
    if not indexes:
        return {}
    given_up = _given_up().where(among(session, CustomerAlias.phone_index, set(indexes)))
    rows = session.exec(given_up.order_by(col(CustomerAlias.id))).all()
    return {bytes(index): customer_id for index, customer_id in rows if index}


def former_owner(index: bytes) -> ScalarSelect[Any]:
    """The same for one phone, as a value in a condition."""
    newest = _given_up().where(CustomerAlias.phone_index == index).order_by(col(CustomerAlias.id).desc()).limit(1)
    return newest.with_only_columns(col(CustomerAlias.customer_id)).scalar_subquery()


def _given_up() -> Any:
    keeper: Any = aliased(Customer)  # the query around it may be about customers, too
    holder: Any = aliased(Customer)
    has_it_today = exists().where(holder.phone_index == col(CustomerAlias.phone_index))
    return (
        select(CustomerAlias.phone_index, CustomerAlias.customer_id)
        .join(keeper, keeper.id == col(CustomerAlias.customer_id))
        .where(keeper.status != CustomerStatus.ERASED, ~has_it_today)
    )
