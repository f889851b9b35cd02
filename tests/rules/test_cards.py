"""What stands on a card: both sides of every edge."""

import csv
from datetime import date
from pathlib import Path

import pytest

from app.rules.cards import chosen_numbers, face_colour, fitted, masked_name, valid_until_on
from app.rules.colours import NAMED, READABLE, contrast_with_white, mixed

BRAND = "#A8324A"
TIERS = Path(__file__).parents[2] / "seed" / "reference" / "tiers.csv"


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("10000016", ("10000016",)),
        ("1000 0016", ("10000016",)),
        ("1000 0016 1000 0024", ("10000016", "10000024")),
        ("10000016 10000024", ("10000016", "10000024")),
        ("10000016，10000024、10000032；10000040", ("10000016", "10000024", "10000032", "10000040")),
        ("10000016\r\n10000024\n\n", ("10000016", "10000024")),
        ("１０００ ００１６", ("10000016",)),
        ("10000024 10000016 10000024", ("10000024", "10000016")),
        ("vip-001\t王小梅", ("VIP-001", "王小梅")),
        ("1000", ("1000",)),
        ("1000\x000016", ("10000016",)),
        ("", ()),
    ],
)
def test_numbers_are_read_as_people_paste_them(typed: str, numbers: tuple[str, ...]) -> None:
    assert chosen_numbers(typed) == numbers


@pytest.mark.parametrize(
    ("tier", "face"),
    [
        ("rouge", BRAND),
        ("gold", NAMED["gold"]),
        ("#2D4A6B", "#2D4A6B"),
        ("#767676", "#767676"),
        ("#777777", BRAND),
        ("#FFF", BRAND),
        ("pink", BRAND),
        ("", BRAND),
        ('red"><script>', BRAND),
    ],
)
def test_a_face_always_carries_white_text(tier: str, face: str) -> None:
    assert face_colour(tier, BRAND) == face


def test_the_shops_brand_colour_is_the_first_tiers_face() -> None:
    assert face_colour("rouge", "#2F6B57") == "#2F6B57"


@pytest.mark.parametrize("name", NAMED)
def test_white_is_readable_on_every_colour_of_the_house(name: str) -> None:
    assert contrast_with_white(NAMED[name]) >= READABLE


def test_white_is_readable_on_every_tier_a_new_shop_has() -> None:
    with TIERS.open(encoding="utf-8", newline="") as file:
        faces = {row["name"]: face_colour(row["colour"], BRAND) for row in csv.DictReader(file)}
    assert len(set(faces.values())) == len(faces) >= 3
    for face in faces.values():
        assert contrast_with_white(face) >= READABLE
        # The flower runs under the text; its lines are lighter than the face.
        assert contrast_with_white(mixed(face, "#FFFFFF", 0.18)) >= 3


@pytest.mark.parametrize(
    ("colour", "contrast"), [("#FFFFFF", 1), ("#000000", 21), ("#767676", 4.54), ("#777777", 4.48)]
)
def test_contrast_is_the_wcag_formulas(colour: str, contrast: float) -> None:
    assert contrast_with_white(colour) == pytest.approx(contrast, abs=0.01)


@pytest.mark.parametrize(
    ("card_until_on", "issued_on", "months", "last_day"),
    [
        (None, date(2026, 11, 24), 24, date(2028, 11, 30)),
        (None, date(2026, 11, 30), 3, date(2027, 2, 28)),
        (None, date(2027, 11, 1), 3, date(2028, 2, 29)),
        (None, date(2026, 12, 31), 1, date(2027, 1, 31)),
        (date(2027, 6, 15), date(2026, 11, 24), 24, date(2027, 6, 15)),
        (date(2026, 11, 24), date(2026, 11, 24), 24, date(2026, 11, 24)),
        (date(2026, 11, 23), date(2026, 11, 24), 24, date(2028, 11, 30)),
    ],
)
def test_a_card_is_good_to_the_end_of_a_month_or_to_the_day_the_shop_wrote(
    card_until_on: date | None, issued_on: date, months: int, last_day: date
) -> None:
    assert valid_until_on(card_until_on, issued_on, months) == last_day


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王小梅", "王*梅"),
        ("王梅", "王*"),
        ("王", "王*"),
        ("欧阳娜娜", "欧**娜"),
        ("买买提·吐尔逊", "买**逊"),
        ("𡃁仔华", "𡃁*华"),
        ("Mary Lee", "M*** L***"),
        ("Ann", "A***"),
        (" 王小梅 ", "王*梅"),
    ],
)
def test_a_stranger_sees_no_whole_name(name: str, masked: str) -> None:
    assert masked_name(name) == masked


NAME = {"width": 68, "largest": 8.6, "smallest": 2.8, "two_lines": 5}


@pytest.mark.parametrize(
    ("name", "lines", "at_least"),
    [
        ("王小梅", ("王小梅",), 8.5),
        ("Ann", ("Ann",), 8.5),
        ("欧阳娜娜", ("欧阳娜娜",), 8.5),
        ("Alexandra Konstantinopoulos-Wu", ("Alexandra", "Konstantinopoulos-Wu"), 4.5),
        ("买买提·吐尔逊·阿卜杜热合曼江", ("买买提·吐尔逊·", "阿卜杜热合曼江"), 5),
        ("林" * 44, ("林" * 22, "林" * 22), 3),
    ],
)
def test_a_long_name_shrinks_before_it_breaks(name: str, lines: tuple[str, ...], at_least: float) -> None:
    fit = fitted(name, **NAME)
    assert fit.lines == lines
    assert fit.size >= at_least


@pytest.mark.parametrize("name", ["林" * 80, "W" * 80, "i" * 80, "𡃁" * 80, "W" * 79 + " x", "Ⅷ" * 80])
def test_no_name_leaves_the_card(name: str) -> None:
    fit = fitted(name, **NAME)
    assert len(fit.lines) <= 2
    assert NAME["smallest"] <= fit.size <= NAME["largest"]
    for line in fit.lines:
        assert len(line) * 0.5 * fit.size <= NAME["width"]


def test_what_does_not_fit_at_all_ends_in_an_ellipsis() -> None:
    assert fitted("林" * 80, **NAME).lines[-1].endswith("…")
    assert fitted("长" * 50, width=40, largest=4, smallest=2.4).lines[0].endswith("…")


def test_nothing_fits_everywhere() -> None:
    assert fitted("", width=40, largest=4, smallest=2.4).lines == ("",)
