"""A customer's own page: shut until she has shown that it is hers, and then everything that is hers on it."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from app.actions.consents import ConsentDetails, grant_consent
from app.actions.customers import create_customer, update_customer
from app.actions.merging import merge_customers
from app.actions.own_pages import hand_out_own_page, take_back_own_page
from app.actions.points import earn_points
from app.db import Database
from app.models import AuditEntry, Consent, Customer, RateWindow, Reward
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import Channel, CustomerStatus, Purpose, RewardKind
from tests.actions.points_shop import ZONE, Book
from tests.conftest import NOW

NAME, PHONE = "金小雀", "13987654321"
SECRETS = (NAME, PHONE, "4321", "139****", "1990", "03-08", "jin@example.cn", "普通会员", "1,250")


@dataclass
class Member:
    """Somebody with a page: her number and the token of its address."""

    customer_id: int
    token: str

    @property
    def address(self) -> str:
        """Where it is."""
        return f"/me/{self.token}"


def join(session: Session, **given: Any) -> int:
    """A customer's number."""
    details = CustomerDetails(**({"name": NAME, "phone": PHONE} | given))
    return create_customer(session, details, policy=Policy(), now=NOW).id or 0


@pytest.fixture
def at(app: Any) -> Any:
    """The site's clock, standing at the moment tests happen."""
    moments = [NOW]
    app.state.clock = lambda: moments[-1]
    return moments


@pytest.fixture
def member(database: Database, at: Any) -> Member:
    """A customer with everything her page can show."""
    with database.writing() as session:
        number = join(session, birthday="1990-03-08", email="jin@example.cn")
        book = Book(session, number, now=NOW - timedelta(days=40))
        book.earn(1200, date(2026, 12, 1), reason="开卡")
        book.earn(50, reason="店员内部备注")
        session.add(Reward(name="玫瑰面膜", kind=RewardKind.PRODUCT, points=500))
        session.add(Reward(name="肩颈护理", kind=RewardKind.SERVICE, points=2000))
        for channel in (Channel.SMS, Channel.WECHAT):
            wish = ConsentDetails(number, Purpose.MARKETING, channel)
            grant_consent(session, wish, policy=Policy(), now=NOW)
        return Member(number, hand_out_own_page(session, number, now=NOW))


def enter(client: TestClient, member: Member, digits: str = "4321") -> Any:
    """Open her page, as its form does."""
    return client.post(member.address, data={"digits": digits})


def test_before_she_has_shown_that_it_is_hers_nothing_of_her_is_there(client: TestClient, member: Member) -> None:
    for answer in (
        client.get(member.address),
        enter(client, member, "0000"),
        client.get(f"{member.address}/points"),
        client.post(f"{member.address}/consents", data={"consent": "marketing.sms"}),
    ):
        assert not [secret for secret in SECRETS if secret in answer.text]
        assert answer.headers["cache-control"] == "no-store"
    with_stranger_cookie = client.get(member.address, headers={"cookie": "rouge_me=18ff.AAAA"})
    assert "先确认是您本人" in with_stranger_cookie.text
    assert enter(client, member).status_code == 303  # what is asked for opens it, so the page was there to be told
    assert all(secret in client.get(member.address).text for secret in (NAME, "139****4321", "1,250", "03-08"))


def test_her_page_tells_what_she_has_and_when_it_ends(client: TestClient, member: Member) -> None:
    enter(client, member)
    page = client.get(member.address).text
    for words in (
        "2026年12月1日",
        "快到期",
        "一直有效",
        "玫瑰面膜",
        "现在就可以换",
        "还差 750 分",
        "/points-rules",
        "优惠与活动 · 短信",
    ):
        assert words in page
    assert PHONE not in page
    assert "店员内部备注" not in page
    assert len(page.encode()) < 30_000


def test_points_that_end_on_one_day_stand_in_one_line(client: TestClient, database: Database, member: Member) -> None:
    with database.writing() as session:
        for points in (3, 4):
            earn_points(
                session, member.customer_id, points, reference=f"e{points}", reason="消费", now=NOW, zone=ZONE,
                expires_on=date(2026, 12, 1),
            )  # fmt: skip
    enter(client, member)
    page = client.get(member.address).text
    assert page.count("到 2026年12月1日 为止") == 1
    assert "1,207 分" in page


def test_it_stays_open_half_an_hour_on_that_phone_only(client: TestClient, app: Any, member: Member, at: Any) -> None:
    enter(client, member)
    assert NAME in client.get(member.address).text
    with TestClient(app, follow_redirects=False) as other:
        assert NAME not in other.get(member.address).text
    at.append(NOW + timedelta(minutes=29, seconds=59))
    assert NAME in client.get(member.address).text
    at.append(NOW + timedelta(minutes=30))
    assert NAME not in client.get(member.address).text


def test_closing_it_closes_it(client: TestClient, member: Member) -> None:
    enter(client, member)
    client.post(f"{member.address}/leave")
    assert NAME not in client.get(member.address).text


def test_one_page_opens_no_other(client: TestClient, database: Database, member: Member) -> None:
    with database.writing() as session:
        other = join(session, name="赵大姐", phone="13800138000")
        theirs = Member(other, hand_out_own_page(session, other, now=NOW))
    stamp = enter(client, member).cookies["rouge_me"]
    client.cookies.clear()
    assert "赵大姐" not in client.get(theirs.address, headers={"cookie": f"rouge_me={stamp}"}).text
    assert NAME in client.get(member.address, headers={"cookie": f"rouge_me={stamp}"}).text


