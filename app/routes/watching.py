"""What is written down and counted about every request: the route's name, never the address, which may hold a token, a
phone or a name."""

import logging
import os
import time
from importlib.metadata import version

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admin_base.asking import asking, is_asking
from app.gateways.logs import REQUESTS
from app.gateways.metrics import count_request, known_method, note_queue

_log = logging.getLogger(REQUESTS)
_life = logging.getLogger("rouge")
_LETTERS = bytes(ord("a") + number % 26 for number in range(256))
_BROKE_OFF = 499
"""The browser went before the answer came (nginx' number for it)."""
_LIFE = {
    "lifespan.startup.complete": "open",
    "lifespan.startup.failed": "could not open",
    "lifespan.shutdown.complete": "closed",
}


class RequestWatch:
    """Stands before everything else. Every answer carries a number of its own (`X-Request-ID`), and every line that is
    logged on the way to it says the same."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, then write down how it went."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _telling(send))
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, site = time.perf_counter(), _BROKE_OFF, scope["app"]
        number = scope["request_id"] = new_request_id()
        header = (b"x-request-id", number.encode())
        structlog.contextvars.bind_contextvars(request_id=number)

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        except Exception:
            status = 500  # the page that says so comes from outside of this
            raise
        finally:
            note_queue(site.state.submissions.waiting)  # the scope's own "app" is by now the innermost one
            _write_down(scope, status, time.perf_counter() - began)


def new_request_id() -> str:
    """Letters alone: digits could look like a phone and be taken out of the log."""
    return os.urandom(12).translate(_LETTERS).decode()


def _write_down(scope: Scope, status: int, seconds: float) -> None:
    route, method = _route_name(scope), scope["method"]
    count_request(route, method, status, seconds)
    facts = {"method": known_method(method), "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    facts["request_id"] = scope["request_id"]
    person = asking().person if is_asking() else None
    if person is not None:
        facts["staff_id"] = person.staff_id
    if caller := scope.get("state", {}).get("caller"):
        facts["api_key"] = caller.key_id
    _log.info("request", extra=facts)


def _route_name(scope: Scope) -> str:
    """The name of what answered; "none" where nothing did. Those of the back office are told apart by a word before."""
    name = getattr(scope.get("route"), "name", None) or "none"
    is_office = scope["path"].startswith("/admin") and ":" not in name
    return f"admin:{name}" if is_office else name


def _telling(send: Send) -> Send:
    """The same, with a line when this process opens and when it closes."""

    async def told(message: Message) -> None:
        if word := _LIFE.get(message["type"]):
            _life.info(word, extra={"version": version("rouge"), "pid": os.getpid()})
        await send(message)

    return told
