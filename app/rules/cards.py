"""What stands on a member card, and for whom one is printed."""

import calendar
import unicodedata
from dataclasses import dataclass
from datetime import date

from app.rules.colours import NAMED, carries_white
from app.rules.days import months_after
from app.rules.refusals import RuleBroken, words

MOST_CARDS = 1000
"""Cards in one file: more would take a printer's whole day and the machine's memory."""


class NobodyChosen(RuleBroken):
    """A print run for nobody."""

    code = "nobody_chosen"
    message = words("还没有选印给谁：填会员号，或选一个等级，或选全部顾客。")


class MembersUnknown(RuleBroken):
    """Numbers that are no active customer's."""

    code = "members_unknown"
    message = words("没有这些会员号，或已停用：{numbers}。请核对后再打印。")


class TierUnknown(RuleBroken):
    """A tier that does not exist."""

    code = "tier_unknown"
    message = words("没有叫“{tier}”的等级。现有等级：{tiers}。")


class TierEmpty(RuleBroken):
    """Nobody to print for."""

    code = "tier_empty"
    message = words("这里还没有顾客，没有卡可印。")


class TooManyCards(RuleBroken):
    """More cards than one file should hold."""

    code = "too_many_cards"
    message = words("这次有 {count} 张，一个文件最多 {most} 张。请按等级或会员号分几次打印。")


@dataclass(frozen=True)
class CardChoice:
    """For whom cards are printed; what is given adds up."""

    numbers: tuple[str, ...] = ()
    tier: str = ""
    everyone: bool = False


@dataclass(frozen=True)
class Card:
    """One member card: what is printed on it, and the token its QR leads to. `face` is #RRGGBB."""

    name: str
    member_no: str
    tier: str
    face: str
    valid_until_on: date
    token: str


@dataclass(frozen=True)
class Fitted:
    """A text as it fits a space: its lines, and the size of its letters in the unit the space was given in."""

    lines: tuple[str, ...]
    size: float


def chosen_numbers(text: str) -> tuple[str, ...]:
    """The member numbers a person typed or pasted, each once, in her order. A card shows its number in groups of four,
    so two groups of four beside each other are one number."""
    found: list[str] = []
    for line in unicodedata.normalize("NFKC", text).upper().translate(_SEPARATORS).splitlines():
        parts = "".join(sign for sign in line if sign.isprintable()).split()
        while parts:
            number = parts.pop(0)
            if len(number) == 4 and number.isdigit() and parts and len(parts[0]) == 4:
                number += parts.pop(0)
            if number not in found:
                found.append(number)
    return tuple(found)


_SEPARATORS = str.maketrans(dict.fromkeys(",;、/|\t", "\n"))


def face_colour(tier_colour: str, brand_colour: str) -> str:
    """The colour of a card's face. A tier says a colour of the house ("gold") or its own #RRGGBB; "rouge", and one on
    which white could not be read, is the shop's brand colour."""
    if tier_colour == "rouge":
        return brand_colour
    colour = NAMED.get(tier_colour, tier_colour)
    return colour if carries_white(colour) else brand_colour


def valid_until_on(card_until_on: date | None, issued_on: date, months: int) -> date:
    """The last day of a card: the one the shop wrote into the customer's record or, where there is none (or it was an
    earlier card's), the end of the month that lies `months` after the card was issued. Counted from the issue, not
    from today, so that a card printed again shows the same day. Source: S4 有效期."""
    if card_until_on is not None and card_until_on >= issued_on:
        return card_until_on
    last = months_after(issued_on, months)
    return last.replace(day=calendar.monthrange(last.year, last.month)[1])


def masked_name(name: str) -> str:
    """A name as a stranger who finds the card may see it: 王小梅 → 王*梅, 王梅 → 王*, Mary Lee → M*** L***."""
    name = name.strip()
    if name.isascii():
        return " ".join(f"{part[0]}***" for part in name.split())
    if len(name) < 3:
        return name[0] + "*"
    return name[0] + "*" * min(len(name) - 2, 2) + name[-1]


def fitted(text: str, *, width: float, largest: float, smallest: float, two_lines: float | None = None) -> Fitted:
    """A text set as large as it goes: on one line down to `two_lines`, then on two from that size down, and only
    then cut with an ellipsis. Without `two_lines` it stays on one line."""
    text = " ".join(text.split())
    one_line = width / max(_ems(text), 1)
    if one_line >= (two_lines or smallest):
        return Fitted((text,), round(min(largest, one_line) - 0.005, 2))
    if two_lines is None:
        return Fitted((_cut(text, width / smallest),), smallest)
    for tenths in range(round(two_lines * 10), round(smallest * 10) - 1, -1):
        first, rest = _broken(text, width / tenths * 10)
        if _ems(rest) <= width / tenths * 10:
            return Fitted((first, rest), tenths / 10)
    first, rest = _broken(text, width / smallest)
    return Fitted((first, _cut(rest, width / smallest)), smallest)


def _broken(text: str, ems: float) -> tuple[str, str]:
    """As much of a text as `ems` hold, and the rest. Broken after a space, dot or hyphen where there is one."""
    end = _length(text, ems)
    seam = max(text.rfind(sign, 0, end) for sign in " ·‧・-")
    end = seam + 1 if seam > 0 else end
    return text[:end].rstrip(), text[end:].lstrip()


def _cut(text: str, ems: float) -> str:
    """A text, or as much of it as `ems` hold with an ellipsis."""
    return text if _ems(text) <= ems else text[: _length(text, ems - _ems("…"))] + "…"


def _length(text: str, ems: float) -> int:
    """How many characters fit, at least one."""
    return next((at for at in range(1, len(text)) if _ems(text[: at + 1]) > ems), len(text))


def _ems(text: str) -> float:
    """The width of a text in units of its letter height, on the safe side for the fonts we print with."""
    return sum(_em(character) for character in text)


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in {"W", "F", "A"} or ord(character) > 0x2FFF:
        return 1.02
    if character in "mwMW@%":
        return 1
    if character == " ":
        return 0.34
    return 0.76 if character.isupper() else 0.64
