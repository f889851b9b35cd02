"""A customer answers a poster's survey on her phone: with the CDN, without it, and without any script."""

import base64
import hashlib
import re
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from sqlmodel import select

from app.models import Complaint, ComplaintEvent, SurveyResponse
from app.settings import HTMX_INTEGRITY, HTMX_URL
from app.vocabulary import ResponseState
from tests.browser.conftest import VENDORED, PhoneMaker, Served, Watched, play_cdn, wait_for_htmx, watched

pytestmark = pytest.mark.browser
RATINGS = 6
LOCAL_COPY = "/static/vendor/htmx-2.0.11.min.js"


def dead(route: Route) -> None:
    """A CDN that cannot be reached."""
    route.abort()


def other_bytes(route: Route) -> None:
    """A CDN that sends something else than what was pinned."""
    route.fulfill(
        status=200,
        body=VENDORED.read_bytes() + b"\n",
        content_type="text/javascript",
        headers={"access-control-allow-origin": "*"},
    )


def hanging(route: Route) -> None:
    """A CDN that takes the connection and says nothing."""


def visit(context: BrowserContext, served: Served) -> Watched:
    watch = watched(context)
    watch.page.goto(f"{served.base_url}/s/satisfaction", wait_until="commit")
    expect(watch.page.locator("#question")).to_be_visible()
    return watch


def place(page: Page, number: int) -> Locator:
    """The screen with that number has come."""
    expect(page.locator(".progress-text")).to_have_text(f"{number} / 8")
    return page.locator("#question")


def tap(page: Page, value: int) -> None:
    page.locator(f'.choice-input[value="{value}"]').tap()


def answer_until_words(watch: Watched, *, rating: int, nps: int, go: Callable[[Page], None]) -> None:
    """Every question but the last, looked at by axe."""
    for number in range(1, RATINGS + 2):
        place(watch.page, number)
        if number in {1, 2, RATINGS + 1}:
            watch.check_accessible()
        tap(watch.page, rating if number <= RATINGS else nps)
        go(watch.page)
    place(watch.page, 8)
    watch.check_accessible()


def by_itself(page: Page) -> None:
    """A tap goes on without a button."""


def by_button(page: Page) -> None:
    page.get_by_role("button", name="下一题").tap()


def complain(watch: Watched, served: Served, *, go: Callable[[Page], None]) -> Complaint:
    """The whole way of a customer who was not content, to the number of her case."""
    page = watch.page
    answer_until_words(watch, rating=2, nps=3, go=go)
    page.locator("textarea").fill("等了四十分钟。𡃁喆嫒 😤")
    page.get_by_role("button", name="完成").tap()
    expect(page.get_by_role("heading", name="需要我们联系您吗？")).to_be_visible()
    watch.check_accessible()
    page.get_by_label("手机号").fill("12345")
    page.get_by_role("button", name="请联系我").tap()
    expect(page.get_by_role("alert").filter(has_text="请填写完整的手机号")).to_be_visible()
    expect(page.get_by_label("手机号")).to_have_value("12345")
    watch.check_accessible()
    page.get_by_label("怎么称呼您").fill("李女士")
    page.get_by_label("手机号").fill("138 1234 5678")
    page.get_by_role("button", name="请联系我").tap()
    expect(page.get_by_role("heading", name="您的评价已收到")).to_be_visible()
    watch.check_accessible()
    with served.database.reading() as session:
        complaint = session.exec(select(Complaint)).one()
    expect(page.locator(".receipt-no")).to_have_text(complaint.receipt_no)
    expect(page.locator(".receipt-due")).to_contain_text(re.compile(r"我们会在 \d+月\d+日 \d\d:\d\d 周. 前回复您"))
    return complaint


def check_case(served: Served, complaint: Complaint) -> None:
    """One response, one case, due in 48 hours, with what she wrote."""
    assert complaint.due_at - complaint.opened_at == timedelta(hours=48)
    assert "等了四十分钟。𡃁喆嫒 😤" in complaint.text
    assert (complaint.contact_name, complaint.contact_masked) == ("李女士", "138****5678")
    with served.database.reading() as session:
        response = session.exec(select(SurveyResponse)).one()
        assert len(session.exec(select(ComplaintEvent)).all()) == 1
    assert (response.state, response.score, response.nps, response.is_low) == (ResponseState.FINISHED, 25, 3, True)


def asked_for(watch: Watched, address: str) -> int:
    return sum(address in request.url for request in watch.requests)


