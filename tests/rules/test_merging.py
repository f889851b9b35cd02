"""Which record stays, whose value stands, what she still agrees to: decided from values alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.rules.customers import TextTooLong
from app.rules.merging import (
    FIELDS,
    ChoiceWrong,
    ErasedRecord,
    MergeOver,
    Receipt,
    Side,
    Standing,
    check_undo,
    columns_taken,
    decided,
    differing,
    higher_tier,
    is_said_no,
    join_consents,
    joined_text,
    later_card,
    proposed,
    stricter_status,
    survivor_first,
    undo_until,
)
from app.vocabulary import Calendar, Channel, CustomerStatus, Gender, Purpose, Source

THEN = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
EMPTY: dict[str, Any] = {column: "" for columns in FIELDS.values() for column in columns} | {
    "id": 1,
    "created_at": THEN,
    "gender": Gender.UNKNOWN,
    "birthday_calendar": Calendar.SOLAR,
    "source": Source.STORE,
    "verified_on": None,
    "phone_invalid_on": None,
    "email_invalid_on": None,
}


def record(**columns: Any) -> dict[str, Any]:
    """A customer of whom only this is known."""
    return EMPTY | columns


@pytest.mark.parametrize(
    ("one", "other", "stays"),
    [
        ({"id": 1, "created_at": THEN}, {"id": 2, "created_at": THEN - timedelta(days=1)}, 2),
        ({"id": 1}, {"id": 2}, 1),
        ({"id": 1}, {"id": 2, "email": "a@b.cn"}, 2),
        ({"id": 2, "email": "a@b.cn"}, {"id": 1, "note": "x"}, 1),
    ],
)
def test_the_older_record_stays_and_of_one_day_the_fuller(one: Any, other: Any, stays: int) -> None:
    assert survivor_first(record(**one), record(**other))[0]["id"] == stays


@pytest.mark.parametrize(
    ("name", "own", "other", "side"),
    [
        ("email", {"email": ""}, {"email": "b@b.cn"}, Side.ABSORBED),
        ("email", {"email": "a@b.cn"}, {"email": ""}, Side.SURVIVOR),
        ("email", {"email": "a@b.cn"}, {"email": "b@b.cn"}, Side.SURVIVOR),
        ("email", {"email": "a@b.cn", "email_invalid_on": date(2026, 1, 1)}, {"email": "b@b.cn"}, Side.ABSORBED),
        ("gender", {"gender": Gender.UNKNOWN}, {"gender": Gender.FEMALE}, Side.ABSORBED),
        ("phone", {"phone": "1", "phone_index": b"1"}, {"phone": "2", "phone_index": b"2"}, Side.SURVIVOR),
        (
            "phone",
            {"phone": "1", "phone_index": b"1", "verified_on": date(2026, 1, 1)},
            {"phone": "2", "phone_index": b"2", "verified_on": date(2026, 1, 2)},
            Side.ABSORBED,
        ),
        (
            "phone",
            {"phone": "1", "phone_index": b"1"},
            {"phone": "2", "phone_index": b"2", "verified_on": date(2026, 1, 2), "phone_invalid_on": date(2026, 2, 1)},
            Side.SURVIVOR,
        ),
        ("birthday", {"birthday": "03-04"}, {"birthday": "1990-03-04"}, Side.ABSORBED),
        ("birthday", {"birthday": "1990-03-04"}, {"birthday": "1991-03-04"}, Side.SURVIVOR),
        ("allergy_note", {"allergy_note": "果酸"}, {"allergy_note": "酒精"}, Side.BOTH),
        ("allergy_note", {"allergy_note": "果酸"}, {"allergy_note": "果酸"}, Side.SURVIVOR),
    ],
)
def test_of_two_values_the_better_one_is_proposed(name: str, own: Any, other: Any, side: Side) -> None:
    assert proposed(record(**own), record(**other))[name] is side


def test_a_phone_is_the_same_by_its_index_and_brings_its_verification() -> None:
    own = record(phone="1", phone_index=b"1")
    other = record(phone="2", phone_index=b"2", phone_masked="1**2", verified_on=date(2026, 1, 1))
    assert differing(own, other) == ("phone",)
    taken = columns_taken(proposed(own, other), other)
    assert (taken["phone_masked"], taken["verified_on"]) == ("1**2", date(2026, 1, 1))
    assert differing(own, own | {"phone": "otherwise sealed"}) == ()


@pytest.mark.parametrize("choice", [{"member_no": Side.ABSORBED}, {"phone": Side.BOTH}])
def test_what_cannot_be_chosen_is_refused(choice: dict[str, Side]) -> None:
    with pytest.raises(ChoiceWrong):
        decided(record(), record(), choice)


def test_two_notes_become_one_and_nothing_is_said_twice() -> None:
    assert joined_text("a\nb", "b\nc") == "a\nb\nc"
    assert len(joined_text("a" * 1000, "b" * 999)) == 2000
    with pytest.raises(TextTooLong):
        joined_text("a" * 1000, "b" * 1000)


def test_nobody_falls_and_the_later_day_counts() -> None:
    low, high, later = Standing(1, 1, date(2027, 1, 1)), Standing(2, 2, None), Standing(1, 1, date(2027, 1, 2))
    assert higher_tier(low, high) == high
    assert higher_tier(low, later) == later
    assert later_card(date(2027, 1, 1), None) == date(2027, 1, 1)
    assert later_card(None, None) is None


def test_the_stricter_status_stands_and_the_erased_are_left_alone() -> None:
    assert stricter_status(CustomerStatus.ACTIVE, CustomerStatus.RESTRICTED) is CustomerStatus.RESTRICTED
    assert stricter_status(CustomerStatus.ACTIVE, CustomerStatus.ACTIVE) is CustomerStatus.ACTIVE
    with pytest.raises(ErasedRecord):
        stricter_status(CustomerStatus.RESTRICTED, CustomerStatus.ERASED)


def said(number: int, channel: Channel | None = Channel.SMS, *, day: int = 1, no: int | None = None) -> Receipt:
    """A yes to marketing, and on which day it was taken back."""
    at = None if no is None else THEN + timedelta(days=no)
    return Receipt(number, Purpose.MARKETING, channel, THEN + timedelta(days=day), at)


@pytest.mark.parametrize(
    ("own", "other", "standing"),
    [
        ([said(1)], [said(2, day=2)], [2]),
        ([said(1, day=2)], [said(2)], [1]),
        ([said(1)], [said(2, no=3)], []),
        ([said(1, no=3)], [said(2)], []),
        ([said(1)], [], []),
        ([said(1)], [said(2, Channel.EMAIL)], []),
        ([said(1, None)], [said(2)], [2]),
        ([said(1, None)], [said(2, None, no=3)], []),
        ([said(1, None), said(3, no=2)], [said(2)], []),
        ([said(1, no=2), said(3, day=3)], [said(2)], [3]),
    ],
)
def test_a_yes_stands_only_where_both_say_yes(own: Any, other: Any, standing: list[int]) -> None:
    joined = join_consents(own, other)
    assert [one.consent_id for one in joined.standing] == standing
    yeses = {one.consent_id for one in (*own, *other) if one.withdrawn_at is None}
    assert {one.consent_id for one in (*joined.standing, *joined.ended, *joined.replaced)} == yeses


def test_a_no_since_then_is_about_the_same_purpose_and_channel_or_all_of_them() -> None:
    assert is_said_no(said(1), [said(2, no=3)])
    assert is_said_no(said(1), [said(2, None, no=3)])
    assert is_said_no(said(1, None), [said(2, no=3)])
    assert not is_said_no(said(1), [said(2, Channel.EMAIL, no=3)])
    assert not is_said_no(said(1), [])


def test_the_way_back_is_open_until_the_very_moment() -> None:
    end = undo_until(THEN, 30)
    assert end == datetime(2026, 12, 24, 10, 30, tzinfo=UTC)
    check_undo(end, has_plan=True, now=end - timedelta(seconds=1))
    for now, has_plan in ((end, True), (THEN, False)):
        with pytest.raises(MergeOver):
            check_undo(end, has_plan=has_plan, now=now)
