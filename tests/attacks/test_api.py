"""Odd requests made from the API's own description, by a program with a good key: every answer is one the description
names, in the form it names."""

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as drawing
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.responses import JSONResponse

from app.actions.api_keys import create_api_key, issue_api_key
from app.db import Database
from app.rules.api_keys import KeyDetails
from tests.conftest import NOW

DRAWING = drawing(
    max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)
PATH = "/api/v1/openapi.json"


@pytest.fixture
def key(database: Database) -> str:
    """A key of the shop."""
    with database.writing() as session:
        return issue_api_key(session, create_api_key(session, KeyDetails(name="till"), now=NOW).id)


def attack(app: FastAPI, key: str, only: str = "") -> dict[str, set[int]]:
    """Draw requests for every call (or those whose path ends so), send them and hold the answers against the description. The answers' numbers by
    call."""
    schema = schemathesis.openapi.from_asgi(PATH, app)
    heard: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        if not operation.path.endswith(only):
            continue

        @seed(1)
        @DRAWING
        @given(case=operation.as_strategy())
        def send(case: Case) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {key}"})
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])
            heard.setdefault(case.operation.label, set()).add(answer.status_code)

        send()
    return heard


def test_every_answer_is_one_the_description_names(app: FastAPI, key: str) -> None:
    heard = attack(app, key)
    assert {min(numbers) for numbers in heard.values()} <= {200, 201, 404}
    assert len(heard) == 7


def test_an_answer_it_does_not_name_would_be_found(app: FastAPI, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr("app.routes.api.purchases.answered", lambda told: JSONResponse({"order": told.status}))
    with pytest.raises(FailureGroup):
        attack(app, key, only="/purchases")
