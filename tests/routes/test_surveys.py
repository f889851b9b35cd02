"""A survey by plain forms, as a phone without JavaScript sends them."""

import html
import re
from datetime import datetime, timedelta
from threading import Barrier, Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.customers import create_customer
from app.actions.survey_invitations import invite
from app.actions.survey_templates import survey_from_template
from app.actions.survey_versions import publish_survey
from app.db import Database
from app.models import Complaint, PolicySetting, Survey, SurveyAnswer, SurveyResponse
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.vocabulary import ResponseState, SurveyMode, SurveyOccasion, SurveyStatus

KEYS = ("product", "skill", "attitude", "environment", "price", "care", "recommend", "words")
PAGE = "/s/satisfaction"


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


def run_of(page: str) -> str:
    """The run's id in a page's form."""
    found = re.search(r'name="submission_id" value="([^"]+)"', page)
    assert found
    return found[1]


def start(client: TestClient) -> str:
    return run_of(client.get(PAGE).text)


def send(client: TestClient, run: str, key: str, answer: str | list[str] = "5", **more: str):
    return client.post(PAGE, data={"submission_id": run, "question": key, "answer": answer} | more)


def answer_all(client: TestClient, run: str, *, rating: str = "5", nps: str = "10", words: str = ""):
    for key in KEYS[:6]:
        send(client, run, key, rating)
    send(client, run, "recommend", nps)
    return send(client, run, "words", words)


def change_survey(database: Database, **values: object) -> None:
    with database.writing() as session:
        survey = session.exec(select(Survey)).one()
        for name, value in values.items():
            setattr(survey, name, value)


def query_of(location: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}


def test_the_first_page_says_who_asks_how_long_and_asks(client: TestClient) -> None:
    page = client.get(PAGE)
    assert page.status_code == 200
    for words in (
        "胭脂美妆",
        "到店满意度",
        "共 8 题，约 1 分钟",
        "1 / 8",
        "您对产品的使用效果满意吗？",
        "非常满意",
        "隐私说明",
    ):
        assert words in page.text
    assert len(page.content) < 30_000
    assert '<html lang="zh-CN">' in page.text


def test_every_page_stays_small(client: TestClient) -> None:
    run = start(client)
    for key in KEYS:
        assert len(client.get(PAGE, params={"submission_id": run, "question": key}).content) < 30_000


def test_an_answer_leads_to_the_next_question_and_stays_when_going_back(client: TestClient) -> None:
    run = start(client)
    onward = send(client, run, "product", "4")
    assert onward.status_code == 303
    assert query_of(onward.headers["location"]) == {"submission_id": run, "question": "skill"}
    assert "2 / 8" in client.get(onward.headers["location"]).text
    back = client.get(PAGE, params={"submission_id": run, "question": "product"}).text
    assert re.search(r'value="4" checked ', back)


def test_the_same_address_goes_on_where_she_stopped(client: TestClient) -> None:
    run = start(client)
    send(client, run, "product", "4")
    assert "2 / 8" in client.get(PAGE, params={"submission_id": run}).text


def test_going_back_to_the_very_first_page_finds_the_same_run(client: TestClient) -> None:
    assert client.get(PAGE).headers["cache-control"] == "private, no-cache"
    assert client.get(PAGE, params={"submission_id": start(client)}).headers["cache-control"] == "no-store"


def test_a_required_question_left_out_is_asked_again_in_words(client: TestClient) -> None:
    again = client.post(PAGE, data={"submission_id": start(client), "question": "product"})
    assert again.status_code == 422
    assert 'role="alert">这一题还没有回答，请选一个再继续。' in again.text
    assert "1 / 8" in again.text


def test_finishing_with_a_gap_leads_to_the_gap(client: TestClient) -> None:
    run = start(client)
    send(client, run, "product")
    gap = send(client, run, "words", "直接到最后")
    assert gap.status_code == 422
    assert "您觉得美容师的手法专业吗？" in gap.text


