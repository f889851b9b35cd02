"""Consents where staff meet them: the matrix of a customer, a receipt, what nobody was asked, the register of purposes."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.actions.consents import grant_many
from app.actions.customers import create_customer
from app.db import Database
from app.models import Consent, Customer, PolicySetting, PurposeRule
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.settings import Settings
from app.vocabulary import Channel, Purpose, Role
from tests.admin.reading import form_on, seen_on


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: the actions behind these pages are tested on both."""
    return sqlite_settings


def standing(database: Database, number: int) -> set[tuple[Purpose, Channel | None]]:
    """What a customer agreed to, as it holds now."""
    with database.reading() as session:
        rows = session.exec(select(Consent).where(Consent.customer_id == number, col(Consent.withdrawn_at).is_(None)))
        return {(row.purpose, row.channel) for row in rows}


def say(browser: TestClient, number: int, what: str, how: str = "电话") -> int:
    """Tap one button of the matrix."""
    path = f"/admin/consent/of/{number}"
    fields = form_on(browser.get(path).text, "/consent/of/") | {"say": [what], "how": [how]}
    return browser.post(path, data=fields).status_code


def test_one_tap_says_yes_and_one_tap_says_no(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int], people: dict[Role, int]
) -> None:
    desk, number = as_role(Role.RECEPTION), shop["customer"]
    page = seen_on(desk.get(f"/admin/consent/of/{number}").text)
    assert "没有问过她，默认不用" in page
    assert "会员服务必需" in page
    assert say(desk, number, "yes:marketing.wechat") == 303
    assert say(desk, number, "yes:photos") == 303
    assert say(desk, number, "no:marketing.sms", "短信") == 303
    assert standing(database, number) == {(Purpose.MARKETING, Channel.WECHAT), (Purpose.PHOTOS, None)}
    with database.reading() as session:
        ended = session.get(Consent, shop["consent"])
        given = session.exec(select(Consent).where(Consent.purpose == Purpose.PHOTOS)).one()
    assert (ended.withdrawn_how, ended.withdrawn_staff_id) == ("短信", people[Role.RECEPTION])
    assert (given.given_by, given.staff_id) == ("电话", people[Role.RECEPTION])


@pytest.mark.parametrize("what", ["", "yes:", "yes:tea", "maybe:photos", "yes:photos.sms", "yes:marketing.fax"])
def test_what_no_button_sends_is_refused(
    owner: TestClient, database: Database, shop: dict[str, int], what: str
) -> None:
    assert say(owner, shop["customer"], what) == 422
    assert standing(database, shop["customer"]) == {(Purpose.MARKETING, Channel.SMS)}


def test_the_same_button_from_an_old_page_says_that_it_is_done_already(owner: TestClient, shop: dict[str, int]) -> None:
    path = f"/admin/consent/of/{shop['customer']}"
    first, second = (form_on(owner.get(path).text, "/consent/of/") | {"say": ["no:marketing.sms"]} for _ in range(2))
    assert owner.post(path, data=first).status_code == 303
    late = owner.post(path, data=second)
    assert late.status_code == 409
    assert "本来就不能用" in late.text


def test_a_child_needs_her_guardian_first(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    number = shop["customer"]
    with database.writing() as session:
        session.get(Customer, number).birthday = f"{datetime.now().year - 8}-05-01"
    page = owner.get(f"/admin/consent/of/{number}")
    assert "没满 14 岁" in page.text
    assert 'value="yes:guardian"' in page.text
    assert say(owner, number, "yes:marketing.wechat") == 409
    assert say(owner, number, "yes:guardian") == 303
    assert say(owner, number, "yes:marketing.wechat") == 303


def test_only_whoever_may_sees_and_changes_it(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int]
) -> None:
    path = f"/admin/consent/of/{shop['customer']}"
    auditor = as_role(Role.AUDITOR)
    page = auditor.get(path)
    assert page.status_code == 200
    assert 'name="say"' not in page.text
    assert auditor.post(path, data={"say": "yes:photos"}).status_code == 403
    for role in (Role.BEAUTICIAN, Role.MARKETER):
        assert as_role(role).get(path).status_code == 403
    assert as_role(Role.OWNER).get("/admin/consent/of/999999").status_code == 404
    assert as_role(Role.OWNER).get("/admin/consent/of/x").status_code == 404


