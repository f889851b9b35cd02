"""Printing from the back office: who may, for whom, and what comes back."""

from collections.abc import Callable
from datetime import datetime

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.db import Database
from app.gateways.pdf import FONT_LINE, FontMissing
from app.gateways.prints import Press
from app.models import AuditEntry, Customer, PublicToken, Survey
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.settings import Settings
from app.vocabulary import AuditAction, Role, SurveyStatus
from tests.paper import Paper, codes_in

CARD_PRINTERS = {Role.OWNER, Role.MANAGER, Role.RECEPTION}
POSTER_PRINTERS = {Role.OWNER, Role.MANAGER, Role.RECEPTION, Role.MARKETER}
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: who may print, and what is on the paper, does not depend on the database's kind."""
    return sqlite_settings


@pytest.fixture
def members(database: Database, real_now: datetime) -> list[Customer]:
    """Two customers."""
    with database.writing() as session:
        return [
            create_customer(session, CustomerDetails(name=name), policy=Policy(), now=real_now)
            for name in ("王小梅", "李喆")
        ]


def printed(browser: TestClient, **fields: str):
    """What the form answers."""
    return browser.post("/admin/cards", data={"step": "print", "layout": "cr80"} | fields, headers=SAME_SITE)


def tokens(database: Database) -> int:
    """How many card addresses there are."""
    with database.reading() as session:
        return len(session.exec(select(PublicToken)).all())


def test_picked_rows_lead_to_the_form_with_their_numbers(owner: TestClient, members: list[Customer]) -> None:
    picked = owner.get(f"/admin/customer/action/print-cards?pks={members[0].id},{members[1].id}", headers=SAME_SITE)
    assert picked.status_code == 303
    form = owner.get(picked.headers["location"])
    assert form.status_code == 200
    for member in members:
        assert member.member_no in form.text
        assert member.member_no not in picked.headers["location"]


def test_picking_rows_changes_nothing(owner: TestClient, database: Database, members: list[Customer]) -> None:
    owner.get(f"/admin/cards?customers={members[0].id}")
    owner.get("/admin/cards?customers=1,x,,%00,99999999999999999999")
    assert tokens(database) == 0


def test_the_form_gives_a_pdf(owner: TestClient, members: list[Customer]) -> None:
    answer = printed(owner, who="members", members="\n".join(member.member_no for member in members))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.headers["cache-control"] == "no-store"
    assert Paper(answer.content).sizes_mm == [(85.60, 53.98)] * 4


def test_everybody_fits_on_a4(owner: TestClient, members: list[Customer]) -> None:
    paper = Paper(printed(owner, who="everyone", layout="a4").content)
    assert paper.sizes_mm == [(210.0, 297.0)] * 2
    assert len(codes_in(paper.picture(2, 200))) == 2


def test_counting_shows_how_many_and_prints_nothing(
    owner: TestClient, database: Database, members: list[Customer]
) -> None:
    page = owner.post("/admin/cards", data={"step": "count", "who": "tier", "tier": "普通会员"}, headers=SAME_SITE)
    assert page.status_code == 200
    assert "<strong>2</strong>" in page.text or "2 张" in page.text
    assert "王小梅" in page.text
    assert tokens(database) == 0


@pytest.mark.parametrize(
    ("fields", "said", "field"),
    [
        ({"who": "members", "members": "9999 9999"}, "99999999", "numbers-error"),
        ({"who": "members", "members": ""}, "还没有选印给谁", "numbers-error"),
        ({"who": "tier", "tier": "白金"}, "没有叫“白金”的等级", "tier-error"),
        ({"who": "tier", "tier": "金卡会员"}, "还没有顾客", "tier-error"),
    ],
)
def test_a_refused_run_comes_back_with_what_was_typed_and_why(
    owner: TestClient, database: Database, members: list[Customer], fields: dict[str, str], said: str, field: str
) -> None:
    page = printed(owner, **fields)
    assert page.status_code == 422
    assert said in page.text
    assert f'id="{field}" role="alert"' in page.text
    assert fields.get("members", "") in page.text
    assert tokens(database) == 0


