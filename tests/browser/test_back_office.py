"""The owner's first morning in the back office: on a desk, and on a phone."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.actions.staff import create_first_owner
from app.gateways.passwords import hash_password
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
PASSWORD = "three odd words 7"
DESK = {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
PHONE = DESK | {"viewport": {"width": 390, "height": 844}, "has_touch": True}


@pytest.fixture
def shop(served: Served) -> Served:
    """A shop whose owner has an account."""
    password_hash = hash_password(PASSWORD)
    with served.database.writing() as session:
        create_first_owner(session, name="王店主", login="boss", password_hash=password_hash, now=datetime.now(UTC))
    return served


@pytest.fixture(params=["desk", "phone"])
def owner(request: pytest.FixtureRequest, browser: Browser, shop: Served) -> Iterator[Watched]:
    """The owner's browser, signed in through the form."""
    context: BrowserContext = browser.new_context(**(DESK if request.param == "desk" else PHONE))
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(15_000)
    watch = watched(context)
    watch.page.goto(f"{shop.base_url}/admin/")
    watch.check_accessible()
    watch.page.get_by_label("登录名").fill("boss")
    watch.page.get_by_label("密码").fill(PASSWORD)
    watch.page.get_by_role("button", name="登录").click()
    expect(watch.page.get_by_role("heading", name="今天怎么样")).to_be_visible()
    yield watch
    assert [said for said in watch.complaints if "422" not in said] == []  # a refused form answers 422
    context.close()


