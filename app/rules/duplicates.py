"""How likely two records are one person: points for what is alike, points off for what contradicts, each with its reason.

Nobody is joined by this: a person looks at both. Source: R-A20; the points are weights of evidence as in Fellegi and Sunter
(1969), in round numbers; how well they find planted duplicates stands in docs/rules.md and is measured by a test.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from app.rules.names import sounds_of
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Alike, Calendar, Gender

PROPOSED_FROM = 60
"""From here on a pair stands in the list."""
LIKELY_FROM = 75
"""From here on it is called likely. Only what agrees in name comes so far."""
HINTED_FROM = 45
"""From here on somebody is shown to whoever types her name: it is the same name, and nothing speaks against it."""
COMMON_FROM = 50
"""A name more people bear says little: it counts `COMMON_LESS` less, and is no reason to look at each other any more."""
COMMON_LESS = 15

POINTS: dict[Alike, int] = {
    Alike.NAME: 45,
    Alike.SOUND: 38,
    Alike.NO_SURNAME: 38,
    Alike.ONE_LETTER: 25,
    Alike.SURNAME: 10,
    Alike.BIRTHDAY: 38,
    Alike.DAY: 25,
    Alike.DIGITS: 22,
    Alike.PHONE: 30,
    Alike.LAST4: 22,
    Alike.WECHAT: 50,
    Alike.EMAIL: 40,
    Alike.STORE: 5,
    Alike.OTHER_BIRTHDAY: -25,
    Alike.OTHER_GENDER: -30,
}
AGREEING = frozenset({Alike.NAME, Alike.SOUND, Alike.NO_SURNAME})
"""Names that may be one and the same. One letter apart are also twins."""
NEAR_SOUND = 88
"""Of 100, how alike two pinyin must be to be one slip apart: zhangxiaoli and zangxiaoli are."""

# How the counter calls somebody whose given name it does not know: two 王女士 share a surname, no more.
_TITLES = re.compile(r"(?:女士|小姐|先生|太太|老师|老師|阿姨|夫人|姐|总|總)$")  # data
_LATIN = re.compile(r"[a-z]+")
_DIGITS = re.compile(r"\D")


class LikelyKnown(RuleBroken):
    """Somebody like her is in the file already: look first, then make a new record all the same if it is another person."""

    code = "likely_known"
    message = words("可能已经有这位顾客了。请先看一看下面的资料；确实是另一个人，就点“仍然新建”。")
    status = 409


@dataclass(frozen=True)
class Person:
    """What is compared of a record; None or empty is what nobody said. Phone and WeChat only by their blind indexes.
    `given_up`: phones of before a merge. `shares_phone`: this record says why it shares its number. `customer_id` 0: not in the
    file yet."""

    customer_id: int
    name: str
    pinyin: str = ""
    initials: str = ""
    given: str = ""
    birthday: str = ""
    calendar: Calendar = Calendar.SOLAR
    phone_index: bytes | None = None
    last4: str = ""
    shares_phone: bool = False
    wechat_index: bytes | None = None
    email: str = ""
    gender: Gender = Gender.UNKNOWN
    store_id: int | None = None
    given_up: frozenset[bytes] = frozenset()

    @cached_property
    def plain(self) -> str:
        """The name without what people write differently: width, case, spaces, the order of Latin words."""
        return _plain(self.name)

    @cached_property
    def is_titled(self) -> bool:
        """Whether only a surname is known: 王女士, 陈姐."""
        return bool(_TITLES.search(self.plain)) and len(_TITLES.sub("", self.plain)) in {1, 2}

    @cached_property
    def sounds(self) -> frozenset[str]:
        """Its pinyin, and for Latin words the same with the last word first: Xiaoming Wang is 王小明."""
        parts = _latin_words(self.name)
        turned = "".join((parts[-1], *parts[:-1])) if len(parts) > 1 else ""
        return frozenset(one for one in (self.pinyin, turned) if one)

    @cached_property
    def surname_sound(self) -> str:
        """How the family name sounds; empty where there is no knowing which word it is."""
        family = self.name[: len(self.name) - len(self.given)].strip() if self.given else ""
        return _sound(family) if family and not family.isascii() else ""

    @cached_property
    def digits(self) -> str:
        """The birthday's digits: 19900102, or 0102 without a year."""
        return _DIGITS.sub("", self.birthday)


@dataclass(frozen=True)
class Likeness:
    """How likely two records are one person: `score` from 0 to 100, and why."""

    score: int
    reasons: tuple[Alike, ...]

    @property
    def is_proposed(self) -> bool:
        """Whether somebody should look."""
        return self.score >= PROPOSED_FROM

    @property
    def is_likely(self) -> bool:
        """Whether it is called likely."""
        return self.score >= LIKELY_FROM


def likeness(one: Person, other: Person, *, is_common: bool = False) -> Likeness:
    """How likely the two are one person. `is_common`: so many bear this name that it says little."""
    name = _names(one, other)
    found = [name, _birthdays(one, other), *_contacts(one, other), *_rest(one, other)]
    reasons = tuple(reason for reason in found if reason)
    score = sum(POINTS[reason] for reason in reasons)
    if is_common and name in {Alike.NAME, Alike.SOUND}:
        score -= COMMON_LESS
    if name not in AGREEING:
        # The reason says that two people use the number; one surname, one birthday and another given name are twins.
        is_family = Alike.PHONE in reasons and (one.shares_phone or other.shares_phone)
        score = min(score, (PROPOSED_FROM if is_family else LIKELY_FROM) - 1)
    return Likeness(max(0, min(100, score)), reasons)


