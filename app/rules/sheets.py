"""Where cards lie on paper: one per page (CR80), or ten on A4 with crop marks. All lengths are millimetres."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T")

CARD_WIDTH = 85.60
CARD_HEIGHT = 53.98
"""ID-1. Source: ISO/IEC 7810."""

PAGE_WIDTH = 210.0
PAGE_HEIGHT = 297.0
COLUMNS = 2
ROWS = 5
BLEED = 3.0
COLUMN_GAP = 2 * BLEED
ROW_GAP = 2.0
"""Five cards and six bleeds of 3 mm are taller than A4 (299.9 mm), and printers leave 4 mm white. So between two rows
the colours meet in the middle of 2 mm; cards are printed tier after tier, so it is nearly always the same colour."""
MARK_LENGTH = 4.5
MARK_DISTANCE = 0.5
MARK_THICKNESS = 0.2


@dataclass(frozen=True)
class Slot:
    """One card's place: the coloured area with its bleed, and where the card itself begins inside it."""

    left: float
    top: float
    width: float
    height: float
    card_left: float
    card_top: float


@dataclass(frozen=True)
class Mark:
    """A crop mark: a thin line outside everything printed, in line with a cut."""

    left: float
    top: float
    width: float
    height: float


class Layout(StrEnum):
    """How cards are printed: each on a page of its own size, or ten on a sheet of A4."""

    CR80 = "cr80"
    A4 = "a4"

    @property
    def per_sheet(self) -> int:
        """Cards on one sheet."""
        return COLUMNS * ROWS if self is Layout.A4 else 1

    @property
    def fronts(self) -> tuple[Slot, ...]:
        """The places of the fronts, in the order of the cards."""
        return a4_slots(mirrored=False) if self is Layout.A4 else (_CR80_SLOT,)

    @property
    def backs(self) -> tuple[Slot, ...]:
        """The places of the backs, in the order of the cards."""
        return a4_slots(mirrored=True) if self is Layout.A4 else (_CR80_SLOT,)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Where to cut."""
        return crop_marks() if self is Layout.A4 else ()


_CR80_SLOT = Slot(-1, -1, CARD_WIDTH + 2, CARD_HEIGHT + 2, 1, 1)
"""The page is the card; the colour runs a little over it, so that no white hair shows at the edge."""


def sheets(cards: Sequence[_T], layout: Layout) -> list[Sequence[_T]]:
    """Cards sheet by sheet, the last one not always full."""
    return [cards[start : start + layout.per_sheet] for start in range(0, len(cards), layout.per_sheet)]


def a4_slots(*, mirrored: bool) -> tuple[Slot, ...]:
    """The ten places, row by row. The backs' page is mirrored: turned over its long edge, each back lies behind its
    own front."""
    order = range(COLUMNS - 1, -1, -1) if mirrored else range(COLUMNS)
    return tuple(_slot(column, row) for row in range(ROWS) for column in order)


def crop_marks() -> tuple[Mark, ...]:
    """The marks along the four edges of an A4 sheet, two for every card's side."""
    upright = [
        Mark(_rounded(x - MARK_THICKNESS / 2), top, MARK_THICKNESS, MARK_LENGTH)
        for x in _cuts(_card_left, COLUMNS, CARD_WIDTH)
        for top in _outside(_card_top(0), _card_top(ROWS - 1) + CARD_HEIGHT)
    ]
    lying = [
        Mark(left, _rounded(y - MARK_THICKNESS / 2), MARK_LENGTH, MARK_THICKNESS)
        for y in _cuts(_card_top, ROWS, CARD_HEIGHT)
        for left in _outside(_card_left(0), _card_left(COLUMNS - 1) + CARD_WIDTH)
    ]
    return (*upright, *lying)


def _slot(column: int, row: int) -> Slot:
    above = BLEED if row == 0 else ROW_GAP / 2
    below = BLEED if row == ROWS - 1 else ROW_GAP / 2
    return Slot(
        left=_rounded(_card_left(column) - BLEED),
        top=_rounded(_card_top(row) - above),
        width=_rounded(CARD_WIDTH + 2 * BLEED),
        height=_rounded(CARD_HEIGHT + above + below),
        card_left=BLEED,
        card_top=above,
    )


def _card_left(column: int) -> float:
    block = COLUMNS * CARD_WIDTH + (COLUMNS - 1) * COLUMN_GAP
    return (PAGE_WIDTH - block) / 2 + column * (CARD_WIDTH + COLUMN_GAP)


def _card_top(row: int) -> float:
    block = ROWS * CARD_HEIGHT + (ROWS - 1) * ROW_GAP
    return (PAGE_HEIGHT - block) / 2 + row * (CARD_HEIGHT + ROW_GAP)


def _cuts(start_of: Callable[[int], float], count: int, length: float) -> list[float]:
    return [edge for index in range(count) for edge in (start_of(index), start_of(index) + length)]


def _outside(first: float, last: float) -> tuple[float, float]:
    """Where a mark begins before the first cut and after the last, past the bleed."""
    return _rounded(first - BLEED - MARK_DISTANCE - MARK_LENGTH), _rounded(last + BLEED + MARK_DISTANCE)


def _rounded(length: float) -> float:
    return round(length, 3)
