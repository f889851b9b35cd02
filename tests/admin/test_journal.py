"""The journal's page: who did what, who saw whom, and whether anybody meddled with it."""

import csv
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import SQLModel, func, select
from starlette.testclient import TestClient

from app.actions.customers import create_customer, update_customer
from app.actions.surveys import finish_response, new_submission_id, save_answer
from app.admin_base import journal
from app.admin_base.formats import table_names
from app.admin_base.journal_words import WAY_WORDS, field_word, labels_of
from app.admin_base.permissions import WORDS_OF_WAYS
from app.audit import SILENT, Actor, note_deed
from app.db import Database
from app.models import AuditEntry, Customer, Staff, Store, Survey, SurveyQuestion, Tag
from app.queries.policy import current_policy
from app.rules.access import PERMISSIONS
from app.rules.customers import CustomerDetails
from app.vocabulary import AuditAction, QuestionKind, Role, SurveyMode
from tests.conftest import on_sqlite

PAGE = "/admin/journal"
REASON = {"reason": "回电说明处理结果"}


def rows(page: str) -> list[str]:
    """The entries on a page, each as plain text."""
    items = re.findall(r"<li>\s*<time.*?</div>\s*</li>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in items]


def seen(client: TestClient, query: str = "") -> list[str]:
    """What the page shows under an address."""
    answer = client.get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    return rows(answer.text)


@pytest.fixture
def other_customer(database: Database, people: dict[Role, int], shop: dict[str, int], real_now: datetime) -> int:
    """Somebody reception took down and changed."""
    actor = Actor("测试reception", people[Role.RECEPTION])
    with database.writing(actor) as session:
        details = CustomerDetails(name="王小妹", phone="13911112222")
        number = create_customer(session, details, policy=current_policy(session), now=real_now).id
    with database.writing(actor) as session:
        update_customer(session, number, CustomerDetails(name="王小美", occupation="教师"), now=real_now)
    return number


def test_it_says_who_did_what_to_whom_and_which_fields_changed(
    owner: TestClient, database: Database, people: dict[Role, int], other_customer: int
) -> None:
    with database.writing(Actor("测试owner", people[Role.OWNER])) as session:
        session.add(Tag(name="怕疼", note="旧"))
    with database.writing(Actor("测试owner", people[Role.OWNER])) as session:
        session.exec(select(Tag).where(Tag.name == "怕疼")).one().note = "轻一点"
    newest, created, changed = seen(owner)[:3]
    assert "测试owner 修改 标签 怕疼 说明：旧 → 轻一点" in newest
    assert "测试owner 新增 标签 怕疼" in created
    assert "测试reception 修改 顾客 王小美" in changed
    assert "姓名：已改（内容不记录）" in changed
    assert "王小妹" not in changed


def test_words_stand_for_what_the_tables_hold(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    with database.writing(Actor("x")) as session:
        survey = session.get(Survey, shop["survey"])
        survey.mode, survey.store_id = SurveyMode.ANONYMOUS, session.exec(select(Store.id)).first()
        store = session.exec(select(Store.name)).first()
    line = seen(owner)[0]
    assert "→ 匿名" in line
    assert f"门店：— → {store}" in line
    assert "anonymous" not in line


def test_who_looked_at_a_number_is_on_a_list_of_its_own_with_the_reason(
    owner: TestClient, as_role: Callable[[Role], TestClient], shop: dict[str, int]
) -> None:
    assert as_role(Role.RECEPTION).post(f"/admin/customer/do/reveal/{shop['customer']}", data=REASON).status_code == 200
    (look,) = seen(owner, "looks=1")
    assert "测试reception 查看号码 顾客 王小丽" in look
    assert "为什么要看：回电说明处理结果" in look
    assert "138" not in look.replace("13800138000"[-4:], "")


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("who={reception}", {"测试reception"}),
        ("deed=update", {"修改"}),
        ("customer={customer}", {"王小美"}),
        ("q=王小美", {"王小美"}),
        ("who={reception}&deed=create&q=王小美", {"新增 顾客 王小美"}),
    ],
)
def test_it_is_narrowed_by_person_deed_and_customer(
    owner: TestClient, people: dict[Role, int], other_customer: int, query: str, fits: set[str]
) -> None:
    found = seen(owner, query.format(reception=people[Role.RECEPTION], customer=other_customer))
    assert found
    assert all(word in line for line in found for word in fits)
    assert len(found) < len(seen(owner))


def test_it_is_narrowed_by_day(owner: TestClient, shop: dict[str, int], real_now: datetime) -> None:
    today = real_now.astimezone().date()
    everything = len(seen(owner))
    yesterday, tomorrow = today - timedelta(days=2), today + timedelta(days=2)
    assert len(seen(owner, f"from={yesterday}&to={tomorrow}")) == everything
    assert seen(owner, f"to={yesterday}") == []
    assert seen(owner, f"from={tomorrow}") == []
    assert len(seen(owner, "from=&to=&who=&deed=&before=&customer=")) == everything