def test_a_new_phone_number_shuts_what_the_old_one_opened(
    client: TestClient, database: Database, member: Member
) -> None:
    enter(client, member)
    with database.writing() as session:
        update_customer(session, member.customer_id, CustomerDetails(name=NAME, phone="13800138000"), now=NOW)
    assert NAME not in client.get(member.address).text
    assert enter(client, member).status_code == 422
    assert enter(client, member, "8000").status_code == 303


def test_without_a_phone_the_birthday_opens_it_and_without_either_nothing_does(
    client: TestClient, database: Database, at: Any
) -> None:
    with database.writing() as session:
        born, unknown = join(session, phone="", birthday="农历八月十五"), join(session, phone="", name="没说")
        pages = [Member(one, hand_out_own_page(session, one, now=NOW)) for one in (born, unknown)]
    assert "生日" in client.get(pages[0].address).text
    assert [enter(client, pages[0], typed).status_code for typed in ("0816", "0815", "8月15日", "８-15")] == [
        422,
        303,
        303,
        303,
    ]
    assert "还打不开" in client.get(pages[1].address).text
    assert [enter(client, pages[1], typed).status_code for typed in ("", "0000")] == [422, 422]


def test_five_wrong_guesses_shut_it_for_the_hour_and_ten_for_the_day(
    client: TestClient, database: Database, member: Member, at: Any
) -> None:
    assert [enter(client, member, f"000{n}").status_code for n in range(5)] == [422] * 5
    shut = enter(client, member)  # the right digits, too: else guessing would go on
    assert (shut.status_code, shut.headers["retry-after"] > "0", NAME in shut.text) == (429, True, False)
    at.append(NOW + timedelta(hours=1))
    assert [enter(client, member, f"000{n}").status_code for n in range(5)] == [422] * 5
    at.append(NOW + timedelta(hours=2))
    assert "今天试错的次数太多" in enter(client, member).text
    # Without the counts the same digits open it: it was they that kept it shut.
    with database.writing() as session:
        for window in session.exec(select(RateWindow)):
            session.delete(window)
    assert enter(client, member).status_code == 303


def test_a_right_answer_forgets_the_slips_before_it(client: TestClient, member: Member) -> None:
    for _ in range(4):
        assert [enter(client, member, typed).status_code for typed in ("1", "2", "3", "4321")] == [422, 422, 422, 303]


@pytest.mark.parametrize("spoiled", ["unknown", "cut", "revoked", "replaced", "erased"])
def test_whatever_opens_nothing_gets_the_same_friendly_answer(
    client: TestClient, database: Database, member: Member, spoiled: str
) -> None:
    enter(client, member)
    with database.writing() as session:
        if spoiled == "revoked":
            take_back_own_page(session, member.customer_id, now=NOW)
        elif spoiled == "replaced":
            hand_out_own_page(session, member.customer_id, anew=True, now=NOW)
        elif spoiled == "erased":
            session.get(Customer, member.customer_id).status = CustomerStatus.ERASED
    address = {"unknown": "/me/" + "x" * 32, "cut": member.address[:-1]}.get(spoiled, member.address)
    answer = client.get(address)
    reference = client.get("/me/" + "y" * 32)
    assert (answer.status_code, "没有找到这一页" in answer.text) == (404, True)
    assert answer.text.replace(address, "") == reference.text.replace("/me/" + "y" * 32, "")
    assert client.post(address, data={"digits": "4321"}).status_code == 404


def test_a_consent_is_taken_back_with_one_tap_and_a_second_tap_changes_nothing(
    client: TestClient, database: Database, member: Member
) -> None:
    enter(client, member)
    for done in ("withdrawn", "gone"):
        answer = client.post(f"{member.address}/consents", data={"consent": "marketing.sms"})
        assert answer.headers["location"] == f"{member.address}?done={done}#consents"
    page = client.get(f"{member.address}?done=withdrawn").text
    assert "已收回" in page
    assert "优惠与活动 · 短信" not in page
    assert "优惠与活动 · 微信" in page
    with database.reading() as session:
        ended = session.exec(select(Consent).where(col(Consent.withdrawn_at).is_not(None))).one()
        noted = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert (ended.channel, ended.withdrawn_how) == (Channel.SMS, "本人网页")
    assert (noted.subject, noted.actor) == ("consents", "customer")


def test_the_history_turns_its_pages_to_the_first_movement(
    client: TestClient, database: Database, member: Member
) -> None:
    with database.writing() as session:
        book = Book(session, member.customer_id, count(100))
        for points in range(301, 321):
            book.earn(points)
    enter(client, member)
    first = client.get(f"{member.address}/points").text
    assert first.count("<li>") >= 20
    assert "+1,200" not in first
    older = first.split(f"{member.address}/points?before=")[1].split('"')[0]
    assert "+1,200" in client.get(f"{member.address}/points?before={older}").text


def test_after_a_merge_her_old_address_opens_the_record_she_is_in_now(
    client: TestClient, database: Database, member: Member
) -> None:
    with database.writing() as session:
        survivor = join(session, name="金雀", phone="13800138000")
        merge_customers(session, survivor, member.customer_id, {}, policy=Policy(), now=NOW, zone=ZONE)
    assert enter(client, member, "8000").status_code == 303
    assert "1,250" in client.get(member.address).text
    assert "合并档案" not in client.get(f"{member.address}/points").text


def test_three_languages_read_whole_sentences(client: TestClient, member: Member) -> None:
    enter(client, member)
    for language in ("zh_CN", "zh_TW", "en"):
        page = client.get(f"{member.address}?lang={language}").text
        assert not any(hole in page.split("<main")[1] for hole in ("{", "%("))
