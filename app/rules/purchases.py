"""A sale as a till tells it, and when two tellings are the same sale."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from app.rules.customers import TextTooLong
from app.rules.member_numbers import parse_member_no
from app.rules.phones import Phone, PhoneWrong, parse_phone
from app.rules.refusals import RuleBroken, words
from app.vocabulary import SaleChannel

CLOCKS_APART = timedelta(minutes=10)
"""How far ahead of ours a till's clock may be: one that sets itself by the network is seconds off, one that lost it some
minutes. Whatever says more has not happened yet, and its points could be spent before it does."""

_ORDER_NO_MAX = 60
_LIMITS = {"item": 120, "sku": 40, "category": 40}
_JSON = json.JSONEncoder(ensure_ascii=False)
_quoted = json.encoder.encode_basestring


class CustomerUnknown(RuleBroken):
    """The till named somebody the shop does not know."""

    code = "customer_unknown"
    message = words("没有这位顾客。请先导入顾客，再导入消费。")


class MemberNumberLostZeros(RuleBroken):
    """A spreadsheet took 00000018 for a number and wrote 18."""

    code = "member_no_lost_zeros"
    message = words("会员号开头的 0 可能被 Excel 去掉了（{member_no}）。请把这一列改为“文本”再导出。")


class OrderDiffers(RuleBroken):
    """The order number is known with other content: one of the two is wrong, and we cannot know which."""

    code = "order_differs"
    message = words("单号已存在但内容不同。")
    status = 409


class OrderWithoutNumber(RuleBroken):
    """A sale that could be told twice without anybody noticing."""

    code = "order_no_missing"
    message = words("缺少单号。合并过的单元格要先取消合并，每一行都填上单号。")


class OrderEmpty(RuleBroken):
    """A slip without a line."""

    code = "order_empty"
    message = words("这一单里没有商品。")


class LineExceedsPrice(RuleBroken):
    """Less than the price is a discount; more is a slip of the finger."""

    code = "line_exceeds_price"
    message = words("这一行的金额比数量乘单价还多。请核对数量、单价和金额。")


class RefundOfUnknown(RuleBroken):
    """A refund needs the sale it takes back."""

    code = "refund_of_unknown"
    message = words("没有找到被退的那一单。")
    status = 404


class RefundOfNothing(RuleBroken):
    """Money was paid, so money goes back: only what was paid with points alone is taken back for nothing."""

    code = "refund_of_nothing"
    message = words("请写明退多少钱。")


class RefundTooLarge(RuleBroken):
    """More would be given back than was paid."""

    code = "refund_too_large"
    message = words("退款超过了原单还能退的金额。")


class RefundLinesDiffer(RuleBroken):
    """The lines tell of another refund than the amount does: one of the two is wrong."""

    code = "refund_lines_differ"
    message = words("明细加起来和退款金额不一样，什么都没有退。请核对后再退。")


class SaleBelowZero(RuleBroken):
    """More comes off than is sold: that is a refund, and a refund names its sale."""

    code = "sale_below_zero"
    message = words("这一单合计是负数。退款请用退款的方式登记，并写明退的是哪一单。")


class StoreUnknown(RuleBroken):
    """A store the shop does not have."""

    code = "store_unknown"
    message = words("没有这家门店。请写门店的代号或名称，或先在后台添加。")


class StoreNotHers(RuleBroken):
    """Whoever belongs to one store brings in no other's sales."""

    code = "store_not_hers"
    message = words("您只能导入自己门店的记录。请核对门店，或请店主来导入。")
    status = 403


