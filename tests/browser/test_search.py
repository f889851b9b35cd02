"""The counter finds a customer: typing, Enter, a scanner, a phone; and without any script."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from app.actions.customers import create_customer
from app.actions.tokens import standing_tokens
from app.models import Staff, StaffSession
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import Role
from tests.browser.conftest import Served, Watched, play_cdn, watched

pytestmark = pytest.mark.browser
DESK = {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN", "timezone_id": "Asia/Shanghai"}
PHONE = DESK | {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@dataclass(frozen=True)
class Known:
    """The shop's customers: member numbers by name, and the address in one's card."""

    numbers: dict[str, str]
    card: str


@pytest.fixture
def known(served: Served) -> Known:
    """Three customers and somebody at the counter."""
    now = datetime.now(UTC)
    people = (("张晓丽", "13800138000"), ("张梅", "13900138000"), ("王晓丽", "13700001234"))
    with served.database.writing() as session:
        policy = current_policy(session)
        made = [
            create_customer(
                session,
                CustomerDetails(name=name, phone=phone, allergy_note="果酸" if name == "张晓丽" else None),
                policy=policy,
                now=now,
            )
            for name, phone in people
        ]
        token = standing_tokens(session, [made[0].id], now=now)[made[0].id].token
        session.add(reception := Staff(name="小周", login="zhou", password_hash="!", role=Role.RECEPTION))
        session.flush()
        session.add(
            StaffSession(
                sid_sha256=sha256(b"at-the-counter").digest(), staff_id=reception.id, created_at=now, last_seen_at=now,
                expires_at=now + timedelta(hours=1),
            )
        )  # fmt: skip
        return Known({one.name: one.member_no for one in made}, f"{served.base_url}/card/{token}")


Counter = Callable[..., Watched]


@pytest.fixture
def counter(browser: Browser, served: Served, known: Known) -> Iterator[Counter]:
    """Opens the shop's till or phone, signed in."""
    made: list[Any] = []

    def open_it(look: dict[str, Any] = DESK, **wishes: Any) -> Watched:
        context = browser.new_context(**look | wishes)
        context.route("https://cdn.jsdelivr.net/**", play_cdn)
        context.set_default_timeout(15_000)
        context.add_cookies([{"name": "rouge_sid", "value": "at-the-counter", "url": served.base_url}])
        watch = watched(context)
        made.append((context, watch))
        return watch

    yield open_it
    for context, watch in made:
        assert watch.complaints == []
        context.close()


def test_typing_says_who_it_may_be_and_the_keyboard_takes_her(counter: Counter, served: Served, known: Known) -> None:
    watch = counter()
    page = watch.page
    page.goto(f"{served.base_url}/admin/customer/list")
    page.keyboard.press("/")  # from anywhere
    box = page.get_by_role("combobox", name="找顾客")
    expect(box).to_be_focused()
    page.keyboard.type("晓丽", delay=20)
    hits = page.get_by_role("listbox").get_by_role("option")
    expect(hits).to_have_count(2)
    expect(hits.first).to_contain_text("张晓丽")
    expect(hits.first).to_contain_text("138****8000")
    watch.check_accessible()
    page.keyboard.press("Escape")
    expect(hits.first).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(hits.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/customers/{known.numbers['王晓丽']}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("王晓丽")


def test_enter_goes_straight_to_the_only_one_and_lists_several(counter: Counter, served: Served, known: Known) -> None:
    page = counter().page
    page.goto(f"{served.base_url}/desk")
    expect(page.get_by_role("combobox")).to_be_focused()  # a scanner types into it at once
    page.keyboard.type("zhangm\n")
    page.wait_for_url(f"**/desk/customers/{known.numbers['张梅']}")
    page.goto(f"{served.base_url}/desk")
    page.keyboard.type("8000\n")
    page.wait_for_url("**/desk?q=8000")
    expect(page.locator(".desk-hits a")).to_have_count(2)


def test_a_scanner_opens_her_page_with_her_allergy_on_top(counter: Counter, served: Served, known: Known) -> None:
    watch = counter()
    page = watch.page
    page.goto(f"{served.base_url}/desk")
    page.keyboard.insert_text(known.card)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/desk/customers/{known.numbers['张晓丽']}")
    expect(page.get_by_role("alert").first).to_contain_text("有过敏提示")
    watch.check_accessible()


def test_on_a_phone_a_magnifier_opens_the_box(counter: Counter, served: Served, known: Known) -> None:
    watch = counter(PHONE)
    page = watch.page
    page.goto(f"{served.base_url}/admin/customer/list")
    expect(page.get_by_role("combobox", name="找顾客")).to_be_hidden()
    page.get_by_role("button", name="找顾客").tap()
    expect(page.get_by_role("combobox", name="找顾客")).to_be_focused()
    page.keyboard.type("zxl", delay=20)
    page.get_by_role("option").first.tap()
    page.wait_for_url(f"**/desk/customers/{known.numbers['张晓丽']}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), "wider than the phone"
    watch.check_accessible()


def test_without_any_script_the_box_is_a_form_and_a_tap_is_one(counter: Counter, served: Served, known: Known) -> None:
    page = counter(PHONE, java_script_enabled=False).page
    page.goto(f"{served.base_url}/admin/customer/list")
    page.get_by_role("combobox", name="找顾客").fill(known.numbers["张梅"])
    page.get_by_role("combobox", name="找顾客").press("Enter")
    page.wait_for_url(f"**/desk/customers/{known.numbers['张梅']}")
    page.get_by_role("button", name="核实无误").click()
    expect(page.get_by_text("已记下：今天核对过")).to_be_visible()
    page.get_by_role("button", name="撤销核对").click()
    expect(page.get_by_text("已撤销今天的核对")).to_be_visible()
