"""`rouge import` from the outside: dirty files in, JSON, words and exit codes out."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from sqlmodel import func, select
from typer.testing import CliRunner, Result

from app.cli import cli
from app.db import Database
from app.models import Customer, ImportBatch, Purchase
from app.settings import Settings, current_settings

Rouge = Callable[..., Result]
KEYS = ["batch", "rows", "created", "updated", "unchanged", "rejected", "unknown_columns", "waiting", "warnings"]


@contextmanager
def command_line_of(settings: Settings) -> Iterator[Rouge]:
    """`rouge import …` in a shop."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ROUGE_DATA_DIR", str(settings.data_dir))
        environment.setenv("ROUGE_DATABASE_URL", settings.database_url)
        current_settings.cache_clear()
        yield lambda *words: CliRunner().invoke(cli, ["import", *map(str, words)])
    current_settings.cache_clear()


@pytest.fixture
def rouge(settings: Settings) -> Iterator[Rouge]:
    """The command line of a fresh shop, on either database."""
    with command_line_of(settings) as rouge:
        yield rouge


def told(result: Result) -> dict[str, Any]:
    """What `--json` printed."""
    return json.loads(result.stdout)


def written(path: Path, rows: list[list[str]], encoding: str = "utf-8") -> Path:
    """A CSV file."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def count(database: Database, table: Any) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def test_a_file_of_a_thousand_columns_is_refused_in_one_sentence(rouge: Rouge, tmp_path: Path) -> None:
    header = ["姓名", "手机", *(f"列{place}" for place in range(998))]
    result = rouge("customers", written(tmp_path / "till.csv", [header, ["张", "13800138000"]]))
    assert result.exit_code
    assert "一个表格最多 200 列，第 1 行有 1000 列" in result.output


def test_one_endless_cell_keeps_only_its_own_row_out(rouge: Rouge, tmp_path: Path) -> None:
    good = [["张", f"1000000{number:04d}", ""] for number in range(50)]
    rows = [["姓名", "手机", "备注"], *good, ["李", "13800138000", "长" * 200_000]]
    result = rouge("customers", written(tmp_path / "till.csv", rows), "--json")
    report = told(result)
    assert (report["created"], len(report["rejected"])) == (50, 1)
    assert report["rejected"][0] == {"row": 52, "column": "备注", "reason": "太长了，最多 2000 个字。"}


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """A customers file in which most rows are wrong in some way people's files are."""
    rows = [
        ["姓名", "手机", "性别", "生日", "会员号", "积分", "爱好"],
        ["曾𡃁喆", "138 0013 8000", "女", "1990年1月2日", "", "10", "猫"],
        ["王嫒", "１３９００１３９０００", "F", "农历八月十五", "00012", "", ""],
        ["李", "1.38E+10", "", "", "", "", ""],
        ["赵", "12345", "", "", "", "", ""],
        [],
        ["钱", "13700137000", "", "1990-02-30", "", "", ""],
        ["孙", "", "", "", "", "", ""],
        ["", "13600136000", "", "", "", "", ""],
        ["周", "13500135000", "1", "", "", "", ""],
    ]
    return written(tmp_path / "顾客.csv", rows, "gb18030")


def test_good_rows_go_in_and_every_other_row_says_why(rouge: Rouge, database: Database, customers: Path) -> None:
    result = rouge("customers", customers, "--json")
    assert result.exit_code == 1
    report = told(result)
    assert list(report) == KEYS
    assert (report["rows"], report["created"], report["updated"], report["unchanged"]) == (8, 4, 0, 0)
    assert [(one["row"], one["column"]) for one in report["rejected"]] == [
        (4, "手机"),
        (5, "手机"),
        (8, "手机"),
        (9, "姓名"),
    ]
    assert [(one["row"], one["column"]) for one in report["warnings"]] == [(7, "生日"), (10, "性别")]
    assert all(one["reason"] for one in report["warnings"])
    assert report["unknown_columns"] == ["爱好"]
    assert all(one["reason"] for one in report["rejected"])
    with database.reading() as session:
        names = set(session.exec(select(Customer.name)))
    assert names == {"曾𡃁喆", "王嫒", "钱", "周"}


