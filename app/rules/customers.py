"""What may stand in a customer's record: every field read and judged in one place, whoever brings it."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from app.rules.birthdays import parse_birthday
from app.rules.member_numbers import parse_member_no
from app.rules.names import parse_name, tidy_words
from app.rules.phones import parse_phone
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Calendar, Channel, CustomerStatus, Gender, SkinType, Source

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")


class TextTooLong(RuleBroken):
    """More than the field holds."""

    code = "text_too_long"
    message = words("太长了，最多 {limit} 个字。")


class EmailWrong(RuleBroken):
    """No address mail could reach."""

    code = "email_wrong"
    message = words("邮箱地址不完整，应像 name@example.cn。")


class PhoneTaken(RuleBroken):
    """Another record has this number. A family may share one, with a reason."""

    code = "phone_taken"
    message = words("这个电话已经是会员 {member_no} 的。一家人共用一个号码的话，请填写共用原因。")
    status = 409


class PhoneTakenUnseen(RuleBroken):
    """The same, said to somebody who may not see that record: a number typed in must not tell whose it is."""

    code = "phone_taken"
    message = words("这个电话已经登记在另一位会员名下。一家人共用一个号码的话，请填写共用原因；要查是谁，请找店长。")
    status = 409


class MemberUnseen(RuleBroken):
    """A file speaks of a member whom whoever brings it may not see: nothing of her is told and nothing changed."""

    code = "member_unseen"
    message = words("这个会员号不是您门店的顾客，不能由您导入；需要改的话，请找店主。")
    status = 409


class MemberNumberTaken(RuleBroken):
    """Another record has this member number."""

    code = "member_no_taken"
    message = words("这个会员号已经有人用了。")
    status = 409


class PhoneOfOtherNumber(RuleBroken):
    """A file gives a known phone another member number: which of the two is on her card?"""

    code = "phone_of_other_number"
    message = words("这个电话已经是会员 {member_no} 的，会员号对不上。")
    status = 409


class CustomerErased(RuleBroken):
    """She asked to be forgotten; a file must not bring her back."""

    code = "customer_erased"
    message = words("这位顾客的资料已按要求抹去，不能再写入。")
    status = 409


class ErasedByHand(RuleBroken):
    """A word in a form erases nothing: whoever reads it would believe that it had."""

    code = "erased_by_hand"
    message = words("“已抹去身份”不能自己选：选了也不会抹去任何资料。不再使用这份档案的话，请选“只保存不使用”。")


class NoTier(RuleBroken):
    """A shop without a tier can give nobody one."""

    code = "no_tier"
    message = words("还没有会员等级。请先在后台建一个等级。")


@dataclass(frozen=True, kw_only=True)
class CustomerDetails:
    """What somebody says about a customer, as typed. None: not given, so nothing changes; "" empties a text, and what is
    no text is emptied by its name in `emptied`."""

    member_no: str | None = None
    name: str | None = None
    phone: str | None = None
    phone_shared_reason: str | None = None
    wechat: str | None = None
    email: str | None = None
    address: str | None = None
    gender: Gender | None = None
    preferred_channel: Channel | None = None
    birthday: str | None = None
    birthday_calendar: Calendar | None = None
    occupation: str | None = None
    income_band: str | None = None
    source: Source | None = None
    note: str | None = None
    skin_type: SkinType | None = None
    allergy_note: str | None = None
    health_note: str | None = None
    tier_id: int | None = None
    tier_until_on: date | None = None
    is_vip: bool | None = None
    card_until_on: date | None = None
    store_id: int | None = None
    status: CustomerStatus | None = None
    verified_on: date | None = None
    tag_ids: tuple[int, ...] | None = None
    emptied: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DetailsRead:
    """Details as the record keeps them: `columns` by the table's names (the phone as a Phone), `faults` what was
    refused, each with its field."""

    columns: dict[str, Any]
    faults: tuple[RuleBroken, ...]


def read_details(details: CustomerDetails, *, today: date) -> DetailsRead:
    """Judge every field that was given. A refused field is in `faults` and not in `columns`."""
    columns: dict[str, Any] = dict.fromkeys(details.emptied & _MAY_BE_EMPTY)
    faults: list[RuleBroken] = []
    for item in fields(details):
        value = getattr(details, item.name)
        if value is None or item.name in _SEEN_ELSEWHERE:
            continue
        try:
            if item.name == "birthday":
                columns |= _birthday(value, details.birthday_calendar, today)
            elif item.name == "name":
                columns |= _name(value)
            elif reader := _READERS.get(item.name):
                columns[item.name] = reader(value)
            else:
                columns[item.name] = value
        except RuleBroken as fault:
            fault.field = item.name
            faults.append(fault)
    return DetailsRead(columns, tuple(faults))


_SEEN_ELSEWHERE = {"birthday_calendar", "tag_ids", "emptied"}
_MAY_BE_EMPTY = frozenset(
    {"preferred_channel", "skin_type", "tier_until_on", "card_until_on", "store_id", "verified_on"}
)


def _name(text: str) -> dict[str, str]:
    name = parse_name(text)
    return {
        "name": name.text,
        "name_pinyin": name.pinyin,
        "name_initials": name.initials,
        "given_name": name.given,
    }


def _birthday(text: str, calendar: Calendar | None, today: date) -> dict[str, Any]:
    if not text.strip():
        return {"birthday": "", "birthday_calendar": Calendar.SOLAR, "birth_month": None, "birth_day": None}
    birthday = parse_birthday(text, today=today, calendar=calendar or Calendar.SOLAR)
    return {
        "birthday": birthday.text,
        "birthday_calendar": birthday.calendar,
        "birth_month": birthday.month,
        "birth_day": birthday.day,
    }


def _line(limit: int) -> Callable[[str], str]:
    """One line of text of at most so many letters."""

    def read(text: str) -> str:
        tidy = tidy_words(text)
        if len(tidy) > limit:
            raise TextTooLong(limit=limit)
        return tidy

    return read


def _paragraphs(limit: int) -> Callable[[str], str]:
    """Text with its line breaks."""

    def read(text: str) -> str:
        tidy = "\n".join(tidy_words(line) for line in text.splitlines()).strip()
        if len(tidy) > limit:
            raise TextTooLong(limit=limit)
        return tidy

    return read


def _secret(read: Callable[[str], str]) -> Callable[[str], str | None]:
    """Text of an encrypted column: empty is nothing at all."""
    return lambda text: read(text) or None


def _email(text: str) -> str:
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if address and (len(address) > 120 or not _EMAIL.fullmatch(address)):
        raise EmailWrong
    return address


_READERS: dict[str, Callable[[str], Any]] = {
    "member_no": parse_member_no,
    "phone": lambda text: parse_phone(text) if text.strip() else None,
    "phone_shared_reason": _line(100),
    "wechat": _secret(_line(60)),
    "email": _email,
    "address": _line(200),
    "occupation": _line(60),
    "income_band": _line(30),
    "note": _paragraphs(2000),
    "allergy_note": _secret(_paragraphs(2000)),
    "health_note": _secret(_paragraphs(2000)),
}
