"""What a finished survey is thanked with: a code for the till, good once and for some days."""

from datetime import date, timedelta

from app.rules.refusals import RuleBroken, words

GIFT_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Nothing that looks or sounds like something else."""
GIFT_LENGTH = 8


class GiftUnknown(RuleBroken):
    """No finished survey has this code."""

    code = "gift_unknown"
    message = words("没有这个感谢礼编号，请再对一下顾客手机上的 8 位字符。")
    status = 404


class GiftUsed(RuleBroken):
    """Once is once."""

    code = "gift_used"
    message = words("这份感谢礼已经领过了。")
    status = 409


class GiftOver(RuleBroken):
    """It was good for some days."""

    code = "gift_over"
    message = words("这份感谢礼 {day} 已经到期。")
    status = 409


def tidy_code(typed: str) -> str:
    """A code as it was typed at the till, as it is kept."""
    return "".join(letter for letter in typed.upper() if letter in GIFT_LETTERS)


def gift_until_on(today: date, days: int) -> date | None:
    """The last day it is good; None: without end."""
    return today + timedelta(days=days) if days else None


def check_gift(until_on: date | None, *, is_used: bool, today: date) -> None:
    """Refuse a gift that was had, or whose last day is over."""
    if is_used:
        raise GiftUsed("code")
    if until_on is not None and today > until_on:
        raise GiftOver("code", day=until_on.isoformat())
