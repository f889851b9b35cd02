"""Somebody scans the code on the wall and becomes a member, with and without scripts, on the smallest phone."""

import re
import time

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.models import Consent, Customer, SignUp
from app.vocabulary import Channel, Purpose
from tests.browser.conftest import PhoneMaker, Served, watched

pytestmark = pytest.mark.browser


def tick(page: Page, group: str, box: str) -> None:
    """Tap a box of a group, as a person finds it."""
    page.get_by_role("group", name=group).get_by_label(box, exact=True).tap()


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("width", [320, 390])
def test_a_name_a_number_and_one_tap(served: Served, phone: PhoneMaker, width: int, javascript: bool) -> None:
    watch = watched(phone(javascript=javascript, viewport={"width": width, "height": 700}))
    page = watch.page
    page.goto(f"{served.base_url}/join?store=MAIN")
    assert page.locator("input[type=checkbox]:checked").count() == 0
    page.get_by_label("姓名", exact=True).fill("王小丽")
    page.get_by_label("手机号").fill("138")
    tick(page, "优惠与活动", "微信")
    page.get_by_role("button", name="加入会员").tap()
    expect(page.get_by_role("alert")).to_contain_text("手机号")
    expect(page.get_by_label("姓名", exact=True)).to_have_value("王小丽")
    expect(page.locator('[value="marketing.wechat"]')).to_be_checked()
    page.get_by_label("手机号").fill("138 0013 8000")
    page.get_by_text("还想告诉我们的（可不填）").tap()
    page.get_by_label("生日").fill("农历八月十五")
    page.get_by_label("从哪里知道我们").select_option(label="朋友介绍")
    page.get_by_role("button", name="加入会员").tap()
    expect(page.get_by_role("heading", name="登记好了，谢谢您")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="登记好了，谢谢您")).to_be_visible()
    with served.database.reading() as session:
        customer = session.exec(select(Customer)).one()
        agreed = {(one.purpose, one.channel) for one in session.exec(select(Consent))}
    assert (customer.name, customer.phone_last4, customer.birthday, customer.source) == (
        "王小丽",
        "8000",
        "08-15",
        "referral",
    )
    assert agreed == {(Purpose.MEMBERSHIP, None), (Purpose.MARKETING, Channel.WECHAT)}
    assert [said for said in watch.complaints if "422" not in said] == []


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_double_tap_on_a_slow_line_signs_up_once(served: Served, phone: PhoneMaker, javascript: bool) -> None:
    context = phone(javascript=javascript)
    page = watched(context).page
    page.goto(f"{served.base_url}/join")
    page.get_by_label("姓名", exact=True).fill("王小丽")
    page.get_by_label("手机号").fill("13800138000")
    context.route("**/join?*", lambda route: (time.sleep(0.3), route.continue_()))
    page.get_by_role("button", name="加入会员").dblclick()
    expect(page.get_by_role("heading", name="登记好了，谢谢您")).to_be_visible()
    with served.database.reading() as session:
        assert len(session.exec(select(SignUp)).all()) == 1


def test_going_back_and_sending_again_is_a_second_tap(served: Served, phone: PhoneMaker) -> None:
    page = watched(phone(cdn=None)).page
    page.goto(f"{served.base_url}/join")
    page.get_by_label("姓名", exact=True).fill("王小丽")
    page.get_by_label("手机号").fill("13800138000")
    page.get_by_role("button", name="加入会员").tap()
    expect(page.get_by_role("heading", name="登记好了，谢谢您")).to_be_visible()
    page.go_back()
    page.get_by_label("姓名", exact=True).fill("王小丽")
    page.get_by_label("手机号").fill("13800138000")
    page.get_by_role("button", name="加入会员").tap()
    expect(page.get_by_role("heading", name="登记好了，谢谢您")).to_be_visible()
    with served.database.reading() as session:
        assert len(session.exec(select(SignUp)).all()) == 1


@pytest.mark.parametrize(("width", "zoom"), [(320, 100), (390, 100), (320, 160), (1280, 100)])
def test_nothing_needs_scrolling_sideways_every_target_is_large_and_everything_has_a_name(
    served: Served, phone: PhoneMaker, width: int, zoom: int
) -> None:
    watch = watched(phone(viewport={"width": width, "height": 700}))
    page = watch.page
    page.goto(f"{served.base_url}/join")
    page.get_by_label("姓名", exact=True).fill("小丽")
    page.get_by_label("手机号").fill("1")
    page.get_by_text("还想告诉我们的（可不填）").tap()
    page.get_by_label("生日").fill("2018-01-01")
    page.get_by_role("button", name="加入会员").tap()
    expect(page.get_by_label("监护人姓名")).to_be_visible()
    for address in ("", "/join/thanks"):
        if address:
            page.goto(served.base_url + address)
        page.add_style_tag(content=f"html {{ font-size: {zoom}% }}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            """[...document.querySelectorAll("a, button, summary, select, .choice-body, input.input")]
            .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
            .filter(([_, box]) => box.height < 48 || box.width < 44).map(([text]) => text)"""
        )
        assert small == []
        watch.check_accessible()
    assert not re.search(r"\{|\}|%\(", page.locator("main").inner_text())
