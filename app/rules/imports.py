"""A row of a till's file, read: typed values, or what is wrong with it and in which column."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from operator import itemgetter
from typing import Any, NamedTuple

from app.rules.amounts import parse_fen, parse_quantity, parse_unit_price_fen
from app.rules.customers import CustomerDetails, TextTooLong, read_details
from app.rules.days import latest_today, read_day, read_moment_of
from app.rules.headers import Columns
from app.rules.import_rows import NobodyNamed, Reading, RowRefused, Shop, folded, whole_number, within, word_of
from app.rules.openings import read_points
from app.rules.purchases import OrderWithoutNumber, Sale, SaleLine, buyer_named
from app.rules.refusals import RuleBroken, words
from app.rules.spreadsheets import LONGEST_CELL
from app.rules.tiers import TierStep
from app.vocabulary import Gender, SaleChannel, Source

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
_NO_ALLERGY = {"无", "没有", "暂无", "未发现", "無", "沒有", "否", "none", "no", "-", "/"}  # data
_UNNAMED_ITEM = "消费"  # data: what a till that lists no goods sold
_SHORT, _ITEM = within(40), within(120)
_MAY_STAY_EMPTY = frozenset(
    {
        "gender",
        "birthday",
        "tier",
        "tags",
        "wechat",
        "email",
        "occupation",
        "source",
        "note",
        "points",
        "address",
        "joined_on",
    }
)
"""What a customer can do without. Not among them: who she is, and what she cannot bear."""
_OF_LINE = frozenset({"item", "sku", "category", "quantity", "unit_price", "amount", "staff"})
_OF_SLIP = frozenset({"member_no", "phone", "store", "refund_of", "channel"})
_KEPT = 20_000
_TAG_MARKS = re.compile(r"[、,;，；|]")  # data


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


class MomentMissing(RuleBroken):
    """A sale without a time."""

    code = "moment_missing"
    message = words("缺少时间。")


class MomentInFuture(RuleBroken):
    """A sale that has not happened."""

    code = "moment_in_future"
    message = words("这个时间还没到，请检查。")


class AmountMissing(RuleBroken):
    """A sale without money."""

    code = "amount_missing"
    message = words("缺少金额。")


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
    """A customer as a row tells her: `columns` judged and ready to keep, `tier` and `tags` by name; `points` she had in the
    system before this one, 0 for none or not said. `left_out`: what was wrong with cells she can do without; they count as
    empty."""

    columns: Mapping[str, Any]
    tier: TierStep | None
    tags: tuple[str, ...]
    points: int = 0
    left_out: tuple[RuleBroken, ...] = ()


class PurchaseRow(NamedTuple):
    """One line of a slip, with what it says about the slip as a whole; what it leaves empty is not in `slip`."""

    order_no: str
    occurred_at: datetime
    line: SaleLine
    slip: Mapping[str, Any]


def read_customer(cells: Sequence[str], columns: Columns, shop: Shop) -> CustomerRow | RowRefused:
    """A row of a customers file. One bad birthday turns nobody away: a cell she can do without is left out and told."""
    row = Reading(cells, columns)
    tier = row.read("tier", lambda text: _tier(text, shop.tiers), None)
    tags: tuple[str, ...] = row.read("tags", _tags, ())
    points = row.read("points", read_points, 0)
    joined_at = row.read("joined_on", lambda text: _joined_at(text, shop), None)
    details = CustomerDetails(
        member_no=row.given("member_no"),
        name=row.given("name"),
        phone=row.given("phone"),
        birthday=row.given("birthday"),
        wechat=row.given("wechat"),
        email=row.given("email"),
        occupation=row.given("occupation"),
        note=_note(cells, columns),
        address=row.given("address"),
        allergy_note=row.read("allergy_note", _allergy, None),
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
    if row.is_endless or any(fault.field not in _MAY_STAY_EMPTY for fault in faults):
        return RowRefused(faults)
    return CustomerRow(read.columns | ({"created_at": joined_at} if joined_at else {}), tier, tags, points, faults)


def _joined_at(text: str, shop: Shop) -> datetime:
    """The moment her day began here. Raises DayWrong, MomentInFuture."""
    day = read_day(text)
    if day > shop.now.astimezone(shop.zone).date():
        raise MomentInFuture
    return datetime.combine(day, time(), shop.zone).astimezone(UTC)


def _allergy(text: str) -> str | None:
    """What she cannot bear; None where the file says that there is nothing."""
    return None if folded(text) in _NO_ALLERGY else text


class PurchaseReader:
    """Reads the orders of one purchases file. A till writes the same things at the same prices to the same people again and
    again: what was read and found right is not read again."""

    def __init__(self, columns: Columns, shop: Shop) -> None:
        self.columns, self.shop = columns, shop
        named = columns.places.items()
        self._line_cells = _picked([place for name, place in named if name in _OF_LINE])
        self._slip_cells = _picked([place for name, place in named if name in _OF_SLIP])
        self._told_cells = _picked([place for name, place in named if name not in _OF_LINE])
        self._order_no = columns.reader("order_no")
        self._day, self._clock = columns.reader("occurred_on"), columns.reader("occurred_at")
        self._lines: dict[Any, SaleLine] = {}
        self._slips: dict[Any, Mapping[str, Any]] = {}

    def sale(self, rows: Sequence[Sequence[str]]) -> Sale | None:
        """The rows of one order as one sale, where nothing is wrong with them and all say the same about the slip, as nearly
        always. None: each has to be read by itself."""
        first, lines = rows[0], []
        told, width = self._told_cells(first), len(self.columns.headers)
        for cells in rows:
            if len(cells) != width or self._told_cells(cells) != told or len("".join(cells)) > LONGEST_CELL:
                return None
            key = self._line_cells(cells)
            line = self._lines.get(key)
            if line is None and (line := self._kept(self._lines, key, cells, "line")) is None:
                return None
            lines.append(line)
        key = self._slip_cells(first)
        slip = self._slips.get(key)
        if slip is None:
            slip = self._kept(self._slips, key, first, "slip")
        order_no = self._order_no(first)
        if slip is None or not order_no:
            return None
        try:
            at = _moment_of(self._day(first), self._clock(first), self.shop)
            return Sale(order_no=whole_number(order_no), occurred_at=at, lines=tuple(lines), **slip)
        except RuleBroken:
            return None

    def _kept(self, known: dict[Any, Any], key: Any, cells: Sequence[str], part: str) -> Any:
        """That part of a row, read now and remembered; None where anything is wrong with the row."""
        row = read_purchase(cells, self.columns, self.shop)
        if isinstance(row, RowRefused):
            return None
        if len(known) >= _KEPT:
            known.clear()
        known[key] = getattr(row, part)
        return known[key]


def _picked(places: list[int]) -> Callable[[Sequence[str]], Any]:
    """Takes the cells at these places out of a row."""
    # One place more than needed: of a single one there would be no tuple.
    return itemgetter(*places, *places[:1]) if places else lambda cells: ()


def read_purchase(cells: Sequence[str], columns: Columns, shop: Shop) -> PurchaseRow | RowRefused:
    """A row of a purchases file."""
    row = Reading(cells, columns)
    order_no = row.read("order_no", whole_number, "")
    if not order_no and not row.text("order_no"):
        row.refuse(OrderWithoutNumber(), "order_no")
    occurred_at = _moment(row, shop)
    slip = _slip(row)
    line = _line(row)
    if not row.faults:
        row.refuse_endless()
    return RowRefused(tuple(row.faults)) if row.faults else PurchaseRow(order_no, occurred_at, line, slip)


def contradictions(rows: Sequence[tuple[int, PurchaseRow]]) -> dict[int, OrderContradicts]:
    """The rows of one order that differ from one before them, and the rows these differ from, by number; each names a row
    it really differs from. The first is the one that spoils the order."""
    found: dict[int, OrderContradicts] = {}
    said: dict[str, tuple[int, Any]] = {}
    for number, row in rows:
        for name, value in {"occurred_at": row.occurred_at, **row.slip}.items():
            earlier, told = said.setdefault(name, (number, value))
            if told != value:
                found.setdefault(number, OrderContradicts(name, row=earlier))
                found.setdefault(earlier, OrderContradicts(name, row=number))
    return found


def sale_of(rows: Sequence[PurchaseRow]) -> Sale:
    """The lines of one order, without contradictions, as one sale. What is about the whole slip may stand on every line
    or on one."""
    slip: dict[str, Any] = {}
    for row in rows:
        slip |= row.slip
    lines = tuple(row.line for row in rows)
    return Sale(order_no=rows[0].order_no, occurred_at=rows[0].occurred_at, lines=lines, **slip)


def _slip(row: Reading) -> Mapping[str, Any]:
    slip: dict[str, Any] = {name: row.text(name) for name in ("member_no", "phone", "store")}
    slip["refund_of"] = row.read("refund_of", whole_number, "")
    slip["channel"] = row.read("channel", _channel, None)
    try:
        buyer_named(slip["member_no"], slip["phone"])
    except RuleBroken as fault:
        row.refuse(fault)
    return {name: value for name, value in slip.items() if value}


def _line(row: Reading) -> SaleLine:
    quantity = row.read("quantity", parse_quantity, 1)
    unit_price = row.read("unit_price", parse_unit_price_fen, None)
    amount = row.read("amount", parse_fen, None)
    if amount is None and not row.text("amount"):
        if unit_price is None:
            row.refuse(AmountMissing(), "amount")
        else:
            amount = unit_price * quantity
    texts = {name: row.read(name, _SHORT, "") for name in ("sku", "category", "staff")}
    item = row.read("item", _ITEM, "") or texts["sku"] or texts["category"] or _UNNAMED_ITEM
    return SaleLine(item=item, amount_fen=amount or 0, quantity=quantity, unit_price_fen=unit_price, **texts)


def _note(cells: Sequence[str], columns: Columns) -> str | None:
    """The one field that may have lines."""
    place = columns.places.get("note")
    return (cells[place].strip() or None) if place is not None and place < len(cells) else None


def _moment(row: Reading, shop: Shop) -> datetime:
    day, clock = row.text("occurred_on"), row.text("occurred_at")
    try:
        return _moment_of(day, clock, shop)
    except RuleBroken as fault:
        row.refuse(fault, "occurred_on" if day and not clock else "occurred_at")
        return shop.now


def _moment_of(day: str, clock: str, shop: Shop) -> datetime:
    if not day and not clock:
        raise MomentMissing
    at = read_moment_of(day, clock)
    at = (at if at.tzinfo else at.replace(tzinfo=shop.zone)).astimezone(UTC)
    if at > shop.latest:
        raise MomentInFuture
    return at


def _gender(text: str) -> Gender | None:
    word = folded(text)
    if word in _GENDER_UNSAID:
        return None
    if word not in _GENDERS:
        raise GenderWrong
    return _GENDERS[word]


def _source(text: str) -> Source:
    """One of our words, or OTHER: where a customer came from is never a reason to turn her away."""
    return word_of(text, _SOURCES, Source) or Source.OTHER


def _channel(text: str) -> SaleChannel:
    channel = word_of(text, _CHANNELS, SaleChannel)
    if channel is None:
        raise ChannelWrong
    return channel


def _tier(text: str, tiers: tuple[TierStep, ...]) -> TierStep:
    for tier in tiers:
        if folded(tier.name) == folded(text):
            return tier
    raise TierNameUnknown(tiers="、".join(tier.name for tier in tiers))  # data: a list mark


def _tags(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(name for part in _TAG_MARKS.split(text) if (name := part.strip()))
    for name in names:
        if len(name) > TAG_MAX:
            raise TextTooLong(limit=TAG_MAX)
    return tuple(names)