@on_sqlite
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("customer=x", "哪位顾客"),
        ("from=gestern", "从哪天"),
        ("to=2026-13-01", "到哪天"),
        (f"who={'9' * 40}", "谁"),
        ("deed=look", "做了什么"),
        ("before=%00", "翻页"),
    ],
)
def test_what_cannot_be_read_lists_nothing_and_is_named(
    owner: TestClient, shop: dict[str, int], query: str, name: str
) -> None:
    page = owner.get(f"{PAGE}?{query}").text
    assert rows(page) == []
    assert f"看不懂这个条件：{name}。" in page
    assert "/admin/audit-entry/export" not in page


def test_a_new_phone_is_said_once_without_what_follows_from_it(
    owner: TestClient, database: Database, other_customer: int, real_now: datetime
) -> None:
    with database.writing(Actor("x")) as session:
        update_customer(session, other_customer, CustomerDetails(name="李四", phone="13922223333"), now=real_now)
    line = seen(owner)[0]
    assert line.count("手机：") == 1
    assert line.count("姓名：") == 1
    assert not re.search("[a-z]+_[a-z]+", line)


def test_every_column_subject_and_way_the_journal_can_show_has_a_word(app: FastAPI) -> None:
    views = next(route.app for route in app.routes if getattr(route, "path", "") == "/admin").state.back_office.views
    labels, names = labels_of(views), table_names(views)
    tables = [table for table in SQLModel.metadata.sorted_tables if table.name not in SILENT]
    columns = [(table.name, column.key) for table in tables for column in table.columns if column.key != "id"]
    stamps = {"created_at", "updated_at"}
    nameless = [place for place in columns if place[1] not in stamps and not field_word(*place, labels)]
    assert nameless == []
    subjects = {*(table.name for table in tables), *(subject for subject, _ in PERMISSIONS), "admin", "backups"}
    assert subjects - set(names) == set()
    assert {*WORDS_OF_WAYS, "page"} - set(WAY_WORDS) == set()
    assert not [word for word in names.values() if re.search("[a-z]", word)]


def test_a_refusal_says_what_was_tried(
    owner: TestClient, as_role: Callable[[Role], TestClient], shop: dict[str, int]
) -> None:
    beautician = as_role(Role.BEAUTICIAN)
    assert beautician.get("/admin/access").status_code == 403
    assert beautician.post(f"/admin/complaint/do/reveal/{shop['complaint']}").status_code == 403
    newest, before = seen(owner)[:2]
    assert "越权被拒 反馈单" in newest
    assert "想做什么：对一条记录办事" in newest
    assert "越权被拒 谁能做什么 想做什么：打开页面" in before


def test_a_name_of_several_customers_asks_which(owner: TestClient, other_customer: int, shop: dict[str, int]) -> None:
    page = owner.get(f"{PAGE}?q=王小").text
    assert rows(page) == []
    assert f'href="?customer={other_customer}"' in page
    assert f'href="?customer={shop["customer"]}"' in page


def test_a_customer_nobody_knows_is_said_to_be_unknown(owner: TestClient, shop: dict[str, int]) -> None:
    page = owner.get(f"{PAGE}?q=没有这个人").text
    assert rows(page) == []
    assert "没有找到这位顾客" in page


