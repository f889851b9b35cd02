"""Two records that are one person: which of them stays, which of two values stands, and what she still agrees to.

Source: semantics 5.12 (merge) and 5.8 (consent is never inherited by a merge: the most restrictive wins).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from app.rules.customers import TextTooLong
from app.rules.refusals import RuleBroken, words
from app.vocabulary import Channel, CustomerStatus, Gender, Purpose

LONGEST_JOINED = 2000
"""What a note holds (`rules.customers`)."""


class SameRecord(RuleBroken):
    """One record cannot be merged with itself."""

    code = "same_record"
    message = words("这是同一份档案，请选另一份。")


class ErasedRecord(RuleBroken):
    """She asked to be forgotten: nothing is brought together with what is left of her."""

    code = "erased_record"
    message = words("其中一份资料已按要求抹去，不能合并。")
    status = 409


class ChoiceWrong(RuleBroken):
    """A field that cannot be chosen, or not in that way."""

    code = "merge_choice_wrong"
    message = words("有一项不能这样选，请重新打开合并页。")


class ChangedMeanwhile(RuleBroken):
    """The records are no longer what was shown when somebody chose."""

    code = "merge_changed_meanwhile"
    message = words("您看这一页的时候，其中一份档案被改过。下面是现在的内容，请再看一遍。")
    status = 409


class MergeOver(RuleBroken):
    """The days in which a merge can be taken back are over."""

    code = "merge_over"
    message = words("已经过了可以撤销的期限，原来的资料也已清掉。")
    status = 409


class MergeBuiltUpon(RuleBroken):
    """Another record was merged in later: what belongs to whom can only be told in the order it happened."""

    code = "merge_built_upon"
    message = words("之后又并入了会员 {member_no} 的档案，请先撤销那一次合并。")
    status = 409


class SurvivorGone(RuleBroken):
    """There is nothing left to take the record out of."""

    code = "merge_survivor_gone"
    message = words("合并后的档案已经不在或已抹去，不能撤销。")
    status = 409


class TakenMeanwhile(RuleBroken):
    """What the record needs to come back belongs to somebody else by now."""

    code = "merge_taken_meanwhile"
    message = words("不能撤销：原来的手机号已登记在会员 {member_no} 名下。请先改那一份。")
    status = 409


class NumberGivenMeanwhile(RuleBroken):
    """The same for the member number."""

    code = "merge_number_given"
    message = words("不能撤销：会员号 {member_no} 已经是别人的。")
    status = 409


class NeededGone(RuleBroken):
    """What the record cannot be without was deleted meanwhile."""

    code = "merge_needed_gone"
    message = words("不能撤销：原来的会员等级已经删掉。")
    status = 409


class NotConfirmed(RuleBroken):
    """Nobody has said that the two are one person."""

    code = "merge_not_confirmed"
    message = words("请先核对两份档案，并勾选“是同一个人”。")


class SaidDistinct(RuleBroken):
    """The shop has said that they are two people: whoever knows better says so."""

    code = "merge_said_distinct"
    message = words("店里标记过这两份“不是同一个人”。确实要合并的话，请勾选“之前标错了”。")


class Side(StrEnum):
    """Whose value stands: of the record that stays, of the one that goes into it, or of both, one after the other."""

    SURVIVOR = "survivor"
    ABSORBED = "absorbed"
    BOTH = "both"


FIELDS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "name_pinyin", "name_initials", "given_name"),
    "gender": ("gender",),
    "phone": (
        "phone", "phone_index", "phone_last4", "phone_masked", "phone_shared_reason", "phone_invalid_on", "verified_on",
    ),
    "wechat": ("wechat", "wechat_index"),
    "email": ("email", "email_invalid_on"),
    "address": ("address",),
    "preferred_channel": ("preferred_channel",),
    "birthday": ("birthday", "birthday_calendar", "birth_month", "birth_day"),
    "occupation": ("occupation",),
    "income_band": ("income_band",),
    "source": ("source",),
    "note": ("note",),
    "skin_type": ("skin_type",),
    "allergy_note": ("allergy_note",),
    "health_note": ("health_note",),
    "store_id": ("store_id",),
    "referred_by_id": ("referred_by_id",),
}  # fmt: skip
"""What can be chosen → the columns that go with it: a phone never comes with another's verification."""
FIELD_WORDS: Mapping[str, str] = {
    "name": words("姓名"),
    "gender": words("性别"),
    "phone": words("手机"),
    "wechat": words("微信号"),
    "email": words("邮箱"),
    "address": words("地址"),
    "preferred_channel": words("希望怎么联系"),
    "birthday": words("生日"),
    "occupation": words("职业"),
    "income_band": words("收入区间"),
    "source": words("来源"),
    "note": words("备注"),
    "skin_type": words("肤质"),
    "allergy_note": words("过敏提示"),
    "health_note": words("健康提示"),
    "store_id": words("门店"),
    "referred_by_id": words("介绍人"),
    "tier": words("等级"),
    "is_vip": words("VIP"),
    "card_until_on": words("会员卡有效期至"),
    "status": words("档案状态"),
    "created_at": words("建档时间"),
    "declined_fields": words("不想说的"),
}
"""What the fields are called, and what a rule decides."""
JOINABLE = frozenset({"note", "allergy_note", "health_note"})
"""Where both may stand: an allergy must not be lost because somebody had to choose."""
BY_RULE = frozenset(
    {
        "tier_id", "tier_until_on", "tier_held_until_on", "is_vip", "card_until_on", "status", "created_at", "updated_at",
        "declined_fields",
    }
)  # fmt: skip
"""What a rule decides, not a person."""
OWN = frozenset({"id", "member_no"})
"""What stays with the record; the other number becomes an alias."""
TOLD_BY: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone_index",),
    "wechat": ("wechat_index",),
    "birthday": ("birthday", "birthday_calendar"),
}
"""By which columns one sees that two values are the same one, where it is not the field itself."""
_EMPTY = (None, "", Gender.UNKNOWN)

