"""What a record is called: in the message after saving, in its cookie and on pages. Never by all its columns."""

import base64
import json
import re

import pytest
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from app.admin_base.showing import name_of
from app.models import Tag, Visit
from tests.admin.reading import REGISTERS
from tests.conftest import on_sqlite

CANARY = "敏感健康内容"
SAVE = {"save": "保存"}
_NONE = {"store": "__None"}
CREATED = {
    "customer": {
        "name": "赵敏", "gender": "female", "birthday_calendar": "solar", "tier": "__None", "source": "store", "status": "active",
        "allergy_note": CANARY, "health_note": CANARY, "note": CANARY,
    },
    "skin-record": {"customer": "{customer}", "seen_on": "2026-11-24", "skin_type": "dry", "concerns": CANARY, "staff": "__None"},
    "consent": {"customer": "{customer}", "purpose": "service_care", "channel": "sms", "given_by": "柜台"},
    "tag": {"name": "敏感", "category": "skin", "note": CANARY},
    "visit": {
        "customer": "{customer}", "visited_at": "2026-11-24 18:30", "outcome": "improved", "treatment": "{treatment}",
        "staff": "__None", "note": CANARY,
    } | _NONE,
    "tier": {
        "rank": "9", "name": "黑金", "threshold_fen": "1", "threshold_visits": "0", "points_percent": "300",
        "discount_percent": "20", "valid_months": "12", "colour": "gold", "benefits": CANARY, "is_active": "y",
        "movers": "later",
    },
    "tier-benefit": {
        "tier": "2", "kind": "gift", "name": "玫瑰茶", "times_a_year": "2", "treatment": "__None", "is_active": "y"
    },
    "earning-rule": {
        "name": "双十一双倍", "kind": "campaign", "points": "0", "per_fen": "1", "percent": "200", "from_paid_fen": "0",
        "most_points": "0", "most_times_a_year": "0", "pending_days": "0", "expiry": "months", "expiry_months": "12",
        "expiry_day": "12-31", "round_up": "none", "is_active": "y", "category": "__None", "tier": "__None",
    },
    "reward": {
        "name": "玫瑰小样", "kind": "product", "points": "120", "worth_fen": "9", "stock": "", "most_per_customer": "0",
        "tier": "__None", "description": CANARY, "is_active": "y",
    },
    "treatment": {
        "code": "T9", "name": "清洁", "category": "skin", "minutes": "45", "price_fen": "128", "contraindications": CANARY
    },
    "product": {"sku": "S9", "name": "卸妆油", "category": "makeup", "price_fen": "99"},
    "social-account": {"customer": "{customer}", "platform": "wechat_group", "handle": CANARY, "noted_on": ""},
    "api-key": {"name": "后台收银机"} | _NONE,
    "complaint": {"kind": "complaint", "channel": "hotline", "text": CANARY} | _NONE,
    "survey": {"title": "春季活动", "slug": "spring-2027", "mode": "open", "intro": CANARY} | _NONE,
    "survey-question": {
        "survey": "{new survey}", "text": "好玩吗？", "kind": "rating", "weight": "1", "scale_max": "5", "hint": CANARY,
        "is_required": "y", "position": "", "key": "",
    },
    "survey-place": {
        "survey": "{new survey}", "name": "一号台", "slug": "table-1", "way": "qr", "channel": "store", "staff": "__None",
        "is_active": "y",
    } | _NONE,
    "survey-wave": {
        "survey": "{new survey}", "name": "冬季", "opens_at": "2030-12-01 10:00", "closes_at": "2030-12-15 10:00",
        "audience": "members", "tag": "__None", "repeat_months": "3",
    },
    "improvement": {
        "survey": "{new survey}", "dimension": "环境", "title": "换窗帘", "plan": CANARY, "owner": "1", "due_on": "2030-01-31",
        "wave": "__None",
    } | _NONE,
    "staff": {
        "name": "小赵", "login": "xiaozhao", "password": "three odd words 9", "role": "reception", "locale": "", "is_active": "y"
    } | _NONE,
    "store": {"code": "second", "name": "南京路店", "address": CANARY, "is_active": "y"},
}  # fmt: skip


def saved_words(client: TestClient) -> str:
    """What the cookie carries to the next page."""
    payload = client.cookies["rouge_flash"].split(".")[0]
    text = base64.b64decode(payload + "=" * (-len(payload) % 4)).decode()
    return " ".join(one["message"] for one in json.loads(text)["_messages"])


def check_message(client: TestClient) -> None:
    """The message names the record and nothing else of it, in the cookie and on the page."""
    message = saved_words(client)
    page = client.get("/admin/").text
    assert re.fullmatch(r"已保存：[^=]{1,40}", message)
    assert message in page
    for text in (message, page):
        assert CANARY not in text
        assert "customer_id=" not in text


@on_sqlite
def test_every_register_that_is_written_names_what_was_saved_and_tells_no_more(
    owner: TestClient, shop: dict[str, int]
) -> None:
    assert {view.identity for view in REGISTERS if view.can_create} == set(CREATED)
    numbers = {key: str(value) for key, value in shop.items()}
    for view in (view for name in CREATED for view in REGISTERS if view.identity == name):
        fields = {name: value.format_map(numbers) for name, value in CREATED[view.identity].items()}
        saved = owner.post(f"/admin/{view.identity}/create", data=fields | SAVE)
        assert saved.status_code == 303, f"{view.identity}: {saved.text}"
        check_message(owner)
        new = newest(owner, view.identity)
        numbers[f"new {view.identity}"] = new
        if view.can_edit:
            assert owner.post(f"/admin/{view.identity}/edit/{new}", data=fields | SAVE).status_code == 303
            check_message(owner)


def newest(client: TestClient, identity: str) -> str:
    """The highest number on a list."""
    page = client.get(f"/admin/{identity}/list?pageSize=100").text
    return str(max(int(one) for one in re.findall(rf"/admin/{identity}/(?:details|edit)/(\d+)", page)))


def test_a_visit_is_saved_under_its_number(owner: TestClient, shop: dict[str, int]) -> None:
    fields = CREATED["visit"] | {"customer": str(shop["customer"]), "treatment": "__None"}
    plain = {"note": "", "outcome": "unknown"}
    owner.post("/admin/visit/create", data=fields | plain | SAVE)
    assert saved_words(owner) == f"已保存：到店 #{shop['visit'] + 1}"
    owner.get("/admin/")
    owner.post("/admin/visit/create", data=fields | SAVE)
    unasked = "。还没有她对皮肤与健康记录的同意，请当面问一声"
    assert saved_words(owner) == f"已保存：到店 #{shop['visit'] + 2}{unasked}"


def nameless_tables() -> list[type[SQLModel]]:
    """Every table without a name of its own."""
    tables = (mapper.class_ for mapper in SQLModel._sa_registry.mappers)
    return sorted((one for one in tables if "__str__" not in one.__dict__), key=lambda table: table.__name__)


@pytest.mark.parametrize("table", nameless_tables(), ids=lambda table: table.__name__)
def test_a_table_without_a_name_of_its_own_goes_by_its_number(table: type[SQLModel]) -> None:
    assert name_of(table(id=768), "到店") == "到店 #768"


def test_a_record_with_a_name_goes_by_it_and_without_a_kind_by_its_number_alone() -> None:
    assert name_of(Tag(id=1, name="敏感"), "标签") == "敏感"
    assert name_of(Tag(id=1, name=" "), "标签") == "标签 #1"
    assert name_of(Visit(id=768, note=CANARY)) == "#768"
