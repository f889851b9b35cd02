"""Seeing a whole phone number: who may, with a reason, once, and with a line in the audit."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions import phones
from app.actions.complaints import ComplaintIntake, open_complaint
from app.db import Database
from app.models import AuditEntry
from app.queries.policy import current_policy
from app.rules.limits import REVEAL
from app.settings import Settings
from app.vocabulary import AuditAction, Role

NUMBERS = {"complaint": "13900139000", "customer": "13800138000"}
TABLES = {"complaint": "complaints", "customer": "customers"}
REASON = {"reason": "回电说明处理结果"}
MAY = {Role.OWNER, Role.MANAGER, Role.RECEPTION}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: who may see a number, and what the page says, does not depend on the database's kind."""
    return sqlite_settings


@pytest.fixture
def records(database: Database, shop: dict[str, int], real_now: datetime) -> dict[str, int]:
    """A case somebody left her number with, and a customer."""
    intake = ComplaintIntake("等了很久", contact_name="李女士", contact_phone=NUMBERS["complaint"])
    with database.writing() as session:
        case = open_complaint(session, intake, policy=current_policy(session), now=real_now)
        session.flush()
        return {"complaint": case.id, "customer": shop["customer"]}


def looks(database: Database) -> list[AuditEntry]:
    """What the audit says of numbers seen."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.REVEAL)))


@pytest.mark.parametrize("identity", NUMBERS)
def test_the_owner_sees_the_number_and_the_audit_says_why_without_it(
    owner: TestClient, database: Database, records: dict[str, int], identity: str
) -> None:
    number = NUMBERS[identity]
    page = owner.post(f"/admin/{identity}/do/reveal/{records[identity]}", data=REASON)
    assert page.status_code == 200
    assert f'href="tel:+86{number}"' in page.text
    back = "/desk/customers/" if identity == "customer" else f"/admin/{identity}/details/{records[identity]}"
    assert f'href="{back}' in page.text
    assert page.headers["cache-control"] == "no-store"
    (entry,) = looks(database)
    assert (entry.subject, entry.subject_id, entry.actor) == (TABLES[identity], records[identity], "测试owner")
    assert json.loads(entry.changes) == REASON
    logged = owner.get(f"/admin/audit-entry/details/{entry.id}").text
    assert "为什么要看：回电说明处理结果" in logged
    assert number not in logged


@pytest.mark.parametrize("identity", NUMBERS)
def test_the_number_is_in_no_cookie_and_on_no_later_page(
    owner: TestClient, records: dict[str, int], identity: str
) -> None:
    page = owner.post(f"/admin/{identity}/do/reveal/{records[identity]}", data=REASON)
    assert "set-cookie" not in page.headers
    assert NUMBERS[identity] not in str(page.headers)
    assert NUMBERS[identity] not in owner.get(f"/admin/{identity}/details/{records[identity]}").text


@pytest.mark.parametrize("identity", NUMBERS)
@pytest.mark.parametrize("role", Role)
def test_only_who_calls_back_sees_a_number(
    as_role: Callable[[Role], TestClient], database: Database, records: dict[str, int], role: Role, identity: str
) -> None:
    answer = as_role(role).post(f"/admin/{identity}/do/reveal/{records[identity]}", data=REASON)
    assert answer.status_code == (200 if role in MAY else 403)
    assert (NUMBERS[identity] in answer.text) is (role in MAY)
    assert len(looks(database)) == (role in MAY)


@pytest.mark.parametrize("reason", ["", "   ", "打给 139-0013-9000", "长" * 101])
def test_a_reason_that_is_none_is_refused_beside_its_field(
    owner: TestClient, database: Database, records: dict[str, int], reason: str
) -> None:
    page = owner.post(f"/admin/complaint/do/reveal/{records['complaint']}", data={"reason": reason})
    assert page.status_code == 422
    assert 'id="reveal-reason-error-1" role="alert"' in page.text
    assert NUMBERS["complaint"] not in page.text
    assert looks(database) == []


def test_where_there_is_no_number_there_is_none_to_see(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    assert "/do/reveal/" not in owner.get(f"/admin/complaint/details/{shop['complaint']}").text
    assert owner.post(f"/admin/complaint/do/reveal/{shop['complaint']}", data=REASON).status_code == 422
    assert looks(database) == []


def test_too_many_numbers_in_an_hour_are_nobodys_work(
    owner: TestClient,
    as_role: Callable[[Role], TestClient],
    database: Database,
    records: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A stretch so long that none ends while the test runs.
    monkeypatch.setattr(phones, "REVEAL", replace(REVEAL, times=3, per=timedelta(days=20_000)))
    address = f"/admin/customer/do/reveal/{records['customer']}"
    for _ in range(3):
        assert owner.post(address, data=REASON).status_code == 200
    refused = owner.post(address, data=REASON)
    assert refused.status_code == 429
    assert NUMBERS["customer"] not in refused.text
    assert len(looks(database)) == 3
    assert as_role(Role.MANAGER).post(address, data=REASON).status_code == 200, "each person has her own count"


def test_thirty_an_hour_is_the_limit() -> None:
    assert (REVEAL.times, REVEAL.per) == (30, timedelta(hours=1))
