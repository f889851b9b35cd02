"""Before a record goes, what hangs on it is said, and closing it is offered first; without any script."""

from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, select
from starlette.testclient import TestClient

from app.admin import VIEWS
from app.admin_base.writing import clash
from app.db import Database
from app.models import Customer, CustomerTag, Survey, SurveyQuestion, Tag, Tier, Treatment
from app.vocabulary import Role
from tests.admin.reading import Forms, form_on, seen_on
from tests.questionnaires import put_survey


def wearing(database: Database, shop: dict[str, int]) -> int:
    """A tag the customer wears."""
    with database.writing() as session:
        session.add(CustomerTag(customer_id=shop["customer"], tag_id=shop["tag"]))
    return shop["tag"]


def test_the_page_says_what_goes_with_a_record_and_asking_changes_nothing(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    tag = wearing(database, shop)
    page = owner.get(f"/admin/tag/delete?pks={tag}")
    assert page.status_code == 200
    assert "会一起删除：顾客标签 1 条" in page.text
    with database.reading() as session:
        assert session.get(Tag, tag) is not None
    answer = owner.post(f"/admin/tag/delete?pks={tag}", data=form_on(page.text, "/admin/tag/delete"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/tag/list")
    with database.reading() as session:
        assert session.get(Tag, tag) is None
        assert session.get(Customer, shop["customer"]) is not None


def test_what_stands_in_the_way_is_said_and_closing_is_offered(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    with database.reading() as session:
        tier = session.get(Customer, shop["customer"]).tier_id
    page = owner.get(f"/admin/tier/delete?pks={tier}")
    assert "现在不能删除" in page.text
    assert "顾客 1 条" in page.text
    form = form_on(page.text, "/admin/tier/delete")
    assert owner.post(f"/admin/tier/delete?pks={tier}", data=form | {"do": "delete"}).status_code == 409
    closed = owner.post(f"/admin/tier/delete?pks={tier}", data=form | {"do": "close"})
    assert closed.headers["location"] == f"/admin/tier/details/{tier}"
    with database.reading() as session:
        assert session.get(Tier, tier).is_active is False
    assert "已停用" in owner.get(f"/admin/tier/details/{tier}").text


def test_a_published_survey_is_named_first_then_why_it_stays_and_last_what_can_be_done(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    with database.reading() as session:
        title = session.get(Survey, shop["survey"]).title
    page = owner.get(f"/admin/survey/delete?pks={shop['survey']}").text.split("<h1>", 1)[1]
    told = (title, "连着它的记录", "发布过的问卷不能删除", "不删除也可以「结束问卷」", "之后扫码的顾客会看到")
    assert [page.find(words) for words in told] == sorted(page.find(words) for words in told)
    assert all(words in page for words in told)
    assert "题目就不能再改" not in page


def test_a_closed_record_offers_no_second_closing(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    address = f"/admin/treatment/delete?pks={shop['treatment']}"
    assert "改为停用" in owner.get(address).text
    owner.post(address, data={"do": "close"})
    assert "改为停用" not in owner.get(address).text
    assert owner.post(address, data={"do": "close"}).status_code == 403
    with database.reading() as session:
        assert session.get(Treatment, shop["treatment"]) is not None


def test_a_published_survey_is_ended_not_deleted(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    page = owner.get(f"/admin/survey/delete?pks={shop['survey']}")
    assert "现在不能删除" in page.text
    assert list(Forms(page.text).forms)[-1] == f"/admin/survey/do/close/{shop['survey']}"
    assert "发布过的问卷不能删除" in page.text


def test_a_drafts_questions_go_with_it(owner: TestClient, database: Database, people: dict[Role, int]) -> None:
    with database.writing() as session:
        draft = Survey(slug="d", title="草稿")
        survey_id, version_id = put_survey(session, draft)
        ids = {"survey_id": survey_id, "version_id": version_id}
        session.add(SurveyQuestion(**ids, key="q1", position=1, kind="rating", text="好吗？"))
    page = owner.get(f"/admin/survey/delete?pks={draft.id}")
    assert "题目 1 条" in page.text.split("会一起删除", 1)[1]


def test_several_go_all_or_none_and_the_page_names_each(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    page = owner.get("/admin/tag/delete?pks=1,2").text
    with database.reading() as session:
        for number in (1, 2):
            assert session.get(Tag, number).name in seen_on(page)
    assert owner.post("/admin/tag/delete?pks=1,999999", data={"do": "delete"}).status_code == 404
    with database.reading() as session:
        assert session.get(Tag, 1) is not None
    assert owner.post("/admin/tag/delete?pks=1,2", data={"do": "delete"}).status_code == 303
    with database.reading() as session:
        assert session.get(Tag, 1) is session.get(Tag, 2) is None


def test_a_hundred_too_many_are_refused_in_words(owner: TestClient, people: dict[Role, int]) -> None:
    numbers = ",".join(str(number) for number in range(1, 202))
    page = owner.post(f"/admin/tag/delete?pks={numbers}", data={"do": "delete"})
    assert page.status_code == 409
    assert "一次最多删除 200 条" in page.text
    assert "要删除" not in page.text
    assert "删除后不能恢复" not in page.text


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_whoever_may_not_delete_sees_no_such_page(
    as_role: Callable[[Role], TestClient], shop: dict[str, int], method: str
) -> None:
    assert getattr(as_role(Role.RECEPTION), method)("/admin/tag/delete?pks=1").status_code == 403


def test_a_record_page_loads_its_record_once(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    asked: list[str] = []

    def listen(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(database.engine, "before_cursor_execute", listen)
    owner.get(f"/admin/customer/details/{shop['customer']}")
    event.remove(database.engine, "before_cursor_execute", listen)
    whole = [one for one in asked if "customers.allergy_note" in one and "WHERE customers.id =" in one]
    assert len(whole) == 1


# ── Unique: every constraint of the tables people write to has its field ──────────────────────────────────────────────

REGISTERS = {view.model.__tablename__: view for view in VIEWS if view.is_model}
UNIQUE = sorted(
    (
        (table, tuple(column.name for column in constraint.columns))
        for table in SQLModel.metadata.sorted_tables
        if table.name in REGISTERS and (REGISTERS[table.name].can_create or REGISTERS[table.name].can_edit)
        for constraint in (*table.constraints, *table.indexes)
        if getattr(constraint, "unique", False) or type(constraint).__name__ == "UniqueConstraint"
    ),
    key=lambda one: (one[0].name, one[1]),  # a table's constraints are a set
)
DRAWN_BY_US = {"receipt_no", "member_no", "response_id", "sha256"}
"""Given by the program, which draws again; no field of a form."""


@pytest.mark.parametrize(("table", "columns"), UNIQUE, ids=lambda one: getattr(one, "name", None) or "-".join(one))
def test_what_must_be_unique_is_said_beside_a_field(
    owner: TestClient, database: Database, shop: dict[str, int], table: object, columns: tuple[str, ...]
) -> None:
    """The database's own refusal, as it comes from a second row like the first, names a field of the register's form."""
    view = REGISTERS[table.name]
    if set(columns) <= DRAWN_BY_US:
        return
    error = refused_twin(database, table, columns)
    kind, fields = clash(error)
    form = set(view.form_columns) | set(view.extra_fields)
    assert kind == "unique"
    assert form & set(fields), f"{fields} stand in no form of {view.__name__}"


def another(value: object) -> object:
    """A value like it, but not the same."""
    if isinstance(value, bytes):
        return b"x" + value[1:]
    return f"x{value}"[-10:] if isinstance(value, str) else 9_001


def refused_twin(database: Database, table: object, columns: tuple[str, ...]) -> IntegrityError:
    """What the database says when a row comes a second time."""
    with database.reading() as session:
        first = session.execute(select(table).limit(1)).mappings().one()
    twin = dict(first) | {"id": 900_001}
    for column in table.columns:  # everything else that is unique gets another value
        if column.unique and column.name not in columns:
            twin[column.name] = another(twin[column.name])
    with Session(database.engine) as session, pytest.raises(IntegrityError) as caught:
        session.execute(table.insert().values(**twin))
    return caught.value
