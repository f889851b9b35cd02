"""What stands before every page: other sites' forms, foreign names, bodies too large, too slow or too strange, headers,
errors in words."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import anyio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Message

from app.db import Database
from app.main import create_app
from app.routes.guard import BodyGuard
from app.settings import Settings

OURS = "http://testserver"
PUBLIC = "https://vip.example.cn"


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: nothing here depends on the database's kind."""
    return sqlite_settings


@pytest.fixture
def bare(app: FastAPI) -> TestClient:
    """A program that says nothing of where it comes from."""
    return TestClient(app, follow_redirects=False, headers={"Accept-Language": "zh-CN"})


# ── Forms of other sites ──────────────────────────────────────────────────────────────────────────────────────────────

FROM_ELSEWHERE = [
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OURS}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Origin": "https://evil.example"}, True),
    ({"Origin": "https://testserver.evil.example"}, True),
    ({"Origin": "http://testserver:81"}, True),
    ({"Origin": "http://evil.example", "Referer": f"{OURS}/x"}, True),
    ({"Origin": "null"}, True),
    ({"Origin": "http://["}, True),
    ({"Origin": OURS}, False),
    ({"Origin": f"{OURS}:80"}, False),
    ({"Referer": f"{OURS}/x"}, False),
    ({"Referer": "https://evil.example/x"}, True),
    ({"Referer": f"https://evil.example/?{OURS}"}, True),
    ({"Referer": f"{OURS}@evil.example/"}, True),
]


@pytest.mark.parametrize("path", ["/no-such-page", "/admin/settings", "/admin/customer/action/x", "/admin/login"])
@pytest.mark.parametrize(("headers", "refused"), FROM_ELSEWHERE)
def test_a_form_from_another_site_is_refused(
    bare: TestClient, path: str, headers: dict[str, str], refused: bool
) -> None:
    answer = bare.post(path, headers=headers)
    assert (answer.status_code == 403) is refused
    assert ("来自别的网站" in answer.text) is refused


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("POST", "/s/satisfaction", False),
        ("POST", "/api/v1/customers", False),
        ("POST", "/setup", False),
        ("POST", "/admin/login", False),
        ("POST", "/admin/settings", True),
        ("POST", "/admin/logout", True),
        ("GET", "/admin/logout", True),
        ("GET", "/admin/logout/", True),
        ("DELETE", "/admin/tag/delete", True),
        ("PUT", "/admin/tag/list", True),
        ("GET", "/admin/customer/action/print-cards", True),
        ("HEAD", "/admin/customer/action/print-cards", True),
        ("POST", "/desk", True),
        ("GET", "/admin/customer/list", False),
    ],
)
def test_a_program_without_a_browser_is_refused_only_where_a_cookie_is_enough(
    bare: TestClient, method: str, path: str, refused: bool
) -> None:
    answer = bare.request(method, path)
    # The set-up answers 403 for its own reasons.
    said = "来自别的网站" in answer.text if method != "HEAD" else answer.status_code == 403
    assert said is refused
    assert answer.status_code == 403 or not refused


@pytest.fixture
def behind(settings: Settings, database: Database) -> TestClient:
    """The shop behind a proxy that keeps its own name for itself."""
    proxied = create_app(settings.model_copy(update={"public_url": PUBLIC}), database)
    return TestClient(proxied, base_url="http://127.0.0.1:8000", follow_redirects=False)


@pytest.mark.parametrize("host", ["vip.example.cn", "vip.example.cn:443", "127.0.0.1:8000"])
@pytest.mark.parametrize(
    ("origin", "refused"),
    [
        (PUBLIC, False),
        ("https://VIP.example.cn:443", False),
        ("http://vip.example.cn", True),
        ("https://evil.example", True),
        ("https://vip.example.cn:8443", True),
    ],
)
def test_behind_a_proxy_the_shops_own_address_counts(behind: TestClient, host: str, origin: str, refused: bool) -> None:
    answer = behind.post("/no-such-page", headers={"Host": host, "Origin": origin})
    assert (answer.status_code == 403) is refused


def test_looking_is_never_refused(client: TestClient) -> None:
    assert client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


# ── Foreign names ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "path", "answered"),
    [
        ("vip.example.cn", "/privacy", True),
        ("VIP.example.cn:443", "/privacy", True),
        ("127.0.0.1:8000", "/privacy", True),
        ("localhost", "/privacy", True),
        ("[::1]:8000", "/privacy", True),
        ("evil.example", "/privacy", False),
        ("vip.example.cn.evil.example", "/privacy", False),
        ("", "/privacy", False),
        ("[", "/privacy", False),
        ("evil.example", "/admin", False),
        ("rouge:8000", "/healthz", True),
    ],
)
def test_the_shop_answers_under_its_own_names(behind: TestClient, host: str, path: str, answered: bool) -> None:
    answer = behind.get(path, headers={"Host": host})
    assert answer.status_code == (200 if answered else 400)
    assert "evil" not in str(answer.headers)


