"""What every test may ask for. `database` comes twice: SQLite always, PostgreSQL when ROUGE_TEST_POSTGRES_URL is set.

Each database is a fresh copy of one that was migrated and given the reference data once, so a test costs milliseconds.
"""

import asyncio
import gc
import inspect
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, date, datetime
from functools import cache, partialmethod
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from fastapi import FastAPI
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqladmin import Admin
from sqlalchemy import create_engine, make_url, text
from starlette.testclient import TestClient

from app.db import Database, migrate, open_database
from app.gateways import passwords
from app.main import create_app
from app.settings import Settings
from seed.demo import build_demo
from seed.reference import plant_reference
from tests.postgres_shops import PostgresShops

POSTGRES = os.environ.get("ROUGE_TEST_POSTGRES_URL", "")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""The moment tests happen: Tuesday 18:30 in Shanghai."""
DEMO_DAY = date(2026, 11, 24)
DEMO_CUSTOMERS = 15


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


STRONG = passwords._hashing
"""The house's own hashing: tests/gateways/test_passwords.py looks at it. Elsewhere a password takes no tenth of a second."""

passwords._hashing = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
asyncio.run = _run_beside
Admin._find_decorated_funcs = staticmethod(_find_once)
Environment.__init__ = partialmethod(Environment.__init__, bytecode_cache=Compiled())


def isolated(data_dir: Path, **values: object) -> Settings:
    """Settings that look at no environment variable and no .env of this machine."""
    return Settings(
        _env_file=None, data_dir=data_dir, **{"database_url": "", "public_url": "http://testserver"} | values
    )


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a migrated, planted, closed database."""
    settings = isolated(tmp_path_factory.mktemp("template"))
    _prepare(settings)
    return settings.data_dir


@pytest.fixture(scope="session")
def postgres_template(sqlite_template: Path) -> Iterator[str]:
    """The name of a migrated and planted PostgreSQL database that tests copy."""
    name = f"template_{uuid4().hex[:12]}"
    # Sorted as Chinese shops sort, not byte by byte: what leans on the C order fails here.
    _administer(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN'"
    )
    _prepare(isolated(sqlite_template, database_url=_url(name)))
    yield name
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_shops(postgres_template: str) -> Iterator[PostgresShops]:
    """Where a test's PostgreSQL database comes from."""
    shops = _shops(postgres_template)
    yield shops
    shops.close()


def _shops(template: str) -> PostgresShops:
    return PostgresShops(
        make_url(POSTGRES).set(drivername="postgresql").render_as_string(hide_password=False), template
    )


@pytest.fixture(scope="session")
def sqlite_demo_template(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """A data folder with a small demo shop, closed."""
    data = tmp_path_factory.mktemp("demo") / "data"
    shutil.copytree(sqlite_template, data)
    _build_demo(isolated(data))
    return data


@pytest.fixture(scope="session")
def postgres_demo_shops(sqlite_template: Path, postgres_template: str) -> Iterator[PostgresShops]:
    """Where a test's PostgreSQL database with a small demo shop comes from."""
    name = f"demo_{uuid4().hex[:12]}"
    _administer(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    _build_demo(isolated(sqlite_template, database_url=_url(name)))
    shops = _shops(name)
    yield shops
    shops.close()
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


def _build_demo(settings: Settings) -> None:
    database = open_database(settings)
    build_demo(database, today=DEMO_DAY, zone=settings.zone, customers=DEMO_CUSTOMERS)
    database.engine.dispose()


def _prepare(settings: Settings) -> None:
    database = open_database(settings, create=True)
    migrate(database, settings)
    with database.writing() as session:
        plant_reference(session, now=NOW)
    database.engine.dispose()


def _url(name: str) -> str:
    return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


hypothesis.settings.register_profile("long")  # --hypothesis-profile=long: the state machines go on for minutes

on_sqlite = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
"""Marks a test of who may and of what a page says in a file whose other tests ask both databases."""
ON_BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@contextmanager
def _fresh(request: pytest.FixtureRequest, data: Path, template: Path, shops: str) -> Iterator[Settings]:
    """A shop of its own in the folder `data`: a copy of `template`, or a database of the fixture named `shops`."""
    if request.param == "sqlite":
        shutil.copytree(template, data)
        yield isolated(data)
        return
    if not POSTGRES:
        pytest.skip("no PostgreSQL: ./dev test brings one")
    ready: PostgresShops = request.getfixturevalue(shops)
    name = ready.take()
    shutil.copytree(template / "keys", data / "keys")
    yield isolated(data, database_url=_url(name))
    ready.give_back(name)


@pytest.fixture(params=ON_BOTH)
def settings(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[Settings]:
    """The settings of a fresh shop on either database."""
    with _fresh(request, tmp_path / "data", sqlite_template, "postgres_shops") as settings:
        yield settings


@pytest.fixture(params=ON_BOTH)
def demo_settings(request: pytest.FixtureRequest, tmp_path: Path, sqlite_demo_template: Path) -> Iterator[Settings]:
    """The settings of a small demo shop of DEMO_DAY on either database; it was built once."""
    with _fresh(request, tmp_path / "demo", sqlite_demo_template, "postgres_demo_shops") as settings:
        yield settings


@pytest.fixture
def sqlite_settings(tmp_path: Path, sqlite_template: Path) -> Settings:
    """The settings of a fresh shop on SQLite, for what does not touch the database much (pages, browser, PDF)."""
    shutil.copytree(sqlite_template, tmp_path / "data")
    return isolated(tmp_path / "data")


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
