"""Telephone numbers: one spelling for every way people and tills write them.

Mainland China, Hong Kong, Macau and Taiwan. Source: ITU-T E.164; the numbering plans are those of `phonenumbers`.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from app.rules.refusals import RuleBroken, words

REGIONS = frozenset({"CN", "HK", "MO", "TW"})
DEMO_PREFIX = "+861000000"
"""Reserved for demo shops: +86 100 0000 xxxx rings nowhere, so a demo can never reach a real person."""

REASON_MAX = 100

_DEMO = re.compile(r"(?:(?:\+|00)?86)?(1000000\d{4})")
_EXCEL_FLOAT = re.compile(r"(\d+)\.0+")
_SCIENTIFIC = re.compile(r"\d+(?:\.\d+)?[eE]\+?\d+")
_LOOKS_LIKE_A_NUMBER = re.compile(r"\+?\d(?:[ ().-]{0,2}\d){6,}")
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d?-\d\d?(?!\d)")
_MOBILE = re.compile(r"(?<!\d)1[3-9]\d(?:[ -]?\d{4}){2}(?!\d)")
_ABROAD = {"852": "HK", "853": "MO", "886": "TW"}
_AREA_CODE = re.compile(r"\(?(852|853|886)")


class PhoneWrong(RuleBroken):
    """Not a number that can be called in the regions the shop serves."""

    code = "phone_wrong"
    message = words("请填写完整的手机号，或带区号的座机号（支持大陆、香港、澳门、台湾）。")


class PhoneRounded(PhoneWrong):
    """Excel showed the number as 1.38E+10 and saved just that: the last digits are gone."""

    code = "phone_rounded"
    message = words(
        "Excel 把号码存成了 1.38E+10 这样的形式，后面的数字已经丢失。请在 Excel 里把这一列改为“文本”，再重新导出。"
    )


class PhoneMasked(PhoneWrong):
    """The till hid the middle digits: 138****8000 cannot be told from other numbers."""

    code = "phone_masked"
    message = words("号码中间的数字被星号遮住了，认不出是谁。请导出完整的号码。")


class ReasonMissing(RuleBroken):
    """Nobody looks at a number without saying why."""

    code = "reason_missing"
    message = words("请写明为什么要看。")


class ReasonTooLong(RuleBroken):
    """A reason is a line, not a file."""

    code = "reason_too_long"
    message = words("原因太长，请不要超过 {limit} 个字。")


class ReasonHoldsPhone(RuleBroken):
    """A number in the reason would stand in the audit, where none may be."""

    code = "reason_holds_phone"
    message = words("这里不要写电话号码，写为什么要看就够了。")


@dataclass(frozen=True)
class Phone:
    """A telephone number: `e164` to keep and compare, `last4` to find at the counter, `masked` to show."""

    e164: str
    last4: str
    masked: str


@lru_cache(maxsize=50_000)
def parse_phone(text: str) -> Phone:
    """The number somebody wrote, in its one spelling. Spaces, dashes, full-width digits, 86, 0086 and +86 do not
    matter; a landline needs its area code (whose zero Excel may have eaten). Raises PhoneWrong."""
    plain = _plain(text)
    if _SCIENTIFIC.fullmatch(plain):
        raise PhoneRounded("phone")
    if "*" in plain:
        raise PhoneMasked("phone")
    if whole := _EXCEL_FLOAT.fullmatch(plain):
        plain = whole[1]
    if demo := _DEMO.fullmatch(re.sub(r"\D", "", plain)):
        return _phone(f"+86{demo[1]}", demo[1])
    return _real(plain)


def reason_to_see(typed: str) -> str:
    """Why somebody looks at a whole number, ready to keep. Raises ReasonMissing, ReasonTooLong, ReasonHoldsPhone."""
    reason = _plain(typed)
    if not reason:
        raise ReasonMissing("reason")
    if len(reason) > REASON_MAX:
        raise ReasonTooLong("reason", limit=REASON_MAX)
    if any(_is_phone(found[0]) for found in _LOOKS_LIKE_A_NUMBER.finditer(reason)):
        raise ReasonHoldsPhone("reason")
    return reason


def _is_phone(text: str) -> bool:
    try:
        parse_phone(text)
    except PhoneWrong:
        return False
    return True


def numbers_masked(text: str) -> str:
    """Free words with every telephone number in them masked, for whoever may see none whole. Dates stay: 2026-11-24 18 could
    also be a number in Guangzhou."""

    def masked(found: re.Match[str]) -> str:
        if _is_phone(found[0]):
            return parse_phone(found[0]).masked
        # "5 136…": a score beside the number makes neither of the two readable as one.
        return _MOBILE.sub(
            lambda mobile: parse_phone(mobile[0]).masked if _is_phone(mobile[0]) else mobile[0], found[0]
        )

    between = _DATE.split(text)
    dates = [*_DATE.findall(text), ""]
    return "".join(_LOOKS_LIKE_A_NUMBER.sub(masked, words) + date for words, date in zip(between, dates, strict=True))


def is_demo(e164: str) -> bool:
    """Whether the number is of the pattern reserved for demo shops."""
    return e164.startswith(DEMO_PREFIX)


def _plain(text: str) -> str:
    """Half-width, and without the invisible marks that address books put around a copied number."""
    folded = unicodedata.normalize("NFKC", text).strip()
    return "".join(letter for letter in folded if unicodedata.category(letter) not in {"Cc", "Cf"})


def _real(plain: str) -> Phone:
    # 852 9123 4567 without a plus: Hong Kong, not area code 0852.
    abroad = _AREA_CODE.match(plain)
    region = _ABROAD[abroad[1]] if abroad else "CN"
    whole = "+" + re.sub(r"\D", "", plain)
    for spelling, home in ((whole, region), (plain, "CN")) if abroad else ((plain, "CN"),):
        try:
            number = phonenumbers.parse(spelling, home)
        except NumberParseException:
            continue
        if number.extension or not phonenumbers.is_valid_number(number):
            continue
        if phonenumbers.region_code_for_number(number) in REGIONS:
            e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            return _phone(e164, phonenumbers.national_significant_number(number))
    raise PhoneWrong("phone")


def _phone(e164: str, national: str) -> Phone:
    """Masked keeps three digits and the last four of an eleven-digit number, fewer of a shorter one."""
    shown = 3 if len(national) >= 11 else 2
    country = "" if e164.startswith("+86") else f"{e164[:4]} "
    hidden = "*" * (len(national) - shown - 4)
    return Phone(e164, national[-4:], f"{country}{national[:shown]}{hidden}{national[-4:]}")
