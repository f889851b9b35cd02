"""A row of a till's file becomes typed values, or the list of what is wrong with it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.rules.headers import match_columns
from app.rules.imports import (
    CustomerRow,
    PurchaseRow,
    RowRefused,
    Shop,
    contradictions,
    read_customer,
    read_purchase,
    sale_of,
)
from app.rules.spreadsheets import LONGEST_CELL
from app.rules.tiers import TierStep
from app.vocabulary import Calendar, Gender, ImportKind, SaleChannel, Source

SILVER = TierStep(2, "银卡会员", 2, 100_000, 6, 12)
SHOP = Shop(
    (TierStep(1, "普通会员", 1, 0, 0, 12), SILVER),
    ZoneInfo("Asia/Shanghai"),
    datetime(2026, 11, 24, 10, 30, tzinfo=UTC),
)


def customer(**cells: str) -> CustomerRow | RowRefused:
    """A row of a customers file with these cells, 姓名 and 手机 being there anyway."""
    cells = {"姓名": "张晓丽", "手机": "13800138000"} | cells
    return read_customer(list(cells.values()), match_columns(ImportKind.CUSTOMERS, list(cells)), SHOP)


def purchase(**cells: str) -> PurchaseRow | RowRefused:
    """A row of a purchases file with these cells."""
    cells = {"单号": "A1", "时间": "2026-11-24 18:00", "金额": "59.00"} | cells
    return read_purchase(list(cells.values()), match_columns(ImportKind.PURCHASES, list(cells)), SHOP)


def codes(row: object) -> list[tuple[str | None, str]]:
    """The fields and codes of what was refused."""
    assert isinstance(row, RowRefused)
    return [(fault.field, fault.code) for fault in row.faults]


@pytest.mark.parametrize(
    ("heading", "cell", "column", "value"),
    [
        ("性别", "女", "gender", Gender.FEMALE),
        ("性别", "女士", "gender", Gender.FEMALE),
        ("性别", "M", "gender", Gender.MALE),
        ("性别", "male", "gender", Gender.MALE),
        ("性别", "保密", "gender", None),
        ("生日", "农历八月十五", "birthday_calendar", Calendar.LUNAR),
        ("生日", "32875", "birthday", "1990-01-02"),
        ("来源", "朋友介绍", "source", Source.REFERRAL),
        ("来源", "小红书", "source", Source.SOCIAL),
        ("来源", "store", "source", Source.STORE),
        ("来源", "隔壁王阿姨", "source", Source.OTHER),
        ("微信", " WX_1 ", "wechat", "WX_1"),
        ("邮箱", "A@B.cn", "email", "a@b.cn"),
        ("职业", "", "occupation", None),
        ("备注", "第一行\n第二行", "note", "第一行\n第二行"),
        ("会员号", "v001", "member_no", "V001"),
    ],
)
def test_a_customers_cell_is_read(heading: str, cell: str, column: str, value: object) -> None:
    row = customer(**{heading: cell})
    assert isinstance(row, CustomerRow)
    assert row.columns.get(column) == value


def test_tier_and_tags_are_read_by_name() -> None:
    row = customer(等级="银卡会员", 标签="敏感肌、常客, VIP；常客")
    assert isinstance(row, CustomerRow)
    assert (row.tier, row.tags) == (SILVER, ("敏感肌", "常客", "VIP"))


@pytest.mark.parametrize(
    ("cells", "refused"),
    [
        ({"手机": "12345"}, [("phone", "phone_wrong")]),
        ({"手机": "1.38E+10"}, [("phone", "phone_rounded")]),
        ({"手机": ""}, [("phone", "nobody_named")]),
        ({"姓名": "王" * 81}, [("name", "name_too_long")]),
        ({"会员号": "1.38E+10"}, [("member_no", "member_no_wrong")]),
        ({"过敏史": "长" * 2001}, [("allergy_note", "text_too_long")]),
        ({"生日": "2月30日", "手机": "1"}, [("phone", "phone_wrong"), ("birthday", "birthday_wrong")]),
    ],
)
def test_everything_wrong_with_a_customer_is_said(cells: dict[str, str], refused: list[tuple[str, str]]) -> None:
    assert codes(customer(**cells)) == refused


@pytest.mark.parametrize(
    ("cells", "left_out"),
    [
        ({"性别": "1"}, [("gender", "gender_wrong")]),
        ({"等级": "铜卡"}, [("tier", "tier_name_unknown")]),
        ({"邮箱": "无"}, [("email", "email_wrong")]),
        ({"标签": "长" * 31}, [("tags", "text_too_long")]),
        ({"积分": "很多"}, [("points", "opening_wrong")]),
        ({"建档日期": "上周"}, [("joined_on", "day_wrong")]),
        ({"生日": "2月30日", "备注": "长" * 2001}, [("birthday", "birthday_wrong"), ("note", "text_too_long")]),
    ],
)
def test_a_cell_she_can_do_without_is_left_out_and_she_comes_in(
    cells: dict[str, str], left_out: list[tuple[str, str]]
) -> None:
    row = customer(**cells)
    assert isinstance(row, CustomerRow)
    assert [(fault.field, fault.code) for fault in row.left_out] == left_out
    assert row.columns["name"] == "张晓丽"
    assert not row.columns.keys() & {"email", "birthday", "birth_month", "note", "created_at", "gender"}
    assert (row.tier, row.tags, row.points) == (None, (), 0)


def test_a_note_that_swallowed_rows_is_not_merely_left_out() -> None:
    assert ("note", "text_too_long") in codes(customer(备注="长" * (LONGEST_CELL + 1), 生日="2月30日"))


def test_cells_beyond_the_header_mean_a_shifted_row() -> None:
    columns = match_columns(ImportKind.CUSTOMERS, ["姓名", "手机"])
    assert codes(read_customer(["张", "13800138000", "多"], columns, SHOP)) == [(None, "cells_too_many")]
    assert isinstance(read_customer(["张", "13800138000", " "], columns, SHOP), CustomerRow)


def test_a_short_row_is_a_row_with_blanks() -> None:
    columns = match_columns(ImportKind.CUSTOMERS, ["姓名", "手机", "备注"])
    assert isinstance(read_customer(["张", "13800138000"], columns, SHOP), CustomerRow)


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24 18:00",
        "2026/11/24 18:00:00",
        "2026年11月24日 18时00分",
        "20261124180000",
        "46350.75",
        "2026-11-24T10:00:00Z",
    ],
)
def test_a_time_is_the_shops_own(written: str) -> None:
    row = purchase(时间=written)
    assert isinstance(row, PurchaseRow)
    assert row.occurred_at == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def test_a_day_without_a_time_is_its_midnight_in_the_shop() -> None:
    row = purchase(时间="2026-11-24")
    assert isinstance(row, PurchaseRow)
    assert row.occurred_at == datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "refused"),
    [
        ({"单号": ""}, [("order_no", "order_no_missing")]),
        ({"单号": "2.02611E+19"}, [("order_no", "number_rounded")]),
        ({"时间": ""}, [("occurred_at", "moment_missing")]),
        ({"时间": "昨天"}, [("occurred_at", "moment_wrong")]),
        ({"时间": "2026-11-26"}, [("occurred_at", "moment_in_future")]),
        ({"金额": ""}, [("amount", "amount_missing")]),
        ({"金额": "1.234"}, [("amount", "amount_too_fine")]),
        ({"金额": "免费"}, [("amount", "amount_wrong")]),
        ({"数量": "半"}, [("quantity", "quantity_wrong")]),
        ({"渠道": "飞鸽"}, [("channel", "channel_wrong")]),
        ({"手机": "123"}, [("phone", "phone_wrong")]),
        ({"商品": "霜" * 121}, [("item", "text_too_long")]),
    ],
)
def test_everything_wrong_with_a_purchase_is_said(cells: dict[str, str], refused: list[tuple[str, str]]) -> None:
    assert codes(purchase(**cells)) == refused


def test_a_price_and_a_quantity_make_an_amount() -> None:
    row = purchase(金额="", 单价="33.3333", 数量="3")
    assert isinstance(row, PurchaseRow)
    assert (row.line.unit_price_fen, row.line.amount_fen) == (3333, 9999)


def test_a_till_that_lists_no_goods_sold_something() -> None:
    row = purchase()
    assert isinstance(row, PurchaseRow)
    assert row.line.item == "消费"


def test_what_is_about_the_slip_may_stand_on_one_line() -> None:
    first, second = purchase(会员号="V1", 商品="甲", 渠道=""), purchase(会员号="", 商品="乙", 渠道="小程序")
    assert isinstance(first, PurchaseRow)
    assert isinstance(second, PurchaseRow)
    assert contradictions([(2, first), (3, second)]) == {}
    sale = sale_of([first, second])
    assert (sale.member_no, sale.channel, len(sale.lines)) == ("V1", SaleChannel.WECHAT, 2)


@pytest.mark.parametrize(
    ("cells", "field"),
    [({"会员号": "V2"}, "member_no"), ({"时间": "2026-11-24 18:01"}, "occurred_at"), ({"门店": "二店"}, "store")],
)
def test_lines_of_one_order_may_not_contradict_each_other(cells: dict[str, str], field: str) -> None:
    first, second = purchase(会员号="V1", 门店="一店"), purchase(**{"会员号": "V1", "门店": "一店"} | cells)
    assert isinstance(first, PurchaseRow)
    assert isinstance(second, PurchaseRow)
    found = contradictions([(2, first), (3, first), (7, second)])
    assert [(row, fault.field, fault.values["row"]) for row, fault in found.items()] == [(7, field, 2), (2, field, 7)]


@pytest.mark.parametrize(
    ("day", "clock", "local"),
    [
        ("2026-11-24", "18:00", "2026-11-24 18:00"),
        ("2026/11/24 00:00", "18:00:05", "2026-11-24 18:00:05"),
        ("20261124", "18时00分", "2026-11-24 18:00"),
        ("46350", "18:00", "2026-11-24 18:00"),
        ("2026-11-24", "", "2026-11-24 00:00"),
        ("", "2026-11-24 18:00", "2026-11-24 18:00"),
        ("2026-11-24", "2026-11-24 18:00", "2026-11-24 18:00"),
    ],
)
def test_a_day_and_a_clock_make_a_moment(day: str, clock: str, local: str) -> None:
    row = purchase(日期=day, 时间=clock)
    assert isinstance(row, PurchaseRow)
    assert row.occurred_at == datetime.fromisoformat(local).replace(tzinfo=SHOP.zone)


@pytest.mark.parametrize(
    ("day", "clock", "refused"),
    [
        ("", "", ("occurred_at", "moment_missing")),
        ("", "18:00", ("occurred_at", "moment_wrong")),
        ("2026-11-24", "25:00", ("occurred_at", "moment_wrong")),
        ("2026-11-24", "1830", ("occurred_at", "moment_wrong")),
        ("2026-11-24", "2026-11-23 18:00", ("occurred_at", "moment_wrong")),
        ("昨天", "", ("occurred_on", "moment_wrong")),
        ("2026-11-25", "18:31", ("occurred_at", "moment_in_future")),
    ],
)
def test_a_day_and_a_clock_that_make_none_are_refused(day: str, clock: str, refused: tuple[str, str]) -> None:
    assert codes(purchase(日期=day, 时间=clock)) == [refused]


CUSTOMER_COLUMNS = [
    "姓名",
    "手机",
    "性别",
    "生日",
    "会员号",
    "等级",
    "标签",
    "微信",
    "邮箱",
    "职业",
    "来源",
    "备注",
    "爱好",
]
PURCHASE_COLUMNS = [
    "单号",
    "日期",
    "时间",
    "手机",
    "会员号",
    "商品",
    "商品编码",
    "类别",
    "数量",
    "单价",
    "实付",
    "渠道",
    "员工",
    "桌号",
]


@pytest.mark.parametrize("letter", ["长", "9", "1,", "a@"])
@pytest.mark.parametrize("column", CUSTOMER_COLUMNS)
def test_an_endless_cell_keeps_a_customer_out(column: str, letter: str) -> None:
    assert isinstance(customer(**{column: letter * 100_001}), RowRefused)


@pytest.mark.parametrize("letter", ["长", "9", "1,", "a@"])
@pytest.mark.parametrize("column", PURCHASE_COLUMNS)
def test_an_endless_cell_keeps_a_purchase_out(column: str, letter: str) -> None:
    assert isinstance(purchase(**{column: letter * 100_001}), RowRefused)


@pytest.mark.parametrize("length", [100_000, 100_001])
def test_a_column_nobody_reads_has_a_limit_too(length: int) -> None:
    row = customer(爱好="猫" * length)
    assert isinstance(row, RowRefused) == (length > 100_000)
    if isinstance(row, RowRefused):
        assert codes(row) == [("爱好", "text_too_long")]
