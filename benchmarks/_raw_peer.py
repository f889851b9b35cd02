"""The limit of the survey benchmark: Starlette and the driver alone, one commit for each request.

It writes the same rows as we do into a copy of our own database, with its encryption, pragmas, indexes and constraints,
and checks by hand what must be checked: the run's id and the answer's range. The questions it reads only once. No try is
counted, no policy asked, no rule of a survey's opening, no language, no guard: the difference is how often the disk is
waited for, and all that a shop needs besides.
"""

import os
import re
from datetime import UTC, datetime

import sqlcipher3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

_RUN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_BEGIN = """INSERT INTO survey_responses
    (survey_id, version_id, submission_id, mode, way, channel, state, is_low, contact_name, contact_masked, started_at)
    VALUES (?, ?, ?, 'open', 'qr', 'store', 'partial', 0, '', '', ?) ON CONFLICT (submission_id) DO NOTHING"""
_KEEP = """INSERT INTO survey_answers (response_id, question_id, question_key, value, number)
    SELECT id, ?, ?, ?, ? FROM survey_responses WHERE submission_id = ?
    ON CONFLICT (response_id, question_id, statement) DO UPDATE SET value = excluded.value, number = excluded.number"""


def _connection() -> sqlcipher3.Connection:
    connection = sqlcipher3.connect(os.environ["PEER_DATABASE"], isolation_level=None)
    connection.execute(f"PRAGMA key=\"x'{os.environ['PEER_KEY']}'\"")
    for pragma in os.environ["PEER_PRAGMAS"].split(";"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


_connected = _connection()
_questions = {
    (slug, key): (survey, version, question, most)
    for slug, key, survey, version, question, most in _connected.execute(
        "SELECT slug, key, surveys.id, version_id, survey_questions.id, scale_max FROM surveys JOIN survey_questions"
        " ON survey_id = surveys.id WHERE kind = 'rating'"
    )
}


async def answer(request: Request) -> Response:
    """Keeps one answer, in the event loop itself: for one worker that is the fastest way."""
    typed = await request.form()
    run, key, value = typed["submission_id"], typed["question"], typed["answer"]
    found = _questions.get((request.path_params["slug"], key))
    if found is None:
        return PlainTextResponse("unknown", 404)
    survey, version, question, most = found
    if not _RUN.fullmatch(run) or not value.isdecimal() or not 1 <= int(value) <= most:
        return PlainTextResponse("wrong", 422)
    _connected.execute("BEGIN IMMEDIATE")
    _connected.execute(_BEGIN, (survey, version, run, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"))
    _connected.execute(_KEEP, (question, key, value, int(value), run))
    _connected.execute("COMMIT")
    return RedirectResponse(f"/s/{request.path_params['slug']}?submission_id={run}&question=next", 303)


async def alive(request: Request) -> Response:
    """Whether it answers."""
    return PlainTextResponse("ok")


application = Starlette(routes=[Route("/healthz", alive), Route("/s/{slug}", answer, methods=["POST"])])
