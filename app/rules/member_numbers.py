"""Member numbers: eight digits whose last one checks the others, so that a slip of the finger finds nobody.

Numbers a till brought along are kept as they are: letters, digits and dashes, up to twenty.
"""

import re
import unicodedata
from functools import lru_cache

from app.rules.refusals import RuleBroken, words

LENGTH = 8
_KEPT = re.compile(r"[0-9A-Z_-]{1,20}")


class MemberNumbersUsedUp(RuleBroken):
    """Seven digits are all given out."""

    code = "member_numbers_used_up"
    message = words("会员号已经用完。请联系维护人员加长会员号。")


class MemberNumberWrong(RuleBroken):
    """Not something that can be printed on a card and typed at the counter."""

    code = "member_no_wrong"
    message = words("会员号只能用字母、数字和横线，最多 20 位。")


def member_no(serial: int) -> str:
    """The number of the n-th member: seven digits and a check digit. Source: ISO/IEC 7812-1, Luhn."""
    if not 0 < serial < 10 ** (LENGTH - 1):
        raise MemberNumbersUsedUp("member_no")
    body = f"{serial:0{LENGTH - 1}d}"
    return f"{body}{-_luhn(body + '0') % 10}"


def is_valid(number: str) -> bool:
    """Whether it can be one of ours: eight digits, and the check digit fits."""
    return len(number) == LENGTH and number.isascii() and number.isdecimal() and _luhn(number) % 10 == 0


@lru_cache(maxsize=50_000)
def parse_member_no(text: str) -> str:
    """A number as it is kept: half-width capitals without spaces. Raises MemberNumberWrong."""
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not _KEPT.fullmatch(number):
        raise MemberNumberWrong("member_no")
    return number


def lost_zeros(number: str) -> str | None:
    """What a number was before a spreadsheet ate its leading zeros, when it can be one of ours; else None."""
    whole = number.zfill(LENGTH)
    return whole if number.isdecimal() and len(number) < LENGTH and is_valid(whole) else None


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total
