"""Survey answers in a burst: written together, each answered for itself."""

import html
import re
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, func, select
from starlette.testclient import TestClient

from app.actions.submissions import Submission, Taken
from app.db import Database
from app.group_commit import Overloaded
from app.models import Complaint, RateWindow, Survey, SurveyAnswer, SurveyResponse
from app.routes import surveys
from app.rules.limits import PUBLIC_FORM
from app.vocabulary import ResponseState, SurveyStatus

PAGE = "/s/satisfaction"
KEYS = ("product", "skill", "attitude", "environment", "price", "care", "recommend", "words")


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI, now: datetime) -> None:
    app.state.clock = lambda: now


class Gate:
    """Holds the first group back until `together` forms wait behind it, so that these go in one commit."""

    def __init__(self, app: FastAPI, together: int) -> None:
        self.writer, self.together, self.sizes = app.state.submissions, together, list[int]()
        self.begun, self.work = threading.Event(), self.writer._work
        self.writer._work = self

    def __call__(self, session: Session, forms: Sequence[Submission]) -> Sequence[Taken]:
        self.sizes.append(len(forms))
        if not self.begun.is_set():
            self.begun.set()
            waited = threading.Event()
            while self.writer.waiting < self.together:
                waited.wait(0.005)
        return self.work(session, forms)


def run_id(number: int) -> str:
    return f"burst-{number:012d}"


def send(client: TestClient, run: str, key: str, value: str | list[str] = "5", **more: str):
    return client.post(PAGE, data={"submission_id": run, "question": key, "answer": value} | more)


def send_together(app: FastAPI, client: TestClient, sent: Sequence[tuple[str, str, str]]) -> list:
    """One form first, and behind it all of these in one group. Returns their answers in order."""
    gate, answers = Gate(app, len(sent)), [None] * len(sent)

    def post(place: int, run: str, key: str, value: str) -> None:
        answers[place] = send(client, run, key, value)

    first = threading.Thread(target=send, args=(client, run_id(999), "product"))
    first.start()
    assert gate.begun.wait(10)
    threads = []
    for place, form in enumerate(sent):
        threads.append(threading.Thread(target=post, args=(place, *form)))
        threads[-1].start()
        while app.state.submissions.waiting <= place and not answers[place]:
            threads[-1].join(0.002)
            if len(gate.sizes) > 1:
                break
    for thread in (first, *threads):
        thread.join()
    assert gate.sizes == [1, len(sent)]
    return answers


def values(database: Database, run: str) -> dict[str, str]:
    with database.reading() as session:
        rows = session.exec(
            select(SurveyAnswer.question_key, SurveyAnswer.value)
            .join(SurveyResponse)
            .where(SurveyResponse.submission_id == run)
        )
        return dict(rows.all())


@pytest.fixture
def finished(client: TestClient) -> str:
    """A run that is finished."""
    for key in KEYS:
        send(client, run_id(0), key, {"words": "", "recommend": "10"}.get(key, "5"))
    return run_id(0)


def test_forms_of_one_group_each_get_their_own_answer(app: FastAPI, client: TestClient, database: Database) -> None:
    answers = send_together(
        app, client, [(run_id(1), "product", "5"), (run_id(2), "product", "9"), (run_id(3), "skill", "1")]
    )
    assert [sent.status_code for sent in answers] == [303, 422, 303]
    assert "请从给出的选项里选" in answers[1].text
    assert [values(database, run_id(number)) for number in (1, 2, 3)] == [{"product": "5"}, {}, {"skill": "1"}]


def test_a_double_tap_in_one_group_is_one_run_and_both_are_thanked(
    app: FastAPI, client: TestClient, database: Database
) -> None:
    answers = send_together(app, client, [(run_id(1), "product", "5")] * 4)
    assert [sent.status_code for sent in answers] == [303] * 4
    with database.reading() as session:
        runs = select(func.count()).where(SurveyResponse.submission_id == run_id(1))
        assert session.exec(runs).one() == 1


def test_of_two_answers_to_one_question_in_a_group_the_later_one_stands(
    app: FastAPI, client: TestClient, database: Database
) -> None:
    send_together(app, client, [(run_id(1), "product", "2"), (run_id(1), "skill", "3"), (run_id(1), "product", "4")])
    assert values(database, run_id(1)) == {"product": "4", "skill": "3"}


def test_an_answer_taken_back_in_a_group_is_gone(app: FastAPI, client: TestClient, database: Database) -> None:
    send(client, run_id(1), "words", "很好")
    assert values(database, run_id(1)) == {"words": "很好"}
    send_together(app, client, [(run_id(1), "words", ""), (run_id(2), "product", "5")])
    assert values(database, run_id(1)) == {}


