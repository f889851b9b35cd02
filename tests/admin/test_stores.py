"""Two stores of one house: whoever belongs to one comes near no record of the other, by no way in. Each way is shown to
open when the scope is taken away."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import false
from sqlmodel import Session, select
from starlette.testclient import TestClient

from app.actions.complaints import ComplaintIntake, open_complaint
from app.actions.consents import ConsentDetails, grant_consent
from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.admin import VIEWS
from app.db import Database
from app.models import (
    AuditEntry,
    Complaint,
    ComplaintEvent,
    Consent,
    Customer,
    ImportBatch,
    OutboundMessage,
    PointsAccount,
    PointsLot,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Staff,
    Store,
    Survey,
    SurveyAnswer,
    SurveyQuestion,
    SurveyResponse,
    Visit,
)
from app.queries.policy import current_policy
from app.queries.scopes import of_store
from app.rules.access import Scope, may, scope_of
from app.rules.customers import CustomerDetails
from app.vocabulary import (
    AuditAction,
    Channel,
    ImportKind,
    Purpose,
    QuestionKind,
    ResponseState,
    Role,
    SkinType,
    SurveyStatus,
)
from tests.conftest import on_sqlite, shops_today
from tests.questionnaires import put_survey

REGISTERS = {view.identity: view for view in VIEWS if view.is_model}
BOUND = [Role.MANAGER, Role.RECEPTION, Role.BEAUTICIAN, Role.MARKETER]
NAME, PHONE = "乙店的客", "13911112222"
DEED_FIELDS = {"text": "话", "reason": "回电", "solves": "y", "password": "three odd words 7"}
FORMS = {
    "visit": {"visited_at": "2026-11-24 18:30", "outcome": "improved", "treatment": "__None"},
    "skin-record": {"seen_on": "2026-11-24", "skin_type": "dry"},
    "complaint": {"kind": "complaint", "channel": "counter", "text": "等太久"},
    "consent": {"purpose": "marketing", "channel": "sms", "given_by": "签字"},
    "customer": {"name": "新客", "gender": "female", "birthday_calendar": "solar", "source": "store", "status": "active", "tier": "__None"},
    "survey": {"title": "问", "slug": "ask-b", "mode": "open"},
    "survey-question": {"text": "好吗", "kind": "rating", "weight": "1", "scale_max": "5", "is_required": "y"},
}  # fmt: skip


@dataclass(frozen=True)
class OtherStore:
    """A record of everything in a store that is not hers: numbers by register, and what else a form may name."""

    store_id: int
    rows: dict[str, int]
    member_no: str
    slug: str


@pytest.fixture
def other(database: Database, shop: dict[str, int], people: dict[Role, int], real_now: datetime) -> OtherStore:
    """Store B with its people, its customer and what happened there. Everybody of the tests belongs to store A."""
    with database.writing() as session:
        for role in BOUND:
            session.get(Staff, people[role]).store_id = 1
        store = Store(code="B", name="乙店")
        session.add(store)
        session.flush()
        return _filled(session, store.id, real_now)


def _filled(session: Session, store_id: int, now: datetime) -> OtherStore:
    policy = current_policy(session)
    staff = Staff(
        name="乙店员工", login="b", password_hash="!", role=Role.BEAUTICIAN, store_id=store_id, created_at=now
    )
    details = CustomerDetails(name=NAME, phone=PHONE, store_id=store_id, birthday=f"{shops_today():%m-%d}")
    customer = create_customer(session, details, policy=policy, now=now)
    survey = Survey(slug="b-asks", title="乙店问卷", store_id=store_id, created_at=now, status=SurveyStatus.PUBLISHED)
    draft = Survey(slug="b-draft", title="乙店草稿", store_id=store_id, created_at=now)
    session.add(staff)
    (_, asked), (_, written) = put_survey(session, survey), put_survey(session, draft)
    question = SurveyQuestion(
        survey_id=draft.id, version_id=written, key="q", position=1, kind=QuestionKind.RATING, text="乙店题目"
    )
    case = open_complaint(
        session, ComplaintIntake("乙店投诉", customer_id=customer.id, store_id=store_id), policy=policy, now=now
    )
    consent = grant_consent(
        session, ConsentDetails(customer.id, Purpose.MARKETING, Channel.SMS), policy=policy, now=now
    )
    response = SurveyResponse(
        survey_id=survey.id, version_id=asked, submission_id="b", customer_id=customer.id, started_at=now, finished_at=now, score=10,
        state=ResponseState.FINISHED,
    )  # fmt: skip
    rows: dict[str, Any] = {
        "survey-question": question,
        "survey-response": response,
        "purchase": Purchase(
            order_no="B-1", occurred_at=now, customer_id=customer.id, store_id=store_id, paid_fen=77700
        ),
        "visit": Visit(customer_id=customer.id, visited_at=now, store_id=store_id, staff_id=staff.id, note="乙"),
        "skin-record": SkinRecord(customer_id=customer.id, seen_on=now.date(), skin_type=SkinType.OILY, concerns="乙"),
        "outbound-message": OutboundMessage(
            key="b", customer_id=customer.id, purpose=Purpose.SERVICE_CARE, channel=Channel.SMS, body="乙", due_at=now
        ),
        "import-batch": ImportBatch(
            kind=ImportKind.CUSTOMERS, file_name="b.csv", file_sha256="0" * 64, started_at=now, staff_id=staff.id
        ),
        "audit-entry": AuditEntry(
            at=now, staff_id=staff.id, actor="乙店员工", action=AuditAction.UPDATE, subject="tags", subject_id=1
        ),
    }
    session.add_all(rows.values())
    session.flush()
    rows["points-entry"] = earned = earn_points(
        session, customer.id, 5, reference="乙", reason="乙", now=now, zone=ZoneInfo("Asia/Shanghai")
    )
    rows["points-lot"] = session.exec(select(PointsLot).where(PointsLot.entry_id == earned.id)).one()
    rows["points-account"] = session.get(PointsAccount, earned.account_id)
    event = session.exec(select(ComplaintEvent).where(ComplaintEvent.complaint_id == case.id)).first()
    session.add(PurchaseLine(purchase_id=rows["purchase"].id, position=1, item="乙", unit_price_fen=1, amount_fen=1))
    session.add(SurveyAnswer(response_id=response.id, question_id=question.id, question_key="q", value="乙店答案"))
    numbers = {identity: row.id for identity, row in rows.items()} | {
        "customer": customer.id, "consent": consent.id, "complaint": case.id, "complaint-event": event.id,
        "survey": survey.id, "staff": staff.id, "store": store_id,
    }  # fmt: skip
    return OtherStore(store_id, numbers, customer.member_no, survey.slug)


@pytest.fixture
def unscoped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The house without its walls."""
    monkeypatch.setattr("app.admin_base.asking.visible", lambda table, person: None)


