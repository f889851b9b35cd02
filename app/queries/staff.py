"""Who works here, and who is signed in."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from app.models import Staff, StaffSession
from app.rules.limits import network_of
from app.rules.sessions import FAMILIAR_FOR, is_over
from app.rules.staff import LoginUnknown, LoginWrong, login_of
from app.rules.tokens import fingerprint
from app.vocabulary import Role


@dataclass(frozen=True)
class SignedIn:
    """The person behind a request. `store_id` None: all stores. `locale` empty: the browser's own."""

    staff_id: int
    name: str
    role: Role
    store_id: int | None
    locale: str
    session_id: int
    last_seen_at: datetime


@dataclass(frozen=True)
class Colleague:
    """Somebody who works here and for whom the machine works on. `store_id` None: all stores."""

    staff_id: int
    role: Role
    store_id: int | None


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is checked against, read before the slow hash and compared again when it is recorded."""

    staff_id: int
    name: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True)
class StaffRow:
    """A person in the list of accounts."""

    staff_id: int
    name: str
    login: str
    role: Role
    is_active: bool
    failed_logins: int
    store: str


def has_owner(session: Session) -> bool:
    """Whether the shop has been set up: somebody owns it."""
    return session.exec(select(Staff.id).where(Staff.role == Role.OWNER).limit(1)).first() is not None


def colleague(session: Session, staff_id: int | None) -> Colleague | None:
    """The person of that number as she stands now; None where there is none."""
    staff = session.get(Staff, staff_id) if staff_id else None
    return Colleague(staff.id or 0, staff.role, staff.store_id) if staff else None


def credentials_of(session: Session, login: str) -> Credentials | None:
    """The account behind a typed login; None when nobody active has it."""
    try:
        wanted = login_of(login)
    except LoginWrong:
        return None
    staff = session.exec(select(Staff).where(Staff.login == wanted, col(Staff.is_active))).first()
    return Credentials(staff.id or 0, staff.name, staff.password_hash) if staff else None


def networks_of(session: Session, login: str, now: datetime) -> frozenset[str]:
    """From where the person of this login (as it is kept) has signed in lately."""
    addresses = session.exec(
        select(StaffSession.ip)
        .join(Staff, col(Staff.id) == StaffSession.staff_id)
        .where(Staff.login == login, StaffSession.created_at > now - FAMILIAR_FOR)
        .distinct()
    )
    return frozenset(network_of(address) for address in addresses if address)


def staff_of_session(session: Session, sid: str, now: datetime) -> SignedIn | None:
    """Who this session id belongs to; None when it is unknown, ended, rested too long, or the account is disabled."""
    found = session.exec(
        select(StaffSession, Staff)
        .join(Staff, col(Staff.id) == StaffSession.staff_id)
        .where(StaffSession.sid_sha256 == fingerprint(sid), col(StaffSession.ended_at).is_(None), col(Staff.is_active))
    ).first()
    if found is None:
        return None
    visit, staff = found
    if is_over(staff.role, visit.last_seen_at, visit.expires_at, now):
        return None
    return SignedIn(
        staff.id or 0, staff.name, staff.role, staff.store_id, staff.locale, visit.id or 0, visit.last_seen_at
    )


def all_staff(session: Session) -> list[StaffRow]:
    """Every account, in the order they were made."""
    return [_row(staff) for staff in session.exec(select(Staff).order_by(col(Staff.id)))]


def staff_by_login(session: Session, login: str) -> StaffRow:
    """The account somebody names by its login, disabled or not. Raises LoginUnknown."""
    staff = session.exec(select(Staff).where(Staff.login == login.strip().casefold())).first()
    if staff is None:
        raise LoginUnknown("login", login=login)
    return _row(staff)


def _row(staff: Staff) -> StaffRow:
    return StaffRow(
        staff_id=staff.id or 0,
        name=staff.name,
        login=staff.login,
        role=staff.role,
        is_active=staff.is_active,
        failed_logins=staff.failed_logins,
        store=staff.store.name if staff.store else "",
    )
