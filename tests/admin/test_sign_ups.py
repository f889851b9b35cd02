"""Somebody whose phone was known waits for a person; the poster that brought her."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.actions.sign_ups import new_form, sign_up
from app.db import Database
from app.models import AuditEntry, Customer, SignUp, Staff, Store
from app.queries.policy import current_policy
from app.rules.consents import DEFAULT_REGISTER
from app.rules.sign_ups import SignUpForm, read_sign_up
from app.settings import Settings
from app.vocabulary import AuditAction, Role, SignUpState
from tests.admin.conftest import PHONE
from tests.admin.reading import form_on, seen_on
from tests.paper import Paper, codes_in


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: the actions behind these pages are tested on both."""
    return sqlite_settings


def signed_up(session: Session, now: datetime, **typed: object) -> SignUp:
    """A form came in."""
    form = SignUpForm(**{"name": "王晓丽", "phone": PHONE, "birthday": "1990-01-02", "gender": "female"} | typed)
    read = read_sign_up(form, register=DEFAULT_REGISTER, today=now.date())
    row = sign_up(session, new_form(), read, policy=current_policy(session), now=now)
    assert row is not None
    return row


@pytest.fixture
def waiting(database: Database, shop: dict[str, int], real_now: datetime) -> int:
    """Somebody signed up with the phone of the shop's customer."""
    with database.writing() as session:
        return signed_up(session, real_now, consents=("marketing.wechat",)).id or 0


def test_what_was_typed_stands_beside_the_record_and_is_taken_over_by_choice(
    as_role: Callable[[Role], TestClient], database: Database, waiting: int, people: dict[Role, int]
) -> None:
    desk = as_role(Role.RECEPTION)
    work_list = desk.get("/admin/sign-up/list?state=known")
    assert "王晓丽" in work_list.text
    path = f"/admin/sign-up/details/{waiting}"
    page = desk.get(path)
    said = " ".join(seen_on(page.text).split())
    assert "姓名 王晓丽 王小丽" in said
    assert "优惠与活动 · 微信" in said
    done = desk.post(
        f"/admin/sign-up/do/adopt/{waiting}",
        data=form_on(page.text, "/do/adopt/") | {"birthday": ["y"], "consents": ["y"]},
    )
    assert done.status_code == 303
    with database.reading() as session:
        row = session.get(SignUp, waiting)
        customer = session.get(Customer, row.customer_id)
        assert (customer.name, customer.birthday) == ("王小丽", "1990-01-02")
        assert (row.state, row.staff_id) == (SignUpState.SETTLED, people[Role.RECEPTION])
    assert "1990-01-02" not in desk.get(path).text
    assert "/do/adopt/" not in desk.get(path).text


def test_the_first_page_counts_who_waits_and_leads_to_exactly_these(
    as_role: Callable[[Role], TestClient], waiting: int
) -> None:
    desk = as_role(Role.RECEPTION)
    page = desk.get("/admin/").text
    assert "扫码登记待核对：2 位" in page
    assert '<a href="/admin/sign-up/list?state=known">' in page
    assert desk.get("/admin/sign-up/list?state=known").text.count("/admin/sign-up/details/") >= 2
    desk.post(f"/admin/sign-up/do/dismiss/{waiting}", data={})
    assert "扫码登记待核对：1 位" in desk.get("/admin/").text
    assert "扫码登记待核对" not in as_role(Role.MARKETER).get("/admin/").text


def test_it_can_be_let_go(owner: TestClient, database: Database, waiting: int) -> None:
    page = owner.get(f"/admin/sign-up/details/{waiting}").text
    assert owner.post(f"/admin/sign-up/do/dismiss/{waiting}", data=form_on(page, "/do/dismiss/")).status_code == 303
    with database.reading() as session:
        assert session.get(SignUp, waiting).state is SignUpState.SETTLED
        assert session.exec(select(Customer.name)).one() == "王小丽"


def test_an_auditor_sees_that_somebody_came_and_not_her_birthday(
    as_role: Callable[[Role], TestClient], waiting: int
) -> None:
    page = as_role(Role.AUDITOR).get(f"/admin/sign-up/details/{waiting}").text
    assert "王晓丽" in page
    assert "1990-01-02" not in page
    assert "/do/" not in page


def test_a_phone_typed_in_leads_nobody_to_another_stores_customer(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], real_now: datetime
) -> None:
    with database.writing() as session:
        other = Store(code="B", name="二店")
        session.add(other)
        session.flush()
        session.get(Staff, people[Role.RECEPTION]).store_id = 1
        first = signed_up(session, real_now, store="B", phone="13900139000")
        assert session.get(Customer, first.customer_id).store_id == other.id
        again = signed_up(session, real_now, phone="13900139000", name="打听的人")
        mine = signed_up(session, real_now, phone="13900139001", name="自己店的")
        ids = (again.id, mine.id)
    desk, owner = as_role(Role.RECEPTION), as_role(Role.OWNER)
    assert [desk.get(f"/admin/sign-up/details/{one}").status_code for one in ids] == [404, 200]
    assert [owner.get(f"/admin/sign-up/details/{one}").status_code for one in ids] == [200, 200]
    assert "打听的人" not in desk.get("/admin/sign-up/list").text


@pytest.mark.parametrize("size", ["a4", "a6"])
def test_the_poster_of_each_store_leads_to_its_sign_up_page(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int], tmp_path: Path, size: str
) -> None:
    with database.writing() as session:
        session.add(Store(code="JA 2", name="静安二店", address="南京西路二号"))
        session.add(Store(code="OLD", name="旧店", is_active=False))
    marketer = as_role(Role.MARKETER)
    page = marketer.get("/admin/posters").text
    assert "登记会员 · 静安二店" in page
    assert "旧店" not in page
    printed = marketer.post(
        "/admin/posters", data=form_on(page, "/posters") | {"survey": ["join/JA 2"], "size": [size]}
    )
    assert printed.headers["content-type"] == "application/pdf"
    paper = Paper(printed.content)
    assert codes_in(paper.picture(1, 150)) == ["http://testserver/join?store=JA%202"]
    assert "南京西路二号" in paper.text(1)
    assert "会员" in paper.text(1)
    with database.reading() as session:
        noted = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.PRINT)).one()
        assert (noted.subject, size in noted.changes) == ("stores", True)
    gone = marketer.post("/admin/posters", data=form_on(page, "/posters") | {"survey": ["join/OLD"]})
    assert gone.status_code == 404
    assert "没有找到这家门店" in gone.text
