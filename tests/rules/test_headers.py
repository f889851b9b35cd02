"""A till's headings find our fields."""

import pytest

from app.rules.headers import (
    ColumnDoubled,
    ColumnsMissing,
    MapFieldUnknown,
    MapHeaderUnknown,
    MapWrong,
    field_of,
    match_columns,
    propose_columns,
    read_mapping,
)
from app.rules.import_fields import ALIASES, NEEDED, fields_of
from app.vocabulary import ImportKind, ImportMode

CUSTOMERS, PURCHASES = ImportKind.CUSTOMERS, ImportKind.PURCHASES


@pytest.mark.parametrize(
    ("kind", "heading", "field"),
    [
        (CUSTOMERS, "姓名", "name"),
        (CUSTOMERS, " 姓 名 ", "name"),
        (CUSTOMERS, "NAME", "name"),
        (CUSTOMERS, "手机", "phone"),
        (CUSTOMERS, "电话", "phone"),
        (CUSTOMERS, "手机（必填）", "phone"),
        (CUSTOMERS, "* 手机号", "phone"),
        (CUSTOMERS, "Member No", "member_no"),
        (CUSTOMERS, "member_no", "member_no"),
        (CUSTOMERS, "\ufeff会员号", "member_no"),
        (CUSTOMERS, "微信", "wechat"),
        (CUSTOMERS, "E-mail", "email"),
        (CUSTOMERS, "爱好", None),
        (CUSTOMERS, "", None),
        (PURCHASES, "单号", "order_no"),
        (PURCHASES, "Order_No", "order_no"),
        (PURCHASES, "金额(元)", "amount"),
        (PURCHASES, "ｓｋｕ", "sku"),
        (PURCHASES, "Occurred At", "occurred_at"),
        (PURCHASES, "退款", "refund_of"),
        (CUSTOMERS, "可用积分", "points"),
        (ImportKind.TREATMENTS, "项目编码", "code"),
        (ImportKind.TREATMENTS, "服务项目", "name"),
        (ImportKind.TREATMENTS, "时长（分钟）", "minutes"),
        (ImportKind.PRODUCTS, "条码", "sku"),
        (ImportKind.PRODUCTS, "零售价（元）", "price"),
        (ImportKind.POINTS, "当前积分", "points"),
    ],
)
def test_a_heading_is_recognised(kind: ImportKind, heading: str, field: str | None) -> None:
    assert field_of(kind, heading) == field


def test_columns_stand_in_any_order_and_strangers_are_named() -> None:
    columns = match_columns(CUSTOMERS, ["爱好", "手机", "", "姓名", "积分", "星座"])
    assert columns.places == {"phone": 1, "name": 3, "points": 4}
    assert columns.unknown == ("爱好", "星座")
    assert columns.heading("phone") == "手机"
    assert columns.heading("gender") == "gender"


@pytest.mark.parametrize(
    ("kind", "headers", "missing"),
    [
        (CUSTOMERS, ["姓名"], "手机/会员号"),
        (CUSTOMERS, ["手机"], "姓名"),
        (PURCHASES, ["时间", "金额"], "单号"),
        (PURCHASES, ["单号", "金额"], "时间"),
        (PURCHASES, ["单号", "时间"], "金额/单价"),
        (PURCHASES, ["������", "ä½ å¥½"], "单号、时间、金额/单价"),
    ],
)
def test_without_the_needed_columns_nothing_begins(kind: ImportKind, headers: list[str], missing: str) -> None:
    with pytest.raises(ColumnsMissing) as refusal:
        match_columns(kind, headers)
    assert f"：{missing}。" in refusal.value.say(str)


def test_two_columns_of_one_field_are_refused_by_name() -> None:
    with pytest.raises(ColumnDoubled) as refusal:
        match_columns(CUSTOMERS, ["姓名", "手机", "电话"])
    assert "手机、电话" in refusal.value.say(str)


@pytest.mark.parametrize("paid", ["实付", "实付金额（元）", "实收", "实收金额"])
def test_what_was_paid_is_the_amount_and_the_other_is_named(paid: str) -> None:
    columns = match_columns(PURCHASES, ["单号", "时间", "金额", paid, "桌号"])
    assert columns.heading("amount") == paid
    assert columns.unknown == ("金额", "桌号")


