"""A customer looks at her own page with her thumb, without scripts, on the smallest phone and with large letters."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from app.actions.consents import ConsentDetails, grant_consent
from app.actions.customers import create_customer
from app.actions.own_pages import hand_out_own_page
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import Channel, Purpose
from tests.actions.points_shop import Book
from tests.browser.conftest import PhoneMaker, Served, watched
from tests.conftest import shops_today

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("width", "zoom", "javascript"), [(390, 100, False), (320, 160, True)], ids=["no scripts", "small, large letters"]
)
def test_from_the_door_to_a_consent_taken_back(
    served: Served, phone: PhoneMaker, width: int, zoom: int, javascript: bool
) -> None:
    now = datetime.now(served.settings.zone)
    with served.database.writing() as session:
        details = CustomerDetails(name="王小丽", phone="13800138000", birthday="1990-03-08")
        number = create_customer(session, details, policy=Policy(), now=now).id or 0
        Book(session, number, now=now).earn(1250, shops_today() + timedelta(days=7))
        wish = ConsentDetails(number, Purpose.MARKETING, Channel.WECHAT)
        grant_consent(session, wish, policy=Policy(), now=now)
        address = f"{served.base_url}/me/{hand_out_own_page(session, number, now=now)}"
    watch = watched(phone(javascript=javascript, viewport={"width": width, "height": 844}))
    page = watch.page

    def check() -> None:
        """axe is a script itself."""
        if not javascript:
            return
        page.add_style_tag(content=f"html {{ font-size: {zoom}% }}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            """[...document.querySelectorAll("a, button, summary, input.input")]
            .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
            .filter(([_, box]) => box.height && (box.height < 48 || box.width < 44)).map(([text]) => text)"""
        )
        assert small == []
        watch.check_accessible()

    page.goto(address)
    expect(page.get_by_text("王小丽")).to_have_count(0)
    page.get_by_label("手机号后四位").fill("0000")
    page.get_by_role("button", name="打开").tap()
    expect(page.get_by_role("alert")).to_contain_text("对不上")
    check()
    page.get_by_label("手机号后四位").fill("8000")
    page.get_by_role("button", name="打开").tap()
    expect(page.get_by_role("heading", name="王小丽")).to_be_visible()
    check()
    page.get_by_text("收回", exact=True).tap()
    page.get_by_role("button", name="确定收回").tap()
    expect(page.get_by_role("status")).to_contain_text("已收回")
    page.get_by_role("link", name="积分和等级的规则").tap()
    expect(page.get_by_role("heading", name="积分和等级的规则")).to_be_visible()
    check()
    page.go_back()
    page.get_by_role("button", name="关上这一页").tap()
    expect(page.get_by_role("heading", name="先确认是您本人")).to_be_visible()
    assert [said for said in watch.complaints if "422" not in said] == []
