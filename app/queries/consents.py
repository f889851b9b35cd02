"""Who agreed to what, and what the shop says its purposes are."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import Session, col, select

from app.models import Consent, Customer, PurposeRule, Staff
from app.queries.scopes import ANYTHING
from app.rules.consents import Receipt, Register, Standing, Terms, is_child, may_use
from app.vocabulary import Channel, CustomerStatus, Purpose

_AT_ONCE = 2000


@dataclass(frozen=True)
class FullReceipt:
    """A receipt as it is shown and printed: under which notice, how and with whom she said yes, and no."""

    id: int
    purpose: Purpose
    channel: Channel | None
    notice_version: str
    granted_at: datetime
    given_by: str
    staff: str
    withdrawn_at: datetime | None
    withdrawn_how: str
    withdrawn_staff: str


def current_register(session: Session) -> Register:
    """The purposes as the shop words them: the defaults with the owner's changes on top."""
    return Register({row.purpose: terms_of(row) for row in session.exec(select(PurposeRule))})


def terms_of(row: PurposeRule) -> Terms:
    """A changed purpose."""
    return Terms(row.wording, row.uses, row.kept, row.needs_consent, row.is_offered)


def standing_of(session: Session, customer_id: int, *, today: date) -> Standing:
    """What one customer agreed to and withdrew. Somebody who is not there agreed to nothing and is not used."""
    return standings_of(session, [customer_id], today=today).get(customer_id, Standing(status=CustomerStatus.ERASED))


def standings_of(session: Session, customer_ids: Collection[int], *, today: date) -> dict[int, Standing]:
    """The same of many at once; without those who are not there."""
    found: dict[int, Standing] = {}
    wanted = sorted(set(customer_ids))
    for start in range(0, len(wanted), _AT_ONCE):
        ids = wanted[start : start + _AT_ONCE]
        said: dict[int, list[Receipt]] = {}
        receipts = select(Consent).where(col(Consent.customer_id).in_(ids)).order_by(col(Consent.id))
        for one in session.exec(receipts):
            said.setdefault(one.customer_id, []).append(receipt_of(one))
        people = select(Customer.id, Customer.birthday, Customer.birthday_calendar, Customer.status)
        for row in session.execute(people.where(col(Customer.id).in_(ids))):
            child = is_child(row.birthday, row.birthday_calendar, today)
            found[row.id] = Standing(tuple(said.get(row.id, ())), child, row.status)
    return found


def receipt_of(row: Consent) -> Receipt:
    """A stored receipt, as the rules see it."""
    return Receipt(row.purpose, row.channel, row.granted_at, row.withdrawn_at)


def consented(
    session: Session, customer_ids: Collection[int], purpose: Purpose, channel: Channel | None, *, today: date
) -> frozenset[int]:
    """Of these customers those whose data may be used so: what sending and exporting ask before they use it."""
    register = current_register(session)
    standings = standings_of(session, customer_ids, today=today)
    return frozenset(
        number for number, standing in standings.items() if may_use(purpose, channel, standing, register).may
    )


def said_yes(purpose: Purpose, channel: Channel | None) -> ColumnElement[bool]:
    """Customers with a standing yes to it, for a list of millions. Children are among them: whoever sends or exports
    asks `consented` about each."""
    channels = or_(col(Consent.channel) == channel, col(Consent.channel).is_(None))
    yes = select(Consent.customer_id).where(
        Consent.purpose == purpose, col(Consent.withdrawn_at).is_(None), channels if channel else True
    )
    return and_(col(Customer.id).in_(yes), col(Customer.status) == CustomerStatus.ACTIVE)


def receipts_of(session: Session, customer_id: int) -> tuple[FullReceipt, ...]:
    """Everything a customer ever agreed to, the newest first, withdrawn or not."""
    wanted = select(Consent).where(Consent.customer_id == customer_id)
    rows = session.exec(wanted.order_by(col(Consent.granted_at).desc(), col(Consent.id).desc())).all()
    numbers = {number for row in rows for number in (row.staff_id, row.withdrawn_staff_id) if number}
    names = dict(session.exec(select(Staff.id, Staff.name).where(col(Staff.id).in_(numbers))).all())
    return tuple(_full(row, names) for row in rows)


def _full(row: Consent, names: Mapping[int | None, str]) -> FullReceipt:
    return FullReceipt(
        id=row.id or 0,
        purpose=row.purpose,
        channel=row.channel,
        notice_version=row.notice_version,
        granted_at=row.granted_at,
        given_by=row.given_by,
        staff=names.get(row.staff_id, ""),
        withdrawn_at=row.withdrawn_at,
        withdrawn_how=row.withdrawn_how,
        withdrawn_staff=names.get(row.withdrawn_staff_id, ""),
    )


def agreed_counts(
    session: Session, *, within: ColumnElement[bool] = ANYTHING
) -> Mapping[tuple[Purpose, Channel | None], int]:
    """How many customers say yes now, by purpose and channel, of the receipts `within` somebody's reach."""
    rows = session.execute(
        select(Consent.purpose, Consent.channel, func.count())
        .where(col(Consent.withdrawn_at).is_(None), within)
        .group_by(col(Consent.purpose), col(Consent.channel))
    )
    return {(row[0], row[1]): row[2] for row in rows}