def listed(page: str, identity: str) -> set[int]:
    """The records a list page leads to. A customer's row leads to her page under her number, and to her form."""
    return {int(number) for number in re.findall(rf'href="[^"]*/admin/{identity}/(?:details|edit)/(\d+)["?]', page)}


def ways_in(browser: TestClient, identity: str, row_id: int) -> set[str]:
    """By which ways a record of a register can be reached."""
    open_ways = {
        name
        for name, path in {"list": f"{identity}/list?pageSize=100&state=all", "sorted": f"{identity}/list?sortBy=id&sort=desc"}.items()
        if row_id in listed(browser.get(f"/admin/{path}").text, identity)
    }  # fmt: skip
    for way in ("details", "edit"):
        if browser.get(f"/admin/{identity}/{way}/{row_id}").status_code == 200:
            open_ways.add(way)
    if browser.post(f"/admin/{identity}/edit/{row_id}", data=FORMS.get(identity, {})).status_code not in {403, 404}:
        open_ways.add("save")
    if browser.get(f"/admin/{identity}/delete?pks={row_id}").status_code == 200:
        open_ways.add("delete")
    for deed in REGISTERS[identity].deeds:
        answer = browser.post(f"/admin/{identity}/do/{deed.name}/{row_id}", data=DEED_FIELDS)
        if answer.status_code not in {403, 404}:
            open_ways.add(f"deed {deed.name}")
    return open_ways


