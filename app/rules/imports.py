"""A row of a till's file, read: typed values, or what is wrong with it and in which column."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from app.rules.amounts import parse_fen, parse_quantity, parse_unit_price_fen
from app.rules.customers import CustomerDetails, TextTooLong, read_details
from app.rules.days import latest_today, read_moment_of
from app.rules.headers import Columns
from app.rules.purchases import OrderWithoutNumber, Sale, SaleLine, buyer_of
from app.rules.refusals import RuleBroken, words
from app.rules.spreadsheets import LONGEST_CELL
from app.rules.tiers import TierStep
from app.vocabulary import Gender, SaleChannel, Source

T = TypeVar("T")
TAG_MAX = 30
_GENDERS = {
    "女": Gender.FEMALE, "女士": Gender.FEMALE, "女性": Gender.FEMALE, "小姐": Gender.FEMALE, "female": Gender.FEMALE,  # data
    "f": Gender.FEMALE, "woman": Gender.FEMALE, "男": Gender.MALE, "男士": Gender.MALE, "男性": Gender.MALE,  # data
    "先生": Gender.MALE, "male": Gender.MALE, "m": Gender.MALE, "man": Gender.MALE,  # data
}  # fmt: skip
_GENDER_UNSAID = {"未知", "保密", "不详", "未说明", "unknown", "-", "无"}  # data
# fmt: off
_SOURCES = {
    Source.STORE: ("到店", "门店", "进店", "自然到店", "路过"),  # data
    Source.EVENT: ("活动", "沙龙", "路演", "地推"),  # data
    Source.HOTLINE: ("热线", "电话", "来电"),  # data
    Source.CARD: ("办卡", "会员卡"),  # data
    Source.REFERRAL: ("朋友介绍", "介绍", "转介绍", "老带新", "推荐", "朋友推荐", "朋友"),  # data
    Source.WEBSITE: ("网站", "官网", "网店"),  # data
    Source.SOCIAL: ("社交平台", "微信", "小红书", "抖音", "微博", "快手", "美团", "大众点评", "公众号", "朋友圈"),  # data
    Source.SURVEY: ("问卷", "扫码"),  # data
    Source.EMAIL: ("邮件", "邮箱"),  # data
    Source.IMPORT: ("导入", "表格导入"),  # data
}
_CHANNELS = {
    SaleChannel.STORE: ("门店", "到店", "线下", "店内", "实体店"),  # data
    SaleChannel.ONLINE: ("网店", "线上", "电商", "网上", "淘宝", "天猫", "京东", "美团", "抖音", "拼多多", "小红书"),  # data
    SaleChannel.WECHAT: ("微信", "小程序", "微商城"),  # data
    SaleChannel.PHONE: ("电话", "热线"),  # data
}
# fmt: on
_UNNAMED_ITEM = "消费"  # data: what a till that lists no goods sold
_ROUNDED = re.compile(r"\d(?:\.\d+)?[eE]\+\d+")
_TAG_MARKS = re.compile(r"[、,;，；|]")


class GenderWrong(RuleBroken):
    """A word that says neither."""

    code = "gender_wrong"
    message = words("性别请写 男 或 女，不知道就留空。")


class ChannelWrong(RuleBroken):
    """A way of selling we do not know."""

    code = "channel_wrong"
    message = words("渠道请写 门店、网店、微信 或 电话。")


class TierNameUnknown(RuleBroken):
    """A tier the shop does not have."""

    code = "tier_name_unknown"
    message = words("没有这个等级。现有等级：{tiers}。")


class NobodyNamed(RuleBroken):
    """Without phone and number the next import could not find her again."""

    code = "nobody_named"
    message = words("手机和会员号至少要有一个。")


class MomentMissing(RuleBroken):
    """A sale without a time."""

    code = "moment_missing"
    message = words("缺少时间。")


class MomentInFuture(RuleBroken):
    """A sale that has not happened."""

    code = "moment_in_future"
    message = words("这个时间还没到，请检查。")


class NumberRounded(RuleBroken):
    """Excel showed a long number as 2.02611E+19 and saved just that: several orders would become one."""

    code = "number_rounded"
    message = words("Excel 把这个号码存成了 2.02611E+19 这样的形式，后面的数字已经丢失。请把这一列改为“文本”再导出。")


class AmountMissing(RuleBroken):
    """A sale without money."""

    code = "amount_missing"
    message = words("缺少金额。")


class CellsTooMany(RuleBroken):
    """More cells than headings: usually a comma in a text that was not quoted, and everything after it is shifted."""

    code = "cells_too_many"
    message = words("这一行的格子比表头多，内容可能错位了（文字里有逗号要加引号）。")


class OrderSpoiled(RuleBroken):
    """One line of the order was refused, so none of it went in."""

    code = "order_spoiled"
    message = words("同一单的第 {row} 行有问题，整单没有导入。")


class OrderContradicts(RuleBroken):
    """Lines of one order that cannot be of one order."""

    code = "order_contradicts"
    message = words("和同一单的第 {row} 行不一致，整单没有导入。")


class RowRepeats(RuleBroken):
    """The same customer again in one file, with other data: which one is true?"""

    code = "row_repeats"
    message = words("和第 {row} 行是同一个人，但内容不同。请只留一行。")


@dataclass(frozen=True)
class CustomerRow:
    """A customer as a row tells her: `columns` judged and ready to keep, `tier` and `tags` by name."""

    columns: Mapping[str, Any]
    tier: TierStep | None
    tags: tuple[str, ...]


@dataclass(frozen=True)
class PurchaseRow:
    """One line of a slip, with what it says about the slip as a whole."""

    order_no: str
    occurred_at: datetime
    line: SaleLine
    slip: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shop:
    """What a row may refer to: the tiers, the zone its times are in, and the moment of the import."""

    tiers: tuple[TierStep, ...]
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True)
class RowRefused:
    """Everything that is wrong with a row, each with its field."""

    faults: tuple[RuleBroken, ...]


class _Reading:
    """The cells of one row, by field; refusals are gathered, so that an owner can mend them all at once."""

    def __init__(self, cells: Sequence[str], columns: Columns) -> None:
        self.cells, self.columns = cells, columns
        self.faults: list[RuleBroken] = []
        if any(cell.strip() for cell in cells[len(columns.headers) :]):
            self.faults.append(CellsTooMany())

    def text(self, name: str) -> str:
        """A cell without blanks around it; a missing column or cell is empty."""
        return self.columns.cell(self.cells, name)

    def given(self, name: str) -> str | None:
        """The same, empty being nothing: a blank never overwrites."""
        return self.text(name) or None

    def read(self, name: str, reader: Callable[[str], T], default: T) -> T:
        """A cell through a reader; refused or empty is the default."""
        text = self.text(name)
        if not text:
            return default
        try:
            return reader(text)
        except RuleBroken as fault:
            self.refuse(fault, name)
            return default

    def refuse(self, fault: RuleBroken, name: str | None = None) -> None:
        """Gather a fault; `name` where the rule does not say which field it is about."""
        fault.field = name or fault.field
        self.faults.append(fault)

    def refuse_endless(self) -> None:
        """In a column without a limit of its own, too: there a quote may have swallowed rows that nobody would miss."""
        for place, cell in enumerate(self.cells[: len(self.columns.headers)]):
            if len(cell) > LONGEST_CELL:
                self.refuse(TextTooLong(limit=LONGEST_CELL), self.columns.headers[place])


def read_customer(cells: Sequence[str], columns: Columns, shop: Shop) -> CustomerRow | RowRefused:
    """A row of a customers file."""
    row = _Reading(cells, columns)
    tier = row.read("tier", lambda text: _tier(text, shop.tiers), None)
    tags: tuple[str, ...] = row.read("tags", _tags, ())
    details = CustomerDetails(
        member_no=row.given("member_no"),
        name=row.given("name"),
        phone=row.given("phone"),
        birthday=row.given("birthday"),
        wechat=row.given("wechat"),
        email=row.given("email"),
        occupation=row.given("occupation"),
        note=_note(cells, columns),
        gender=row.read("gender", _gender, None),
        source=row.read("source", _source, None),
    )
    if details.member_no is None and details.phone is None:
        row.refuse(NobodyNamed(), "phone")
    read = read_details(details, today=latest_today(shop.now))
    row.faults += read.faults
    if not row.faults:
        row.refuse_endless()
    faults = tuple(row.faults)
    return RowRefused(faults) if faults else CustomerRow(read.columns, tier, tags)


def read_purchase(cells: Sequence[str], columns: Columns, shop: Shop) -> PurchaseRow | RowRefused:
    """A row of a purchases file."""
    row = _Reading(cells, columns)
    if not row.text("order_no"):
        row.refuse(OrderWithoutNumber(), "order_no")
    for name in ("order_no", "refund_of"):
        row.read(name, _whole_number, "")
    occurred_at = _moment(row, shop)
    slip: dict[str, Any] = {name: row.text(name) for name in ("member_no", "phone", "store", "refund_of")}
    slip["channel"] = row.read("channel", _channel, None)
    line = _line(row)
    told = Sale(
        order_no=row.text("order_no"),
        occurred_at=occurred_at,
        lines=(line,),
        **{name: slip[name] for name in ("member_no", "phone")},
    )
    try:
        buyer_of(told)
    except RuleBroken as fault:
        row.refuse(fault)
    if not row.faults:
        row.refuse_endless()
    return RowRefused(tuple(row.faults)) if row.faults else PurchaseRow(told.order_no, occurred_at, line, slip)


def contradictions(rows: Sequence[tuple[int, PurchaseRow]]) -> dict[int, OrderContradicts]:
    """The rows of one order that differ from one before them, and the rows these differ from, by number; each names a row
    it really differs from. The first is the one that spoils the order."""
    found: dict[int, OrderContradicts] = {}
    said: dict[str, tuple[int, Any]] = {}
    for number, row in rows:
        for name, value in {"occurred_at": row.occurred_at, **row.slip}.items():
            if not value:
                continue
            first, told = said.setdefault(name, (number, value))
            if told != value:
                found.setdefault(number, OrderContradicts(name, row=first))
                found.setdefault(first, OrderContradicts(name, row=number))
    return found


def sale_of(rows: Sequence[PurchaseRow]) -> Sale:
    """The lines of one order, without contradictions, as one sale. What is about the whole slip may stand on every line
    or on one."""
    slip: dict[str, Any] = {}
    for row in rows:
        slip |= {name: value for name, value in row.slip.items() if value}
    return Sale(
        order_no=rows[0].order_no,
        occurred_at=rows[0].occurred_at,
        lines=tuple(row.line for row in rows),
        **slip,
    )


def _line(row: _Reading) -> SaleLine:
    quantity = row.read("quantity", parse_quantity, 1)
    unit_price = row.read("unit_price", parse_unit_price_fen, None)
    amount = row.read("amount", parse_fen, None)
    if amount is None and not row.text("amount"):
        if unit_price is None:
            row.refuse(AmountMissing(), "amount")
        else:
            amount = unit_price * quantity
    texts = {name: row.read(name, _within(limit), "") for name, limit in (("sku", 40), ("category", 40), ("staff", 40))}
    item = row.read("item", _within(120), "") or texts["sku"] or texts["category"] or _UNNAMED_ITEM
    return SaleLine(item=item, amount_fen=amount or 0, quantity=quantity, unit_price_fen=unit_price, **texts)


def _whole_number(text: str) -> str:
    if _ROUNDED.fullmatch(text):
        raise NumberRounded
    return text


def _within(limit: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > limit:
            raise TextTooLong(limit=limit)
        return text

    return read


def _note(cells: Sequence[str], columns: Columns) -> str | None:
    """The one field that may have lines."""
    place = columns.places.get("note")
    return (cells[place].strip() or None) if place is not None and place < len(cells) else None


def _moment(row: _Reading, shop: Shop) -> datetime:
    day, clock = row.text("occurred_on"), row.text("occurred_at")
    if not day and not clock:
        row.refuse(MomentMissing(), "occurred_at")

    def read(_: str) -> datetime:
        at = read_moment_of(day, clock)
        at = at if at.tzinfo else at.replace(tzinfo=shop.zone)
        if at > shop.now + timedelta(days=1):
            raise MomentInFuture
        return at

    return row.read("occurred_at" if clock else "occurred_on", read, shop.now)


def _gender(text: str) -> Gender | None:
    word = _folded(text)
    if word in _GENDER_UNSAID:
        return None
    if word not in _GENDERS:
        raise GenderWrong
    return _GENDERS[word]


def _source(text: str) -> Source:
    """One of our words, or OTHER: where a customer came from is never a reason to turn her away."""
    return _word(text, _SOURCES, Source) or Source.OTHER


def _channel(text: str) -> SaleChannel:
    channel = _word(text, _CHANNELS, SaleChannel)
    if channel is None:
        raise ChannelWrong
    return channel


def _word(text: str, meanings: Mapping[Any, tuple[str, ...]], enum: Any) -> Any:
    word = _folded(text)
    if word in set(enum):
        return enum(word)
    return next((meaning for meaning, spellings in meanings.items() if word in spellings), None)


def _tier(text: str, tiers: tuple[TierStep, ...]) -> TierStep:
    for tier in tiers:
        if _folded(tier.name) == _folded(text):
            return tier
    raise TierNameUnknown(tiers="、".join(tier.name for tier in tiers))  # data: a list mark


def _tags(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for part in _TAG_MARKS.split(text) if (name := part.strip()))
    for name in names:
        if len(name) > TAG_MAX:
            raise TextTooLong(limit=TAG_MAX)
    return tuple(names)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
