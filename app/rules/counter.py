"""A sale as the counter types it: things of the menu or anything else, how many, what one costs, with the discount of her tier.

Source: interface.md 4 「/desk … sale」; S1 「會員折扣」.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.rules.amounts import LARGEST_FEN, AmountTooLarge, AmountWrong, QuantityWrong, parse_fen, parse_quantity
from app.rules.points import LARGEST_POINTS, PointsWrong
from app.rules.purchases import SaleLine
from app.rules.refusals import RuleBroken, words
from app.rules.texts import plain
from app.vocabulary import CategoryOfNeed

MOST_ROWS = 20
_MOST_PIECES = 999
_NAMELESS = "消费"  # data: the line of a sale that names none
_ORDER_NO = re.compile(r"S\d{6}-[0-9A-Z]{6}")


class PriceMissing(RuleBroken):
    """Nobody knows what it costs."""

    code = "price_missing"
    message = words("菜单里没有“{item}”，请写价钱。")


class CounterQuantityWrong(RuleBroken):
    """What is taken back is a refund, not a sale of fewer than none."""

    code = "counter_quantity_wrong"
    message = words("数量要填 1 到 {most} 之间的整数。")


class RefundReasonMissing(RuleBroken):
    """Money that goes back without a word is asked about months later."""

    code = "refund_reason_missing"
    message = words("请写明为什么退。")


class RefundReasonTooLong(RuleBroken):
    """It has to stand on a slip."""

    code = "refund_reason_too_long"
    message = words("原因最多写 {limit} 个字。")


@dataclass(frozen=True)
class MenuItem:
    """A thing the shop sells. `name` is how the counter chooses it, `item` how it stands on the slip."""

    name: str
    item: str
    sku: str
    price_fen: int
    category: CategoryOfNeed


@dataclass(frozen=True)
class TypedRow:
    """A row of the form, as it was typed. `priced_for`: the thing whose price was filled in."""

    item: str = ""
    quantity: str = ""
    price: str = ""
    priced_for: str = ""


@dataclass(frozen=True)
class CounterLine:
    """A row that was understood. `percent_off` 0: nothing comes off its price."""

    line: SaleLine
    category: CategoryOfNeed | None
    percent_off: int


def parse_rows(
    rows: Sequence[TypedRow], menu: Mapping[str, MenuItem], *, percent_off: int
) -> tuple[tuple[CounterLine, ...], dict[str, RuleBroken]]:
    """What is sold, and what was wrong by its field (`price-0`). A row without words and price is nothing. Only the menu's
    own price is discounted: a price somebody typed is what she pays."""
    lines, wrong = [], {}
    for place, row in enumerate(rows):
        if is_blank(row):
            continue
        try:
            lines.append(_line(row, menu, percent_off))
        except RuleBroken as refusal:
            wrong[f"{refusal.field}-{place}"] = refusal
    return tuple(lines), wrong


def is_blank(row: TypedRow) -> bool:
    """Whether nothing was typed that could be sold."""
    return not plain(row.item) and not plain(row.price)


def chosen_item(typed: str, menu: Mapping[str, MenuItem]) -> MenuItem | None:
    """The thing of the menu that is meant, by name or code, whatever width it was typed in."""
    return menu.get(key_of(typed))


def key_of(name: str) -> str:
    """What a thing is found by."""
    return " ".join(unicodedata.normalize("NFKC", plain(name)).casefold().split())


def menu_by_key(items: Sequence[MenuItem]) -> dict[str, MenuItem]:
    """The menu, to look things up by name or code; of two the first."""
    found: dict[str, MenuItem] = {}
    for one in items:
        for name in (one.name, one.sku):
            found.setdefault(key_of(name), one)
    return found


def discounted(fen: int, percent_off: int) -> int:
    """What is left after so many percent are off, rounded half up to fen. *Example.* 12345 fen, 10 % off → 11111."""
    return (fen * (100 - percent_off) + 50) // 100


def points_typed(text: str) -> int:
    """How many points pay: none where nothing was typed. Raises PointsWrong."""
    digits = unicodedata.normalize("NFKC", text).replace(",", "").strip()
    if digits in {"", "0"}:
        return 0
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:11]) <= LARGEST_POINTS):
        raise PointsWrong("points_used", largest=LARGEST_POINTS)
    return int(digits)


def is_counter_order(order_no: str) -> bool:
    """Whether the counter makes such numbers."""
    return _ORDER_NO.fullmatch(order_no) is not None


def _line(row: TypedRow, menu: Mapping[str, MenuItem], percent_off: int) -> CounterLine:
    known = chosen_item(row.item, menu)
    quantity, price = _quantity(row.quantity), _price(row, known)
    off = percent_off if known and price == known.price_fen else 0
    if quantity * price > LARGEST_FEN:
        raise AmountTooLarge("price")
    line = SaleLine(
        item=known.item if known else plain(row.item) or _NAMELESS,
        amount_fen=discounted(quantity * price, off),
        quantity=quantity,
        unit_price_fen=price,
        sku=known.sku if known else "",
    )
    return CounterLine(line, known.category if known else None, off)


def _quantity(typed: str) -> int:
    try:
        quantity = parse_quantity(typed) if typed.strip() else 1
    except QuantityWrong:
        quantity = 0
    if not 0 < quantity <= _MOST_PIECES:
        raise CounterQuantityWrong("quantity", most=_MOST_PIECES)
    return quantity


def _price(row: TypedRow, known: MenuItem | None) -> int:
    if not plain(row.price):
        if known is None:
            raise PriceMissing("price", item=plain(row.item))
        return known.price_fen
    try:
        price = parse_fen(row.price)
    except RuleBroken as refusal:
        refusal.field = "price"
        raise
    if price < 0:
        raise AmountWrong("price")
    return price
