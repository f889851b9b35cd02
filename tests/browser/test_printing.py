"""The owner prints cards and a poster; a customer scans hers with WeChat."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.actions.customers import create_customer
from app.actions.staff import create_first_owner
from app.gateways.passwords import hash_password
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from tests.browser.conftest import PhoneMaker, Served, Watched, play_cdn, watched
from tests.paper import Paper, codes_in

pytestmark = pytest.mark.browser
PASSWORD = "three odd words 7"


@pytest.fixture
def shop(served: Served) -> Served:
    """A shop with an owner and three customers."""
    password_hash, now = hash_password(PASSWORD), datetime.now(UTC)
    with served.database.writing() as session:
        create_first_owner(session, name="王店主", login="boss", password_hash=password_hash, now=now)
        for name in ("王小梅", "欧阳娜娜", "李喆"):
            create_customer(session, CustomerDetails(name=name), policy=Policy(), now=now)
    return served


@pytest.fixture
def owner(browser: Browser, shop: Served) -> Iterator[Watched]:
    """The owner's browser, signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai")
    context.route("https://cdn.jsdelivr.net/**", play_cdn)
    context.set_default_timeout(20_000)
    watch = watched(context)
    watch.page.goto(f"{shop.base_url}/admin/")
    watch.page.get_by_label("登录名").fill("boss")
    watch.page.get_by_label("密码").fill(PASSWORD)
    watch.page.get_by_role("button", name="登录").click()
    expect(watch.page.get_by_role("heading", name="今天怎么样")).to_be_visible()
    yield watch
    assert [said for said in watch.complaints if "422" not in said] == []  # a refused form answers 422
    context.close()


def pdf_from(page: Page, folder: Path) -> Paper:
    """Press the print button and take what is downloaded."""
    with page.expect_download() as download:
        page.get_by_role("button", name="生成 PDF").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return Paper(path.read_bytes())


def test_the_owner_picks_customers_and_one_of_them_scans_her_card(
    owner: Watched, shop: Served, phone: PhoneMaker, tmp_path: Path
) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/customer/list")
    for name in ("王小梅", "李喆"):
        page.get_by_role("row").filter(has_text=name).get_by_role("checkbox").check()
    page.get_by_role("button", name="打印会员卡").click()
    expect(page.get_by_role("heading", name="打印会员卡")).to_be_visible()
    owner.check_accessible()
    page.get_by_role("button", name="先看看有几张").click()
    expect(page.get_by_role("status")).to_contain_text("这次会印 2 张")
    paper = pdf_from(page, tmp_path)
    assert len(paper.sizes_mm) == 4

    place = next(at for at in (1, 3) if "王小梅" in paper.text(at))
    (address,) = codes_in(paper.picture(place + 1))
    hers = watched(phone())
    hers.page.goto(address.replace("http://testserver", shop.base_url))
    expect(hers.page.get_by_role("heading", name="王*梅")).to_be_visible()
    expect(hers.page.get_by_role("img", name="会员卡二维码")).to_be_visible()
    assert hers.page.get_by_role("img", name="会员卡二维码").bounding_box()["width"] >= 240
    assert hers.page.get_by_role("link", name="PDF").count() == 0
    assert hers.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    hers.page.screenshot(path=tmp_path / "card.png", full_page=True)
    hers.check_accessible()
    assert hers.complaints == []


def test_a_wrong_number_is_said_beside_its_field_and_what_was_typed_stays(owner: Watched, shop: Served) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/cards")
    page.get_by_label("会员号", exact=True).fill("9999 9999")
    page.get_by_role("button", name="生成 PDF").click()
    expect(page.get_by_role("alert").filter(has_text="99999999")).to_be_visible()
    expect(page.get_by_label("会员号", exact=True)).to_have_value("9999 9999")
    owner.check_accessible()


def test_the_owner_prints_everybody_on_a4_and_a_poster(owner: Watched, shop: Served, tmp_path: Path) -> None:
    page = owner.page
    page.goto(f"{shop.base_url}/admin/cards")
    page.get_by_label("全部顾客", exact=True).check()
    page.get_by_label("A4 纸").check()
    assert pdf_from(page, tmp_path).sizes_mm == [(210.0, 297.0)] * 2

    page.goto(f"{shop.base_url}/admin/survey/list")
    page.get_by_role("link", name="到店满意度").first.click()
    page.get_by_role("main").get_by_role("link", name="打印海报").click()
    owner.check_accessible()
    poster = pdf_from(page, tmp_path)
    assert codes_in(poster.picture(1, 150)) == ["http://testserver/s/satisfaction"]


def test_the_owner_prints_from_a_phone(owner: Watched, shop: Served, tmp_path: Path) -> None:
    owner.page.set_viewport_size({"width": 390, "height": 844})
    owner.page.goto(f"{shop.base_url}/admin/cards")
    assert owner.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    owner.page.get_by_label("全部顾客", exact=True).check()
    assert len(pdf_from(owner.page, tmp_path).sizes_mm) == 6
