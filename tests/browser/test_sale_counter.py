"""A sale at the counter with a thumb: chosen from the menu, recorded once although tapped twice, taken back."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import func, select

from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.models import EarningRule, Purchase, Treatment
from app.queries.points import balance_of, check_ledger
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import EarningKind, Role
from tests.admin.conftest import person
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def address(served: Served) -> str:
    """A customer with 300 points in a shop with a treatment for ¥398."""
    now = datetime.now(ZONE)
    with served.database.writing() as session:
        person(session, Role.RECEPTION, now)
        customer = create_customer(session, CustomerDetails(name="王小丽"), policy=Policy(), now=now)
        earn_points(session, customer.id or 0, 300, reference="e", reason="礼", now=now, zone=ZONE)
        session.add(EarningRule(name="消费", kind=EarningKind.PURCHASE, points=1, per_fen=100))
        session.add(Treatment(code="T1", name="水光护理", price_fen=39800))
        return f"{served.base_url}/desk/customers/{customer.member_no}"


def standing(served: Served) -> tuple[int, int]:
    """How many slips there are, and her balance."""
    with served.database.reading() as session:
        assert check_ledger(session) == []
        return session.exec(select(func.count()).select_from(Purchase)).one(), balance_of(session, 1)


def kept(seen: Watched, picture: Path) -> None:
    """Keep what the page looks like; nothing runs over its edge, and everybody can read it."""
    seen.page.screenshot(path=picture, full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), picture.stem
    seen.check_accessible()


def opened(page: Page, address: str) -> None:
    """The first tap."""
    page.goto(address)
    page.get_by_role("link", name="记一笔消费").tap()
    page.get_by_label("项目或产品").fill("水光护理")


@pytest.mark.parametrize("has_script", [True, False], ids=["htmx", "plain"])
def test_a_sale_is_recorded_once_and_taken_back(
    browser: Browser, served: Served, address: str, tmp_path: Path, has_script: bool
) -> None:
    context = browser.new_context(
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        java_script_enabled=has_script,
    )
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(10_000)
    context.add_cookies([{"name": "rouge_sid", "value": "sid-of-reception", "url": served.base_url}])
    seen = watched(context)
    page = seen.page
    opened(page, address)
    if has_script:
        page.get_by_label("项目或产品").press("Tab")
        expect(page.get_by_label("单价（元）")).to_have_value("398.00")
        kept(seen, tmp_path / "choose.png")
    page.get_by_label("用积分抵").fill("100")
    page.get_by_role("button", name="下一步").last.tap()
    expect(page.get_by_text("¥397.00").first).to_be_visible()
    if has_script:
        kept(seen, tmp_path / "confirm.png")
    record = page.get_by_role("button", name="记上")
    if has_script:
        record.dblclick()
    else:
        record.tap()
    expect(page.get_by_text("300 → 597")).to_be_visible()
    assert standing(served) == (1, 597)
    if has_script:
        kept(seen, tmp_path / "done.png")

    # Back, and once more: it is in already.
    done = page.url
    page.go_back()
    if page.get_by_role("button", name="记上").count():
        page.get_by_role("button", name="记上").tap()
    expect(page).to_have_url(f"{done}?again=1" if page.url != done else done)
    assert standing(served) == (1, 597)

    page.goto(done)
    page.get_by_role("link", name="记错了，退款").tap()
    page.get_by_label("原因").fill("记错了")
    page.get_by_role("button", name="退款").tap()
    expect(page.get_by_text("已退款").first).to_be_visible()
    assert standing(served) == (2, 300)
    assert seen.complaints == []
    context.close()
