"""Odd requests made from the site's own description of itself: every page answers, none breaks."""

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as drawing
from schemathesis import Case
from starlette.testclient import TestClient

DRAWING = drawing(
    max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)


def attack(app: FastAPI) -> dict[str, set[int]]:
    """Draw requests for every operation and send them. Returns the answers' numbers by operation."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    heard: dict[str, set[int]] = {}
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        for result in schema.get_all_operations():
            operation = result.ok()

            @seed(1)
            @DRAWING
            @given(case=operation.as_strategy())
            def send(case: Case) -> None:
                sent = case.as_transport_kwargs(base_url="http://testserver")
                sent = {
                    key: sent[key]
                    for key in ("method", "url", "headers", "params", "data", "json", "cookies")
                    if sent.get(key)
                }
                heard.setdefault(case.operation.label, set()).add(client.request(**sent).status_code)

            send()
    return heard


def test_no_described_page_breaks(app: FastAPI) -> None:
    heard = attack(app)
    assert len(heard) >= 10
    heard["GET /readyz"].discard(503)  # says that no worker runs
    assert {label: numbers for label, numbers in heard.items() if any(number >= 500 for number in numbers)} == {}


def test_a_page_that_breaks_would_be_found(app: FastAPI) -> None:
    """The negative control: a page that trips over a number."""

    @app.get("/divide", name="survey:show")
    def divide(by: int) -> float:
        return 1 / (by % 3)

    assert 500 in attack(app)["GET /divide"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/api/v1/docs"])
def test_the_description_is_not_for_the_public(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