Record = Mapping[str, Any]
"""A customer's columns by name. Sealed ones stay sealed: they can be compared and tell whether something is in them."""


def survivor_first(one: Record, other: Record) -> tuple[Record, Record]:
    """Which record should stay and which go into it: the older one stays; of two made on one day, the fuller."""
    order = sorted((one, other), key=lambda record: (record["created_at"].date(), -_filled(record), record["id"]))
    return order[0], order[1]


def _filled(record: Record) -> int:
    return sum(not is_empty(record, name) for name in FIELDS)


def is_empty(record: Record, name: str) -> bool:
    """Whether nothing is known of this field."""
    value = record[name]
    return any(value is nothing or value == nothing for nothing in _EMPTY) or not value


def differing(survivor: Record, absorbed: Record) -> tuple[str, ...]:
    """The fields in which both say something, and not the same."""
    return tuple(
        name
        for name in FIELDS
        if not is_empty(survivor, name)
        and not is_empty(absorbed, name)
        and any(survivor[one] != absorbed[one] for one in TOLD_BY.get(name, (name,)))
    )


def proposed(survivor: Record, absorbed: Record) -> dict[str, Side]:
    """Whose value of each field to take: the one there is; of two, both notes, the phone verified last, the contact that
    works, the birthday that has a year; else the survivor's."""
    both = set(differing(survivor, absorbed))
    return {
        name: (
            _of_two(name, survivor, absorbed)
            if name in both
            else Side.ABSORBED
            if is_empty(survivor, name) and not is_empty(absorbed, name)
            else Side.SURVIVOR
        )
        for name in FIELDS
    }


def _of_two(name: str, survivor: Record, absorbed: Record) -> Side:
    if name in JOINABLE:
        return Side.BOTH
    worth = _WORTH.get(name)
    return Side.ABSORBED if worth and worth(absorbed) > worth(survivor) else Side.SURVIVOR


_WORTH: Mapping[str, Callable[[Record], Any]] = {
    "phone": lambda record: (record["phone_invalid_on"] is None, record["verified_on"] or date.min),
    "email": lambda record: record["email_invalid_on"] is None,
    "birthday": lambda record: len(record["birthday"]),
}
"""Which of two values is better, where one can tell."""


def decided(survivor: Record, absorbed: Record, choices: Mapping[str, Side]) -> dict[str, Side]:
    """The proposal with what somebody chose instead. Raises ChoiceWrong."""
    for name, side in choices.items():
        if name not in FIELDS or (side is Side.BOTH and name not in JOINABLE):
            raise ChoiceWrong(name)
    return proposed(survivor, absorbed) | dict(choices)


