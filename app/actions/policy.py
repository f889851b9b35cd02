"""The owner changes her rules: what she set stands as a row, what equals the default needs none."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session, col, select

from app.models import PolicySetting, Store
from app.queries.policy import current_policy
from app.rules.policy import POLICY_FIELDS, Policy, changed
from app.rules.refusals import RuleBroken


def lock_policy(session: Session) -> None:
    """Hold the rules until this unit of work ends: whoever compares them with what was typed must not be overtaken. A
    rule at its default has no row, so the first store's stands for all of them."""
    session.exec(select(Store).order_by(col(Store.id)).limit(1).with_for_update()).one()


def change_policy(
    session: Session, typed: Mapping[str, str], *, now: datetime, staff_id: int | None = None
) -> dict[str, RuleBroken]:
    """Keep what was typed, by the rule's name. All or nothing: what could not be used is returned by name, and then
    nothing is changed. Raises PolicyUnknown."""
    policy = current_policy(session)
    refusals: dict[str, RuleBroken] = {}
    for key, value in typed.items():
        try:
            policy = changed(policy, key, value)
        except RuleBroken as refusal:
            if key not in POLICY_FIELDS:
                raise
            refusals[key] = refusal
    if not refusals:
        _keep(session, {key: str(getattr(policy, key)) for key in typed}, now, staff_id)
    return refusals


def _keep(session: Session, values: Mapping[str, str], now: datetime, staff_id: int | None) -> None:
    default = Policy()
    kept = {row.key: row for row in session.exec(select(PolicySetting))}
    for key, value in values.items():
        row = kept.get(key)
        if value == str(getattr(default, key)):
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(PolicySetting(key=key, value=value, updated_at=now, staff_id=staff_id))
        elif row.value != value:
            row.value, row.updated_at, row.staff_id = value, now, staff_id
    session.flush()
