"""What every test may ask for. `database` comes twice: SQLite always, PostgreSQL when ROUGE_TEST_POSTGRES_URL is set.

Each shop is a fresh copy of one that was built once (tests/rooms.py), so a test costs milliseconds.
"""

import asyncio
import gc
import inspect
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import date, datetime
from functools import cache, partialmethod
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, _EffectiveRouteContext
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqladmin import Admin
from sqlalchemy import URL, Dialect, Engine, create_engine
from sqlalchemy.util import LRUCache
from starlette.testclient import TestClient

from app import db
from app.db import Database, open_database
from app.gateways import passwords
from app.main import create_app
from app.settings import Settings
from tests.rooms import DEMO_CUSTOMERS, DEMO_DAY, NOW, POSTGRES, Room, Rooms, isolated, url_of, wanted  # noqa: F401

# Thousands of shops are opened in one run; the program itself does not change meanwhile.
gc.freeze()
gc.set_threshold(50_000, 20, 50)


@cache
def _exposed_by(view: type) -> tuple[str, ...]:
    found = [(inspect.unwrap(one).__code__.co_firstlineno, name) for name, one in inspect.getmembers(view, inspect.isfunction)
             if hasattr(one, "_action") or hasattr(one, "_exposed")]  # fmt: skip
    return tuple(name for _, name in sorted(found, reverse=True))


def _find_once(view: type, instance: Any, handle: Callable[..., None]) -> None:
    """SQLAdmin's own search for the actions and pages of a view, which it repeats for every shop it opens."""
    for name in _exposed_by(view):
        handle(getattr(instance, name), view, instance)


class Compiled(BytecodeCache):
    """Templates stay compiled from one shop to the next."""

    kept: ClassVar[dict[Any, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get(self._place(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[self._place(bucket)] = bucket.code

    @staticmethod
    def _place(bucket: Bucket) -> tuple[Any, ...]:
        """SQLAdmin's environment and ours cut blanks differently."""
        return bucket.key, bucket.checksum, bucket.environment.trim_blocks, bucket.environment.lstrip_blocks


def _run_beside(main: Any, run: Callable[..., Any] = asyncio.run, **how: Any) -> Any:
    """A browser that another test opened keeps its loop in this thread; then a test's own has to run in another."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run(main, **how)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(copy_context().run, run, main, **how).result()


_statements: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}
"""What SQLAlchemy has found out of a kind of database and the statements it has compiled for it, by the dialect's name."""


def _engine_like_the_last(url: str | URL, **how: Any) -> Engine:
    """SQLAlchemy compiles a statement once for an engine; the program opens one, the tests a thousand of the same kind."""
    engine = create_engine(url, **how)
    dialect, compiled = _statements.setdefault(engine.dialect.name, (engine.dialect, LRUCache(5_000)))
    if engine.dialect is not dialect:
        engine.dialect.initialize = lambda connection: None  # asks the server for its version and the like
    engine.dialect, engine._compiled_cache = dialect, compiled
    return engine


_routes: dict[Any, _EffectiveRouteContext] = {}


def _route_once(*, original_route: APIRoute, include_context: Any) -> _EffectiveRouteContext:
    """What FastAPI reads from the signature of a route when an application is first asked for something. Nothing in it is
    of one application but the dependencies that a test may put in place of others, and no test does."""
    place = (
        id(original_route),
        include_context.prefix,
        tuple(include_context.dependencies),
        include_context.max_body_size,
    )
    if place not in _routes:
        _routes[place] = _read_route(original_route=original_route, include_context=include_context)
    return _routes[place]


STRONG = passwords._hashing
"""The house's own hashing: tests/gateways/test_passwords.py looks at it. Elsewhere a password takes no tenth of a second."""

passwords._hashing = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
asyncio.run = _run_beside
_read_route = _EffectiveRouteContext.from_api_route
_EffectiveRouteContext.from_api_route = _route_once
db.create_engine = _engine_like_the_last
Admin._find_decorated_funcs = staticmethod(_find_once)
Environment.__init__ = partialmethod(Environment.__init__, bytecode_cache=Compiled())


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    """The furnished shops that tests copy."""
    rooms = Rooms(tmp_path_factory.mktemp("rooms"))
    yield rooms
    rooms.close()


@pytest.fixture(scope="session")
def sqlite_template(rooms: Rooms) -> Path:
    """A data folder with a migrated, planted, closed database."""
    return rooms.room("bare", "sqlite").folder


@pytest.fixture
def holding() -> dict[str, Any]:
    """What the test's shop held when it was opened, by the names of the furniture."""
    return {}


hypothesis.settings.register_profile("long")  # --hypothesis-profile=long: the state machines go on for minutes

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
"""Marks a test in a file whose other tests ask both databases. Only SQLite is asked who may, what a page says, and whether
what holds on both is what holds at all (a control). Both are asked whatever leans on SQL: ledgers, races, searches, imports,
constraints, migrations, and each way to a row."""
ON_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def _fresh(request: pytest.FixtureRequest, data: Path, room: Room) -> Iterator[Settings]:
    """A shop of its own in the folder `data`, a copy of that one."""
    request.getfixturevalue("holding").update(room.holding)
    if not room.database:
        shutil.copytree(room.folder, data)
        yield room.settings.model_copy(update={"data_dir": data})
        return
    name = room.shops.take()
    shutil.copytree(room.folder / "keys", data / "keys")
    yield room.settings.model_copy(update={"data_dir": data, "database_url": url_of(name)})
    room.shops.give_back(name)


def _kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgres" and not POSTGRES:
        pytest.skip("no PostgreSQL: ./dev test brings one")
    return str(request.param)


@pytest.fixture(params=ON_BOTH)
def settings(request: pytest.FixtureRequest, tmp_path: Path, rooms: Rooms) -> Iterator[Settings]:
    """The settings of a fresh shop on either database."""
    yield from _fresh(request, tmp_path / "data", rooms.room(wanted(request), _kind(request)))


@pytest.fixture(params=ON_BOTH)
def demo_settings(request: pytest.FixtureRequest, tmp_path: Path, rooms: Rooms) -> Iterator[Settings]:
    """The settings of a small demo shop of DEMO_DAY on either database; it was built once."""
    yield from _fresh(request, tmp_path / "demo", rooms.room("demo", _kind(request)))


@pytest.fixture
def sqlite_settings(request: pytest.FixtureRequest, tmp_path: Path, rooms: Rooms) -> Iterator[Settings]:
    """The settings of a fresh shop on SQLite, for what does not touch the database much (pages, browser, PDF)."""
    yield from _fresh(request, tmp_path / "data", rooms.room(wanted(request), "sqlite"))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """A fresh shop's database: reference data, no people."""
    database = open_database(settings)
    yield database
    database.engine.dispose()


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    """The whole site on that database."""
    return create_app(settings, database)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A browser without JavaScript that follows no redirect by itself."""
    headers = {"Accept-Language": "zh-CN", "Origin": "http://testserver"}
    with TestClient(app, follow_redirects=False, headers=headers) as client:
        yield client


def shops_today() -> date:
    """The day in the shop now: for pages that read the clock. Between 16:00 and midnight the machine's is another."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def now() -> datetime:
    """The moment tests happen."""
    return NOW