def test_a_missing_font_is_said_with_its_mending_line_and_nothing_is_issued(
    owner: TestClient, database: Database, members: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise FontMissing(mend=FONT_LINE)

    monkeypatch.setattr(Press, "check", refuse)
    page = printed(owner, who="everyone")
    assert page.status_code == 503
    assert FONT_LINE in page.text
    assert tokens(database) == 0


def test_a_run_is_written_down_with_the_person(owner: TestClient, database: Database, members: list[Customer]) -> None:
    printed(owner, who="everyone")
    with database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.PRINT)).one()
    assert entry.actor == "测试owner"
    assert entry.staff_id is not None


@pytest.mark.parametrize("role", Role)
def test_only_whoever_may_print_cards_sees_the_page_and_the_button(
    as_role: Callable[[Role], TestClient], members: list[Customer], role: Role
) -> None:
    browser = as_role(role)
    wanted = 200 if role in CARD_PRINTERS else 403
    assert browser.get("/admin/cards").status_code == wanted
    assert printed(browser, who="everyone").status_code == wanted
    action = browser.get(f"/admin/customer/action/print-cards?pks={members[0].id}", headers=SAME_SITE)
    assert (action.status_code == 303) is (role in CARD_PRINTERS)
    register = browser.get("/admin/customer/list")
    if register.status_code == 200:
        assert ("print-cards" in register.text) is (role in CARD_PRINTERS)


@pytest.mark.parametrize("role", Role)
def test_only_whoever_may_print_posters_does(as_role: Callable[[Role], TestClient], role: Role) -> None:
    browser = as_role(role)
    wanted = 200 if role in POSTER_PRINTERS else 403
    assert browser.get("/admin/posters").status_code == wanted
    form = {"survey": "satisfaction", "size": "a6"}
    assert browser.post("/admin/posters", data=form, headers=SAME_SITE).status_code == wanted


def test_nobody_prints_without_signing_in(app: FastAPI) -> None:
    stranger = TestClient(app, follow_redirects=False)
    assert stranger.get("/admin/cards").status_code in {302, 303}
    assert printed(stranger, who="everyone").status_code in {302, 303}


def test_another_site_cannot_make_the_owner_print(
    owner: TestClient, database: Database, members: list[Customer]
) -> None:
    answer = owner.post(
        "/admin/cards",
        data={"step": "print", "who": "everyone", "anew": "1"},
        headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert tokens(database) == 0


def test_a_surveys_page_leads_to_its_poster(owner: TestClient, database: Database) -> None:
    with database.reading() as session:
        survey = session.exec(select(Survey)).one()
    assert "print-poster" in owner.get(f"/admin/survey/details/{survey.id}").text
    action = owner.get(f"/admin/survey/action/print-poster?pks={survey.id}", headers=SAME_SITE)
    form = owner.get(action.headers["location"])
    assert f'value="{survey.slug}" selected' in form.text
    answer = owner.post("/admin/posters", data={"survey": survey.slug, "size": "a6"}, headers=SAME_SITE)
    assert Paper(answer.content).sizes_mm == [(105.0, 148.0)]


def test_a_draft_has_no_poster(owner: TestClient, database: Database) -> None:
    with database.writing() as session:
        survey = Survey(slug="draft", title="草稿", status=SurveyStatus.DRAFT)
        session.add(survey)
        session.flush()
        number = survey.id
    assert "这份问卷现在不能印海报" in owner.get(f"/admin/posters?survey={number}").text
    refused = owner.post("/admin/posters", data={"survey": "draft", "size": "a4"}, headers=SAME_SITE)
    assert refused.status_code == 422
    assert 'id="survey-error" role="alert"' in refused.text
