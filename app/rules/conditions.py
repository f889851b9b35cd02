"""A small language for "which customers": conditions over the member file, kept as JSON, read by people as a sentence.
Tags by rule use it, and whatever else chooses customers. What it means to the database stands in `queries.tagged`."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.rules.amounts import AmountTooFine, AmountTooLarge, AmountWrong, parse_fen
from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.vocabulary import CategoryOfNeed, Channel, CustomerStatus, Gender, Purpose, SkinType, Source

MOST_CONDITIONS = 12
LONGEST_VALUE = 40
LARGEST_NUMBER = 1_000_000_000


class Match(StrEnum):
    """Whether every condition must hold, or one is enough."""

    ALL = "all"
    ANY = "any"


class Op(StrEnum):
    """How a field is compared."""

    IS = "is"
    IS_NOT = "is_not"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    WITHIN = "within"
    LONGER_AGO = "longer_ago"
    CONTAINS = "contains"
    LACKS = "lacks"


class Kind(StrEnum):
    """What a field holds, and so what it can be compared with: a word of the vocabulary, a record of a short table, yes
    or no, a whole number, a month, an amount of money, how many days ago, a text."""

    WORD = "word"
    RECORD = "record"
    YES = "yes"
    NUMBER = "number"
    MONTH = "month"
    MONEY = "money"
    DAYS = "days"
    TEXT = "text"


OPS: Mapping[Kind, tuple[Op, ...]] = {
    Kind.WORD: (Op.IS, Op.IS_NOT),
    Kind.RECORD: (Op.IS, Op.IS_NOT),
    Kind.YES: (Op.IS,),
    Kind.NUMBER: (Op.AT_LEAST, Op.AT_MOST),
    Kind.MONTH: (Op.IS, Op.IS_NOT),
    Kind.MONEY: (Op.AT_LEAST, Op.AT_MOST),
    Kind.DAYS: (Op.WITHIN, Op.LONGER_AGO),
    Kind.TEXT: (Op.CONTAINS, Op.LACKS),
}
OP_WORDS: Mapping[Op, str] = {
    Op.IS: words("是"),
    Op.IS_NOT: words("不是"),
    Op.AT_LEAST: words("不少于"),
    Op.AT_MOST: words("不多于"),
    Op.WITHIN: words("在最近几天内"),
    Op.LONGER_AGO: words("已超过几天（或从来没有）"),
    Op.CONTAINS: words("包含"),
    Op.LACKS: words("不包含"),
}
MATCH_WORDS: Mapping[Match, str] = {Match.ALL: words("全部条件都符合"), Match.ANY: words("符合任意一条")}
YES_WORDS: Mapping[str, str] = {"yes": words("是"), "no": words("否")}


@dataclass(frozen=True)
class Field:
    """One thing of the member file that can be asked about. `choices` are the words it may be; `table` whose records it
    points at; `is_health`: whoever sees the outcome learns something about her health."""

    name: str
    label: str
    kind: Kind
    choices: type[StrEnum] | None = None
    table: str = ""
    unit: str = ""
    is_health: bool = False
    low: int = 0
    high: int = LARGEST_NUMBER


_TIMES, _DAYS, _YEARS, _YUAN, _POINTS = words("次"), words("天"), words("岁"), words("元"), words("分")
FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("tier", words("等级"), Kind.RECORD, table="tiers"),
        Field("vip", words("VIP 顾客"), Kind.YES),
        Field("gender", words("性别"), Kind.WORD, Gender),
        Field("age", words("年龄"), Kind.NUMBER, unit=_YEARS, high=130),
        Field("birth_month", words("生日月份"), Kind.MONTH, unit=words("月"), low=1, high=12),
        Field("source", words("来源"), Kind.WORD, Source),
        Field("store", words("门店"), Kind.RECORD, table="stores"),
        Field("preferred_channel", words("希望怎么联系"), Kind.WORD, Channel),
        Field("address", words("地址"), Kind.TEXT),
        Field("occupation", words("职业"), Kind.TEXT),
        Field("skin_type", words("肤质"), Kind.WORD, SkinType, is_health=True),
        Field("sensitive", words("最近一次皮肤记录为敏感"), Kind.YES, is_health=True),
        Field("created", words("建档"), Kind.DAYS, unit=_DAYS),
        Field("last_visit", words("最近到店"), Kind.DAYS, unit=_DAYS),
        Field("last_purchase", words("最近消费"), Kind.DAYS, unit=_DAYS),
        Field("visits", words("到店次数"), Kind.NUMBER, unit=_TIMES),
        Field("paid", words("累计实付"), Kind.MONEY, unit=_YUAN),
        Field("points", words("积分余额"), Kind.NUMBER, unit=_POINTS),
        Field("bought_category", words("买过这一类"), Kind.WORD, CategoryOfNeed),
        Field("bought_treatment", words("做过这个项目"), Kind.RECORD, table="treatments"),
        Field("bought_product", words("买过这个产品"), Kind.RECORD, table="products"),
        Field("tag", words("手工标签"), Kind.RECORD, table="tags"),
        Field("consent", words("已同意的用途"), Kind.WORD, Purpose),
        Field("status", words("档案状态"), Kind.WORD, CustomerStatus),
    )
}


class RuleUnreadable(RuleBroken):
    """Not a rule of this language: it was damaged, or another program wrote it."""

    code = "rule_unreadable"
    message = words("看不懂这条规则，请重新设置。")


class RuleEmpty(RuleBroken):
    """A rule without conditions would fit everybody by accident."""

    code = "rule_empty"
    message = words("请至少加一个条件。")


class RuleTooLong(RuleBroken):
    """More than anybody could read again."""

    code = "rule_too_long"
    message = words("最多 {most} 个条件。")


class ConditionWrong(RuleBroken):
    """A value the field cannot be compared with."""

    code = "condition_wrong"
    message = words("请为“{label}”选一个值。")


class NumberOutOfPlace(RuleBroken):
    """Not a whole number, or one that cannot be."""

    code = "condition_number_wrong"
    message = words("“{label}”请填 {low} 到 {high} 之间的整数。")


class TextOutOfPlace(RuleBroken):
    """Nothing to look for, or too much of it."""

    code = "condition_text_wrong"
    message = words("“{label}”请填要找的字，最多 {limit} 个。")


@dataclass(frozen=True)
class Condition:
    """One field compared with one value: a word, a number (days, fen, the number of a record) or a text."""

    field: Field
    op: Op
    value: str | int


@dataclass(frozen=True)
class Rule:
    """Which customers: those who fit all the conditions, or any of them."""

    match: Match
    conditions: tuple[Condition, ...]

    def as_json(self) -> str:
        """As it is kept."""
        conditions = [{"field": one.field.name, "op": one.op, "value": one.value} for one in self.conditions]
        return json.dumps({"match": self.match, "conditions": conditions}, ensure_ascii=False)

    def values_of(self, name: str) -> set[str | int]:
        """What a field is compared with anywhere in it."""
        return {one.value for one in self.conditions if one.field.name == name}

    @property
    def tells_health(self) -> bool:
        """Whether wearing the tag says something about a customer's health."""
        return any(one.field.is_health for one in self.conditions)