def test_an_optional_question_may_be_skipped(client: TestClient) -> None:
    run = start(client)
    for key in KEYS[:6]:
        send(client, run, key)
    send(client, run, "recommend", "10")
    done = send(client, run, "words", "写了又不想说", skip="1")
    assert urlsplit(done.headers["location"]).path == f"{PAGE}/thanks"


def test_a_required_question_cannot_be_skipped(client: TestClient) -> None:
    assert send(client, start(client), "product", "", skip="1").status_code == 422


def test_good_answers_end_with_thanks(client: TestClient, database: Database) -> None:
    run = start(client)
    thanks = client.get(answer_all(client, run).headers["location"])
    assert "您的评价已收到" in thanks.text
    with database.reading() as session:
        response = session.exec(select(SurveyResponse)).one()
        assert session.exec(select(Complaint)).all() == []
    assert (response.submission_id, response.state, response.score) == (run, ResponseState.FINISHED, 100)


def test_low_answers_ask_for_a_contact_and_a_contact_opens_a_complaint(
    client: TestClient, database: Database, now: datetime
) -> None:
    run = start(client)
    asked = answer_all(client, run, rating="2", nps="3", words="等了四十分钟")
    assert query_of(asked.headers["location"])["question"] == "contact"
    page = client.get(asked.headers["location"]).text
    assert "需要我们联系您吗？" in page
    assert "48 小时内回复您" in page
    done = client.post(
        PAGE,
        data={"submission_id": run, "question": "contact", "contact_name": "李女士", "contact_phone": "138 1234 5678"},
    )
    assert done.status_code == 303
    with database.reading() as session:
        complaint = session.exec(select(Complaint)).one()
    assert complaint.due_at == now + timedelta(hours=48)
    thanks = client.get(done.headers["location"]).text
    assert "我们会在 11月26日 18:30 周四 前回复您" in thanks
    assert complaint.receipt_no in thanks
    assert "138" not in thanks.replace(run, "")


def test_a_contact_tapped_twice_is_kept_once_and_both_see_the_same_thanks(
    client: TestClient, database: Database
) -> None:
    run = start(client)
    answer_all(client, run, rating="2", nps="3", words="等了四十分钟")
    form = {"submission_id": run, "question": "contact", "contact_name": "李女士", "contact_phone": "138 1234 5678"}
    answers, gate = [], Barrier(2)

    def tap() -> None:
        gate.wait(10)
        answers.append(client.post(PAGE, data=form).headers["location"])

    threads = [Thread(target=tap) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(answers)) == 1
    assert "again" not in answers[0]
    other = client.post(PAGE, data=form | {"contact_phone": "13900139000"})
    assert "again=1" in other.headers["location"]
    with database.reading() as session:
        assert session.exec(select(Complaint)).one().contact_masked == "138****5678"


def test_a_wrong_phone_keeps_what_was_typed(client: TestClient, database: Database) -> None:
    run = start(client)
    answer_all(client, run, rating="1", nps="0")
    wrong = client.post(
        PAGE, data={"submission_id": run, "question": "contact", "contact_name": "李<女士>", "contact_phone": "12345"}
    )
    assert wrong.status_code == 422
    assert 'value="12345"' in wrong.text
    assert "李&lt;女士&gt;" in wrong.text
    assert "请填写完整的手机号" in wrong.text
    empty = client.post(PAGE, data={"submission_id": run, "question": "contact", "contact_name": "李女士"})
    assert (empty.status_code, 'value="李女士"' in empty.text) == (422, True)
    with database.reading() as session:
        assert session.exec(select(Complaint)).all() == []


def test_no_contact_is_fine_and_can_still_be_left_later(client: TestClient) -> None:
    run = start(client)
    answer_all(client, run, rating="1", nps="0")
    thanks = client.get(f"{PAGE}/thanks", params={"submission_id": run})
    assert thanks.status_code == 200
    assert "请店里联系我" in thanks.text


