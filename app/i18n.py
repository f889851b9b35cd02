"""Languages and how numbers, days and money look. Chinese is the language the program is written in: a message is its
own Chinese text, Traditional Chinese and English are catalogues beside it (`locales/`)."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup, escape

LOCALES = ("zh_CN", "zh_TW", "en")
DOMAINS = ("sqladmin", "rouge")
CATALOGUES = Path(__file__).parent.parent / "locales"

_locale: ContextVar[str] = ContextVar("locale", default="zh_CN")


@cache
def translations(locale: str) -> Translations:
    """The catalogue of a locale, read from the .po files themselves: nothing compiled can be stale."""
    merged: Translations | None = None
    for domain in DOMAINS:
        path = CATALOGUES / locale / "LC_MESSAGES" / f"{domain}.po"
        if not path.exists():
            continue
        with path.open("rb") as file:
            catalogue = read_po(file, locale=locale)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        part = Translations(compiled, domain=domain)
        # The first part is kept, not merged into an empty one, which would count as English does.
        merged = merged.merge(part) if merged else part
    return merged or Translations()


def use_locale(locale: str) -> None:
    """Speak this language for the rest of the request."""
    _locale.set(locale if locale in LOCALES else "zh_CN")


def current_locale() -> str:
    """The language of this request."""
    return _locale.get()


def html_lang() -> str:
    """The current language as HTML's `lang` wants it."""
    return current_locale().replace("_", "-")


def gettext(message: str) -> str:
    """A message in the current language; its Chinese when there is no translation."""
    return translations(current_locale()).gettext(message) if message else ""


def ngettext(one: str, many: str, n: int) -> str:
    """A message with a number. Chinese has one form; English needs both."""
    return translations(current_locale()).ngettext(one, many, n)


def kept(message: str, figures: Mapping[str, str | int]) -> str:
    """A sentence as it is written down where nobody knows who will read it: its Chinese and its figures."""
    return json.dumps([message, dict(figures)], ensure_ascii=False) if figures else message


def told(text: str) -> str:
    """What was written down by `kept`, in the current language; anything else as it stands."""
    if not text.startswith('["'):
        return gettext(text)
    try:
        message, figures = json.loads(text)
    except ValueError:  # cut off: longer than its column
        return text
    return gettext(message).format(**figures)


class Lazy(str):
    """A message translated when it is shown, not when the class is made: labels of back-office views."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __str__(self) -> str:
        return gettext(str.__str__(self))

    def __html__(self) -> str:
        return escape(str(self))

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)  # its identity is the Chinese text, whatever language it shows


def later(message: str) -> Lazy:
    """Mark a message at import time; it is translated when shown."""
    return Lazy(message)


class _Counted(Lazy):
    """A noun that Chinese has one form of and English two. The catalogue holds the other form under the context `one` or
    `many`; a language without it says the plain word."""

    __slots__ = ()
    __hash__ = Lazy.__hash__
    context = ""

    def __str__(self) -> str:
        word = str.__str__(self)
        said = translations(current_locale()).pgettext(self.context, word)
        return gettext(word) if said == word else str(said)


class _One(_Counted):
    __slots__ = ()
    context = "one"


class _Many(_Counted):
    __slots__ = ()
    context = "many"


def one(message: str) -> Lazy:
    """A register's word for one record, where the plain word is a plural in English: Tags, and New tag."""
    return _One(message)


def many(message: str) -> Lazy:
    """A register's word for its records, where the plain word is a singular in English."""
    return _Many(message)


WEEKDAYS = (later("周一"), later("周二"), later("周三"), later("周四"), later("周五"), later("周六"), later("周日"))


def best_locale(accept_language: str) -> str | None:
    """The first language of an Accept-Language header we speak; any `zh` but Hant, TW, HK and MO is zh_CN."""
    wishes: list[tuple[float, str]] = []
    for part in accept_language.split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            quality = 0.0
        wishes.append((-quality, tag.strip().lower().replace("_", "-")))
    for quality, tag in sorted(wishes, key=lambda wish: wish[0]):
        if quality == 0:
            continue
        if tag == "zh" or tag.startswith("zh-"):
            return "zh_TW" if set(tag.split("-")) & {"hant", "tw", "hk", "mo"} else "zh_CN"
        if tag == "en" or tag.startswith("en-"):
            return "en"
    return None


def yuan(fen: int) -> str:
    """Money as people read it: 123450 fen → ¥1,234.50."""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def long_day(day: date) -> str:
    """2026年11月23日, or 23 Nov 2026."""
    if current_locale() == "en":
        return f"{day.day} {day:%b} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日"  # data: the same in both scripts


def moment(at: datetime, zone: ZoneInfo) -> str:
    """An instant in the shop's zone: 11月25日 18:30 周三, or 25 Nov 18:30 Wed."""
    local = at.astimezone(zone)
    if current_locale() == "en":
        return f"{local.day} {local:%b} {local:%H:%M} {local:%a}"
    return f"{local.month}月{local.day}日 {local:%H:%M} {WEEKDAYS[local.weekday()]}"  # data: the same in both scripts


def stamp(at: datetime | None, zone: ZoneInfo) -> str:
    """An instant in a table: 2026-11-23 18:30 in the shop's zone; nothing stays empty."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else ""


def grouped(member_no: str) -> str:
    """A member number in groups of four; one with letters, from a till, as it is."""
    if not member_no.isdecimal():
        return member_no
    return " ".join(member_no[start : start + 4] for start in range(0, len(member_no), 4))


def within(noun: object) -> str:
    """A noun inside a sentence: New tag, but New API key."""
    text = str(noun)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def with_breaks(text: str) -> Markup:
    """Plain text with its line breaks kept, everything else escaped."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


def filters(zone: ZoneInfo) -> dict[str, Any]:
    """The display filters every template has."""
    return {
        "yuan": yuan,
        "long_day": long_day,
        "moment": lambda at: moment(at, zone),
        "stamp": lambda at: stamp(at, zone),
        "grouped": grouped,
        "within": within,
        "with_breaks": with_breaks,
    }
