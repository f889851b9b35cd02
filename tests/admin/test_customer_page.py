"""One customer on one page: what each role reads of her, what is asked, what can be done in one tap."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.points import earn_points
from app.admin_base.asking import Asking
from app.db import Database
from app.models import Customer, CustomerTag, EarningRule, PointsEntry, Survey, SurveyResponse, Tag, Visit
from app.queries.policy import current_policy
from app.settings import Settings
from app.vocabulary import CategoryOfNeed, EarningKind, Role, SurveyMode, TagOrigin, VisitOutcome
from tests.admin.conftest import PHONE
from tests.admin.reading import form_on, seen_on

CARERS = (Role.OWNER, Role.MANAGER, Role.BEAUTICIAN)


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: who reads what of her does not depend on the database's kind; what is read does, see
    tests/queries."""
    return sqlite_settings


@pytest.fixture
def page(database: Database, shop: dict[str, int], people: dict[Role, int], real_now: datetime) -> str:
    """The address of the shop's one customer, with an answer of hers and points that end."""
    with database.writing() as session:
        customer = session.get(Customer, shop["customer"])
        customer.health_note, customer.email = "孕期", "li@example.cn"
        visit = session.get(Visit, shop["visit"])
        visit.outcome = VisitOutcome.REACTION
        run = session.get(SurveyResponse, shop["survey-response"])
        run.customer_id = customer.id
        session.add(tag := Tag(name="想护肤", category=CategoryOfNeed.SKIN))
        session.flush()
        session.add(CustomerTag(customer_id=customer.id, tag_id=tag.id, origin=TagOrigin.IMPORT))
        zone = Asking(real_now, real_now.tzinfo, current_policy(session)).zone
        earn_points(
            session, customer.id, 120, reference="one", reason="消费", now=real_now, zone=zone,
            expires_on=real_now.date() + timedelta(days=30),
        )  # fmt: skip
        return f"/desk/customers/{customer.member_no}"


def test_everything_stands_on_one_page(owner: TestClient, page: str, shop: dict[str, int]) -> None:
    html = owner.get(page).text
    words = seen_on(html)
    for one in (
        "王小丽", "138****8000", "过敏： 对果酸过敏", "健康： 孕期", "120", "到期", "补水护理", "¥427.00", "玫瑰面霜", "两颊起皮",
        "等了很久", "护理提醒", "优惠与活动", "有不适反应", "全部字段", "想护肤", "表格导入", "最近到店", "1 件反馈还没解决", "喜欢靠窗",
    ):  # fmt: skip
        assert one in words, one
    assert PHONE not in html
    assert f'href="/admin/customer/details/{shop["customer"]}"' in html


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.RECEPTION, Role.BEAUTICIAN, Role.AUDITOR])
def test_allergies_stand_in_red_before_whoever_may_read_them_and_that_there_are_some_before_everybody(
    as_role: Callable[[Role], TestClient], page: str, role: Role
) -> None:
    html = as_role(role).get(page).text
    words = seen_on(html)
    assert 'class="warning warning-allergy_note" role="alert"' in html
    assert html.index("warning-allergy_note") < html.index('class="life"')
    if role in CARERS:
        assert "对果酸过敏" in words
    else:
        assert "有过敏提示" in words
        for secret in ("对果酸过敏", "孕期", "两颊起皮", "皮肤偏干", "有不适反应"):
            assert secret not in html


def test_a_marketer_has_no_such_page(as_role: Callable[[Role], TestClient], page: str) -> None:
    assert as_role(Role.MARKETER).get(page).status_code == 403


def test_whose_answers_they_are_is_hidden_from_the_beautician(
    as_role: Callable[[Role], TestClient], database: Database, page: str
) -> None:
    with database.reading() as session:
        title = session.exec(select(Survey.title)).first()
    assert title in seen_on(as_role(Role.RECEPTION).get(page).text)
    for kind in ("", "?kind=survey", "?kind=complaint", "?kind=message"):
        html = as_role(Role.BEAUTICIAN).get(page + kind).text
        assert title not in html
        assert "等了很久" not in html
        assert "护理提醒" not in html


def test_an_anonymous_answer_is_nobodys(owner: TestClient, database: Database, page: str) -> None:
    with database.writing() as session:
        survey = session.exec(select(Survey)).first()
        survey.mode, title = SurveyMode.ANONYMOUS, survey.title
    assert title not in owner.get(page).text


def test_an_auditor_reads_no_more_than_who_she_is(as_role: Callable[[Role], TestClient], page: str) -> None:
    html = as_role(Role.AUDITOR).get(page).text
    for hidden in ("li@example.cn", "喜欢靠窗", "岁"):
        assert hidden not in seen_on(html)
    assert "核实无误" not in html
    assert "不想说" not in html


