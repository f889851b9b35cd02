"""The list of likely duplicates, the hint while typing, and the one question before a second record is made."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.admin_base.duplicates import DuplicatesPage
from app.db import Database
from app.models import Customer, DuplicatePair, Staff, Store
from app.rules.customers import CustomerDetails
from app.rules.limits import ASK_NUMBER
from app.rules.policy import Policy
from app.vocabulary import PairState, Role
from tests.admin.reading import foreign_words, form_on, seen_on

PHONE = "13800138000"


@pytest.fixture
def two(database: Database, people, real_now) -> dict[str, int]:
    """One person entered twice, the second time in another store; and the stores."""
    with database.writing() as session:
        other = Store(code="S2", name="二店")
        session.add(other)
        session.flush()
        first = session.exec(select(Store)).first()
        numbers = {"here": first.id, "there": other.id}
        for name, phone, store in (("王小明", PHONE, first.id), ("王小名", "13900139000", other.id)):
            details = CustomerDetails(name=name, phone=phone, birthday="1990-03-12", store_id=store)
            numbers[name] = create_customer(session, details, policy=Policy(), now=real_now).id
    return numbers


def bind(database: Database, people: dict[Role, int], role: Role, store_id: int) -> None:
    """Keep somebody to one store."""
    with database.writing() as session:
        session.get(Staff, people[role]).store_id = store_id


def states(database: Database) -> list[PairState]:
    """What is said of the pairs."""
    with database.reading() as session:
        return list(session.exec(select(DuplicatePair.state)))


def test_both_records_stand_side_by_side_with_the_reasons_and_no_whole_number(owner: TestClient, two) -> None:
    page = owner.get("/desk/duplicates")
    text = seen_on(page.text)
    for said in ("王小明", "王小名", "姓名读音相同", "生日相同", "138****8000", "139****9000", "很可能是同一个人"):
        assert said in text
    assert PHONE not in page.text
    assert "13900139000" not in page.text
    assert "/desk/merge?a=" in page.text
    assert foreign_words(page.text) == set()


def test_without_any_it_says_so(owner: TestClient) -> None:
    assert "没有疑似重复的顾客" in owner.get("/desk/duplicates").text
    assert "还没有人说过" in owner.get("/desk/duplicates?state=distinct").text


def test_not_the_same_person_goes_to_the_other_tab_and_comes_back(owner: TestClient, database: Database, two) -> None:
    def say(page: str, verdict: str) -> None:
        fields = form_on(owner.get(page).text, "/desk/duplicates")
        answer = owner.post("/desk/duplicates", data=fields | {"say": verdict})
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/duplicates")

    say("/desk/duplicates", "distinct")
    assert states(database) == [PairState.DISTINCT]
    page = owner.get("/desk/duplicates")
    assert "以后不再提示" in page.text
    assert "没有疑似重复的顾客" in page.text
    assert "测试owner" in owner.get("/desk/duplicates?state=distinct").text
    say("/desk/duplicates?state=distinct", "open")
    assert states(database) == [PairState.OPEN]


@pytest.mark.parametrize(
    "form", [{}, {"pair": "1"}, {"pair": "1", "say": "merge"}, {"pair": "x", "say": "distinct"}, {"say": "open"}]
)
def test_a_word_nobody_knows_changes_nothing(owner: TestClient, database: Database, two, form: dict[str, str]) -> None:
    assert owner.post("/desk/duplicates", data=form).status_code == 404
    assert states(database) == [PairState.OPEN]


def test_a_pair_that_is_gone_is_not_found(owner: TestClient, two) -> None:
    assert owner.post("/desk/duplicates", data={"pair": "987654", "say": "distinct"}).status_code == 404


def test_a_store_sees_a_pair_only_where_both_records_are_hers(
    as_role: Callable[[Role], TestClient], database: Database, people, two
) -> None:
    bind(database, people, Role.RECEPTION, two["here"])
    desk = as_role(Role.RECEPTION)
    assert "没有疑似重复的顾客" in desk.get("/desk/duplicates").text
    with database.reading() as session:
        number = session.exec(select(DuplicatePair.id)).one()
    assert desk.post("/desk/duplicates", data={"pair": number, "say": "distinct"}).status_code == 404
    assert states(database) == [PairState.OPEN]
    with database.writing() as session:
        session.get(Customer, two["王小名"]).store_id = two["here"]
    assert "王小名" in desk.get("/desk/duplicates").text


def test_an_auditor_looks_and_decides_nothing(as_role: Callable[[Role], TestClient], database: Database, two) -> None:
    page = as_role(Role.AUDITOR).get("/desk/duplicates")
    assert "王小名" in page.text
    assert "1990-03-12" not in page.text, "an auditor sees no birthday"
    assert "不是同一个人</button>" not in page.text
    assert as_role(Role.AUDITOR).post("/desk/duplicates", data={"pair": 1, "say": "distinct"}).status_code == 403
    assert states(database) == [PairState.OPEN]


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.MARKETER])
def test_others_have_no_business_there(as_role: Callable[[Role], TestClient], two, role: Role) -> None:
    assert as_role(role).get("/desk/duplicates").status_code == 403
    assert as_role(role).post("/desk/likely", data={"name": "王小明"}).status_code == 403


def test_the_menu_says_how_many_wait(owner: TestClient, two) -> None:
    assert '<span class="menu-count">1</span>' in owner.get("/admin/").text


# ── While typing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_is_like_her_is_named_masked_and_with_a_link(owner: TestClient, two) -> None:
    part = owner.post("/desk/likely", data={"name": "王晓明", "birthday": "1990/3/12", "birthday_calendar": "solar"})
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<div id="likely"')
    text = seen_on(part.text)
    assert "可能已经有这位顾客" in text
    assert "王小明" in text
    assert "138****8000" in text
    assert PHONE not in part.text
    assert part.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("typed", [{}, {"name": ""}, {"name": "赵六"}, {"name": "王小明", "birthday": "1985-07-30"}])
def test_where_nobody_is_like_her_it_says_nothing(owner: TestClient, two, typed: dict[str, str]) -> None:
    assert seen_on(owner.post("/desk/likely", data=typed).text).strip() == ""


def test_a_record_being_edited_is_not_like_itself(owner: TestClient, two) -> None:
    part = owner.post("/desk/likely", data={"name": "王小明", "customer_id": str(two["王小明"])})
    assert two["王小明"]
    assert "138****8000" not in part.text


def test_a_whole_number_names_its_owner_to_whoever_may_see_her(
    as_role: Callable[[Role], TestClient], database: Database, people, two
) -> None:
    bind(database, people, Role.RECEPTION, two["there"])
    desk = as_role(Role.RECEPTION)
    hers = seen_on(desk.post("/desk/likely", data={"phone": "139 0013 9000"}).text)
    assert "王小名" in hers
    others = seen_on(desk.post("/desk/likely", data={"phone": PHONE}).text)
    assert "已经登记在另一位会员名下" in others
    assert "王小明" not in others


def test_the_number_is_asked_for_in_the_body_alone(owner: TestClient, two) -> None:
    assert owner.get(f"/desk/likely?phone={PHONE}").status_code == 405
    assert 'hx-post="/desk/likely"' in owner.get("/admin/customer/create").text


def test_guessing_numbers_comes_to_an_end_and_the_same_number_counts_once(owner: TestClient, two) -> None:
    for number in range(ASK_NUMBER.times):
        for _ in range(2):
            part = owner.post("/desk/likely", data={"phone": f"1370000{number:04d}"})
        assert "查过的号码太多" not in part.text
    tired = seen_on(owner.post("/desk/likely", data={"phone": PHONE, "name": "王小明"}).text)
    assert "查过的号码太多" in tired
    assert "王小明" in tired, "what her name says is still said"
    assert "用同一个号码" not in tired


def test_without_the_limit_every_number_would_be_answered(owner: TestClient, two, monkeypatch) -> None:
    """The negative control."""
    monkeypatch.setattr(DuplicatesPage, "_may_ask", lambda self, number: True)
    for number in range(ASK_NUMBER.times):
        owner.post("/desk/likely", data={"phone": f"1370000{number:04d}"})
    assert "用同一个号码" in seen_on(owner.post("/desk/likely", data={"phone": PHONE}).text)


# ── Without a script ──────────────────────────────────────────────────────────────────────────────────────────────────


def customers(database: Database) -> int:
    """How many there are."""
    with database.reading() as session:
        return len(session.exec(select(Customer.id)).all())


def test_a_likely_twin_is_asked_about_once_and_kept_when_somebody_says_so(
    owner: TestClient, database: Database, two
) -> None:
    fields = form_on(owner.get("/admin/customer/create").text, "/customer/create")
    typed = fields | {"name": "王晓明", "birthday": "1990-03-12", "save": "保存"}
    asked = owner.post("/admin/customer/create", data=typed)
    assert asked.status_code == 409
    assert customers(database) == 2
    text = seen_on(asked.text)
    for said in ("可能已经有这位顾客", "138****8000", "仍然新建"):
        assert said in text
    again = form_on(asked.text, "/customer/create")
    assert (again["name"], again["still_new"]) == (["王晓明"], ["1"])
    assert owner.post("/admin/customer/create", data=again | {"save": "保存"}).status_code == 303
    assert customers(database) == 3


def test_whoever_is_like_nobody_is_kept_at_once(owner: TestClient, database: Database, two) -> None:
    fields = form_on(owner.get("/admin/customer/create").text, "/customer/create")
    assert owner.post("/admin/customer/create", data=fields | {"name": "赵六", "save": "保存"}).status_code == 303
    assert customers(database) == 3


def test_a_number_that_is_taken_is_refused_before_anything_is_asked(owner: TestClient, database: Database, two) -> None:
    fields = form_on(owner.get("/admin/customer/create").text, "/customer/create")
    typed = fields | {"name": "王小明", "phone": PHONE, "birthday": "1990-03-12", "save": "保存"}
    refused = owner.post("/admin/customer/create", data=typed)
    assert refused.status_code == 422
    assert "共用原因" in refused.text
    assert "仍然新建" not in refused.text


def test_the_question_is_asked_in_the_readers_language(as_role, database: Database, two) -> None:
    browser = as_role(Role.OWNER, "en")
    assert browser.get("/desk/duplicates").status_code == 200


def test_the_routes_are_known(app: FastAPI, owner: TestClient) -> None:
    assert owner.get("/admin/desk/duplicates").status_code == 200, (
        "the back office's own name for the page works as well"
    )
