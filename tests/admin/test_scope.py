"""Whoever sees only what she served herself opens nothing else by writing to it."""

import re
from collections.abc import Callable
from datetime import date

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.db import Database
from app.models import Complaint, SkinRecord, Visit
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import Role, SkinType

SAVE = {"save": "保存"}
FORMS = {
    "visit": (
        Visit,
        {"visited_at": "2026-11-24 18:30", "outcome": "improved", "treatment": "__None", "store": "__None"},
    ),
    "skin-record": (SkinRecord, {"seen_on": "2026-11-24", "skin_type": "dry"}),
    "complaint": (Complaint, {"kind": "complaint", "channel": "counter", "text": "等太久", "store": "__None"}),
}
OWN_NAMES = ("visit", "skin-record")


@pytest.fixture
def beautician(as_role: Callable[[Role], TestClient]) -> TestClient:
    """Her browser; she served the shop's one customer."""
    return as_role(Role.BEAUTICIAN)


@pytest.fixture
def stranger(database: Database, shop: dict[str, int], real_now) -> int:
    """A customer she never served."""
    with database.writing() as session:
        return create_customer(
            session, CustomerDetails(name="别人的客"), policy=current_policy(session), now=real_now
        ).id


def rows(session: Session, table: type) -> list:
    """All of a table, the newest last."""
    return list(session.exec(select(table).order_by(table.id)))


@pytest.mark.parametrize("identity", FORMS)
def test_a_customer_of_somebody_else_cannot_be_written_to(
    beautician: TestClient, database: Database, stranger: int, identity: str
) -> None:
    table, fields = FORMS[identity]
    with database.reading() as session:
        before = len(rows(session, table))
    page = beautician.post(f"/admin/{identity}/create", data=fields | {"customer": str(stranger)} | SAVE)
    assert page.status_code == 422
    assert re.search(r'id="customer-refused-1"[^>]*>.*?请重新选择', page.text, re.DOTALL)
    assert "别人的客" not in page.text
    with database.reading() as session:
        assert len(rows(session, table)) == before
    assert beautician.get(f"/admin/customer/details/{stranger}").status_code == 404


@pytest.mark.parametrize("identity", FORMS)
def test_her_own_customer_can_and_the_owner_may_choose_anybody(
    beautician: TestClient, owner: TestClient, shop: dict[str, int], stranger: int, identity: str
) -> None:
    fields = FORMS[identity][1]
    hers = beautician.post(f"/admin/{identity}/create", data=fields | {"customer": str(shop["customer"])} | SAVE)
    anybody = fields | {"customer": str(stranger), "staff": "__None"}
    assert (hers.status_code, owner.post(f"/admin/{identity}/create", data=anybody | SAVE).status_code) == (303, 303)


@pytest.mark.parametrize("identity", OWN_NAMES)
def test_she_writes_in_her_own_name_whatever_is_sent(
    beautician: TestClient, database: Database, shop: dict[str, int], people: dict[Role, int], identity: str
) -> None:
    table, fields = FORMS[identity]
    for sent in ({}, {"staff": str(people[Role.OWNER])}, {"staff": "__None"}):
        beautician.post(f"/admin/{identity}/create", data=fields | {"customer": str(shop["customer"])} | sent | SAVE)
        with database.reading() as session:
            assert rows(session, table)[-1].staff_id == people[Role.BEAUTICIAN]


@pytest.mark.parametrize("identity", OWN_NAMES)
def test_her_form_asks_for_no_name_and_says_whom_she_may_choose(
    beautician: TestClient, owner: TestClient, shop: dict[str, int], identity: str
) -> None:
    hers, bosses = (client.get(f"/admin/{identity}/create").text for client in (beautician, owner))
    assert 'name="staff"' in bosses
    assert 'name="staff"' not in hers
    assert "只能选您服务过的顾客" in hers
    assert "只能选您服务过的顾客" not in bosses


def test_a_colleagues_record_keeps_its_name_and_no_record_is_moved_to_a_stranger(
    beautician: TestClient, database: Database, shop: dict[str, int], people: dict[Role, int], stranger: int
) -> None:
    with database.writing() as session:
        session.get(SkinRecord, shop["skin-record"]).staff_id = people[Role.MANAGER]
    path, fields = f"/admin/skin-record/edit/{shop['skin-record']}", FORMS["skin-record"][1] | {"concerns": "好多了"}
    assert beautician.post(path, data=fields | {"customer": str(stranger)} | SAVE).status_code == 422
    sent = {"customer": str(shop["customer"]), "staff": str(people[Role.BEAUTICIAN])}
    assert beautician.post(path, data=fields | sent | SAVE).status_code == 303
    with database.reading() as session:
        record = session.get(SkinRecord, shop["skin-record"])
        assert (record.customer_id, record.staff_id, record.concerns) == (
            shop["customer"],
            people[Role.MANAGER],
            "好多了",
        )


def test_what_she_recorded_stays_hers_to_correct_though_the_customer_is_no_longer(
    beautician: TestClient, database: Database, people: dict[Role, int], stranger: int
) -> None:
    with database.writing() as session:
        record = SkinRecord(
            customer_id=stranger, seen_on=date(2026, 11, 24), skin_type=SkinType.OILY, staff_id=people[Role.BEAUTICIAN]
        )
        session.add(record)
        session.flush()
        number = record.id
    fields = FORMS["skin-record"][1] | {"customer": str(stranger)}
    assert beautician.post(f"/admin/skin-record/edit/{number}", data=fields | SAVE).status_code == 303
