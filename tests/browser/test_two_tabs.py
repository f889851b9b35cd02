"""Two tabs on one customer: nobody's words are lost, and the page that asks works with a thumb and without scripts."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.actions.customers import create_customer
from app.actions.staff import create_first_owner
from app.gateways.passwords import hash_password
from app.models import Customer
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
PASSWORD = "three odd words 7"
LOOKS = {
    "desk": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "java_script_enabled": False},
}
Picture = Callable[[Page, str], None]


@pytest.fixture
def shop(served: Served) -> Served:
    """A shop with its owner and one customer."""
    password_hash, now = hash_password(PASSWORD), datetime.now(UTC)
    with served.database.writing() as session:
        create_first_owner(session, name="王店主", login="boss", password_hash=password_hash, now=now)
        create_customer(session, CustomerDetails(name="王小丽", note="喜欢靠窗"), policy=Policy(), now=now)
    return served


@pytest.fixture(params=LOOKS)
def tabs(request: pytest.FixtureRequest, browser: Browser, shop: Served) -> Iterator[tuple[Watched, Watched]]:
    """Two tabs of the owner's browser; the phone's has no scripts."""
    context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **LOOKS[request.param])
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(15_000)
    first = watched(context)
    first.page.goto(f"{shop.base_url}/admin/login")
    first.page.get_by_label("登录名").fill("boss")
    first.page.get_by_label("密码").fill(PASSWORD)
    first.page.get_by_role("button", name="登录").click()
    expect(first.page.get_by_role("heading", name="今天怎么样")).to_be_visible()
    second = watched(context)
    yield first, second
    for tab in (first, second):
        assert [said for said in tab.complaints if "409" not in said and "422" not in said] == []
    context.close()


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Keeps what a page looks like, and checks that nothing runs over its edge."""

    def take(page: Page, name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), name

    return take


def test_what_both_tabs_changed_is_asked_and_the_choice_is_saved(
    tabs: tuple[Watched, Watched], shop: Served, picture: Picture
) -> None:
    first, second = tabs
    for tab in tabs:
        tab.page.goto(f"{shop.base_url}/admin/customer/edit/1")
    first.page.get_by_label("备注").fill("改坐里间")
    first.page.get_by_label("职业").fill("老师")
    first.page.get_by_role("button", name="保存", exact=True).click()
    expect(first.page.get_by_text("已保存：王小丽")).to_be_visible()
    page = second.page
    page.get_by_label("备注").fill("要安静，不聊天")
    page.get_by_label("地址").fill("南京路 1 号")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("有人改了同样的地方")).to_be_visible()
    if page.viewport_size["width"] > 400:
        second.check_accessible()
    picture(page, "clash")
    page.get_by_text("您填的", exact=True).click()
    picture(page, "clash-chosen")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("已保存：王小丽")).to_be_visible()
    with shop.database.reading() as session:
        customer = session.get(Customer, 1)
        assert (customer.note, customer.address, customer.occupation) == ("要安静，不聊天", "南京路 1 号", "老师")


def test_another_language_on_a_refused_page_keeps_what_was_typed(
    tabs: tuple[Watched, Watched], shop: Served, picture: Picture
) -> None:
    page = tabs[0].page
    page.goto(f"{shop.base_url}/admin/complaint/create")
    page.get_by_label("顾客说").fill("等了四十分钟")
    page.get_by_label("联系电话").fill("12345")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_text("完整的手机号")).to_be_visible()
    page.wait_for_load_state()
    toggle = page.get_by_role("button", name="菜单")
    if toggle.is_visible():
        toggle.click()
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#text")).to_have_value("等了四十分钟")
    picture(page, "english")