def test_a_receipt_is_one_sheet(owner: TestClient, shop: dict[str, int]) -> None:
    page = seen_on(owner.get(f"/admin/consent/receipt/{shop['consent']}").text)
    for words in ("同意凭据", "王小丽", "优惠与活动 · 短信", "2026-11", "把优惠和活动告诉您", "有效"):
        assert words in page


# ── Health notes nobody was asked about ───────────────────────────────────────────────────────────────────────────────


def test_a_skin_record_without_consent_is_kept_and_the_question_is_one_tap_away(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int]
) -> None:
    browser, number = as_role(Role.BEAUTICIAN), shop["customer"]
    new = form_on(browser.get("/admin/skin-record/create").text, "/skin-record/create")
    typed = {"customer": [str(number)], "seen_on": ["2026-11-24"], "skin_type": ["dry"], "save": ["保存"]}
    saved = browser.post("/admin/skin-record/create", data=new | typed)
    assert saved.status_code == 303
    record = saved.headers["location"]
    assert re.fullmatch(r"/admin/skin-record/details/\d+", record)
    page = browser.get(record)
    assert "还没有她的同意" in page.text
    deed = next(path for path in re.findall(r'action="([^"]+/do/agreed/\d+)"', page.text))
    agreed = browser.post(deed, data=form_on(page.text, "/do/agreed/"))
    assert agreed.status_code == 303
    assert (Purpose.HEALTH_RECORD, None) in standing(database, number)
    assert "还没有她的同意" not in browser.get(record).text
    again = form_on(browser.get("/admin/skin-record/create").text, "/skin-record/create")
    assert browser.post("/admin/skin-record/create", data=again | typed).headers["location"].endswith("/list")


@pytest.mark.parametrize("identity", ["customer", "visit", "skin-record"])
def test_every_record_with_a_health_note_says_so(owner: TestClient, shop: dict[str, int], identity: str) -> None:
    assert "还没有她的同意" in owner.get(f"/admin/{identity}/details/{shop[identity]}").text


def test_whoever_may_not_read_the_note_is_not_asked(
    as_role: Callable[[Role], TestClient], shop: dict[str, int]
) -> None:
    page = as_role(Role.RECEPTION).get(f"/admin/customer/details/{shop['customer']}")
    assert page.status_code == 200
    assert "/do/agreed/" not in page.text


# ── The register of purposes ──────────────────────────────────────────────────────────────────────────────────────────


def purpose_form(browser: TestClient, purpose: str, **typed: str) -> dict[str, list[str]]:
    """The form of one purpose, as a browser sends it."""
    html = browser.get("/admin/purposes").text
    part = html[html.index(f'id="purpose-{purpose}"') :]
    return form_on(part[: part.index("</section>")], "/admin/purposes") | {key: [value] for key, value in typed.items()}


def test_the_register_says_what_for_and_how_many_agreed(owner: TestClient, shop: dict[str, int]) -> None:
    page = owner.get("/admin/purposes")
    part = page.text[page.text.index('id="purpose-marketing"') :]
    said = " ".join(seen_on(part[: part.index("</section>")]).split())
    assert "把优惠和活动告诉您" in said
    assert "短信 1 位 微信 0 位" in said


def test_other_words_stand_on_the_pages_at_once_under_another_version(
    owner: TestClient, client: TestClient, database: Database, shop: dict[str, int]
) -> None:
    same = owner.post("/admin/purposes", data=purpose_form(owner, "marketing", wording="每月一条优惠"))
    assert same.status_code == 422
    assert "要换一个新的版本号" in same.text
    assert "每月一条优惠</textarea>" in same.text
    new = purpose_form(owner, "marketing", wording="每月一条优惠", notice_version="2026-12")
    assert owner.post("/admin/purposes", data=new).status_code == 303
    for address in ("/join", "/privacy"):
        page = client.get(address).text
        assert "每月一条优惠" in page
        assert "2026-12" in page
        assert "把优惠和活动告诉您" not in page


def test_a_sensitive_purpose_may_be_offered_but_never_go_without_a_yes(
    owner: TestClient, client: TestClient, database: Database, shop: dict[str, int]
) -> None:
    form = purpose_form(owner, "photos", is_offered="1")
    assert "needs_consent" not in form
    assert owner.post("/admin/purposes", data=form).status_code == 303
    with database.reading() as session:
        row = session.exec(select(PurposeRule)).one()
        assert (row.purpose, row.needs_consent, row.is_offered) == (Purpose.PHOTOS, True, True)
        assert session.exec(select(PolicySetting).where(PolicySetting.key == "notice_version")).first() is None
    page = client.get("/join").text
    assert 'name="consent" value="photos"' in page
    assert not re.search(r'value="photos"[^>]*checked', page)


