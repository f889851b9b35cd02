"""A form that arrives twice is done once. Every form of the back office carries a token of its own (`once`); a program
sends the header Idempotency-Key instead. The same request again gets the first one's answer and does nothing."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import anyio.to_thread
from sqladmin.flash import Flash
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.actions.idempotency import named
from app.admin_base.asking import asking
from app.db import Database
from app.i18n import gettext
from app.queries.idempotency import kept_answer
from app.rules.idempotency import Kept, Keyed
from app.rules.refusals import RuleBroken

FIELD = "once"
HEADER = "idempotency-key"
STREAMED = frozenset({"/admin/desk/imports"})
"""Pages that read their body while it comes, for it may be a large file, and take their key from it themselves."""


@dataclass(frozen=True)
class Answer:
    """What a form that was saved answers: where it leads and what is said there; `given` is shown once instead, on the
    page that asked."""

    location: str
    said: str = ""
    given: str = ""

    def kept(self) -> Kept:
        """As it lies in the table."""
        return Kept(303, json.dumps(asdict(self), ensure_ascii=False))

    @classmethod
    def of(cls, kept: Kept) -> "Answer":
        """As it was kept."""
        return cls(**json.loads(kept.answer))

    def lead(self, request: Request) -> Response:
        """On to where it leads, with a word about what was done."""
        if self.said:
            Flash.success(request, self.said)
        return RedirectResponse(self.location, 303)


async def keyed_request(request: Request, scope: str) -> Keyed | None:
    """The key of a request, from its header or its form; None for one without. `scope`: whose the key is. Raises
    KeyUnusable."""
    is_form = request.headers.get("content-type", "").partition(";")[0] in _FORMS
    form = await request.form() if is_form else FormData()
    key = request.headers.get(HEADER) or str(form.get(FIELD, ""))
    if not key:
        return None
    body = json.dumps(await _told(form)) if is_form else (await request.body()).hex()
    return named(scope, key, place=f"{request.method} {request.url.path}?{request.url.query}", body=body)


_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


async def _told(form: FormData) -> list[tuple[str, str]]:
    """What a form says. Its raw bytes would not do: a browser draws a new multipart boundary each time."""
    return [
        (name, (await value.read()).hex() if isinstance(value, UploadFile) else value)
        for name, value in form.multi_items()
        if name != FIELD
    ]


class OnceGuard:
    """Stands before the pages of the back office: gives a request its key, and a repeated one the first one's answer.
    The key itself is taken in the unit of work that does the work (`writing.write`)."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app, self.database = app, database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """On, unless this was answered before. What is refused because its twin has just done it gets the twin's
        answer, too: it found the record changed or gone."""
        person = asking().person if scope["type"] == "http" and scope["method"] == "POST" else None
        if person is None or scope["path"] in STREAMED:
            await self.app(scope, receive, send)
            return
        body = await _whole(receive)
        try:
            keyed = await keyed_request(Request(scope, _again(body, receive)), f"staff:{person.staff_id}")
        except HTTPException:  # the page itself says what is wrong with the form
            keyed = None
        except RuleBroken as refusal:
            await PlainTextResponse(refusal.say(gettext), refusal.status)(scope, receive, send)
            return
        if keyed is None:
            await self.app(scope, _again(body, receive), send)
            return
        answer = await self._answer_to(keyed)
        if answer is None:
            scope.setdefault("state", {})["once"] = keyed
            answer = await self._tried(scope, _again(body, receive), send, keyed)
        if answer is not None:
            await answer.lead(Request(scope))(scope, receive, send)

    async def _tried(self, scope: Scope, receive: Receive, send: Send, keyed: Keyed) -> Answer | None:
        """Let the page answer; what it wanted to refuse is held back while the twin is looked for."""
        held: list[Message] = []

        async def sift(message: Message) -> None:
            if held or (message["type"] == "http.response.start" and message["status"] >= 400):
                held.append(message)
            else:
                await send(message)

        await self.app(scope, receive, sift)
        answer = await self._answer_to(keyed) if held else None
        if answer is None:
            for message in held:
                await send(message)
        return answer

    async def _answer_to(self, keyed: Keyed) -> Answer | None:
        """The answer this request got before; None for one that got none, or whose page has to show it itself."""

        def look() -> Kept | None:
            with self.database.reading() as session:
                try:
                    return kept_answer(session, keyed)
                except RuleBroken:  # another body: the page refuses it beside what was typed
                    return None

        kept = await anyio.to_thread.run_sync(look)
        answer = Answer.of(kept) if kept and kept.status == 303 else None
        return None if answer is None or answer.given else answer


async def _whole(receive: Receive) -> list[Message | HTTPException]:
    """The whole body. That it is too long is kept in its place: the page says it, not this."""
    messages: list[Message | HTTPException] = []
    while True:
        try:
            message = await receive()
        except HTTPException as refusal:
            return [*messages, refusal]
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body"):
            return messages


def _again(messages: list[Message | HTTPException], receive: Receive) -> Callable[[], Awaitable[Any]]:
    """The same body once more, then whatever comes after it."""
    rest = iter(messages)

    async def next_message() -> Message:
        message = next(rest, None)
        if isinstance(message, HTTPException):
            raise message
        return await receive() if message is None else message

    return next_message
