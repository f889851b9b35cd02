"""An earning rule or a reward as somebody typed it: whether it can mean anything."""

from datetime import date

from app.rules.points import LARGEST_POINTS
from app.rules.points_expiry import fixed_day
from app.rules.refusals import RuleBroken, words
from app.vocabulary import EarningKind

LARGEST_PERCENT = 1000


class GivesNothing(RuleBroken):
    """A rule that gives no points."""

    code = "gives_nothing"
    message = words("请填给多少分，1 到 {largest} 之间。")


class TimesNothing(RuleBroken):
    """A campaign that changes nothing, or far too much."""

    code = "times_nothing"
    message = words("活动要填倍数，如 200 表示双倍积分；最多 {largest}。")


class EndsBeforeItStarts(RuleBroken):
    """The last day before the first."""

    code = "ends_before_it_starts"
    message = words("结束的日期要在开始之后。")


def check_earning(
    kind: EarningKind, *, points: int, percent: int, expiry_day: str, starts_on: date | None, ends_on: date | None
) -> None:
    """Raises GivesNothing, TimesNothing, ExpiryDayWrong, EndsBeforeItStarts."""
    if kind is EarningKind.CAMPAIGN:
        if percent == 100 or not 0 < percent <= LARGEST_PERCENT:
            raise TimesNothing("percent", largest=LARGEST_PERCENT)
    elif not 0 < points <= LARGEST_POINTS:
        raise GivesNothing("points", largest=LARGEST_POINTS)
    fixed_day(expiry_day)
    check_span(starts_on, ends_on)


def check_span(starts_on: date | None, ends_on: date | None) -> None:
    """Raises EndsBeforeItStarts."""
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise EndsBeforeItStarts("ends_on")
