"""Words that are code, in every text the shop keeps: opened in a real browser they stay words."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Enum, String, text
from sqlmodel import Session, SQLModel, update
from sqlmodel.sql.sqltypes import AutoString

from app.actions.policy import change_policy
from app.actions.tokens import standing_tokens
from app.admin import VIEWS
from app.columns import Encrypted
from app.db import Database
from app.routes.guard import security_headers
from app.rules.policy import POLICY_FIELDS
from app.settings import Settings
from tests.admin.conftest import furnished, people, real_now, shop, staffed  # noqa: F401  fixtures
from tests.browser.conftest import Served, play_cdn

pytestmark = pytest.mark.browser

PAYLOAD = '"><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>'
SHORT = '"><svg/onload=alert(4)>'
SHAPED = {
    "birthday", "birthday_calendar", "colour", "locale", "slug", "login", "password_hash", "token", "submission_id", "key",
    "question_key", "table_name", "file_sha256", "changes", "rejections", "told", "plan", "before", "after", "mapping", "check_report", "rule",
    "phone", "contact_phone", "recipient", "member_no",
    "receipt_no", "working", "said", "expiry_day", "options", "value", "last_error", "name_index", "subject", "policy_key", "answer", "scope",
}  # fmt: skip
"""Columns whose words have a shape that is checked on the way in, or that a page reads as something other than words."""
REPORTS = """
document.addEventListener("securitypolicyviolation", (event) => window.report(event.violatedDirective + " " + event.blockedURI));
"""


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """The shop `served` serves."""
    return sqlite_settings


def poison(session: Session, numbers: dict[str, int]) -> int:
    """Put the payload into every free text of the shop's records. Returns how many fields hold it."""
    # Some tables refuse to be changed; whoever got around that must not get any further.
    for trigger in session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        session.execute(text(f"DROP TRIGGER {trigger}"))
    count = 0
    tables = {
        view.model.__table__: numbers[view.identity] for view in VIEWS if view.is_model and view.identity in numbers
    }
    for table in SQLModel.metadata.sorted_tables:
        if table.name in {"staff_sessions", "policy_settings"}:
            continue
        for column in table.columns:
            kind = column.type
            if column.name in SHAPED or isinstance(kind, Enum) or not isinstance(kind, String | AutoString | Encrypted):
                continue
            room = getattr(kind, "length", None) or 10_000
            words = PAYLOAD if room >= len(PAYLOAD) else SHORT[:room]
            change = update(table).values({column: words})
            if table in tables and (
                column.unique or table.name in {"tags", "tiers", "tier_benefits", "stores", "staff"}
            ):
                change = change.where(table.c.id == tables[table])
            session.execute(change)
            count += 1
    return count


@pytest.fixture
def poisoned(served: Served, database: Database, shop: dict[str, int], real_now: datetime) -> list[str]:  # noqa: F811
    """A shop full of it. Returns the pages to open."""
    with database.writing() as session:
        token = standing_tokens(session, [shop["customer"]], now=real_now)[shop["customer"]].token
        for key in POLICY_FIELDS:
            change_policy(session, {key: PAYLOAD}, now=real_now, staff_id=None)
        assert poison(session, shop) > 50
    return list(_pages(shop, token))


def _pages(shop: dict[str, int], token: str) -> Iterator[str]:  # noqa: F811
    yield from ("/admin/", "/admin/settings", "/admin/cards", "/admin/posters", "/admin/journal", "/admin/demo")
    for view in VIEWS:
        if view.is_model:
            yield f"/admin/{view.identity}/list?error=%3Csvg/onload=alert(5)%3E"
            yield f"/admin/{view.identity}/details/{shop[view.identity]}"
            if view.can_edit:
                yield f"/admin/{view.identity}/edit/{shop[view.identity]}"
    yield "/admin/customer/list?search=%22%3E%3Csvg/onload=alert(6)%3E"
    yield f"/card/{token}"
    yield "/privacy?%22%3E%3Csvg/onload=alert(7)%3E"
    yield "/s/satisfaction?submission_id=%22%3E%3Csvg/onload=alert(8)%3E&question=words"


@pytest.fixture
def alarms(browser: Browser, served: Served) -> Iterator[tuple[Page, list[str]]]:
    """The owner's browser, and everything that ran or was stopped in it."""
    context = browser.new_context(locale="zh-CN")
    context.add_cookies([{"name": "rouge_sid", "value": "sid-of-owner", "url": served.base_url}])
    heard: list[str] = []
    page = context.new_page()
    page.expose_binding("report", lambda source, what: heard.append(f"stopped: {what} on {source['page'].url}"))
    page.add_init_script(REPORTS)
    page.on("dialog", lambda dialog: (heard.append(f"ran: {dialog.message} on {page.url}"), dialog.dismiss()))
    page.on("pageerror", lambda error: heard.append(f"broke: {error} on {page.url}"))
    yield page, heard
    context.close()


def test_code_in_every_text_stays_text(served: Served, poisoned: list[str], alarms: tuple[Page, list[str]]) -> None:
    page, heard = alarms
    shown = 0
    for path in poisoned:
        if path.startswith("/s/"):  # not before: it switches the browser's cache off
            page.route("https://cdn.jsdelivr.net/**", play_cdn)
        answer = page.goto(served.base_url + path, wait_until="load")
        assert answer is not None
        assert answer.status < 500, path
        html = answer.text()
        assert "<img src=x" not in html, path
        assert "<svg/onload" not in html, path
        shown += "onload=alert(" in html or "onerror=alert(" in html
    assert heard == []
    assert shown > 40, "the words were there to be seen"


def test_what_a_stranger_typed_comes_back_as_words(served: Served, alarms: tuple[Page, list[str]]) -> None:
    page, heard = alarms
    page.context.clear_cookies()
    page.goto(f"{served.base_url}/admin/login")
    page.fill("[name=username]", PAYLOAD)
    page.fill("[name=password]", PAYLOAD)
    page.click("[type=submit]")
    assert page.input_value("[name=username]") == PAYLOAD
    assert heard == []


@pytest.mark.parametrize("is_guarded", [True, False])
def test_unescaped_it_would_be_stopped_by_the_policy_and_without_it_run(
    served: Served, alarms: tuple[Page, list[str]], settings: Settings, is_guarded: bool
) -> None:
    """The negative control: both listeners hear what they are there for."""
    page, heard = alarms
    headers = security_headers(settings) if is_guarded else {}
    page.route(
        "**/control", lambda route: route.fulfill(body=f"<p>{PAYLOAD}", content_type="text/html", headers=headers)
    )
    page.goto(f"{served.base_url}/control", wait_until="load")
    page.wait_for_timeout(300)
    assert heard
    assert {one.split(":")[0] for one in heard} == ({"stopped"} if is_guarded else {"ran"})
