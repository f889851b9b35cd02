"""Through which day points count."""

from datetime import date

import pytest

from app.rules.points_expiry import Expiry, ExpiryDayWrong, ends_on, fixed_day
from app.vocabulary import ExpiryKind, RoundUp

MONTHS, YEARLY, TWO_YEARLY = ExpiryKind.MONTHS, ExpiryKind.YEARLY, ExpiryKind.TWO_YEARLY


@pytest.mark.parametrize(
    ("expiry", "earned_on", "expected"),
    [
        (Expiry(), date(2026, 11, 24), None),
        (Expiry(MONTHS, 12), date(2026, 11, 24), date(2027, 11, 24)),
        (Expiry(MONTHS, 1), date(2026, 1, 31), date(2026, 2, 28)),
        (Expiry(MONTHS, 1), date(2028, 1, 31), date(2028, 2, 29)),
        (Expiry(MONTHS, 12, round_up=RoundUp.MONTH), date(2026, 11, 24), date(2027, 11, 30)),
        (Expiry(MONTHS, 3, round_up=RoundUp.QUARTER), date(2026, 11, 24), date(2027, 3, 31)),
        (Expiry(MONTHS, 1, round_up=RoundUp.YEAR), date(2026, 11, 24), date(2026, 12, 31)),
        (Expiry(YEARLY), date(2026, 12, 30), date(2026, 12, 31)),
        (Expiry(YEARLY), date(2026, 12, 31), date(2027, 12, 31)),
        (Expiry(YEARLY, day="03-31"), date(2026, 11, 24), date(2027, 3, 31)),
        (Expiry(YEARLY, day="02-29"), date(2026, 11, 24), date(2027, 2, 28)),
        (Expiry(TWO_YEARLY), date(2026, 12, 30), date(2027, 12, 31)),
        (Expiry(TWO_YEARLY, day="02-29"), date(2026, 11, 24), date(2028, 2, 29)),
        (Expiry(TWO_YEARLY), date(2026, 3, 1), date(2027, 12, 31)),
        (Expiry(TWO_YEARLY, year=2026), date(2026, 3, 1), date(2026, 12, 31)),
        (Expiry(TWO_YEARLY, year=2026), date(2026, 12, 30), date(2026, 12, 31)),
        (Expiry(TWO_YEARLY, year=2026), date(2026, 12, 31), date(2028, 12, 31)),
        (Expiry(TWO_YEARLY, year=2026), date(2027, 5, 1), date(2028, 12, 31)),
        (Expiry(TWO_YEARLY, year=2027), date(2026, 3, 1), date(2027, 12, 31)),
        (Expiry(TWO_YEARLY, year=2020), date(2026, 3, 1), date(2026, 12, 31)),
        (Expiry(TWO_YEARLY, day="02-29", year=2027), date(2026, 11, 24), date(2027, 2, 28)),
    ],
)
def test_points_count_through_that_day(expiry: Expiry, earned_on: date, expected: date | None) -> None:
    assert ends_on(expiry, earned_on) == expected


@pytest.mark.parametrize("text", ["", "13-01", "02-30", "12-31 ", "1231", "04-31"])
def test_a_fixed_day_is_a_day_of_the_year(text: str) -> None:
    with pytest.raises(ExpiryDayWrong):
        fixed_day(text)