def test_the_vendored_htmx_is_the_pinned_one() -> None:
    digest = base64.b64encode(hashlib.sha384(VENDORED.read_bytes()).digest()).decode()
    assert f"sha384-{digest}" == HTMX_INTEGRITY
    assert "htmx.org@2.0.11/" in HTMX_URL


def test_with_the_cdn_a_tap_answers_and_the_page_is_never_loaded_again(served: Served, phone: PhoneMaker) -> None:
    watch = visit(phone(), served)
    complaint = complain(watch, served, go=by_itself)
    check_case(served, complaint)
    assert asked_for(watch, HTMX_URL) == 1
    assert asked_for(watch, LOCAL_COPY) == 0
    assert sum(request.is_navigation_request() for request in watch.requests) == 1
    (refused_phone,) = watch.complaints
    assert "status of 422" in refused_phone


@pytest.mark.parametrize(
    ("cdn", "error"), [(dead, "ERR_FAILED"), (other_bytes, "integrity")], ids=["unreachable", "other bytes"]
)
def test_without_the_cdn_the_local_copy_does_the_same(
    served: Served, phone: PhoneMaker, cdn: Callable[[Route], None], error: str
) -> None:
    watch = visit(phone(cdn=cdn), served)
    wait_for_htmx(watch.page)
    complaint = complain(watch, served, go=by_itself)
    check_case(served, complaint)
    assert asked_for(watch, LOCAL_COPY) == 1
    assert sum(request.is_navigation_request() for request in watch.requests) == 1
    assert error in watch.complaints[0]
    assert ["status of 422" in said for said in watch.complaints].count(False) == len(watch.complaints) - 1


def test_a_cdn_that_hangs_is_not_waited_for(served: Served, phone: PhoneMaker) -> None:
    watch = visit(phone(cdn=hanging), served)
    tap(watch.page, 5)  # before any htmx: a plain form
    place(watch.page, 2)
    wait_for_htmx(watch.page)
    navigations = sum(request.is_navigation_request() for request in watch.requests)
    tap(watch.page, 5)
    place(watch.page, 3)
    assert sum(request.is_navigation_request() for request in watch.requests) == navigations
    watch.page.go_back(wait_until="commit")
    place(watch.page, 2)


def test_without_any_script_every_form_works(served: Served, phone: PhoneMaker) -> None:
    context = phone(javascript=False)
    watch = watched(context)
    watch.check_accessible = lambda: None  # type: ignore[method-assign]  # axe is a script itself
    watch.page.goto(f"{served.base_url}/s/satisfaction")
    complaint = complain(watch, served, go=by_button)
    check_case(served, complaint)


def test_without_scripts_going_back_to_the_first_page_keeps_the_answers(served: Served, phone: PhoneMaker) -> None:
    page = watched(phone(javascript=False, cdn=None)).page
    page.goto(f"{served.base_url}/s/satisfaction")
    tap(page, 4)
    by_button(page)
    place(page, 2)
    page.go_back()
    place(page, 1)
    tap(page, 5)
    by_button(page)
    place(page, 2)
    with served.database.reading() as session:
        assert len(session.exec(select(SurveyResponse)).all()) == 1


def test_going_back_and_on_keeps_the_answers(served: Served, phone: PhoneMaker) -> None:
    watch = visit(phone(), served)
    page = watch.page
    for number in (1, 2, 3):
        place(page, number)
        tap(page, 4)
    place(page, 4)
    for number in (3, 2, 1):
        page.go_back()
        place(page, number)
        expect(page.locator('.choice-input[value="4"]')).to_be_checked()
        wait_for_htmx(page)
    page.go_forward()
    place(page, 2)
    page.get_by_role("link", name="上一题").tap()
    place(page, 1)
    expect(page.locator('.choice-input[value="4"]')).to_be_checked()
    by_button(page)
    place(page, 2)
    with served.database.reading() as session:
        assert len(session.exec(select(SurveyResponse)).all()) == 1
    assert watch.complaints == []


