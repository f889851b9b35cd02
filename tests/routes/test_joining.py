"""Signing up over the code on the wall."""

import re
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.actions.sign_ups import new_form, stamped
from app.actions.tokens import standing_tokens
from app.columns import opened
from app.db import Database
from app.models import Consent, Customer, CustomerAlias, SignUp, Store
from app.rules.customers import CustomerDetails
from app.rules.limits import HURRIED_FORM, PUBLIC_FORM, SIGN_UP_PER_PHONE
from app.rules.policy import Policy
from app.vocabulary import Channel, CustomerStatus, Gender, Purpose, SignUpState, Source

PHONE = "13800138000"


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


def form(now: datetime, **typed: object) -> dict[str, object]:
    """A form as a person sends it, drawn a minute ago."""
    return {
        "submission_id": new_form(),
        "opened": stamped(now - timedelta(minutes=1)),
        "name": "王小丽",
        "phone": PHONE,
    } | typed


def members(database: Database) -> list[Customer]:
    """Who is in the file."""
    with database.reading() as session:
        return list(session.exec(select(Customer).order_by(col(Customer.id))))


def sign_ups(database: Database) -> list[SignUp]:
    """What came in."""
    with database.reading() as session:
        return list(session.exec(select(SignUp).order_by(col(SignUp.id))))


def consents(database: Database) -> list[tuple[Purpose, Channel | None, str, str]]:
    """What was agreed to."""
    with database.reading() as session:
        rows = session.exec(select(Consent).order_by(col(Consent.purpose), col(Consent.channel)))
        return [(row.purpose, row.channel, row.given_by, row.notice_version) for row in rows]


def known(database: Database, now: datetime, **details: object) -> Customer:
    """Somebody whose phone is in the file."""
    with database.writing() as session:
        told = CustomerDetails(**{"name": "王大丽", "phone": PHONE} | details)
        return create_customer(session, told, policy=Policy(), now=now)


def test_no_box_is_ticked_and_only_name_and_phone_are_needed(
    client: TestClient, database: Database, now: datetime
) -> None:
    page = client.get("/join")
    assert page.status_code == 200
    boxes = re.findall(r'<input class="choice-input"[^>]*name="consent"[^>]*>', page.text)
    assert len(boxes) == 7
    assert not any("checked" in box for box in boxes)
    assert "把优惠和活动告诉您" in page.text
    assert 'href="/privacy"' in page.text
    assert len(page.content) < 30_000
    answer = client.post("/join", data=form(now))
    assert (answer.status_code, answer.headers["location"]) == (303, "/join/thanks")
    (member,) = members(database)
    assert (member.name, member.phone_last4, member.source) == ("王小丽", "8000", Source.WEBSITE)
    assert consents(database) == [(Purpose.MEMBERSHIP, None, "扫码登记", "2026-11-2")]
    (kept,) = sign_ups(database)
    assert (kept.state, kept.customer_id, kept.told) == (SignUpState.NEW, member.id, None)


def test_each_ticked_box_is_a_receipt_of_its_own_and_nothing_else_is(
    client: TestClient, database: Database, now: datetime
) -> None:
    ticked = ["marketing.sms", "personalisation", "photos_public", "marketing.fax", ""]
    typed = form(now, consent=ticked, birthday="1990-01-02", gender="female", source="social")
    assert client.post("/join", data=typed).status_code == 303
    (member,) = members(database)
    assert (member.birthday, member.gender, member.source) == ("1990-01-02", Gender.FEMALE, Source.SOCIAL)
    assert [(purpose, channel) for purpose, channel, *_ in consents(database)] == [
        (Purpose.MARKETING, Channel.SMS),
        (Purpose.MEMBERSHIP, None),
        (Purpose.PERSONALISATION, None),
    ]


