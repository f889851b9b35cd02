"""Through which day points count that came in on a day. Source: semantics 5.1.2–3; Square: through the last day."""

import calendar
import re
from dataclasses import dataclass
from datetime import date

from app.rules.days import months_after
from app.rules.refusals import RuleBroken, words
from app.vocabulary import ExpiryKind, RoundUp

_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


class ExpiryDayWrong(RuleBroken):
    """Not a day of the year."""

    code = "expiry_day_wrong"
    message = words("请写成 12-31 这样的月和日。")


@dataclass(frozen=True)
class Expiry:
    """How points of a rule end. `months` counts for MONTHS, `day` (MM-DD) for YEARLY and TWO_YEARLY. `year`: one of those in
    which points of every two years end; None: the fixed day after the next, so that each point lives for a year at least."""

    kind: ExpiryKind = ExpiryKind.NEVER
    months: int = 12
    day: str = "12-31"
    round_up: RoundUp = RoundUp.NONE
    year: int | None = None


NEVER = Expiry()
"""Points that always count."""


def ends_on(expiry: Expiry, earned_on: date) -> date | None:
    """The last day points earned on that day count, the whole of it; None: they never end. Each lot keeps its own day, so
    another rule touches new lots only. Raises ExpiryDayWrong."""
    if expiry.kind is ExpiryKind.NEVER:
        return None
    if expiry.kind is ExpiryKind.MONTHS:
        return _rounded_up(months_after(earned_on, expiry.months), expiry.round_up)
    last = _next(expiry.day, earned_on)
    if expiry.kind is ExpiryKind.TWO_YEARLY and (expiry.year is None or (last.year - expiry.year) % 2):
        last = _next(expiry.day, last)
    return _rounded_up(last, expiry.round_up)


def fixed_day(text: str) -> tuple[int, int]:
    """Month and day of a fixed day, as the owner typed it. Raises ExpiryDayWrong."""
    if not _DAY.fullmatch(text) or int(text[3:]) > calendar.monthrange(2024, int(text[:2]))[1]:
        raise ExpiryDayWrong("expiry_day")
    return int(text[:2]), int(text[3:])


def _next(text: str, after: date) -> date:
    """The first such day after that one: points that come in on the day itself are not gone by midnight."""
    month, day = fixed_day(text)
    years = (after.year, after.year + 1)
    days = (date(year, month, min(day, calendar.monthrange(year, month)[1])) for year in years)
    return next(one for one in days if one > after)


def _rounded_up(day: date, to: RoundUp) -> date:
    months = {RoundUp.NONE: 0, RoundUp.MONTH: 1, RoundUp.QUARTER: 3, RoundUp.YEAR: 12}[to]
    if not months:
        return day
    month = -(-day.month // months) * months
    return date(day.year, month, calendar.monthrange(day.year, month)[1])