def test_answering_twice_is_told_kindly_and_changes_nothing(client: TestClient, database: Database) -> None:
    run = start(client)
    answer_all(client, run)
    twice = send(client, run, "words", "再来一次")
    assert "您已经提交过了，谢谢" in client.get(twice.headers["location"]).text
    back = client.get(PAGE, params={"submission_id": run, "question": "product"})
    assert (back.status_code, "您已经提交过了，谢谢" in back.text) == (200, True)
    with database.reading() as session:
        assert len(session.exec(select(SurveyResponse)).all()) == 1
        assert "再来一次" not in session.exec(select(SurveyAnswer.value)).all()


def test_a_hundred_thousand_letters_are_refused_and_kept(client: TestClient, database: Database) -> None:
    run = start(client)
    for key in KEYS[:6]:
        send(client, run, key)
    send(client, run, "recommend", "10")
    long = send(client, run, "words", "字" * 100_000)
    assert long.status_code == 422
    assert "最多写 2000 个字，现在有 100000 个字" in long.text
    assert "字" * 100_000 in long.text
    with database.reading() as session:
        assert session.exec(select(SurveyResponse)).one().state is ResponseState.PARTIAL


@pytest.mark.parametrize(
    "words",
    [
        "𡃁 喆 嫒 😤👩‍🦰",
        "a\x00b",
        "\ud800",
        "<script>alert(1)</script>",
        "'; DROP TABLE surveys; --",
        "{{ 7*7 }} %s %(x)s",
        "\r\n\t",
        "字" * 2000,
    ],
)
def test_no_text_breaks_a_page(client: TestClient, words: str) -> None:
    run = start(client)
    body = {"submission_id": run, "question": "words", "answer": words.encode("utf-8", "surrogatepass")}
    sent = client.post(PAGE, data=body)
    assert sent.status_code in {303, 422}
    shown = client.get(PAGE, params={"submission_id": run, "question": "words"})
    assert shown.status_code == 200
    assert "<script>alert" not in shown.text


@pytest.mark.parametrize("answer", ["\x00", "9" * 400, "-1", "五", "4\x00"])
def test_no_choice_breaks_a_page(client: TestClient, answer: str) -> None:
    assert send(client, start(client), "product", answer).status_code in {303, 422}


@pytest.mark.parametrize("run", ["", "short", "a\x00" * 10, "号" * 20, "x" * 65, "' OR 1=1 -- aaaaaaaa"])
def test_a_forged_id_begins_a_new_run(client: TestClient, run: str) -> None:
    assert client.get(PAGE, params={"submission_id": run}).status_code == 200
    onward = send(client, run, "product")
    fresh = query_of(onward.headers["location"])["submission_id"]
    assert (onward.status_code, fresh != run, len(fresh)) == (303, True, 22)


def test_an_unknown_question_leads_back_into_the_survey(client: TestClient) -> None:
    run = start(client)
    assert send(client, run, "nothing\x00").status_code == 303
    assert "1 / 8" in client.get(PAGE, params={"submission_id": run, "question": "\x00"}).text
    assert (
        client.post(PAGE, data={"submission_id": run, "question": "contact", "contact_phone": "1"}).status_code == 303
    )
    assert client.get(f"{PAGE}/thanks", params={"submission_id": run}).status_code == 303


@pytest.mark.parametrize("slug", ["nothing", "%00", "%F0%9F%98%A4", "a%20b", "..%5c"])
def test_an_unknown_survey_is_told_kindly(client: TestClient, slug: str) -> None:
    for answer in (client.get(f"/s/{slug}"), client.post(f"/s/{slug}", data={}), client.get(f"/s/{slug}/thanks")):
        assert answer.status_code == 404
        assert "没有找到这份问卷" in answer.text


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"status": SurveyStatus.DRAFT}, 404, "没有找到这份问卷"),
        ({"status": SurveyStatus.CLOSED}, 410, "这份问卷已经结束"),
        ({"closes_at": timedelta(0)}, 410, "这份问卷已经结束"),
        ({"opens_at": timedelta(hours=1)}, 404, "这份问卷还没有开始"),
        ({"mode": SurveyMode.IDENTIFIED}, 404, "只发给受邀的顾客"),
    ],
)
def test_a_survey_that_cannot_be_answered_says_so_with_the_shops_number(
    client: TestClient, database: Database, now: datetime, change: dict, status: int, words: str
) -> None:
    run = start(client)
    change_survey(
        database, **{key: now + value if isinstance(value, timedelta) else value for key, value in change.items()}
    )
    with database.writing() as session:
        session.add(PolicySetting(key="shop_phone", value="0571-88886666"))
    for answer in (client.get(PAGE), send(client, run, "product")):
        assert answer.status_code == status
        assert words in answer.text
        assert "tel:0571-88886666" in answer.text


