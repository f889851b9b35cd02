"""Making one record out of two in the back office: who may, what is shown, what is asked, and the way back."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.actions.customers import update_customer
from app.actions.duplicates import set_distinct
from app.actions.moving import FATES, Fate
from app.actions.tiers import TIER_COLUMNS
from app.admin_base.merge_page import MOVES
from app.db import Database
from app.models import Customer, CustomerMerge, DuplicatePair, Staff, Store
from app.rules.customers import CustomerDetails
from app.rules.merging import BY_RULE, FIELD_WORDS, FIELDS
from app.settings import Settings
from app.vocabulary import Role
from tests.actions.merging_shop import full, two_customers
from tests.admin.reading import seen_on


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: what a merge does to either database is tried in tests/actions."""
    return sqlite_settings


@pytest.fixture
def pair(database: Database, people: dict[Role, int], real_now: datetime) -> tuple[str, str]:
    """The member numbers of two records of one person, the older one first."""
    with database.writing() as session:
        ids = two_customers(session, full(0), full(1), real_now)
        numbers = tuple(session.get_one(Customer, one).member_no for one in ids)
    return numbers[0], numbers[1]


def typed(page: str) -> dict[str, str]:
    """The form as the page opens it, with the box ticked."""
    hidden = dict(re.findall(r'<input type="hidden" name="(survivor|absorbed|seen|once)" value="([^"]*)"', page))
    chosen = dict(re.findall(r'name="(field-\w+)" value="(\w+)" checked', page))
    return hidden | chosen | {"same": "1"}


def merged(browser: TestClient, pair: tuple[str, str]) -> str:
    """Merge them as proposed; where it led."""
    page = browser.get("/desk/merge", params={"a": pair[0], "b": pair[1]})
    answer = browser.post("/desk/merge", data=typed(page.text))
    assert answer.status_code == 303, seen_on(answer.text)
    return answer.headers["location"]


def test_the_page_shows_both_and_never_a_whole_number(owner: TestClient, pair: tuple[str, str]) -> None:
    page = owner.get("/desk/merge", params={"a": pair[0], "b": pair[1]})
    said = seen_on(page.text)
    assert "王小丽甲" in said
    assert "王小丽乙" in said
    assert "过敏提示不一样" in said
    assert "消费和退货共 2 笔" in said
    assert not re.search(r"1380013800\d", page.text)


def test_the_other_record_is_searched_for(owner: TestClient, pair: tuple[str, str]) -> None:
    page = owner.get("/desk/merge", params={"a": pair[0], "q": "王小丽"})
    assert f"/desk/merge?a={pair[0]}&amp;b={pair[1]}" in page.text
    assert f"b={pair[0]}" not in page.text


def test_a_merge_leads_to_the_one_record_and_its_old_number_does_too(
    owner: TestClient, database: Database, pair: tuple[str, str]
) -> None:
    assert merged(owner, pair) == f"/desk/customers/{pair[0]}"
    assert owner.get(f"/desk/customers/{pair[1]}").headers["location"] == f"/desk/customers/{pair[0]}"
    assert owner.get("/desk/merge", params={"a": pair[0], "b": pair[1]}).headers["location"].endswith(pair[0])


def test_nothing_is_merged_before_somebody_says_it_is_one_person(
    owner: TestClient, database: Database, pair: tuple[str, str]
) -> None:
    form = typed(owner.get("/desk/merge", params={"a": pair[0], "b": pair[1]}).text)
    answer = owner.post("/desk/merge", data={name: value for name, value in form.items() if name != "same"})
    assert answer.status_code == 422
    assert "并勾选" in seen_on(answer.text)
    with database.reading() as session:
        assert session.exec(select(CustomerMerge).where(col(CustomerMerge.undone_at).is_(None))).all() == []


def test_a_pair_that_was_said_to_be_two_people_is_merged_only_by_whoever_says_it_was_wrong(
    owner: TestClient, database: Database, pair: tuple[str, str], people: dict[Role, int], real_now: datetime
) -> None:
    look = partial(owner.get, "/desk/merge", params={"a": pair[0], "b": pair[1]})
    assert "不是同一个人" not in look().text
    with database.writing() as session:
        ids = session.exec(select(Customer.id).where(col(Customer.member_no).in_(pair))).all()
        row = session.exec(
            select(DuplicatePair).where(DuplicatePair.low_id == min(ids), DuplicatePair.high_id == max(ids))
        ).one()
        set_distinct(session, row.id or 0, staff_id=people[Role.RECEPTION], now=real_now)
        who = session.get_one(Staff, people[Role.RECEPTION]).name
    page = look()
    assert re.search(rf"{who} 在 \d{{4}}-\d\d-\d\d \d\d:\d\d 标记过：这两份不是同一个人", seen_on(page.text))
    refused = owner.post("/desk/merge", data=typed(page.text))
    assert refused.status_code == 422
    assert "之前标错了" in seen_on(refused.text)
    with database.reading() as session:
        assert session.exec(select(CustomerMerge).where(CustomerMerge.absorbed_no == pair[1])).all() == []
    assert owner.post("/desk/merge", data=typed(refused.text) | {"mistaken": "1"}).status_code == 303