def test_a_cell_that_was_left_out_is_said_and_is_no_failure(rouge: Rouge, tmp_path: Path) -> None:
    rows = [["姓名", "手机", "生日"], ["钱", "13700137000", "1990-02-30"]]
    result = rouge("customers", written(tmp_path / "till.csv", rows))
    assert result.exit_code == 0
    assert "另有 1 格看不懂，已留空，顾客照样导入：\n第 2 行 生日：看不懂这个生日" in result.stdout


def test_the_same_file_twice_changes_nothing(rouge: Rouge, database: Database, customers: Path) -> None:
    first, second = told(rouge("customers", customers, "--json")), told(rouge("customers", customers, "--json"))
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 4)
    assert (second["rejected"], second["warnings"]) == (first["rejected"], first["warnings"])
    assert second["batch"] > first["batch"]


def test_a_dry_run_writes_nothing(rouge: Rouge, database: Database, customers: Path) -> None:
    result = rouge("customers", customers, "--dry-run", "--json")
    report = told(result)
    assert (result.exit_code, report["batch"], report["created"]) == (1, None, 4)
    assert (count(database, Customer), count(database, ImportBatch)) == (0, 0)


def test_a_person_reads_sentences(rouge: Rouge, customers: Path) -> None:
    result = rouge("customers", customers)
    assert "共 8 行，新增 4、更新 0、不变 0，未导入 4" in result.stdout
    assert "第 5 行 手机：请填写完整的手机号" in result.stdout
    assert "这些列不认识，没有导入：爱好" in result.stdout
    assert "已处理 8 / 8 行" in result.stderr


def test_without_rejected_rows_the_exit_is_0(rouge: Rouge, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [["Name", "PHONE", "Member No"], ["张", "13800138000", "v-1"]], "utf-8-sig")
    assert rouge("customers", path).exit_code == 0


