"""Importing a till's sales: rows per second of CPU, beside a peer and a limit, all in one run.

Peer: the same rows through the ORM one by one, looked up and committed a thousand at a time. Limit: the CSV parsed and
written by the driver's own executemany, nothing checked. Promise: at least 5 × the peer.
"""

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, select

from app.actions.imports import Incoming, import_file
from app.audit import Actor
from app.db import Database, migrate, open_database
from app.gateways.spreadsheets import open_table
from app.models import Customer, Purchase, PurchaseLine, Tier
from app.settings import Settings
from app.vocabulary import ImportKind
from seed.reference import plant_reference

ROWS, PEER_ROWS, CUSTOMERS = 20_000, 2_000, 1_000
PROMISE = 5
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def main() -> int:
    """Print the ratios; exit 1 when the promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        sold = _till_file(Path(folder) / "sold.csv")
        ours = _rate(ROWS, lambda: _ours(_shop(Path(folder) / "ours"), sold))
        peer = _rate(PEER_ROWS, lambda: _peer(_shop(Path(folder) / "peer"), sold))
        limit = _rate(ROWS, lambda: _limit(_shop(Path(folder) / "limit"), sold))
    sys.stdout.write(
        f"import: {ours:,.0f} rows per CPU second · {ours / peer:.1f} × the ORM row by row ({peer:,.0f}) · "
        f"{ours / limit:.2f} × the driver alone ({limit:,.0f}) · promised ≥ {PROMISE} × the ORM\n"
    )
    return 0 if ours >= PROMISE * peer else 1


def _rate(rows: int, work: Callable[[], float]) -> float:
    return rows / work()


def _till_file(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_no", "occurred_at", "member_no", "item", "amount"])
        for n in range(ROWS):
            writer.writerow([f"A{n // 2}", "2026-11-20 10:00", f"V{n // 2 % CUSTOMERS}", f"item {n}", "59.00"])
    return path


def _shop(data: Path) -> tuple[Settings, Database]:
    settings = Settings(data_dir=data, database_url="")
    database = open_database(settings, create=True)
    migrate(database, settings)
    with database.writing(demo=True) as session:
        plant_reference(session, now=NOW)
        tier = session.exec(select(Tier).order_by(Tier.rank)).first()  # type: ignore[arg-type]
        assert tier is not None
        session.add_all(Customer(member_no=f"V{n}", name="张晓丽", tier_id=tier.id or 0) for n in range(CUSTOMERS))
    return settings, database


def _ours(shop: tuple[Settings, Database], sold: Path) -> float:
    settings, database = shop
    table = open_table(sold)
    incoming = Incoming(kind=ImportKind.PURCHASES, name=table.name, sha256=table.sha256, rows=table.rows)
    start = time.process_time()
    report = import_file(database, incoming, actor=Actor("till"), now=datetime.now(UTC), zone=settings.zone)
    spent = time.process_time() - start
    assert report.created == ROWS, report.rejected[:3]
    return spent


def _peer(shop: tuple[Settings, Database], sold: Path) -> float:
    _, database = shop
    start = time.process_time()
    with sold.open(encoding="utf-8", newline="") as file, Session(database.engine) as session:
        for at, row in enumerate(csv.DictReader(file)):
            if at == PEER_ROWS:
                break
            customer = session.exec(select(Customer).where(Customer.member_no == row["member_no"])).one()
            known = session.exec(select(Purchase).where(Purchase.order_no == row["order_no"])).first()
            purchase = known or Purchase(order_no=row["order_no"], occurred_at=NOW, customer_id=customer.id, paid_fen=0)
            purchase.paid_fen += 5900
            session.add(purchase)
            session.flush()
            session.add(
                PurchaseLine(
                    purchase_id=purchase.id or 0,
                    position=at,
                    item=row["item"],
                    unit_price_fen=5900,
                    amount_fen=5900,
                )
            )
            if at % 1000 == 999:
                session.commit()
        session.commit()
    return time.process_time() - start


def _limit(shop: tuple[Settings, Database], sold: Path) -> float:
    _, database = shop
    start = time.process_time()
    with sold.open(encoding="utf-8", newline="") as file:
        rows = [(row["order_no"], row["item"], 5900) for row in csv.DictReader(file)]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bare (order_no TEXT, item TEXT, amount_fen INTEGER)")
        connection.exec_driver_sql("INSERT INTO bare VALUES (?, ?, ?)", rows)
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