def test_a_shop_without_an_address_of_its_own_answers_under_any(settings: Settings, database: Database) -> None:
    unnamed = TestClient(create_app(settings.model_copy(update={"public_url": ""}), database))
    assert unnamed.get("/privacy", headers={"Host": "192.168.1.5:8000"}).status_code == 200


# ── Bodies ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/s/satisfaction", "/admin/login", "/no-such-page"])
def test_a_body_too_large_is_refused_in_words(client: TestClient, path: str) -> None:
    answer = client.post(path, content=b"x" * (1024 * 1024 + 1), headers={"Origin": OURS})
    assert answer.status_code == 413
    assert "内容太长了" in answer.text
    assert '<html lang="zh-CN"' in answer.text
    assert "Traceback" not in answer.text


def test_a_page_that_does_not_exist_says_so_in_words(client: TestClient) -> None:
    answer = client.get("/no-such-page")
    assert answer.status_code == 404
    assert "没有找到这一页" in answer.text


def sent_slowly(seconds: float, rests: list[float], parts: int = 2) -> int | None:
    """What a guard that waits `seconds` answers a body whose parts come after `rests`; None: it let the body through."""
    answers: list[Message] = []

    async def app(scope: dict, receive: Callable[[], Awaitable[Message]], send: Callable) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        answers.append(message)

    waits = iter(rests)

    async def receive() -> Message:
        await anyio.sleep(next(waits))
        return {"type": "http.request", "body": b"x", "more_body": waits.__length_hint__() > 0}

    async def ask() -> int | None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
        try:
            await BodyGuard(app, 100, seconds)(scope, receive, send)
        except Exception as refusal:
            return refusal.status_code
        return None

    return asyncio.run(ask())


def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    assert sent_slowly(5, [0, 0, 0]) is None
    assert sent_slowly(0.05, [0, 3600]) == 408
    assert sent_slowly(0.05, [0.02] * 200) == 408, "a little at a time must not help"


# ── Headers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_headers(headers: dict[str, str]) -> None:
    """What every answer must say."""
    policy = dict(re.findall(r"([a-z-]+) ([^;]+)", headers["content-security-policy"]))
    assert "unsafe" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["referrer-policy"] in {"same-origin", "no-referrer"}
    assert "cache-control" in headers


@pytest.mark.parametrize(
    "path", ["/healthz", "/no-such-page", "/admin/login", "/admin/", "/privacy", "/static/tokens.css", "/card/x"]
)
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    check_headers(client.get(path).headers)


def test_a_refused_and_a_broken_answer_carry_them_too(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    client = TestClient(app, raise_server_exceptions=False)
    check_headers(client.post("/", headers={"Origin": "https://evil.example"}).headers)
    check_headers(client.get("/", headers={"Host": "evil.example"}).headers)
    check_headers(client.post("/", content=b"x" * (1024 * 1024 + 1)).headers)
    monkeypatch.setattr("app.routes.deps.current_policy", lambda session: 1 / 0)
    broken = client.get("/privacy")
    assert broken.status_code == 500
    check_headers(broken.headers)
    assert broken.headers["cache-control"] == "no-store"


def test_only_what_is_the_same_for_everybody_is_kept(client: TestClient) -> None:
    assert "immutable" in client.get("/static/tokens.css").headers["cache-control"]
    assert client.get("/static/no-such-file").headers["cache-control"] == "no-store"
    for path in ("/admin/login", "/privacy", "/healthz"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_a_cards_address_is_told_to_nobody(client: TestClient) -> None:
    assert client.get("/card/x").headers["referrer-policy"] == "no-referrer"


def test_browsers_are_told_to_stay_on_https_only_where_there_is_https(behind: TestClient, client: TestClient) -> None:
    assert behind.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in client.get("/healthz").headers


def test_the_language_cookie_is_no_scripts_and_travels_over_https_only(behind: TestClient, client: TestClient) -> None:
    plain = client.get("/privacy?lang=en").headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    assert behind.get("/privacy?lang=en").headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("cookie", ["a/b=1; rouge_lang=en", "a,b=1; rouge_lang=en", 'x={"a":1}; rouge_lang=en', "=;;="])
def test_another_programs_odd_cookie_locks_nobody_out(client: TestClient, cookie: str) -> None:
    answer = client.get("/no-such-page", headers={"Cookie": cookie})
    assert answer.status_code == 404
    assert ('<html lang="en"' in answer.text) is ("rouge_lang" in cookie)
