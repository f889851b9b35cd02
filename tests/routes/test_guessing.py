"""Whoever tries addresses that nobody was given is told to wait; whoever has one is not."""

from datetime import datetime

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.actions.limits import count_tries
from app.actions.policy import change_policy
from app.actions.tokens import issue_token
from app.db import Database
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.rules.limits import BAD_TOKEN
from app.vocabulary import TokenPurpose
from tests.admin.conftest import PHONE


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


def guessed(database: Database, times: int, now: datetime, who: str = "testclient") -> None:
    """So many addresses that opened nothing."""
    with database.writing() as session:
        count_tries(session, BAD_TOKEN, {who: times}, now=now)


@pytest.fixture
def card(database: Database, now: datetime) -> str:
    """A customer's card."""
    with database.writing() as session:
        change_policy(session, {"shop_phone": "021-5555 1234"}, now=now, staff_id=None)
        details = CustomerDetails(name="王小丽", phone=PHONE)
        customer = create_customer(session, details, policy=current_policy(session), now=now)
        return issue_token(session, TokenPurpose.CARD, customer.id, now=now)


@pytest.mark.parametrize("kind", ["", ".png", ".pdf"])
def test_the_thirty_first_card_that_is_none_is_refused(
    client: TestClient, database: Database, card: str, now: datetime, kind: str
) -> None:
    guessed(database, BAD_TOKEN.times - 1, now)
    assert client.get(f"/card/{'x' * 32}{kind}").status_code == 404
    answer = client.get(f"/card/{'y' * 32}{kind}")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == 1800
    assert "请过 30 分钟再试" in answer.text
    assert "021-5555 1234" in answer.text


def test_a_card_opens_for_everybody_behind_the_same_address(
    client: TestClient, database: Database, card: str, now: datetime
) -> None:
    guessed(database, BAD_TOKEN.times, now)
    assert client.get(f"/card/{card}").status_code == 200
    assert client.get(f"/card/{card}x").status_code == 429


def test_guesses_from_elsewhere_count_for_elsewhere(client: TestClient, database: Database, now: datetime) -> None:
    guessed(database, BAD_TOKEN.times, now, "203.0.113.7")
    assert client.get("/card/x").status_code == 404


@pytest.mark.parametrize("how", ["GET", "POST"])
def test_guessing_the_code_of_the_set_up_is_refused_and_the_code_kept(
    client: TestClient, database: Database, now: datetime, how: str
) -> None:
    guessed(database, BAD_TOKEN.times - 1, now)
    sent = {"params" if how == "GET" else "data": {"code": "a-guess"}}
    assert client.request(how, "/setup", **sent).status_code == 403
    answer = client.request(how, "/setup", **sent)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1800"
    assert "请过 30 分钟再试" in answer.text
    assert 'value="a-guess"' in answer.text


def test_asking_without_a_code_is_no_guess(client: TestClient, database: Database, now: datetime) -> None:
    guessed(database, BAD_TOKEN.times, now)
    assert client.get("/setup").status_code == 200
