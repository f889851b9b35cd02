"""Where a header stands, and what of a cell a person is shown."""

import pytest

from app.rules.headers import ColumnDoubled, ColumnsMissing
from app.rules.import_header import (
    FieldMissing,
    FieldTwice,
    Header,
    below_title,
    example,
    header_of,
    header_row,
    holds_phone,
    in_wizard,
)
from app.rules.spreadsheets import FileEmpty
from app.vocabulary import ImportKind

HEADER = ("姓名", "手机", "生日")
HER = ("王小丽", "13800138001", "1990-01-02")


def rows(*cells):
    """Rows numbered as Excel numbers them."""
    return list(enumerate(cells, start=1))


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        ((HEADER, HER), 1),
        ((("胭脂美容 会员导出", "", ""), (), HEADER, HER), 3),
        ((("门店：徐汇店", "制表：店长"), HEADER, HER), 2),
        ((("称呼", "联络"), HER), 1),
        ((("导出",), ("称呼", "联络"), HER), 2),
        ((*((("备注",),) * 9), HEADER, HER), 10),
        ((*((("x", "y"),) * 10), HEADER, HER), 1),
        ((("姓名", "", ""), ("姓名", "手机", "")), 2),
        ((), 1),
    ],
)
def test_the_header_is_the_row_with_most_names_we_know(cells, number):
    assert header_row(ImportKind.CUSTOMERS, rows(*cells)) == number


@pytest.mark.parametrize(
    ("cells", "row", "names"),
    [
        ((("姓名", "手机", "", "生日"), HER), 1, ("姓名", "手机", "[C]", "生日")),
        ((("会员",), ("姓名", "联系方式", "", "生日"), ("", "手机", "微信", ""), HER), 3, ("姓名", "手机", "微信", "生日")),
        ((("姓名", "联系方式", "", ""), ("", "手机", "微信", "邮箱"), HER), 2, ("姓名", "手机", "微信", "邮箱")),
        ((("姓名", "手机", ""), ("王小丽", "微信", "")), 1, ("姓名", "手机", "[C]")),
        ((("姓名", "手机", ""), ("", "13800138001", "微信")), 1, ("姓名", "手机", "[C]")),
        (((*["姓名"], *[""] * 27), ("手机",)), 1, ("姓名", *(f"[{letter}]" for letter in "BCDEFGHIJKLMNOPQRSTUVWXYZ"), "[AA]", "[AB]")),
        ((), 1, ()),
    ],
)  # fmt: skip
def test_every_column_has_a_name_the_one_below_a_cell_over_two_or_its_letter(cells, row, names):
    assert header_of(ImportKind.CUSTOMERS, rows(*cells)) == Header(row, names)


def test_below_two_rows_of_names_comes_what_stands_there():
    table = rows(("姓名", "联系方式", ""), ("", "手机", "微信"), HER)
    read = list(below_title(lambda: iter(table), header_of(ImportKind.CUSTOMERS, table)))
    assert read == [(2, ("姓名", "手机", "微信")), (3, HER)]


def test_a_header_has_nobodys_number_in_it():
    assert holds_phone(HER)
    assert not holds_phone((*HEADER, "2026-11-24"))


@pytest.mark.parametrize(
    ("text", "field", "shown"),
    [
        ("13800138001", "phone", "138****8001"),
        ("138 0013 8001", "phone", "138****8001"),
        ("１３８００１３８００１", "phone", "138****8001"),
        ("+86-13800138001", "phone", "138****8001"),
        ("138001", "phone", "13**01"),
        ("13800138001 / 13900139001", "phone", "13********* / *********01"),
        ("没有", "phone", "没有"),
        ("1.3800138E+10", "phone", "1.**E+10"),
        ("1.3800138E+10", "", "1.**E+10"),
        ("请打13800138001找她", "", "请打138****8001找她"),
        ("13800138001", "member_no", "138****8001"),
        ("M9001", "member_no", "M9001"),
        ("20261124183000123", "order_no", "20261124183000123"),
        ("310101199001020011", "", "31**************11"),
        ("2026-11-24 18:30", "", "2026-11-24 18:30"),
        ("1234567.50", "amount", "1234567.50"),
        ("wx_xiaoli", "wechat", "w***"),
        ("", "wechat", ""),
        ("  王 小丽\n", "name", "王 小丽"),
        ("长" * 50, "note", "长" * 40 + "…"),
    ],
)
def test_an_example_gives_nobodys_number_away(text, field, shown):
    assert example(text, field) == shown


def test_a_refusal_about_columns_speaks_of_what_is_on_the_page():
    assert isinstance(in_wizard(ColumnsMissing(columns="姓名")), FieldMissing)
    assert "姓名" in in_wizard(ColumnsMissing(columns="姓名")).say(str)
    assert isinstance(in_wizard(ColumnDoubled(columns="手机、电话")), FieldTwice)
    other = FileEmpty()
    assert in_wizard(other) is other
