"""Importing a till's sales: rows per second of CPU beside hand-written executemany, memory, and XLSX beside calamine.

Peer: the driver's own executemany into the same tables with the same encryption, indexes and portions, a commit each,
matching orders by number and customers by the blind index of their phone, in its one spelling, and telling by a digest
whether an order that is in is the same. It reads the file once and trusts it: no headings, no other spellings of a day or
an amount, nothing refused, reported, journalled or kept for an undo, no refunds, no orders whose lines stand apart, nobody
whose sale waits, no tiers. Ours does all of that in the time measured.
Promise: at least half the peer's speed, the first time and when the same file comes again; no more memory for four times
the rows; XLSX as rows of text at no less than a third of the speed at which calamine hands out its cells.

`python -m benchmarks.imports --full` takes a million lines (ten minutes); without it, a hundred thousand.
"""

import csv
import gc
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import load_workbook
from sqlmodel import func, select

from app.actions.customers import create_customer
from app.actions.imports import Incoming, import_file
from app.audit import Actor
from app.columns import blind_index
from app.db import Database, migrate, open_database
from app.gateways.spreadsheets import open_table
from app.models import ImportBatch, Purchase, PurchaseLine
from app.rules.customers import CustomerDetails
from app.rules.phones import parse_phone
from app.rules.policy import Policy
from app.settings import Settings
from app.vocabulary import ImportKind
from seed.reference import plant_reference

LINES, ALL_LINES, CUSTOMERS = 100_000, 1_000_000, 2_000
PROMISE, XLSX_PROMISE, MORE_MB = 0.5, 0.33, 40
NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEADER = ("单号", "时间", "手机", "商品", "商品编码", "数量", "金额")


