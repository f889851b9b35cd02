"""The import wizard: each step with what it shows, what it refuses, and that nothing is done twice or seen by whom it does
not concern."""

import csv
import io
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from sqlmodel import col, select

from app.actions.jobs import claim
from app.jobs import imports
from app.jobs.kinds import KINDS
from app.jobs.worker import runner_of
from app.models import (
    AuditEntry,
    Customer,
    ImportBatch,
    ImportMap,
    Job,
    PointsAccount,
    PointsEntry,
    Purchase,
    Staff,
    Store,
)
from app.queries.import_batches import batch_of
from app.vocabulary import ImportStage, JobKind, JobStage, Role
from tests.files.dirty import PHONES, dirty_csv, dirty_xlsx

HOME = "/desk/imports"
PLAIN = "姓名,手机,性别\n王小丽,13800138001,女\n欧阳娜,13800138002,女\n"  # two customers


def token(page: str) -> str:
    """The once token of a page's first form that posts."""
    return re.search(r'name="once" value="([^"]+)"', page)[1]


def send(browser, content: bytes | str, name: str = "顾客.csv", *, kind: str = "customers", once: str = "", **said):
    """Upload a file."""
    body = content.encode() if isinstance(content, str) else content
    return browser.post(HOME, data={"kind": kind, "mode": "both", "once": once, **said}, files={"file": (name, body)})


def uploaded(browser, content: bytes | str = PLAIN, name: str = "顾客.csv", **said) -> str:
    """The address of an upload's page."""
    answer = send(browser, content, name, **said)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def chosen(page: str) -> dict[str, str]:
    """What the columns' form would send as it stands."""
    return {
        name: (re.search(r'value="([^"]*)" selected', body) or ["", ""])[1]
        for name, body in re.findall(r'<select[^>]*name="(column-\d+)">(.*?)</select>', page, re.DOTALL)
    }


def checked(browser, address: str, **columns: str):
    """Look a file through, as its columns stand or as given."""
    page = browser.get(address).text
    answer = browser.post(address, data={"do": "check", "once": token(page), **chosen(page), **columns})
    assert answer.status_code == 303, answer.text
    return browser.get(address)


def worked(database, settings) -> None:
    """Let the machine do what it has to."""
    runner_of(database, settings, schedule=()).sweep(signs=False)


def brought_in(browser, address: str, database, settings, **ticked: str):
    """Confirm what was looked through, and let the machine do it."""
    answer = browser.post(address, data={"do": "run", "once": token(browser.get(address).text), **ticked})
    assert answer.status_code == 303, answer.text
    worked(database, settings)
    return browser.get(address)


def count(database, table) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return len(session.exec(select(table)).all())


