"""Consents: a yes is a receipt, a no ends it. Both stay as they were written."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.db import lock_row
from app.models import Consent, Customer
from app.rules.policy import Policy
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import Channel, Purpose


class ConsentStands(RuleBroken):
    """She has said yes to just that, and it stands."""

    code = "consent_stands"
    message = words("这一项顾客已经同意过，不用再登记。")
    status = 409


class ConsentWithdrawn(RuleBroken):
    """A no that was said before."""

    code = "consent_withdrawn"
    message = words("这一项顾客已经撤回了。")
    status = 409


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
    """Write down a yes under today's privacy notice. Raises ConsentStands, NotFound."""
    if lock_row(session, Customer, details.customer_id) is None:
        raise NotFound("customer")
    same = select(Consent).where(
        Consent.customer_id == details.customer_id,
        Consent.purpose == details.purpose,
        col(Consent.channel).is_(None) if details.channel is None else Consent.channel == details.channel,
        col(Consent.withdrawn_at).is_(None),
    )
    if session.exec(same).first() is not None:
        raise ConsentStands("purpose")
    consent = Consent(
        customer_id=details.customer_id,
        purpose=details.purpose,
        channel=details.channel,
        notice_version=policy.notice_version,
        granted_at=now,
        given_by=details.given_by,
        staff_id=staff_id,
    )
    session.add(consent)
    session.flush()
    return consent


def withdraw_consent(session: Session, consent_id: int, *, now: datetime) -> Consent:
    """Write down a no. As easy as the yes; what was done before stays lawful. Source: PIPL 15."""
    consent = lock_row(session, Consent, consent_id)
    if consent is None:
        raise NotFound
    if consent.withdrawn_at is not None:
        raise ConsentWithdrawn
    consent.withdrawn_at = now
    session.flush()
    return consent
