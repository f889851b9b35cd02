"""Points at the till: earnings and redemptions a second, beside the same statements told to the bare driver.

Each is a unit of work of its own, on the disk before the till is told.
Peer: the very same SQL statements with the same parameters, taken down while the actions ran, told to the bare driver on
a copy of the database as it was before: no rules, no objects, no journal made up, nothing judged.
Promise: at least half the peer's speed through the actions, on SQLite (synchronous=FULL) and, when
ROUGE_TEST_POSTGRES_URL names a server, on PostgreSQL. The same through `/api/v1` is printed beside it.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, make_url, text
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.api_keys import KeyDetails, create_api_key, issue_api_key
from app.actions.customers import create_customer
from app.actions.points import earn_points, spend_points
from app.db import Database, migrate, open_database
from app.main import create_app
from app.models import Customer
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.settings import Settings
from seed.reference import plant_reference

CUSTOMERS, ROUNDS, PROMISE = 50, int(os.environ.get("ROUGE_BENCH_ROUNDS", "600")), 0.5
POSTGRES = os.environ.get("ROUGE_TEST_POSTGRES_URL", "")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)

Told = list[tuple[str, Any]]
"""The statements of one unit of work and their parameters: a list of them where they are many."""


def main() -> int:
    """Print the speeds; exit 1 when the promise is broken."""
    is_kept = True
    for name, shops in _engines():
        is_kept &= _measured(name, shops)
    return 0 if is_kept else 1


def _measured(name: str, shops: "Shops") -> bool:
    numbers = shops.numbers
    with shops.copy() as (settings, database):
        units = _taken_down(database, settings, numbers)
    with shops.copy() as (settings, database):
        ours = 2 * ROUNDS / _seconds(lambda: _move(database, settings, numbers))
    with shops.copy() as (_, database):
        theirs = 2 * ROUNDS / _seconds(lambda: _repeat(database, units))
    with shops.copy() as (settings, database), _program(database, settings) as program:
        outside = 2 * ROUNDS / _seconds(lambda: _ask(program, shops.member_nos))
    sys.stdout.write(
        f"ledger, {name}: {ours:,.0f} movements a second through the actions · {ours / theirs:.2f} × the same statements"
        f" told to the bare driver ({theirs:,.0f}) · promised ≥ {PROMISE} · through the API {outside:,.0f}\n"
    )
    return ours / theirs >= PROMISE


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ── The work ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _move(database: Database, settings: Settings, numbers: list[int], after: Callable[[], None] = lambda: None) -> None:
    for n in range(ROUNDS):
        how: dict[str, Any] = {"reason": "", "now": NOW, "zone": settings.zone}
        with database.writing() as session:
            earn_points(session, numbers[n % CUSTOMERS], 120, reference=f"E{n}", **how)
        after()
        with database.writing() as session:
            spend_points(session, numbers[n % CUSTOMERS], 80, reference=f"S{n}", **how)
        after()


def _taken_down(database: Database, settings: Settings, numbers: list[int]) -> list[Told]:
    """What the actions tell the database, one list for each unit of work."""
    units: list[Told] = [[]]

    @event.listens_for(database.engine, "before_cursor_execute")
    def _note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        units[-1].append((statement, parameters or ()))

    _move(database, settings, numbers, after=lambda: units.append([]))
    return units[:-1]


def _repeat(database: Database, units: list[Told]) -> None:
    """The same, by the bare driver."""
    connection: Any = database.engine.raw_connection().driver_connection
    cursor = connection.cursor()
    for unit in units:
        for statement, parameters in unit:
            (cursor.executemany if isinstance(parameters, list) else cursor.execute)(statement, parameters)
            if cursor.description:
                cursor.fetchall()
        cursor.execute("COMMIT")


def _program(database: Database, settings: Settings) -> TestClient:
    """A till with a key."""
    with database.writing() as session:
        key = issue_api_key(session, create_api_key(session, KeyDetails(name="till"), now=NOW).id or 0)
    return TestClient(create_app(settings, database), headers={"Authorization": f"Bearer {key}"})


def _ask(program: TestClient, member_nos: list[str]) -> None:
    """The same through the API: a sale of ¥120, and 80 points handed in."""
    line = {"item": "面霜", "quantity": 1, "unit_price_fen": 12000, "amount_fen": 12000}  # data
    for n in range(ROUNDS):
        member_no = member_nos[n % CUSTOMERS]
        sale = {"order_no": f"O{n}", "occurred_at": NOW.isoformat(), "member_no": member_no, "lines": [line]}
        answer = program.post("/api/v1/purchases", json=sale, headers={"Idempotency-Key": f"O{n}"})
        assert answer.status_code == 201, answer.text
        handed_in = {"points": 80, "reference": f"R{n}"}
        address = f"/api/v1/customers/{member_no}/redemptions"
        answer = program.post(address, json=handed_in, headers={"Idempotency-Key": f"R{n}"})
        assert answer.status_code == 201, answer.text


# ── The shops ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Shops:
    """Copies of one shop with some customers, so that everybody starts from the same rows and numbers."""

    def __init__(self, folder: Path, address: str = "") -> None:
        self.folder, self.address, self.count = folder, address, 0
        settings = self._settings(folder / "data", address)
        database = open_database(settings, create=True)
        migrate(database, settings)
        with database.writing() as session:
            plant_reference(session, now=NOW)
        with database.writing() as session:
            for n in range(CUSTOMERS):
                details = CustomerDetails(name=f"Customer {n}")
                create_customer(session, details, policy=Policy(), now=NOW, zone=settings.zone)
            rows = session.exec(select(Customer.id, Customer.member_no)).all()
        self.numbers, self.member_nos = [number or 0 for number, _ in rows], [member_no for _, member_no in rows]
        database.engine.dispose()

    @contextmanager
    def copy(self) -> Iterator[tuple[Settings, Database]]:
        """A shop as it was in the beginning."""
        self.count += 1
        data = self.folder / f"copy{self.count}"
        shutil.copytree(self.folder / "data", data)
        settings = self._settings(data, self._copied_database())
        database = open_database(settings)
        yield settings, database
        database.engine.dispose()

    def _copied_database(self) -> str:
        if not self.address:
            return ""
        name = make_url(self.address).database
        copy = f"{name}_copy"
        _administer(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)", f"CREATE DATABASE {copy} TEMPLATE {name}")
        return _address_of(copy)

    @staticmethod
    def _settings(data: Path, address: str) -> Settings:
        return Settings(_env_file=None, data_dir=data, database_url=address, public_url="http://testserver")  # type: ignore[call-arg]


def _engines() -> Iterator[tuple[str, Shops]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "SQLite", Shops(Path(folder))
    if POSTGRES:
        name = "rouge_bench_ledger"
        _administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        with tempfile.TemporaryDirectory() as folder:
            yield "PostgreSQL", Shops(Path(folder), _address_of(name))
        _administer(f"DROP DATABASE {name}_copy WITH (FORCE)", f"DROP DATABASE {name} WITH (FORCE)")


def _address_of(name: str) -> str:
    return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)


def _administer(*statements: str) -> None:
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


if __name__ == "__main__":
    raise SystemExit(main())
