"""The search box at a million customers: how long each kind of term takes, for whoever sees everybody, one store, a
store that has just opened, or only whom she served.

Names are drawn as common surnames are in China. Peer: the usual search, one OR of LIKE '%term%' over the same columns.
Promise: the slowest twentieth of each kind answers within 100 ms, on SQLite and, when ROUGE_TEST_POSTGRES_URL names a
server, on PostgreSQL.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, insert, make_url, or_, text
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.db import Database, migrate, open_database
from app.models import Customer, CustomerAlias, Purchase, Staff, Store, Tier, Visit
from app.queries.scopes import ANYTHING, gathered_customers, visible
from app.queries.search import search_customers
from app.queries.staff import SignedIn
from app.rules.names import given_of, sounds_of
from app.settings import Settings
from app.vocabulary import Role
from seed.reference import plant_reference

CUSTOMERS, PORTION, STORES, SERVED = int(os.environ.get("ROUGE_BENCH_CUSTOMERS", "1000000")), 20_000, 10, 400
TRIES, PEER_TRIES, PROMISE_MS = 100, 3, 100.0
POSTGRES = os.environ.get("ROUGE_TEST_POSTGRES_URL", "")
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
# Surname: how many of 1,000 people bear it.
SURNAMES = {
    "王": 70, "李": 72, "张": 68, "刘": 54, "陈": 45, "杨": 31, "黄": 24, "赵": 22, "吴": 20, "周": 19, "徐": 17, "孙": 16,
    "马": 13, "朱": 12, "胡": 12, "林": 11, "郭": 11, "何": 11, "高": 10, "罗": 9, "曾": 5, "欧阳": 1, "诸葛": 1,
}  # fmt: skip
GIVEN = (
    "丽敏静娟艳芳霞红玲燕萍英华晓雪梅琳倩婷慧颖洁莹佳欣怡雅思诗涵梦瑶子萱雨桐若曦一诺可心文君淑贞秀兰桂秋月春凤玉珍美"
)


def main() -> int:
    """Print what each kind took; exit 1 when one breaks the promise."""
    is_kept = True
    for name, database in _databases():
        is_kept &= _measured(name, database)
        database.engine.dispose()
    return 0 if is_kept else 1


def _databases() -> Iterator[tuple[str, Database]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "SQLite", _filled(Path(folder), "")
    if not POSTGRES:
        return
    name = "rouge_bench_search"
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with tempfile.TemporaryDirectory() as folder, engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
        try:
            address = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
            yield "PostgreSQL", _filled(Path(folder), address)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _filled(folder: Path, address: str) -> Database:
    settings = Settings(_env_file=None, data_dir=folder / "data", database_url=address, public_url="")  # type: ignore[call-arg]
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings, create=True)
    migrate(database, settings)
    with database.writing() as session:
        plant_reference(session, now=NOW)
        session.add_all([Store(code=f"B{n}", name=f"Store {n}") for n in range(STORES + 1)])
        session.add(Staff(name="B", login="b", password_hash="!", role=Role.BEAUTICIAN))
        session.flush()
        keys = {table: list(session.exec(select(table.id).order_by(col(table.id)))) for table in (Tier, Store)}
    names = _names()
    with database.writing() as session:
        connection = session.connection()
        tables: tuple[Any, ...] = tuple(table.__table__ for table in (Customer, Visit, Purchase))
        indexes = [index for table in tables for index in table.indexes]
        for index in indexes:  # made again at the end, of rows that are all there
            index.drop(connection)
        for table, row_of, every in zip(tables, (partial(_customer, names), _visit, _purchase), (1, 3, 2), strict=True):
            for start in range(0, CUSTOMERS, PORTION):
                portion = (n for n in range(start, min(start + PORTION, CUSTOMERS)) if n % every == 0)
                _store(connection, table, [row_of(n, keys) for n in portion])
        aliases = [{"member_no": f"OLD{n}", "customer_id": n + 1, "created_at": NOW} for n in range(9000)]
        connection.execute(insert(CustomerAlias), aliases)
        for index in indexes:
            index.create(connection)
        if not database.is_sqlite:  # PostgreSQL does so by itself sooner or later, a shop's SQLite never
            connection.execute(text("ANALYZE"))
    return database


def _store(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Store rows the fastest way the database has."""
    if connection.dialect.name == "sqlite":
        connection.execute(insert(table), rows)
        return
    usual = {column.name: column.default.arg for column in table.c if column.default and column.default.is_scalar}
    names = tuple(usual | rows[0])
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([(usual | row)[name] for name in names])


def _names() -> list[tuple[str, str, str]]:
    """A name for each customer, with its pinyin and initials."""
    draw = random.Random(7)
    surnames, shares = list(SURNAMES), list(SURNAMES.values())
    pieces = [*GIVEN, *(first + second for first in GIVEN for second in GIVEN)]
    weights = [*[30] * len(GIVEN), *[1] * (len(pieces) - len(GIVEN))]
    spoken = {piece: sounds_of(piece) for piece in pieces} | {name: sounds_of(name) for name in surnames}
    drawn = zip(draw.choices(surnames, shares, k=CUSTOMERS), draw.choices(pieces, weights, k=CUSTOMERS), strict=True)
    return [(a + b, spoken[a][0] + spoken[b][0], spoken[a][1] + spoken[b][1]) for a, b in drawn]


