"""The people who work here: accounts, sign-in and sign-out.

A sign-in in four steps, so that the slow hash never holds the database's write turn:

    with database.reading() as session:
        actions.sign_ins.check_sign_in(session, login, ip, now=now)
        credentials = queries.staff.credentials_of(session, login)
    with database.writing() as session:
        counted = actions.sign_ins.count_sign_in(session, login, ip, now=now)
    is_right, fresh_hash = gateways.passwords.verify_password(password, credentials and credentials.password_hash)
    with database.writing() as session:
        sid = actions.staff.sign_in(session, credentials, is_right=is_right, fresh_hash=fresh_hash, now=now, …)

`sid` None means refused; the failure is then written down and committed like a success.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.actions.policy import change_policy
from app.actions.sign_ins import forget_sign_ins
from app.audit import Actor, note_deed
from app.db import lock_row
from app.models import Staff, StaffSession, Store
from app.queries.staff import Credentials, has_owner
from app.rules.refusals import NotFound
from app.rules.sessions import TOUCH_EVERY, expires_at
from app.rules.staff import LastOwner, LoginTaken, OwnerExists, login_of, name_of, shop_name_of
from app.rules.tokens import fingerprint
from app.vocabulary import AuditAction, Role


@dataclass(frozen=True)
class StaffDetails:
    """What the owner decides about an account. `store_id` None: all stores. `locale` empty: the browser's own."""

    name: str
    login: str
    role: Role
    store_id: int | None = None
    locale: str = ""
    is_active: bool = True


def create_first_owner(
    session: Session, *, name: str, login: str, password_hash: str, now: datetime, shop_name: str = ""
) -> Staff:
    """Open the shop: its owner, and its name where one is given. Raises OwnerExists; of two at once one wins."""
    # The first store is there before any owner: holding it, nobody else can find the shop without an owner.
    store = session.exec(select(Store).order_by(col(Store.id)).limit(1).with_for_update()).one()
    if has_owner(session):
        raise OwnerExists
    owner = create_staff(session, StaffDetails(name, login, Role.OWNER), password_hash=password_hash, now=now)
    if shop_name:
        store.name = shop_name_of(shop_name)
        change_policy(session, {"shop_name": store.name}, now=now, staff_id=owner.id)
    return owner


def create_staff(session: Session, details: StaffDetails, *, password_hash: str, now: datetime) -> Staff:
    """A new account. Raises LoginWrong, LoginTaken, NameWrong. The password is judged and hashed before."""
    staff = Staff(
        name=name_of(details.name),
        login=login_of(details.login),
        password_hash=password_hash,
        role=details.role,
        store_id=details.store_id,
        locale=details.locale,
        is_active=details.is_active,
        created_at=now,
    )
    with _one_login_each(session, staff.login):
        session.add(staff)
    return staff


def update_staff(session: Session, staff_id: int, details: StaffDetails, *, now: datetime) -> Staff:
    """Change an account. Another role, another store or a disabled account ends its sessions at once; a new name or
    language ends none. Raises LastOwner, LoginTaken."""
    owners = _active_owners(session)
    staff = _staff(session, staff_id)
    stays_owner = details.is_active and details.role is Role.OWNER
    if [owner.id for owner in owners] == [staff_id] and not stays_owner:
        raise LastOwner("role" if details.is_active else "is_active")
    if (details.role, details.store_id) != (staff.role, staff.store_id) or not details.is_active:
        _end_sessions(session, staff_id, now=now)
    login = login_of(details.login)
    with _one_login_each(session, login):
        staff.name, staff.login, staff.role = name_of(details.name), login, details.role
        staff.store_id, staff.locale, staff.is_active = details.store_id, details.locale, details.is_active
    return staff


def disable_staff(session: Session, staff_id: int, *, now: datetime) -> Staff:
    """Close an account; its sessions end at once, its name stays on what it did. Raises LastOwner."""
    # Not held yet: `update_staff` holds the owners first, in their order, or two of these could block each other.
    staff = session.get(Staff, staff_id)
    if staff is None:
        raise NotFound
    details = StaffDetails(staff.name, staff.login, staff.role, staff.store_id, staff.locale, is_active=False)
    return update_staff(session, staff_id, details, now=now)


def reset_password(session: Session, staff_id: int, *, password_hash: str, now: datetime) -> Staff:
    """A new password: every session of the account ends, and its failures are forgotten."""
    staff = unlock_staff(session, staff_id, now=now)
    staff.password_hash = password_hash
    _end_sessions(session, staff_id, now=now)
    session.flush()
    return staff


def unlock_staff(session: Session, staff_id: int, *, now: datetime) -> Staff:
    """Let somebody who mistyped too often try again at once."""
    staff = _staff(session, staff_id)
    staff.failed_logins = 0
    forget_sign_ins(session, staff, now=now)
    session.flush()
    return staff


