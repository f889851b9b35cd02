"""The privacy notice and the door."""

import pytest
from starlette.testclient import TestClient

from app.db import Database
from app.models import PolicySetting


def test_the_printed_address_leads_to_the_back_office(client: TestClient) -> None:
    door = client.get("/")
    assert (door.status_code, door.headers["location"]) == (303, "/admin")


def test_the_notice_names_the_shop_its_person_and_its_promise(client: TestClient, database: Database) -> None:
    with database.writing() as session:
        for key, value in {
            "shop_name": "静安路花容店",
            "privacy_contact": "陈静 021-6666",
            "complaint_promise_hours": "24",
            "notice_version": "2027-01",
        }.items():
            session.add(PolicySetting(key=key, value=value))
    page = client.get("/privacy")
    assert page.status_code == 200
    for words in ("静安路花容店", "陈静 021-6666", "24 小时内", "2027-01", "撤回同意", "《个人信息保护法》"):
        assert words in page.text
    assert len(page.content) < 30_000


def test_a_notice_without_a_named_person_still_says_whom_to_ask(client: TestClient) -> None:
    assert "请在店里找店长" in client.get("/privacy").text


@pytest.mark.parametrize("address", ["/nothing", "/s/", "/privacy/x"])
def test_an_unknown_page_is_told_kindly(client: TestClient, address: str) -> None:
    answer = client.get(address, follow_redirects=True)
    assert answer.status_code == 404
    assert "没有找到这" in answer.text
