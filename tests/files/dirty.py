"""Files as tills and tired people make them: written for the tests, no real person in them."""

import csv
import io
from datetime import date
from pathlib import Path

import xlsxwriter

PHONES = ("13800138001", "13800138002", "13800138003", "13800138004", "13800138005", "13800138006", "13800138007")
"""Every number that is whole in one of these files, in whatever spelling."""


def dirty_csv(path: Path) -> Path:
    """Customers in GBK: a line of the till above, mixed headings, days in five spellings, a phone Excel rounded, somebody
    twice, blank rows, a shifted row and a sum at the end."""
    rows = [
        ["胭脂美容 会员导出 2026-11-24"],
        [],
        ["会员编号", "Name", "手 机", "sex", "出生日期", "会员级别", "标签", "紧急联系人"],
        ["M9001", "王小丽", "13800138001", "女", "1990/1/2", "", "护肤", "13800138007"],
        ["M9002", "欧阳娜", "138 0013 8002", "F", "1990年1月2日", "", "护肤、美甲", ""],
        ["", "", "", "", "", "", "", ""],
        ["M9003", "曾婷", "+86-13800138003", "女士", "32875", "", "", ""],
        ["M9004", "单雅琴", "１３８００１３８００４", "", "1990.01.02", "", "", ""],
        ["M9005", "李静", "1.38E+10", "女", "1990-01-02", "", "", ""],
        ["M9001", "王小丽", "13800138001", "女", "1990/1/2", "", "护肤", "13800138007"],
        ["M9006", "张,丹", "13800138005", "女", "", "", "", ""],
        [" ", "　", "", "", "", "", "", ""],
        ["M9007", "赵玉兰", "男", "1990-01-02", "", "", "", "", "喜欢靠窗", "多出来的"],
        ["合计", "", "", "", "", "", "", "7"],
    ]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode("gb18030"))
    return path


def dirty_xlsx(path: Path) -> Path:
    """Purchases in a workbook: a merged title, days as Excel counts them, phones as numbers with a point."""
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("销售明细")
    sheet.merge_range(0, 0, 0, 6, "胭脂美容 2026年11月 销售明细")
    sheet.write_row(1, 0, ["小票号", "消费日期", "联系电话", "品名", "数量", "实收金额", "销售渠道"])
    day = book.add_format({"num_format": "yyyy/m/d"})
    sold = [
        ("S1", date(2026, 11, 1), 13800138001.0, "玫瑰面霜", 1, 299, "门店"),
        ("S1", date(2026, 11, 1), 13800138001.0, "补水面膜", 2, 78, "门店"),
        ("S2", date(2026, 11, 2), 13800138002.0, "补水护理", 1, 128, "微信"),
        ("S3", date(2026, 11, 3), 13800138006.0, "基础美甲", 1, 98, "门店"),  # nobody we know yet: it waits
        ("S4", date(2026, 11, 4), 138001.0, "基础美甲", 1, 98, "门店"),
    ]
    for row, (order, on, phone, item, quantity, amount, channel) in enumerate(sold, start=2):
        sheet.write_string(row, 0, order)
        sheet.write_datetime(row, 1, on, day)  # type: ignore[arg-type]  # a day is as good
        sheet.write_row(row, 2, [phone, item, quantity, amount, channel])
    sheet.write_row(len(sold) + 2, 0, ["合计", "", "", "", 6, 701])
    book.close()
    return path