@pytest.fixture
def picture(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps what a page looks like beside the test's other files, and checks that nothing runs over its edge."""

    def take(page: Page, name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (
            f"{name} is wider than the screen"
        )

    return take


def save(page: Page, *, name: str = "保存") -> None:
    """Press the form's own button and wait for what follows."""
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state()


def test_the_owner_sees_her_day_and_takes_a_customer_in(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    owner.check_accessible()
    picture(page, "dashboard")
    page.goto(f"{shop.base_url}/admin/customer/create")
    page.get_by_label("姓名").fill("王小丽")
    page.get_by_label("手机", exact=True).fill("138001")
    save(page)
    expect(page.get_by_text("请填写完整的手机号")).to_be_visible()
    expect(page.get_by_label("姓名")).to_have_value("王小丽")
    owner.check_accessible()
    picture(page, "refused")
    page.get_by_label("手机", exact=True).fill("138 0013 8000")
    page.get_by_label("过敏提示").fill("对果酸过敏")
    save(page)
    expect(page.get_by_role("status").filter(has_text="已保存")).to_be_visible()
    expect(page.get_by_role("heading", name="王小丽")).to_be_visible()  # her own page
    page.goto(f"{shop.base_url}/admin/customer/list")
    expect(page.get_by_text("138****8000")).to_be_visible()
    owner.check_accessible()
    picture(page, "customers")
    page.get_by_role("link", name="1000 ").first.click()
    expect(page.get_by_text("对果酸过敏")).to_be_visible()
    owner.check_accessible()
    picture(page, "customer")
    page.goto(f"{shop.base_url}/admin/")
    expect(page.get_by_role("link", name="今天新客")).to_contain_text("1")


REGISTERS = {
    "tag": {"名称": "爱美甲", "说明": "每月来一次"},
    "tier": {"级别": "9", "名称": "黑金会员", "消费满（元）": "50000"},
    "treatment": {"编码": "HL01", "名称": "补水护理", "价格（元）": "128.50"},
    "product": {"商品编码": "P001", "名称": "玫瑰面霜", "价格（元）": "299"},
    "survey": {"标题": "春季活动", "网址": "spring-2027"},
}


def test_the_owner_arranges_her_shop(owner: Watched, shop: Served, picture: Callable[[Page, str], None]) -> None:
    page = owner.page
    for identity, fields in REGISTERS.items():
        page.goto(f"{shop.base_url}/admin/{identity}/create")
        for label, value in fields.items():
            page.get_by_label(label).first.fill(value)
        owner.check_accessible()
        picture(page, f"{identity}-form")
        save(page)
        expect(page.get_by_role("status").filter(has_text="已保存")).to_be_visible()
        picture(page, f"{identity}-list")
        owner.check_accessible()


def test_the_owner_asks_a_question_and_publishes(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/survey/create")
    page.get_by_label("标题").fill("春季活动")
    page.get_by_label("网址").fill("spring-2027")
    save(page)
    expect(page.get_by_text("还没有题目")).to_be_visible()
    owner.check_accessible()
    picture(page, "survey-draft")
    page.get_by_role("link", name="加一道题").click()
    expect(page.get_by_label("问卷").first.locator("option:checked")).to_have_text("春季活动")
    page.get_by_label("题目").first.fill("活动好玩吗？")
    page.get_by_label("题型").select_option(label="打分")
    picture(page, "question-form")
    save(page)
    page.goto(f"{shop.base_url}/admin/survey/list")
    page.get_by_role("link", name="春季活动").first.click()
    expect(page.get_by_text("活动好玩吗？")).to_be_visible()
    page.get_by_text("发布", exact=True).first.click()
    page.get_by_role("button", name="发布", exact=True).click()
    expect(page.get_by_text("问卷已发布")).to_be_visible()
    owner.check_accessible()
    picture(page, "survey")


def test_the_owner_answers_a_complaint_and_changes_the_promise(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/complaint/create")
    page.get_by_label("顾客说").fill("面霜用了发红")
    page.get_by_label("联系人").fill("陈女士")
    page.get_by_label("联系电话").fill("13900139000")
    picture(page, "complaint-form")
    save(page)
    expect(page.get_by_text("139****9000")).to_be_visible()
    picture(page, "complaints")
    page.locator("tbody a").first.click()
    page.locator("summary", has_text="回复").first.click()
    page.get_by_label("回复内容").fill("马上为您退货，并陪您看医生。")
    owner.check_accessible()
    picture(page, "complaint-reply")
    page.get_by_role("button", name="回复", exact=True).click()
    expect(page.get_by_text("马上为您退货").first).to_be_visible()
    owner.check_accessible()
    picture(page, "complaint")
    page.goto(f"{shop.base_url}/admin/settings")
    owner.check_accessible()
    picture(page, "settings")
    page.get_by_label("投诉答复时限（小时）").fill("24")
    page.get_by_role("button", name="保存规则").click()
    expect(page.get_by_text("店里的规则已保存")).to_be_visible()


def test_a_record_that_is_used_cannot_be_deleted_and_a_free_one_can(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/survey/list")
    page.locator("[data-pick]").first.check()
    page.get_by_role("button", name="删除").click()
    expect(page.get_by_role("heading", name="现在不能删除")).to_be_visible()
    expect(page.get_by_text("只有草稿可以删除")).to_be_visible()
    owner.check_accessible()
    picture(page, "delete-refused")
    page.goto(f"{shop.base_url}/admin/tag/list")
    before = page.locator("tbody tr").count()
    page.get_by_role("link", name="删除").first.click()
    owner.check_accessible()
    picture(page, "delete")
    page.get_by_role("button", name="删除", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(before - 1)


def test_signing_out_leads_to_the_door(owner: Watched, shop: Served) -> None:
    page = owner.page
    page.wait_for_load_state()
    toggle = page.get_by_role("button", name="菜单")
    if toggle.is_visible():
        toggle.click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    page.go_back()
    page.goto(f"{shop.base_url}/admin/customer/list")
    expect(page.get_by_role("button", name="登录")).to_be_visible()


def test_a_date_that_cannot_be_read_stays_as_typed_and_is_refused_beside_its_field(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/earning-rule/create")
    page.get_by_label("名称").fill("双十二双倍")
    starts, ends = page.get_by_label("从哪天起"), page.get_by_label("到哪天为止")
    for typed in ("12-01", "明天", "2026-02-30", "20261201"):
        starts.click()
        starts.fill(typed)
        page.keyboard.press("Tab")
        expect(starts).to_have_value(typed)
    ends.fill("2026-12-5")
    page.keyboard.press("Tab")
    expect(ends).to_have_value("2026-12-05")
    page.keyboard.press("Escape")
    save(page)
    assert "这不是一个日期" in page.locator("#starts_on-field").inner_text()
    expect(page.get_by_label("从哪天起")).to_have_value("20261201")
    picture(page, "date-refused")
    page.get_by_label("从哪天起").fill("2026-12-01")
    page.keyboard.press("Tab")
    expect(page.get_by_label("从哪天起")).to_have_value("2026-12-01")


def test_a_time_that_cannot_be_read_stays_as_typed(owner: Watched, shop: Served) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/visit/create")
    moment = page.locator('[data-role="datetimepicker"]').first
    moment.click()
    moment.fill("今天下午")
    page.get_by_role("heading", level=1).click()  # elsewhere: the calendar shuts
    expect(moment).to_have_value("今天下午")
    moment.fill("2026-11-24 18:30")
    page.get_by_role("heading", level=1).click()
    expect(moment).to_have_value("2026-11-24 18:30:00")


def test_a_rule_asks_only_what_counts_for_its_kind(
    owner: Watched, shop: Served, picture: Callable[[Page, str], None]
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/earning-rule/create")
    kind, percent, per_fen = page.get_by_label("类型"), page.get_by_label("倍数（%）"), page.get_by_label("每多少元")
    expect(per_fen).to_be_visible()
    expect(percent).to_be_hidden()
    expect(page.get_by_label("固定哪天过期")).to_be_hidden()
    page.get_by_label("怎么过期").select_option("two_yearly")
    expect(page.get_by_label("固定哪天过期")).to_be_visible()
    picture(page, "rule-purchase")
    kind.select_option("suggestion")
    expect(page.get_by_label("一年最多（次）")).to_be_visible()
    expect(page.get_by_label("一单满（元）")).to_be_hidden()
    page.get_by_label("一年最多（次）").fill("3")
    kind.select_option("campaign")
    expect(percent).to_be_visible()
    expect(page.get_by_label("怎么过期")).to_be_hidden()
    picture(page, "rule-campaign")
    page.get_by_label("名称").fill("护肤双倍")
    percent.fill("200")
    save(page)
    expect(page.get_by_label("一年最多（次）")).to_be_visible()  # what is wrong is never left out
    owner.check_accessible()
    page.get_by_label("一年最多（次）").fill("0")
    save(page)
    expect(page.get_by_text("护肤双倍：积分 ×2")).to_be_visible()