def main() -> int:
    """Print the ratios; exit 1 when a promise is broken."""
    if sys.argv[1:2] == ["--ours"]:
        return _alone(Path(sys.argv[2]), Path(sys.argv[3]))
    lines = ALL_LINES if "--full" in sys.argv else LINES
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        sold, some = _till_file(here / "sold.csv", lines), _till_file(here / "some.csv", lines // 4)
        first, again, peak = _in_a_process(here / "ours", sold)
        _, _, small_peak = _in_a_process(here / "some", some)
        peer = _peers(here / "peer", sold)
        xlsx, calamine = _workbook(here / "sold.xlsx", min(lines, 100_000))
    kept = (
        first / peer[0] >= PROMISE,
        again / peer[1] >= PROMISE,
        peak - small_peak <= MORE_MB,
        xlsx / calamine >= XLSX_PROMISE,
    )
    sys.stdout.write(
        f"imports, {lines:,} lines: {first:,.0f} rows per CPU second · {first / peer[0]:.2f} × hand-written executemany"
        f" ({peer[0]:,.0f}) · again {again:,.0f} · {again / peer[1]:.2f} × ({peer[1]:,.0f}) · promised ≥ {PROMISE}\n"
        f"imports, memory: {peak} MB, with a quarter of the lines {small_peak} MB · promised ≤ {MORE_MB} MB more\n"
        f"imports, XLSX: {xlsx:,.0f} rows per CPU second · {xlsx / calamine:.2f} × calamine ({calamine:,.0f})"
        f" · promised ≥ {XLSX_PROMISE}\n"
    )
    return 0 if all(kept) else 1


def _till_file(path: Path, lines: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(_lines(lines))
    return path


def _lines(lines: int) -> Iterator[tuple[str, ...]]:
    """Two lines an order, an order every minute from 2025 on, two thousand customers, eight hundred things at a thousand
    prices."""
    opened = datetime(2025, 1, 1)  # noqa: DTZ001  a till's clock
    for n in range(lines):
        order = n // 2
        day = f"{opened + timedelta(minutes=order):%Y-%m-%d %H:%M}"
        phone = f"1000000{order * 7 % CUSTOMERS:04d}"
        yield f"A{order:07d}", day, phone, f"商品{n % 800}号", f"S{n % 800}", "1", f"{n % 1000}.50"


def _shop(data: Path) -> tuple[Settings, Database]:
    settings = Settings(data_dir=data, database_url="")
    database = open_database(settings, create=True)
    migrate(database, settings)
    with database.writing(demo=True) as session:
        plant_reference(session, now=NOW)
        for n in range(CUSTOMERS):
            create_customer(session, CustomerDetails(name="张晓丽", phone=f"1000000{n:04d}"), policy=Policy(), now=NOW)
        batch = ImportBatch(kind=ImportKind.PURCHASES, file_name="", file_sha256="", started_at=NOW)
        session.add(batch)  # the peer's sales need one
    return settings, database


# ── Ours, in a process of its own ─────────────────────────────────────────────────────────────────────────────────────


def _in_a_process(data: Path, sold: Path) -> tuple[float, float, int]:
    """Rows per CPU second the first time and again, and the process's largest memory in MB."""
    words = [sys.executable, "-m", "benchmarks.imports", "--ours", str(data), str(sold)]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return float(told[0]), float(told[1]), int(told[2])


def _alone(data: Path, sold: Path) -> int:
    settings, database = _shop(data)
    gc.freeze()  # as `rouge import` and the server do

    def run() -> Any:
        table = open_table(sold)
        incoming = Incoming(kind=ImportKind.PURCHASES, name=table.name, sha256=table.sha256, rows=table.rows)
        return import_file(database, incoming, actor=Actor("till"), now=NOW, zone=settings.zone)

    first, created = _timed(run)
    again, unchanged = _timed(run)
    rows = created.created
    assert (len(created.rejected), unchanged.unchanged, created.waiting) == (0, rows, 0)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s*(\d+)", status)
    assert peak is not None
    sys.stdout.write(f"{rows / first} {rows / again} {int(peak[1]) // 1024}\n")
    return 0


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


# ── The peer ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_SLIP = """INSERT INTO purchases (order_no, occurred_at, customer_id, store_id, channel, paid_fen, import_batch_id,
    fingerprint, buyer_member_no, buyer_phone_masked, created_at) VALUES (?, ?, ?, 1, 'store', ?, 1, ?, '', '', ?)
    ON CONFLICT (order_no) DO NOTHING"""
_LINE = """INSERT INTO purchase_lines (purchase_id, position, sku, item, category, quantity, unit_price_fen, amount_fen)
    VALUES (?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT (purchase_id, position) DO NOTHING"""


def _peers(data: Path, sold: Path) -> tuple[float, float]:
    settings, database = _shop(data)
    connection: Any = database.engine.raw_connection()
    gc.freeze()  # a script of its own would have little in memory to look through
    first, rows = _timed(lambda: _by_hand(connection, sold, settings))
    again, _ = _timed(lambda: _by_hand(connection, sold, settings))
    connection.close()
    with database.reading() as session:
        assert session.exec(select(func.count()).select_from(PurchaseLine)).one() == rows
        assert session.exec(select(func.count()).select_from(Purchase)).one() == rows // 2
        assert not session.exec(select(Purchase).where(Purchase.customer_id == None).limit(1)).first()  # noqa: E711
    return rows / first, rows / again


def _by_hand(connection: Any, sold: Path, settings: Settings) -> int:
    cursor, count = connection.cursor(), 0
    with sold.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        while rows := list(islice(reader, 2000)):
            count += len(rows)
            cursor.execute("BEGIN IMMEDIATE")
            _portion_by_hand(cursor, rows, settings)
            cursor.execute("COMMIT")
    return count


def _portion_by_hand(cursor: Any, rows: list[list[str]], settings: Settings) -> None:
    orders: dict[str, list[list[str]]] = {}
    for row in rows:
        orders.setdefault(row[0], []).append(row)
    indexes = {phone: blind_index(parse_phone(phone).e164, "customers.phone") for phone in {row[2] for row in rows}}
    marks = ",".join("?" * len(indexes))
    cursor.execute(f"SELECT phone_index, id FROM customers WHERE phone_index IN ({marks})", [*indexes.values()])
    ids = {bytes(index): customer_id for index, customer_id in cursor.fetchall()}
    slips, things = [], []
    for order_no, lines in orders.items():
        at = datetime.fromisoformat(lines[0][1]).replace(tzinfo=settings.zone).astimezone(UTC)
        amounts = [int(Decimal(line[6]) * 100) for line in lines]
        digest = hashlib.sha256(repr(lines).encode()).hexdigest()
        buyer = ids[indexes[lines[0][2]]]
        slips.append((order_no, f"{at:%Y-%m-%d %H:%M:%S.%f}", buyer, sum(amounts), digest, str(NOW)[:19]))
        for position, (line, fen) in enumerate(zip(lines, amounts, strict=True), start=1):
            things.append((order_no, position, line[4], line[3], int(line[5]), fen // int(line[5]), fen))
    cursor.executemany(_SLIP, slips)
    marks = ",".join("?" * len(orders))
    cursor.execute(
        f"SELECT order_no, id, fingerprint, customer_id FROM purchases WHERE order_no IN ({marks})", [*orders]
    )
    stored = {order_no: told for order_no, *told in cursor.fetchall()}
    # An order that is in with other content is one that somebody has to look at.
    assert all(stored[slip[0]][1:] == [slip[4], slip[2]] for slip in slips)
    cursor.executemany(_LINE, [(stored[order_no][0], *thing) for order_no, *thing in things])


# ── Workbooks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _workbook(path: Path, lines: int) -> tuple[float, float]:
    """Rows per CPU second as we hand them out, and as calamine does."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for at, line in enumerate((HEADER, *_lines(lines))):
        sheet.write_row(at, 0, line)
    book.close()
    ours, rows = _timed(lambda: sum(1 for _ in open_table(path).rows()))
    theirs, _ = _timed(lambda: sum(1 for _ in load_workbook(path).get_sheet_by_index(0).iter_rows()))
    return rows / ours, rows / theirs


if __name__ == "__main__":
    sys.exit(main())