def sign_in(
    session: Session,
    credentials: Credentials | None,
    *,
    is_right: bool,
    now: datetime,
    fresh_hash: str | None = None,
    ip: str = "",
    user_agent: str = "",
) -> str | None:
    """Record a checked sign-in. Returns the new session's random id for the cookie, or None: refused, not said why."""
    staff = lock_row(session, Staff, credentials.staff_id) if credentials else None
    if staff is None or credentials is None:
        note_deed(session, AuditAction.LOGIN_FAILED, "staff")
        return None
    # Disabled, or given another password, while the hash was being checked: then what was checked no longer counts.
    if not is_right or not staff.is_active or staff.password_hash != credentials.password_hash:
        failures = staff.failed_logins + 1
        _keep(session, staff, failed_logins=failures)
        note_deed(session, AuditAction.LOGIN_FAILED, "staff", staff.id, failures=failures)
        return None
    session.info["actor"] = Actor(staff.name, staff.id)
    _keep(session, staff, failed_logins=0, password_hash=fresh_hash or staff.password_hash)
    sid = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            sid_sha256=fingerprint(sid),
            staff_id=staff.id or 0,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at(now),
            ip=ip[:45],
            user_agent=user_agent[:200],
        )
    )
    note_deed(session, AuditAction.LOGIN, "staff", staff.id)
    session.flush()
    return sid


def sign_out(session: Session, session_id: int, *, now: datetime) -> None:
    """End one's own session: the cookie is worth nothing from now on."""
    staff_id = _end_session(session, session_id, now)
    if staff_id is not None:
        note_deed(session, AuditAction.LOGOUT, "staff", staff_id)


def end_session(session: Session, session_id: int, *, now: datetime) -> None:
    """End somebody's sign-in on one device; whoever sits there signs in again or goes. Nothing when it is over."""
    staff_id = _end_session(session, session_id, now)
    if staff_id is not None:
        note_deed(session, AuditAction.SESSION_ENDED, "staff", staff_id, sessions=1)


def end_sessions_beside(session: Session, session_id: int, *, now: datetime, asking_session_id: int = 0) -> None:
    """End all sign-ins of the person behind one of them, but never the one that asks. Raises NotFound."""
    visit = session.get(StaffSession, session_id)
    if visit is None:
        raise NotFound
    _end_sessions(session, visit.staff_id, now=now, kept_id=asking_session_id)


def end_sessions_of(session: Session, staff_id: int, *, now: datetime, asking_session_id: int = 0) -> None:
    """End all sign-ins of a person, but never the one that asks. Raises NotFound."""
    _end_sessions(session, _staff(session, staff_id).id or 0, now=now, kept_id=asking_session_id)


def touch_session(session: Session, session_id: int, *, now: datetime) -> None:
    """Write down that a session is in use; nothing when somebody just did. Ask `is_worth_touching` first, so that a
    page that only reads takes no write turn."""
    session.execute(
        update(StaffSession)
        .where(
            col(StaffSession.id) == session_id,
            col(StaffSession.ended_at).is_(None),
            col(StaffSession.last_seen_at) <= now - TOUCH_EVERY,
        )
        .values(last_seen_at=now)
    )


def hold_staff(session: Session, staff_id: int) -> None:
    """What changing an account locks before the account itself."""
    _active_owners(session)


@contextmanager
def _one_login_each(session: Session, login: str) -> Iterator[None]:
    """The database decides, so that two people made at once cannot share a login."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError:
        if session.exec(select(Staff.id).where(Staff.login == login)).first() is None:
            raise
        raise LoginTaken("login", login=login) from None


def _keep(session: Session, staff: Staff, **values: object) -> None:
    # Past the audit listener: the deed itself is noted, a second entry about its counters would say nothing.
    session.execute(update(Staff).where(col(Staff.id) == staff.id).values(**values))


def _end_session(session: Session, session_id: int, now: datetime) -> int | None:
    """Whose it was; None when it was over already."""
    visit = lock_row(session, StaffSession, session_id)
    if visit is None or visit.ended_at is not None:
        return None
    visit.ended_at = now
    session.flush()
    return visit.staff_id


def _end_sessions(session: Session, staff_id: int, *, now: datetime, kept_id: int = 0) -> None:
    ended = session.execute(
        update(StaffSession)
        .where(
            col(StaffSession.staff_id) == staff_id,
            col(StaffSession.ended_at).is_(None),
            col(StaffSession.id) != kept_id,
        )
        .values(ended_at=now)
    )
    if ended.rowcount:  # type: ignore[attr-defined]  # an update's result has it
        note_deed(session, AuditAction.SESSION_ENDED, "staff", staff_id, sessions=ended.rowcount)  # type: ignore[attr-defined]


def _active_owners(session: Session) -> list[Staff]:
    """Held until the unit of work ends, so that two owners cannot take each other away at once."""
    return list(
        session.exec(
            select(Staff)
            .where(Staff.role == Role.OWNER, col(Staff.is_active))
            .order_by(col(Staff.id))
            .with_for_update()
        )
    )


def _staff(session: Session, staff_id: int) -> Staff:
    staff = lock_row(session, Staff, staff_id)
    if staff is None:
        raise NotFound
    return staff