@pytest.mark.parametrize("role", BOUND)
def test_no_record_of_another_store_is_reached_by_any_way(
    as_role: Callable[[Role], TestClient], other: OtherStore, role: Role
) -> None:
    with as_role(role) as browser:
        reached = {identity: ways_in(browser, identity, row_id) for identity, row_id in other.rows.items()}
        # Whoever may not change her is led to her page by her number.
        assert f"/desk/customers/{other.member_no}" not in browser.get("/admin/customer/list?pageSize=100").text
    assert {identity: ways for identity, ways in reached.items() if ways} == {}


@on_sqlite
def test_without_the_scope_every_one_of_those_ways_is_open(
    as_role: Callable[[Role], TestClient], other: OtherStore, unscoped: None
) -> None:
    with as_role(Role.MANAGER) as browser:
        reached = {identity: ways_in(browser, identity, row_id) for identity, row_id in other.rows.items()}
    for identity, ways in reached.items():
        if may(Role.MANAGER, REGISTERS[identity].model.__tablename__, "list"):
            assert {"list", "details"} <= ways, identity
    assert {"edit", "save", "deed reveal"} <= reached["customer"]
    assert {"deed reveal", "deed reply", "deed note"} <= reached["complaint"]
    assert {"edit", "save", "delete"} <= reached["survey-question"]
    assert "deed withdraw" in reached["consent"]


LOOKED_UP = ("visit", "skin-record", "complaint", "consent", "social-account")


def names_echoed(browser: TestClient, other: OtherStore) -> set[str]:
    """The forms that, sent back with her number in them, say who she is."""
    echoed = set()
    for identity in LOOKED_UP:
        page = browser.post(f"/admin/{identity}/create", data={"customer": str(other.rows["customer"])})
        if re.search(rf"{NAME}|{NAME.encode('unicode_escape').decode().replace(chr(92), chr(92) * 2)}", page.text):
            echoed.add(identity)
    return echoed


def test_a_form_sent_with_the_number_of_another_stores_customer_does_not_name_her(
    as_role: Callable[[Role], TestClient], other: OtherStore
) -> None:
    with as_role(Role.MANAGER) as browser:
        assert names_echoed(browser, other) == set()


@on_sqlite
def test_without_the_scope_those_forms_name_her(
    as_role: Callable[[Role], TestClient], other: OtherStore, unscoped: None
) -> None:
    with as_role(Role.MANAGER) as browser:
        assert names_echoed(browser, other)


def refusal_of_phone(as_role: Callable[[Role], TestClient]) -> str:
    """What reception is told who gives a new customer the phone of the other store's."""
    with as_role(Role.RECEPTION) as browser:
        answer = browser.post("/admin/customer/create", data=FORMS["customer"] | {"phone": PHONE})
    assert answer.status_code == 422
    assert "这个电话已经" in answer.text
    return answer.text


def test_typing_the_phone_of_another_stores_customer_does_not_tell_whose_it_is(
    as_role: Callable[[Role], TestClient], other: OtherStore
) -> None:
    assert other.member_no not in refusal_of_phone(as_role)


@on_sqlite
def test_without_the_scope_the_phone_tells_the_member_number(
    as_role: Callable[[Role], TestClient], other: OtherStore, unscoped: None
) -> None:
    assert other.member_no in refusal_of_phone(as_role)


