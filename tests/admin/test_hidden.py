"""What a role may not read tells itself in no other way either: not through a filter, a number among free words, or a
method nobody thinks of."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.admin_base import hiding
from app.db import Database
from app.models import Customer, Tag, Visit
from app.vocabulary import Role, VisitOutcome

As = Callable[[Role], TestClient]


def visit_with_a_reaction(database: Database, shop: dict[str, int], now: datetime) -> None:
    with database.writing() as session:
        session.add(Visit(customer_id=shop["customer"], visited_at=now, outcome=VisitOutcome.REACTION))


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.AUDITOR])
def test_no_filter_tells_a_hidden_outcome(
    role: Role, as_role: As, database: Database, shop: dict[str, int], now: datetime
) -> None:
    visit_with_a_reaction(database, shop, now)
    browser = as_role(role)
    everything = browser.get("/admin/visit/list").text
    assert 'name="outcome"' not in everything
    rows = [
        browser.get(f"/admin/visit/list?outcome={word}").text.count("/admin/visit/details/") for word in VisitOutcome
    ]
    assert set(rows) == {everything.count("/admin/visit/details/")}


def test_control_with_the_filter_left_in_the_outcome_is_told(
    as_role: As, database: Database, shop: dict[str, int], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit_with_a_reaction(database, shop, now)
    monkeypatch.setattr(hiding.HidesColumns, "_reads", lambda *_: True)
    browser = as_role(Role.AUDITOR)
    rows = {
        browser.get(f"/admin/visit/list?outcome={word}").text.count("/admin/visit/details/") for word in VisitOutcome
    }
    assert len(rows) > 1


def test_the_auditor_learns_no_birthday(as_role: As, database: Database, shop: dict[str, int]) -> None:
    with database.writing() as session:
        customer = session.get_one(Customer, shop["customer"])
        customer.birthday, customer.birth_month, customer.birth_day = "11-24", 11, 24
        name = customer.name
    auditor = as_role(Role.AUDITOR)
    assert 'name="birthday"' not in auditor.get("/admin/customer/list").text
    assert name not in auditor.get("/admin/").text
    assert 'name="birthday"' in as_role(Role.OWNER).get("/admin/customer/list").text


def test_a_number_among_words_is_masked_for_whoever_may_see_none(
    as_role: As, database: Database, shop: dict[str, int]
) -> None:
    with database.writing() as session:
        session.get_one(Customer, shop["customer"]).note = "改打 13622223333"
    page = f"/admin/customer/details/{shop['customer']}"
    assert "136****3333" not in as_role(Role.RECEPTION).get(page).text, "she may call back"
    for role in (Role.BEAUTICIAN, Role.AUDITOR):
        assert "13622223333" not in as_role(role).get(page).text


def test_asking_only_for_the_head_of_a_form_saves_nothing(as_role: As, database: Database) -> None:
    owner = as_role(Role.OWNER)
    typed = {"name": "HEADTAG", "category": "other", "save": "保存"}
    answer = owner.request("HEAD", "/admin/tag/create", data=typed)
    assert answer.status_code == owner.get("/admin/tag/create").status_code == 200
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "HEADTAG")).first() is None
