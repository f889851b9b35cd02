"""What a route may ask for: the time, the database, the rules, the language.

What waits for nothing is `async`: FastAPI would carry each of the others to a thread of its own and back.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.exceptions import HTTPException

from app.admin_base.once import keyed_request
from app.db import Database
from app.queries.policy import current_policy
from app.routes.callers import ask_for_key
from app.rules.access import KEYED, OPEN
from app.rules.idempotency import Keyed
from app.rules.limits import network_of
from app.rules.policy import Policy
from app.settings import Settings


async def check_open(request: Request) -> None:
    """Shut what `rules.access.OPEN` does not name: outside the back office nobody asks who somebody is, and for what is in
    `KEYED` the key alone counts. Raises HTTPException 403, or as `ask_for_key`."""
    name = request.scope["route"].name
    if request.method in KEYED.get(name, ()):
        await ask_for_key(request)
    elif request.method not in OPEN.get(name, ()):
        raise HTTPException(403)


def clock() -> datetime:
    """The time it is, for `app.state.clock`: whoever asks a request's moment asks there."""
    return datetime.now(UTC)


async def _now(request: Request) -> datetime:
    return request.app.state.clock()


async def _caller(request: Request) -> str:
    """From where a request comes, as tries are counted: behind a proxy uvicorn has put the browser's own address there."""
    return network_of(request.client.host if request.client else "")


async def _keyed(request: Request) -> Keyed | None:
    """The request's own key, for `actions.idempotency.do_once`. A stranger who guessed it would have to send the same
    body, too."""
    return await keyed_request(request, "public")


async def _database(request: Request) -> Database:
    return request.app.state.database


async def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _reading(database: Annotated[Database, Depends(_database)]) -> Iterator[Session]:
    with database.reading() as session:
        yield session


Now = Annotated[datetime, Depends(_now)]
CallerDep = Annotated[str, Depends(_caller)]
OnceDep = Annotated[Keyed | None, Depends(_keyed)]
DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ReadDep = Annotated[Session, Depends(_reading, scope="function")]


def _policy(session: ReadDep) -> Policy:
    return current_policy(session)


PolicyDep = Annotated[Policy, Depends(_policy)]
