"""What the person may do, from the one table in `rules.access`. Denied unless written there."""

import logging
from collections.abc import Collection, Iterable
from typing import Any

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.authorization import GrantsAuthorizationBackend
from sqladmin.models import ModelView
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.actions.denials import is_worth_noting, note_denial
from app.admin_base.asking import asking
from app.db import Database
from app.rules.access import OPEN, PERMISSIONS, WAYS, Grant, Way, grants_of, may

_READING = frozenset({"GET", "HEAD"})
WORDS_OF_WAYS = frozenset({"list", "details", "create", "edit", "delete", "export", "ajax", "do", "action"})
_KNOWN = {subject for subject, _ in PERMISSIONS}
logger = logging.getLogger(__name__)


class PermissionMissing(Exception):
    """A view was declared for which the permission table has no line: nobody could ever open it."""


def subject_of(view: BaseView | ModelView) -> str:
    """The name a view has in the permission table."""
    return getattr(view, "subject", "") or view.identity


def way_of(name: str, identities: Collection[str]) -> tuple[str, str]:
    """A route of the back office by its name in `WAYS`, and the identity of the register or page it belongs to (empty:
    the address says it)."""
    kind, _, rest = name.partition("-")
    if kind not in {"view", "action"}:
        return name, ""
    ends = [at for at, letter in enumerate(f"{rest}-") if letter == "-"]
    identity = next((rest[:end] for end in reversed(ends) if rest[:end] in identities), "")
    return rest[len(identity) + 1 :] or "page", identity


class RoleAuthorization(GrantsAuthorizationBackend):
    """SQLAdmin's question answered from the role's grants; views are added once they are declared."""

    def __init__(self) -> None:
        self.identities: dict[str, set[str]] = {}

    @property
    def subjects(self) -> dict[str, str]:
        """Identity → subject of every register and page."""
        return {identity: subject for subject, identities in self.identities.items() for identity in identities}

    def add(self, view: BaseView | ModelView) -> None:
        """Make a view known. Raises PermissionMissing when no role may do anything there."""
        subject = subject_of(view)
        if subject not in _KNOWN:
            raise PermissionMissing(f"{type(view).__name__}: rules.access knows no {subject!r}")
        self.identities.setdefault(subject, set()).add(view.identity)

    async def get_grants(self, request: Request) -> set[tuple[str, str]]:
        """The role's grants in SQLAdmin's names. Viewing a page is to SQLAdmin listing it."""
        person = asking().person
        if person is None:
            return set()
        return {
            (identity, "list" if action == "view" else action)
            for subject, action in grants_of(person.role)
            for identity in self.identities.get(subject, ())
        }

    def guard(self, routes: Iterable[BaseRoute]) -> None:
        """Put a gate before every route of the back office that is not open to everybody."""
        subjects = self.subjects
        for route in routes:
            if isinstance(route, Route) and route.name not in OPEN:
                route.app = Gate(route.app, route.name, subjects)
            elif not isinstance(route, Route) and not (isinstance(route, Mount) and route.name in OPEN):
                raise PermissionMissing(f"rules.access.OPEN knows no {route!r}")


def needs_of(way: Way, method: str, subject: str) -> frozenset[Grant] | None:
    """The grants of which one is enough for this method of a route. None: the record's deed asks by itself."""
    if way.by_deed:
        return None
    actions = way.read if method in _READING else way.write
    return frozenset((way.subject or subject, action) for action in actions)


class Gate:
    """Stands before one route: whoever is signed in goes on only with a grant for it. Views ask again, row by row; that
    one of them forgot to ask opens nothing."""

    def __init__(self, app: ASGIApp, name: str, subjects: dict[str, str]) -> None:
        self.app, self.subjects = app, subjects
        way, self.identity = way_of(name, subjects)
        self.way = WAYS.get(way)
        if self.way is None:
            logger.error("the route %s has no entry in rules.access and stays shut", name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """On, or 403. Nobody goes on too: the route itself leads to the sign-in."""
        person = asking().person
        if person is not None and not self._lets_in(person.role, scope):
            raise HTTPException(403)
        await self.app(scope, receive, send)

    def _lets_in(self, role: Any, scope: Scope) -> bool:
        if self.way is None:
            return False
        identity = self.identity or scope["path_params"].get("identity", "")
        if identity and identity not in self.subjects:
            raise HTTPException(404)
        needs = needs_of(self.way, scope["method"], self.subjects.get(identity, ""))
        return needs is None or any(may(role, *grant) for grant in needs)


class DenialNotes:
    """Writes down whoever was refused a door: by the route's name, never by its address."""

    def __init__(self, app: ASGIApp, database: Database, permissions: RoleAuthorization) -> None:
        self.app, self.database, self.permissions = app, database, permissions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; a refusal is noted before the person reads it."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 403:
                await anyio.to_thread.run_sync(self._note, scope["path"])
            await send(message)

        await self.app(scope, receive, noted if scope["type"] == "http" else send)

    def _note(self, path: str) -> None:
        here = asking()
        identity, _, rest = path.removeprefix("/admin/").partition("/")
        subject = self.permissions.subjects.get(identity, "admin")
        first = rest.partition("/")[0]
        way = first if first in WORDS_OF_WAYS else "page"
        if here.person is None:
            return
        try:
            with self.database.reading() as session:
                is_new = is_worth_noting(session, here.person.staff_id, subject, now=here.now)
            if is_new:
                with self.database.writing(here.actor) as session:
                    note_denial(session, here.person.staff_id, subject, way=way, now=here.now)
        except Exception as error:  # the refusal itself must reach the person
            logger.exception("a refusal was not written down: %s", type(error).__name__)
