"""How long a sign-in lasts: the desk's own people sit at the till all day, everybody else's screen locks soon."""

from datetime import datetime, timedelta

from app.vocabulary import Role

IDLE_LIMIT = timedelta(minutes=30)
"""Without a click for this long a session is over. Source: OWASP ASVS 5, 7.3.1."""
TILL_IDLE_LIMIT = timedelta(hours=12)
"""At the till a working day: signing in between two customers would only teach people to share a password."""
LONGEST = timedelta(hours=12)
"""No session outlives this, busy or not. Source: OWASP ASVS 5, 7.3.2."""
TOUCH_EVERY = timedelta(minutes=1)
"""How often a session's last sign of life is written: reading pages must not become writing."""
FAMILIAR_FOR = timedelta(days=90)
"""How long an address somebody has signed in from counts as hers when passwords are tried."""

AT_THE_TILL = frozenset({Role.RECEPTION, Role.BEAUTICIAN})


def idle_limit(role: Role) -> timedelta:
    """How long this role's session may rest."""
    return TILL_IDLE_LIMIT if role in AT_THE_TILL else IDLE_LIMIT


def expires_at(now: datetime) -> datetime:
    """When a session that begins now ends in any case."""
    return now + LONGEST


def is_over(role: Role, last_seen_at: datetime, expires_at: datetime, now: datetime) -> bool:
    """Whether a session has rested too long or lived too long."""
    return now >= expires_at or now - last_seen_at >= idle_limit(role)


def is_worth_touching(last_seen_at: datetime, now: datetime) -> bool:
    """Whether the last sign of life is old enough to be written again."""
    return now - last_seen_at >= TOUCH_EVERY