def test_a_workbook_with_dates_formulas_and_lost_zeros(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    people = tmp_path / "people.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["会员号", "姓名", "手机", "生日"])
    book.active.append(["00000018", "张", 13800138000.0, datetime(1990, 1, 2)])
    book.active.append(["00000026", "李", "13900139000", 32875])
    book.save(people)
    assert rouge("customers", people).exit_code == 0

    sold = tmp_path / "sold.xlsx"
    workbook = xlsxwriter.Workbook(str(sold))
    sheet = workbook.add_worksheet()
    moment = workbook.add_format({"num_format": 'yyyy"年"m"月"d"日" hh:mm'})
    sheet.write_row(0, 0, ["单号", "时间", "会员号", "商品", "数量", "单价", "金额"])
    sheet.write_row(1, 0, [20261120001, None, "00000018", "面霜", 2, 33.335, None])
    sheet.write_datetime(1, 1, datetime(2026, 11, 20, 18, 30), moment)
    sheet.write_formula(1, 6, "=E2*F2", None, 66.67)
    sheet.write_row(2, 0, ["A2", "2026/11/20", 18, "面霜", 1, 10, 0.1 + 0.2])
    sheet.merge_range(3, 0, 4, 0, "A3")
    sheet.write_row(3, 1, ["2026-11-20", "00000026", "面霜", 1, 10, 10])
    sheet.write_row(4, 1, ["2026-11-20", "00000026", "水", 1, 10, 10])
    workbook.close()
    result = rouge("purchases", sold, "--json")
    report = told(result)
    assert (report["rows"], report["created"]) == (4, 2)
    assert [(one["row"], one["column"]) for one in report["rejected"]] == [(3, "会员号"), (5, "单号")]
    assert "00000018" in report["rejected"][0]["reason"]
    with database.reading() as session:
        orders = dict(session.exec(select(Purchase.order_no, Purchase.paid_fen)).all())
        birthdays = set(session.exec(select(Customer.birthday)))
    assert orders == {"20261120001": 6667, "A3": 1000}
    assert birthdays == {"1990-01-02"}


def test_purchases_in_five_spellings_of_a_date(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    spellings = ["2026-11-20", "2026/11/20 0:00", "2026年11月20日", "20261120", "46346", "2026-11-20 00:00:00"]
    rows = [
        ["order_no", "occurred_at", "item", "amount"],
        *([f"A{n}", text, "x", "1"] for n, text in enumerate(spellings)),
    ]
    assert rouge("purchases", written(tmp_path / "sold.csv", rows)).exit_code == 0
    with database.reading() as session:
        assert len(set(session.exec(select(Purchase.occurred_at)))) == 1


def test_the_owners_map_names_her_columns(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", [["客人", "联系方式", "电话"], ["张", "13800138000", "x"]])
    (tmp_path / "map.json").write_text('{"客人": "name", "联系方式": "phone", "电话": ""}', encoding="utf-8")
    report = told(rouge("customers", path, "--map", tmp_path / "map.json", "--json"))
    assert (report["created"], report["unknown_columns"]) == (1, [])


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.csv", b"", "空的"),
        ("header.csv", "姓名,手机\n".encode(), "只有表头"),
        ("table.xlsx", b"%PDF-1.7\n", "PDF"),
        ("latin.csv", "姓名,手机\n".encode() + b"M\xfcller\xff,1\n", "编码"),
        ("other.csv", "张,13800138000\n李,13900139000\n".encode(), "姓名"),
        ("double.csv", "姓名,手机,电话\n张,1,2\n".encode(), "手机、电话"),
        ("quote.csv", '姓名,手机\n"张,1\n李,2\n'.encode(), "引号"),
        ("broken.xlsx", b"PK\x03\x04....", "损坏"),
    ],
)
def test_an_unusable_file_is_one_line_and_exit_2(
    rouge: Rouge, database: Database, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for options in ([], ["--json"], ["--dry-run"]):
        result = rouge("customers", path, *options)
        assert (result.exit_code, result.stdout) == (2, "")
        assert says in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert (count(database, Customer), count(database, ImportBatch)) == (0, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--map", "nowhere.json"], "--map"),
        (["--store", "S9"], "没有这家门店"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(rouge: Rouge, customers: Path, options: list[str], says: str) -> None:
    result = rouge("customers", customers, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_a_map_that_is_no_json_or_names_no_field_is_refused(rouge: Rouge, customers: Path, tmp_path: Path) -> None:
    for text in ("{", '{"手机": "telephone"}', '{"座机": "phone"}', "[]"):
        (tmp_path / "map.json").write_text(text, encoding="utf-8")
        result = rouge("customers", customers, "--map", tmp_path / "map.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "--map" in result.stderr


def test_a_missing_file_is_refused(rouge: Rouge, tmp_path: Path) -> None:
    result = rouge("customers", tmp_path / "nowhere.csv")
    assert result.exit_code == 2
    assert "nowhere.csv" in result.stderr


def test_twenty_five_thousand_lines_take_little_memory(sqlite_settings: Settings, tmp_path: Path) -> None:
    people = [["会员号", "姓名", "手机"], *([f"V{n}", "张晓丽", f"1000000{n:04d}"] for n in range(2000))]
    with command_line_of(sqlite_settings) as rouge:
        assert rouge("customers", written(tmp_path / "people.csv", people)).exit_code == 0
    sold = [["单号", "时间", "会员号", "商品", "金额"]]
    sold += [[f"A{n // 2}", "2026-11-20 10:00", f"V{n // 2 % 2000}", f"商品{n}", "59.00"] for n in range(25_000)]
    script = (
        "import re, sys; from pathlib import Path; from app.cli import cli\n"
        "try: cli(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "peak = re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())\n"
        "print(int(peak[1]) // 1024, file=sys.stderr)"
    )
    words = ["import", "purchases", str(written(tmp_path / "sold.csv", sold)), "--json"]
    shop = os.environ | {"ROUGE_DATA_DIR": str(sqlite_settings.data_dir), "ROUGE_DATABASE_URL": ""}
    done = subprocess.run([sys.executable, "-c", script, *words], env=shop, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["created"] == 25_000
    assert int(done.stderr.splitlines()[-1]) < 300


def test_a_sale_of_somebody_unknown_waits_and_is_said(rouge: Rouge, tmp_path: Path) -> None:
    sold = written(tmp_path / "sold.csv", [["单号", "时间", "手机", "金额"], ["A1", "2026-11-20", "13800138000", "59"]])
    result = rouge("purchases", sold)
    assert result.exit_code == 0
    assert "其中 1 行的顾客还不认识" in result.stdout
    assert told(rouge("purchases", sold, "--json"))["waiting"] == 0


def test_a_menu_and_points_come_in_and_a_mode_says_what_they_may_do(rouge: Rouge, tmp_path: Path) -> None:
    menu = written(tmp_path / "menu.csv", [["编码", "名称", "价格"], ["T1", "补水", "198"]])
    assert told(rouge("treatments", menu, "--json"))["created"] == 1
    assert told(rouge("products", menu, "--mode", "update", "--json"))["rejected"][0]["row"] == 2
    points = written(tmp_path / "points.csv", [["会员号", "积分"], ["V9", "5"]])
    assert rouge("points", points).exit_code == 1
    assert rouge("points", points, "--mode", "both?").exit_code == 2


def test_an_import_is_taken_back_once(rouge: Rouge, database: Database, customers: Path) -> None:
    batch = told(rouge("customers", customers, "--json"))["batch"]
    result = rouge("revert", batch, "--json")
    assert (result.exit_code, told(result)) == (0, {"batch": batch, "removed": 4, "restored": 1})
    assert count(database, Customer) == 0
    second = told(rouge("customers", customers, "--json"))["batch"]
    assert "连同它带来的标签、联系方式、等级和积分，去掉 4 条记录" in rouge("revert", second).stdout
    again = rouge("revert", batch)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr.splitlines() == ["这次导入已经撤销过了。"]
    nothing = rouge("revert", 999)
    assert (nothing.exit_code, len(nothing.stderr.splitlines())) == (2, 1)


def test_an_import_somebody_built_on_is_not_taken_back(rouge: Rouge, database: Database, tmp_path: Path) -> None:
    people = written(tmp_path / "people.csv", [["姓名", "会员号"], ["张", "V1"]])
    sold = written(tmp_path / "sold.csv", [["单号", "时间", "会员号", "金额"], ["A1", "2026-11-20", "V1", "59"]])
    batch = told(rouge("customers", people, "--json"))["batch"]
    assert rouge("purchases", sold).exit_code == 0
    result = rouge("revert", batch)
    assert result.exit_code == 1
    assert "V1 有了别的消费" in result.stderr
    assert (count(database, Customer), count(database, Purchase)) == (1, 1)


def test_help_speaks_both_languages(rouge: Rouge) -> None:
    for kind in ("customers", "purchases", "treatments", "products", "points"):
        shown = re.sub(r"\s+", " ", rouge(kind, "--help").stdout)
        assert "导入" in shown
        assert f"import {'opening points' if kind == 'points' else kind}" in shown
        assert "--dry-run" in shown


def test_a_header_below_a_title_is_found_as_in_the_wizard_and_with_the_owners_names(
    rouge: Rouge, tmp_path: Path
) -> None:
    title = [["会员资料（2026年）", ""], ["", ""]]
    plain = written(tmp_path / "plain.csv", [*title, ["姓名", "手机"], ["张", "13800138000"], ["李", ""]])
    report = told(rouge("customers", plain, "--json"))
    assert (report["created"], [one["row"] for one in report["rejected"]]) == (1, [5])
    theirs = written(tmp_path / "theirs.csv", [*title, ["谁", "号"], ["王", "13900139000"]])
    names = tmp_path / "map.json"
    names.write_text(json.dumps({"谁": "name", "号": "phone"}), encoding="utf-8")
    assert told(rouge("customers", theirs, "--map", names, "--json"))["created"] == 1


def test_a_second_sheet_is_not_left_out_in_silence(rouge: Rouge, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["姓名", "手机"])
    book.active.append(["张", "13800138000"])
    book.create_sheet("二店").append(["姓名", "手机"])
    book.create_sheet("空的")
    book.save(tmp_path / "till.xlsx")
    result = rouge("customers", tmp_path / "till.xlsx", "--json")
    assert (told(result)["created"], "这些表没有读：二店。" in result.stderr) == (1, True)
