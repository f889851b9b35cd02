"""One customer as her page shows her: who she is, what is filled in, whom she knows."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, exists, func, select

from app.models import (
    Complaint,
    Consent,
    Customer,
    CustomerTag,
    PointsAccount,
    PointsEntry,
    SkinRecord,
    Staff,
    Tag,
    Visit,
)
from app.rules.complaints import OPEN
from app.rules.completeness import Completeness, completeness_of, read_declined
from app.rules.policy import Policy
from app.vocabulary import CategoryOfNeed, Gender, PointsKind, TagOrigin

GIFT = "profile:"
"""What the reference of a gift for a complete file begins with."""
MOST_FRIENDS, MOST_SKIN = 12, 5


@dataclass(frozen=True)
class Worn:
    """A tag on a customer, where it came from and who put it there."""

    name: str
    category: CategoryOfNeed
    origin: TagOrigin
    by: str | None = None


@dataclass(frozen=True)
class Friend:
    """Somebody she referred, or who referred her."""

    name: str
    member_no: str


def filled_fields(session: Session, customer: Customer) -> frozenset[str]:
    """Which parts of her file are filled in. A number that leads nowhere is none."""
    has_needs = exists().where(
        col(CustomerTag.customer_id) == customer.id,
        col(CustomerTag.tag_id).in_(select(Tag.id).where(Tag.category != CategoryOfNeed.OTHER)),
    )
    told = {
        "phone": customer.phone_masked and not customer.phone_invalid_on,
        "birthday": customer.birthday,
        "preferred_channel": customer.preferred_channel,
        "wechat": customer.wechat,
        "gender": customer.gender is not Gender.UNKNOWN,
        "occupation": customer.occupation,
        "address": customer.address,
        "allergy_note": customer.allergy_note,
        "needs": session.scalar(select(has_needs)),
    }
    return frozenset(name for name, value in told.items() if value)


def completeness(session: Session, customer: Customer, *, today: date, policy: Policy) -> Completeness:
    """How far her file is."""
    return completeness_of(
        filled_fields(session, customer),
        read_declined(customer.declined_fields),
        today=today,
        ask_again_days=policy.ask_again_days,
    )


def profile_gift(session: Session, customer_id: int) -> PointsEntry | None:
    """What she got for completing her file, also while it was still two records. None: nothing yet."""
    hers = select(PointsAccount.id).where(PointsAccount.customer_id == customer_id)
    wanted = select(PointsEntry).where(
        col(PointsEntry.account_id).in_(hers),
        PointsEntry.kind == PointsKind.EARN,
        col(PointsEntry.reference).startswith(GIFT),
    )
    return session.exec(wanted.order_by(col(PointsEntry.id))).first()


def tags_of(session: Session, customer_id: int) -> tuple[Worn, ...]:
    """Her tags, those of a kind of care first."""
    wanted = (
        select(Tag.name, Tag.category, CustomerTag.origin, Staff.name)
        .join(CustomerTag, col(CustomerTag.tag_id) == col(Tag.id))
        .outerjoin(Staff, col(Staff.id) == col(CustomerTag.staff_id))
        .where(CustomerTag.customer_id == customer_id)
        .order_by(col(Tag.name))
    )
    worn = (Worn(name, category, origin, by) for name, category, origin, by in session.execute(wanted))
    return tuple(sorted(worn, key=lambda one: one.category is CategoryOfNeed.OTHER))


def referred_by(session: Session, customer: Customer, within: ColumnElement[bool]) -> Friend | None:
    """Who brought her, as far as the reader may see her."""
    return next(iter(_friends(session, (col(Customer.id) == customer.referred_by_id, within))), None)


def referred(session: Session, customer: Customer, within: ColumnElement[bool]) -> tuple[Friend, ...]:
    """Whom she brought, the newest first."""
    return _friends(session, (col(Customer.referred_by_id) == customer.id, within))


def _friends(session: Session, conditions: tuple[ColumnElement[bool], ...]) -> tuple[Friend, ...]:
    wanted = select(Customer.name, Customer.member_no).where(*conditions).order_by(col(Customer.id).desc())
    return tuple(Friend(*row) for row in session.exec(wanted.limit(MOST_FRIENDS)))


def last_visit_at(session: Session, customer_id: int, within: ColumnElement[bool]) -> datetime | None:
    """When she was last here, as far as the reader may see."""
    wanted = select(Visit.visited_at).where(Visit.customer_id == customer_id, within)
    return session.exec(wanted.order_by(col(Visit.visited_at).desc()).limit(1)).first()


def open_cases(session: Session, customer_id: int, within: ColumnElement[bool]) -> int:
    """How many of her cases the shop still has work with."""
    hers = (col(Complaint.customer_id) == customer_id, col(Complaint.status).in_(sorted(OPEN)), within)
    return session.scalar(select(func.count()).select_from(Complaint).where(*hers)) or 0


def agreed(session: Session, customer_id: int, within: ColumnElement[bool]) -> tuple[Consent, ...]:
    """What she said yes to and has not withdrawn."""
    wanted = select(Consent).where(Consent.customer_id == customer_id, col(Consent.withdrawn_at).is_(None), within)
    return tuple(session.exec(wanted.order_by(col(Consent.purpose), col(Consent.channel))))


def skin_records(session: Session, customer_id: int, within: ColumnElement[bool]) -> tuple[SkinRecord, ...]:
    """What was seen of her skin, the newest first."""
    wanted = select(SkinRecord).where(SkinRecord.customer_id == customer_id, within)
    newest = wanted.order_by(col(SkinRecord.seen_on).desc(), col(SkinRecord.id).desc()).limit(MOST_SKIN)
    return tuple(session.exec(newest.options(joinedload(SkinRecord.staff))))  # type: ignore[arg-type]
