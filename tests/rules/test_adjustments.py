"""Points put right by hand: what must be said, and from when on a second person is asked."""

from datetime import date
from typing import Any

import pytest

from app.rules.adjustments import (
    Adjustment,
    EndsInThePast,
    NothingTakenEnds,
    OwnRequest,
    RequestDecided,
    check_may_decide,
    checked_adjustment,
    needs_second,
)
from app.rules.points import PointsReasonMissing, PointsWrong
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.vocabulary import AdjustReason, RequestState

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("points", "moved", "second"),
    [
        (499, 0, False),
        (500, 0, True),
        (-499, 0, False),
        (-500, 0, True),
        (1, 498, False),
        (1, 499, True),
        (-1, 499, True),
    ],
)
def test_from_the_limit_on_a_second_person_is_asked_and_small_parts_add_up(
    points: int, moved: int, second: bool
) -> None:
    assert needs_second(points, moved, Policy()) is second


@pytest.mark.parametrize(
    ("changed", "refusal", "field"),
    [
        ({"points": 0}, PointsWrong, "points"),
        ({"points": 100_000_001}, PointsWrong, "points"),
        ({"note": "  "}, PointsReasonMissing, "note"),
        ({"note": "长" * 201}, PointsReasonMissing, "note"),
        ({"expires_on": date(2026, 11, 23)}, EndsInThePast, "expires_on"),
        ({"points": -5, "expires_on": TODAY}, NothingTakenEnds, "expires_on"),
    ],
)
def test_what_cannot_be_done_is_said_beside_its_field(
    changed: dict[str, Any], refusal: type[RuleBroken], field: str
) -> None:
    given = {"points": 5, "reason_code": AdjustReason.GOODWILL, "note": "等太久", "expires_on": None} | changed
    with pytest.raises(refusal) as refused:
        checked_adjustment(Adjustment(**given), today=TODAY)
    assert refused.value.field == field


def test_the_last_day_may_be_today() -> None:
    asked = Adjustment(5, AdjustReason.GOODWILL, " 等太久 ", TODAY)
    assert checked_adjustment(asked, today=TODAY) == Adjustment(5, AdjustReason.GOODWILL, "等太久", TODAY)


def test_nobody_decides_her_own_and_nothing_is_decided_twice() -> None:
    check_may_decide(RequestState.WAITING, 1, 2)
    with pytest.raises(OwnRequest):
        check_may_decide(RequestState.WAITING, 1, 1)
    check_may_decide(RequestState.WAITING, 1, 1, has_second=False)
    for state in (RequestState.APPROVED, RequestState.REFUSED):
        with pytest.raises(RequestDecided):
            check_may_decide(state, 1, 2)
