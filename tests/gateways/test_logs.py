"""What the program writes down about itself: nothing that names or reaches a person."""

import io
import json
import logging
from logging.config import dictConfig

import pytest

from app.gateways.logs import log_config, redacted

TOKEN = "ctilkDIUPK-n5oJecc2lRx1HiPniNGh3"


@pytest.mark.parametrize(
    ("text", "canary"),
    [
        ("called 13912345678 back", "13912345678"),
        ("phone=+8613912345678", "13912345678"),
        ("phone=+86 139 1234 5678", "1234"),
        ("0086-139-1234-5678 rang", "5678"),
        ("+852 9123 4567", "9123"),
        ("GET /card/" + TOKEN, TOKEN),
        ("GET /card/" + TOKEN + ".png", TOKEN),
        ("GET /s/t/" + TOKEN + "/q/2", TOKEN),
        ("GET /f/" + TOKEN, TOKEN),
        ("GET /me/" + TOKEN, TOKEN),
        ("GET /setup?code=" + TOKEN, TOKEN),
        ("Authorization: Bearer " + TOKEN, TOKEN),
        ("postgresql+psycopg://rouge:geheim99@db:5432/rouge", "geheim99"),
        ("smtps://post:geheim99@smtp.example.cn:465", "geheim99"),
    ],
)
def test_phones_tokens_and_passwords_are_taken_out(text: str, canary: str) -> None:
    assert canary not in redacted(text)
    assert "***" in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "GET /desk/customers/10000014 200",
        "2026-11-24 10:30:00 rows=1234567 batch=20261124103000123",
        "GET /s/satisfaction 200",
        "status_code=404",
        "http://127.0.0.1:8000/admin",
        "order 20261124-0001 amount 128000 fen",
    ],
)
def test_what_reaches_nobody_stays_readable(text: str) -> None:
    assert redacted(text) == text


@pytest.fixture(params=[True, False], ids=["terminal", "json"])
def written(request: pytest.FixtureRequest):
    """A log as it comes out, plain and as JSON."""
    out = io.StringIO()
    config = log_config("INFO", plain=request.param)
    config["handlers"]["stderr"]["stream"] = out
    before = logging.root.handlers[:], logging.root.level
    dictConfig(config)
    yield out
    logging.root.handlers[:], logging.root.level = before[0], before[1]


def test_the_web_servers_own_lines_about_requests_are_not_written(written: io.StringIO) -> None:
    """They hold whole addresses."""
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "203.0.113.9:4711", "GET", "/desk?q=%E7%8E%8B%E5%B0%8F%E6%A2%85", "1.1", 200
    )
    assert written.getvalue() == ""


def test_only_chosen_facts_get_into_a_line(written: io.StringIO) -> None:
    logging.getLogger("rouge.requests").info("request", extra={"route": "card:show", "phone": "王小梅", "status": 200})
    assert "card:show" in written.getvalue()
    assert "200" in written.getvalue()
    assert "王小梅" not in written.getvalue()


def test_a_traceback_carries_no_phone_either(written: io.StringIO) -> None:
    phone = "+8613912345678"
    try:
        raise ValueError(f"cannot call {phone} at /card/{TOKEN}")
    except ValueError:
        logging.getLogger("anything").exception("failed for %s", phone)
    text = written.getvalue()
    assert "ValueError" in text
    assert "Traceback" in text
    assert "13912345678" not in text
    assert TOKEN not in text


def test_lines_for_programs_are_json_with_level_and_time() -> None:
    out = io.StringIO()
    config = log_config("INFO", plain=False)
    config["handlers"]["stderr"]["stream"] = out
    before = logging.root.handlers[:], logging.root.level
    dictConfig(config)
    logging.getLogger("rouge").info("开店")
    logging.root.handlers[:], logging.root.level = before[0], before[1]
    line = json.loads(out.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("开店", "info", "rouge")
    assert line["timestamp"].endswith("Z")
