"""A customer who is asked to wait keeps what she typed."""

from datetime import datetime

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.actions.limits import count_tries
from app.actions.policy import change_policy
from app.db import Database
from app.rules.limits import PUBLIC_FORM
from tests.routes.test_surveys import KEYS, PAGE, answer_all, send, start

WORDS = '毛巾有点湿，\n"店员"<b>很好</b>'


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


def throttle(database: Database, now: datetime) -> None:
    """Somebody at this address has sent all that one address may."""
    with database.writing() as session:
        change_policy(session, {"shop_phone": "021-5555 1234"}, now=now, staff_id=None)
        count_tries(session, PUBLIC_FORM, {"testclient": PUBLIC_FORM.times}, now=now)


def test_her_words_come_back_with_the_wait_and_the_shops_number(
    client: TestClient, database: Database, now: datetime
) -> None:
    run = start(client)
    for key in KEYS[:6]:
        send(client, run, key)
    send(client, run, "recommend", "10")
    throttle(database, now)
    answer = send(client, run, "words", WORDS)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "请过 1 分钟再试" in answer.text
    assert "您填的都在这里" in answer.text
    assert "021-5555 1234" in answer.text
    assert "&#34;店员&#34;&lt;b&gt;很好&lt;/b&gt;</textarea>" in answer.text
    assert f'name="submission_id" value="{run}"' in answer.text
    assert 'name="question" value="words"' in answer.text


def test_a_chosen_answer_comes_back_ready_to_be_sent_again(
    client: TestClient, database: Database, now: datetime
) -> None:
    run = start(client)
    throttle(database, now)
    answer = send(client, run, "product", "4")
    assert answer.status_code == 429
    assert '<input type="hidden" name="answer" value="4">' in answer.text


def test_name_and_number_stand_in_the_form_again(client: TestClient, database: Database, now: datetime) -> None:
    run = start(client)
    answer_all(client, run, rating="1", nps="0")
    throttle(database, now)
    answer = client.post(
        PAGE, data={"submission_id": run, "question": "contact", "contact_name": "小梅", "contact_phone": "13800138000"}
    )
    assert answer.status_code == 429
    for field, value in (("contact_name", "小梅"), ("contact_phone", "13800138000")):
        assert f'name="{field}"' in answer.text
        assert f'value="{value}"' in answer.text
    assert 'type="tel" value="13800138000"' in answer.text, "to be seen, not hidden"


def test_what_was_held_back_is_taken_when_it_is_sent_again(
    client: TestClient, app: FastAPI, database: Database, now: datetime
) -> None:
    run = start(client)
    throttle(database, now)
    assert send(client, run, "product", "4").status_code == 429
    app.state.clock = lambda: now + PUBLIC_FORM.wait(now)
    assert send(client, run, "product", "4").status_code == 303
