"""How much of a file is filled in, and what to ask next without being a nuisance."""

from datetime import date, timedelta

import pytest

from app.rules.completeness import (
    ASKED,
    MOST_DECLINED,
    NothingToDecline,
    completeness_of,
    prompts,
    read_declined,
    with_declined,
)

TODAY = date(2026, 11, 24)
ALL = frozenset(one.field for one in ASKED)


def measured(filled=(), declined=None):
    return completeness_of(frozenset(filled), declined or {}, today=TODAY, ask_again_days=180)


def test_the_weights_are_of_a_hundred_and_health_has_none() -> None:
    assert sum(one.weight for one in ASKED) == 100
    assert {one.weight for one in ASKED if one.is_health} == {0}


@pytest.mark.parametrize(
    ("filled", "percent"),
    [
        ((), 0),
        (("phone",), 25),
        (("phone", "birthday"), 45),
        (ALL - {"gender"}, 95),
        (ALL, 100),
        (("allergy_note",), 0),
    ],
)
def test_the_percentage_is_the_weight_of_what_is_filled(filled, percent) -> None:
    assert measured(filled).percent == percent


def test_health_is_not_needed_to_be_complete() -> None:
    assert measured(ALL - {"allergy_note"}).is_complete
    assert not measured(ALL - {"gender"}).is_complete


def test_what_she_would_rather_not_say_does_not_count_against_her() -> None:
    left = measured(ALL - {"occupation", "address"}, {"occupation": TODAY, "address": TODAY})
    assert (left.percent, left.is_complete, left.missing) == (100, True, ())


def test_declining_nearly_everything_makes_no_file_complete() -> None:
    some = {"birthday": TODAY, "preferred_channel": TODAY, "address": TODAY}
    assert sum(one.weight for one in ASKED if one.field in some) == MOST_DECLINED
    assert measured(ALL - some.keys(), some).is_complete
    more = some | {"gender": TODAY}
    assert not measured(ALL - more.keys(), more).is_complete
    assert measured((), dict.fromkeys(ALL, TODAY)).percent == 0


@pytest.mark.parametrize(("days", "is_asked"), [(0, False), (179, False), (180, True), (400, True)])
def test_nothing_is_asked_twice_within_the_pause(days, is_asked) -> None:
    left = measured(ALL - {"birthday"}, {"birthday": TODAY - timedelta(days=days)})
    assert bool(left.missing) is is_asked
    assert left.percent == (80 if is_asked else 100)


def test_a_field_that_was_filled_after_all_counts() -> None:
    assert measured(ALL, {"birthday": TODAY}).percent == 100


def test_never_more_than_two_questions_the_weightiest_first() -> None:
    assert [one.field for one in prompts(measured(), asks_health=True)] == ["phone", "allergy_note"]
    assert [one.field for one in prompts(measured(), asks_health=False)] == ["phone", "birthday"]
    assert [one.field for one in prompts(measured(ALL - {"gender"}), asks_health=True)] == ["gender"]
    assert prompts(measured(ALL), asks_health=True) == ()


def test_what_was_declined_is_remembered_with_its_day() -> None:
    text = with_declined(with_declined("", "birthday", TODAY), "wechat", TODAY - timedelta(days=1))
    assert read_declined(text) == {"birthday": TODAY, "wechat": TODAY - timedelta(days=1)}
    assert read_declined(with_declined(text, "birthday", None)) == {"wechat": TODAY - timedelta(days=1)}
    assert with_declined(with_declined("", "birthday", TODAY), "birthday", None) == ""
    assert len(with_declined("", "birthday", TODAY)) * len(ASKED) < 500


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"birthday": 3}', '{"nothing": "2026-01-01"}'])
def test_what_cannot_be_read_was_not_declined(text) -> None:
    assert read_declined(text) == {}


def test_only_what_is_asked_can_be_declined() -> None:
    with pytest.raises(NothingToDecline):
        with_declined("", "member_no", TODAY)
