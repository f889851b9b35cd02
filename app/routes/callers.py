"""Programs at the door: the key in the request's own head is all that opens, and every request of a key is counted."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from app.actions.api_keys import count_request, let_in
from app.actions.limits import check_tries, count_try
from app.db import Database
from app.queries.api_keys import Caller
from app.rules.api_keys import KeyMissing, KeyUnknown
from app.rules.limits import BAD_KEY, network_of
from app.settings import Settings


async def ask_for_key(request: Request) -> None:
    """Let in whoever shows a key of this shop. Raises KeyMissing, KeyUnknown, TooManyTries."""
    site = request.app.state
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    network = network_of(request.client.host if request.client else "")
    given = key.strip() if scheme.lower() == "bearer" else ""
    request.state.caller = await run_in_threadpool(
        _admitted, site.database, site.settings, given, network, now=site.clock()
    )


def _admitted(database: Database, settings: Settings, key: str, network: str, *, now: datetime) -> Caller:
    """The program behind the key. A good key is never refused for bad ones from the same network: one till with an old
    key must not shut out the others of the shop."""
    try:
        if not key:
            raise KeyMissing
        with database.reading() as session:
            caller = let_in(session, key, now=now)
    except (KeyMissing, KeyUnknown):
        with database.reading() as session:
            check_tries(session, BAD_KEY, network, now=now)
        with database.writing() as session:
            count_try(session, BAD_KEY, network, now=now)
        raise
    with database.writing(caller.actor) as session:
        count_request(session, caller, now=now.astimezone(settings.zone))
    return caller


async def _caller(request: Request) -> Caller:
    return request.state.caller


ProgramDep = Annotated[Caller, Depends(_caller)]
