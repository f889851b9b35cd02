"""Where the tests' shops come from: each is a copy of one that was furnished before, so a test costs milliseconds.

What many tests find in their shop from the start is a fixture marked `@furniture`: it is put into one shop of each kind of
database, and whoever asks for it gets a copy of that shop.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, make_url, text

from app.db import Database, migrate, open_database
from app.settings import Settings
from seed.demo import build_demo
from seed.reference import plant_reference
from tests.postgres_shops import PostgresShops

POSTGRES = os.environ.get("ROUGE_TEST_POSTGRES_URL", "")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""The moment tests happen: Tuesday 18:30 in Shanghai."""
DEMO_DAY = date(2026, 11, 24)
DEMO_CUSTOMERS = 15
_NEW_FOR = timedelta(minutes=10)
_ZONES = (UTC, ZoneInfo("Asia/Shanghai"))

Put = Callable[[Database, dict[str, Any]], Any]
"""Puts something into a shop that holds these things already; gives the numbers of what it made."""


class _Furniture(NamedTuple):
    upon: str
    put: Put


_FURNITURE: dict[str, _Furniture] = {}


def furniture(*, upon: str = "bare") -> Callable[[Put], Any]:
    """Marks what puts something into a shop that holds `upon` already, and makes it the fixture of that name: a test that
    asks for it, even by way of others, finds it in its shop."""

    def known(put: Put) -> Any:
        name = put.__name__
        _FURNITURE[name] = _Furniture(upon, put)

        def held(database: Database, holding: dict[str, Any]) -> Any:
            _fill(database, holding, name)
            return holding[name]

        held.__doc__ = put.__doc__
        return pytest.fixture(name=name)(held)

    return known


def _fill(database: Database, holding: dict[str, Any], name: str) -> None:
    """What is not there yet: the shop is one of another origin."""
    if name in _FURNITURE and name not in holding:
        _fill(database, holding, _FURNITURE[name].upon)
        holding[name] = _FURNITURE[name].put(database, holding)


def wanted(request: pytest.FixtureRequest) -> str:
    """The fullest shop that a test asks for."""
    return next((name for name in reversed(_FURNITURE) if name in request.fixturenames), "bare")


def isolated(data_dir: Path, **values: object) -> Settings:
    """Settings that look at no environment variable and no .env of this machine."""
    return Settings(
        _env_file=None, data_dir=data_dir, **{"database_url": "", "public_url": "http://testserver"} | values
    )


def url_of(database: str) -> str:
    """The address of a database on the tests' server."""
    return make_url(POSTGRES).set(database=database).render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@dataclass
class Room:
    """A furnished shop that tests copy; nobody is in it. `database` is empty on SQLite."""

    folder: Path
    database: str
    holding: dict[str, Any] = field(default_factory=dict)
    built_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_of_now(self) -> bool:
        """Whether what was made "just now" still is; nowhere has another day begun since."""
        now = datetime.now(UTC)
        is_same_day = all(self.built_at.astimezone(zone).date() == now.astimezone(zone).date() for zone in _ZONES)
        return is_same_day and now - self.built_at < _NEW_FOR

    @cached_property
    def shops(self) -> PostgresShops:
        """The copies on PostgreSQL."""
        return PostgresShops(
            make_url(POSTGRES).set(drivername="postgresql").render_as_string(hide_password=False), self.database
        )

    @cached_property
    def settings(self) -> Settings:
        """The settings of the room itself."""
        return isolated(self.folder, database_url=url_of(self.database) if self.database else "")

    def close(self) -> None:
        """It and its copies go."""
        if "shops" in vars(self):
            self.shops.close()
        if self.database:
            _administer(f"DROP DATABASE {self.database} WITH (FORCE)")


class Rooms:
    """The furnished shops of one test process, each built when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[tuple[str, str], Room] = {}

    def room(self, name: str, kind: str) -> Room:
        """The shop that holds `name`, on the database of that kind ("sqlite" or "postgres")."""
        room = self._built.get((name, kind))
        if room and name in _FURNITURE and not room.is_of_now:
            room.close()
            room = None
        if room is None:
            room = self._built[name, kind] = self._build(name, kind)
        return room

    def close(self) -> None:
        """All of them go."""
        for room in self._built.values():
            room.close()

    def _build(self, name: str, kind: str) -> Room:
        if name == "bare":
            return self._build_bare(kind)
        below = self.room(_FURNITURE[name].upon if name in _FURNITURE else "bare", kind)
        room = Room(self._folder / uuid4().hex, f"{name}_{uuid4().hex[:12]}" if below.database else "")
        shutil.copytree(below.folder, room.folder)
        if room.database:
            _administer(f"CREATE DATABASE {room.database} TEMPLATE {below.database}")
        database = open_database(room.settings)
        if name == "demo":
            build_demo(database, today=DEMO_DAY, zone=room.settings.zone, customers=DEMO_CUSTOMERS)
        else:
            room.holding.update(below.holding)
            _fill(database, room.holding, name)
        database.engine.dispose()
        return room

    def _build_bare(self, kind: str) -> Room:
        """Migrated, with the reference data."""
        room = Room(self._folder / uuid4().hex, f"bare_{uuid4().hex[:12]}" if kind == "postgres" else "")
        if room.database:
            # Sorted as Chinese shops sort, not byte by byte: what leans on the C order fails here.
            _administer(
                f"CREATE DATABASE {room.database} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
                " LOCALE_PROVIDER icu ICU_LOCALE 'zh-CN'"
            )
        database = open_database(room.settings, create=True)
        migrate(database, room.settings)
        with database.writing() as session:
            plant_reference(session, now=NOW)
        database.engine.dispose()
        return room