def test_her_own_stores_records_and_those_of_no_store_are_hers(
    as_role: Callable[[Role], TestClient],
    database: Database,
    other: OtherStore,
    shop: dict[str, int],
    people: dict[Role, int],
) -> None:
    with database.writing() as session:
        session.get(Purchase, shop["purchase"]).store_id = 1
        session.get(ImportBatch, shop["import-batch"]).staff_id = people[Role.MANAGER]  # nobody's file is not hers
    manager = as_role(Role.MANAGER)
    for identity, view in REGISTERS.items():
        if may(Role.MANAGER, view.model.__tablename__, "details") and identity != "audit-entry":
            assert manager.get(f"/admin/{identity}/details/{shop[identity]}").status_code == 200, identity
    assert manager.get("/admin/audit-entry/list").status_code == 200


@on_sqlite
@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_owner_and_auditor_see_every_store(
    as_role: Callable[[Role], TestClient], database: Database, other: OtherStore, people: dict[Role, int], role: Role
) -> None:
    with database.writing() as session:  # even where somebody wrote a store beside their names
        session.get(Staff, people[role]).store_id = 1
    browser = as_role(role)
    for identity, row_id in other.rows.items():
        if may(role, REGISTERS[identity].model.__tablename__, "details"):
            assert browser.get(f"/admin/{identity}/details/{row_id}").status_code == 200, identity


def test_who_bought_or_was_served_here_is_a_customer_here_though_she_belongs_elsewhere(
    as_role: Callable[[Role], TestClient], database: Database, other: OtherStore, real_now: datetime
) -> None:
    path = f"/admin/customer/details/{other.rows['customer']}"
    manager = as_role(Role.MANAGER)
    assert manager.get(path).status_code == 404
    with database.writing() as session:
        visit = Visit(customer_id=other.rows["customer"], visited_at=real_now, store_id=1)
        session.add(visit)
        session.flush()
        number = visit.id
    page = manager.get(path)
    assert page.status_code == 200
    assert listed(page.text, "visit") == {number}  # what happened in her own store stays there
    assert listed(page.text, "purchase") == set()
    with database.writing() as session:
        session.delete(session.get(Visit, number))
        session.add(
            Purchase(order_no="A-9", occurred_at=real_now, customer_id=other.rows["customer"], store_id=1, paid_fen=100)
        )
    assert manager.get(path).status_code == 200


# ── What is typed, chosen, printed and counted ────────────────────────────────────────────────────────────────────────


def looked_up(browser: TestClient, identity: str, term: str) -> list[Any]:
    """What a form offers while somebody types."""
    answer = browser.get(f"/admin/{identity}/ajax/lookup", params={"name": "customer", "term": term})
    return answer.json()["results"] if answer.status_code == 200 else []


def found(browser: TestClient, identity: str, term: str) -> set[int]:
    """What the search box finds."""
    return listed(browser.get(f"/admin/{identity}/list", params={"search": term}).text, identity)


@pytest.mark.parametrize("role", BOUND)
def test_nothing_of_another_store_is_found_or_offered(
    as_role: Callable[[Role], TestClient], other: OtherStore, role: Role
) -> None:
    with as_role(role) as browser:
        for term in (NAME, PHONE, other.member_no, PHONE[-4:]):
            for identity in ("visit", "skin-record", "consent", "complaint"):
                assert looked_up(browser, identity, term) == []
            for identity in ("customer", "purchase", "complaint"):
                assert found(browser, identity, term) == set()
        assert found(browser, "survey", "乙店") == found(browser, "staff", "乙店") == set()
        for identity in FORMS:
            page = browser.get(f"/admin/{identity}/create").text
            assert not re.search(r">\s*乙店", page), identity


@on_sqlite
def test_without_the_scope_it_is_found_and_offered(
    as_role: Callable[[Role], TestClient], other: OtherStore, unscoped: None
) -> None:
    manager = as_role(Role.MANAGER)
    assert looked_up(manager, "visit", NAME)
    assert found(manager, "customer", NAME) == {other.rows["customer"]}
    assert found(manager, "staff", "乙店") == {other.rows["staff"]}
    assert re.search(r">\s*乙店", manager.get("/admin/visit/create").text)


