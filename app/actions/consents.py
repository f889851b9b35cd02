"""Consents: a yes is a receipt, a no ends it. Both stay as they were written."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, SQLModel, col, select

from app.actions.policy import change_policy, lock_policy
from app.db import lock_row
from app.models import Consent, Customer, PurposeRule, SkinRecord, Visit
from app.queries.consents import current_register, receipt_of
from app.queries.policy import current_policy
from app.rules.consents import (
    DEFAULTS,
    HOW_MAX,
    ConsentStands,
    ConsentWithdrawn,
    NothingToWithdraw,
    Standing,
    Terms,
    check_grant,
    checked_terms,
    checked_version,
    ended_by,
    is_child,
    left_after,
    says_otherwise,
)
from app.rules.names import tidy_words
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import Channel, Purpose

_FACE_TO_FACE = "当面"  # data: stands on the receipt


@dataclass(frozen=True)
class ConsentDetails:
    """What a customer said yes to. `channel` None: the purpose in all. `given_by`: how she said it, in words."""

    customer_id: int
    purpose: Purpose
    channel: Channel | None = None
    given_by: str = ""


def grant_consent(
    session: Session, details: ConsentDetails, *, policy: Policy, now: datetime, staff_id: int | None = None
) -> Consent:
    """Write down a yes under today's privacy notice. Raises ConsentStands, GuardianFirst, NotFound."""
    given = grant_many(
        session,
        details.customer_id,
        [(details.purpose, details.channel)],
        how=details.given_by,
        policy=policy,
        now=now,
        staff_id=staff_id,
    )
    if not given:
        raise ConsentStands("purpose")
    return given[0]


def grant_many(
    session: Session,
    customer_id: int,
    wishes: Collection[tuple[Purpose, Channel | None]],
    *,
    how: str,
    policy: Policy,
    now: datetime,
    staff_id: int | None = None,
) -> tuple[Consent, ...]:
    """A receipt of its own for each of these yeses; the guardian's first, and none for what stands already. `how` she
    said it, in words. All or nothing: raises GuardianFirst, NotFound."""
    standing, rows = _held(session, customer_id, now)
    given = []
    for purpose, channel in sorted(set(wishes), key=lambda wish: wish[0] is not Purpose.GUARDIAN):
        check_grant(purpose, standing)
        if any(row.purpose is purpose and row.channel is channel for row in rows):
            continue
        consent = Consent(
            customer_id=customer_id,
            purpose=purpose,
            channel=channel,
            notice_version=policy.notice_version,
            granted_at=now,
            given_by=tidy_words(how)[:HOW_MAX],
            staff_id=staff_id,
        )
        session.add(consent)
        given.append(consent)
        rows.append(consent)
        standing = Standing((*standing.receipts, receipt_of(consent)), standing.is_child, standing.status)
    session.flush()
    return tuple(given)


def withdraw_consent(
    session: Session, consent_id: int, *, how: str = "", now: datetime, staff_id: int | None = None
) -> Consent:
    """Write down the no to what a receipt said yes to. Raises ConsentWithdrawn, NotFound."""
    consent = session.get(Consent, consent_id)
    if consent is None:
        raise NotFound
    _held(session, consent.customer_id, now)
    consent = lock_row(session, Consent, consent_id)
    if consent is None:
        raise NotFound
    if consent.withdrawn_at is not None:
        raise ConsentWithdrawn
    withdraw(session, consent.customer_id, consent.purpose, consent.channel, how=how, now=now, staff_id=staff_id)
    return consent


def withdraw(
    session: Session,
    customer_id: int,
    purpose: Purpose,
    channel: Channel | None = None,
    *,
    how: str = "",
    now: datetime,
    staff_id: int | None = None,
) -> tuple[Consent, ...]:
    """Write down a no: to one channel, or to the purpose in all. As easy as the yes; what was done before stays lawful.
    A yes in all that loses one channel goes on as receipts for the others, each as it was given. Source: PIPL 15.

    Returns the receipts that ended. Raises NothingToWithdraw, NotFound."""
    standing, rows = _held(session, customer_id, now)
    ended = set(ended_by(purpose, channel, standing))
    if not ended:
        raise NothingToWithdraw("purpose")
    over = [row for row in rows if receipt_of(row) in ended]
    for row in over:
        row.withdrawn_at, row.withdrawn_staff_id = now, staff_id
        row.withdrawn_how = tidy_words(how)[:HOW_MAX]
    session.flush()  # before what goes on: one standing receipt each is all there may be
    in_all = [row for row in over if row.channel is None]
    for row in in_all:
        for left in left_after(purpose, channel, standing):
            told = ("purpose", "notice_version", "granted_at", "given_by", "staff_id")
            session.add(Consent(customer_id=customer_id, channel=left, **{name: getattr(row, name) for name in told}))
    session.flush()
    return tuple(over)


def agree_to_health(
    session: Session,
    row_id: int,
    *,
    table: type[Customer] | type[SkinRecord] | type[Visit],
    policy: Policy,
    now: datetime,
    staff_id: int | None = None,
) -> None:
    """She said face to face that what was written of her skin and health may be kept. Raises GuardianFirst, NotFound."""
    row: SQLModel | None = session.get(table, row_id)
    number = row.id if isinstance(row, Customer) else row.customer_id if isinstance(row, SkinRecord | Visit) else None
    if number is None:
        raise NotFound
    wish = (Purpose.HEALTH_RECORD, None)
    grant_many(session, number, [wish], how=_FACE_TO_FACE, policy=policy, now=now, staff_id=staff_id)


def change_purpose(
    session: Session,
    purpose: Purpose,
    terms: Terms,
    *,
    notice_version: str,
    now: datetime,
    staff_id: int | None = None,
) -> Terms:
    """Another wording of a purpose. When a customer reads something else, the notice gets the new version given; every
    receipt from then on carries it. Raises what `checked_terms` and `checked_version` raise."""
    lock_policy(session)
    before, policy = current_register(session).of(purpose), current_policy(session)
    after = checked_terms(purpose, terms)
    version = checked_version(notice_version, before=policy.notice_version, has_changed=says_otherwise(before, after))
    row = session.exec(select(PurposeRule).where(PurposeRule.purpose == purpose)).first()
    if after == DEFAULTS[purpose]:
        if row is not None:
            session.delete(row)
    else:
        row = row or PurposeRule(purpose=purpose, updated_at=now)
        for name, value in vars(after).items():
            setattr(row, name, value)
        row.updated_at = now
        session.add(row)
    if version != policy.notice_version:
        change_policy(session, {"notice_version": version}, now=now, staff_id=staff_id)
    session.flush()
    return after


def _held(session: Session, customer_id: int, now: datetime) -> tuple[Standing, list[Consent]]:
    """A customer whose consents nobody else changes until this unit of work ends, and her standing receipts. Raises
    NotFound."""
    customer = lock_row(session, Customer, customer_id)
    if customer is None:
        raise NotFound("customer")
    rows = session.exec(
        select(Consent)
        .where(Consent.customer_id == customer_id, col(Consent.withdrawn_at).is_(None))
        .order_by(col(Consent.id)),
        execution_options={"populate_existing": True},
    ).all()
    child = is_child(customer.birthday, customer.birthday_calendar, now.date())
    return Standing(tuple(receipt_of(row) for row in rows), child, customer.status), list(rows)