def test_thanks_and_a_contact_are_still_there_after_the_survey_closed(client: TestClient, database: Database) -> None:
    run = start(client)
    answer_all(client, run, rating="1", nps="0")
    change_survey(database, status=SurveyStatus.CLOSED)
    assert client.get(f"{PAGE}/thanks", params={"submission_id": run}).status_code == 200
    left = client.post(PAGE, data={"submission_id": run, "question": "contact", "contact_phone": "13812345678"})
    assert left.status_code == 303
    with database.reading() as session:
        assert session.exec(select(Complaint)).one().contact_masked == "138****5678"


def test_an_anonymous_survey_says_so_and_asks_for_no_contact(client: TestClient, database: Database) -> None:
    change_survey(database, mode=SurveyMode.ANONYMOUS)
    page = client.get(PAGE).text
    assert "匿名填写" in page
    run = run_of(page)
    done = answer_all(client, run, rating="1", nps="0")
    assert urlsplit(done.headers["location"]).path == f"{PAGE}/thanks"
    client.post(PAGE, data={"submission_id": run, "question": "contact", "contact_phone": "13812345678"})
    with database.reading() as session:
        assert session.exec(select(SurveyResponse)).one().contact_phone is None


def test_with_htmx_the_same_post_answers_the_next_part_and_its_address(client: TestClient) -> None:
    run = start(client)
    part = client.post(
        PAGE, data={"submission_id": run, "question": "product", "answer": "5"}, headers={"HX-Request": "true"}
    )
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<section class="screen" id="question"')
    assert "2 / 8" in part.text
    assert query_of(part.headers["hx-push-url"]) == {"submission_id": run, "question": "skill"}
    refused = client.post(PAGE, data={"submission_id": run, "question": "skill"}, headers={"HX-Request": "true"})
    assert (refused.status_code, "<html" in refused.text, "hx-push-url" in refused.headers) == (422, False, False)


def test_htmx_restoring_history_gets_the_whole_page(client: TestClient) -> None:
    asked = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in client.get(PAGE, params={"submission_id": start(client)}, headers=asked).text


def test_htmx_is_sent_to_the_page_that_says_why_not(client: TestClient, database: Database) -> None:
    run = start(client)
    change_survey(database, status=SurveyStatus.CLOSED)
    shut = client.post(PAGE, data={"submission_id": run, "question": "product"}, headers={"HX-Request": "true"})
    assert shut.headers["hx-redirect"] == PAGE


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_words_that_came_after_the_survey_closed_are_shown_to_be_copied(
    client: TestClient, database: Database, headers: dict[str, str]
) -> None:
    run = start(client)
    change_survey(database, status=SurveyStatus.CLOSED)
    with database.writing() as session:
        session.add(PolicySetting(key="shop_phone", value="0571-88886666"))
    sent = {"submission_id": run, "question": "words", "answer": "毛巾有点湿，<b>别的都好</b>"}
    shut = client.post(PAGE, data=sent, headers=headers)
    assert (shut.status_code, "hx-redirect" in shut.headers) == (410, False)
    assert ("<html" in shut.text) is not bool(headers)
    assert "这份问卷已经结束" in shut.text
    assert re.search(r"<textarea[^>]* readonly[^>]*>\n毛巾有点湿，&lt;b&gt;别的都好&lt;/b&gt;</textarea>", shut.text)
    assert "tel:0571-88886666" in shut.text
    assert "<form" not in shut.text.split("<section", 1)[1]