def test_what_was_changed_while_somebody_looked_is_looked_at_again(
    owner: TestClient, database: Database, pair: tuple[str, str], real_now: datetime
) -> None:
    form = typed(owner.get("/desk/merge", params={"a": pair[0], "b": pair[1]}).text)
    with database.writing() as session:
        changed = session.exec(select(Customer).where(Customer.member_no == pair[1])).one()
        update_customer(session, changed.id or 0, CustomerDetails(occupation="教师"), now=real_now)
    answer = owner.post("/desk/merge", data=form)
    assert answer.status_code == 422
    assert "被改过" in seen_on(answer.text)
    assert owner.post("/desk/merge", data=typed(answer.text)).status_code == 303


def test_what_somebody_chose_is_what_stands(owner: TestClient, database: Database, pair: tuple[str, str]) -> None:
    form = typed(owner.get("/desk/merge", params={"a": pair[0], "b": pair[1]}).text)
    owner.post("/desk/merge", data=form | {"field-name": "absorbed", "field-allergy_note": "survivor"})
    with database.reading() as session:
        joined = session.exec(select(Customer).where(Customer.member_no == pair[0])).one()
    assert joined.name == "王小丽乙"
    assert joined.allergy_note == "对果酸过敏"


def test_the_owner_takes_it_back_on_the_register(owner: TestClient, database: Database, pair: tuple[str, str]) -> None:
    merged(owner, pair)
    with database.reading() as session:
        number = session.exec(select(CustomerMerge.id).where(col(CustomerMerge.undone_at).is_(None))).one()
    page = owner.get(f"/admin/customer-merge/details/{number}")
    assert "撤销合并" in seen_on(page.text)
    assert "还没填" not in seen_on(page.text)  # what happened has nothing to fill in
    again = owner.get(f"/admin/customer-merge/do/undo/{number}", follow_redirects=False)  # the address after a refusal
    assert again.headers["location"] == f"/admin/customer-merge/details/{number}"
    answer = owner.post(f"/admin/customer-merge/do/undo/{number}", data={})
    assert answer.status_code == 200
    assert "两份档案都回来了" in seen_on(answer.text)
    assert owner.get(f"/desk/customers/{pair[1]}").status_code == 200
    assert 'action="/admin/customer-merge/do/undo' not in owner.get(f"/admin/customer-merge/details/{number}").text


@pytest.mark.parametrize("role", [Role.RECEPTION, Role.BEAUTICIAN, Role.MARKETER, Role.AUDITOR])
def test_whoever_may_not_merge_is_not_let_in(
    as_role: Callable[[Role], TestClient], pair: tuple[str, str], role: Role
) -> None:
    assert as_role(role).get("/desk/merge", params={"a": pair[0], "b": pair[1]}).status_code == 403
    assert as_role(role).post("/desk/merge", data={}).status_code == 403


def test_a_manager_merges_only_what_her_store_sees(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], pair: tuple[str, str]
) -> None:
    manager = as_role(Role.MANAGER)
    form = typed(manager.get("/desk/merge", params={"a": pair[0], "b": pair[1]}).text)
    with database.writing() as session:
        other = Store(code="B", name="二店")
        session.add(other)
        session.flush()
        session.get_one(Staff, people[Role.MANAGER]).store_id = 1
        session.exec(select(Customer).where(Customer.member_no == pair[1])).one().store_id = other.id
    page = manager.get("/desk/merge", params={"a": pair[0], "b": pair[1]})
    assert "没有找到另一份档案" in seen_on(page.text)
    assert "王小丽乙" not in page.text
    assert manager.post("/desk/merge", data=form).status_code == 404


def test_everything_that_moves_and_every_field_has_its_word() -> None:
    moving = {table for (table, _), fate in FATES.items() if fate in {Fate.FOLLOWS, Fate.JOINS, Fate.AGREES}}
    assert set(MOVES) == moving
    assert set(FIELD_WORDS) == {*FIELDS, "tier", *BY_RULE} - {*TIER_COLUMNS, "updated_at"}
