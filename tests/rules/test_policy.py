"""The owner's rules: bounds on both sides, colours one can read, and nothing that is not a rule."""

import pytest
from sqlmodel import select

from app.db import Database
from app.models import PolicySetting
from app.queries.policy import current_policy
from app.rules.policy import POLICY_FIELDS, Policy, changed
from app.rules.refusals import RuleBroken


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("complaint_promise_hours", "1", True),
        ("complaint_promise_hours", "0", False),
        ("complaint_promise_hours", "720", True),
        ("complaint_promise_hours", "721", False),
        ("complaint_promise_hours", "48.5", False),
        ("complaint_promise_hours", "４８", False),
        ("complaint_promise_hours", "", False),
        ("complaint_promise_hours", " 24 ", True),
        ("low_nps_max", "10", True),
        ("low_nps_max", "11", False),
        ("brand_colour", "#A8324A", True),
        ("brand_colour", "#767676", True),
        ("brand_colour", "#777777", False),
        ("brand_colour", "#FFF", False),
        ("brand_colour", "red", False),
        ("shop_name", "胭" * 100, True),
        ("shop_name", "胭" * 101, False),
        ("no_such_rule", "1", False),
    ],
)
def test_a_rule_takes_only_what_it_can_work_with(key: str, value: str, accepted: bool) -> None:
    if accepted:
        assert str(getattr(changed(Policy(), key, value), key)) == value.strip()
        return
    with pytest.raises(RuleBroken) as refusal:
        changed(Policy(), key, value)
    assert "{" not in refusal.value.say(lambda message: message)


def test_every_default_is_within_its_own_bounds() -> None:
    for key, rule in POLICY_FIELDS.items():
        if rule.type is int:
            assert rule.metadata["low"] <= rule.default <= rule.metadata["high"], key
        assert rule.metadata["label"], key


def test_what_the_owner_changed_stands_on_top_of_the_defaults(database: Database) -> None:
    with database.writing() as session:
        session.add(PolicySetting(key="low_score_below", value="70"))
        session.add(PolicySetting(key="sample_min", value="not a number any more"))
        session.add(PolicySetting(key="gone_since", value="1"))
    with database.reading() as session:
        policy = current_policy(session)
        assert len(session.exec(select(PolicySetting)).all()) == 3
    assert (policy.low_score_below, policy.sample_min) == (70, Policy().sample_min)
