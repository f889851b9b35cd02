"""Which column of a till's file is which field of ours: by its heading in Chinese or English, or as the owner says."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.vocabulary import ImportKind

_POINTS = ("积分", "points", "點數", "会员积分", "当前积分", "可用积分")  # data
# fmt: off
_ALIASES: dict[ImportKind, dict[str, tuple[str, ...]]] = {
    ImportKind.CUSTOMERS: {
        "name": ("姓名", "name", "顧客姓名", "顾客姓名", "客户姓名", "会员姓名", "名字"),  # data
        "phone": ("手机", "电话", "phone", "手機", "電話", "手机号", "手机号码", "电话号码", "联系电话", "mobile", "tel"),  # data
        "gender": ("性别", "gender", "性別", "sex"),  # data
        "birthday": ("生日", "birthday", "出生日期", "出生年月日", "会员生日"),  # data
        "member_no": ("会员号", "memberno", "會員號", "會員編號", "会员卡号", "卡号", "会员编号", "membernumber"),  # data
        "tier": ("等级", "tier", "等級", "會員等級", "会员等级", "会员级别", "级别"),  # data
        "tags": ("标签", "tags", "標籤", "tag", "会员标签"),  # data
        "wechat": ("微信", "wechat", "微信号"),  # data
        "email": ("邮箱", "email", "電子郵件", "电子邮箱", "邮件", "mail"),  # data
        "occupation": ("职业", "occupation", "職業"),  # data
        "source": ("来源", "source", "來源", "顾客来源", "客户来源", "会员来源"),  # data
        "note": ("备注", "note", "備註", "说明", "remark"),  # data
    },
    ImportKind.PURCHASES: {
        "order_no": ("单号", "orderno", "單號", "訂單編號", "订单号", "小票号", "流水号", "销售单号", "ordernumber"),  # data
        "occurred_at": ("时间", "occurredat", "時間", "日期", "消费时间", "交易时间", "下单时间", "销售时间", "消费日期"),  # data
        "phone": ("手机", "电话", "phone", "手機", "電話", "手机号", "手机号码", "电话号码", "联系电话", "mobile", "tel"),  # data
        "member_no": ("会员号", "memberno", "會員號", "會員編號", "会员卡号", "卡号", "会员编号", "membernumber"),  # data
        "item": ("商品", "item", "商品名稱", "商品名称", "项目", "项目名称", "品名"),  # data
        "sku": ("商品编码", "sku", "商品編號", "编码", "货号", "条码", "商品编号"),  # data
        "category": ("类别", "category", "類別", "分类", "品类"),  # data
        "quantity": ("数量", "quantity", "數量", "qty"),  # data
        "unit_price": ("单价", "unitprice", "單價", "price"),  # data
        "amount": ("金额", "amount", "金額", "实收", "实收金额", "实付", "实付金额"),  # data
        "channel": ("渠道", "channel", "通路", "销售渠道"),  # data
        "store": ("门店", "store", "門市", "門店", "店铺", "店名", "分店"),  # data
        "staff": ("员工", "staff", "員工", "营业员", "导购", "美容师", "服务人员"),  # data
        "refund_of": ("退款", "refundof", "原单号", "退款原单号"),  # data
    },
}
# fmt: on
_PAID = ("实收", "实收金额", "实付", "实付金额")  # data: beside one of these, 金额 is what it would have cost
_DAYS = ("日期", "消费日期")  # data
_NEEDED: dict[ImportKind, tuple[tuple[str, ...], ...]] = {
    ImportKind.CUSTOMERS: (("name",), ("phone", "member_no")),
    ImportKind.PURCHASES: (("order_no",), ("occurred_at",), ("amount", "unit_price")),
}


class ColumnsMissing(RuleBroken):
    """Nothing can be done without these."""

    code = "columns_missing"
    message = words(
        "表头里缺少：{columns}。第 1 行必须是表头。如果文字是乱码，请把文件另存为“CSV UTF-8”或 XLSX；叫法不同的列可以用 --map 指定。"
    )


class ColumnDoubled(RuleBroken):
    """Two columns claim to be the same."""

    code = "column_doubled"
    message = words("这几列说的是同一项：{columns}。请删掉多余的列，或用 --map 把它设为空。")


class MapWrong(RuleBroken):
    """The owner's own list of columns does not fit."""

    code = "map_wrong"
    message = words("--map 文件不对：它应当是 JSON，像 {{\"手机号码\": \"phone\"}}；设为 \"\" 的列不导入。")  # fmt: skip


class MapFieldUnknown(MapWrong):
    """A field we do not have."""

    code = "map_field_unknown"
    message = words("--map 里的“{unknown}”不是我们的字段。可以用：{fields}。")