def test_a_known_phone_gets_the_same_answer_and_changes_nothing(
    client: TestClient, database: Database, now: datetime
) -> None:
    new = client.post("/join", data=form(now, phone="13900139000"))
    before = known(database, now)
    again = client.post("/join", data=form(now, name="王小丽", birthday="1990-01-02", consent=["marketing.sms"]))
    hidden = {"x-request-id", "date"}
    assert (new.status_code, new.content) == (again.status_code, again.content)
    assert {key: value for key, value in new.headers.items() if key not in hidden} == {
        key: value for key, value in again.headers.items() if key not in hidden
    }
    after = next(one for one in members(database) if one.id == before.id)
    assert (after.name, after.birthday) == ("王大丽", "")
    assert not any(purpose is Purpose.MARKETING for purpose, *_ in consents(database))
    waiting = sign_ups(database)[-1]
    assert (waiting.state, waiting.customer_id, waiting.name) == (SignUpState.KNOWN, before.id, "王小丽")
    assert waiting.phone_masked == "138****8000"
    assert '"marketing"' in (opened(waiting.told) or "")
    assert PHONE not in (opened(waiting.told) or "")


@pytest.mark.parametrize("shared", ["", "母女共用"])
def test_a_shared_phone_is_known_too(client: TestClient, database: Database, now: datetime, shared: str) -> None:
    known(database, now, phone_shared_reason=shared)
    assert client.post("/join", data=form(now)).status_code == 303
    assert [one.state for one in sign_ups(database)] == [SignUpState.KNOWN]
    assert len(members(database)) == 1


def test_a_second_tap_signs_up_once(client: TestClient, database: Database, now: datetime) -> None:
    typed = form(now)
    for _ in range(3):
        assert client.post("/join", data=typed).status_code == 303
    assert [one.state for one in sign_ups(database)] == [SignUpState.NEW]
    assert len(members(database)) == 1


def test_one_page_filled_in_for_two_people_signs_up_both(client: TestClient, database: Database, now: datetime) -> None:
    typed = form(now)
    for phone in (PHONE, "13900139000", PHONE):
        assert client.post("/join", data=typed | {"phone": phone}).status_code == 303
    assert [one.state for one in sign_ups(database)] == [SignUpState.NEW] * 2


def test_the_code_on_the_wall_names_the_store_and_the_friend(
    client: TestClient, database: Database, now: datetime
) -> None:
    friend = known(database, now)
    with database.writing() as session:
        session.add(Store(code="JA", name="静安店"))
        session.add(CustomerAlias(member_no="OLD-7", customer_id=friend.id))
        token = standing_tokens(session, [friend.id], now=now)[friend.id].token
    page = client.get(f"/join?store=JA&ref={friend.member_no}")
    assert 'name="store" value="JA"' in page.text
    assert f'name="ref" value="{friend.member_no}"' in page.text
    for number, ref in enumerate((friend.member_no, "old-7", token, "nobody", "'; --")):
        answer = client.post("/join", data=form(now, phone=f"1390013900{number}", store="JA", ref=ref))
        assert answer.status_code == 303
    came = members(database)[1:]
    assert [one.referred_by_id for one in came] == [friend.id, friend.id, friend.id, None, None]
    assert {one.source for one in came} == {Source.REFERRAL}
    assert len({one.store_id for one in came} - {None}) == 1


