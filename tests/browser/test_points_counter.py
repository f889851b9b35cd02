"""Points at the counter with a thumb: a large change that a second person approves, a redemption and its undo."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.models import Reward
from app.queries.points import balance_of, check_ledger
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import RewardKind, Role
from tests.admin.conftest import person
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def address(served: Served) -> str:
    """A customer with 300 points in a shop with a reward, a clerk and an owner."""
    now = datetime.now(ZONE)
    with served.database.writing() as session:
        for role in (Role.OWNER, Role.RECEPTION):
            person(session, role, now)
        customer = create_customer(session, CustomerDetails(name="王小丽"), policy=Policy(), now=now)
        earn_points(session, customer.id or 0, 300, reference="e", reason="礼", now=now, zone=ZONE)
        session.add(Reward(name="玫瑰小样", kind=RewardKind.PRODUCT, points=120, stock=1))
        return f"{served.base_url}/desk/customers/{customer.member_no}"


@pytest.fixture
def phone_of(browser: Browser, served: Served) -> Iterator[Callable[[Role], Watched]]:
    """A phone somebody of that role is signed in on."""
    made: list[tuple[BrowserContext, Watched]] = []

    def open_one(role: Role) -> Watched:
        context = browser.new_context(
            locale="zh-CN", timezone_id="Asia/Shanghai", viewport={"width": 390, "height": 844}, has_touch=True
        )
        context.route("https://cdn.jsdelivr.net/**", play_cdn)
        context.set_default_timeout(10_000)
        context.add_cookies([{"name": "rouge_sid", "value": f"sid-of-{role.value}", "url": served.base_url}])
        made.append((context, watched(context)))
        return made[-1][1]

    yield open_one
    for context, seen in made:
        assert [said for said in seen.complaints if "422" not in said] == []
        context.close()


def balance(served: Served) -> int:
    """What she has."""
    with served.database.reading() as session:
        assert check_ledger(session) == []
        return balance_of(session, 1)


def kept(seen: Watched, picture: Path) -> None:
    """Keep what the page looks like; nothing runs over its edge, and everybody can read it."""
    seen.page.screenshot(path=picture, full_page=True)
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), picture.stem
    seen.check_accessible()


def test_a_large_change_is_approved_and_a_redemption_taken_back(
    phone_of: Callable[[Role], Watched], served: Served, address: str, tmp_path: Path
) -> None:
    clerk = phone_of(Role.RECEPTION)
    page = clerk.page
    page.goto(f"{address}/points/adjust")
    page.get_by_label("多少分").fill("700")
    page.get_by_label("说明").fill("上次漏记了一单")
    kept(clerk, tmp_path / "adjust.png")
    page.get_by_role("button", name="记上").click()
    expect(page.get_by_text("700 分要第二个人同意")).to_be_visible()
    assert balance(served) == 300

    boss = phone_of(Role.OWNER)
    boss.page.goto(f"{served.base_url}/desk/points-requests")
    kept(boss, tmp_path / "waiting.png")
    boss.page.get_by_role("button", name="同意", exact=True).click()
    expect(boss.page.get_by_text("现在有 1,000 分")).to_be_visible()
    assert balance(served) == 1000

    boss.page.goto(f"{address}/redeem?points=100")

    # Three taps from her page.
    page.goto(address)
    page.get_by_role("link", name="兑换积分", exact=True).tap()
    kept(clerk, tmp_path / "choose.png")
    page.get_by_role("link", name="玫瑰小样").tap()
    kept(clerk, tmp_path / "confirm.png")
    page.get_by_role("button", name="确认兑换").dblclick()
    expect(page.get_by_text("已兑换玫瑰小样：1,000 分 → 880 分")).to_be_visible()
    assert balance(served) == 880

    # Back shows what she has now; a page somebody else left open asks again before it takes anything.
    page.go_back()
    expect(page.get_by_text("880 分").first).to_be_visible()
    page.goto(f"{address}/points")
    boss.page.get_by_label("换了什么").fill("一支口红")
    boss.page.get_by_role("button", name="确认兑换").click()
    expect(boss.page.get_by_text("您看到的是 1,000 分，现在是 880 分")).to_be_visible()
    expect(boss.page.get_by_label("换了什么")).to_have_value("一支口红")
    kept(boss, tmp_path / "asked-again.png")
    assert balance(served) == 880

    page.get_by_text("撤销兑换", exact=True).click()
    page.get_by_label("为什么撤销").fill("点错了")
    page.get_by_role("button", name="撤销，积分还给她").click()
    expect(page.get_by_text("120 分还给她了")).to_be_visible()
    kept(clerk, tmp_path / "points.png")
    assert balance(served) == 1000
