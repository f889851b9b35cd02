"""A personal link to a survey: her own run, on whatever phone, once; and what a link says that opens nothing."""

from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.actions.limits import count_tries
from app.actions.survey_invitations import Invited, invite, revoke_invitation
from app.db import Database
from app.models import Survey, SurveyInvitation, SurveyResponse
from app.rules.customers import CustomerDetails
from app.rules.limits import BAD_TOKEN
from app.rules.policy import Policy
from app.vocabulary import SurveyMode
from tests.routes.test_surveys import answer_all, change_survey, send, start

BY_NAME = "您的回答会记在您的名下"
WITHOUT_NAME = "不必留姓名"


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


@pytest.fixture
def hers(client: TestClient, database: Database, now: datetime) -> Invited:
    """A link to the shop's survey for one customer."""
    with database.writing() as session:
        her = create_customer(session, CustomerDetails(name="陈小姐"), policy=Policy(), now=now).id or 0
        return invite(session, session.exec(select(Survey.id)).one(), her, policy=Policy(), now=now)


def opened(client: TestClient, link: Invited, **more: object):
    """What her phone shows."""
    return client.get(f"/s/t/{link.token}", follow_redirects=True, **more)


def test_a_link_opens_her_own_run_and_says_whose_name_it_carries(
    client: TestClient, database: Database, hers: Invited, now: datetime
) -> None:
    run = hers.invitation.submission_id
    there = client.get(f"/s/t/{hers.token}")
    assert (there.status_code, there.headers["location"]) == (303, f"/s/satisfaction?submission_id={run}")
    assert (there.headers["referrer-policy"], there.headers["cache-control"]) == ("no-referrer", "no-store")
    page = client.get(there.headers["location"]).text
    assert BY_NAME in page
    assert WITHOUT_NAME not in page
    assert "陈小姐" not in page  # whoever she shows it to need not read it
    assert BY_NAME not in client.get("/s/satisfaction").text
    with database.reading() as session:
        assert session.get(SurveyInvitation, hers.invitation.id).opened_at == now


def test_what_she_began_goes_on_upon_another_phone_and_says_it_no_more(client: TestClient, hers: Invited) -> None:
    send(client, hers.invitation.submission_id, "product", "4")
    client.cookies.clear()
    page = opened(client, hers, headers={"User-Agent": "another phone"}).text
    assert "2 / 8" in page
    assert BY_NAME not in page


def test_a_first_question_left_out_still_says_it(client: TestClient, hers: Invited) -> None:
    again = client.post("/s/satisfaction", data={"submission_id": hers.invitation.submission_id, "question": "product"})
    assert again.status_code == 422
    assert BY_NAME in again.text


def test_an_answered_link_thanks_her_and_offers_no_other_run(
    client: TestClient, database: Database, hers: Invited, now: datetime, app: FastAPI
) -> None:
    answer_all(client, hers.invitation.submission_id)
    app.state.clock = lambda: now + timedelta(days=400)
    page = opened(client, hers)
    assert page.status_code == 200
    assert "您已经提交过了，谢谢" in page.text
    assert "另填一份" not in page.text
    with database.reading() as session:
        response = session.exec(select(SurveyResponse)).one()
        assert (response.customer_id, response.mode) == (hers.invitation.customer_id, SurveyMode.IDENTIFIED)
    answer_all(client, run := start(client))
    assert "另填一份" in client.get("/s/satisfaction", params={"submission_id": run}).text


def test_a_survey_by_invitation_opens_by_a_link_and_by_nothing_else(
    client: TestClient, database: Database, hers: Invited
) -> None:
    change_survey(database, mode=SurveyMode.IDENTIFIED)
    assert client.get("/s/satisfaction").status_code == 404
    assert opened(client, hers).status_code == 200


def test_a_link_that_is_over_says_so_and_counts_as_opened_by_nobody(
    client: TestClient, database: Database, hers: Invited, now: datetime, app: FastAPI
) -> None:
    app.state.clock = lambda: hers.invitation.expires_at
    page = opened(client, hers)
    assert (page.status_code, "已经过期了" in page.text) == (410, True)
    app.state.clock = lambda: now
    with database.writing() as session:
        revoke_invitation(session, hers.invitation.id or 0, now=now)
    page = opened(client, hers)
    assert (page.status_code, "已经停用" in page.text) == (410, True)
    with database.reading() as session:
        assert session.get(SurveyInvitation, hers.invitation.id).opened_at is None


def test_a_link_to_a_survey_that_became_anonymous_opens_nothing(
    client: TestClient, database: Database, hers: Invited
) -> None:
    change_survey(database, mode=SurveyMode.ANONYMOUS)
    assert opened(client, hers).status_code == 404


@pytest.mark.parametrize("wrong", ["x" * 32, "short", "x" * 5000, "%00" * 32, "链接"])
def test_an_address_nobody_was_given_is_told_so_in_words(client: TestClient, hers: Invited, wrong: str) -> None:
    page = client.get(f"/s/t/{wrong}")
    assert page.status_code == 404
    assert "这条问卷链接打不开" in page.text


def test_whoever_tries_addresses_waits_and_whoever_holds_one_does_not(
    client: TestClient, database: Database, hers: Invited, now: datetime
) -> None:
    with database.writing() as session:
        count_tries(session, BAD_TOKEN, {"testclient": BAD_TOKEN.times}, now=now)
    assert opened(client, hers).status_code == 200
    refused = client.get(f"/s/t/{hers.token}x")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1800")
