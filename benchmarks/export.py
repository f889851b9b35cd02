"""Taking 100,000 customers out: rows per second of CPU, extra memory, and how long another page waits meanwhile.

Each server is a process of its own on the same encrypted database. Peer: SQLAdmin's own export of the same columns.
Limit: a bare cursor and csv.writer, nothing translated, masked, scoped or written down. Promise: at least 3 × the peer,
at most 30 MB more memory, and another page waits at most a fifth of what it waits for the peer.
"""

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from socket import socket

import httpx2
import uvicorn
from sqladmin import Admin, ModelView
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.applications import Starlette

from app.db import Database, migrate, open_database
from app.main import create_app
from app.models import Customer, Staff, StaffSession, Tier
from app.registers.customers import CustomerAdmin
from app.settings import Settings
from app.vocabulary import Role
from seed.reference import plant_reference

ROWS, PORTION = 100_000, 5_000
PROMISE, MEMORY_MB, WAIT_SHARE = 3.0, 30.0, 0.2
SID = "benchmark"


@dataclass(frozen=True)
class Taken:
    """How taking a file out went: rows per CPU second, extra resident megabytes, and the slowest other page."""

    rate: float
    memory_mb: float
    slowest: float


def main() -> int:
    """Print the ratios; exit 1 when a promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _fill(_settings(data))
        ours = _measured(data, "ours", "csv")
        xlsx = _measured(data, "ours", "xlsx")
        peer = _measured(data, "peer", "csv")
        limit = _limit(_settings(data))
    sys.stdout.write(
        f"export: {ours.rate:,.0f} rows per CPU second · {ours.rate / peer.rate:.1f} × SQLAdmin ({peer.rate:,.0f}) · "
        f"{ours.rate / limit:.2f} × a bare cursor ({limit:,.0f}) · promised ≥ {PROMISE:.0f} × SQLAdmin\n"
        f"        + {ours.memory_mb:.0f} MB of memory (SQLAdmin + {peer.memory_mb:.0f} MB) · promised ≤ {MEMORY_MB:.0f} MB\n"
        f"        slowest other page {ours.slowest * 1000:.0f} ms (SQLAdmin {peer.slowest * 1000:.0f} ms) · "
        f"promised ≤ {WAIT_SHARE:.0%} of it\n"
        f"        XLSX: {xlsx.rate:,.0f} rows per CPU second · + {xlsx.memory_mb:.0f} MB · "
        f"slowest other page {xlsx.slowest * 1000:.0f} ms\n"
    )
    kept = ours.rate >= PROMISE * peer.rate and max(ours.memory_mb, xlsx.memory_mb) <= MEMORY_MB
    return 0 if kept and max(ours.slowest, xlsx.slowest) <= WAIT_SHARE * peer.slowest else 1


def _settings(data: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data, database_url="", public_url="")  # type: ignore[call-arg]


def _fill(settings: Settings) -> None:
    database = open_database(settings, create=True)
    migrate(database, settings)
    now = datetime.now(UTC)
    with database.writing(demo=True) as session:
        plant_reference(session, now=now)
        owner = Staff(name="Owner", login="owner", password_hash="!", role=Role.OWNER)
        session.add(owner)
        session.flush()
        session.add(
            StaffSession(
                sid_sha256=sha256(SID.encode()).digest(),
                staff_id=owner.id or 0,
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(hours=12),
            )
        )
        tiers = list(session.scalars(select(Tier.id)))
    for start in range(0, ROWS, PORTION):
        with database.writing(demo=True) as session:
            session.connection().execute(
                insert(Customer),
                [_customer(n, tiers[n % len(tiers)], now) for n in range(start, start + PORTION)],
            )
    database.engine.dispose()


def _customer(n: int, tier_id: int | None, now: datetime) -> dict[str, object]:
    return {
        "member_no": f"{n + 10_000_000}",
        "name": f"Wang {n}",
        "phone_masked": f"138****{n % 10_000:04}",
        "tier_id": tier_id,
        "note": "by the window" if n % 3 else "=1+1",
        "created_at": now - timedelta(minutes=n),
    }


# ── The servers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def serve(which: str, data: Path, port: int) -> None:
    """One of the two, until it is ended."""
    settings = _settings(data)
    database = open_database(settings)
    app = create_app(settings, database) if which == "ours" else _peer(database)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


def _peer(database: Database) -> Starlette:
    class PlainCustomers(ModelView, model=Customer):
        column_list = ("member_no", "name", "tier", "store", "tags")  # read with the rows, not one by one
        column_export_list = CustomerAdmin.column_export_list

    app = Starlette()
    Admin(app, session_maker=sessionmaker(bind=database.reader, class_=Session)).add_view(PlainCustomers)
    return app


@contextmanager
def _server(which: str, data: Path) -> Iterator[tuple[int, str]]:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.export", which, str(data), str(port)]
    process = subprocess.Popen(command)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx2.get(address + "/admin/login", timeout=5)
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield process.pid, address
    finally:
        process.terminate()
        process.wait()


def _measured(data: Path, which: str, kind: str) -> Taken:
    with _server(which, data) as (pid, address):
        cookies = {"rouge_sid": SID}
        other = address + ("/admin/tag/list" if which == "ours" else "/admin/customer/list?pageSize=10")
        with httpx2.Client(cookies=cookies, headers={"Origin": address}, timeout=300) as client:
            for _ in range(3):
                client.get(other).raise_for_status()
            _reset_peak(pid)
            memory, cpu = _memory_mb(pid, "VmRSS"), _cpu_seconds(pid)
            waits = _Waits(other, cookies)
            waits.start()
            lines = _take(client, address, which, kind)
            waits.stop()
            spent = _cpu_seconds(pid) - cpu - waits.count * waits.cpu_each(client, pid)
            assert lines is None or lines == ROWS + 1, lines
            return Taken(ROWS / spent, _memory_mb(pid, "VmHWM") - memory, waits.slowest)


def _take(client: httpx2.Client, address: str, which: str, kind: str) -> int | None:
    if which == "peer":
        answer = client.stream("GET", address + "/admin/customer/export/csv")
    else:
        sent = {"kind": kind, "purpose": "benchmark"}
        answer = client.stream("POST", address + "/admin/customer/export", data=sent)
    lines, size = 0, 0
    with answer as got:
        got.raise_for_status()
        for block in got.iter_bytes():
            lines += block.count(b"\r\n")
            size += len(block)
    assert size > ROWS * 10
    return lines if kind == "csv" else None


class _Waits(threading.Thread):
    """Somebody else at work: opens a page again and again and remembers how long it took."""

    def __init__(self, address: str, cookies: dict[str, str]) -> None:
        super().__init__()
        self.address, self.cookies = address, cookies
        self.slowest, self.count, self._ended = 0.0, 0, threading.Event()

    def run(self) -> None:
        """Five times a second."""
        with httpx2.Client(cookies=self.cookies, timeout=300) as client:
            while not self._ended.wait(0.2):
                start = time.monotonic()
                client.get(self.address).raise_for_status()
                self.slowest = max(self.slowest, time.monotonic() - start)
                self.count += 1

    def stop(self) -> None:
        """Enough."""
        self._ended.set()
        self.join()

    def cpu_each(self, client: httpx2.Client, pid: int) -> float:
        """What one such page costs the server by itself: not the export's."""
        before = _cpu_seconds(pid)
        for _ in range(20):
            client.get(self.address).raise_for_status()
        return (_cpu_seconds(pid) - before) / 20


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, field: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition(f"{field}:")[2].split()[0]) / 1024


def _reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _limit(settings: Settings) -> float:
    """The same rows straight from the cursor."""
    database = open_database(settings)
    columns = [one for one in CustomerAdmin.column_export_list if one in Customer.__table__.columns]  # type: ignore[attr-defined]
    start = time.process_time()
    with tempfile.TemporaryFile("w", encoding="utf-8", newline="") as file, database.reader.connect() as connection:
        writer = csv.writer(file)
        statement = f"SELECT {', '.join(columns)} FROM customers ORDER BY created_at DESC, id DESC"
        for row in connection.connection.cursor().execute(statement):
            writer.writerow(row)
    return ROWS / (time.process_time() - start)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main())
