"""Made-up twins: customers entered a second time as shops do it, to measure how well duplicates are found. The same seed
makes the same twins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from app.rules.names import given_of, sounds_of

SAME_SOUND = dict(
    zip("晓丽静琴婷英玲嫒喆雨丹燕兰怡美雅玉海思欣", "小莉靖芹亭瑛铃爱哲宇旦艳蓝仪梅亚钰嗨丝心", strict=True)
)
TRADITIONAL = dict(zip("晓丽静兰张刘陈杨赵黄吴孙罗马单区", "曉麗靜蘭張劉陳楊趙黃吳孫羅馬單區", strict=True))
WRONG = "悦佳萍芬"
_FIRST = date(1960, 1, 1)
_DAYS = 16_000


@dataclass(frozen=True)
class Entered:
    """A customer as somebody typed her: name, the phone's eleven digits, why it is shared, birthday."""

    name: str
    phone: str
    shared: str = ""
    birthday: str = ""


def with_birthdays(people: Sequence[Entered], chance: Random) -> list[Entered]:
    """The same people with the birthdays a shop knows: of six in ten with the year, of one in ten without."""
    return [replace(one, birthday=_birthday(chance)) for one in people]


def _birthday(chance: Random) -> str:
    day = (_FIRST + timedelta(days=chance.randrange(_DAYS))).isoformat()
    drawn = chance.random()
    return day if drawn < 0.6 else day[5:] if drawn < 0.7 else ""


def second_entry(one: Entered, number: int, chance: Random) -> Entered:
    """The same person once more: with one slip in the name or none, another phone or a slip in it, and the birthday as
    somebody else wrote it down. `number` keeps new phones apart."""
    name = chance.choice((_as_it_is, _as_it_is, _same_sound, _traditional, _without_surname, _wrong_letter, _spelled))
    phone = chance.choice((_new_phone, _slip_in_phone, _slip_in_phone, _shared_phone))
    birthday = chance.choice((_as_it_is, _as_it_is, _turned_round, _without_year, _forgotten))
    number_now, reason = phone(one.phone, number, chance)
    return Entered(name(one.name, chance), number_now, reason, birthday(one.birthday, chance))


def _as_it_is(text: str, chance: Random) -> str:
    return text


def _same_sound(name: str, chance: Random) -> str:
    """As a pinyin keyboard offers it: of the given name one letter with the same sound."""
    return _one_letter(name, SAME_SOUND, chance, first=len(name) - len(given_of(name)))


def _traditional(name: str, chance: Random) -> str:
    return "".join(TRADITIONAL.get(letter, letter) for letter in name)


def _without_surname(name: str, chance: Random) -> str:
    given = given_of(name)
    return given if len(given) >= 2 else name


def _wrong_letter(name: str, chance: Random) -> str:
    return name[:-1] + chance.choice(WRONG)


def _spelled(name: str, chance: Random) -> str:
    given = given_of(name)
    family = name[: len(name) - len(given)]
    return f"{sounds_of(family)[0].capitalize()} {sounds_of(given)[0].capitalize()}"


def _one_letter(name: str, other: dict[str, str], chance: Random, *, first: int) -> str:
    places = [place for place in range(first, len(name)) if name[place] in other]
    if not places:
        return name
    place = chance.choice(places)
    return name[:place] + other[name[place]] + name[place + 1 :]


def _new_phone(phone: str, number: int, chance: Random) -> tuple[str, str]:
    return f"139{number:04d}{chance.randrange(10_000):04d}", ""


def _slip_in_phone(phone: str, number: int, chance: Random) -> tuple[str, str]:
    """A slip before the last four digits, which are read out twice. The number is no longer of the demo's."""
    return f"138{number:04d}{phone[-4:]}", ""


def _shared_phone(phone: str, number: int, chance: Random) -> tuple[str, str]:
    return phone, "家里共用"


def _turned_round(birthday: str, chance: Random) -> str:
    """Month and day changed places where both can, else the two digits of the day where both can."""
    if not birthday:
        return ""
    head, month, day = birthday[:-5], birthday[-5:-3], birthday[-2:]
    if int(day) <= 12:
        return f"{head}{day}-{month}"
    return f"{head}{month}-{day[::-1]}" if 1 <= int(day[::-1]) <= 28 else birthday


def _without_year(birthday: str, chance: Random) -> str:
    return birthday[-5:]


def _forgotten(birthday: str, chance: Random) -> str:
    return ""