def numbers(page: str) -> dict[str, int]:
    """The figures of a page by their labels."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>([\d,]+)</dd>", page)
    return {label: int(figure.replace(",", "")) for label, figure in found}


def files_in(settings) -> list[Path]:
    """The uploads that lie on the disk."""
    return [path for path in settings.uploads_dir.glob("*") if path.is_file()]


# ── Uploading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_page_says_what_can_come_in_and_gives_samples(owner):
    page = owner.get(HOME).text
    for word in ("顾客", "消费", "护理项目", "商品", "期初积分", "第 1 行是表头", "最大 50 MB"):
        assert word in page
    for kind in ("customers", "purchases", "treatments", "products", "points"):
        sample = owner.get(f"/desk/import-samples/{kind}.csv")
        assert sample.content.startswith(b"\xef\xbb\xbf")
        assert len(list(csv.reader(io.StringIO(sample.text)))) == 3


@pytest.mark.parametrize("kind", ["customers", "treatments", "products"])
def test_a_sample_can_be_imported_as_it_is(owner, database, settings, kind):
    sample = owner.get(f"/desk/import-samples/{kind}.csv").content
    page = checked(owner, uploaded(owner, sample, kind=kind)).text
    assert numbers(page)["会新增"] == 2
    assert numbers(page)["有问题"] == 0


def test_only_owner_and_manager_come_in(as_role):
    for role in Role:
        status = as_role(role).get(HOME).status_code
        assert status == (200 if role in {Role.OWNER, Role.MANAGER} else 403)
        assert send(as_role(role), PLAIN).status_code == (303 if role in {Role.OWNER, Role.MANAGER} else 403)


def test_nobody_signed_in_sends_a_file_that_is_not_even_read(client, settings):
    assert send(client, PLAIN).status_code == 303
    assert files_in(settings) == []


def test_an_upload_is_kept_sealed_and_nothing_of_it_is_in_the_open(owner, settings):
    uploaded(owner)
    (path,) = files_in(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert b"13800138001" not in path.read_bytes()
    assert "王小丽".encode() not in path.read_bytes()


REFUSED = {
    "nothing": (b"", "文件是空的"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "这不是表格文件"),
    "a web page": ("<html><table><tr><td>王小丽".encode(), "这其实是一个网页"),
    "only a header": ("姓名,手机\n".encode(), "只有表头"),
    "a broken workbook": (b"PK\x03\x04" + b"0" * 100, "已损坏"),
    "no header": ("王小丽,13800138001\n欧阳娜,13800138002\n".encode(), "看起来不是表头"),
    "a thousand columns": (f"姓名,手机{',列' * 999}\n王小丽,13800138001\n".encode(), "一个表格最多 200 列"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_table_is_refused_in_words_and_not_kept(owner, settings, database, what):
    content, sentence = REFUSED[what]
    answer = send(owner, content)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "13800138001" not in answer.text
    assert files_in(settings) == []
    assert count(database, ImportBatch) == 0


def test_no_file_at_all_is_asked_for(owner, settings):
    answer = owner.post(HOME, data={"kind": "customers"}, files={"file": ("", b"")})
    assert answer.status_code == 422
    assert "请先选一个文件" in answer.text
    assert files_in(settings) == []


def test_this_one_page_takes_a_file_of_many_megabytes_and_no_other_does(owner, app, settings):
    rows = "".join(f"顾客{number},{number:08d},女\n" for number in range(90_000))
    large = "姓名,会员号,备注\n" + rows
    assert len(large.encode()) > 2_000_000
    assert send(owner, large).status_code == 303
    assert owner.post("/admin/settings", data={"shop_name": large}).status_code == 413
    address = owner.get(f"{HOME}/1")
    assert address.status_code == 200


def test_a_file_above_the_limit_is_refused_and_not_kept(owner, settings, monkeypatch):
    monkeypatch.setattr("app.gateways.uploads.PIECE", 1024)
    object.__setattr__(settings, "upload_limit_mb", 1)
    answer = send(owner, "姓名,备注\n" + "王小丽,好\n" * 100_000)
    assert answer.status_code == 413
    assert "文件太大了，最多 1 MB" in answer.text
    assert files_in(settings) == []


def test_the_same_upload_sent_twice_is_there_once(owner, database, settings):
    once = token(owner.get(HOME).text)
    first, second = send(owner, PLAIN, once=once), send(owner, PLAIN, once=once)
    assert first.headers["location"] == second.headers["location"]
    assert count(database, ImportBatch) == len(files_in(settings)) == 1


def test_going_back_and_choosing_another_file_is_another_upload(owner, database):
    once = token(owner.get(HOME).text)
    first, second = send(owner, PLAIN, once=once), send(owner, PLAIN + "曾婷,13800138003,女\n", once=once)
    assert first.headers["location"] != second.headers["location"]


# ── Columns ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_columns_are_matched_by_themselves_and_shown_with_masked_examples(owner, tmp_path):
    address = uploaded(owner, dirty_csv(tmp_path / "a.csv").read_bytes(), "会员13800138001.csv")
    page = owner.get(address).text
    assert list(chosen(page).values()) == ["member_no", "name", "phone", "gender", "birthday", "tier", "tags", ""]
    assert "表头在第 3 行" in page
    assert "138****8001" in page
    for phone in PHONES:
        assert phone not in page


def test_a_column_left_out_that_is_needed_is_asked_for(owner):
    address = uploaded(owner)
    page = owner.get(address).text
    answer = owner.post(address, data={"do": "check", "once": token(page), **chosen(page), "column-0": ""})
    assert answer.status_code == 422
    assert "还缺：姓名" in answer.text
    assert chosen(answer.text)["column-0"] == ""
    twice = owner.post(address, data={"do": "check", **chosen(page), "column-2": "phone"})
    assert "选成了同一项" in twice.text


def test_columns_nobody_knows_are_said_by_hand_kept_and_used_by_themselves_next_time(owner, database):
    file = "称呼,联络,甲\n王小丽,13800138001,x\n"
    address = uploaded(owner, file)
    page = owner.get(address).text
    assert set(chosen(page).values()) == {""}
    said = {"column-0": "name", "column-1": "phone"}
    kept = owner.post(address, data={"do": "keep", "once": token(page), "map_name": "老系统", **said})
    assert kept.status_code == 303
    assert chosen(owner.get(address).text) == {**said, "column-2": ""}
    with database.reading() as session:
        assert session.exec(select(ImportMap.name)).all() == ["老系统"]
    again = uploaded(owner, file + "欧阳娜,13800138002,y\n", "新.csv")
    assert chosen(owner.get(again).text) == {**said, "column-2": ""}
    assert "老系统" in owner.get(again).text


def test_a_map_needs_a_name(owner):
    address = uploaded(owner)
    page = owner.get(address).text
    answer = owner.post(address, data={"do": "keep", "map_name": " ", **chosen(page)})
    assert answer.status_code == 422
    assert "起个名字" in answer.text


# ── Dry run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_says_what_would_happen_and_writes_nothing(owner, database, tmp_path):
    before = count(database, Customer)
    page = checked(owner, uploaded(owner, dirty_csv(tmp_path / "a.csv").read_bytes())).text
    figures = numbers(page)
    assert figures["总行数"] == sum(figures[name] for name in ("会新增", "会更新", "没有变化", "有问题"))
    assert figures["有问题"] >= 3  # rounded, shifted, the sum
    assert figures["没有变化"] == 1  # herself again
    assert count(database, Customer) == before
    assert "1990-01-02" in page
    assert "138****8002" in page
    for phone in PHONES:
        assert phone not in page


def test_the_refused_rows_are_a_file_that_excel_opens_and_no_phone_is_in_it(owner, tmp_path):
    address = uploaded(owner, dirty_csv(tmp_path / "a.csv").read_bytes())
    page = checked(owner, address).text
    answer = owner.get(f"{address}/refused.csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert header == ["行号", "列", "原因"]
    assert len({row[0] for row in rows}) == numbers(page)["有问题"]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for phone in PHONES:
        assert phone not in answer.text


def test_each_fault_of_a_row_stands_under_its_own_column_on_the_page_and_in_the_file(owner):
    address = uploaded(owner, "姓名,手机,性别\n王小丽,12,猫\n")
    page = checked(owner, address).text
    text = owner.get(f"{address}/refused.csv").content.decode("utf-8-sig")
    faults = [row[:2] for row in csv.reader(io.StringIO(text))][1:]
    assert sorted(faults) == [["2", "性别"], ["2", "手机"]]
    assert re.findall(r"<tr><td>2</td><td>(\S+?)</td>", page) == [column for _, column in faults]
    assert numbers(page)["有问题"] == 1


def test_a_bad_birthday_turns_nobody_away_and_is_shown_counted_and_a_file_to_take(owner, database, settings):
    address = uploaded(owner, "姓名,手机,生日\n王小丽,13800138001,2月30日\n欧阳娜,12,不知道\n")
    for page in (checked(owner, address).text, brought_in(owner, address, database, settings).text):
        assert [numbers(page).get(name, 0) for name in ("会新增", "新增了")].count(1) == 1
        assert [numbers(page).get(name, 0) for name in ("有问题", "没有导入")].count(1) == 1
        assert "1 格留空了" in page
        assert re.findall(r"<tr><td>2</td><td>(\S+?)</td>", page) == ["生日"]
        text = owner.get(f"{address}/left-out.csv").content.decode("utf-8-sig")
        _, *rows = csv.reader(io.StringIO(text))
        assert [row[:2] for row in rows] == [["2", "生日"]]
        refused = owner.get(f"{address}/refused.csv").content.decode("utf-8-sig")
        assert {row[0] for row in csv.reader(io.StringIO(refused))} == {"行号", "3"}
    assert count(database, Customer) == 1
    assert "留空的格子" in owner.get("/admin/import-batch/details/1").text


def test_a_heading_over_two_columns_loses_neither(owner, database, tmp_path):
    book = openpyxl.Workbook()
    for row in (["姓名", "手机", None, "积分卡", None], ["王小丽", "13800138001", "wx-wang", "A1", None]):
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("D1:E1")
    book.save(tmp_path / "a.xlsx")
    address = uploaded(owner, (tmp_path / "a.xlsx").read_bytes(), "a.xlsx")
    page = owner.get(address).text
    assert "第 C 列（没有表头）" in page
    assert "第 E 列" not in page
    assert "会新增" in checked(owner, address, **{"column-2": "wechat"}).text
    assert re.search(r"<td>w\*\*\*</td>", owner.get(address).text)


def test_a_sheet_that_is_not_read_is_named(owner, tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["姓名", "手机"])
    book.active.append(["王小丽", "13800138001"])
    book.create_sheet("二店").append(["姓名", "手机"])
    book.save(tmp_path / "a.xlsx")
    page = owner.get(uploaded(owner, (tmp_path / "a.xlsx").read_bytes(), "a.xlsx")).text
    assert "这些表没有读：二店。" in page


def test_a_heading_that_is_a_formula_stays_words_in_the_file(owner):
    address = uploaded(owner, "姓名,=HYPERLINK(1)\n王小丽,12\n")
    checked(owner, address, **{"column-1": "phone"})
    text = owner.get(f"{address}/refused.csv").content.decode("utf-8-sig")
    assert '"=HYPERLINK' not in text
    assert "HYPERLINK" in text


def test_a_large_file_is_looked_through_by_the_machine_with_progress(owner, database, settings, monkeypatch):
    monkeypatch.setattr("app.admin_base.import_batch.AT_ONCE_BYTES", 1)
    address = uploaded(owner)
    page = checked(owner, address).text
    assert "正在试导入" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    part = owner.get(f"{address}?part=progress", headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<section class="card import-block import-progress" id="progress"')
    assert owner.post(address, data={"do": "run"}).status_code == 422  # in another tab, too early
    worked(database, settings)
    done = owner.get(f"{address}?part=progress", headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] == address
    assert numbers(owner.get(address).text)["会新增"] == 2


def test_changed_columns_have_to_be_looked_through_again(owner, database):
    address = uploaded(owner)
    checked(owner, address)
    page = owner.get(f"{address}?step=columns").text
    owner.post(address, data={"do": "keep", "map_name": "一", **chosen(page), "column-2": ""})
    answer = owner.post(address, data={"do": "run"})
    assert answer.status_code == 422
    assert "请先试导入一次" in answer.text
    assert count(database, Job) == 1


# ── In ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_confirmed_file_comes_in_and_its_upload_is_gone(owner, database, settings, people):
    address = uploaded(owner)
    checked(owner, address)
    page = brought_in(owner, address, database, settings).text
    assert "导入完成" in page
    assert numbers(page)["新增了"] == 2
    assert "王小丽" in page
    assert "撤销这次导入" in page
    assert files_in(settings) == []
    with database.reading() as session:
        assert len(session.exec(select(Customer)).all()) == 2
        batch = session.exec(select(ImportBatch)).one()
        assert (batch.stage, batch.staff_id) == (ImportStage.DONE, people[Role.OWNER])
        entries = session.exec(select(AuditEntry).where(AuditEntry.subject == "customers")).all()
    assert {entry.staff_id for entry in entries} == {people[Role.OWNER]}


def test_confirmed_twice_and_in_two_tabs_it_comes_in_once(owner, database, settings):
    address = uploaded(owner)
    page = checked(owner, address).text
    once = token(page)
    for _ in range(2):
        assert owner.post(address, data={"do": "run", "once": once}).status_code == 303
    other_tab = owner.post(address, data={"do": "run"})
    assert other_tab.status_code == 422
    assert "正在" in other_tab.text
    worked(database, settings)
    assert owner.post(address, data={"do": "run"}).status_code == 422
    assert count(database, Customer) == 2


def test_of_two_files_the_second_waits_for_the_first(owner, database, settings):
    one, two = uploaded(owner, name="一.csv"), uploaded(owner, PLAIN.replace("8001", "9001"), name="二.csv")
    checked(owner, one), checked(owner, two)
    assert owner.post(one, data={"do": "run"}).status_code == 303
    refused = owner.post(two, data={"do": "run"})
    assert refused.status_code == 422
    assert "另一个文件（一.csv）正在导入" in refused.text
    worked(database, settings)
    assert owner.post(two, data={"do": "run"}).status_code == 303


def test_sales_of_nobody_we_know_wait(owner, database, settings, tmp_path):
    address = uploaded(owner, dirty_csv(tmp_path / "a.csv").read_bytes())
    checked(owner, address)
    brought_in(owner, address, database, settings)
    address = uploaded(owner, dirty_xlsx(tmp_path / "b.xlsx").read_bytes(), "销售.xlsx", kind="purchases")
    page = checked(owner, address).text
    assert numbers(page)["等认领"] == 1
    assert numbers(page)["有问题"] == 2  # half a number, the sum
    page = brought_in(owner, address, database, settings).text
    assert numbers(page)["等认领"] == 1
    with database.reading() as session:
        waiting = session.exec(select(Purchase).where(col(Purchase.customer_id).is_(None))).all()
    assert [sale.order_no for sale in waiting] == ["S3"]


def test_sales_give_points_where_the_box_is_ticked_and_not_by_themselves(owner, database, settings, tmp_path):
    address = uploaded(owner, dirty_csv(tmp_path / "a.csv").read_bytes())
    assert 'name="earns"' not in checked(owner, address).text, "customers earn nothing"
    brought_in(owner, address, database, settings)
    said = []
    for ticked in ({}, {"earns": "1"}):
        address = uploaded(owner, dirty_xlsx(tmp_path / "b.xlsx").read_bytes(), "销售.xlsx", kind="purchases")
        assert re.search(r'name="earns" value="1"(?! checked)', checked(owner, address).text)
        page = brought_in(owner, address, database, settings, **ticked).text
        said.append("没有给积分" in page)
        entries = count(database, PointsEntry)
        assert (entries > 0) is bool(ticked)
        undo = owner.get(f"{address}/undo").text
        assert ("积分会一起收回" in undo) is bool(ticked)
        assert owner.post(address, data={"do": "undo", "once": token(undo)}).status_code == 303
    assert said == [True, False]
    with database.reading() as session:
        assert sum(session.exec(select(PointsAccount.balance))) == 0


# ── Out again ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_import_is_taken_back_after_being_told_what_goes(owner, database, settings):
    address = uploaded(owner)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    page = owner.get(f"{address}/undo").text
    assert "这次新增的 2 条顾客会删掉" in page
    once = token(page)
    for _ in range(2):
        assert owner.post(address, data={"do": "undo", "once": once}).status_code == 303
    page = owner.get(address).text
    assert "恢复成导入前的样子" in page
    assert "测试owner" in page
    assert count(database, Customer) == 0
    assert owner.get(f"{address}/undo").status_code == 303
    assert owner.post(address, data={"do": "undo"}).status_code == 422


def test_an_import_somebody_has_built_on_stays_and_says_why(owner, database, settings, tmp_path):
    address = uploaded(owner)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    sales = uploaded(owner, "单号,时间,手机,金额\nA1,2026-11-01,13800138001,10\n", "销售.csv", kind="purchases")
    checked(owner, sales)
    brought_in(owner, sales, database, settings)
    page = owner.get(f"{address}/undo").text
    assert "现在不能撤销" in page
    with database.reading() as session:
        number = session.exec(select(Customer.member_no).where(Customer.name == "王小丽")).one()
    assert f'<a href="/desk/customers/{number}">王小丽 {number} 138****8001 有了别的消费</a>' in page
    assert 'value="undo"' not in page
    assert owner.post(address, data={"do": "undo"}).status_code == 422
    assert count(database, Customer) == 2


def test_a_large_import_that_cannot_be_taken_back_stays_and_its_page_says_why(owner, database, settings, monkeypatch):
    monkeypatch.setattr("app.admin_base.import_batch.AT_ONCE_ROWS", 1)
    monkeypatch.setattr("app.admin_base.import_batch.JUDGED_AT_ONCE_ROWS", 1)
    address = uploaded(owner)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    sales = uploaded(owner, "单号,时间,手机,金额\nA1,2026-11-01,13800138001,10\n", "销售.csv", kind="purchases")
    checked(owner, sales)
    brought_in(owner, sales, database, settings)
    assert "撤销前会先查一遍" in owner.get(f"{address}/undo").text
    assert owner.post(address, data={"do": "undo"}).status_code == 303
    worked(database, settings)
    page = owner.get(address).text
    assert "没有撤销。导入之后" in page
    assert re.search(r'<a href="/desk/customers/(\w+)">王小丽 \1 138\*{4}8001 有了别的消费</a>', page)
    with database.reading() as session:
        kept = session.exec(select(ImportBatch.check_report).where(ImportBatch.kind == "customers")).one()
    assert "王小丽" not in kept
    assert "138" not in kept
    assert "导入完成" in page
    assert count(database, Customer) == 2


def test_a_large_import_is_taken_back_by_the_machine(owner, database, settings, monkeypatch):
    monkeypatch.setattr("app.admin_base.import_batch.AT_ONCE_ROWS", 1)
    address = uploaded(owner)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    owner.post(address, data={"do": "undo"})
    assert "正在撤销" in owner.get(address).text
    worked(database, settings)
    assert "恢复成导入前的样子" in owner.get(address).text


# ── Thrown away, forgotten, somebody else's ───────────────────────────────────────────────────────────────────────────


def test_a_file_nobody_wants_is_thrown_away(owner, database, settings):
    address = uploaded(owner)
    assert "顾客.csv" in owner.get(HOME).text
    assert owner.post(address, data={"do": "drop"}).headers["location"] == HOME
    assert files_in(settings) == []
    assert count(database, ImportBatch) == 0
    assert owner.get(address).status_code == 404


def test_what_is_in_is_not_thrown_away(owner, database, settings):
    address = uploaded(owner)
    checked(owner, address)
    brought_in(owner, address, database, settings)
    assert owner.post(address, data={"do": "drop"}).status_code == 422
    assert count(database, ImportBatch) == 1


def test_a_file_nobody_went_on_with_is_forgotten_after_a_week(owner, database, settings):
    uploaded(owner)
    with database.writing() as session:
        batch = session.exec(select(ImportBatch)).one()
        batch.started_at -= timedelta(days=6)
    runner = runner_of(database, settings, schedule=())
    runner.run_by_hand(JobKind.FORGET_TRACES)
    assert count(database, ImportBatch) == 1
    with database.writing() as session:
        session.exec(select(ImportBatch)).one().started_at -= timedelta(days=2)
    runner.run_by_hand(JobKind.FORGET_TRACES)
    assert count(database, ImportBatch) == 0
    (path,) = files_in(settings)  # younger than a day: it could be one that is just coming in
    os.utime(path, (0, 0))
    runner.run_by_hand(JobKind.FORGET_TRACES)
    assert files_in(settings) == []


def test_an_upload_that_is_gone_from_the_disk_says_so(owner, settings):
    address = uploaded(owner)
    for path in files_in(settings):
        path.unlink()
    page = owner.get(address)
    assert page.status_code == 200
    assert "打不开文件" in page.text
    assert "重新上传" in page.text


@pytest.mark.parametrize(
    "address", [f"{HOME}/99", f"{HOME}/x", f"{HOME}/99/undo", f"{HOME}/99/refused.csv", "/desk/import-samples/x"]
)
def test_an_address_of_nothing_is_not_found(owner, address):
    assert owner.get(address).status_code == 404


def test_a_step_nobody_knows_is_not_found(owner):
    assert owner.post(uploaded(owner), data={"do": "explode"}).status_code == 404


# ── A worker that dies ────────────────────────────────────────────────────────────────────────────────────────────────


class Killed(BaseException):
    """The process is gone: nothing after it runs, nothing is written down."""


def die_after(monkeypatch, portions: int) -> None:
    """Let the worker die once so many portions are in."""
    told = 0
    tell = imports.Teller.tell

    def dying(self, done: int, total: int) -> None:
        nonlocal told
        tell(self, done, total)
        told += 1
        if told == portions:
            raise Killed

    monkeypatch.setattr(imports.Teller, "tell", dying)


def half_done(owner, database, settings, monkeypatch, real_now) -> str:
    """An import whose worker died after the first portion; the address of its page."""
    rows = "".join(f"顾客{number},T{number:06d}\n" for number in range(1, 701))
    address = uploaded(owner, "姓名,会员号\n" + rows)
    checked(owner, address)
    worked(database, settings)
    assert owner.post(address, data={"do": "run"}).status_code == 303
    die_after(monkeypatch, 1)
    runner = runner_of(database, settings, schedule=())
    with database.writing() as session:
        now = datetime.now(UTC)
        job = claim(session, {kind: one.lease for kind, one in KINDS.items()}, worker="doomed", now=now)
    with pytest.raises(Killed):
        runner.do(job)
    monkeypatch.undo()
    return address


def test_a_worker_killed_in_the_middle_leaves_an_import_the_next_one_completes(
    owner, database, settings, monkeypatch, real_now
):
    address = half_done(owner, database, settings, monkeypatch, real_now)
    half = count(database, Customer)
    assert 0 < half < 700
    worked(database, settings)
    assert count(database, Customer) == half  # the dead one's lease holds
    assert "正在导入" in owner.get(address).text
    later = runner_of(database, settings, schedule=(), clock=lambda: real_now + 3 * imports.LEASE)
    later.sweep(signs=False)
    assert count(database, Customer) == 700
    assert numbers(owner.get(address).text)["新增了"] == 700
    assert files_in(settings) == []


def test_control_without_the_lease_running_out_nobody_would_complete_it(
    owner, database, settings, monkeypatch, real_now
):
    address = half_done(owner, database, settings, monkeypatch, real_now)
    with database.writing() as session:
        session.exec(select(Job).where(col(Job.key).startswith("run-import:"))).one().stage = JobStage.DONE
    later = runner_of(database, settings, schedule=(), clock=lambda: real_now + 3 * imports.LEASE)
    later.sweep(signs=False)
    assert 0 < count(database, Customer) < 700
    assert "没导完" in owner.get(address).text
    assert owner.post(address, data={"do": "run"}).status_code == 303  # and a person can go on with it
    worked(database, settings)
    assert numbers(owner.get(address).text)["新增了"] == 700


# ── Nobody's number anywhere ──────────────────────────────────────────────────────────────────────────────────────────


def test_no_number_of_a_file_is_on_a_page_in_a_log_in_the_journal_or_beside_it(
    owner, database, settings, tmp_path, caplog
):
    seen = []
    content = dirty_csv(tmp_path / "a.csv").read_bytes()
    address = uploaded(owner, content, "13800138001.csv")
    seen += [owner.get(address).text, checked(owner, address).text, owner.get(f"{address}/refused.csv").text]
    seen.append(owner.get(f"{address}/left-out.csv").text)
    seen += [owner.get(f"{address}?step=columns").text, owner.get(HOME).text]
    seen += [brought_in(owner, address, database, settings).text, owner.get(f"{address}/undo").text]
    seen += [owner.get("/admin/import-batch/list").text, owner.get("/admin/import-batch/details/1").text]
    with database.reading() as session:
        batch = session.exec(select(ImportBatch)).one()
        seen += [repr(batch), batch.mapping, batch.check_report, batch.rejections, batch.file_name]
        seen += [entry.changes for entry in session.exec(select(AuditEntry))]
        seen += [f"{job.payload} {job.last_error}" for job in session.exec(select(Job))]
        assert batch_of(session, batch.id).result.created > 0
    for phone in PHONES:
        assert all(phone not in text for text in [*seen, caplog.text]), phone


# ── What goes wrong on the way ────────────────────────────────────────────────────────────────────────────────────────

BROKEN_LATE = PLAIN + "".join(f"顾客{number},,\n" for number in range(100)) + '"没有结束的引号\n'


def test_a_file_that_breaks_off_further_down_says_where(owner, database):
    address = uploaded(owner, BROKEN_LATE)
    page = checked(owner, address).text
    assert "第 104 行附近" in page
    assert "每一列是什么" in page
    assert count(database, Customer) == 0
    assert owner.post(address, data={"do": "run"}).status_code == 422


def test_the_machine_says_on_the_page_why_it_left_a_file_and_is_not_in_trouble_itself(
    owner, database, settings, monkeypatch
):
    monkeypatch.setattr("app.admin_base.import_batch.AT_ONCE_BYTES", 1)
    address = uploaded(owner, BROKEN_LATE)
    checked(owner, address)
    worked(database, settings)
    page = owner.get(address).text
    assert "第 104 行附近" in page
    assert "每一列是什么" in page
    with database.reading() as session:
        assert session.exec(select(Job.stage)).all() == [JobStage.DONE]


def test_an_import_that_met_an_accident_is_tried_again_and_a_person_may_go_on_with_it(
    owner, database, settings, monkeypatch
):
    address = uploaded(owner)
    checked(owner, address)
    with monkeypatch.context() as broken:
        broken.setattr("app.actions.import_batches.import_file", lambda *_, **__: 1 / 0)
        page = brought_in(owner, address, database, settings).text
    assert "会自动再试" in page
    assert "ZeroDivisionError" in page
    with database.writing() as session:
        job = session.exec(select(Job).where(col(Job.key).startswith("run-import:"))).one()
        job.stage = JobStage.DEAD
    page = owner.get(address)
    assert "没导完" in page.text
    done = brought_in(owner, address, database, settings).text
    assert numbers(done)["新增了"] == 2


def test_whoever_may_not_see_another_stores_imports_finds_no_page_of_them(as_role, owner, database, people):
    with database.writing() as session:
        far = Store(code="far", name="远店")
        session.add(far)
        session.flush()
        session.get(Staff, people[Role.MANAGER]).store_id = far.id
        session.get(Staff, people[Role.OWNER]).store_id = 1
    address = uploaded(owner)
    manager = as_role(Role.MANAGER)
    assert manager.get(address).status_code == 404
    assert manager.post(address, data={"do": "drop"}).status_code == 404
    assert manager.get(f"{address}/refused.csv").status_code == 404
    assert "顾客.csv" not in manager.get(HOME).text
