"""Tags in the back office: one click to who wears one, a rule as a form, a tag for many at once. No JavaScript needed."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.tags import tag_many
from app.db import Database
from app.models import Customer, CustomerTag, Job, Staff, Store, Tag
from app.rules.conditions import read_rule
from app.settings import Settings
from app.vocabulary import CategoryOfNeed, Gender, JobKind, Role, TagOrigin
from tests.actions.points_shop import new_customer

RULE, TAGGING, TAGGED, TAGS = "/admin/desk/tag-rule", "/admin/desk/tagging", "/admin/desk/tagged", "/admin/desk/tags"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite: what these pages do on both databases is tested with the actions."""
    return sqlite_settings


@pytest.fixture
def tag(database: Database) -> int:
    """A tag of nobody yet."""
    with database.writing() as session:
        row = Tag(name="贵客", category=CategoryOfNeed.SKIN)
        session.add(row)
        session.flush()
        return row.id or 0


@pytest.fixture
def women(database: Database) -> list[int]:
    """Three women."""
    with database.writing() as session:
        ids = [new_customer(session, name) for name in ("甲一", "甲二", "乙三")]
        for one in ids:
            session.get_one(Customer, one).gender = Gender.FEMALE
        return ids


def typed(*conditions: tuple[str, str, str], **more: str) -> dict[str, object]:
    """The form as a browser sends it."""
    columns = dict(zip(("field", "op", "value"), map(list, zip(*conditions, strict=True)), strict=False))
    return {"match": "all"} | columns | more