def _phone(n: int) -> str:
    return f"+861{30_0000_0000 + n * 7919 % 9_0000_0000:010}"


def _customer(names: list[tuple[str, str, str]], n: int, keys: dict[Any, list[Any]]) -> dict[str, Any]:
    phone, name = _phone(n), names[n]
    return {
        "member_no": f"{n + 10_000_000}",
        "name": name[0],
        "name_pinyin": name[1],
        "name_initials": name[2],
        "given_name": given_of(name[0]),
        "phone_index": blind_index(phone, "customers.phone"),
        "phone_last4": phone[-4:],
        "phone_masked": f"{phone[3:6]}****{phone[-4:]}",
        "tier_id": keys[Tier][n % len(keys[Tier])],
        "store_id": keys[Store][STORES if n % 2000 == 5 else n % STORES],  # the last one has just opened
        "created_at": NOW - timedelta(minutes=n),
        "updated_at": NOW,
    }


def _visit(n: int, keys: dict[Any, list[Any]]) -> dict[str, Any]:
    staff_id = 1 if n % (CUSTOMERS // SERVED or 1) < 3 else None
    return {
        "customer_id": n + 1,
        "visited_at": NOW,
        "store_id": keys[Store][n % STORES],
        "staff_id": staff_id,
        "created_at": NOW,
    }


def _purchase(n: int, keys: dict[Any, list[Any]]) -> dict[str, Any]:
    return {
        "order_no": f"O{n}", "occurred_at": NOW, "customer_id": n + 1, "store_id": keys[Store][(n + 1) % STORES],
        "paid_fen": 100, "created_at": NOW,
    }  # fmt: skip


KINDS: dict[str, Callable[[Any, random.Random], str]] = {
    "one letter of a name": lambda row, draw: row.name[0],
    "whole name": lambda row, draw: row.name,
    "given name": lambda row, draw: row.given_name,
    "pinyin": lambda row, draw: row.name_pinyin[: draw.randint(2, 12)],
    "initials": lambda row, draw: row.name_initials,
    "last four digits": lambda row, draw: row.phone_last4,
    "whole phone": lambda row, draw: _phone(row.id - 1)[3:],
    "member number": lambda row, draw: row.member_no,
    "beginning of a number": lambda row, draw: row.member_no[:5],
    "a joined number": lambda row, draw: f"OLD{draw.randrange(9000)}",
    "nobody": lambda row, draw: f"{row.name}{row.name}",
}


def _measured(name: str, database: Database) -> bool:
    draw, is_kept = random.Random(11), True
    with database.reading() as session:
        rows = [session.get(Customer, draw.randint(1, CUSTOMERS)) for _ in range(TRIES)]
        reaches = {
            "owner": (ANYTHING, ()),
            "one store": _reach(Role.MANAGER, 2),
            "own": _reach(Role.BEAUTICIAN, None),
            "new store": _reach(Role.MANAGER, STORES + 1),
        }
        for kind, term_of in KINDS.items():
            terms = [term_of(row, draw) for row in rows]
            peer = sorted(_timed(_naive, session, term, reaches["owner"]) for term in terms[:PEER_TRIES])
            told = []
            for who, reach in reaches.items():
                took = sorted(_timed(search_customers, session, term, reach) for term in terms)
                p50, p95 = took[len(took) // 2], took[len(took) * 95 // 100]
                told.append(f"{who} {p50:.1f} / {p95:.1f}")
                is_kept &= p95 < PROMISE_MS
            sys.stdout.write(
                f"search: {name} {CUSTOMERS:,} · {kind}: {' · '.join(told)} ms (p50 / p95) · peer {peer[len(peer) // 2]:,.0f} ms\n"
            )
    sys.stdout.write(f"        promised p95 < {PROMISE_MS:.0f} ms\n")
    return is_kept


def _reach(role: Role, store_id: int | None) -> Any:
    person = SignedIn(1, "B", role, store_id, "", 1, NOW)
    condition = visible(Customer, person)
    return ANYTHING if condition is None else condition, gathered_customers(person)


def _timed(search: Callable[..., Any], session: Session, term: str, reach: Any) -> float:
    began = time.perf_counter()
    search(session, term, now=NOW, within=reach[0], gathered=reach[1])
    return (time.perf_counter() - began) * 1000


def _naive(session: Session, term: str, *, now: datetime, within: Any, gathered: Any) -> Any:
    columns = (Customer.name, Customer.name_pinyin, Customer.name_initials, Customer.member_no, Customer.phone_last4)
    found = or_(*(col(column).ilike(f"%{term}%") for column in columns))
    wanted = select(Customer.id, Customer.name, Customer.member_no).where(found, within)
    return session.execute(wanted.order_by(col(Customer.name)).limit(8)).all()


if __name__ == "__main__":
    sys.exit(main())
