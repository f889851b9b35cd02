"""Writing a questionnaire: questions go to drafts, a draft's page leads to the next question, frozen is frozen."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.db import Database
from app.models import Survey, SurveyQuestion, SurveyResponse
from app.settings import Settings
from app.vocabulary import QuestionKind, SurveyStatus
from tests.questionnaires import put_survey, version_of

SAVE = {"save": "保存"}
CREATE = "/admin/survey-question/create"
QUESTION = {"text": "好玩吗？", "kind": "rating", "weight": "1", "scale_max": "5", "position": "", "key": ""}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: what the pages offer does not depend on the database's kind; what is frozen does, see
    tests/actions/test_surveys.py."""
    return sqlite_settings


@pytest.fixture
def drafts(shop: dict[str, int], database: Database) -> list[int]:
    """Two drafts, the older first."""
    with database.writing() as session:
        now = session.exec(select(Survey)).one().created_at
        rows = [Survey(slug=f"draft-{n}", title=f"草稿{n}", created_at=now + timedelta(minutes=n)) for n in (1, 2)]
        return [put_survey(session, row)[0] for row in rows]


def offered(html: str) -> tuple[list[str], list[str]]:
    """The surveys a form offers, and the one that is chosen."""
    box = re.search(r'<select[^>]*name="survey".*?</select>', html, re.DOTALL).group()
    options = re.findall(r"<option([^>]*)>", box)
    numbers = [re.search(r'value="(\w+)"', one).group(1) for one in options]
    return numbers, [number for number, one in zip(numbers, options, strict=True) if "selected" in one]


def test_a_new_question_is_offered_drafts_only_the_newest_first(owner: TestClient, drafts: list[int]) -> None:
    assert offered(owner.get(CREATE).text) == ([str(drafts[1]), str(drafts[0])], [])


def test_the_address_chooses_the_draft(owner: TestClient, drafts: list[int]) -> None:
    assert offered(owner.get(f"{CREATE}?survey={drafts[0]}").text)[1] == [str(drafts[0])]


@pytest.mark.parametrize("wished", ["published", "x", "%00", "99999", ""])
def test_an_address_that_names_no_draft_chooses_nothing(
    owner: TestClient, shop: dict[str, int], drafts: list[int], wished: str
) -> None:
    page = owner.get(f"{CREATE}?survey={shop['survey'] if wished == 'published' else wished}")
    assert page.status_code == 200
    assert offered(page.text)[1] == []


def test_a_question_cannot_be_brought_to_a_published_survey(
    owner: TestClient, shop: dict[str, int], drafts: list[int]
) -> None:
    assert owner.post(CREATE, data=QUESTION | {"survey": str(shop["survey"])} | SAVE).status_code == 422


def test_adding_another_question_keeps_the_survey(owner: TestClient, drafts: list[int]) -> None:
    saved = owner.post(CREATE, data=QUESTION | {"survey": str(drafts[0]), "save": "保存并再加一条"})
    assert saved.status_code == 303
    assert saved.headers["location"] == f"{CREATE}?survey={drafts[0]}"


def test_without_a_draft_the_form_says_so(owner: TestClient, shop: dict[str, int], drafts: list[int]) -> None:
    sentence = "没有草稿问卷可以加题"
    assert sentence not in owner.get(CREATE).text
    for number in drafts:
        assert owner.delete(f"/admin/survey/delete?pks={number}").status_code == 200
    assert sentence in owner.get(CREATE).text


def test_a_drafts_page_leads_to_its_next_question(owner: TestClient, drafts: list[int]) -> None:
    page = owner.get(f"/admin/survey/details/{drafts[0]}").text
    assert "还没有题目" in page
    assert f'href="{CREATE}?survey={drafts[0]}"' in page
    owner.post(CREATE, data=QUESTION | {"survey": str(drafts[0])} | SAVE)
    page = owner.get(f"/admin/survey/details/{drafts[0]}").text
    assert "好玩吗？" in page
    assert "还没有题目" not in page
    assert f'href="{CREATE}?survey={drafts[0]}"' in page


def test_a_published_surveys_page_offers_no_new_question(owner: TestClient, shop: dict[str, int]) -> None:
    assert CREATE not in owner.get(f"/admin/survey/details/{shop['survey']}").text


def test_a_new_survey_opens_its_own_page(owner: TestClient, shop: dict[str, int], database: Database) -> None:
    form = {"title": "春季活动", "slug": "spring-2027", "mode": "open", "store": "__None"}
    saved = owner.post("/admin/survey/create", data=form | SAVE)
    with database.reading() as session:
        number = session.exec(select(Survey.id).where(Survey.slug == "spring-2027")).one()
    assert saved.headers["location"] == f"/admin/survey/details/{number}"
    edited = owner.post(f"/admin/survey/edit/{number}", data=form | SAVE)
    assert edited.headers["location"] == "/admin/survey/list"


def buttons(html: str, register: str, number: int) -> set[str]:
    """What a page offers to do with a record."""
    return {
        action
        for action, address in (("edit", f"/{register}/edit/{number}[\"?]"), ("delete", f"/{register}/delete\\?pks={number}\""))
        if re.search(address, html)
    }  # fmt: skip


@pytest.mark.parametrize("page", ["list", "details"])
def test_only_what_is_not_frozen_offers_its_buttons(
    owner: TestClient, shop: dict[str, int], drafts: list[int], database: Database, page: str
) -> None:
    with database.writing() as session:
        free = SurveyQuestion(
            survey_id=drafts[0],
            version_id=version_of(session, drafts[0]),
            key="q1",
            position=1,
            kind=QuestionKind.RATING,
            text="好玩吗？",
        )
        session.add(free)
        session.flush()
        expected = {
            ("survey", shop["survey"]): {"edit"},  # its words and closing time can still change
            ("survey", drafts[0]): {"edit", "delete"},
            ("survey-question", 1): set(),
            ("survey-question", free.id): {"edit", "delete"},
        }
    for (register, number), actions in expected.items():
        html = owner.get(f"/admin/{register}/{'list' if page == 'list' else f'details/{number}'}").text
        assert buttons(html, register, number) == actions, (register, number)


def test_a_published_survey_is_not_deleted_at_its_address(
    owner: TestClient, shop: dict[str, int], database: Database
) -> None:
    assert "error=" in owner.delete(f"/admin/survey/delete?pks={shop['survey']}").text
    with database.reading() as session:
        assert session.get(Survey, shop["survey"]).status is SurveyStatus.PUBLISHED


def test_answers_are_listed_by_when_they_began_the_newest_first(
    owner: TestClient, shop: dict[str, int], database: Database
) -> None:
    with database.writing() as session:
        first = session.get(SurveyResponse, shop["survey-response"])
        for n, minutes in enumerate((-10, 10)):
            started = first.started_at + timedelta(minutes=minutes)
            ids = {"survey_id": first.survey_id, "version_id": first.version_id}
            session.add(SurveyResponse(**ids, submission_id=f"run-{n}", started_at=started))
        session.flush()
        known = {one.submission_id: one.id for one in session.exec(select(SurveyResponse))}
    newest_first = [known["run-1"], shop["survey-response"], known["run-0"]]

    def listed(query: str) -> list[int]:
        html = owner.get(f"/admin/survey-response/list{query}").text
        return list(dict.fromkeys(int(one) for one in re.findall(r"/survey-response/details/(\d+)", html)))

    assert listed("") == newest_first
    assert listed("?sortBy=started_at&sort=asc") == newest_first[::-1]