def test_finishing_twice_in_one_group_finishes_once(app: FastAPI, client: TestClient, database: Database) -> None:
    for key in KEYS[:-1]:
        send(client, run_id(1), key, "10" if key == "recommend" else "5")
    answers = send_together(app, client, [(run_id(1), "words", "")] * 3)
    assert [sent.status_code for sent in answers] == [303] * 3
    assert min("again" in sent.headers["location"] for sent in answers) is False
    with database.reading() as session:
        response = session.exec(select(SurveyResponse).where(SurveyResponse.submission_id == run_id(1))).one()
    assert (response.state, response.score) == (ResponseState.FINISHED, 100)


def test_a_finished_run_takes_no_answer_in_any_group(
    app: FastAPI, client: TestClient, database: Database, finished: str
) -> None:
    answers = send_together(app, client, [(finished, "product", "1"), (run_id(2), "product", "5")])
    assert "again=1" in answers[0].headers["location"]
    assert values(database, finished)["product"] == "5"


def test_one_form_that_breaks_the_writing_fails_alone(app: FastAPI, client: TestClient, database: Database) -> None:
    whole = app.state.submissions._work

    def breaks(session: Session, forms: Sequence[Submission]) -> Sequence[Taken]:
        taken = whole(session, forms)
        if any(form.submission_id == run_id(2) for form in forms):
            raise ValueError("what nobody thought of")
        return taken

    app.state.submissions._work = breaks
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as quiet:
        gate, answers = Gate(app, 3), {}

        def post(number: int) -> None:
            answers[number] = send(quiet, run_id(number), "product")

        threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
        threads[0].start()
        assert gate.begun.wait(10)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
    assert {number: sent.status_code for number, sent in answers.items()} == {0: 303, 1: 303, 2: 500, 3: 303}
    assert gate.sizes == [1, 3, 1, 1, 1]
    assert [bool(values(database, run_id(number))) for number in range(4)] == [True, True, False, True]


def test_a_survey_another_process_closed_takes_no_answer_any_more(client: TestClient, database: Database) -> None:
    assert send(client, run_id(1), "product").status_code == 303
    with database.writing() as session:
        session.exec(select(Survey)).one().status = SurveyStatus.CLOSED
    assert send(client, run_id(1), "skill").status_code == 410
    assert values(database, run_id(1)) == {"product": "5"}


def test_a_contact_left_twice_at_once_opens_one_case(app: FastAPI, client: TestClient, database: Database) -> None:
    for key in KEYS:
        send(client, run_id(1), key, "" if key == "words" else "1")
    contact = {"submission_id": run_id(1), "question": "contact", "contact_phone": "13812345678"}
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.post(PAGE, data=contact).status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 6
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(Complaint)).one() == 1


def test_too_many_answers_from_one_address_are_told_to_wait_and_keep_what_was_typed(
    app: FastAPI, client: TestClient, database: Database, now: datetime
) -> None:
    send(client, run_id(1), "product")
    with database.writing() as session:
        window = session.exec(select(RateWindow)).one()
        assert window.count == 1
        window.count = PUBLIC_FORM.times
    late = send(client, run_id(1), "words", "等了<四十>分钟")
    assert late.status_code == 429
    assert "次数太多了" in late.text
    assert int(late.headers["retry-after"]) == PUBLIC_FORM.wait(now).total_seconds()
    assert "等了&lt;四十&gt;分钟" in late.text
    again = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', late.text)}
    assert again["submission_id"] == run_id(1)
    app.state.clock = lambda: now + timedelta(minutes=1)
    assert client.post(PAGE, data=again | {"answer": "等了<四十>分钟"}).status_code == 422  # the other questions
    assert values(database, run_id(1)) == {"product": "5", "words": "等了<四十>分钟"}


@pytest.mark.parametrize(
    "trouble", [Overloaded(), OperationalError("INSERT", {}, Exception("database or disk is full"))]
)
def test_what_cannot_be_kept_is_said_in_words_with_all_that_was_typed(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async def refuse(form: Submission) -> Taken:
        raise trouble

    monkeypatch.setattr(app.state.submissions, "submit", refuse)
    busy = send(client, run_id(1), "words", "一\n二", contact_phone="138")
    assert busy.status_code == 503
    assert busy.headers["retry-after"] == "5"
    assert "这一步还没有保存" in busy.text
    assert ">\n一\n二</textarea>" in busy.text
    assert 'value="138"' in busy.text


def test_more_fields_than_any_form_has_are_refused(client: TestClient) -> None:
    sent = client.post(
        PAGE,
        content="&".join("answer=5" for _ in range(10_000)),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert sent.status_code == 413


def test_what_the_writer_does_is_what_the_app_gave_it(app: FastAPI) -> None:
    assert app.state.submissions._work is surveys.take_together
