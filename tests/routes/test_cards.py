"""The card on the customer's phone: what it shows, what it keeps to itself."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.actions.tokens import issue_token, revoke_tokens, standing_tokens
from app.db import Database
from app.gateways.pdf import FontMissing
from app.gateways.prints import Press
from app.models import Customer
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import CustomerStatus, TokenPurpose
from tests.paper import Paper, codes_in

WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) MicroMessenger/8.0.56 NetType/WIFI Language/zh_CN"
NAME, PHONE = "王小梅", "13800138000"


def card_token(session: Session, customer_id: int, *, now: datetime) -> str:
    """The address on one customer's card."""
    return standing_tokens(session, [customer_id], now=now)[customer_id].token


@pytest.fixture
def customer_id(database: Database, now: datetime) -> int:
    """A customer with everything a stranger must not learn."""
    details = CustomerDetails(
        name=NAME, phone=PHONE, birthday="1990-03-08", email="xm@example.cn", address="文三路 138 号", note="怕痛"
    )
    with database.writing() as session:
        return create_customer(session, details, policy=Policy(), now=now).id


@pytest.fixture
def token(database: Database, customer_id: int) -> str:
    """The address on her card."""
    with database.writing() as session:
        return card_token(session, customer_id, now=datetime.now().astimezone())


@pytest.fixture
def member_no(database: Database, customer_id: int) -> str:
    """Her number."""
    with database.reading() as session:
        return session.get(Customer, customer_id).member_no


def test_the_card_shows_shop_masked_name_tier_number_and_validity(
    client: TestClient, token: str, member_no: str
) -> None:
    page = client.get(f"/card/{token}")
    assert page.status_code == 200
    for words in ("胭脂美妆", "王*梅", "普通会员", f"{member_no[:4]} {member_no[4:]}", "有效期至", "以系统为准"):
        assert words in page.text


@pytest.mark.parametrize("suffix", ["", ".pdf", ".png"])
def test_nothing_private_is_on_it(client: TestClient, token: str, suffix: str) -> None:
    answer = client.get(f"/card/{token}{suffix}")
    text = (
        answer.text
        if not suffix
        else "".join(Paper(answer.content).text(page) for page in (1, 2))
        if suffix == ".pdf"
        else ""
    )
    for secret in (NAME, PHONE, "8000", "138****", "1990", "03-08", "xm@example.cn", "文三路", "怕痛"):
        assert secret not in text


@pytest.mark.parametrize("suffix", ["", ".pdf", ".png"])
def test_no_browser_keeps_it_and_no_link_tells_the_address(client: TestClient, token: str, suffix: str) -> None:
    headers = client.get(f"/card/{token}{suffix}").headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex"


def test_the_code_is_a_picture_large_enough_to_scan_and_keep(client: TestClient, token: str) -> None:
    page = client.get(f"/card/{token}").text
    assert f'src="/card/{token}.png"' in page
    assert int(page.split(f'/card/{token}.png" width="')[1].split('"')[0]) >= 240
    assert "长按" in page


def test_the_picture_leads_to_the_page_it_is_on(client: TestClient, token: str) -> None:
    answer = client.get(f"/card/{token}.png")
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(BytesIO(answer.content))
    assert picture.width >= 2 * 240
    assert codes_in(picture.convert("RGB")) == [f"http://testserver/card/{token}"]


def test_the_pdf_is_the_printed_card_with_the_name_masked(client: TestClient, token: str) -> None:
    answer = client.get(f"/card/{token}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    paper = Paper(answer.content)
    assert paper.sizes_mm == [(85.60, 53.98)] * 2
    assert "王*梅" in paper.text(1)
    assert codes_in(paper.picture(2)) == [f"http://testserver/card/{token}"]


def test_wechat_is_not_offered_a_pdf_it_cannot_open(client: TestClient, token: str) -> None:
    assert f"{token}.pdf" in client.get(f"/card/{token}").text
    assert f"{token}.pdf" not in client.get(f"/card/{token}", headers={"User-Agent": WECHAT}).text


# ── What opens nothing ────────────────────────────────────────────────────────────────────────────────────────────────


def unknown(database: Database, customer_id: int) -> str:
    """An address nobody was given."""
    return "x" * 32


def cut_off(database: Database, customer_id: int) -> str:
    """An address a messenger cut."""
    with database.writing() as session:
        return card_token(session, customer_id, now=datetime.now().astimezone())[:-1]


def expired(database: Database, customer_id: int) -> str:
    """An address that has run out."""
    now = datetime.now().astimezone()
    with database.writing() as session:
        return issue_token(
            session, TokenPurpose.CARD, customer_id, now=now - timedelta(days=2), expires_at=now - timedelta(days=1)
        )


def revoked(database: Database, customer_id: int) -> str:
    """An address of a card that was reissued."""
    now = datetime.now().astimezone()
    with database.writing() as session:
        token = card_token(session, customer_id, now=now)
        revoke_tokens(session, TokenPurpose.CARD, [customer_id], now=now)
        return token


def of_a_case(database: Database, customer_id: int) -> str:
    """An address made for something else."""
    with database.writing() as session:
        return issue_token(session, TokenPurpose.CASE, customer_id, now=datetime.now().astimezone())


def of_nobody(database: Database, customer_id: int) -> str:
    """An address of a record that is no longer in use."""
    with database.writing() as session:
        session.exec(select(Customer).where(Customer.id == customer_id)).one().status = CustomerStatus.ERASED
        return card_token(session, customer_id, now=datetime.now().astimezone())


@pytest.mark.parametrize("spoiled", [unknown, cut_off, expired, revoked, of_a_case, of_nobody])
@pytest.mark.parametrize("suffix", ["", ".png", ".pdf"])
def test_every_address_that_opens_nothing_gets_the_same_friendly_answer(
    client: TestClient,
    database: Database,
    customer_id: int,
    spoiled: Callable[[Database, int], str],
    suffix: str,
) -> None:
    answer = client.get(f"/card/{spoiled(database, customer_id)}{suffix}")
    assert answer.status_code == 404
    assert "没有找到这张会员卡" in answer.text
    assert NAME not in answer.text


def test_unknown_and_revoked_answers_are_alike_to_the_letter(
    client: TestClient, database: Database, customer_id: int
) -> None:
    one, other = unknown(database, customer_id), revoked(database, customer_id)
    first, second = client.get(f"/card/{one}"), client.get(f"/card/{other}")
    assert first.text.replace(one, "") == second.text.replace(other, "")
    assert set(first.headers) == set(second.headers)


def test_a_machine_that_cannot_print_says_so_kindly_and_keeps_its_secrets(
    client: TestClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise FontMissing(mend="apt-get install fonts-wqy-microhei")

    monkeypatch.setattr(Press, "member_cards", refuse)
    answer = client.get(f"/card/{token}.pdf")
    assert answer.status_code == 503
    assert "长按" in answer.text
    assert "apt-get" not in answer.text


def test_a_card_past_its_day_says_what_to_do(client: TestClient, database: Database, customer_id: int) -> None:
    with database.writing() as session:
        token = card_token(session, customer_id, now=datetime.now().astimezone() - timedelta(days=900))
    assert "已过有效期" in client.get(f"/card/{token}").text


def test_an_english_phone_reads_english_dates(client: TestClient, token: str) -> None:
    page = client.get(f"/card/{token}?lang=en").text
    assert '<html lang="en">' in page
    assert "年" not in page.split("<article")[1].split("</article>")[0]