def test_one_kind_at_a_time(owner: TestClient, page: str) -> None:
    words = seen_on(owner.get(f"{page}?kind=purchase").text).split("往来", 1)[1]
    assert "¥427.00" in words
    assert "补水护理" not in words
    assert owner.get(f"{page}?kind=nothing&after=rubbish").status_code == 200


def test_older_things_are_on_the_next_page(
    owner: TestClient, database: Database, shop: dict[str, int], page: str, real_now: datetime
) -> None:
    with database.writing() as session:
        session.add_all(
            [Visit(customer_id=shop["customer"], visited_at=real_now - timedelta(days=400 + n)) for n in range(30)]
        )
    first = owner.get(f"{page}?kind=visit").text
    assert first.count('class="event"') + first.count('class="event event-alarm"') == 20
    older = first.split('href="')
    way = next(one.split('"')[0] for one in older if "after=" in one).replace("&amp;", "&")
    second = owner.get(way).text
    assert second.count('<li class="event') == 11
    assert "回到最新" in seen_on(second)


# ── One tap ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_confirming_and_taking_it_back(
    owner: TestClient, database: Database, shop: dict[str, int], page: str, real_now: datetime
) -> None:
    before = real_now.date() - timedelta(days=700)
    with database.writing() as session:
        session.get(Customer, shop["customer"]).verified_on = before
    done = owner.post(f"{page}/verified", data=form_on(owner.get(page).text, "/verified"))
    assert done.headers["location"] == f"{page}?was={before}"
    after = owner.get(done.headers["location"]).text
    assert "撤销核对" in after
    owner.post(f"{page}/verified", data=form_on(after, "/verified"))
    with database.reading() as session:
        assert session.get(Customer, shop["customer"]).verified_on == before


@pytest.mark.parametrize("role", [Role.BEAUTICIAN, Role.AUDITOR, Role.MARKETER])
def test_whoever_may_not_change_her_record_confirms_and_declines_nothing(
    as_role: Callable[[Role], TestClient], page: str, role: Role
) -> None:
    for deed in ("verified", "declined"):
        assert as_role(role).post(f"{page}/{deed}", data={"field": "birthday"}).status_code == 403


def test_two_questions_at_most_and_what_she_declines_is_not_asked_again(
    owner: TestClient, database: Database, shop: dict[str, int], page: str
) -> None:
    def asked() -> list[str]:
        html = owner.get(page).text.partition('class="card asks"')[2].partition("</section>")[0]
        return re.findall(r'name="field" value="(\w+)"', html)

    first = asked()
    assert len(first) == 2
    assert owner.post(f"{page}/declined", data={"field": first[0]}).status_code == 303
    assert "不想说：" in seen_on(owner.get(page).text)
    assert len(asked()) == 2
    assert first[0] not in asked()
    owner.post(f"{page}/declined", data={"field": first[0], "undo": "1"})
    assert asked() == first
    assert owner.post(f"{page}/declined", data={"field": "member_no"}).status_code == 422


def test_only_who_may_write_health_is_asked_to_ask_for_it(
    as_role: Callable[[Role], TestClient], database: Database, shop: dict[str, int], page: str
) -> None:
    with database.writing() as session:
        session.get(Customer, shop["customer"]).allergy_note = None
    assert "过敏？" in seen_on(as_role(Role.MANAGER).get(page).text)
    assert "过敏？" not in seen_on(as_role(Role.RECEPTION).get(page).text)


def test_the_form_completes_her_file_and_the_gift_is_shown(
    owner: TestClient, database: Database, shop: dict[str, int], page: str
) -> None:
    with database.writing() as session:
        session.exec(select(EarningRule).where(EarningRule.kind == EarningKind.PROFILE)).one().is_active = True
    assert "填完整送 50 分" in seen_on(owner.get(page).text)
    for field in ("address",):
        owner.post(f"{page}/declined", data={"field": field})
    edit = f"/admin/customer/edit/{shop['customer']}"
    fields = form_on(owner.get(edit).text, edit)
    fields |= {
        "gender": "female",
        "wechat": "xiaoli",
        "preferred_channel": "wechat",
        "occupation": "老师",
        "save": "保存",
    }
    saved = owner.post(edit, data=fields)
    assert saved.headers["location"] == page, "to her page, not to the list"
    assert "填完整的礼物 50 分已送" in seen_on(owner.get(page).text)
    with database.reading() as session:
        gifts = session.exec(select(PointsEntry.points).where(PointsEntry.reference.startswith("profile:"))).all()
    assert gifts == [50]


def test_lists_and_other_registers_lead_to_her_page(owner: TestClient, page: str) -> None:
    for register in ("customer", "visit", "complaint"):
        assert f'href="{page}"' in owner.get(f"/admin/{register}/list").text
