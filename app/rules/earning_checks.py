"""An earning rule or a reward as somebody typed it: whether it can mean anything."""

from datetime import date

from app.rules.points import LARGEST_POINTS
from app.rules.points_expiry import fixed_day
from app.rules.refusals import RuleBroken, words
from app.vocabulary import CategoryOfNeed, EarningKind, ExpiryKind

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


class NotCountedByYear(RuleBroken):
    """How often a year is said of what happens to one customer at a time; a sale goes by what was paid."""

    code = "not_counted_by_year"
    message = words("“一年最多几次”只管活动、分享、建议这类一次一给的积分；“{kind}”每一单都算，这里请填 0。")


class YearWithoutCycle(RuleBroken):
    """A year says in which of two the points end, so it means something for two years only."""

    code = "year_without_cycle"
    message = words("“哪一年到期”只在选“每两年固定一天”时填。")


class YearFarAway(RuleBroken):
    """No year people mean."""

    code = "year_far_away"
    message = words("请填到期的年份，像 2026。")


SALES = {
    EarningKind.PURCHASE: words("消费积分"),
    EarningKind.CAMPAIGN: words("活动倍数"),
    EarningKind.BONUS: words("满额加送"),
}
"""What a sale goes through, by the words of the register."""


def check_earning(
    kind: EarningKind,
    *,
    points: int,
    percent: int,
    expiry_day: str,
    starts_on: date | None,
    ends_on: date | None,
    times_a_year: int = 0,
    category: CategoryOfNeed | None = None,
) -> None:
    """A rule of sales for one kind of care may give 0: what is bought of that kind earns nothing.

    Raises GivesNothing, TimesNothing, NotCountedByYear, ExpiryDayWrong, EndsBeforeItStarts."""
    if kind is EarningKind.CAMPAIGN:
        if percent == 100 or not 0 < percent <= LARGEST_PERCENT:
            raise TimesNothing("percent", largest=LARGEST_PERCENT)
    elif not (0 if kind is EarningKind.PURCHASE and category else 1) <= points <= LARGEST_POINTS:
        raise GivesNothing("points", largest=LARGEST_POINTS)
    if times_a_year and kind in SALES:
        raise NotCountedByYear("most_times_a_year", kind=SALES[kind])
    fixed_day(expiry_day)
    check_span(starts_on, ends_on)


def check_cycle(expiry: ExpiryKind, year: int | None) -> None:
    """Whether the year in which points end belongs to the way they end. Raises YearWithoutCycle, YearFarAway."""
    if year is not None and expiry is not ExpiryKind.TWO_YEARLY:
        raise YearWithoutCycle("expiry_year")
    if year is not None and not 2000 <= year <= 2200:
        raise YearFarAway("expiry_year")


def check_span(starts_on: date | None, ends_on: date | None) -> None:
    """Raises EndsBeforeItStarts."""
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise EndsBeforeItStarts("ends_on")