def said(page: str) -> str:
    """The words of a page, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def wearers(database: Database, tag: int) -> dict[int, TagOrigin]:
    """Who wears it."""
    with database.reading() as session:
        rows = session.exec(select(CustomerTag.customer_id, CustomerTag.origin).where(CustomerTag.tag_id == tag))
        return dict(rows.all())


# ── The page of all tags ──────────────────────────────────────────────────────────────────────────────────────────────


def test_every_tag_says_how_many_wear_it_and_leads_to_them(
    owner: TestClient, database: Database, tag: int, women: list[int], real_now: object
) -> None:
    with database.writing() as session:
        tag_many(session, tag, Customer.id.in_(women[:2]), now=real_now, staff_id=None)  # type: ignore[union-attr,arg-type]
    page = owner.get(TAGS).text
    assert "贵客 2 位" in said(page)
    listed = owner.get(f"/admin/customer/list?tag={tag}").text
    assert ("甲一" in listed, "甲二" in listed, "乙三" in listed) == (True, True, False)
    assert "甲一" in owner.get("/admin/customer/list?need=skin").text
    assert "甲一" not in owner.get("/admin/customer/list?need=hair").text


def test_a_filter_nobody_offered_filters_nothing(owner: TestClient, women: list[int]) -> None:
    for odd in ("tag=x", "tag=99999999999999", "need=feet"):
        assert "甲一" in owner.get(f"/admin/customer/list?{odd}").text


def test_the_five_kinds_of_care_are_one_click_away(owner: TestClient, women: list[int]) -> None:
    page = owner.get("/admin/customer/list").text
    ways = re.findall(r'href="/admin/customer/list\?need=(\w+)"[^>]*>([^<]+)<', page)
    assert ways == [("skin", "护肤"), ("hair", "美发"), ("nails", "美甲"), ("makeup", "彩妆"), ("body", "身体护理")]


def test_a_tag_that_goes_says_on_how_many_it_is(
    owner: TestClient, database: Database, tag: int, women: list[int], real_now: object
) -> None:
    with database.writing() as session:
        tag_many(session, tag, Customer.id.in_(women), now=real_now, staff_id=None)  # type: ignore[union-attr,arg-type]
    page = owner.get(f"/admin/tag/delete?pks={tag}").text
    assert "顾客标签 3 条" in said(page)
    assert f'href="/admin/customer/list?tag={tag}"' in page


def test_a_tag_a_rule_asks_for_stays(owner: TestClient, database: Database, tag: int) -> None:
    with database.writing() as session:
        session.add(Tag(name="跟着", rule=read_rule("all", [("tag", "is", str(tag))]).as_json()))
    assert "别的规则正用着它" in owner.get(f"/admin/tag/delete?pks={tag}").text


# ── A rule ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_condition_is_added_and_taken_away_by_a_button(owner: TestClient, tag: int) -> None:
    added = owner.post(RULE, data=typed(("age", "at_least", "18"), tag=str(tag), step="add", new_field="gender"))
    assert added.status_code == 200
    assert re.findall(r'name="field" value="(\w+)"', added.text) == ["age", "gender"]
    assert 'value="18"' in added.text
    fewer = owner.post(
        RULE, data=typed(("age", "at_least", "18"), ("gender", "is", "female"), tag=str(tag), step="remove:0")
    )
    assert re.findall(r'name="field" value="(\w+)"', fewer.text) == ["gender"]


def test_a_look_says_how_many_fit_and_keeps_nothing(
    owner: TestClient, database: Database, tag: int, women: list[int]
) -> None:
    look = owner.post(RULE, data=typed(("gender", "is", "female"), tag=str(tag), step="preview"))
    assert "现在有 3 位顾客符合" in said(look.text)
    assert wearers(database, tag) == {}


def test_a_rule_that_is_kept_holds_at_once(owner: TestClient, database: Database, tag: int, women: list[int]) -> None:
    kept = owner.post(RULE, data=typed(("gender", "is", "female"), tag=str(tag), step="save"))
    assert (kept.status_code, kept.headers["location"]) == (303, "/desk/tags")
    assert wearers(database, tag) == dict.fromkeys(women, TagOrigin.RULE)
    assert "贵客 3 位 按规则 测试owner 定" in said(owner.get(TAGS).text)
    page = owner.get(f"{RULE}?tag={tag}").text
    assert "现在有 3 位顾客符合" in said(page)
    cleared = owner.post(RULE, data={"tag": str(tag), "step": "clear"})
    assert cleared.status_code == 303
    assert wearers(database, tag) == {}


def test_a_visit_that_is_written_down_counts_at_once(
    owner: TestClient, database: Database, tag: int, women: list[int]
) -> None:
    owner.post(RULE, data=typed(("visits", "at_least", "1"), tag=str(tag), step="save"))
    visit = {"visited_at": "2026-11-24 18:30", "outcome": "improved", "treatment": "__None"}
    made = owner.post("/admin/visit/create", data=visit | {"customer": str(women[0])})
    assert (made.status_code, set(wearers(database, tag))) == (303, {women[0]})
    moved = owner.post("/admin/visit/edit/1", data=visit | {"customer": str(women[1])})
    assert (moved.status_code, set(wearers(database, tag))) == (303, {women[1]})


def test_what_cannot_be_compared_is_said_beside_it(owner: TestClient, database: Database, tag: int) -> None:
    wrong = owner.post(RULE, data=typed(("age", "at_least", "many"), ("tier", "is", ""), tag=str(tag), step="save"))
    assert wrong.status_code == 422
    assert "“年龄”请填 0 到 130 之间的整数。" in said(wrong.text)
    assert "请为“等级”选一个值。" in said(wrong.text)
    assert 'value="many"' in wrong.text
    empty = owner.post(RULE, data={"match": "all", "tag": str(tag), "step": "save"})
    assert "请至少加一个条件。" in said(empty.text)
    with database.reading() as session:
        assert session.get_one(Tag, tag).rule == ""


def test_a_big_shop_leaves_it_to_the_worker(
    owner: TestClient, database: Database, tag: int, women: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.admin_base.tag_rules.AT_ONCE", 1)
    owner.post(RULE, data=typed(("gender", "is", "female"), tag=str(tag), step="save"))
    assert wearers(database, tag) == {}
    with database.reading() as session:
        jobs = session.exec(select(Job.payload).where(Job.kind == JobKind.RULE_TAGS)).all()
    assert jobs == [f'{{"only": {tag}}}']


def test_only_the_owner_sets_a_rule(as_role: Callable[[Role], TestClient], database: Database, tag: int) -> None:
    form = typed(("gender", "is", "female"), tag=str(tag), step="save")
    assert [as_role(role).post(RULE, data=form).status_code for role in Role if role is not Role.OWNER] == [403] * 5
    reading = as_role(Role.MANAGER).get(f"{RULE}?tag={tag}")
    assert (reading.status_code, "保存规则" in reading.text) == (200, False)
    assert "这里只能看" in reading.text
    assert "从下面选一项加上" not in reading.text
    way = f'href="/desk/tag-rule?tag={tag}"'
    assert way not in as_role(Role.MANAGER).get("/desk/tags").text
    assert way in as_role(Role.OWNER).get("/desk/tags").text
    assert as_role(Role.RECEPTION).get(f"{RULE}?tag={tag}").status_code == 403


def test_a_rule_about_health_says_what_that_means(owner: TestClient, tag: int) -> None:
    page = owner.post(RULE, data=typed(("skin_type", "is", "dry"), tag=str(tag), step="preview")).text
    assert "看得到标签的人，也就看得出这些" in page


def test_the_rule_of_no_tag_is_not_found(owner: TestClient) -> None:
    assert [owner.get(f"{RULE}?tag={odd}").status_code for odd in ("0", "x", "99999", "9" * 30)] == [404] * 4


# ── A tag for many ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_that_a_list_shows_are_tagged_after_a_look_and_it_is_taken_back(
    owner: TestClient, database: Database, tag: int, women: list[int]
) -> None:
    way = re.search(r'href="(/desk/tagging\?[^"]*)"', owner.get("/admin/customer/list?search=甲").text)
    assert way
    query = unescape(way[1]).partition("?")[2]
    assert "选中 2 位顾客" in said(owner.get(f"{TAGGING}?{query}").text)
    form = {"query": query, "tag": str(tag), "way": "on"}
    look = owner.post(TAGGING, data=form | {"step": "check"})
    assert "要给 2 位顾客贴上“贵客”" in said(look.text)
    assert wearers(database, tag) == {}
    done = owner.post(TAGGING, data=form | {"step": "do"})
    assert set(wearers(database, tag)) == set(women[:2])
    page = owner.get(done.headers["location"])
    assert "已给 2 位顾客贴上“贵客”" in said(page.text)
    mark = re.search(r'name="mark" value="(\d+)"', page.text)
    assert mark
    undone = owner.post(TAGGED, data={"tag": str(tag), "mark": mark[1]})
    assert (undone.status_code, wearers(database, tag)) == (303, {})
    again = owner.post(TAGGED, data={"tag": str(tag), "mark": mark[1]})
    assert (again.status_code, "已经撤销过" in again.text) == (409, True)


def test_picked_rows_are_untagged_and_get_it_back(
    owner: TestClient, database: Database, tag: int, women: list[int], real_now: object
) -> None:
    with database.writing() as session:
        tag_many(session, tag, Customer.id.in_(women), now=real_now, staff_id=None)  # type: ignore[union-attr,arg-type]
    picked = owner.get(f"/admin/customer/action/tag-customers?pks={women[0]},{women[2]},x", headers=SAME_SITE)
    assert picked.headers["location"] == f"/admin/desk/tagging?customers={women[0]},{women[2]}"
    form = {"query": f"customers={women[0]},{women[2]}", "tag": str(tag), "way": "off"}
    assert "要从 2 位顾客身上摘下“贵客”" in said(owner.post(TAGGING, data=form | {"step": "check"}).text)
    done = owner.post(TAGGING, data=form | {"step": "do"})
    assert set(wearers(database, tag)) == {women[1]}
    mark = done.headers["location"].rpartition("mark=")[2]
    owner.post(TAGGED, data={"tag": str(tag), "mark": mark})
    assert set(wearers(database, tag)) == set(women)


def test_nobody_picked_is_said_plainly(owner: TestClient, tag: int) -> None:
    form = {"query": "customers=", "tag": str(tag), "way": "on"}
    assert "没有选中顾客" in owner.get(f"{TAGGING}?customers=x").text
    assert "没有选中顾客" in said(owner.post(TAGGING, data=form | {"step": "do"}).text)


def test_tags_with_a_rule_are_not_offered(owner: TestClient, database: Database, tag: int, women: list[int]) -> None:
    assert f'<option value="{tag}"' in owner.get(TAGGING).text
    with database.writing() as session:
        session.get_one(Tag, tag).rule = read_rule("all", [("gender", "is", "female")]).as_json()
    assert f'<option value="{tag}"' not in owner.get(TAGGING).text
    forced = owner.post(TAGGING, data={"query": "", "tag": str(tag), "way": "on", "step": "do"})
    assert "不能手工贴或摘" in forced.text
    assert wearers(database, tag) == {}


def test_nobody_tags_customers_of_another_store(
    as_role: Callable[[Role], TestClient], database: Database, people: dict[Role, int], tag: int, women: list[int]
) -> None:
    with database.writing() as session:
        other = Store(code="B", name="乙店")
        session.add(other)
        session.flush()
        session.get_one(Customer, women[0]).store_id = other.id
        session.get_one(Staff, people[Role.MANAGER]).store_id = 1
    manager = as_role(Role.MANAGER)
    picked = ",".join(map(str, women))
    assert "选中 2 位顾客" in said(manager.get(f"{TAGGING}?customers={picked}").text)
    manager.post(TAGGING, data={"query": f"customers={picked}", "tag": str(tag), "way": "on", "step": "do"})
    assert set(wearers(database, tag)) == set(women[1:])


def test_who_may_not_tag_many_finds_no_button_and_no_page(
    as_role: Callable[[Role], TestClient], tag: int, women: list[int]
) -> None:
    auditor = as_role(Role.AUDITOR)
    assert "/desk/tagging" not in auditor.get("/admin/customer/list").text
    form = {"query": "", "tag": str(tag), "way": "on", "step": "do"}
    assert [as_role(role).post(TAGGING, data=form).status_code for role in (Role.AUDITOR, Role.BEAUTICIAN)] == [
        403,
        403,
    ]