def test_a_double_tap_on_the_last_button_makes_one_response(served: Served, phone: PhoneMaker) -> None:
    watch = visit(phone(), served)
    answer_until_words(watch, rating=5, nps=10, go=by_itself)
    watch.page.get_by_role("button", name="完成").dblclick()
    expect(watch.page.get_by_role("heading", name="您的评价已收到")).to_be_visible()
    assert sum(request.method == "POST" for request in watch.requests) == 8
    with served.database.reading() as session:
        assert session.exec(select(SurveyResponse)).one().score == 100
    assert watch.complaints == []


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_a_double_tap_on_a_slow_line_opens_one_case(served: Served, phone: PhoneMaker, javascript: bool) -> None:
    """Without scripts nothing in the browser stops the second tap: the server does."""
    context = phone(javascript=javascript, cdn=dead)
    page = watched(context).page
    page.goto(f"{served.base_url}/s/satisfaction")
    for number in range(1, RATINGS + 2):
        place(page, number)
        tap(page, 1)
        if not javascript:
            by_button(page)
    place(page, 8)
    page.get_by_role("button", name="跳过").tap()
    page.get_by_label("手机号").fill("13812345678")
    context.route("**/s/satisfaction?*", lambda route: (time.sleep(0.3), route.continue_()))
    page.get_by_role("button", name="请联系我").dblclick()
    expect(page.locator(".receipt-no")).to_be_visible()
    with served.database.reading() as session:
        assert len(session.exec(select(Complaint)).all()) == 1
        assert len(session.exec(select(SurveyResponse)).all()) == 1


def test_the_new_question_gets_the_focus_so_that_it_is_read_aloud(served: Served, phone: PhoneMaker) -> None:
    page = visit(phone(), served).page
    wait_for_htmx(page)
    tap(page, 5)
    place(page, 2)
    expect(page.get_by_role("heading", name="您觉得美容师的手法专业吗？")).to_be_focused()


def test_the_keyboard_chooses_without_going_on(served: Served, phone: PhoneMaker) -> None:
    page = visit(phone(has_touch=False, is_mobile=False), served).page
    wait_for_htmx(page)
    page.locator('.choice-input[value="5"]').focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(600)
    place(page, 1)
    expect(page.locator('.choice-input[value="4"]')).to_be_checked()
    page.keyboard.press("Enter")
    place(page, 2)


def test_a_lost_connection_is_told_and_the_answer_can_be_sent_again(served: Served, phone: PhoneMaker) -> None:
    context = phone()
    page = visit(context, served).page
    wait_for_htmx(page)
    context.route("**/s/satisfaction?*", dead)
    tap(page, 4)
    expect(page.get_by_text("网络不太好")).to_be_visible()
    expect(page.locator('.choice-input[value="4"]')).to_be_checked()
    context.unroute("**/s/satisfaction?*")
    by_button(page)
    place(page, 2)
    expect(page.get_by_text("网络不太好")).to_be_hidden()


def test_another_language_keeps_her_place(served: Served, phone: PhoneMaker) -> None:
    page = visit(phone(), served).page
    wait_for_htmx(page)
    tap(page, 4)
    place(page, 2)
    page.get_by_role("link", name="繁體中文").tap()
    place(page, 2)
    assert page.locator("html").get_attribute("lang") == "zh-TW"
    page.get_by_role("link", name=re.compile("上一")).tap()
    expect(page.locator('.choice-input[value="4"]')).to_be_checked()


@pytest.mark.parametrize(("width", "zoom"), [(320, 100), (390, 100), (320, 160), (390, 160), (1280, 100)])
def test_nothing_needs_scrolling_sideways_and_every_target_is_large(
    served: Served, phone: PhoneMaker, width: int, zoom: int
) -> None:
    """160 %: a reader who enlarged the text in WeChat."""
    page = watched(phone(viewport={"width": width, "height": 700})).page
    page.goto(f"{served.base_url}/s/satisfaction")
    run = page.locator('[name="submission_id"]').get_attribute("value")
    for address in (
        f"/s/satisfaction?submission_id={run}&question=product",
        f"/s/satisfaction?submission_id={run}&question=recommend",
        f"/s/satisfaction?submission_id={run}&question=words",
        "/s/nothing",
        "/privacy",
    ):
        page.goto(served.base_url + address)
        page.add_style_tag(content=f"html {{ font-size: {zoom}% }}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            """[...document.querySelectorAll("a, button, .choice-body, textarea, input.input")]
            .map(e => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()])
            .filter(([_, box]) => box.height < 48 || box.width < 44).map(([text]) => text)"""
        )
        assert small == []


@pytest.mark.parametrize("address", ["/privacy", "/s/nothing", "/nothing"])
def test_pages_around_the_survey_are_accessible(served: Served, phone: PhoneMaker, address: str) -> None:
    watch = watched(phone())
    watch.page.goto(served.base_url + address)
    watch.check_accessible()


def test_nothing_is_asked_of_anybody_but_the_shop_and_the_cdn(served: Served, phone: PhoneMaker) -> None:
    watch = visit(phone(cdn=play_cdn), served)
    watch.page.wait_for_load_state("networkidle")
    hosts = {request.url.split("/")[2] for request in watch.requests}
    assert hosts == {served.base_url.removeprefix("http://"), "cdn.jsdelivr.net"}
