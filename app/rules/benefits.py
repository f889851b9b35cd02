"""What a tier gives besides discount and points: how often in a membership year, and when that year ends.

Source: S1 「免費護理、專屬禮品」 「VIP通道、私人訂制、專家咨詢」; semantics 5.3: a quota is for a membership year, what was not used lapses.
"""

from datetime import date, timedelta

from app.rules.days import months_after
from app.rules.refusals import RuleBroken, words

NOTE_MAX = 200


class BenefitNotHers(RuleBroken):
    """Her tier does not give it, or it is out of use."""

    code = "benefit_not_hers"
    message = words("她现在的等级没有这项权益。")
    status = 409


class BenefitUsedUp(RuleBroken):
    """Everything of this year has been given."""

    code = "benefit_used_up"
    message = words("“{name}”这一年的 {n} 次已经用完，{day} 起又有 {n} 次。")
    status = 409


class NotHerBirthdayMonth(RuleBroken):
    """It is for the month of her birthday, which this is not, or nobody knows."""

    code = "not_her_birthday_month"
    message = words("“{name}”只在她生日那个月用，现在不是她的生日月，或者还没有登记生日。")
    status = 409


class BenefitNoteTooLong(RuleBroken):
    """Nobody reads a page under a benefit."""

    code = "benefit_note_too_long"
    message = words("说明太长了，最多 {limit} 个字。")


class UseTakenBack(RuleBroken):
    """It was taken back before."""

    code = "benefit_use_taken_back"
    message = words("这一次已经撤销过了。")
    status = 409


def year_from(joined_on: date, today: date) -> date:
    """The first day of her membership year: the anniversary of the day her file was made. *Example.* joined 29 February
    2024 → the year of 1 March 2026 began on 28 February 2026."""
    years = max(0, today.year - joined_on.year)
    start = months_after(joined_on, 12 * years)
    return start if start <= today or not years else months_after(joined_on, 12 * (years - 1))


def year_until(joined_on: date, year_from_on: date) -> date:
    """The last day of the membership year that began then."""
    years = year_from_on.year - joined_on.year
    return months_after(joined_on, 12 * (years + 1)) - timedelta(days=1)


def left(times_a_year: int, used: int) -> int | None:
    """How often it can still be used this year; None: as often as she likes."""
    return max(0, times_a_year - used) if times_a_year else None


def check_use(name: str, times_a_year: int, used: int, *, again_on: date) -> None:
    """Refuse a use beyond the quota. Raises BenefitUsedUp."""
    if left(times_a_year, used) == 0:
        raise BenefitUsedUp(name=name, n=times_a_year, day=again_on.isoformat())