def test_two_who_rewrite_one_purpose_are_asked(owner: TestClient, shop: dict[str, int]) -> None:
    first = purpose_form(owner, "photos", wording="甲的话", notice_version="2026-12")
    second = purpose_form(owner, "photos", wording="乙的话", notice_version="2026-13")
    assert owner.post("/admin/purposes", data=first).status_code == 303
    asked = owner.post("/admin/purposes", data=second)
    assert asked.status_code == 409
    assert "甲的话" in asked.text
    assert "乙的话" in asked.text


def test_whoever_is_not_the_owner_only_reads(as_role: Callable[[Role], TestClient], shop: dict[str, int]) -> None:
    for role in (Role.MANAGER, Role.RECEPTION, Role.MARKETER, Role.AUDITOR):
        page = as_role(role).get("/admin/purposes")
        assert page.status_code == 200
        assert "<textarea" not in page.text
        assert as_role(role).post("/admin/purposes", data={"purpose": "photos"}).status_code == 403
    assert as_role(Role.BEAUTICIAN).get("/admin/purposes").status_code == 403


# ── Files that leave, and cards ───────────────────────────────────────────────────────────────────────────────────────


def test_a_file_for_writing_to_customers_holds_only_who_agreed(
    owner: TestClient, database: Database, shop: dict[str, int], real_now: datetime
) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        for name, purpose in (("只收护理", Purpose.SERVICE_CARE), ("两样都收", Purpose.MARKETING)):
            made = create_customer(session, CustomerDetails(name=name), policy=policy, now=real_now)
            grant_many(session, made.id, [(purpose, Channel.WECHAT)], how="", policy=policy, now=real_now)
    assert "拿去联系顾客吗" in owner.get("/admin/customer/export").text
    files = {
        contact: owner.post(
            "/admin/customer/export", data={"kind": "csv", "purpose": "双十二", "contact": contact}
        ).text
        for contact in ("", "sms", "wechat")
    }
    found = {
        contact: {name for name in ("王小丽", "只收护理", "两样都收") if name in text}
        for contact, text in files.items()
    }
    assert found == {"": {"王小丽", "只收护理", "两样都收"}, "sms": {"王小丽"}, "wechat": {"两样都收"}}


def test_a_card_printed_beforehand_is_given_out_at_the_counter(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int]
) -> None:
    desk = as_role(Role.RECEPTION)
    form = form_on(desk.get("/admin/customer/create").text, "/customer/create") | {"save": ["保存"]}
    assert "member_no" in form
    for name, number in (("持卡人", " vip 0007 "), ("没有卡", "")):
        new = form_on(desk.get("/admin/customer/create").text, "/customer/create")
        answer = desk.post(
            "/admin/customer/create", data=new | {"name": [name], "member_no": [number], "save": ["保存"]}
        )
        assert answer.status_code == 303
    taken = form | {"name": ["第三位"], "member_no": ["VIP0007"]}
    again = desk.post("/admin/customer/create", data=taken)
    assert "这个会员号已经有人用了" in again.text
    with database.reading() as session:
        numbers = dict(session.exec(select(Customer.name, Customer.member_no)).all())
    assert numbers["持卡人"] == "VIP0007"
    assert re.fullmatch(r"\d{8}", numbers["没有卡"])
    edit = desk.get(f"/admin/customer/edit/{shop['customer']}").text
    assert 'name="member_no"' not in edit


def test_what_the_owner_writes_is_words_and_no_placeholder(owner: TestClient, client: TestClient) -> None:
    words = "满 5% 的 %(shop)s {name} <b>"
    form = purpose_form(owner, "marketing", wording=words, uses=words, kept=words, notice_version="2")
    assert owner.post("/admin/purposes", data=form).status_code == 303
    for browser, address in ((client, "/join"), (client, "/privacy"), (owner, "/admin/purposes")):
        page = browser.get(address)
        assert page.status_code == 200
        assert "满 5% 的 %(shop)s {name} &lt;b&gt;" in page.text
