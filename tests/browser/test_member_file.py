"""The member file with a thumb: one record out of two and back again, and a tag that a rule gives."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.actions.staff import create_first_owner
from app.gateways.passwords import hash_password
from app.models import Customer, Tag
from app.vocabulary import CategoryOfNeed, Gender
from tests.actions.merging_shop import ZONE, full, two_customers
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
PASSWORD = "three odd words 7"


@pytest.fixture
def numbers(served: Served) -> tuple[str, str]:
    """The member numbers of two records that may be one person, in a shop with its owner and one tag of nobody."""
    now, password_hash = datetime.now(ZONE), hash_password(PASSWORD)
    with served.database.writing() as session:
        create_first_owner(session, name="王店主", login="boss", password_hash=password_hash, now=now)
        session.add(Tag(name="贵客", category=CategoryOfNeed.SKIN))
        rows = [session.get_one(Customer, one) for one in two_customers(session, full(0), full(1), now)]
        for row in rows:
            row.gender = Gender.FEMALE
        return rows[0].member_no, rows[1].member_no


@pytest.fixture
def owner(browser: Browser, served: Served, numbers: tuple[str, str]) -> Iterator[Watched]:
    """Her phone, signed in."""
    context = browser.new_context(
        locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 390, "height": 844}, has_touch=True
    )
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(10_000)
    seen = watched(context)
    seen.page.goto(f"{served.base_url}/admin/login")
    seen.page.get_by_label("登录名").fill("boss")
    seen.page.get_by_label("密码").fill(PASSWORD)
    seen.page.get_by_role("button", name="登录").click()
    expect(seen.page.get_by_role("heading", name="今天怎么样")).to_be_visible()
    yield seen
    assert seen.complaints == []
    context.close()


def kept(seen: Watched, picture: Path) -> None:
    """Keep what the page looks like; nothing runs over its edge."""
    seen.page.screenshot(path=picture, full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), picture.stem


def test_two_records_are_told_apart_made_one_and_taken_apart_again(
    owner: Watched, served: Served, numbers: tuple[str, str], tmp_path: Path
) -> None:
    page = owner.page
    page.goto(f"{served.base_url}/desk/duplicates")
    kept(owner, tmp_path / "pair.png")
    page.get_by_role("region", name="王小丽甲 · 王小丽乙").get_by_role("button", name="不是同一个人").click()
    page.get_by_role("link", name="不是同一个人（1）").click()
    expect(page.get_by_role("button", name="撤销，放回待确认")).to_be_visible()
    kept(owner, tmp_path / "told-apart.png")

    page.goto(f"{served.base_url}/desk/merge?a={numbers[0]}&b={numbers[1]}")
    expect(page.get_by_text("标记过：这两份不是同一个人")).to_be_visible()
    kept(owner, tmp_path / "merge.png")
    owner.check_accessible()
    page.get_by_label("我核对过，这两份档案是同一个人").check()
    page.get_by_role("button", name="合并成一份").click()
    expect(page.get_by_role("heading", name="合并成一份档案")).to_be_visible()
    page.get_by_label("之前标错了，这两份确实是同一个人").check()
    page.get_by_role("button", name="合并成一份").click()
    page.wait_for_url(f"**/desk/customers/{numbers[0]}**")
    kept(owner, tmp_path / "one.png")
    owner.check_accessible()

    page.get_by_role("link", name="撤销合并").click()
    kept(owner, tmp_path / "register.png")
    page.locator("summary", has_text="撤销合并").click()
    page.get_by_role("button", name="撤销合并").click()
    expect(page.get_by_text("两份档案都回来了")).to_be_visible()
    kept(owner, tmp_path / "undone.png")
    page.goto(f"{served.base_url}/desk/customers/{numbers[1]}")
    expect(page.get_by_role("heading", name="王小丽乙")).to_be_visible()


def test_a_rule_gives_the_tag_to_whoever_fits(owner: Watched, served: Served, tmp_path: Path) -> None:
    page = owner.page
    page.goto(f"{served.base_url}/desk/tags")
    page.get_by_role("link", name="设规则 贵客").click()
    page.get_by_label("再加一个条件").select_option(label="性别")
    page.get_by_role("button", name="加上").click()
    page.get_by_label("性别", exact=True).select_option(label="女")
    page.get_by_role("button", name="看看有几位").last.click()
    expect(page.get_by_text("现在有 2 位顾客符合")).to_be_visible()
    kept(owner, tmp_path / "rule.png")
    owner.check_accessible()
    page.get_by_role("button", name="保存规则").click()
    page.get_by_role("link", name="贵客 2 位").click()
    expect(page.get_by_role("link", name="王小丽甲").first).to_be_visible()
    kept(owner, tmp_path / "wearers.png")
