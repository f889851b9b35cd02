"""A person's name in one field, family name first, and how it sounds: so that zhangxl and zxl find 张晓丽."""

import unicodedata
from dataclasses import dataclass

from pypinyin import lazy_pinyin

from app.rules.refusals import RuleBroken, words

NAME_MAX = 80
_PINYIN_MAX = 200
_INITIALS_MAX = 40

# Read differently as a family name than anywhere else; the dictionary only knows the everyday reading.
# fmt: off
SURNAMES = {
    "单": "shan", "單": "shan", "曾": "zeng", "仇": "qiu", "区": "ou", "區": "ou", "解": "xie",  # data
    "查": "zha", "盖": "ge", "蓋": "ge", "覃": "qin", "朴": "piao", "乐": "yue", "樂": "yue",  # data
    "缪": "miao", "繆": "miao", "种": "chong", "折": "she", "洗": "xian", "员": "yun", "員": "yun",  # data
    "郇": "xun", "召": "shao", "祭": "zhai", "黑": "he", "秘": "bi", "祕": "bi", "繁": "po",  # data
    "句": "gou", "郗": "chi", "阚": "kan", "卜": "bu", "翟": "zhai", "藏": "zang", "尉遲": "yu chi",  # data
    "任": "ren", "薄": "bo", "长孙": "zhang sun", "長孫": "zhang sun", "尉迟": "yu chi",  # data
    "单于": "chan yu", "單于": "chan yu", "乐正": "yue zheng", "樂正": "yue zheng", "万俟": "mo qi",  # data
    "澹臺": "tan tai", "澹台": "tan tai",  # data
}
# fmt: on


class NameMissing(RuleBroken):
    """A customer needs a name to be called by."""

    code = "name_missing"
    message = words("请填写姓名。")


class NameTooLong(RuleBroken):
    """Longer than any name: probably another column."""

    code = "name_too_long"
    message = words("姓名太长了，最多 {limit} 个字。")


@dataclass(frozen=True)
class Name:
    """A name as it is kept: `text` to show, `pinyin` and `initials` in lower case, without spaces, to find it by."""

    text: str
    pinyin: str
    initials: str


def parse_name(text: str) -> Name:
    """The name somebody wrote, tidied, with its sounds. Raises NameMissing or NameTooLong."""
    tidy = tidy_words(text)
    if not tidy:
        raise NameMissing("name")
    if len(tidy) > NAME_MAX:
        raise NameTooLong("name", limit=NAME_MAX)
    pinyin, initials = sounds_of(tidy)
    return Name(tidy, pinyin, initials)


def tidy_words(text: str) -> str:
    """One line of text in one spelling: composed (NFC), no control or invisible characters, single spaces."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isprintable():
        return " ".join(composed.split())
    # A zero-width joiner holds an emoji together; every other invisible character is an accident of copying.
    seen = (
        " " if letter in "\t\r\n\v\f\u2028\u2029" else letter
        for letter in composed
        if letter in "\t\r\n\v\f\u200d\u2028\u2029" or unicodedata.category(letter) not in {"Cc", "Cf", "Cs"}
    )
    return " ".join("".join(seen).split())


def sounds_of(name: str) -> tuple[str, str]:
    """Pinyin and initials of a tidy name: 曾小丽 → zengxiaoli, zxl; Mary Smith → marysmith, ms."""
    syllables = _syllables(name)
    spelled = ["".join(filter(str.isalnum, syllable.lower())) for syllable in syllables]
    sounds = [sound for sound in spelled if sound.isascii() and sound]
    return "".join(sounds)[:_PINYIN_MAX], "".join(sound[0] for sound in sounds)[:_INITIALS_MAX]


def _syllables(name: str) -> list[str]:
    for length in (2, 1):
        if reading := SURNAMES.get(name[:length]):
            return reading.split() + _given_name(name[length:])
    return _given_name(name)


def _given_name(text: str) -> list[str]:
    # Letters of other scripts come back in one piece: words, not letters, have initials.
    return [word for piece in lazy_pinyin(text) for word in piece.split()]