def test_a_customers_history_has_what_hangs_on_her_too_and_what_brought_her_in(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    hers = seen(owner, f"customer={shop['customer']}")
    for word in ("顾客 王小丽", "到店", "皮肤记录", "同意记录", "反馈"):
        assert any(word in line for line in hers), word
    with database.writing(Actor("x")) as session:
        note_deed(session, AuditAction.IMPORT, "customers", shop["customer"] - 0, last=shop["customer"], rows=1)
    assert "导入" in seen(owner, f"customer={shop['customer']}")[0]


def test_the_customers_page_leads_there_for_whoever_may_read_it(
    as_role: Callable[[Role], TestClient], shop: dict[str, int]
) -> None:
    for role in (Role.OWNER, Role.MANAGER, Role.AUDITOR, Role.RECEPTION):
        page = as_role(role).get(f"/admin/customer/details/{shop['customer']}").text
        assert (f'href="/admin/journal?customer={shop["customer"]}"' in page) is (role is not Role.RECEPTION)


def test_every_entry_is_on_exactly_one_page_even_while_new_ones_come(
    owner: TestClient, database: Database, shop: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAGE", 1000)
    everything = seen(owner)
    monkeypatch.setattr(journal, "PAGE", 3)
    page, found = owner.get(PAGE).text, []
    while True:
        found += rows(page)
        older = re.search(r'href="(\?[^"]*before=\d+[^"]*)">更早的', page)
        if older is None:
            break
        with database.writing(Actor("x")) as session:
            note_deed(session, AuditAction.PRINT, "customers", count=1)
        page = owner.get(PAGE + older.group(1).replace("&amp;", "&")).text
    assert found == everything


def test_a_manager_of_a_store_sees_what_its_own_people_did(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], shop: dict[str, int]
) -> None:
    with database.writing() as session:
        here, there = Store(code="A", name="甲店"), Store(code="B", name="乙店")
        session.add_all([here, there])
        session.flush()
        session.get(Staff, people[Role.MANAGER]).store_id = here.id
        session.get(Staff, people[Role.RECEPTION]).store_id = here.id
        session.get(Staff, people[Role.BEAUTICIAN]).store_id = there.id
    for role in (Role.RECEPTION, Role.BEAUTICIAN, Role.OWNER):
        with database.writing(Actor(f"测试{role.value}", people[role])) as session:
            note_deed(session, AuditAction.PRINT, "customers", count=1)
    manager = as_role(Role.MANAGER)
    assert [line.split()[2] for line in seen(manager)] == ["测试reception"]
    page = manager.get(PAGE).text
    assert "测试beautician" not in page
    assert seen(manager, f"who={people[Role.BEAUTICIAN]}") == []


def test_an_anonymous_answer_leaves_nothing_that_dates_it(
    database: Database, shop: dict[str, int], real_now: datetime
) -> None:
    with database.writing() as session:
        survey = session.get(Survey, shop["survey"])
        survey.mode = SurveyMode.ANONYMOUS
        asked = session.exec(select(SurveyQuestion).where(SurveyQuestion.survey_id == survey.id)).all()
        needed = {
            one.key: "1" for one in asked if one.kind in {QuestionKind.RATING, QuestionKind.NPS} or one.is_required
        }
    with database.reading() as session:
        before = session.exec(select(func.max(AuditEntry.id))).one()
    submission = new_submission_id()
    for key, answer in needed.items():
        with database.writing(Actor("customer")) as session:
            save_answer(session, shop["survey"], submission, key, [answer], now=real_now)
    with database.writing(Actor("customer")) as session:
        policy = current_policy(session)
        assert finish_response(session, shop["survey"], submission, policy=policy, now=real_now).response.is_low
    with database.reading() as session:
        assert session.exec(select(func.max(AuditEntry.id))).one() == before


# ── The chain ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_owner_has_it_checked_and_reads_that_it_is_whole(owner: TestClient, shop: dict[str, int]) -> None:
    assert "还没有核对过" in owner.get(PAGE).text
    answer = owner.post(PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    page = owner.get(PAGE).text
    assert "chain-whole" in page
    assert "完整无缺" in page


def test_meddling_is_said_in_red(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    with database.engine.begin() as connection:
        first = connection.exec_driver_sql("SELECT min(id) FROM audit_entries").scalar_one()
        if database.is_sqlite:
            connection.exec_driver_sql("DROP TRIGGER audit_entries_no_update")
        else:
            connection.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        connection.exec_driver_sql(f"UPDATE audit_entries SET actor = '别人' WHERE id = {first}")
    owner.post(PAGE)
    page = owner.get(PAGE).text
    assert "chain-broken" in page
    assert f"第 {first} 条起对不上" in page
    assert 'role="alert"' in page


@on_sqlite
@pytest.mark.parametrize("role", Role)
def test_who_may_read_and_who_may_check(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], role: Role
) -> None:
    client = as_role(role)
    reads, checks = {Role.OWNER, Role.MANAGER, Role.AUDITOR}, {Role.OWNER, Role.AUDITOR}
    page = client.get(PAGE)
    assert page.status_code == (200 if role in reads else 403)
    assert ("现在核对" in page.text) is (role in checks)
    assert client.post(PAGE).status_code == (303 if role in checks else 403)


def test_a_customer_out_of_reach_is_not_named(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], shop: dict[str, int]
) -> None:
    with database.writing() as session:
        there = Store(code="B", name="乙店")
        session.add(there)
        session.flush()
        session.get(Customer, shop["customer"]).store_id = there.id
        mine = session.exec(select(Store).where(Store.code != "B")).first()
        session.get(Staff, people[Role.MANAGER]).store_id = mine.id
    page = as_role(Role.MANAGER).get(f"{PAGE}?q=王小丽").text
    assert "没有找到这位顾客" in page


def test_a_file_holds_what_the_page_was_narrowed_to(
    as_role: Callable[[Role], TestClient], people: dict[Role, int], shop: dict[str, int]
) -> None:
    auditor = as_role(Role.AUDITOR)
    for role in (Role.RECEPTION, Role.OWNER):
        as_role(role).post(f"/admin/customer/do/reveal/{shop['customer']}", data=REASON)
    page = auditor.get(f"{PAGE}?who={people[Role.RECEPTION]}&deed=reveal").text
    way = re.search(r'href="(/admin/audit-entry/export[^"]*)"', page).group(1).replace("&amp;", "&")
    assert auditor.get(way).status_code == 200
    file = auditor.post(way, data={"kind": "csv", "purpose": "年度检查"})
    assert file.status_code == 200
    assert [line[1] for line in csv.reader(file.text.splitlines()[1:])] == ["测试reception"]
    assert "/admin/audit-entry/export" not in as_role(Role.MANAGER).get(PAGE).text
