"""Conditions over the member file: read, kept, read again, refused in plain words."""

import json

import pytest

from app.rules.amounts import AmountWrong
from app.rules.conditions import (
    FIELDS,
    MOST_CONDITIONS,
    OP_WORDS,
    OPS,
    ConditionWrong,
    Kind,
    Match,
    NumberOutOfPlace,
    Op,
    RuleEmpty,
    RuleTooLong,
    RuleUnreadable,
    TextOutOfPlace,
    parse_rule,
    read_condition,
    read_rule,
    typed_value,
)
from app.rules.refusals import RuleBroken

GOOD = {
    Kind.RECORD: "3",
    Kind.YES: "yes",
    Kind.NUMBER: "40",
    Kind.MONTH: "12",
    Kind.MONEY: "1,234.50",
    Kind.DAYS: "30",
    Kind.TEXT: " 浦东 ",
}


def good_value(name: str) -> str:
    """A value somebody may fill in for a field."""
    field = FIELDS[name]
    return next(iter(field.choices)).value if field.choices else GOOD[field.kind]


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_reads_is_kept_and_is_read_again_with_each_of_its_operators(name: str) -> None:
    for op in OPS[FIELDS[name].kind]:
        rule = read_rule("all", [(name, op, good_value(name))])
        assert parse_rule(rule.as_json()) == rule
        assert read_condition(name, op, typed_value(rule.conditions[0])) == rule.conditions[0]


def test_every_kind_and_every_operator_has_words_and_a_use() -> None:
    assert set(OPS) == set(Kind)
    assert set(OP_WORDS) == set(Op) == {op for ops in OPS.values() for op in ops}


def test_money_is_kept_in_fen_and_shown_in_yuan() -> None:
    condition = read_condition("paid", "at_least", "1,234.50")
    assert (condition.value, typed_value(condition)) == (123450, "1234.50")
    assert typed_value(read_condition("paid", "at_least", "1000")) == "1000"


@pytest.mark.parametrize(
    ("condition", "refusal"),
    [
        (("shoe_size", "is", "40"), RuleUnreadable),
        (("gender", "at_least", "female"), RuleUnreadable),
        (("gender", "is", "queen"), ConditionWrong),
        (("gender", "is", ""), ConditionWrong),
        (("tier", "is", ""), ConditionWrong),
        (("tier", "is", "1; DROP TABLE"), ConditionWrong),
        (("sensitive", "is", "maybe"), ConditionWrong),
        (("age", "at_least", "-1"), NumberOutOfPlace),
        (("age", "at_least", "131"), NumberOutOfPlace),
        (("age", "at_least", "３０"), NumberOutOfPlace),
        (("age", "at_least", "18.5"), NumberOutOfPlace),
        (("birth_month", "is", "0"), NumberOutOfPlace),
        (("birth_month", "is", "13"), NumberOutOfPlace),
        (("created", "within", "0"), NumberOutOfPlace),
        (("created", "within", "3651"), NumberOutOfPlace),
        (("paid", "at_least", "much"), AmountWrong),
        (("paid", "at_least", "-1"), AmountWrong),
        (("address", "contains", "  "), TextOutOfPlace),
        (("address", "contains", "长" * 41), TextOutOfPlace),
    ],
)
def test_what_cannot_be_compared_is_refused(condition: tuple[str, str, str], refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal) as refused:
        read_condition(*condition)
    assert refused.value.say(str)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "7", '{"match": "all"}', '{"conditions": [{}]}', '{"match": "all", "conditions": [3]}',
     '{"match": "most", "conditions": [{"field": "age", "op": "at_least", "value": 3}]}',
     '{"match": "all", "conditions": [{"field": ["age"], "op": "at_least", "value": 3}]}',
     '{"match": "all", "conditions": [{"field": "age", "op": {}, "value": 3}]}'],
)  # fmt: skip
def test_a_damaged_rule_is_refused_and_never_half_read(text: str) -> None:
    with pytest.raises(RuleUnreadable):
        parse_rule(text)


def test_a_rule_without_conditions_would_fit_everybody_and_is_refused() -> None:
    with pytest.raises(RuleEmpty):
        read_rule("all", [])


def test_a_rule_has_twelve_conditions_and_not_thirteen() -> None:
    one = ("age", "at_least", "18")
    assert len(read_rule("any", [one] * MOST_CONDITIONS).conditions) == 12
    with pytest.raises(RuleTooLong):
        read_rule("any", [one] * (MOST_CONDITIONS + 1))


def test_a_rule_is_kept_as_others_can_read_it() -> None:
    rule = read_rule("any", [("gender", "is", "female"), ("paid", "at_least", "10")])
    assert json.loads(rule.as_json()) == {
        "match": "any",
        "conditions": [
            {"field": "gender", "op": "is", "value": "female"},
            {"field": "paid", "op": "at_least", "value": 1000},
        ],
    }
    assert rule.match is Match.ANY


def test_a_rule_says_when_wearing_its_tag_tells_something_about_health() -> None:
    assert read_rule("all", [("skin_type", "is", "dry")]).tells_health
    assert not read_rule("all", [("age", "at_least", "18")]).tells_health
