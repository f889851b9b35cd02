"""Money as people and tills write it, to whole fen. Never a float on the way."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from app.rules.refusals import RuleBroken, words

LARGEST_FEN = 100_000_000_000
"""A billion yuan: beyond it something other than money was typed."""

_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+")
_MARKS = re.compile(r"^(?:¥|RMB|CNY|人民币)\s*|\s*(?:元|RMB|CNY)$", re.IGNORECASE)  # data


class AmountWrong(RuleBroken):
    """Not an amount of money."""

    code = "amount_wrong"
    message = words("看不懂这个金额。请写成 1234.50 这样。")


class AmountTooFine(RuleBroken):
    """More than two decimals: somebody has to say which fen is meant; we do not round money silently."""

    code = "amount_too_fine"
    message = words("金额最多两位小数，到“分”为止。")


class AmountTooLarge(RuleBroken):
    """More money than a shop has."""

    code = "amount_too_large"
    message = words("这个金额太大了，请检查。")


class QuantityWrong(RuleBroken):
    """Not a whole number of things."""

    code = "quantity_wrong"
    message = words("数量要是整数。")


@lru_cache(maxsize=20_000)
def parse_fen(text: str) -> int:
    """An amount in yuan as whole fen: ¥1,234.50, 1234.5, 1234.5元, -12, （1,234.50） for minus, full-width digits.

    A third decimal is refused unless it is zero. Raises AmountWrong, AmountTooFine or AmountTooLarge.
    """
    fen = _yuan(text) * 100
    if fen != fen.to_integral_value():
        raise AmountTooFine("amount")
    return _bounded(fen)


@lru_cache(maxsize=20_000)
def parse_unit_price_fen(text: str) -> int:
    """A unit price, which tills work out by division (100 ÷ 3 = 33.3333): rounded half up to fen, because it is only
    shown; what was paid is the amount. Raises AmountWrong or AmountTooLarge."""
    return _bounded((_yuan(text) * 100).to_integral_value(ROUND_HALF_UP))


@lru_cache(maxsize=1_000)
def parse_quantity(text: str) -> int:
    """How many: a whole number, below zero on a return, zero on a line a till took back (real ones do that). Raises QuantityWrong."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    match = re.fullmatch(r"([+-]?\d{1,6})(?:\.0+)?", plain, re.ASCII)
    if match is None:
        raise QuantityWrong("quantity")
    return int(match[1])


def fen_as_yuan(fen: int) -> str:
    """Fen as a till writes them: 123450 → 1234.50."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _yuan(text: str) -> Decimal:
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip()
    negative = False
    if plain.startswith("(") and plain.endswith(")"):
        negative, plain = True, plain[1:-1].strip()
    sign, plain = _sign(plain)
    plain = _MARKS.sub("", plain).strip()
    inner, plain = _sign(plain)  # ¥-12 as well as -¥12
    if not _NUMBER.fullmatch(plain) or not plain.isascii() or negative + (sign < 0) + (inner < 0) > 1:
        raise AmountWrong("amount")
    value = Decimal(plain.replace(",", ""))
    return -value if negative or sign < 0 or inner < 0 else value


def _sign(plain: str) -> tuple[int, str]:
    if plain[:1] in {"-", "+"}:
        return (-1 if plain[0] == "-" else 1), plain[1:].strip()
    return 1, plain


def _bounded(fen: Decimal) -> int:
    if abs(fen) > LARGEST_FEN:
        raise AmountTooLarge("amount")
    return int(fen)
