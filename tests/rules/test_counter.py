"""What the counter types, as what is sold."""

import pytest

from app.rules.counter import MenuItem, TypedRow, discounted, menu_by_key, parse_rows, points_typed
from app.rules.points import PointsWrong
from app.vocabulary import CategoryOfNeed

MENU = menu_by_key(
    [
        MenuItem("水光护理", "水光护理", "T1", 39800, CategoryOfNeed.SKIN),
        MenuItem("Rose Oil", "Rose Oil", "P1", 12345, CategoryOfNeed.SKIN),
    ]
)


def amounts(*rows: TypedRow, percent_off: int = 0) -> list[int]:
    lines, wrong = parse_rows(rows, MENU, percent_off=percent_off)
    assert not wrong
    return [one.line.amount_fen for one in lines]


def test_the_menus_price_counts_where_none_is_typed_and_what_is_typed_counts_instead() -> None:
    assert amounts(TypedRow("水光护理", "2"), TypedRow("水光护理", "1", "300.5")) == [79600, 30050]


def test_full_width_digits_and_letters_are_understood() -> None:
    assert amounts(TypedRow("ｒｏｓｅ　oil", "２", "１２．５０"), TypedRow("t1", "")) == [2500, 39800]


def test_an_amount_without_a_name_is_sold_and_an_empty_row_is_nothing() -> None:
    lines, _ = parse_rows([TypedRow("", "1", "88"), TypedRow("", "1", "")], MENU, percent_off=0)
    assert [(one.line.item, one.line.amount_fen, one.line.sku) for one in lines] == [("消费", 8800, "")]


def test_only_the_menus_own_price_is_discounted() -> None:
    typed = TypedRow("水光护理", "1", "300"), TypedRow("手工眉", "1", "100"), TypedRow("Rose Oil", "1", "123.45")
    assert amounts(*typed, percent_off=10) == [30000, 10000, 11111]
    assert discounted(5, 10) == 5  # four and a half fen go up


@pytest.mark.parametrize(
    ("row", "field", "said"),
    [
        (TypedRow("手工眉", "1", ""), "price-0", "菜单里没有“手工眉”"),
        (TypedRow("", "1", "12.345"), "price-0", "最多两位小数"),
        (TypedRow("", "1", "十元"), "price-0", "看不懂"),
        (TypedRow("", "1", "-5"), "price-0", "看不懂"),
        (TypedRow("", "999", "900000000"), "price-0", "太大"),
        (TypedRow("水光护理", "0"), "quantity-0", "1 到 999"),
        (TypedRow("水光护理", "1.5"), "quantity-0", "1 到 999"),
    ],
)
def test_what_cannot_be_understood_is_said_beside_its_field(row: TypedRow, field: str, said: str) -> None:
    lines, wrong = parse_rows([row], MENU, percent_off=0)
    assert not lines
    assert said in wrong[field].say(str)


def test_points_are_a_whole_number_or_none() -> None:
    assert [points_typed(one) for one in ("", "0", "１２0", "1,200")] == [0, 0, 120, 1200]
    for typed in ("-1", "1.5", "一百"):
        with pytest.raises(PointsWrong):
            points_typed(typed)
