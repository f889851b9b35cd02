"""Saving: every register is written, a refusal comes back beside its field with what was typed, and nothing of the
database is ever shown."""

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.db import Database
from app.models import (
    AuditEntry,
    Complaint,
    Customer,
    Product,
    Staff,
    Store,
    SurveyQuestion,
    Tag,
    Tier,
    Treatment,
    Visit,
)
from app.vocabulary import AuditAction, CustomerStatus, Role

SAVE = {"save": "保存"}
SETUP = {
    "tag": (Tag, {"name": "敏感", "category": "skin", "note": ""}, {"name": "很敏感"}),
    "treatment": (
        Treatment,
        {"code": "T9", "name": "深层清洁", "category": "skin", "minutes": "45", "price_fen": "128.50", "is_active": "y"},
        {"price_fen": "138"},
    ),
    "product": (Product, {"sku": "S9", "name": "卸妆油", "category": "makeup", "price_fen": "1,299.00"}, {"name": "卸妆膏"}),
    "tier": (
        Tier,
        {"rank": "9", "name": "黑金", "threshold_fen": "50000", "threshold_visits": "0", "points_percent": "300", "discount_percent": "20",
         "valid_months": "12", "colour": "gold", "benefits": "专属顾问", "is_active": "y"},
        {"benefits": "专属顾问\r\n生日到店礼"},
    ),
}  # fmt: skip


def refusals(html: str) -> str:
    """What the page says went wrong."""
    return " ".join(re.findall(r'role="alert"[^>]*>(.*?)</div>', html, re.DOTALL))


@pytest.mark.parametrize("identity", SETUP)
def test_a_register_is_created_edited_and_deleted(owner: TestClient, database: Database, identity: str) -> None:
    table, fields, change = SETUP[identity]
    saved = owner.post(f"/admin/{identity}/create", data=fields | SAVE)
    assert (saved.status_code, saved.headers["location"]) == (303, f"/admin/{identity}/list")
    with database.reading() as session:
        row_id = max(session.exec(select(table.id)))
    assert owner.post(f"/admin/{identity}/edit/{row_id}", data=fields | change | SAVE).status_code == 303
    with database.reading() as session:
        row = session.get(table, row_id)
        for name, value in change.items():
            if not name.endswith("_fen"):
                assert getattr(row, name) == value.replace("\r\n", "\r\n")
    assert owner.delete(f"/admin/{identity}/delete?pks={row_id}").text.endswith(f"/admin/{identity}/list")
    with database.reading() as session:
        assert session.get(table, row_id) is None


def test_money_is_typed_in_yuan_and_kept_in_fen(owner: TestClient, database: Database) -> None:
    owner.post("/admin/product/create", data=SETUP["product"][1] | SAVE)
    with database.reading() as session:
        product = session.exec(select(Product)).one()
    assert product.price_fen == 129900
    assert 'value="1299.00"' in owner.get(f"/admin/product/edit/{product.id}").text
    assert "¥1,299.00" in owner.get("/admin/product/list").text


@pytest.mark.parametrize("typed", ["很贵", "12.345", "", "9" * 20])
def test_what_is_no_money_is_said_and_kept(owner: TestClient, typed: str) -> None:
    page = owner.post("/admin/product/create", data=SETUP["product"][1] | SAVE | {"price_fen": typed})
    assert page.status_code == 422
    assert refusals(page.text)
    assert f'value="{typed}"' in page.text or not typed
    assert 'value="卸妆油"' in page.text


def test_a_name_twice_is_refused_beside_its_field(owner: TestClient) -> None:
    fields = {"name": "常客", "category": "other", "note": "每周都来"}
    owner.post("/admin/tag/create", data=fields | SAVE)
    page = owner.post("/admin/tag/create", data=fields | SAVE)
    assert page.status_code == 422
    assert re.search(r'id="name-refused-1"[^>]*>.*?这个已经有了', page.text, re.DOTALL)
    assert 'aria-describedby="name-refused-1"' in page.text
    assert 'value="每周都来"' in page.text
    for leak in ("UNIQUE", "INSERT", "sqlalche", "constraint", "uq_"):
        assert leak not in page.text


