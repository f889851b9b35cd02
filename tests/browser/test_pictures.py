"""The README's pictures are taken from the running demo shop. `ROUGE_TAKE_PICTURES=1` renews the kept ones."""

import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlmodel import col, func, select

from app.models import Customer, Visit
from seed.demo import DEMO_PASSWORD, build_demo
from tests.browser.conftest import PhoneMaker, Served
from tests.conftest import shops_today

pytestmark = pytest.mark.browser
KEPT = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder new pictures go to."""
    return KEPT if os.environ.get("ROUGE_TAKE_PICTURES") else tmp_path


def check(pictures: Path, name: str) -> None:
    """The new picture shows something, at the size of the kept one."""
    with Image.open(pictures / name) as new, Image.open(KEPT / name) as kept:
        assert new.size == kept.size
        assert len(new.convert("RGB").getcolors(maxcolors=1 << 24)) > 50


def test_the_owners_pages_are_as_the_readme_shows_them(served: Served, browser: Browser, pictures: Path) -> None:
    many = 200 if pictures == KEPT else 30
    build_demo(served.database, today=shops_today(), zone=served.settings.zone, customers=many)
    page = browser.new_page(viewport={"width": 1280, "height": 860}, locale="zh-CN")
    page.goto(f"{served.base_url}/admin/")
    page.get_by_label("登录名").fill("owner")
    page.get_by_label("密码").fill(DEMO_PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="今天怎么样")).to_be_visible()
    page.screenshot(path=pictures / "dashboard.png")
    check(pictures, "dashboard.png")
    with served.database.reading() as session:
        visits = (
            select(Visit.customer_id)
            .group_by(col(Visit.customer_id))
            .order_by(func.count().desc(), col(Visit.customer_id))
        )
        regular = session.get(Customer, session.exec(visits).first())
    page.goto(f"{served.base_url}/desk/customers/{regular.member_no}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.screenshot(path=pictures / "customer.png")
    check(pictures, "customer.png")


def test_the_survey_is_as_the_readme_shows_it(served: Served, phone: PhoneMaker, pictures: Path) -> None:
    page = phone(device_scale_factor=1).new_page()
    page.goto(f"{served.base_url}/s/satisfaction")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.screenshot(path=pictures / "survey.png")
    check(pictures, "survey.png")