def columns_taken(sides: Mapping[str, Side], absorbed: Record) -> dict[str, Any]:
    """The columns that come from the other record, with their values."""
    return {
        column: absorbed[column] for name, side in sides.items() if side is Side.ABSORBED for column in FIELDS[name]
    }


def joined_text(first: str, second: str) -> str:
    """Two notes as one: the lines of the second that the first has not are put below it. Raises TextTooLong."""
    lines = first.splitlines()
    text = "\n".join([*lines, *(line for line in second.splitlines() if line not in lines)])
    if len(text) > LONGEST_JOINED:
        raise TextTooLong("note", limit=LONGEST_JOINED)
    return text


# ── What a rule decides ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Standing:
    """A tier somebody is in: its rank and until when she has it (None: for good)."""

    tier_id: int
    rank: int
    until_on: date | None
    held_until_on: date | None = None


def higher_tier(one: Standing, other: Standing) -> Standing:
    """Where the joined history starts from: nobody falls because two records became one."""
    return max(one, other, key=lambda standing: (standing.rank, standing.until_on or date.max))


def later_card(one: date | None, other: date | None) -> date | None:
    """Until when the card is valid. None: nobody was given a card or a day."""
    return max((day for day in (one, other) if day), default=None)


def stricter_status(one: CustomerStatus, other: CustomerStatus) -> CustomerStatus:
    """A record that may only be kept stays one. Raises ErasedRecord."""
    if CustomerStatus.ERASED in (one, other):
        raise ErasedRecord
    return CustomerStatus.RESTRICTED if CustomerStatus.RESTRICTED in (one, other) else CustomerStatus.ACTIVE


@dataclass(frozen=True)
class Receipt:
    """A consent as it was written down. `withdrawn_at` None: it stands."""

    consent_id: int
    purpose: Purpose
    channel: Channel | None
    granted_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class ConsentsJoined:
    """What becomes of the standing yeses of two records: those that still stand, those that end because the other record
    has no such yes, and those whose place a newer receipt for the same takes."""

    standing: tuple[Receipt, ...]
    ended: tuple[Receipt, ...]
    replaced: tuple[Receipt, ...]


def join_consents(survivor: Sequence[Receipt], absorbed: Sequence[Receipt]) -> ConsentsJoined:
    """A yes stands only where both records say yes: a no on either side is a no, and so is silence, for no is the default
    and nobody inherits a yes. Of two receipts for the same the newer one stands: it is under the newer notice.

    A yes for a purpose in all covers each channel nothing was said about apart. Source: semantics 5.8.
    """
    kept: list[Receipt] = []
    ended: list[Receipt] = []
    for own, other in ((survivor, absorbed), (absorbed, survivor)):
        for receipt in own:
            if receipt.withdrawn_at is None:
                (kept if _is_agreed(receipt, other) else ended).append(receipt)
    newest: dict[tuple[Purpose, Channel | None], Receipt] = {}
    for receipt in sorted(kept, key=lambda one: one.granted_at):
        newest[receipt.purpose, receipt.channel] = receipt
    standing = tuple(newest.values())
    return ConsentsJoined(standing, tuple(ended), tuple(one for one in kept if one not in standing))


def _is_agreed(receipt: Receipt, other: Iterable[Receipt]) -> bool:
    same = [one for one in other if one.purpose is receipt.purpose]
    exact = [one for one in same if one.channel is receipt.channel]
    if exact:
        return any(one.withdrawn_at is None for one in exact)
    return any(one.channel is None and one.withdrawn_at is None for one in same)


def is_said_no(receipt: Receipt, since: Iterable[Receipt]) -> bool:
    """Whether one of the noes said since then (receipts with their withdrawal) is about this yes: an undo must not bring
    back what she has refused meanwhile."""
    return any(
        one.purpose is receipt.purpose and (one.channel is receipt.channel or None in (one.channel, receipt.channel))
        for one in since
    )


# ── Undo ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def undo_until(merged_at: datetime, days: int) -> datetime:
    """Until when a merge can be taken back. *Example.* merged 24 Nov 18:30, 30 days → until 24 Dec 18:30."""
    return merged_at + timedelta(days=days)


def check_undo(undo_until: datetime, *, has_plan: bool, now: datetime) -> None:
    """Raises MergeOver once the days are over or the plan is gone."""
    if not has_plan or now >= undo_until:
        raise MergeOver