class MapHeaderUnknown(MapWrong):
    """A heading the file does not have."""

    code = "map_header_unknown"
    message = words("--map 里的列“{header}”在文件里没有。")


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a row, and the headings as the file writes them. `unknown` are those nobody reads;
    `has_points` says that one of them holds opening points. `occurred_on` is the day where `occurred_at` is its clock."""

    kind: ImportKind
    places: Mapping[str, int]
    headers: tuple[str, ...]
    unknown: tuple[str, ...]
    has_points: bool = False

    def heading(self, field: str | None) -> str:
        """What the file calls a field; our own name where it has no such column."""
        return self.headers[self.places[field]] if field and field in self.places else field or ""

    def cell(self, cells: Sequence[str], field: str) -> str:
        """The text of a field in a row, tidied; a missing column or cell is empty."""
        place = self.places.get(field)
        return tidy_words(cells[place]) if place is not None and place < len(cells) else ""


def match_columns(kind: ImportKind, headers: Sequence[str], mapping: Mapping[str, str] | None = None) -> Columns:
    """Find the fields in a header. `mapping` says {heading: field} where ours would not know ("" leaves a column out).

    Raises ColumnsMissing, ColumnDoubled, MapFieldUnknown or MapHeaderUnknown.
    """
    headers = tuple(_tidy(header) for header in headers)
    mapping = mapping or {}
    said = _said(kind, headers, mapping)
    claims: dict[str, list[int]] = {}
    strangers: list[int] = []
    for place, header in enumerate(headers):
        field = said.get(_folded(header)) if _folded(header) in said else field_of(kind, header)
        if field:
            claims.setdefault(field, []).append(place)
        elif header and _folded(header) not in said:
            strangers.append(place)
    if not any(_folded(headers[place]) in said for place in claims.get("amount", ())):
        strangers += _unpaid(claims, headers)
    _part_day_and_clock(claims, headers)
    for claimed in claims.values():
        if len(claimed) > 1:
            raise ColumnDoubled(columns="、".join(headers[place] for place in claimed))  # data: a list mark
    missing = [wanted for wanted in _NEEDED[kind] if not claims.keys() & set(wanted)]
    if missing:
        names = "、".join(
            "/".join(_ALIASES[kind][field][0] for field in wanted) for wanted in missing
        )  # data: a list mark
        raise ColumnsMissing(columns=names)
    unknown = tuple(headers[place] for place in sorted(strangers))
    has_points = any(_folded(header) in _POINTS for header in unknown)
    return Columns(kind, {field: found[0] for field, found in claims.items()}, headers, unknown, has_points)


def field_of(kind: ImportKind, header: str) -> str | None:
    """Our field for a heading; None for one nobody reads. Case, spaces, marks and what stands in brackets do not matter:
    金额（元）, * 金额 and Amount are the same."""
    return next((field for field, names in _ALIASES[kind].items() if _is_one_of(names, header)), None)


def read_mapping(text: str) -> dict[str, str]:
    """The owner's list {heading: field}. Raises MapWrong."""
    try:
        mapping = json.loads(text)
    except ValueError:
        raise MapWrong from None
    if not isinstance(mapping, dict) or not all(isinstance(field, str | None) for field in mapping.values()):
        raise MapWrong
    return {str(header): field or "" for header, field in mapping.items()}


def _said(kind: ImportKind, headers: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    there = {_folded(header) for header in headers}
    for header, field in mapping.items():
        if field and field not in _ALIASES[kind]:
            raise MapFieldUnknown(unknown=field, fields=", ".join(_ALIASES[kind]))
        if _folded(header) not in there:
            raise MapHeaderUnknown(header=header)
    return {_folded(header): field for header, field in mapping.items()}


def _unpaid(claims: dict[str, list[int]], headers: Sequence[str]) -> list[int]:
    """The amounts beside the one that was paid, taken out of the claims. Two that were paid are left to be refused."""
    amounts = claims.get("amount", [])
    paid = [place for place in amounts if _is_one_of(_PAID, headers[place])]
    if not paid:
        return []
    claims["amount"] = paid
    return [place for place in amounts if place not in paid]


def _part_day_and_clock(claims: dict[str, list[int]], headers: Sequence[str]) -> None:
    """日期 and 时间 side by side are one moment."""
    moments = claims.get("occurred_at", [])
    days = [place for place in moments if _is_one_of(_DAYS, headers[place])]
    clocks = [place for place in moments if place not in days]
    if days and clocks:
        claims["occurred_on"], claims["occurred_at"] = days, clocks


def _is_one_of(names: Sequence[str], header: str) -> bool:
    folded = _folded(header)
    return folded in names or re.sub(r"\(.*?\)|\[.*?\]|【.*?】", "", folded) in names


def _tidy(header: str) -> str:
    return " ".join(header.replace("\ufeff", "").split())


def _folded(header: str) -> str:
    plain = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\s_*:\-\ufeff\u200b]", "", plain)