def counted(database: Database, table: type) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return len(session.exec(select(table.id)).all())


@pytest.mark.parametrize(
    ("identity", "table", "sent"),
    [
        ("visit", Visit, ("customer",)),
        ("visit", Visit, ("staff",)),
        ("visit", Visit, ("store",)),
        ("skin-record", SkinRecord, ("customer",)),
        ("skin-record", SkinRecord, ("staff",)),
        ("consent", Consent, ("customer",)),
        ("complaint", Complaint, ("customer",)),
        ("complaint", Complaint, ("store",)),
        ("customer", Customer, ("store",)),
        ("survey", Survey, ("store",)),
        ("survey-question", SurveyQuestion, ("survey",)),
    ],
)
def test_a_record_of_another_store_cannot_be_named_in_a_form(
    as_role: Callable[[Role], TestClient],
    database: Database,
    other: OtherStore,
    shop: dict[str, int],
    identity: str,
    table: type,
    sent: tuple[str, ...],
) -> None:
    own = {"customer": shop["customer"]} if identity not in {"customer", "survey", "survey-question"} else {}
    foreign = {name: str(other.rows["survey-question" if name == "survey" else name]) for name in sent}
    if sent == ("survey",):
        with database.reading() as session:
            foreign = {"survey": str(session.exec(select(Survey.id).where(Survey.slug == "b-draft")).one())}
    before = counted(database, table)
    manager = as_role(Role.MANAGER)
    page = manager.post(f"/admin/{identity}/create", data=FORMS[identity] | own | foreign | {"save": "保存"})
    assert page.status_code == 422
    assert NAME not in page.text
    assert counted(database, table) == before


def test_a_bulk_deletion_that_names_one_of_another_store_deletes_nothing(
    as_role: Callable[[Role], TestClient], database: Database, other: OtherStore, shop: dict[str, int]
) -> None:
    with database.writing() as session:
        mine = Survey(slug="a-draft", title="甲店草稿", store_id=1)
        survey_id, version_id = put_survey(session, mine)
        question = SurveyQuestion(
            survey_id=survey_id, version_id=version_id, key="a", position=1, kind=QuestionKind.RATING, text="甲"
        )
        session.add(question)
        session.flush()
        number = question.id
    before = counted(database, SurveyQuestion)
    manager = as_role(Role.MANAGER)
    path = f"/admin/survey-question/delete?pks={number},{other.rows['survey-question']}"
    for method in ("GET", "POST", "DELETE"):
        assert manager.request(method, path).status_code in {403, 404}, method
    assert counted(database, SurveyQuestion) == before


@on_sqlite
@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION])
def test_no_card_of_another_stores_customer_is_printed(
    as_role: Callable[[Role], TestClient], other: OtherStore, role: Role
) -> None:
    browser = as_role(role)
    assert other.member_no not in browser.get(f"/admin/cards?customers={other.rows['customer']}").text
    for step in ("count", "print"):
        page = browser.post("/admin/cards", data={"who": "members", "members": other.member_no, "step": step})
        assert page.status_code >= 400
        assert NAME not in page.text
    everyone = browser.post("/admin/cards", data={"who": "everyone", "step": "count"})
    assert everyone.status_code == 200
    assert "王小丽" in everyone.text
    assert NAME not in everyone.text


@on_sqlite
def test_without_the_scope_it_would_be(
    as_role: Callable[[Role], TestClient], other: OtherStore, unscoped: None
) -> None:
    manager = as_role(Role.MANAGER)
    assert other.member_no in manager.get(f"/admin/cards?customers={other.rows['customer']}").text
    assert NAME in manager.post("/admin/cards", data={"who": "everyone", "step": "count"}).text
    assert "乙店问卷" in manager.get("/admin/posters").text


