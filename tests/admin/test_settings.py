"""The shop's rules on one page, and what is done to a record beyond editing it."""

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.db import Database
from app.models import ComplaintEvent, Consent, PolicySetting, Staff
from app.queries.policy import current_policy
from app.rules.policy import POLICY_FIELDS
from app.vocabulary import ComplaintEventKind, Role


def test_every_rule_is_on_the_page_with_its_meaning_and_default(owner: TestClient) -> None:
    page = owner.get("/admin/settings").text
    for name, rule in POLICY_FIELDS.items():
        assert f'name="{name}"' in page
        assert rule.metadata["label"] in page


def test_a_rule_is_changed_and_holds_at_once(owner: TestClient, database: Database, people: dict[Role, int]) -> None:
    assert (
        owner.post("/admin/settings", data={"complaint_promise_hours": "24", "shop_name": "玫瑰坊"}).status_code == 303
    )
    with database.reading() as session:
        policy = current_policy(session)
        row = session.exec(select(PolicySetting).where(PolicySetting.key == "shop_name")).one()
    assert (policy.complaint_promise_hours, policy.shop_name) == (24, "玫瑰坊")
    assert row.staff_id == people[Role.OWNER]
    assert "玫瑰坊" in owner.get("/admin/").text


def test_back_to_the_default_leaves_no_row(owner: TestClient, database: Database) -> None:
    owner.post("/admin/settings", data={"sample_min": "50"})
    owner.post("/admin/settings", data={"sample_min": "30"})
    with database.reading() as session:
        assert session.exec(select(PolicySetting).where(PolicySetting.key == "sample_min")).first() is None


def test_values_that_cannot_be_are_refused_beside_their_fields_and_nothing_is_kept(
    owner: TestClient, database: Database
) -> None:
    typed = {"complaint_promise_hours": "0", "brand_colour": "#FFFF00", "shop_name": "改了吗"}
    page = owner.post("/admin/settings", data=typed)
    assert page.status_code == 422
    assert 'id="rule-complaint_promise_hours-error"' in page.text
    assert 'id="rule-brand_colour-error"' in page.text
    assert 'value="改了吗"' in page.text
    with database.reading() as session:
        assert session.exec(select(PolicySetting)).all() == []


def test_a_case_is_answered_noted_solved_and_closed(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    case = f"/admin/complaint/do/%s/{shop['complaint']}"
    steps = [
        ("note", {"text": "先查监控"}),
        ("reply", {"text": "您好，马上为您处理"}),
        ("reply", {"text": "退您一次护理", "solves": "y"}),
        ("close", {}),
    ]
    for deed, fields in steps:
        assert owner.post(case % deed, data=fields).status_code == 303, deed
    page = owner.get(f"/admin/complaint/details/{shop['complaint']}").text
    for text in ("先查监控", "您好，马上为您处理", "退您一次护理", "已结束", "测试owner"):
        assert text in page
    with database.reading() as session:
        kinds = session.exec(
            select(ComplaintEvent.kind)
            .where(ComplaintEvent.complaint_id == shop["complaint"])
            .order_by(ComplaintEvent.id)
        )
        assert list(kinds) == [
            ComplaintEventKind.OPENED, ComplaintEventKind.NOTE, ComplaintEventKind.REPLY, ComplaintEventKind.SOLUTION, ComplaintEventKind.CLOSED
        ]  # fmt: skip


def test_an_empty_or_endless_reply_is_refused_and_kept(owner: TestClient, shop: dict[str, int]) -> None:
    path = f"/admin/complaint/do/reply/{shop['complaint']}"
    page = owner.post(path, data={"text": "  "})
    assert page.status_code == 422
    assert "这一项要填写" in page.text
    page = owner.post(path, data={"text": "长" * 5000})
    assert page.status_code == 422
    assert "最多写 4000 个字" in page.text
    assert "长" * 5000 in page.text


def test_a_step_out_of_turn_is_refused(owner: TestClient, shop: dict[str, int]) -> None:
    assert owner.post(f"/admin/complaint/do/close/{shop['complaint']}").status_code == 422
    assert owner.post(f"/admin/complaint/do/nothing/{shop['complaint']}").status_code == 404
    assert owner.post("/admin/complaint/do/note/999", data={"text": "x"}).status_code == 404
    assert owner.get(f"/admin/complaint/do/note/{shop['complaint']}").status_code == 303


def test_a_consent_is_given_once_and_withdrawn(owner: TestClient, database: Database, shop: dict[str, int]) -> None:
    fields = {
        "customer": str(shop["customer"]),
        "purpose": "marketing",
        "channel": "sms",
        "given_by": "柜台",
        "save": "保存",
    }
    assert owner.post("/admin/consent/create", data=fields).status_code == 422
    assert owner.post(f"/admin/consent/do/withdraw/{shop['consent']}").status_code == 303
    assert owner.post(f"/admin/consent/do/withdraw/{shop['consent']}").status_code == 422
    assert owner.post("/admin/consent/create", data=fields).status_code == 303
    with database.reading() as session:
        assert len(session.exec(select(Consent).where(Consent.customer_id == shop["customer"])).all()) == 2


@pytest.mark.parametrize(("password", "status"), [("kurz7", 422), ("three odd words 8", 303)])
def test_a_password_is_reset_and_never_shown(
    owner: TestClient, database: Database, people: dict[Role, int], password: str, status: int
) -> None:
    answer = owner.post(f"/admin/staff/do/password/{people[Role.RECEPTION]}", data={"password": password})
    assert answer.status_code == status
    assert password not in answer.text
    with database.reading() as session:
        kept = session.get(Staff, people[Role.RECEPTION]).password_hash
    assert kept.startswith("$argon2id$") is (status == 303)


def test_the_last_owner_stays(owner: TestClient, people: dict[Role, int]) -> None:
    page = owner.post(f"/admin/staff/do/disable/{people[Role.OWNER]}")
    assert page.status_code == 422
    assert "最后一个店主" in page.text


def test_rejected_rows_and_lines_are_on_the_records_page(owner: TestClient, shop: dict[str, int]) -> None:
    assert "手机号不完整" in owner.get(f"/admin/import-batch/details/{shop['import-batch']}").text
    assert "玫瑰面霜" in owner.get(f"/admin/purchase/details/{shop['purchase']}").text
