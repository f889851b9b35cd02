"""Points at the till: earnings and redemptions a second, beside SQL written by hand for the bare driver.

Each movement is a unit of work of its own, on the disk before the till is told (SQLite: synchronous=FULL).
Peer: `_ledger_peer`, which keeps the same promises with as few statements as they need; that it wrote the same rows is
checked. Both move the same points in turns of a few, so that a busy machine slows both alike.
Promise: at least half the peer's speed through the actions, on SQLite and, when ROUGE_TEST_POSTGRES_URL names a server,
on PostgreSQL. The same through `/api/v1` is printed beside it. There a movement is two commits (the caller's tries are
counted in one of their own) and a sale fifty statements: its lines, the rules and the tier of its day, her tier after it,
her tags, the kept answer, the journal.

First comes the night's work, `_nights`: `python -m benchmarks.ledger --full` takes a million customers and ten million
purchases there; without it, 20,000.
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
from statistics import median
from typing import Any

from sqlalchemy import create_engine, make_url, text
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
from benchmarks._ledger_peer import ByHand
from benchmarks._nights import ALL, SOME, nights
from seed.reference import plant_reference

CUSTOMERS, ROUNDS, PROMISE = 50, int(os.environ.get("ROUGE_BENCH_ROUNDS", "600")), 0.5
TURN = 25
"""Rounds (an earning and a redemption) that one of the two does before the other has its turn."""
POSTGRES = os.environ.get("ROUGE_TEST_POSTGRES_URL", "")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
_BOOKS = ("points_accounts", "points_entries", "points_lots", "points_allocations")

Move = Callable[[int], None]
"""Does the round of that number."""


def main() -> int:
    """Print the speeds; exit 1 when a promise is broken."""
    is_kept = nights(ALL if "--full" in sys.argv else SOME)
    for name, shops in _engines():
        is_kept &= _measured(name, shops)
    return 0 if is_kept else 1


def _measured(name: str, shops: "Shops") -> bool:
    numbers = shops.numbers
    with shops.copy("ours") as (settings, database), shops.copy("theirs") as (_, other):
        ours, theirs = _in_turns(_by_actions(database, settings, numbers), _by_hand(other, settings, numbers))
        if _rows_of(database) != _rows_of(other):
            raise AssertionError("the peer wrote something else")
    with shops.copy("outside") as (settings, database), _program(database, settings) as program:
        outside = 2 * ROUNDS / _seconds(lambda: _ask(program, shops.member_nos))
    ratio = median(theirs) / median(ours)
    sys.stdout.write(
        f"ledger, {name}: {2 * TURN / median(ours):,.0f} movements a second through the actions · {ratio:.2f} × SQL by hand"
        f" ({2 * TURN / median(theirs):,.0f}) · promised ≥ {PROMISE} · through the API {outside:,.0f}\n"
    )
    return ratio >= PROMISE


def _in_turns(*works: Move) -> list[list[float]]:
    """The seconds each took for each of its turns, the first ones left out: then everything is read and prepared."""
    took: list[list[float]] = [[] for _ in works]
    for first in range(0, ROUNDS, TURN):
        for work, seconds in zip(works, took, strict=True):
            start = time.perf_counter()
            for n in range(first, first + TURN):
                work(n)
            seconds.append(time.perf_counter() - start)
    return [seconds[CUSTOMERS // TURN :] for seconds in took]


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _rows_of(database: Database) -> list[Any]:
    with database.reader.connect() as connection:
        return [connection.execute(text(f"SELECT * FROM {table} ORDER BY id")).all() for table in _BOOKS]


# ── The work ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_actions(database: Database, settings: Settings, numbers: list[int]) -> Move:
    how: dict[str, Any] = {"reason": "", "now": NOW, "zone": settings.zone}

    def move(n: int) -> None:
        with database.writing() as session:
            earn_points(session, numbers[n % CUSTOMERS], 120, reference=f"E{n}", **how)
        with database.writing() as session:
            spend_points(session, numbers[n % CUSTOMERS], 80, reference=f"S{n}", **how)

    return move


def _by_hand(database: Database, settings: Settings, numbers: list[int]) -> Move:
    connection = database.engine.raw_connection().driver_connection
    today = NOW.astimezone(settings.zone).date()
    peer = ByHand(connection, is_sqlite=database.is_sqlite, now=NOW, today=today)

    def move(n: int) -> None:
        peer.earn(numbers[n % CUSTOMERS], 120, f"E{n}")
        peer.spend(numbers[n % CUSTOMERS], 80, f"S{n}")

    return move


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
        self.folder, self.address = folder, address
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
    def copy(self, called: str) -> Iterator[tuple[Settings, Database]]:
        """A shop as it was in the beginning."""
        shutil.copytree(self.folder / "data", self.folder / called)
        settings = self._settings(self.folder / called, self._copied_database(called))
        database = open_database(settings)
        yield settings, database
        database.engine.dispose()

    def _copied_database(self, called: str) -> str:
        if not self.address:
            return ""
        name = make_url(self.address).database
        copy = f"{name}_{called}"
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
            yield _postgres_name(), Shops(Path(folder), _address_of(name))
        copies = (f"DROP DATABASE {name}_{called} WITH (FORCE)" for called in ("ours", "theirs", "outside"))
        _administer(*copies, f"DROP DATABASE {name} WITH (FORCE)")


def _postgres_name() -> str:
    """A server for tests may not wait for the disk: then neither of the two does."""
    engine = create_engine(POSTGRES)
    with engine.connect() as connection:
        fsync = connection.execute(text("SHOW fsync")).scalar_one()
    engine.dispose()
    return f"PostgreSQL (fsync {fsync})"


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
