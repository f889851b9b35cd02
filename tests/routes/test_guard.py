"""What stands before every page: other sites' forms, bodies too large, headers, errors in words."""

import pytest
from starlette.testclient import TestClient

OURS = "http://testserver"


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": OURS}, False),
        ({"Referer": f"{OURS}/x"}, False),
        ({"Referer": "https://evil.example/x"}, True),
        ({}, False),
    ],
)
def test_a_form_from_another_site_is_refused(client: TestClient, headers: dict[str, str], refused: bool) -> None:
    assert (client.post("/no-such-page", headers=headers).status_code == 403) is refused


def test_looking_is_never_refused(client: TestClient) -> None:
    assert client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


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


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/healthz", "/no-such-page", "/admin/login", "/privacy"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_ready_means_database_and_migrations_are_in_order(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["migrations"] == "ok"


@pytest.mark.parametrize("cookie", ["a/b=1; rouge_lang=en", "a,b=1; rouge_lang=en", 'x={"a":1}; rouge_lang=en', "=;;="])
def test_another_programs_odd_cookie_locks_nobody_out(client: TestClient, cookie: str) -> None:
    answer = client.get("/no-such-page", headers={"Cookie": cookie})
    assert answer.status_code == 404
    assert ('<html lang="en"' in answer.text) is ("rouge_lang" in cookie)
