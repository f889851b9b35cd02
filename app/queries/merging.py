"""Two records side by side before they become one, and which merges can still be taken back."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Consent, ContactEvent, Customer, CustomerMerge, DuplicatePair, PublicToken, Staff
from app.queries.scopes import ANYTHING
from app.rules.cards import valid_until_on
from app.rules.merging import Receipt
from app.rules.policy import Policy
from app.vocabulary import ContactEventKind, ContactKind, CustomerStatus, PairState, TokenPurpose


@dataclass(frozen=True)
class MergeDone:
    """A merge that can still be taken back."""

    merge_id: int
    absorbed_no: str
    absorbed_name: str
    merged_at: datetime
    undo_until: datetime


@dataclass(frozen=True)
class Distinct:
    """That two records are not the same person: who said so and when, as far as it was written down."""

    decided_at: datetime | None
    decided_by: str


def card_until_on(session: Session, customer: Customer, *, policy: Policy, zone: ZoneInfo) -> date | None:
    """Until when her card is valid: the day on her record, or so many months after it was issued. None: she has none."""
    if customer.card_until_on is not None:
        return customer.card_until_on
    issued_at = session.exec(
        select(PublicToken.created_at)
        .where(
            PublicToken.purpose == TokenPurpose.CARD,
            PublicToken.subject_id == customer.id,
            col(PublicToken.revoked_at).is_(None),
        )
        .order_by(col(PublicToken.id).desc())
    ).first()
    if issued_at is None:
        return None
    return valid_until_on(None, issued_at.astimezone(zone).date(), policy.card_valid_months)


def undoable_merges(session: Session, customer_id: int, *, now: datetime) -> tuple[MergeDone, ...]:
    """What went into this record and can still be taken out again, the newest first: it goes in that order."""
    rows = session.exec(
        select(CustomerMerge)
        .where(
            CustomerMerge.survivor_id == customer_id,
            col(CustomerMerge.undone_at).is_(None),
            col(CustomerMerge.plan).is_not(None),
            col(CustomerMerge.undo_until) > now,
        )
        .order_by(col(CustomerMerge.id).desc())
    )
    return tuple(
        MergeDone(row.id or 0, row.absorbed_no, row.absorbed_name, row.merged_at, row.undo_until) for row in rows
    )


def receipts_of(session: Session, customer_id: int) -> tuple[Receipt, ...]:
    """What a customer said yes and no to, the oldest first."""
    rows = session.exec(select(Consent).where(Consent.customer_id == customer_id).order_by(col(Consent.id)))
    return tuple(Receipt(row.id or 0, row.purpose, row.channel, row.granted_at, row.withdrawn_at) for row in rows)


def contacts_changed(session: Session, customer_id: int) -> dict[ContactKind, datetime]:
    """When each way to a customer was last another one, where it ever was."""
    rows = session.exec(
        select(ContactEvent.contact, ContactEvent.at)
        .where(ContactEvent.customer_id == customer_id, ContactEvent.kind == ContactEventKind.REPLACED)
        .order_by(col(ContactEvent.id))
    )
    return {ContactKind(contact): at for contact, at in rows}


def said_distinct(session: Session, one_id: int, other_id: int) -> Distinct | None:
    """What the shop said of these two, where it said that they are not the same person."""
    low, high = sorted((one_id, other_id))
    row = session.exec(
        select(DuplicatePair.decided_at, Staff.name)
        .join(Staff, col(Staff.id) == DuplicatePair.staff_id, isouter=True)
        .where(DuplicatePair.low_id == low, DuplicatePair.high_id == high, DuplicatePair.state == PairState.DISTINCT)
    ).first()
    return Distinct(row[0], row[1] or "") if row else None


def candidates(
    session: Session, asked: ColumnElement[bool], but: int, *, within: ColumnElement[bool] = ANYTHING, most: int = 20
) -> tuple[Customer, ...]:
    """Whom a search means, without the one it is for and whoever was erased."""
    rows = select(Customer).where(within, asked, col(Customer.id) != but, Customer.status != CustomerStatus.ERASED)
    return tuple(session.exec(rows.order_by(col(Customer.name), col(Customer.id)).limit(most)))