def test_a_number_the_database_forbids_is_said_in_words(owner: TestClient) -> None:
    page = owner.post("/admin/treatment/create", data=SETUP["treatment"][1] | SAVE | {"price_fen": "-5"})
    assert page.status_code == 422
    assert re.search(r'id="price_fen-refused-1"[^>]*>.*?不在允许的范围', page.text, re.DOTALL)
    assert "CHECK" not in page.text


def test_missing_and_too_long_texts_are_said_in_chinese(owner: TestClient) -> None:
    page = owner.post("/admin/tag/create", data={"name": "  ", "category": "skin", "note": "长" * 201} | SAVE)
    assert page.status_code == 422
    assert "这一项要填写" in page.text
    assert "最多写 200 个字" in page.text


def test_a_text_with_nul_and_rare_characters_is_kept_without_nul(owner: TestClient, database: Database) -> None:
    assert owner.post("/admin/tag/create", data={"name": "𡃁喆\x00嫒😊", "category": "skin"} | SAVE).status_code == 303
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "𡃁喆嫒😊")).one()


def test_a_record_others_point_at_stays_and_says_why(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    with database.reading() as session:
        tier_id = session.get(Customer, shop["customer"]).tier_id
    answer = owner.delete(f"/admin/tier/delete?pks={tier_id}")
    assert "顾客 1 条" in unquote_plus(answer.text)
    with database.reading() as session:
        assert session.get(Tier, tier_id) is not None


def test_deleting_several_is_all_or_nothing(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    for name in ("甲", "乙"):
        owner.post("/admin/tag/create", data={"name": name, "category": "skin"} | SAVE)
    with database.reading() as session:
        ids = [session.exec(select(Tag.id).where(Tag.name == name)).one() for name in ("甲", "乙")]
    assert owner.delete(f"/admin/tag/delete?pks={ids[0]},999999").status_code == 404
    with database.reading() as session:
        assert session.get(Tag, ids[0]) is not None
    assert owner.delete(f"/admin/tag/delete?pks={ids[0]},{ids[1]}").status_code == 200
    with database.reading() as session:
        assert session.get(Tag, ids[0]) is None
        assert session.get(Tag, ids[1]) is None


@pytest.mark.parametrize("query", ["", "?pks=", "?pks=abc", "?pks=1;drop"])
def test_a_deletion_of_nothing_is_not_found(owner: TestClient, query: str) -> None:
    assert owner.delete(f"/admin/tag/delete{query}").status_code == 404


def test_a_customer_comes_in_through_the_one_way(owner: TestClient, database: Database) -> None:
    fields = {
        "name": "李 雷", "phone": "138 0013 8001", "wechat": "lilei", "gender": "male", "birthday": "农历八月十五", "birthday_calendar": "solar",
        "tier": "__None", "source": "store", "status": "active", "allergy_note": "花粉", "tags": ["1", "2"],
    }  # fmt: skip
    assert owner.post("/admin/customer/create", data=fields | SAVE).status_code == 303
    with database.reading() as session:
        customer = session.exec(select(Customer)).one()
        assert (customer.phone, customer.phone_masked, customer.name_initials) == (
            "+8613800138001",
            "138****8001",
            "ll",
        )
        assert (customer.birth_month, customer.birth_day, customer.birthday_calendar.value) == (8, 15, "lunar")
        assert {tag.id for tag in customer.tags} == {1, 2}
        assert customer.allergy_note == "花粉"
    edit = owner.get(f"/admin/customer/edit/{customer.id}").text
    assert "13800138001" not in edit
    assert "lilei" not in edit
    changed = fields | {"name": "李雷", "phone": "", "wechat": "", "tags": ["2"], "tier": str(customer.tier_id), "birthday": "08-15",
                        "birthday_calendar": "lunar"}  # fmt: skip
    assert owner.post(f"/admin/customer/edit/{customer.id}", data=changed | SAVE).status_code == 303
    with database.reading() as session:
        customer = session.exec(select(Customer)).one()
        assert (customer.name, customer.phone, customer.wechat) == ("李雷", "+8613800138001", "lilei")
        assert [tag.id for tag in customer.tags] == [2]


def test_that_somebody_was_erased_is_shown_and_never_chosen(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    path, option = f"/admin/customer/edit/{shop['customer']}", '<option value="erased"'
    assert option.replace("erased", "restricted") in owner.get("/admin/customer/create").text
    assert option not in owner.get("/admin/customer/create").text + owner.get(path).text
    fields = {"name": "王小丽", "gender": "female", "birthday_calendar": "solar", "tier": "1", "source": "store"}
    for place in ("/admin/customer/create", path):
        refused = owner.post(place, data=fields | {"status": "erased"} | SAVE)
        assert refused.status_code == 422
        assert re.search(r'id="status-refused-1"[^>]*>.*?不能自己选', refused.text, re.DOTALL)
    with database.writing() as session:
        assert [one.status for one in session.exec(select(Customer))] == [CustomerStatus.ACTIVE]
        session.get(Customer, shop["customer"]).status = CustomerStatus.ERASED
    assert '<option selected value="erased"' in owner.get(path).text


def test_a_choice_taken_back_is_empty_again(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    fields = {
        "name": "王小丽",
        "gender": "female",
        "birthday_calendar": "solar",
        "tier": "1",
        "source": "store",
        "status": "active",
    }
    path = f"/admin/customer/edit/{shop['customer']}"
    owner.post(path, data=fields | {"skin_type": "dry", "store": "1", "card_until_on": "2027-01-31"} | SAVE)
    with database.reading() as session:
        assert session.get(Customer, shop["customer"]).store_id == 1
    owner.post(path, data=fields | {"skin_type": "__None", "store": "__None", "card_until_on": ""} | SAVE)
    with database.reading() as session:
        customer = session.get(Customer, shop["customer"])
        assert (customer.skin_type, customer.store_id, customer.card_until_on) == (None, None, None)
        assert customer.phone == "+8613800138000"


def test_a_bad_or_taken_phone_is_refused_beside_it(owner: TestClient, shop: dict[str, int]) -> None:
    fields = {
        "name": "赵敏",
        "gender": "female",
        "birthday_calendar": "solar",
        "tier": "__None",
        "source": "store",
        "status": "active",
    }
    for phone, words in (("12345", "完整的手机号"), ("13800138000", "已经是会员")):
        page = owner.post("/admin/customer/create", data=fields | {"phone": phone} | SAVE)
        assert page.status_code == 422
        assert re.search(rf'id="phone-refused-1"[^>]*>.*?{words}', page.text, re.DOTALL), page.text
        assert f'value="{phone}"' in page.text
        assert 'value="赵敏"' in page.text


def test_health_notes_are_seen_and_written_only_by_who_may(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int]
) -> None:
    path = f"/admin/customer/details/{shop['customer']}"
    assert "对果酸过敏" in as_role(Role.OWNER).get(path).text
    reception = as_role(Role.RECEPTION)
    page = reception.get(path).text
    assert "对果酸过敏" not in page
    assert "有过敏提示" in page
    assert "allergy_note" not in reception.get(f"/admin/customer/edit/{shop['customer']}").text
    fields = {
        "name": "王小丽",
        "gender": "female",
        "birthday_calendar": "solar",
        "tier": "1",
        "source": "store",
        "status": "active",
    }
    saved = reception.post(f"/admin/customer/edit/{shop['customer']}", data=fields | {"allergy_note": "没有"} | SAVE)
    assert saved.status_code == 303
    with database.reading() as session:
        assert session.get(Customer, shop["customer"]).allergy_note == "对果酸过敏"


def test_a_beautician_sees_only_whom_she_served(
    as_role: Callable[[Role], TestClient], owner: TestClient, shop: dict[str, int]
) -> None:
    fields = {
        "name": "别人的客",
        "gender": "female",
        "birthday_calendar": "solar",
        "tier": "__None",
        "source": "store",
        "status": "active",
    }
    owner.post("/admin/customer/create", data=fields | SAVE)
    beautician = as_role(Role.BEAUTICIAN)
    page = beautician.get("/admin/customer/list").text
    assert "王小丽" in page
    assert "别人的客" not in page
    assert beautician.get(f"/admin/customer/details/{shop['customer'] + 1}").status_code == 404
    found = beautician.get("/admin/visit/ajax/lookup", params={"name": "customer", "term": "别人"}).json()
    assert found == {"results": []}


def test_a_visit_is_written_with_a_customer_looked_up(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    found = owner.get("/admin/visit/ajax/lookup", params={"name": "customer", "term": "王小"}).json()["results"]
    assert [one["id"] for one in found] == [str(shop["customer"])]
    fields = {"customer": found[0]["id"], "visited_at": "2026-11-24 18:30", "outcome": "improved", "effect_score": "5",
              "treatment": str(shop["treatment"]), "staff": "__None", "store": "1", "note": "很好"}  # fmt: skip
    assert owner.post("/admin/visit/create", data=fields | SAVE).status_code == 303
    with database.reading() as session:
        visit = session.exec(select(Visit).order_by(Visit.id.desc())).first()
        assert visit.visited_at.isoformat() == "2026-11-24T10:30:00+00:00"
    assert 'value="2026-11-24 18:30' in owner.get(f"/admin/visit/edit/{visit.id}").text


@pytest.mark.parametrize("customer", ["", "999999", "abc"])
def test_a_customer_who_is_not_there_is_refused(owner: TestClient, shop: dict[str, int], customer: str) -> None:
    fields = {
        "customer": customer,
        "visited_at": "2026-11-24 18:30",
        "outcome": "improved",
        "treatment": "__None",
        "staff": "__None",
        "store": "__None",
    }
    page = owner.post("/admin/visit/create", data=fields | SAVE)
    assert page.status_code == 422
    assert refusals(page.text)


def test_a_complaint_opens_with_its_promise(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    fields = {
        "kind": "complaint",
        "channel": "hotline",
        "text": "面霜过敏了",
        "contact_name": "陈女士",
        "contact_phone": "13900139000",
        "store": "__None",
    }
    assert owner.post("/admin/complaint/create", data=fields | SAVE).status_code == 303
    with database.reading() as session:
        case = session.exec(select(Complaint).order_by(Complaint.id.desc())).first()
        assert (case.due_at - case.opened_at).total_seconds() == 48 * 3600
        assert case.contact_masked == "139****9000"


def test_a_complaint_without_words_is_refused(owner: TestClient) -> None:
    fields = {"kind": "complaint", "channel": "hotline", "text": " ", "contact_phone": "1", "store": "__None"}
    page = owner.post("/admin/complaint/create", data=fields | SAVE)
    assert page.status_code == 422
    assert "这一项要填写" in page.text


def test_an_account_is_made_with_a_password_that_is_never_shown(
    owner: TestClient, database: Database, people: dict
) -> None:
    fields = {
        "name": "小赵",
        "login": "xiaozhao",
        "password": "short",
        "role": "reception",
        "store": "__None",
        "locale": "",
    }
    page = owner.post("/admin/staff/create", data=fields | SAVE)
    assert page.status_code == 422
    assert "密码至少要 12 个字符" in page.text
    assert "short" not in page.text
    assert owner.post("/admin/staff/create", data=fields | {"password": "three odd words 9"} | SAVE).status_code == 303
    with database.reading() as session:
        staff = session.exec(select(Staff).where(Staff.login == "xiaozhao")).one()
        assert staff.password_hash.startswith("$argon2id$")
    page = owner.post("/admin/staff/create", data=fields | {"password": "three odd words 9"} | SAVE)
    assert page.status_code == 422
    assert "xiaozhao" in refusals(page.text)


def test_a_store_is_edited(owner: TestClient, database: Database) -> None:
    fields = {"code": "main", "name": "南京路店", "phone": "021-1234", "address": "南京路 1 号", "is_active": "y"}
    assert owner.post("/admin/store/edit/1", data=fields | SAVE).status_code == 303
    with database.reading() as session:
        assert session.get(Store, 1).name == "南京路店"


def test_a_published_surveys_questions_are_frozen(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    fields = {
        "text": "新题目",
        "kind": "rating",
        "weight": "1",
        "scale_max": "5",
        "position": "1",
        "key": "x",
        "is_required": "y",
    }
    page = owner.post("/admin/survey-question/edit/1", data=fields | SAVE)
    assert page.status_code == 422
    assert "问卷发布后题目就不能再改" in page.text
    answer = owner.delete("/admin/survey-question/delete?pks=1").text
    assert "error=" in answer
    with database.reading() as session:
        assert session.get(SurveyQuestion, 1) is not None


def test_a_new_survey_gets_questions_and_is_published(owner: TestClient, database: Database) -> None:
    survey = {"title": "春季活动", "slug": "spring-2027", "mode": "open", "store": "__None"}
    assert owner.post("/admin/survey/create", data=survey | SAVE).status_code == 303
    with database.reading() as session:
        survey_id = max(session.exec(select(SurveyQuestion.survey_id).distinct()).all()) + 1
    refused = owner.post(f"/admin/survey/do/publish/{survey_id}")
    assert refused.status_code == 422
    assert "至少要有一道题" in refused.text
    question = {
        "survey": str(survey_id),
        "text": "活动好玩吗？",
        "kind": "rating",
        "weight": "1",
        "scale_max": "5",
        "position": "",
        "key": "",
        "is_required": "y",
    }
    saved = owner.post("/admin/survey-question/create", data=question | SAVE)
    assert saved.status_code == 303, refusals(saved.text)
    assert owner.post(f"/admin/survey/do/publish/{survey_id}").status_code == 303
    assert "已发布" in owner.get(f"/admin/survey/details/{survey_id}").text
    page = owner.post(f"/admin/survey/edit/{survey_id}", data=survey | {"slug": "other"} | SAVE)
    assert page.status_code == 422
    assert "海报已经印好" in page.text


def test_a_write_is_signed_with_the_persons_name(owner: TestClient, database: Database, people: dict) -> None:
    owner.post("/admin/tag/create", data={"name": "新标签", "category": "skin"} | SAVE)
    with database.reading() as session:
        entry = session.exec(
            select(AuditEntry).where(AuditEntry.subject == "tags").order_by(AuditEntry.id.desc())
        ).first()
    assert (entry.staff_id, entry.actor, entry.action) == (people[Role.OWNER], "测试owner", AuditAction.CREATE)


def test_an_unexpected_failure_keeps_what_was_typed_and_shows_no_trace(
    owner: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*arguments: object) -> None:
        raise RuntimeError("secret 13800138000 INSERT INTO")

    monkeypatch.setattr("app.admin_base.views.fill", breaks)
    page = owner.post("/admin/tag/create", data={"name": "坏了", "category": "skin"} | SAVE)
    assert page.status_code == 500
    assert "系统出了点问题" in page.text
    assert 'value="坏了"' in page.text
    assert "13800138000" not in page.text
    assert "INSERT" not in page.text
