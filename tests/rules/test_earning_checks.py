"""An earning rule that cannot mean anything is refused beside its field."""

from typing import Any

import pytest

from app.rules.earning_checks import (
    GivesNothing,
    NotCountedByYear,
    TimesNothing,
    YearFarAway,
    YearWithoutCycle,
    check_cycle,
    check_earning,
)
from app.rules.refusals import RuleBroken
from app.vocabulary import CategoryOfNeed, EarningKind, ExpiryKind

SOUND: dict[str, Any] = {"points": 5, "percent": 100, "expiry_day": "12-31", "starts_on": None, "ends_on": None}


def checked(kind: EarningKind, **changed: Any) -> None:
    """A rule of that kind."""
    check_earning(kind, **SOUND | changed)


@pytest.mark.parametrize("kind", [EarningKind.PURCHASE, EarningKind.BONUS, EarningKind.CAMPAIGN])
def test_how_often_a_year_is_not_said_of_what_every_sale_gives(kind: EarningKind) -> None:
    given = {"percent": 200} if kind is EarningKind.CAMPAIGN else {}
    checked(kind, **given)
    with pytest.raises(NotCountedByYear) as refused:
        checked(kind, times_a_year=1, **given)
    assert refused.value.field == "most_times_a_year"
    assert "请填 0" in refused.value.say(str)


def test_how_often_a_year_is_said_of_what_happens_to_her() -> None:
    checked(EarningKind.EVENT, times_a_year=3)


def test_one_kind_of_care_may_earn_nothing() -> None:
    checked(EarningKind.PURCHASE, points=0, category=CategoryOfNeed.OTHER)


@pytest.mark.parametrize(
    ("kind", "changed", "refusal"),
    [
        (EarningKind.PURCHASE, {"points": 0}, GivesNothing),
        (EarningKind.PURCHASE, {"points": -1, "category": CategoryOfNeed.OTHER}, GivesNothing),
        (EarningKind.BONUS, {"points": 0, "category": CategoryOfNeed.OTHER}, GivesNothing),
        (EarningKind.CAMPAIGN, {"percent": 100}, TimesNothing),
    ],
)
def test_what_gives_nothing_is_no_rule(kind: EarningKind, changed: dict[str, Any], refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        checked(kind, **changed)


@pytest.mark.parametrize(
    ("expiry", "year", "refusal"),
    [
        (ExpiryKind.YEARLY, 2026, YearWithoutCycle),
        (ExpiryKind.TWO_YEARLY, 1999, YearFarAway),
        (ExpiryKind.TWO_YEARLY, 2201, YearFarAway),
    ],
)
def test_the_year_of_the_end_belongs_to_every_two_years(
    expiry: ExpiryKind, year: int, refusal: type[RuleBroken]
) -> None:
    for fine in (None, 2000, 2200):
        check_cycle(ExpiryKind.TWO_YEARLY, fine)
    check_cycle(expiry, None)
    with pytest.raises(refusal):
        check_cycle(expiry, year)
