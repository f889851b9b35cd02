"""The rules as the owner left them."""

from contextlib import suppress

from sqlmodel import Session, select

from app.models import PolicySetting
from app.rules.policy import POLICY_FIELDS, Policy, changed
from app.rules.refusals import RuleBroken


def current_policy(session: Session) -> Policy:
    """The defaults with the owner's changes on top. A stored value that no longer fits falls back to its default."""
    policy = Policy()
    for setting in session.exec(select(PolicySetting)):
        if setting.key in POLICY_FIELDS:
            with suppress(RuleBroken):
                policy = changed(policy, setting.key, setting.value)
    return policy