@pytest.mark.parametrize(
    ("headers", "mapping"),
    [
        (["单号", "时间", "实付", "实收"], {}),
        (["单号", "时间", "金额", "amount"], {}),
        (["单号", "时间", "净额", "实付"], {"净额": "amount"}),
        (["单号", "时间", "交易时间", "金额"], {}),
        (["单号", "日期", "消费日期", "时间", "金额"], {}),
    ],
)
def test_two_amounts_or_moments_of_one_kind_are_refused(headers: list[str], mapping: dict[str, str]) -> None:
    with pytest.raises(ColumnDoubled):
        match_columns(PURCHASES, headers, mapping)


def test_a_day_beside_a_clock_is_no_double() -> None:
    columns = match_columns(PURCHASES, ["单号", "时间", "日期", "金额"])
    assert (columns.heading("occurred_on"), columns.heading("occurred_at")) == ("日期", "时间")
    assert match_columns(PURCHASES, ["单号", "日期", "金额"]).heading("occurred_at") == "日期"


def test_the_owners_map_comes_first_and_can_leave_a_column_out() -> None:
    mapping = {"手机号码2": "phone", "电话": ""}
    columns = match_columns(CUSTOMERS, ["姓名", "电话", "手机号码2"], mapping)
    assert columns.places == {"name": 0, "phone": 2}
    assert columns.unknown == ()


def test_a_map_to_what_we_do_not_have_is_refused() -> None:
    with pytest.raises(MapFieldUnknown):
        match_columns(CUSTOMERS, ["姓名", "手机"], {"手机": "telephone"})
    with pytest.raises(MapHeaderUnknown):
        match_columns(CUSTOMERS, ["姓名", "手机"], {"座机": "phone"})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '"name"'])
def test_a_map_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MapWrong) as refusal:
        read_mapping(text)
    assert "{" in refusal.value.say(str)


def test_a_map_file_is_read() -> None:
    assert read_mapping('{"编号": "member_no", "x": null}') == {"编号": "member_no", "x": ""}


def test_a_file_that_only_updates_needs_no_name() -> None:
    headers = ["会员号", "标签"]
    assert match_columns(CUSTOMERS, headers, mode=ImportMode.UPDATE).places == {"member_no": 0, "tags": 1}
    with pytest.raises(ColumnsMissing):
        match_columns(CUSTOMERS, headers, mode=ImportMode.CREATE)


def test_points_that_are_left_count_and_those_ever_earned_are_named() -> None:
    columns = match_columns(CUSTOMERS, ["姓名", "手机", "积分", "可用积分"])
    assert columns.heading("points") == "可用积分"
    assert columns.unknown == ("积分",)


@pytest.mark.parametrize(
    ("headers", "proposed"),
    [
        (
            ["单号", "日期", "时间", "金额", "实付", "桌号"],
            ["order_no", "occurred_at", "occurred_at", "", "amount", ""],
        ),
        (["单号", "时间", "交易时间", "消费日期"], ["order_no", "occurred_at", "", "occurred_at"]),
        (["手机", "电话", "联系电话"], ["phone", "", ""]),
        (["x", "", "y"], ["", ""]),
        (["金额", "实收", "实付"], ["", "amount", ""]),
    ],
)
def test_what_a_file_seems_to_be_is_proposed_and_refuses_nothing(headers: list[str], proposed: list[str]) -> None:
    assert propose_columns(PURCHASES, headers) == dict(zip(filter(None, headers), proposed, strict=True))


def test_a_proposal_that_is_whole_is_a_map() -> None:
    headers = ["单号", "日期", "时间", "会员号", "金额", "实付", "桌号"]
    columns = match_columns(PURCHASES, headers, propose_columns(PURCHASES, headers))
    assert (columns.heading("occurred_on"), columns.heading("amount"), columns.unknown) == ("日期", "实付", ())


@pytest.mark.parametrize("kind", list(ImportKind))
def test_every_field_has_a_label_and_what_is_needed_is_a_field(kind: ImportKind) -> None:
    assert all(fields_of(kind).values())
    assert {name for group in NEEDED[kind] for name in group} <= ALIASES[kind].keys()


@pytest.mark.parametrize("kind", list(ImportKind))
def test_no_heading_means_two_fields(kind: ImportKind) -> None:
    names = [name for names in ALIASES[kind].values() for name in names]
    assert len(names) == len(set(names))
