"""She is told before her tier ends, with what is still missing; once for each end, and only where she may be written to."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlmodel import Session, select

from app.db import among
from app.i18n import gettext, yuan
from app.models import Customer, OutboundMessage
from app.queries.consents import current_register, standings_of
from app.rules.consents import may_use
from app.rules.policy import Policy
from app.rules.refusals import words
from app.rules.tiers import Distance
from app.vocabulary import Channel, MessageState, Purpose

_SUBJECT = words("您的{tier}快到期了")
_BOTH = words("{name}，您好！您的{tier} {day} 到期。到那天再消费 {amount} 并且再来 {visits} 次，就能继续保留。{shop}")
_EITHER = words(
    "{name}，您好！您的{tier} {day} 到期。到那天再消费 {amount}，或者再来 {visits} 次，就能继续保留。{shop}"
)
_AMOUNT = words("{name}，您好！您的{tier} {day} 到期。到那天再消费 {amount}，就能继续保留。{shop}")
_VISITS = words("{name}，您好！您的{tier} {day} 到期。到那天再来 {visits} 次，就能继续保留。{shop}")
CHANNELS = (Channel.WECHAT, Channel.SMS, Channel.EMAIL)
"""The ways a warning may take, the first that is there and allowed."""


def warn(
    session: Session, near: Mapping[int, tuple[date, Distance]], *, policy: Policy, now: datetime, today: date
) -> int:
    """Write a message to each of these, by customer: the last day and what is missing. Whoever has it already, has no way
    or did not agree gets none. Returns how many were written."""
    fresh = _unwarned(session, near)
    if not fresh:
        return 0
    register, standings = current_register(session), standings_of(session, fresh, today=today)
    messages = []
    for customer in session.exec(select(Customer).where(among(session, Customer.id, fresh))):
        number = customer.id or 0
        channel = next(
            (
                one
                for one in _ways(customer)
                if number in standings and may_use(Purpose.SERVICE_CARE, one, standings[number], register).may
            ),
            None,
        )
        if channel is not None:
            until_on, missing = near[number]
            messages.append(_message(customer, channel, until_on, missing, policy=policy, now=now))
    session.add_all(messages)
    session.flush()
    return len(messages)


def warning_key(customer_id: int, until_on: date) -> str:
    """What makes the warning of one end one message."""
    return f"tier-warning:{customer_id}:{until_on.isoformat()}"


def _unwarned(session: Session, near: Mapping[int, tuple[date, Distance]]) -> list[int]:
    keys = {warning_key(number, until_on): number for number, (until_on, _) in near.items()}
    if not keys:
        return []
    there = set(session.exec(select(OutboundMessage.key).where(among(session, OutboundMessage.key, set(keys)))))
    return [number for key, number in keys.items() if key not in there]


def _ways(customer: Customer) -> list[Channel]:
    """The ways to her that are not known to lead nowhere, the one she prefers first."""
    has = {
        Channel.WECHAT: customer.wechat is not None,
        Channel.SMS: bool(customer.phone_masked) and customer.phone_invalid_on is None,
        Channel.EMAIL: bool(customer.email) and customer.email_invalid_on is None,
    }
    return sorted((one for one in CHANNELS if has[one]), key=lambda one: one is not customer.preferred_channel)


def _message(
    customer: Customer, channel: Channel, until_on: date, missing: Distance, *, policy: Policy, now: datetime
) -> OutboundMessage:
    text = _BOTH if missing.needs_both else _EITHER
    if not missing.visits:
        text = _AMOUNT
    elif not missing.amount_fen:
        text = _VISITS
    said = gettext(text).format(
        name=customer.name,
        tier=missing.step.name,
        day=until_on.isoformat(),
        amount=yuan(missing.amount_fen or 0),
        visits=missing.visits or 0,
        shop=policy.shop_name,
    )
    return OutboundMessage(
        key=warning_key(customer.id or 0, until_on),
        customer_id=customer.id,
        purpose=Purpose.SERVICE_CARE,
        channel=channel,
        subject=gettext(_SUBJECT).format(tier=missing.step.name),
        body=said,
        state=MessageState.WAITING,
        due_at=now,
    )
