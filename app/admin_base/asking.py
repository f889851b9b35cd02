"""Who asks, when, under which rules: looked up once per request, read by whatever has no request at hand (filters,
forms, formatters)."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread
from sqlalchemy import ColumnElement, Select, false
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app import i18n
from app.actions.staff import touch_session
from app.audit import Actor
from app.db import Database
from app.queries.policy import current_policy
from app.queries.scopes import ANYTHING, visible
from app.queries.staff import SignedIn, staff_of_session
from app.rules.access import sees_only_own
from app.rules.policy import Policy
from app.rules.sessions import is_worth_touching
from app.settings import Settings


@dataclass(frozen=True)
class Asking:
    """One request to the back office. `now` in the shop's zone; `person` is None before signing in; `query` is what
    stands behind the address."""

    now: datetime
    zone: ZoneInfo
    policy: Policy
    person: SignedIn | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The shop's day."""
        return self.now.date()

    @property
    def actor(self) -> Actor:
        """Who writes, for the audit. Raises AssertionError when nobody is signed in: no such write may happen."""
        assert self.person is not None, "a write without a person"
        return Actor(self.person.name, self.person.staff_id)


_asking: ContextVar[Asking] = ContextVar("asking")


def asking() -> Asking:
    """The request being answered."""
    return _asking.get()


def is_asking() -> bool:
    """Whether a request is being answered (not while a broken database is reported)."""
    return _asking.get(None) is not None


def only_own(table: Any) -> bool:
    """Whether the person sees of this table only what she served herself."""
    person = asking().person
    return person is not None and sees_only_own(person.role, str(table.__tablename__))


def reach(table: Any) -> ColumnElement[bool]:
    """Which rows of this table the person may see or name, for a query that takes a condition. Nobody reaches any."""
    condition = _reach(table)
    return ANYTHING if condition is None else condition


def _reach(table: Any) -> ColumnElement[bool] | None:
    person = asking().person
    return false() if person is None else visible(table, person)


def within_scope(statement: Select[Any], table: Any) -> Select[Any]:
    """Of this table's rows those the person may see: for lists, records, lookups, exports and whatever a form brings
    back."""
    condition = _reach(table)
    return statement if condition is None else statement.where(condition)


def cookie_name(settings: Settings) -> str:
    """The cookie of a sign-in. Over https its name makes browsers refuse it from any other host or path."""
    return "__Host-rouge_sid" if is_https(settings) else "rouge_sid"


def is_https(settings: Settings) -> bool:
    """Whether customers and staff reach the shop over https."""
    return settings.public_url.startswith("https://")


class AskingGuard:
    """Stands before every page of the back office: one short read for the person and the rules, then her language
    unless this request or this browser asks for another."""

    def __init__(self, app: ASGIApp, database: Database, settings: Settings) -> None:
        self.app, self.database, self.settings = app, database, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look up, speak her language, hand on."""
        if scope["type"] != "http" or scope["path"].startswith("/admin/statics/"):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # SQLAdmin takes whatever is not GET for a form sent in; the server leaves the body out.
            scope = {**scope, "method": "GET"}
        connection = HTTPConnection(scope)
        sid = connection.cookies.get(cookie_name(self.settings), "")
        found = await anyio.to_thread.run_sync(self._look_up, sid)
        _asking.set(replace(found, query=connection.query_params))
        wishes = (connection.query_params.get("lang"), connection.cookies.get("rouge_lang"))
        if found.person and found.person.locale in i18n.LOCALES and not set(wishes) & set(i18n.LOCALES):
            i18n.use_locale(found.person.locale)
            scope["headers"] = [item for item in scope["headers"] if item[0] != b"x-rouge-locale"]
            scope["headers"].append((b"x-rouge-locale", found.person.locale.encode()))
        await self.app(scope, receive, send)

    def _look_up(self, sid: str) -> Asking:
        now = datetime.now(self.settings.zone)
        with self.database.reading() as session:
            person = staff_of_session(session, sid, now) if sid else None
            found = Asking(now, self.settings.zone, current_policy(session), person)
        if person is not None and is_worth_touching(person.last_seen_at, now):
            with self.database.writing() as session:
                touch_session(session, person.session_id, now=now)
        return found