def test_a_store_that_closed_and_a_friend_who_left_are_passed_over(
    client: TestClient, database: Database, now: datetime
) -> None:
    friend = known(database, now)
    with database.writing() as session:
        session.add(Store(code="OLD", name="旧店", is_active=False))
        session.get(Customer, friend.id).status = CustomerStatus.RESTRICTED
    typed = form(now, phone="13900139000", store="OLD", ref=friend.member_no)
    assert client.post("/join", data=typed).status_code == 303
    assert (members(database)[1].store_id, members(database)[1].referred_by_id) == (None, None)


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"name": " "}, "name", "请填写姓名"),
        ({"phone": ""}, "phone", "请填写手机号"),
        ({"phone": "138"}, "phone", "手机号"),
        ({"birthday": "2030-01-01"}, "birthday", "这个生日不可能"),
        ({"name": "长" * 81}, "name", "姓名太长"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field_and_all_stays(
    client: TestClient, database: Database, now: datetime, typed: dict[str, str], field: str, sentence: str
) -> None:
    sent = form(now, source="event", consent=["marketing.sms"], store="A", ref="B") | typed
    answer = client.post("/join", data=sent)
    assert answer.status_code == 422
    beside = re.search(rf'id="{field}-error" role="alert">([^<]*)<', answer.text)
    assert beside
    assert sentence in beside[1]
    for name in ("submission_id", "opened", "store", "ref"):
        assert f'name="{name}" value="{sent[name]}"' in answer.text
    assert 'value="marketing.sms" aria-describedby="marketing-words" checked' in answer.text
    assert '<option value="event" selected>' in answer.text
    assert members(database) == sign_ups(database) == []


def test_a_child_signs_up_with_her_guardian(client: TestClient, database: Database, now: datetime) -> None:
    typed = form(now, birthday="2016-05-01", consent=["marketing.sms"])
    asked = client.post("/join", data=typed)
    assert asked.status_code == 422
    assert "请监护人填写姓名" in asked.text
    assert "未满 14 岁" in asked.text
    half = client.post("/join", data=typed | {"guardian_name": "王妈妈"})
    assert half.status_code == 422
    assert 'value="王妈妈"' in half.text
    assert members(database) == []
    whole = client.post("/join", data=typed | {"guardian_name": "王妈妈", "guardian_agrees": "1"})
    assert whole.status_code == 303
    assert consents(database) == [
        (Purpose.GUARDIAN, None, "监护人王妈妈，扫码登记时同意", "2026-11-2"),
        (Purpose.MARKETING, Channel.SMS, "监护人在扫码登记时同意", "2026-11-2"),
        (Purpose.MEMBERSHIP, None, "监护人在扫码登记时同意", "2026-11-2"),
    ]


def test_whoever_is_asked_to_wait_keeps_what_she_typed(client: TestClient, database: Database, now: datetime) -> None:
    for _ in range(SIGN_UP_PER_PHONE.times):
        assert client.post("/join", data=form(now)).status_code == 303
    answer = client.post("/join", data=form(now, name='小"丽<b>'))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert 'value="小&#34;丽&lt;b&gt;"' in answer.text
    assert "您填的都还在这里" in answer.text
    assert client.post("/join", data=form(now, phone="13900139000")).status_code == 303, "another phone"


def test_a_network_that_sends_too_much_is_asked_to_wait(
    client: TestClient, database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.actions.sign_ups.PUBLIC_FORM", type(PUBLIC_FORM)("public_form", 2, PUBLIC_FORM.per))
    for number in range(2):
        assert client.post("/join", data=form(now, phone=f"1390013900{number}")).status_code == 303
    assert client.post("/join", data=form(now, phone="13900139007")).status_code == 429


def test_a_machine_gets_the_friendly_page_and_nothing_is_kept(
    client: TestClient, database: Database, now: datetime
) -> None:
    trapped = client.post("/join", data=form(now, website="http://spam.example"))
    assert (trapped.status_code, trapped.headers["location"]) == (303, "/join/thanks")
    assert sign_ups(database) == []
    for number in range(HURRIED_FORM.times + 3):
        hurried = form(now, phone=f"139001390{number:02d}", opened=stamped(now))
        assert client.post("/join", data=hurried).status_code == 303
    assert len(sign_ups(database)) == HURRIED_FORM.times, "a few at once can be people whose browser fills it in"
    assert client.post("/join", data=form(now, phone="13900139099")).status_code == 303
    assert len(sign_ups(database)) == HURRIED_FORM.times + 1, "whoever takes her time is a person"


@pytest.mark.parametrize("stamp", ["", ".", "zz.aa", "0.", "19f2.forged", "1" * 400])
def test_a_stamp_nobody_gave_counts_as_hurried(
    client: TestClient, database: Database, now: datetime, stamp: str
) -> None:
    for number in range(HURRIED_FORM.times + 1):
        typed = form(now, phone=f"139001390{number:02d}", opened=stamp)
        assert client.post("/join", data=typed).status_code == 303
    assert len(sign_ups(database)) == HURRIED_FORM.times


def test_thanks_say_no_number_and_are_the_same_for_everybody(client: TestClient) -> None:
    page = client.get("/join/thanks")
    assert page.status_code == 200
    assert "到店报手机号" in page.text
    assert not re.search(r"\d{8}", re.sub(r"v=[0-9a-f]+", "", page.text))


def test_words_of_hers_are_words(client: TestClient, now: datetime) -> None:
    odd = '"><script>alert(1)</script>'
    page = client.get("/join", params={"store": odd, "ref": odd})
    assert "<script>alert" not in page.text
    sent = form(now, name=odd, phone=odd, birthday=odd, gender=odd, source=odd, guardian_name=odd, store=odd, ref=odd)
    answer = client.post("/join", data=sent | {"submission_id": odd, "opened": odd})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
