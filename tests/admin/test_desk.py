"""The desk: its own address before the same guarded pages, the box that finds anybody, what waits today."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from app.actions.complaints import ComplaintIntake, open_complaint
from app.actions.customers import create_customer
from app.actions.tokens import standing_tokens
from app.db import Database
from app.models import AuditEntry, Customer, CustomerAlias, Purchase, Staff, Store, Visit
from app.queries.policy import current_policy
from app.rules.customers import CustomerDetails
from app.vocabulary import AuditAction, Role, SaleChannel
from tests.admin.conftest import PHONE
from tests.admin.reading import form_on, seen_on

READERS = (Role.OWNER, Role.MANAGER, Role.RECEPTION, Role.BEAUTICIAN, Role.AUDITOR)


@pytest.fixture
def member_no(database: Database, shop: dict[str, int]) -> str:
    """The shop's one customer's."""
    with database.reading() as session:
        return session.get(Customer, shop["customer"]).member_no


# ── The door ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_desk_is_the_same_page_outside_and_inside(owner: TestClient, member_no: str) -> None:
    for path in ("/desk", "/desk/search?q=8000", f"/desk/customers/{member_no}"):
        outside, inside = owner.get(path), owner.get(f"/admin{path}")
        assert outside.status_code == inside.status_code == 200
        assert seen_on(outside.text) == seen_on(inside.text)
    assert owner.get("/desk/").status_code == 200


@pytest.mark.parametrize("path", ["/desk", "/desk/customers/10000018?kind=visit"])
def test_nobody_is_led_to_the_sign_in_and_back_to_the_desk(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    login = client.get(answer.headers["location"])
    assert form_on(login.text, "login")["next"] == [path]


def test_a_lookup_of_somebody_signed_out_sends_the_whole_page_to_the_sign_in(client: TestClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/desk/customers/10000018"}
    answer = client.get("/desk/search?q=a", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/admin/login?next=%2Fdesk%2Fcustomers%2F10000018"
    assert answer.text == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "", "Referer": ""},
    ],
)
def test_another_sites_form_is_refused_at_the_desk(
    owner: TestClient, database: Database, shop: dict[str, int], member_no: str, headers: dict[str, str]
) -> None:
    answer = owner.post(f"/desk/customers/{member_no}/verified", headers=headers)
    assert answer.status_code == 403
    with database.reading() as session:
        assert session.get(Customer, shop["customer"]).verified_on is None
    # The control: the same from our own page does something.
    assert owner.post(f"/desk/customers/{member_no}/verified").status_code == 303
    with database.reading() as session:
        assert session.get(Customer, shop["customer"]).verified_on is not None


def test_what_was_done_is_said_on_the_page_that_follows(owner: TestClient, member_no: str) -> None:
    done = owner.post(f"/desk/customers/{member_no}/verified")
    assert "已记下：今天核对过" in seen_on(owner.get(done.headers["location"]).text)


def test_the_desk_keeps_nothing_and_speaks_the_language_asked_for(owner: TestClient) -> None:
    page = owner.get("/desk?lang=en")
    assert page.headers["cache-control"] == "no-store"
    assert 'lang="en"' in page.text
    assert "rouge_lang=en" in page.headers["set-cookie"]


def test_a_form_sent_twice_is_done_once(
    owner: TestClient, database: Database, shop: dict[str, int], member_no: str
) -> None:
    fields = form_on(owner.get(f"/desk/customers/{member_no}").text, "/verified")
    for _ in range(2):
        assert owner.post(f"/desk/customers/{member_no}/verified", data=fields).status_code == 303
    with database.reading() as session:
        told = session.exec(
            select(AuditEntry).where(
                AuditEntry.subject == "customers",
                AuditEntry.subject_id == shop["customer"],
                AuditEntry.action == AuditAction.UPDATE,
            )
        ).all()
    assert len([one for one in told if "verified_on" in one.changes]) == 1


def test_the_menu_leads_to_the_desk_itself(owner: TestClient) -> None:
    assert 'class="nav-item-link" href="/admin/desk"' in owner.get("/desk").text


def test_a_longer_word_is_not_the_desk(owner: TestClient) -> None:
    assert owner.get("/desktop").status_code == 404


# ── The box ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", Role)
def test_whoever_may_see_customers_has_the_box_on_every_page(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], role: Role
) -> None:
    page = as_role(role).get("/admin/tag/list").text
    assert ('action="/desk"' in page) is (role in READERS)
    assert as_role(role).get("/desk").status_code == (200 if role in READERS else 403)
    assert as_role(role).get("/desk/search?q=1").status_code == (200 if role in READERS else 403)


@pytest.mark.parametrize("term", ["王小", "小丽", "wxl", "wangxiaoli", "8000", PHONE, "+86 138 0013 8000", "王小丽"])
def test_the_only_one_found_is_shown_at_once(owner: TestClient, member_no: str, term: str) -> None:
    answer = owner.get("/desk", params={"q": term})
    assert (answer.status_code, answer.headers.get("location")) == (303, f"/desk/customers/{member_no}")


def test_a_scanned_card_opens_her_page(
    owner: TestClient, database: Database, shop: dict[str, int], member_no: str, real_now: datetime
) -> None:
    with database.writing() as session:
        token = standing_tokens(session, [shop["customer"]], now=real_now)[shop["customer"]].token
    answer = owner.get("/desk", params={"q": f"https://shop.example/card/{token}"})
    assert answer.headers["location"] == f"/desk/customers/{member_no}"


def test_several_are_listed_and_none_is_said(
    owner: TestClient, database: Database, shop: dict[str, int], real_now
) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        create_customer(session, CustomerDetails(name="王小明", phone="13900008000"), policy=policy, now=real_now)
    page = owner.get("/desk?q=8000")
    assert page.status_code == 200
    assert {"王小丽", "王小明", "138****8000", "139****8000"} <= set(seen_on(page.text).split())
    assert PHONE not in page.text
    nobody = seen_on(owner.get("/desk?q=没有这人").text)
    assert "没有找到“没有这人”" in nobody
    assert "建档" in nobody


def test_while_typing_only_the_part_comes(owner: TestClient, shop: dict[str, int], member_no: str) -> None:
    part = owner.get("/desk/search?q=小丽", headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="hits"')
    assert f'href="/desk/customers/{member_no}"' in part.text
    assert "138****8000" in part.text
    assert "没有找到" in owner.get("/desk/search?q=无此人").text
    assert "没有找到" not in owner.get("/desk/search?q=").text


def test_a_customer_of_another_store_is_not_found(
    as_role: Callable[[Role], TestClient],
    database: Database,
    shop: dict[str, int],
    people: dict[Role, int],
    member_no: str,
) -> None:
    with database.writing() as session:
        session.add_all([other := Store(code="S2", name="二店"), hers := Store(code="S3", name="三店")])
        session.flush()
        session.get(Customer, shop["customer"]).store_id = other.id
        session.get(Staff, people[Role.RECEPTION]).store_id = hers.id
    reception = as_role(Role.RECEPTION)
    for term in (PHONE, member_no, "小丽"):
        assert member_no not in reception.get("/desk/search", params={"q": term}).text.replace(f"“{term}”", "")
        assert reception.get("/desk", params={"q": term}).status_code == 200
    assert reception.get(f"/desk/customers/{member_no}").status_code == 404
    assert reception.post(f"/desk/customers/{member_no}/verified").status_code == 404


def test_a_sale_is_not_claimed_for_a_customer_of_another_store(
    as_role: Callable[[Role], TestClient],
    database: Database,
    shop: dict[str, int],
    people: dict[Role, int],
    member_no: str,
    real_now: datetime,
) -> None:
    with database.writing() as session:
        session.add_all([other := Store(code="S2", name="二店"), hers := Store(code="S3", name="三店")])
        session.flush()
        session.get(Customer, shop["customer"]).store_id = other.id
        session.get(Staff, people[Role.RECEPTION]).store_id = hers.id
        session.add(
            sale := Purchase(
                order_no="W9",
                occurred_at=real_now,
                store_id=hers.id,
                paid_fen=1,
                channel=SaleChannel.STORE,
                fingerprint="",
                buyer_member_no="V9",
                created_at=real_now,
            )
        )
        session.flush()
    reception = as_role(Role.RECEPTION)
    answers = [
        reception.post(f"/admin/purchase/do/claim/{sale.id}", data={"member_no": no}) for no in (member_no, "V8")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    with database.writing() as session:
        assert session.get(Purchase, sale.id).customer_id is None
        session.get(Customer, shop["customer"]).store_id = hers.id
    assert reception.post(f"/admin/purchase/do/claim/{sale.id}", data={"member_no": member_no}).status_code == 303


def test_a_beautician_finds_whom_she_served_and_nobody_else(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int], member_no: str, real_now: datetime
) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        other = create_customer(session, CustomerDetails(name="王小明"), policy=policy, now=real_now).member_no
    beautician = as_role(Role.BEAUTICIAN)
    found = beautician.get("/desk/search?q=王小").text
    assert member_no in found
    assert other not in found
    assert beautician.get(f"/desk/customers/{other}").status_code == 404


# ── What waits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_desk_says_what_waits_and_whom_to_congratulate(
    owner: TestClient, database: Database, shop: dict[str, int], real_now: datetime, member_no: str
) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        open_complaint(session, ComplaintIntake("太慢了"), policy=policy, now=real_now - timedelta(hours=60))
        session.add(Purchase(order_no="W-1", occurred_at=real_now, paid_fen=100, buyer_member_no="X9"))
        session.get(Customer, shop["customer"]).created_at = real_now - timedelta(days=500)
    page = owner.get("/desk")
    words = seen_on(page.text)
    assert "1 件反馈已过答复时限" in words
    assert "1 笔消费还不知道是谁的" in words
    assert "1 位顾客的资料很久没核对" in words
    assert f'href="/desk/customers/{member_no}"' in page.text.split("今天过生日", 1)[1]


def test_the_list_of_stale_files_is_the_one_that_was_counted(
    owner: TestClient, database: Database, shop: dict[str, int], real_now: datetime, member_no: str
) -> None:
    listed = "/admin/customer/list?verified=stale"
    assert "王小丽" not in owner.get(listed).text
    with database.writing() as session:
        session.get(Customer, shop["customer"]).created_at = real_now - timedelta(days=500)
    assert "王小丽" in owner.get(listed).text
    owner.post(f"/desk/customers/{member_no}/verified")
    assert "王小丽" not in owner.get(listed).text


def test_an_old_number_leads_to_the_page_of_the_new_one(
    owner: TestClient, database: Database, shop: dict[str, int], member_no: str
) -> None:
    with database.writing() as session:
        session.add(CustomerAlias(member_no="OLD-7", customer_id=shop["customer"]))
    for path in ("/desk/customers/OLD-7", "/desk?q=old-7"):
        assert owner.get(path).headers["location"] == f"/desk/customers/{member_no}"
    assert owner.get("/desk/customers/NOBODY").status_code == 404


# ── Handed over ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def walk_in(database: Database, shop: dict[str, int]) -> str:
    """Somebody no beautician has served yet, with an allergy."""
    with database.writing() as session:
        details = CustomerDetails(name="陈初来", phone="13700137000", allergy_note="对花生过敏")
        return create_customer(session, details, policy=current_policy(session), now=datetime.now(UTC)).member_no


def test_a_beautician_sees_what_a_walk_in_cannot_bear_once_the_desk_hands_her_over(
    as_role: Callable[[Role], TestClient], database: Database, walk_in: str, people: dict[Role, int]
) -> None:
    desk, hers = as_role(Role.RECEPTION), as_role(Role.BEAUTICIAN)
    page = f"/desk/customers/{walk_in}"
    assert hers.get(page).status_code == 404
    form = form_on(desk.get(page).text, "hand-over")
    assert form["staff"] == [str(people[Role.BEAUTICIAN])]
    answer = desk.post(f"{page}/hand-over", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert "已交给 测试beautician" in desk.get(page).text
    assert "对花生过敏" in hers.get(page).text
    assert "对花生过敏" not in desk.get(page).text
    assert re.search(rf'{page}">.*陈初来.*有过敏或健康提示', hers.get("/desk").text)
    with database.reading() as session:
        visit = session.exec(select(Visit).order_by(col(Visit.id).desc())).first()
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert (visit.staff_id, entry.subject, entry.subject_id) == (people[Role.BEAUTICIAN], "visits", visit.id)
    assert entry.staff_id == people[Role.RECEPTION]


def test_what_she_writes_down_then_is_that_visit_and_no_second_one(
    as_role: Callable[[Role], TestClient], database: Database, walk_in: str, people: dict[Role, int]
) -> None:
    for _ in range(2):
        data = {"staff": people[Role.BEAUTICIAN]}
        assert as_role(Role.RECEPTION).post(f"/desk/customers/{walk_in}/hand-over", data=data).status_code == 303
    with database.reading() as session:
        visits = session.exec(select(Visit).order_by(col(Visit.id))).all()
    number = visits[-1].customer_id
    told = {
        "customer": str(number),
        "visited_at": "2026-11-24T10:00",
        "outcome": "improved",
        "effect_score": "5",
        "save": "保存",
    }
    assert as_role(Role.BEAUTICIAN).post("/admin/visit/create", data=told).status_code == 303
    with database.reading() as session:
        hers = session.exec(select(Visit).where(Visit.customer_id == number)).all()
    assert [(one.id, one.staff_id, one.effect_score) for one in hers] == [(visits[-1].id, people[Role.BEAUTICIAN], 5)]


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.AUDITOR, Role.MARKETER])
def test_nobody_else_hands_a_customer_over(
    as_role: Callable[[Role], TestClient], database: Database, walk_in: str, people: dict[Role, int], role: Role
) -> None:
    answer = as_role(role).post(f"/desk/customers/{walk_in}/hand-over", data={"staff": people[Role.BEAUTICIAN]})
    assert answer.status_code == 403


def test_she_goes_to_somebody_who_serves(
    as_role: Callable[[Role], TestClient], database: Database, walk_in: str, people: dict[Role, int]
) -> None:
    for chosen in ("", "x", "99", str(people[Role.MARKETER])):
        answer = as_role(Role.RECEPTION).post(f"/desk/customers/{walk_in}/hand-over", data={"staff": chosen})
        assert answer.status_code == 422
        assert "请选一位美容师" in answer.text
