"""Personal links: one run for one customer, sent or handed over, good for some days."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from app.actions.tokens import issue_token, revoke_tokens, token_of
from app.audit import note_deed
from app.db import lock_row
from app.i18n import gettext
from app.models import Customer, OutboundMessage, Survey, SurveyInvitation, SurveyResponse, SurveyWave
from app.queries.consents import current_register, standings_of
from app.queries.points_notices import reaches
from app.queries.survey_asked import asked_lately
from app.rules.points_notices import channel_for, due_from
from app.rules.policy import Policy
from app.rules.refusals import NotFound, words
from app.rules.survey_cooldown import check_may_ask
from app.rules.surveys import InviteAnonymous, InviteClosed
from app.vocabulary import (
    AuditAction,
    Channel,
    CustomerStatus,
    MessageState,
    Purpose,
    ResponseState,
    SurveyMode,
    SurveyStatus,
    TokenPurpose,
)

_RUN_BYTES = 16
SUBJECT = words("想听听您的感受")
BODY = words("{name}，您好！{shop}想听听您的感受，只要一两分钟：{address}")


@dataclass(frozen=True)
class Invited:
    """A personal link as it was made. `is_repeat`: she had it already and has not answered, so nothing was made."""

    invitation: SurveyInvitation
    token: str
    is_repeat: bool


def invite(
    session: Session,
    survey_id: int,
    customer_id: int,
    *,
    policy: Policy,
    now: datetime,
    wave_id: int | None = None,
    visit_id: int | None = None,
    staff_id: int | None = None,
    heeds_rest: bool = True,
) -> Invited:
    """A personal link for one customer; the one she has, where it still opens and she has not finished. It opens for the
    shop's days, never longer than the survey or the round. `heeds_rest`: not while she was asked anything lately
    (whoever hands a link over in person may ask all the same). `now` comes in the shop's zone.

    Raises NotFound, InviteAnonymous, InviteClosed, AskedRecently.
    """
    survey, customer = session.get(Survey, survey_id), lock_row(session, Customer, customer_id)
    if survey is None or customer is None or customer.status is CustomerStatus.ERASED:
        raise NotFound("customer")
    _check_invitable(survey, now)
    standing = _standing(session, survey_id, customer_id, wave_id=wave_id, now=now)
    if standing is not None:
        return Invited(standing, token_of(session, TokenPurpose.SURVEY, standing.id or 0), is_repeat=True)
    if heeds_rest:
        days = max(policy.survey_cooldown_days, survey.again_after_days)
        asked = asked_lately(session, [customer_id], now - timedelta(days=days))[customer_id]
        check_may_ask(asked, survey_id, again_after_days=survey.again_after_days, policy=policy, now=now)
    invitation = SurveyInvitation(
        survey_id=survey_id,
        wave_id=wave_id,
        customer_id=customer_id,
        visit_id=visit_id,
        submission_id=secrets.token_urlsafe(_RUN_BYTES),
        created_at=now,
        expires_at=_expires_at(session, survey, wave_id, policy=policy, now=now),
        delivered_at=now,
        staff_id=staff_id,
    )
    session.add(invitation)
    session.flush()
    token = issue_token(session, TokenPurpose.SURVEY, invitation.id or 0, now=now, expires_at=invitation.expires_at)
    note_deed(session, AuditAction.CREATE, str(SurveyInvitation.__tablename__), invitation.id, survey=survey_id)
    return Invited(invitation, token, is_repeat=False)


def _check_invitable(survey: Survey, now: datetime) -> None:
    if survey.mode is SurveyMode.ANONYMOUS:
        raise InviteAnonymous
    is_over = survey.closes_at is not None and now >= survey.closes_at
    if survey.status is not SurveyStatus.PUBLISHED or is_over:
        raise InviteClosed


def _standing(
    session: Session, survey_id: int, customer_id: int, *, wave_id: int | None, now: datetime
) -> SurveyInvitation | None:
    finished = select(SurveyResponse.submission_id).where(SurveyResponse.state == ResponseState.FINISHED)
    found = select(SurveyInvitation).where(
        SurveyInvitation.survey_id == survey_id,
        SurveyInvitation.customer_id == customer_id,
        SurveyInvitation.wave_id == wave_id if wave_id else col(SurveyInvitation.wave_id).is_(None),
        SurveyInvitation.expires_at > now,
        col(SurveyInvitation.revoked_at).is_(None),
        col(SurveyInvitation.submission_id).not_in(finished),
    )
    return session.exec(found.order_by(col(SurveyInvitation.id).desc())).first()


def _expires_at(session: Session, survey: Survey, wave_id: int | None, *, policy: Policy, now: datetime) -> datetime:
    wave = session.get(SurveyWave, wave_id) if wave_id else None
    ends = [now + timedelta(days=policy.survey_link_days), survey.closes_at, wave.closes_at if wave else None]
    return min(end for end in ends if end is not None)


def send_invitations(
    session: Session,
    invited: Collection[Invited],
    *,
    base_url: str,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
) -> int:
    """Write each of these customers a message with her link, where she agreed and a way leads to her; by night it waits
    for the morning. What cannot be sent counts as not delivered. Returns how many were written."""
    fresh = {one.invitation.customer_id: one for one in invited if not one.is_repeat}
    register, standings = current_register(session), standings_of(session, fresh, today=now.date())
    found, written = reaches(session, sorted(fresh)), 0
    for number, one in sorted(fresh.items()):
        known = number in found and number in standings
        channel = channel_for(found[number], standings[number], register) if known else None
        one.invitation.channel, one.invitation.delivered_at = channel, now if channel else None
        session.add(one.invitation)
        if channel is not None:
            session.add(_message(session, one, channel, base_url, policy=policy, due_at=due_from(now, zone)))
            written += 1
    session.flush()
    return written


def _message(
    session: Session, one: Invited, channel: Channel, base_url: str, *, policy: Policy, due_at: datetime
) -> OutboundMessage:
    customer = session.get(Customer, one.invitation.customer_id)
    assert customer is not None
    address = f"{base_url.rstrip('/')}/s/t/{one.token}"
    return OutboundMessage(
        key=f"survey-invitation:{one.invitation.id}",
        customer_id=customer.id,
        purpose=Purpose.SERVICE_CARE,
        channel=channel,
        subject=gettext(SUBJECT),
        body=gettext(BODY).format(name=customer.name, shop=policy.shop_name, address=address),
        state=MessageState.WAITING,
        due_at=due_at,
    )


def note_opened(session: Session, invitation_id: int, *, now: datetime) -> None:
    """She opened her link; the first time stays."""
    invitation = session.get(SurveyInvitation, invitation_id)
    if invitation is not None and invitation.opened_at is None:
        invitation.opened_at = now
        session.add(invitation)


def revoke_invitation(session: Session, invitation_id: int, *, now: datetime) -> SurveyInvitation:
    """The link opens nothing from now on; what she answered stays. Raises NotFound."""
    invitation = lock_row(session, SurveyInvitation, invitation_id)
    if invitation is None:
        raise NotFound
    if invitation.revoked_at is None:
        invitation.revoked_at = now
        session.add(invitation)
        revoke_tokens(session, TokenPurpose.SURVEY, [invitation_id], now=now)
        note_deed(session, AuditAction.UPDATE, str(SurveyInvitation.__tablename__), invitation_id)
    return invitation