def test_the_languages_keep_her_place(client: TestClient) -> None:
    run = start(client)
    page = client.get(PAGE, params={"submission_id": run, "question": "skill"}).text
    link = html.unescape(re.findall(r'href="([^"]+lang=zh_TW)"', page)[0])
    assert query_of(link) == {"submission_id": run, "question": "skill", "lang": "zh_TW"}
    assert '<html lang="zh-TW">' in client.get(link).text


def test_the_shops_colour_replaces_ours(client: TestClient, database: Database) -> None:
    assert "<style>" not in client.get(PAGE).text
    with database.writing() as session:
        session.add(PolicySetting(key="brand_colour", value="#1F4E5F"))
    assert "--rouge: #1F4E5F" in client.get(PAGE).text


def test_a_file_where_words_belong_is_refused_in_words(client: TestClient) -> None:
    sent = client.post(PAGE, files={"answer": ("a.txt", b"hello")}, data={"question": "words"})
    assert sent.status_code == 422
    assert "有一项没有填对" in sent.text


# ── Kinds and ways through ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_grid_and_a_yes_are_answered_and_shown_again(client: TestClient, database: Database, now: datetime) -> None:
    with database.writing() as session:
        survey = survey_from_template(session, SurveyOccasion.EVENT, "event", now=now)
        publish_survey(session, survey.id or 0, now=now)
    page = client.get("/s/event").text
    run = run_of(page)
    for form in (
        {"question": "event", "answer": "5"},
        {"question": "parts", "answer_1": "1:4", "answer_3": "3:2"},
        {"question": "again", "answer": "0"},
    ):
        assert client.post("/s/event", data=form | {"submission_id": run}, follow_redirects=False).status_code == 303
    for key, ticked in (("parts", ["1:4", "3:2"]), ("again", ["0"])):
        page = client.get(f"/s/event?submission_id={run}&question={key}").text
        assert re.findall(r'value="([^"]+)"[^>]*checked', page) == ticked


def test_only_a_link_opens_what_is_asked_by_name_and_only_in_its_time(
    app: FastAPI, client: TestClient, database: Database, now: datetime
) -> None:
    with database.writing() as session:
        survey = survey_from_template(session, SurveyOccasion.EVENT, "event", now=now)
        survey.mode = SurveyMode.IDENTIFIED
        publish_survey(session, survey.id or 0, now=now)
        her = create_customer(session, CustomerDetails(name="陈小姐"), policy=Policy(), now=now).id or 0
        link = invite(session, survey.id or 0, her, policy=Policy(), now=now).invitation
    page = f"/s/event?submission_id={link.submission_id}"
    assert client.get("/s/event").status_code == 404
    assert client.get(page).status_code == 200
    form = {"submission_id": link.submission_id, "question": "event", "answer": "5"}
    assert client.post("/s/event", data=form, follow_redirects=False).status_code == 303
    app.state.clock = lambda: link.expires_at
    assert client.get(page).status_code == 410
    late = client.post("/s/event", data=form | {"question": "words", "answer": "写了很久"})
    assert late.status_code == 410
    assert "写了很久" in late.text  # she may copy it, or say it on the telephone


def test_the_phone_is_led_past_what_it_is_not_asked(client: TestClient, database: Database, now: datetime) -> None:
    with database.writing() as session:
        survey = survey_from_template(session, SurveyOccasion.STAFF, "team", now=now)
        publish_survey(session, survey.id or 0, now=now)
    run = run_of(client.get("/s/team").text)

    def led(key: str, answer: str) -> str:
        form = {"submission_id": run, "question": key, "answer": answer}
        return client.post("/s/team", data=form, follow_redirects=False).headers["location"].rpartition("question=")[2]

    assert [led("skill", "5"), led("attitude", "5"), led("attitude", "1")] == ["attitude", "words", "why"]
