"""A customer as another program may see her: her number, tier and points, and never a whole phone number."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from app.columns import blind_index
from app.i18n import gettext
from app.models import Consent, Customer, PointsAccount, PointsEntry, Purchase, Store, Tier
from app.queries.customers import has_number
from app.queries.earning import pending_points
from app.queries.phones import owner_of_phone, phones_shared
from app.queries.points import balance_of, lots_of
from app.rules.claims import PhoneIsShared
from app.rules.earning import told
from app.rules.member_numbers import parse_member_no
from app.rules.phones import Phone, numbers_masked
from app.rules.refusals import NotFound, RuleBroken
from app.vocabulary import Channel, CustomerStatus, Gender, PointsKind, Purpose


@dataclass(frozen=True)
class Member:
    """`store` is the code of the store she belongs to, None for none; `consents` what she agrees to now."""

    customer_id: int
    member_no: str
    name: str
    gender: Gender
    phone_masked: str
    tier: str
    tier_until_on: date | None
    points: int
    store: str | None
    consents: tuple[tuple[Purpose, Channel | None], ...]
    created_at: datetime


@dataclass(frozen=True)
class Movement:
    """One movement of points. `order_no` is the sale it belongs to."""

    at: datetime
    kind: PointsKind
    points: int
    reason: str
    order_no: str | None


@dataclass(frozen=True)
class Holding:
    """Points that end together, through `expires_on` (None: never)."""

    remaining: int
    expires_on: date | None


@dataclass(frozen=True)
class Statement:
    """All of somebody's points: what she has, of what, and the whole history, newest first."""

    balance: int
    pending: int
    lots: tuple[Holding, ...]
    entries: tuple[Movement, ...]


def member_numbered(session: Session, number: str, *, within: ColumnElement[bool]) -> Member:
    """Whose number it is, be it on her old card, `within` somebody's reach. Raises NotFound."""
    try:
        wanted = has_number([parse_member_no(number)])
    except RuleBroken:
        raise NotFound("member_no") from None
    return _member(session, and_(wanted, within), "member_no")


def member_with_phone(session: Session, phone: Phone, *, within: ColumnElement[bool]) -> Member:
    """Whose phone it is. Raises NotFound, or PhoneIsShared where several have it: nobody is taken for another."""
    owner = owner_of_phone(session, phone)
    if owner is None or owner.id is None:
        raise NotFound("phone")
    hers = member(session, owner.id, within=within, field="phone")
    if phones_shared(session, [blind_index(phone.e164, "customers.phone")]):
        raise PhoneIsShared("phone")
    return hers


def member(session: Session, customer_id: int, *, within: ColumnElement[bool], field: str = "member_no") -> Member:
    """One customer. Raises NotFound, on `field`."""
    return _member(session, and_(col(Customer.id) == customer_id, within), field)


def _member(session: Session, wanted: ColumnElement[bool], field: str) -> Member:
    found = session.exec(
        select(Customer, Tier.name, Store.code)
        .join(Tier, col(Tier.id) == col(Customer.tier_id))
        .outerjoin(Store, col(Store.id) == col(Customer.store_id))
        .where(wanted, Customer.status != CustomerStatus.ERASED)
    ).first()
    if found is None:
        raise NotFound(field)
    row, tier, store = found
    customer_id = row.id or 0
    return Member(
        customer_id=customer_id,
        member_no=row.member_no,
        name=row.name,
        gender=row.gender,
        phone_masked=row.phone_masked,
        tier=tier,
        tier_until_on=row.tier_until_on,
        points=balance_of(session, customer_id),
        store=store,
        consents=_agreed(session, customer_id),
        created_at=row.created_at,
    )


def _agreed(session: Session, customer_id: int) -> tuple[tuple[Purpose, Channel | None], ...]:
    rows = session.exec(
        select(Consent.purpose, Consent.channel)
        .where(Consent.customer_id == customer_id, col(Consent.withdrawn_at).is_(None))
        .order_by(col(Consent.id))
    )
    return tuple((Purpose(purpose), Channel(channel) if channel else None) for purpose, channel in rows)


def statement_of(session: Session, customer_id: int) -> Statement:
    """All of her points, with what a merged record brought along."""
    rows = session.exec(
        select(PointsEntry, Purchase.order_no)
        .join(PointsAccount, col(PointsAccount.id) == col(PointsEntry.account_id))
        .outerjoin(Purchase, col(Purchase.id) == col(PointsEntry.purchase_id))
        .where(PointsAccount.customer_id == customer_id)
        .order_by(col(PointsEntry.id).desc())
    )
    return Statement(
        balance=balance_of(session, customer_id),
        pending=pending_points(session, customer_id),
        lots=tuple(Holding(lot.remaining, lot.expires_on) for lot in lots_of(session, customer_id)),
        entries=tuple(Movement(row.at, row.kind, row.points, why(row), order_no) for row, order_no in rows),
    )


def why(entry: PointsEntry) -> str:
    """Why an entry has its number, in the reader's language: how it came about, or what was said of it."""
    return told(entry.working, gettext) or numbers_masked(gettext(entry.reason))


def tier_named(session: Session, customer_id: int) -> str | None:
    """The name of her tier."""
    wanted = select(Tier.name).join(Customer, col(Customer.tier_id) == col(Tier.id)).where(Customer.id == customer_id)
    return session.exec(wanted).first()


def store_called(session: Session, store: str) -> int | None:
    """The store of that code or name."""
    return session.exec(select(Store.id).where(or_(Store.code == store, Store.name == store))).first()
