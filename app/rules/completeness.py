"""How much of a customer's file is filled in, and what to ask her next without being a nuisance.

Only a name and one way to reach her are needed; everything else is asked bit by bit. What she would rather not say is
left alone for a while and does not count against her. Health is asked by whoever cares for her and never counts: nothing
sensitive is bought with a gift. Source: S2 「会员注册、消费时主动询问」「避免引起反感」, S0 「提供小禮品作為激勵」, PIPL 6, 28.
"""

import json
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta

from app.rules.refusals import RuleBroken, words

MOST_PROMPTS = 2
MOST_DECLINED = 40
"""Of 100: who declines more has a file that rests, not one that is complete."""


class NothingToDecline(RuleBroken):
    """A field nobody asks for."""

    code = "nothing_to_decline"
    message = words("这一项不在要问的资料里。")


@dataclass(frozen=True)
class Asked:
    """A part of the file: its weight of 100 in all, and how a good shop assistant asks for it. `is_health`: asked only by
    whoever may write it down, of no weight."""

    field: str
    weight: int
    question: str
    is_health: bool = False


ASKED = (
    Asked("phone", 25, words("方便留个手机号吗？下次报号码就能找到您。")),
    Asked("allergy_note", 0, words("有没有对什么成分过敏？做护理前我们要避开。"), is_health=True),
    Asked("birthday", 20, words("您的生日是哪天？到时给您送上祝福。")),
    Asked("needs", 15, words("您最想做哪方面：护肤、美发、美甲、彩妆，还是身体护理？")),
    Asked("preferred_channel", 15, words("有事找您，打电话、发短信还是发微信方便？")),
    Asked("wechat", 10, words("方便加个微信吗？")),
    Asked("gender", 5, words("请把称呼记对：女士还是先生？")),
    Asked("occupation", 5, words("您平时做什么工作？护理时间好安排。")),
    Asked("address", 5, words("您住得离店近吗？寄东西时好用。")),
)
"""In the order they are asked. `needs`: a tag of a kind of care."""
_BY_NAME = {one.field: one for one in ASKED}


@dataclass(frozen=True)
class Completeness:
    """How far a file is: `percent` of what she does not mind saying, and what is missing, in the order to ask."""

    percent: int
    missing: tuple[Asked, ...]
    is_complete: bool


def completeness_of(
    filled: Set[str], declined: Mapping[str, date], *, today: date, ask_again_days: int
) -> Completeness:
    """Measure a file by which fields are filled and when she declined others."""
    resting = resting_fields(declined, today=today, ask_again_days=ask_again_days) - filled
    weight = sum(one.weight for one in ASKED if one.field in filled)
    counted = sum(one.weight for one in ASKED if one.field not in resting)
    missing = tuple(one for one in ASKED if one.field not in filled and one.field not in resting)
    is_complete = weight == counted and counted >= 100 - MOST_DECLINED
    return Completeness(100 * weight // counted if counted else 0, missing, is_complete)


def prompts(completeness: Completeness, *, asks_health: bool) -> tuple[Asked, ...]:
    """What to ask this time: the weightiest of what is missing, never more than two questions."""
    return tuple(one for one in completeness.missing if asks_health or not one.is_health)[:MOST_PROMPTS]


def resting_fields(declined: Mapping[str, date], *, today: date, ask_again_days: int) -> frozenset[str]:
    """What is not asked now because she declined it a short while ago."""
    pause = timedelta(days=ask_again_days)
    return frozenset(field for field, day in declined.items() if today < day + pause)


def read_declined(text: str) -> dict[str, date]:
    """What a record holds of it: field → the day she declined. What cannot be read was not declined."""
    try:
        told = json.loads(text) if text else {}
        return {field: date.fromisoformat(day) for field, day in told.items() if field in _BY_NAME}
    except (ValueError, AttributeError, TypeError):
        return {}


def with_declined(text: str, field: str, day: date | None) -> str:
    """The same with one more field declined on a day, or (None) with her free to be asked again. Raises
    NothingToDecline."""
    if field not in _BY_NAME:
        raise NothingToDecline("field")
    told = read_declined(text)
    told.pop(field, None)
    if day is not None:
        told[field] = day
    return json.dumps({name: told[name].isoformat() for name in sorted(told)}) if told else ""