@dataclass(frozen=True, kw_only=True)
class SaleLine:
    """One thing on a slip. `unit_price_fen` None: worked out from the amount. `staff` is a name or a login."""

    item: str
    amount_fen: int
    quantity: int = 1
    unit_price_fen: int | None = None
    sku: str = ""
    category: str = ""
    staff: str = ""

    # An import has the same line in many sales, so what follows from it is worked out once.

    @cached_property
    def price_fen(self) -> int:
        """The price of one: as told, or the amount divided and rounded half up, because it is only shown."""
        if self.unit_price_fen is not None:
            return self.unit_price_fen
        amount, quantity = abs(self.amount_fen), abs(self.quantity) or 1
        return (2 * amount + quantity) // (2 * quantity)

    @cached_property
    def too_long(self) -> str:
        """The first of its texts that is too long to keep."""
        return next((field for field, limit in _LIMITS.items() if len(getattr(self, field)) > limit), "")

    @cached_property
    def told(self) -> tuple[tuple[Any, ...], str]:
        """What two tellings of a line have in common: to put lines in order, and as it goes into a fingerprint."""
        told = (self.sku, self.item, self.category, self.quantity, self.price_fen, self.amount_fen, self.staff)
        return told, _JSON.encode(told)


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A slip of the till. Neither member number nor phone: somebody walked in. `refund_of` is the order number that is
    taken back. `store` is a code or a name, empty meaning the shop's only store. `paid_fen` None: the lines' sum, less what
    `points_used` are worth."""

    order_no: str
    occurred_at: datetime
    lines: tuple[SaleLine, ...]
    member_no: str = ""
    phone: str = ""
    store: str = ""
    channel: SaleChannel = SaleChannel.STORE
    refund_of: str = ""
    paid_fen: int | None = None
    points_used: int = 0


@dataclass(frozen=True)
class Buyer:
    """How the till named the customer: by number, by phone, by both, or not at all."""

    member_no: str = ""
    phone: Phone | None = None

    @property
    def is_named(self) -> bool:
        """Whether the till named anybody."""
        return bool(self.member_no or self.phone)


def buyer_of(sale: Sale) -> Buyer:
    """Whom the till named. The member number comes first; beside one, a phone that cannot be read (masked, say) does
    not matter. Raises PhoneWrong or MemberNumberWrong."""
    return buyer_named(sale.member_no, sale.phone)


@lru_cache(maxsize=50_000)
def buyer_named(member_no: str, phone: str) -> Buyer:
    """The same, of what the till wrote."""
    number = parse_member_no(member_no) if member_no.strip() else ""
    if not phone.strip():
        return Buyer(number)
    try:
        return Buyer(number, parse_phone(phone))
    except PhoneWrong:
        if number:
            return Buyer(number)
        raise


def paid_fen(sale: Sale) -> int:
    """What it costs: as told, or the sum of the lines. What points pay of it is not taken off yet."""
    return sum([line.amount_fen for line in sale.lines]) if sale.paid_fen is None else sale.paid_fen


def judged(sale: Sale) -> Sale:
    """The sale as it is kept: a refund takes money back whatever sign the till wrote. Raises RuleBroken for one without
    a number or lines, or with texts too long to keep."""
    if not sale.order_no.strip():
        raise OrderWithoutNumber("order_no")
    if not sale.lines:
        raise OrderEmpty("item")
    if len(sale.order_no) > _ORDER_NO_MAX:
        raise TextTooLong("order_no", limit=_ORDER_NO_MAX)
    for line in sale.lines:
        if line.too_long:
            raise TextTooLong(line.too_long, limit=_LIMITS[line.too_long])
    if sale.refund_of and paid_fen(sale) > 0:
        lines = tuple(replace(line, amount_fen=-line.amount_fen, quantity=-line.quantity) for line in sale.lines)
        return replace(sale, lines=lines, paid_fen=None if sale.paid_fen is None else -sale.paid_fen)
    return sale


def fingerprint(sale: Sale) -> str:
    """What two tellings of one sale have in common: when, what, how much, what it refunds. Not whose it is (numbers
    change when records are joined) and not the order of the lines."""
    lines = ", ".join([line for _, line in sorted([line.told for line in sale.lines])])
    at, refund_of = sale.occurred_at.astimezone(UTC).isoformat(), _quoted(sale.refund_of)
    points = f", {sale.points_used}" if sale.points_used else ""
    told = f'["{at}", "{sale.channel.value}", {refund_of}, {paid_fen(sale)}, [{lines}]{points}]'
    return hashlib.sha256(told.encode()).hexdigest()


def check_refund(paid: int, refunded: Sequence[int], refund: int) -> None:
    """Together no more may go back than came in. Amounts in fen, refunds negative. Raises RefundTooLarge."""
    if paid + sum(refunded) + refund < 0:
        raise RefundTooLarge("amount")


def check_refund_lines(lines_fen: int, amount_fen: int, points_fen: int) -> None:
    """The lines of a refund come to the money that goes back; of a sale that points paid in part (`points_fen`) they may
    come to more, by no more than that. Whatever sign the till wrote. Raises RefundLinesDiffer."""
    if not amount_fen <= abs(lines_fen) <= amount_fen + points_fen:
        raise RefundLinesDiffer("lines")


def check_lines(lines: Sequence[SaleLine]) -> None:
    """No line costs more than its pieces do at the price it names; half a fen a piece was lost where a till divides and
    rounds. Raises LineExceedsPrice with the line's place."""
    for place, line in enumerate(lines):
        if line.unit_price_fen is None:
            continue
        if 2 * line.amount_fen > 2 * line.quantity * line.unit_price_fen + abs(line.quantity):
            raise LineExceedsPrice(f"lines.{place}.amount_fen")
