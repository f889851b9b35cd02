"""The night's work on points and tiers in a large shop: customers a second, minutes for a million, memory.

A night as bad as it gets: every customer has ten purchases of the last twenty months, one in five stopped coming a year
ago, and half of all have a tier whose day is now: a third of these ended yesterday, a third a hundred days ago, a third in
twenty days, and who loses hers is told by mail. One customer in five has points that ended yesterday, one in ten points of
a sale that count from today.
Promise: minutes for a million customers and ten million purchases (each job under half an hour), and no more memory for
four times as many customers.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, SQLModel, select

from app.actions.customers import lowest_tier
from app.db import Database, insert_many, migrate, open_database
from app.jobs.kinds import KINDS
from app.jobs.running import Runner
from app.models import Consent, Customer, PointsAccount, PointsEntry, PointsLot, PointsPending, Purchase, Tier
from app.settings import Settings
from app.vocabulary import Channel, JobKind, PointsKind, Purpose
from seed.reference import plant_reference

SOME, ALL, PURCHASES = 20_000, 1_000_000, 10
MINUTES, MORE_MB = 30, 40
PORTION = 5_000
NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
TODAY = date(2026, 11, 25)
"""The shop's day at that moment."""
JOBS = (JobKind.EXPIRE_POINTS, JobKind.SETTLE_POINTS, JobKind.REVIEW_TIERS)


def nights(customers: int) -> bool:
    """Print what each job took, for so many customers and for a quarter of them; whether the promise was kept."""
    few, many = (_alone(number) for number in (customers // 4, customers))
    is_kept = True
    for job in JOBS:
        seconds = many["seconds"][job]
        minutes = seconds / 60 * ALL / customers
        is_kept &= minutes <= MINUTES
        sys.stdout.write(
            f"night, {job}: {customers:,} customers in {seconds:,.1f} s, {customers / seconds:,.0f} a second:"
            f" {minutes:,.1f} minutes for a million · promised ≤ {MINUTES} · {many['said'][job]}\n"
        )
    more = many["mb"] - few["mb"]
    sys.stdout.write(f"night, memory: {many['mb']:,.0f} MB, {more:+,.0f} of a quarter's · promised ≤ +{MORE_MB}\n")
    return is_kept and more <= MORE_MB


def _alone(customers: int) -> dict[str, Any]:
    """In a program of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks._nights", str(customers)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer


def _measured(customers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), public_url="http://testserver")  # type: ignore[call-arg]
        database = open_database(settings, create=True)
        migrate(database, settings)
        with database.writing() as session:
            plant_reference(session, now=NOW)
        _fill(database, customers)
        runner = Runner(database, settings, KINDS, (), lambda: NOW, "night")
        seconds, said = {}, {}
        for job in JOBS:
            start = time.perf_counter()
            said[job] = runner.run_by_hand(job)
            seconds[job] = time.perf_counter() - start
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "said": said, "mb": megabytes}


# ── The shop ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fill(database: Database, customers: int) -> None:
    """Straight into the tables, a portion at a time, in the order of their links."""
    with database.reading() as session:
        lowest = lowest_tier(session).id or 0
        middle = session.exec(select(Tier.id).where(Tier.rank > 1).order_by(Tier.rank)).first() or 0  # type: ignore[arg-type]
    for first in range(1, customers + 1, PORTION):
        numbers = range(first, min(first + PORTION, customers + 1))
        with database.writing() as session:
            _insert(session, Customer, (_customer(n, lowest, middle) for n in numbers))
            _insert(session, Purchase, (_purchase(n, which) for n in numbers for which in range(PURCHASES)))
            _insert(session, Consent, (_consent(n) for n in numbers if n % 5 == 0))
            _insert(session, PointsAccount, ({"id": n, "customer_id": n, "balance": 100, "seq": 1} for n in numbers))
            _insert(session, PointsEntry, map(_entry, numbers))
            _insert(session, PointsLot, map(_lot, numbers))
            _insert(session, PointsPending, (_pending(n) for n in numbers if n % 10 == 0))


def _insert(session: Session, table: type[SQLModel], rows: Iterable[dict[str, Any]]) -> None:
    """The rows, with what the table says by default."""
    rows = list(rows)
    if rows:
        blank = {name: table.model_fields[name].default for name in table.model_fields}
        blank = {name: None if repr(value) == "PydanticUndefined" else value for name, value in blank.items()}
        insert_many(session, table, tuple(blank), (tuple((blank | row).values()) for row in rows))


def _customer(n: int, lowest: int, middle: int) -> dict[str, Any]:
    days = {3: -1, 4: -100, 5: 20}.get(n % 6)
    ends = TODAY + timedelta(days=days) if days else None
    return {
        "id": n, "member_no": f"N{n}", "name": f"Customer {n}", "email": f"n{n}@example.org",
        "created_at": NOW, "updated_at": NOW,
        "tier_id": middle if ends else lowest, "tier_until_on": ends,
    }  # fmt: skip


def _consent(n: int) -> dict[str, Any]:
    return {
        "customer_id": n, "purpose": Purpose.SERVICE_CARE, "channel": Channel.EMAIL, "notice_version": "1",
        "granted_at": NOW,
    }  # fmt: skip


def _purchase(n: int, which: int) -> dict[str, Any]:
    return {
        "id": (n - 1) * PURCHASES + which + 1, "order_no": f"O{n}-{which}", "customer_id": n, "created_at": NOW,
        "occurred_at": NOW - timedelta(days=60 * which + n % 50 + (400 if n % 5 == 0 else 0)),
        "paid_fen": 10_000 + n % 7 * 10_000,
    }  # fmt: skip


def _entry(n: int) -> dict[str, Any]:
    return {
        "id": n, "account_id": n, "seq": 1, "kind": PointsKind.OPENING, "points": 100, "balance_after": 100,
        "reference": f"opening:{n}", "at": NOW - timedelta(days=400),
    }  # fmt: skip


def _lot(n: int) -> dict[str, Any]:
    ends = TODAY - timedelta(days=1) if n % 5 == 0 else TODAY + timedelta(days=200)
    return {
        "account_id": n, "entry_id": n, "points": 100, "remaining": 100, "expires_on": ends,
        "earned_on": TODAY - timedelta(days=400),
    }  # fmt: skip


def _pending(n: int) -> dict[str, Any]:
    return {
        "customer_id": n, "purchase_id": n * PURCHASES, "reference": f"sale:O{n}-9", "points": 50,
        "earned_on": TODAY - timedelta(days=7), "due_on": TODAY,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measured(int(sys.argv[1]))))
