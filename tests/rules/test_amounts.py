"""Money to the fen, never a float."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.amounts import (
    LARGEST_FEN,
    AmountTooFine,
    AmountTooLarge,
    AmountWrong,
    QuantityWrong,
    fen_as_yuan,
    parse_fen,
    parse_quantity,
    parse_unit_price_fen,
)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("1234.5", 123450),
        ("¥1,234.50", 123450),
        ("￥1,234.50", 123450),
        ("1234.50元", 123450),
        ("RMB 1,234.50", 123450),
        ("人民币1234.5元", 123450),
        ("１，２３４．５０", 123450),
        ("（1,234.50）", -123450),
        ("(1,234.50)", -123450),
        ("-1234.5", -123450),
        ("−1234.5", -123450),
        ("¥-12", -1200),
        ("-¥12", -1200),
        ("+12", 1200),
        ("0", 0),
        (".5", 50),
        ("12.340", 1234),
        ("0.29", 29),  # 0.29 × 100 is 28.999… in floats
        ("1,234,567.89", 123456789),
    ],
)
def test_an_amount_is_whole_fen(written: str, fen: int) -> None:
    assert parse_fen(written) == fen


@pytest.mark.parametrize(
    "written", ["", " ", "免费", "1,23", "12,34.5", "1.2.3", "1e3", "1.2万", "--1", "(-1)", "$5", "1 234", "٣"]
)
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(AmountWrong):
        parse_fen(written)


@pytest.mark.parametrize("written", ["12.345", "0.001", "-3.333"])
def test_a_third_decimal_is_refused_in_an_amount(written: str) -> None:
    with pytest.raises(AmountTooFine):
        parse_fen(written)


@pytest.mark.parametrize(("written", "fen"), [("33.3333", 3333), ("0.005", 1), ("0.0049", 0), ("66.666", 6667)])
def test_a_unit_price_is_rounded_half_up(written: str, fen: int) -> None:
    assert parse_unit_price_fen(written) == fen


def test_a_billion_yuan_is_the_most() -> None:
    assert parse_fen("1000000000") == LARGEST_FEN
    with pytest.raises(AmountTooLarge):
        parse_fen("1000000000.01")


@given(st.integers(-LARGEST_FEN, LARGEST_FEN))
def test_what_we_write_we_read_again(fen: int) -> None:
    written = fen_as_yuan(fen)
    assert parse_fen(written) == fen
    grouped = f"{fen // 100:,}" if fen >= 0 and fen % 100 == 0 else written
    assert parse_fen(f"¥{grouped}" if fen >= 0 else written) == fen


@given(st.text(max_size=20))
def test_no_text_breaks_it(text: str) -> None:
    with suppress(AmountWrong, AmountTooFine, AmountTooLarge):
        assert isinstance(parse_fen(text), int)


@pytest.mark.parametrize(("written", "quantity"), [("1", 1), ("2.0", 2), ("-1", -1), ("３", 3), ("0", 0)])
def test_a_quantity_is_whole(written: str, quantity: int) -> None:
    assert parse_quantity(written) == quantity


@pytest.mark.parametrize("written", ["0.5", "一", "1.5", "1234567", "1e3"])
def test_half_a_thing_is_refused(written: str) -> None:
    with pytest.raises(QuantityWrong):
        parse_quantity(written)