def _names(one: Person, other: Person) -> Alike | None:
    if one.is_titled or other.is_titled:
        return Alike.SURNAME if one.surname_sound and one.surname_sound == other.surname_sound else None
    if one.plain == other.plain:
        return Alike.NAME
    if one.sounds & other.sounds:
        return Alike.SOUND
    if _bears_only_given(one, other) or _bears_only_given(other, one):
        return Alike.NO_SURNAME
    return Alike.ONE_LETTER if _is_one_slip(one, other) else None


def _bears_only_given(short: Person, whole: Person) -> bool:
    given = _plain(whole.given)
    return len(given) >= 2 and not given.isascii() and (short.plain == given or short.pinyin == _sound(whole.given))


def _is_one_slip(one: Person, other: Person) -> bool:
    """One letter wrong, missing or too much, the family name being the same: 王小雨 and 王小雪 are, 王丹 and 王芳 are not."""
    shorter, longer = sorted((one.plain, other.plain), key=len)
    if one.plain.isascii() and other.plain.isascii():
        return len(shorter) >= 6 and fuzz.ratio(shorter, longer) >= NEAR_SOUND
    if not one.surname_sound or one.surname_sound != other.surname_sound:
        return False
    if len(longer) >= 3 and Levenshtein.distance(shorter, longer, score_cutoff=1) <= 1:
        return True
    return len(shorter) >= 3 and fuzz.ratio(one.pinyin, other.pinyin) >= NEAR_SOUND


def _birthdays(one: Person, other: Person) -> Alike | None:
    if not one.birthday or not other.birthday or one.calendar is not other.calendar:
        return None
    mine, hers = one.digits, other.digits
    if mine == hers and len(mine) == 8:
        return Alike.BIRTHDAY
    if len(mine) == len(hers) == 8:
        return _turned(mine, hers) if _wrong(mine, hers) != 1 else None
    mine, hers = mine[-4:], hers[-4:]
    if mine == hers:
        return Alike.DAY
    # Without a year too many days are some other day turned round: that says nothing either way.
    return None if _wrong(mine, hers) == 1 or _turned(mine, hers) is Alike.DIGITS else Alike.OTHER_BIRTHDAY


def _wrong(mine: str, hers: str) -> int:
    """How many digits differ; one alone is a slip of the finger and says nothing."""
    return sum(digit != other for digit, other in zip(mine, hers, strict=True))


def _turned(mine: str, hers: str) -> Alike:
    """Two digits that changed places, or month and day that did."""
    places = [place for place, digit in enumerate(mine) if digit != hers[place]]
    is_turned = len(places) == 2 and [mine[place] for place in places] == [hers[place] for place in reversed(places)]
    is_crossed = mine[:-4] == hers[:-4] and mine[-4:] == hers[-2:] + hers[-4:-2]
    return Alike.DIGITS if is_turned or is_crossed else Alike.OTHER_BIRTHDAY


def _contacts(one: Person, other: Person) -> tuple[Alike | None, ...]:
    has_phone = bool(one.phone_index) and one.phone_index == other.phone_index
    has_phone |= one.phone_index in other.given_up or other.phone_index in one.given_up
    has_last4 = not has_phone and bool(one.last4) and one.last4 == other.last4
    return (
        Alike.PHONE if has_phone else Alike.LAST4 if has_last4 else None,
        Alike.WECHAT if one.wechat_index and one.wechat_index == other.wechat_index else None,
        Alike.EMAIL if one.email and one.email == other.email else None,
    )


def _rest(one: Person, other: Person) -> tuple[Alike | None, ...]:
    genders = {one.gender, other.gender}
    is_same_store = one.store_id is not None and one.store_id == other.store_id
    return (
        Alike.STORE if is_same_store else None,
        Alike.OTHER_GENDER if genders == {Gender.FEMALE, Gender.MALE} else None,
    )


def birthdays_like(birthday: str) -> frozenset[tuple[int, int]]:
    """Month and day of a birthday as it is kept, and those it may be a slip of: two digits or the two numbers turned
    round. Only days that can be in a calendar."""
    digits = _DIGITS.sub("", birthday)[-4:]
    if len(digits) != 4:
        return frozenset()
    turned = {digits, digits[2:] + digits[:2]}
    for first in range(4):
        for second in range(first + 1, 4):
            letters = list(digits)
            letters[first], letters[second] = letters[second], letters[first]
            turned.add("".join(letters))
    days = {(int(text[:2]), int(text[2:])) for text in turned}
    return frozenset((month, day) for month, day in days if 1 <= month <= 12 and 1 <= day <= 31)


@lru_cache(maxsize=20_000)
def _sound(text: str) -> str:
    return sounds_of(text)[0]


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    parts = _latin_words(folded)
    return "".join(sorted(parts)) if parts else "".join(letter for letter in folded if letter.isalnum())


def _latin_words(name: str) -> tuple[str, ...]:
    """The words of a name that is all Latin letters; none of any other."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return tuple(_LATIN.findall(folded)) if folded.isascii() else ()
