"""One spelling for every way a number is written; what cannot be one is refused with the reason."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.phones import (
    REASON_MAX,
    PhoneMasked,
    PhoneRounded,
    PhoneWrong,
    ReasonHoldsPhone,
    ReasonMissing,
    ReasonTooLong,
    is_demo,
    numbers_masked,
    parse_phone,
    reason_to_see,
)

MOBILES = st.from_regex(r"1(3[0-9]|5[0-35-9]|8[0-9])[0-9]{8}", fullmatch=True)
WIDE = str.maketrans("0123456789+- ", "０１２３４５６７８９＋－　")


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "+86 138 0013 8000",
        "+8613800138000",
        "8613800138000",
        "0086 138-0013-8000",
        "１３８００１３８０００",
        "＋８６－１３８００１３８０００",
        "13800138000.0",
        "13800138000.00",
        "\u202d138 0013 8000\u202c",
        " 13800138000\t",
    ],
)
def test_a_mobile_is_one_number_however_it_is_written(written: str) -> None:
    phone = parse_phone(written)
    assert (phone.e164, phone.last4, phone.masked) == ("+8613800138000", "8000", "138****8000")


@pytest.mark.parametrize(
    ("written", "e164", "masked"),
    [
        ("021-61234567", "+862161234567", "21****4567"),
        ("（021）61234567", "+862161234567", "21****4567"),
        ("2161234567", "+862161234567", "21****4567"),  # Excel ate the area code's zero
        ("010 1234 5678", "+861012345678", "10****5678"),
        ("+852 9123 4567", "+85291234567", "+852 91**4567"),
        ("852 91234567", "+85291234567", "+852 91**4567"),
        ("0085291234567", "+85291234567", "+852 91**4567"),
        ("+853 6612 3456", "+85366123456", "+853 66**3456"),
        ("(853) 6612 3456", "+85366123456", "+853 66**3456"),
        ("（８８６）９１２－３４５－６７８", "+886912345678", "+886 91***5678"),
        ("886-912-345-678", "+886912345678", "+886 91***5678"),
        ("+886 2 2345 6789", "+886223456789", "+886 22***6789"),
        ("＋８５２ ９１２３ ４５６７", "+85291234567", "+852 91**4567"),
        ("86-021-61234567", "+862161234567", "21****4567"),
        ("０７５５－８６７５３０９１", "+8675586753091", "755****3091"),
        ("+886 912 345 678", "+886912345678", "+886 91***5678"),
    ],
)
def test_landlines_and_the_other_regions_are_numbers_too(written: str, e164: str, masked: str) -> None:
    phone = parse_phone(written)
    assert (phone.e164, phone.masked) == (e164, masked)


@pytest.mark.parametrize("written", ["1.38E+10", "1.38001E+10", "1.3800138E+10", "1.38e10"])
def test_a_number_excel_rounded_is_refused_and_says_why(written: str) -> None:
    with pytest.raises(PhoneRounded) as refusal:
        parse_phone(written)
    assert "文本" in refusal.value.say(str)


def test_a_masked_number_is_nobodys() -> None:
    with pytest.raises(PhoneMasked):
        parse_phone("138****8000")


@pytest.mark.parametrize(
    "written",
    ["", "  ", "12345", "1380013800", "138001380000", "12800138000", "61234567", "电话", "13800138000/13900139000",
     "+1 212 555 2368", "021-61234567转801", "0", "-", "13800138000.5"],
)  # fmt: skip
def test_what_cannot_be_called_here_is_refused(written: str) -> None:
    with pytest.raises(PhoneWrong):
        parse_phone(written)


@pytest.mark.parametrize("written", ["10000000001", "+86 100-0000-0001", "8610000000001", "0086 100 0000 0001"])
def test_the_reserved_demo_pattern_is_a_number_of_its_own_kind(written: str) -> None:
    phone = parse_phone(written)
    assert phone.e164 == "+8610000000001"
    assert is_demo(phone.e164)


@pytest.mark.parametrize("written", ["10000010001", "100000000001", "+8510000000001"])
def test_nothing_beside_the_reserved_pattern_slips_in(written: str) -> None:
    with pytest.raises(PhoneWrong):
        parse_phone(written)


def test_a_real_number_is_not_of_the_demo() -> None:
    assert not is_demo("+8613800138000")


@given(MOBILES, st.sampled_from(["", "86", "+86", "0086"]), st.sampled_from(["", " ", "-"]), st.booleans())
def test_every_mobile_survives_every_spelling(digits: str, country: str, gap: str, wide: bool) -> None:
    written = f"{country}{gap}{digits[:3]}{gap}{digits[3:7]}{gap}{digits[7:]}"
    phone = parse_phone(written.translate(WIDE) if wide else written)
    assert phone.e164 == f"+86{digits}"
    assert parse_phone(phone.e164) == phone
    assert digits[3:7] not in phone.masked[3:7]


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    with suppress(PhoneWrong):
        assert parse_phone(text).e164.startswith("+")


@pytest.mark.parametrize(
    "typed", ["回电", "回复 2026-11-24 的投诉", "F1124-739215 到期", "订单 20261124001", "长" * REASON_MAX]
)
def test_a_reason_to_see_a_number_is_kept_as_written(typed: str) -> None:
    assert reason_to_see(f" {typed} ") == typed


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", ReasonMissing),
        (" \t\u202d", ReasonMissing),
        ("长" * (REASON_MAX + 1), ReasonTooLong),
        ("打给13800138000", ReasonHoldsPhone),
        ("打给 138-0013-8000 问问", ReasonHoldsPhone),
        ("打给１３８００１３８０００", ReasonHoldsPhone),
        ("+86 138 0013 8000", ReasonHoldsPhone),
        ("(021) 6123 4567", ReasonHoldsPhone),
        ("+852 9123 4567", ReasonHoldsPhone),
        ("10000001234", ReasonHoldsPhone),
    ],
)
def test_a_reason_that_says_nothing_too_much_or_a_number_is_refused(typed: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        reason_to_see(typed)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("我的电话13622223333，我叫客甲", "我的电话136****3333，我叫客甲"),
        ("打 136 2222 3333 或 +86-136-2222-3333", "打 136****3333 或 136****3333"),
        ("环境 5 13622223333", "环境 5 136****3333"),
        ("香港 +852 9123 4567", "香港 +852 91**4567"),
        ("2026-11-24 18:30 来的，付了 12800 元，打 5 分", "2026-11-24 18:30 来的，付了 12800 元，打 5 分"),
        ("会员 10002012", "会员 10002012"),
    ],
)
def test_numbers_among_free_words_are_masked_and_other_figures_stay(said: str, shown: str) -> None:
    assert numbers_masked(said) == shown
