"""A person's name in one field, family name first, and how it sounds: so that zhangxl and zxl find 张晓丽."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from pypinyin import lazy_pinyin

from app.rules.refusals import RuleBroken, words

NAME_MAX = 80
_PINYIN_MAX = 200
_INITIALS_MAX = 40
_HAN = "\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # data
_BETWEEN_HAN = re.compile(f"(?<=[{_HAN}]) (?=[{_HAN}])")

# Read differently as a family name than anywhere else; the dictionary only knows the everyday reading.
# fmt: off
SURNAMES = {
    "单": "shan", "單": "shan", "曾": "zeng", "仇": "qiu", "区": "ou", "區": "ou", "解": "xie",  # data
    "查": "zha", "盖": "ge", "蓋": "ge", "覃": "qin", "朴": "piao", "乐": "yue", "樂": "yue",  # data
    "缪": "miao", "繆": "miao", "种": "chong", "折": "she", "洗": "xian", "员": "yun", "員": "yun",  # data
    "郇": "xun", "召": "shao", "祭": "zhai", "黑": "he", "秘": "bi", "祕": "bi", "繁": "po",  # data
    "句": "gou", "郗": "chi", "阚": "kan", "卜": "bu", "翟": "zhai", "藏": "zang", "尉遲": "yu chi",  # data
    "佴": "nai", "么": "yao", "都": "du", "乜": "nie", "粘": "nian", "黏": "nian",  # data
    "任": "ren", "薄": "bo", "长孙": "zhang sun", "長孫": "zhang sun", "尉迟": "yu chi",  # data
    "单于": "chan yu", "單于": "chan yu", "乐正": "yue zheng", "樂正": "yue zheng", "万俟": "mo qi",  # data
    "澹臺": "tan tai", "澹台": "tan tai",  # data
}
_TWO_LETTERS = (
    "欧阳 歐陽 上官 司马 司馬 诸葛 諸葛 司徒 东方 東方 皇甫 慕容 令狐 夏侯 公孙 公孫 宇文 轩辕 軒轅 钟离 鍾離 闻人 聞人 "  # data
    "申屠 太史 端木 百里 东郭 東郭 南宫 南宮 独孤 獨孤 呼延 赫连 赫連 完颜 完顏 纳兰 納蘭"  # data
)
TWO_LETTER_SURNAMES = frozenset(_TWO_LETTERS.split()) | {name for name in SURNAMES if len(name) == 2}
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
    """A name as it is kept: `text` to show, `pinyin` and `initials` in lower case, without spaces, and what stands after
    the family name, to find it by."""

    text: str
    pinyin: str
    initials: str
    given: str


def parse_name(text: str) -> Name:
    """The name somebody wrote, tidied, with its sounds. Raises NameMissing or NameTooLong."""
    tidy = tidy_name(text)
    if not tidy:
        raise NameMissing("name")
    if len(tidy) > NAME_MAX:
        raise NameTooLong("name", limit=NAME_MAX)
    pinyin, initials = sounds_of(tidy)
    return Name(tidy, pinyin, initials, given_of(tidy))


@lru_cache(maxsize=20_000)
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


def tidy_name(text: str) -> str:
    """A name as it is kept and looked for: blanks between Han letters go (欧阳 雪 → 欧阳雪), those of Latin names stay
    (Mary Smith, 陈 Amy)."""
    return _BETWEEN_HAN.sub("", tidy_words(text))


def sounds_of(name: str) -> tuple[str, str]:
    """Pinyin and initials of a tidy name: 曾小丽 → zengxiaoli, zxl; Mary Smith → marysmith, ms."""
    syllables = _syllables(name)
    spelled = ["".join(filter(str.isalnum, syllable.lower())) for syllable in syllables]
    sounds = [sound for sound in spelled if sound.isascii() and sound]
    return "".join(sounds)[:_PINYIN_MAX], "".join(sound[0] for sound in sounds)[:_INITIALS_MAX]


def given_of(name: str) -> str:
    """What stands after the family name of a tidy name, as friends call her: 张晓丽 → 晓丽, Mary Smith → Smith. Empty for
    a name of one piece."""
    if " " in name:
        return name.partition(" ")[2]
    return "" if name.isascii() else name[2 if name[:2] in TWO_LETTER_SURNAMES else 1 :]


def _syllables(name: str) -> list[str]:
    for length in (2, 1):
        if reading := SURNAMES.get(name[:length]):
            return reading.split() + _given_name(name[length:])
    return _given_name(name)


def _given_name(text: str) -> list[str]:
    # Letters of other scripts come back in one piece: words, not letters, have initials.
    return [word for piece in lazy_pinyin(text) for word in piece.split()]
