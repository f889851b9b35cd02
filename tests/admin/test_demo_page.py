"""The way out of the demo: seen by the owner only, refused while it would lock her out, exact when done."""

from datetime import UTC, datetime

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.staff import StaffDetails, create_staff
from app.db import Database
from app.gateways.passwords import hash_password
from app.models import Customer, Staff
from app.settings import Settings
from app.vocabulary import Role
from seed.demo import DEMO_PASSWORD
from tests.conftest import DEMO_CUSTOMERS

pytestmark = pytest.mark.parametrize("demo_settings", ["sqlite"], indirect=True)
OWN = "three odd words 7"


@pytest.fixture
def settings(demo_settings: Settings) -> Settings:
    """Those of a small demo shop. On SQLite only: what a wipe leaves on either is for tests/test_demo.py."""
    return demo_settings


@pytest.fixture
def demo(database: Database) -> Database:
    """A small demo shop."""
    return database


def sign_in(client: TestClient, login: str, password: str) -> None:
    """Through the form."""
    answer = client.post("/admin/login", data={"username": login, "password": password})
    assert answer.status_code in {302, 303}


def test_the_demo_owner_is_told_to_make_an_account_of_her_own_first(client: TestClient, demo: Database) -> None:
    sign_in(client, "owner", DEMO_PASSWORD)
    assert "清空演示数据" in client.get("/admin/demo").text
    answer = client.post("/admin/demo", headers={"Origin": "http://testserver"})
    assert answer.status_code == 409
    assert "请先在“员工”里添加您自己的店主账号" in answer.text
    with demo.reading() as session:
        assert len(session.exec(select(Customer)).all()) == DEMO_CUSTOMERS


def test_with_an_account_of_her_own_the_owner_wipes_the_demo(client: TestClient, demo: Database) -> None:
    password_hash = hash_password(OWN)
    with demo.writing() as session:
        details = StaffDetails(name="王店主", login="boss", role=Role.OWNER)
        create_staff(session, details, password_hash=password_hash, now=datetime.now(UTC))
    sign_in(client, "boss", OWN)
    answer = client.post("/admin/demo", headers={"Origin": "http://testserver"})
    assert answer.status_code == 303
    with demo.reading() as session:
        assert session.exec(select(Customer)).all() == []
        assert session.exec(select(Staff.login).where(Staff.is_active)).all() == ["boss"]
    assert "演示数据已清空" in client.get("/admin/").text


@pytest.mark.parametrize("login", ["manager", "reception", "auditor"])
def test_nobody_but_the_owner_sees_the_way_out(client: TestClient, demo: Database, login: str) -> None:
    sign_in(client, login, DEMO_PASSWORD)
    assert client.get("/admin/demo").status_code == 403
    assert client.post("/admin/demo", headers={"Origin": "http://testserver"}).status_code == 403
