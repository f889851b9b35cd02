"""When two tellings are one sale."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.rules.customers import TextTooLong
from app.rules.phones import PhoneWrong
from app.rules.purchases import (
    LineExceedsPrice,
    OrderEmpty,
    OrderWithoutNumber,
    RefundLinesDiffer,
    RefundTooLarge,
    Sale,
    SaleLine,
    buyer_of,
    check_lines,
    check_refund,
    check_refund_lines,
    fingerprint,
    judged,
    paid_fen,
)
from app.vocabulary import SaleChannel

LINE = SaleLine(item="面霜", amount_fen=20000, quantity=2)
SALE = Sale(order_no="A1", occurred_at=datetime(2026, 11, 24, 10, 30, tzinfo=UTC), lines=(LINE,))


@pytest.mark.parametrize(
    ("lines_fen", "amount_fen", "points_fen", "fits"),
    [
        (100, 100, 0, True),
        (-100, 100, 0, True),
        (90_000, 10_000, 0, False),
        (99, 100, 0, False),
        (110, 100, 10, True),
        (111, 100, 10, False),
        (99, 100, 10, False),
        (10, 0, 10, True),
    ],
)
def test_the_lines_of_a_refund_come_to_its_amount(lines_fen: int, amount_fen: int, points_fen: int, fits: bool) -> None:
    with nullcontext() if fits else pytest.raises(RefundLinesDiffer):
        check_refund_lines(lines_fen, amount_fen, points_fen)


@pytest.mark.parametrize(
    ("quantity", "unit_price_fen", "amount_fen", "fits"),
    [
        (2, 100, 200, True),
        (2, 100, 199, True),
        (2, 100, 202, False),
        (2, 100, 999_999, False),
        (3, 333, 1_000, True),  # ¥10.00 divided by three
        (3, 333, 1_001, False),
        (1, 0, 1, False),
        (1, None, 500, True),
        (1, -2_000, -2_000, True),
        (1, 2_000, -2_000, True),
        (-1, 2_000, -2_000, True),
    ],
)
def test_a_line_costs_no_more_than_its_pieces(
    quantity: int, unit_price_fen: int | None, amount_fen: int, fits: bool
) -> None:
    line = replace(LINE, quantity=quantity, unit_price_fen=unit_price_fen, amount_fen=amount_fen)
    with nullcontext() if fits else pytest.raises(LineExceedsPrice) as refused:
        check_lines([LINE, line])
    assert fits or refused.value.field == "lines.1.amount_fen"


@pytest.mark.parametrize(
    "again",
    [
        SALE,
        replace(SALE, occurred_at=SALE.occurred_at.astimezone(timezone(timedelta(hours=8)))),
        replace(SALE, member_no="10000017"),
        replace(SALE, lines=(replace(LINE, unit_price_fen=10000),)),
    ],
)
def test_the_same_sale_has_the_same_fingerprint(again: Sale) -> None:
    assert fingerprint(again) == fingerprint(SALE)


def test_a_fingerprint_is_what_it_was_when_the_sale_was_stored() -> None:
    odd = SaleLine(item="护理“深层”", sku='S"2', category="面\t部", amount_fen=-5900, quantity=3, staff="小李")
    at = SALE.occurred_at.replace(second=5, microsecond=250000)
    other = replace(SALE, occurred_at=at, channel=SaleChannel.WECHAT, refund_of='单"\\1', lines=(odd, LINE))
    assert fingerprint(SALE) == "cdbf9bcb06c81097bd50f8aca9eea21ba89c1a6b15814206ef357afdc9ff6bb6"
    assert fingerprint(other) == "352b8f919990192a0cd83ee38505f914aac7f69e3e453581bbf900c552636786"


def test_the_order_of_the_lines_does_not_matter() -> None:
    other = SaleLine(item="洗面奶", amount_fen=5900)
    assert fingerprint(replace(SALE, lines=(LINE, other))) == fingerprint(replace(SALE, lines=(other, LINE)))


@pytest.mark.parametrize(
    "other",
    [
        replace(SALE, occurred_at=SALE.occurred_at + timedelta(seconds=1)),
        replace(SALE, lines=(replace(LINE, amount_fen=20001),)),
        replace(SALE, lines=(replace(LINE, quantity=3),)),
        replace(SALE, lines=(replace(LINE, item="眼霜"),)),
        replace(SALE, lines=(LINE, LINE)),
        replace(SALE, paid_fen=19000),
        replace(SALE, refund_of="A0"),
    ],
)
def test_another_sale_has_another_fingerprint(other: Sale) -> None:
    assert fingerprint(other) != fingerprint(SALE)


def test_what_was_paid_is_the_sum_unless_told() -> None:
    assert paid_fen(SALE) == 20000
    assert paid_fen(replace(SALE, paid_fen=19000)) == 19000


@pytest.mark.parametrize("sign", [1, -1])
def test_a_refund_takes_money_back_whatever_sign_the_till_wrote(sign: int) -> None:
    told = replace(SALE, refund_of="A0", lines=(replace(LINE, amount_fen=sign * 20000),))
    assert paid_fen(judged(told)) == -20000


@pytest.mark.parametrize(
    ("sale", "refusal"),
    [
        (replace(SALE, order_no=" "), OrderWithoutNumber),
        (replace(SALE, lines=()), OrderEmpty),
        (replace(SALE, order_no="9" * 61), TextTooLong),
        (replace(SALE, lines=(replace(LINE, item="霜" * 121),)), TextTooLong),
    ],
)
def test_a_sale_needs_a_number_and_lines_that_fit(sale: Sale, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        judged(sale)


@pytest.mark.parametrize(
    ("line", "fen"),
    [
        (LINE, 10000),
        (replace(LINE, unit_price_fen=9), 9),
        (replace(LINE, amount_fen=100, quantity=3), 33),
        (replace(LINE, amount_fen=50, quantity=100), 1),
        (replace(LINE, amount_fen=-100, quantity=-3), 33),
        (replace(LINE, amount_fen=0, quantity=0), 0),
    ],
)
def test_a_missing_unit_price_is_worked_out(line: SaleLine, fen: int) -> None:
    assert line.price_fen == fen


def test_a_readable_number_makes_an_unreadable_phone_unimportant() -> None:
    assert buyer_of(replace(SALE, member_no="V1", phone="138****8000")).phone is None
    with pytest.raises(PhoneWrong):
        buyer_of(replace(SALE, phone="138****8000"))
    assert not buyer_of(SALE).is_named


def test_together_no_more_goes_back_than_came_in() -> None:
    check_refund(100, [-60], -40)
    with pytest.raises(RefundTooLarge):
        check_refund(100, [-60], -41)