def read_condition(name: str, op: str, value: str) -> Condition:
    """A condition as somebody filled it in. Raises RuleUnreadable, ConditionWrong, NumberOutOfPlace, TextOutOfPlace or
    AmountWrong, with the field's name."""
    field = FIELDS.get(name)
    if field is None or op not in OPS[field.kind]:
        raise RuleUnreadable
    return Condition(field, Op(op), _READ[field.kind](field, value.strip()))


def read_rule(match: str, conditions: Iterable[tuple[str, str, str]]) -> Rule:
    """A rule of conditions as they were filled in. Raises RuleEmpty, RuleTooLong, or as `read_condition`."""
    return _checked(match, tuple(read_condition(*one) for one in conditions))


def parse_rule(text: str) -> Rule:
    """A rule as it was kept. Raises RuleUnreadable, RuleEmpty, or as `read_condition`."""
    try:
        kept = json.loads(text)
        typed = [
            (str(one["field"]), str(one["op"]), _as_typed(str(one["field"]), one["value"]))
            for one in kept["conditions"]
        ]
        match = str(kept["match"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RuleUnreadable from None
    return read_rule(match, typed)


def typed_value(condition: Condition) -> str:
    """The value as a form shows it: money in yuan."""
    return _as_typed(condition.field.name, condition.value)


def _as_typed(name: str, value: Any) -> str:
    if name in FIELDS and FIELDS[name].kind is Kind.MONEY and isinstance(value, int):
        return f"{value // 100}.{value % 100:02d}".removesuffix(".00")
    return str(value)


def _checked(match: str, conditions: tuple[Condition, ...]) -> Rule:
    if match not in set(Match):
        raise RuleUnreadable
    if not conditions:
        raise RuleEmpty
    if len(conditions) > MOST_CONDITIONS:
        raise RuleTooLong(most=MOST_CONDITIONS)
    return Rule(Match(match), conditions)


def _word(field: Field, value: str) -> str:
    if field.choices is None or value not in set(field.choices):
        raise ConditionWrong(field.name, label=field.label)
    return value


def _yes(field: Field, value: str) -> str:
    if value not in YES_WORDS:
        raise ConditionWrong(field.name, label=field.label)
    return value


def _record(field: Field, value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value[:11]) < LARGEST_NUMBER):
        raise ConditionWrong(field.name, label=field.label)
    return int(value)


def _number(field: Field, value: str) -> int:
    if not (value.isascii() and value.isdigit() and field.low <= int(value[:12]) <= field.high):
        raise NumberOutOfPlace(field.name, label=field.label, low=field.low, high=field.high)
    return int(value)


def _days(field: Field, value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:8]) <= LONGEST_DAYS):
        raise NumberOutOfPlace(field.name, label=field.label, low=1, high=LONGEST_DAYS)
    return int(value)


def _money(field: Field, value: str) -> int:
    try:
        fen = parse_fen(value)
    except (AmountWrong, AmountTooFine, AmountTooLarge) as refusal:
        raise type(refusal)(field.name) from None
    if fen < 0:
        raise AmountWrong(field.name)
    return fen


def _text(field: Field, value: str) -> str:
    text = tidy_words(value)
    if not 0 < len(text) <= LONGEST_VALUE:
        raise TextOutOfPlace(field.name, label=field.label, limit=LONGEST_VALUE)
    return text


LONGEST_DAYS = 3650
_READ: Mapping[Kind, Callable[[Field, str], str | int]] = {
    Kind.WORD: _word,
    Kind.RECORD: _record,
    Kind.YES: _yes,
    Kind.NUMBER: _number,
    Kind.MONTH: _number,
    Kind.MONEY: _money,
    Kind.DAYS: _days,
    Kind.TEXT: _text,
}