@on_sqlite
@pytest.mark.parametrize("role", [Role.MANAGER, Role.RECEPTION, Role.MARKETER])
def test_no_poster_of_another_stores_survey_is_printed(
    as_role: Callable[[Role], TestClient], other: OtherStore, role: Role
) -> None:
    browser = as_role(role)
    assert "乙店问卷" not in browser.get(f"/admin/posters?survey={other.rows['survey']}").text
    page = browser.post("/admin/posters", data={"survey": other.slug, "size": "a6"})
    assert page.status_code >= 400
    assert "乙店问卷" not in page.text


def figures(page: str) -> str:
    """What a person reads on the first page."""
    return re.sub(r"<[^>]+>", " ", page[page.index("<main") : page.index("</main")])


@pytest.mark.parametrize("role", BOUND)
def test_the_first_page_counts_her_own_store(
    as_role: Callable[[Role], TestClient], owner: TestClient, other: OtherStore, role: Role
) -> None:
    hers, whole = figures(as_role(role).get("/admin/").text), figures(owner.get("/admin/").text)
    assert "1,204.00" in whole
    assert NAME in whole
    assert "427.00" in hers
    assert "1,204.00" not in hers
    assert NAME not in hers


def test_a_file_holds_her_own_store(
    as_role: Callable[[Role], TestClient], owner: TestClient, other: OtherStore, shop: dict[str, int]
) -> None:
    wish = {"kind": "csv", "purpose": "对账"}
    files = {
        name: browser.post("/admin/customer/export", data=wish).content.decode("utf-8-sig")
        for name, browser in {"hers": as_role(Role.MANAGER), "whole": owner}.items()
    }
    assert NAME in files["whole"]
    assert "王小丽" in files["hers"]
    assert NAME not in files["hers"]


def test_the_journal_shows_what_her_own_people_did(
    as_role: Callable[[Role], TestClient], owner: TestClient, other: OtherStore
) -> None:
    assert "乙店员工" in owner.get("/admin/journal").text
    page = as_role(Role.MANAGER).get("/admin/journal")
    assert page.status_code == 200
    assert "乙店员工" not in page.text
    assert NAME not in as_role(Role.MANAGER).get("/admin/journal", params={"customer": NAME}).text


def test_a_new_record_is_her_stores_unless_she_says_otherwise(
    as_role: Callable[[Role], TestClient], owner: TestClient, other: OtherStore
) -> None:
    chosen = re.compile(r'<option selected value="1">|<option value="1" selected>')
    assert chosen.search(as_role(Role.RECEPTION).get("/admin/visit/create").text)
    assert not chosen.search(owner.get("/admin/visit/create").text)


def test_editing_a_shared_customer_keeps_the_store_she_belongs_to(
    as_role: Callable[[Role], TestClient], database: Database, other: OtherStore, real_now: datetime
) -> None:
    number = other.rows["customer"]
    with database.writing() as session:
        session.add(Visit(customer_id=number, visited_at=real_now - timedelta(days=1), store_id=1))
    manager = as_role(Role.MANAGER)
    form = manager.get(f"/admin/customer/edit/{number}").text
    assert re.search(rf'<option[^>]*value="{other.store_id}"[^>]*>\s*乙店', form)
    marks = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
    fields = FORMS["customer"] | {"name": NAME, "store": str(other.store_id), "tier": "1", "save": "保存"}
    assert manager.post(f"/admin/customer/edit/{number}", data=marks | fields).status_code == 303
    with database.reading() as session:
        assert session.get(Customer, number).store_id == other.store_id


@pytest.mark.parametrize("view", REGISTERS.values(), ids=list(REGISTERS))
def test_every_register_that_is_kept_to_a_store_says_what_belongs_to_it(view: Any) -> None:
    narrowed = {scope_of(role, view.model.__tablename__) for role in BOUND} & {Scope.STORE, Scope.OWN}
    assert not narrowed or not of_store(view.model, 1).compare(false())
