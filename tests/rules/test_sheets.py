"""Ten cards on A4: the arithmetic a cutter relies on."""

from itertools import combinations

import pytest

from app.rules.sheets import (
    BLEED,
    CARD_HEIGHT,
    CARD_WIDTH,
    MARK_LENGTH,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Layout,
    Slot,
    a4_slots,
    crop_marks,
    sheets,
)

FRONTS, BACKS = a4_slots(mirrored=False), a4_slots(mirrored=True)


def card_box(slot: Slot) -> tuple[float, float, float, float]:
    """Where the cut card lies on the page."""
    left, top = slot.left + slot.card_left, slot.top + slot.card_top
    return left, top, left + CARD_WIDTH, top + CARD_HEIGHT


def test_ten_cards_lie_on_the_page_without_touching() -> None:
    assert len(FRONTS) == 10
    for one, other in combinations(map(card_box, FRONTS), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_no_bleed_runs_into_another_one_or_off_the_page() -> None:
    boxes = [(slot.left, slot.top, slot.left + slot.width, slot.top + slot.height) for slot in FRONTS]
    assert all(
        left > 0 and top > 0 and right < PAGE_WIDTH and bottom < PAGE_HEIGHT for left, top, right, bottom in boxes
    )
    for one, other in combinations(boxes, 2):
        assert (
            one[2] <= other[0] + 0.01
            or other[2] <= one[0] + 0.01
            or one[3] <= other[1] + 0.01
            or other[3] <= one[1] + 0.01
        )


def test_the_block_bleeds_three_millimetres_on_every_outer_side() -> None:
    assert {slot.card_left for slot in FRONTS} == {BLEED}
    assert FRONTS[0].card_top == BLEED
    assert FRONTS[-1].height - FRONTS[-1].card_top - CARD_HEIGHT == pytest.approx(BLEED)


def test_it_lies_in_the_middle_so_that_both_sides_meet() -> None:
    boxes = list(map(card_box, FRONTS))
    assert min(box[0] for box in boxes) == pytest.approx(PAGE_WIDTH - max(box[2] for box in boxes), abs=0.01)
    assert min(box[1] for box in boxes) == pytest.approx(PAGE_HEIGHT - max(box[3] for box in boxes), abs=0.01)


@pytest.mark.parametrize("place", range(10))
def test_a_back_lies_behind_its_front_when_the_sheet_is_turned_over_its_long_edge(place: int) -> None:
    left, top, right, bottom = card_box(FRONTS[place])
    behind = card_box(BACKS[place])
    assert behind == pytest.approx((PAGE_WIDTH - right, top, PAGE_WIDTH - left, bottom), abs=0.01)


def test_every_cut_has_a_mark_at_both_ends_and_none_lies_in_the_colour() -> None:
    marks = crop_marks()
    assert len(marks) == 2 * (2 * 2 + 5 * 2)
    cuts_x = {round(edge, 2) for slot in FRONTS for edge in card_box(slot)[::2]}
    cuts_y = {round(edge, 2) for slot in FRONTS for edge in card_box(slot)[1::2]}
    upright = [mark for mark in marks if mark.height == MARK_LENGTH]
    lying = [mark for mark in marks if mark.width == MARK_LENGTH]
    assert {round(mark.left + mark.width / 2, 2) for mark in upright} == cuts_x
    assert {round(mark.top + mark.height / 2, 2) for mark in lying} == cuts_y
    for mark in marks:
        assert 0 < mark.left < PAGE_WIDTH - mark.width
        assert 0 < mark.top < PAGE_HEIGHT - mark.height
        for slot in FRONTS:
            apart_x = mark.left + mark.width <= slot.left or mark.left >= slot.left + slot.width
            apart_y = mark.top + mark.height <= slot.top or mark.top >= slot.top + slot.height
            assert apart_x or apart_y


@pytest.mark.parametrize(
    ("count", "layout", "sizes"),
    [
        (1, Layout.CR80, [1]),
        (3, Layout.CR80, [1, 1, 1]),
        (9, Layout.A4, [9]),
        (10, Layout.A4, [10]),
        (11, Layout.A4, [10, 1]),
        (0, Layout.A4, []),
    ],
)
def test_cards_fill_sheet_after_sheet(count: int, layout: Layout, sizes: list[int]) -> None:
    assert [len(sheet) for sheet in sheets(range(count), layout)] == sizes
