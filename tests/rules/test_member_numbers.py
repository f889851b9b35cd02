"""Member numbers check themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.member_numbers import (
    MemberNumbersUsedUp,
    MemberNumberWrong,
    is_valid,
    lost_zeros,
    member_no,
    parse_member_no,
)


@pytest.mark.parametrize(
    ("serial", "number"), [(1, "00000018"), (23, "00000232"), (1_000_001, "10000016"), (9_999_999, "99999997")]
)
def test_the_last_digit_is_luhns(serial: int, number: str) -> None:
    assert member_no(serial) == number
    assert is_valid(number)


@given(st.integers(1, 9_999_999), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(serial: int, place: int, shift: int) -> None:
    number = member_no(serial)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert not is_valid(wrong)


@pytest.mark.parametrize("serial", [0, -1, 10_000_000])
def test_seven_digits_are_all_there_are(serial: int) -> None:
    with pytest.raises(MemberNumbersUsedUp):
        member_no(serial)


@pytest.mark.parametrize("text", ["", "1234567", "100000170", "1000001A", "１００００００１７"])
def test_other_texts_are_not_ours(text: str) -> None:
    assert not is_valid(text)


@pytest.mark.parametrize(
    ("written", "kept"), [("vip-001", "VIP-001"), (" ０００１２ ", "00012"), ("1000 0016", "10000016")]
)
def test_a_tills_number_is_kept(written: str, kept: str) -> None:
    assert parse_member_no(written) == kept


@pytest.mark.parametrize("written", ["", "会员一", "1.2E+10", "A" * 21, "a/b"])
def test_what_cannot_stand_on_a_card_is_refused(written: str) -> None:
    with pytest.raises(MemberNumberWrong):
        parse_member_no(written)


@pytest.mark.parametrize(("number", "whole"), [("18", "00000018"), ("19", None), ("10000017", None), ("A18", None)])
def test_lost_zeros_are_recognised(number: str, whole: str | None) -> None:
    assert lost_zeros(number) == whole
