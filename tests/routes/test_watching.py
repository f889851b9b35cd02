"""What is written down about a request: enough to find a fault, nothing that names or reaches a person."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.config import dictConfig

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.db import Database
from app.gateways.logs import log_config
from app.settings import Settings
from app.vocabulary import Role
from tests.admin.conftest import person

PHONE, TOKEN, NAME = "13912345678", "ctilkDIUPK-n5oJecc2lRx1HiPniNGh3", "王小梅"


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """One database is enough for what is written down."""
    return sqlite_settings


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything the program logs, as a program reads it."""
    out = io.StringIO()
    config = log_config("INFO", plain=False)
    config["loggers"]["httpx2"] = {"level": "WARNING"}  # the test's own browser
    config["handlers"]["stderr"]["stream"] = out
    before = logging.root.handlers[:], logging.root.level
    dictConfig(config)
    yield out
    logging.root.handlers[:], logging.root.level = before[0], before[1]


def lines(log: io.StringIO, event: str = "request") -> list[dict[str, object]]:
    """The lines about one kind of event."""
    return [found for line in log.getvalue().splitlines() if (found := json.loads(line))["event"] == event]


def test_a_request_is_one_line_with_the_number_its_answer_bears(client: TestClient, log: io.StringIO) -> None:
    answer = client.get("/healthz?x=1")
    (line,) = lines(log)
    assert (line["method"], line["route"], line["status"]) == ("GET", "health:alive", 200)
    assert isinstance(line["ms"], float)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "staff_id" not in line
    assert client.get("/healthz").headers["x-request-id"] != answer.headers["x-request-id"]


@pytest.mark.parametrize("forged", ["mine", "mine\r\nforged: 1"])
def test_nobody_outside_chooses_the_number(client: TestClient, log: io.StringIO, forged: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": forged})
    assert "mine" not in answer.headers["x-request-id"]
    assert "mine" not in log.getvalue()


@pytest.mark.parametrize(
    "path",
    [
        f"/card/{TOKEN}",
        f"/card/{TOKEN}.png",
        f"/s/t/{TOKEN}",
        f"/setup?code={TOKEN}",
        f"/nothing/{PHONE}/{NAME}",
        f"/admin/customer/list?search={PHONE}",
        f"/admin/customer/list?search={NAME}",
        f"/x/%0d%0aforged-line{TOKEN}",
        f"/privacy?{TOKEN}={PHONE}",
        "/%31%33%39%31%32%33%34%35%36%37%38",
    ],
)
def test_no_address_gets_into_the_log(client: TestClient, log: io.StringIO, path: str) -> None:
    client.get(
        path, headers={"User-Agent": f"Phone/{PHONE}", "Referer": f"http://testserver/{TOKEN}", "Cookie": f"x={TOKEN}"}
    )
    client.post(path, data={"phone": PHONE, "name": NAME})
    assert len(lines(log)) == 2
    for secret in (PHONE, TOKEN, NAME, "forged-line", "testclient", "%31"):
        assert secret not in log.getvalue()


def test_a_method_nobody_knows_is_not_written_down_as_it_was_sent(client: TestClient, log: io.StringIO) -> None:
    client.request(f"CALL{PHONE}", "/healthz")
    (line,) = lines(log)
    assert line["method"] == "OTHER"
    assert PHONE not in log.getvalue()


def test_whoever_works_here_is_a_number_and_not_a_name(
    client: TestClient, database: Database, log: io.StringIO
) -> None:
    with database.writing() as session:
        staff, sid = person(session, Role.OWNER, datetime.now(UTC))
        staff_id = staff.id
    client.cookies.set("rouge_sid", sid)
    assert client.get("/admin/").status_code == 200
    line = lines(log)[-1]
    assert line["staff_id"] == staff_id
    assert line["route"] == "admin:index"
    assert "测试owner" not in log.getvalue()


def test_what_breaks_is_a_line_and_a_page_with_the_same_number(app: FastAPI, log: io.StringIO) -> None:
    def broken() -> None:
        raise ValueError(f"for {PHONE}")

    app.add_api_route("/broken", broken, name="health:alive")
    answer = TestClient(app, raise_server_exceptions=False).get("/broken")
    (line,) = lines(log)
    assert (answer.status_code, line["status"]) == (500, 500)
    assert answer.headers["x-request-id"] == line["request_id"]
    assert PHONE not in log.getvalue() + answer.text


def test_opening_and_closing_are_said(app: FastAPI, log: io.StringIO) -> None:
    with TestClient(app):
        assert lines(log, "open")[0]["pid"]
        assert lines(log, "closed") == []
    assert lines(log, "closed")[0]["version"]


def test_other_lines_of_a_request_bear_its_number(app: FastAPI, log: io.StringIO) -> None:
    def speaking() -> dict[str, str]:
        logging.getLogger("rouge").warning("something odd")
        return {}

    app.add_api_route("/speaking", speaking, name="health:alive")
    answer = TestClient(app).get("/speaking")
    assert lines(log, "something odd")[0]["request_id"] == answer.headers["x-request-id"]
