"""A fresh PostgreSQL shop in milliseconds: to copy a database costs ten times as much as to empty one, so a test gets one
that an earlier test used, with every table and every sequence as it was. A database that cannot be trusted to be as new
(another schema or planner statistics than it had, grown large, somebody still connected) is thrown away instead."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

_GROWN_BYTES = 8_000_000
_MEASURED_EVERY = 8
"""After how many tests its size is asked for: all its files are looked at."""
_PATIENCE_SECONDS = 2.0
"""How long a connection that a test has closed may take to go."""

_CATALOGUES = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_index", "pg_trigger", "pg_constraint", "pg_proc", "pg_namespace",
    "pg_extension", "pg_statistic", "pg_largeobject_metadata",
    "pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
)  # fmt: skip
# A row that is changed is a new one of a later transaction: their sum grows with each change, their number with each row.
_SCHEMA = (
    "SELECT concat_ws(' '"
    + "".join(
        f", (SELECT concat(count(*), '/', sum(xmin::text::bigint)) FROM {catalogue})" for catalogue in _CATALOGUES
    )
    + ")"
)
_SIZE = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
_GUESTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
_EMPTY = """
DO $$ DECLARE filled regclass; BEGIN
    FOR filled IN SELECT oid::regclass FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
    LOOP EXECUTE 'DELETE FROM ' || filled; END LOOP;
END $$;
"""
_TABLES = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  AND pg_relation_size(c.oid) > 0 GROUP BY c.relname
"""
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"


@dataclass
class _Shop:
    """One database as it was built. Nobody stays connected: a test may ask that it is alone."""

    name: str
    schema: str
    size: int
    uses: int = 0


def _one(connection: psycopg.Connection, question: str) -> Any:
    return connection.execute(question).fetchone()[0]


def _is_left_as_built(connection: psycopg.Connection, shop: _Shop) -> bool:
    """Whether emptying it makes it new again."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while _one(connection, _GUESTS):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    if _one(connection, _SCHEMA) != shop.schema:
        return False
    return bool(shop.uses % _MEASURED_EVERY) or _one(connection, _SIZE) < shop.size + _GROWN_BYTES


class PostgresShops:
    """The databases of one test process, copies of the one named `template` on the server at `url` (of the database
    `postgres`)."""

    def __init__(self, url: str, template: str) -> None:
        self._url = url
        self._template = template
        self._server = psycopg.connect(url, autocommit=True)
        self._ready: list[_Shop] = []
        self._used: dict[str, _Shop] = {}
        with self._connect(template) as connection:
            self._script = _script(connection)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self._url, dbname=name, autocommit=True)

    def take(self) -> str:
        """The name of a database that is as the template."""
        shop = self._ready.pop() if self._ready else self._build()
        shop.uses += 1
        self._used[shop.name] = shop
        return shop.name

    def _build(self) -> _Shop:
        name = f"test_{uuid4().hex[:12]}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        with self._connect(name) as connection:
            return _Shop(name, _one(connection, _SCHEMA), _one(connection, _SIZE))

    def give_back(self, name: str) -> None:
        """The test is over."""
        shop = self._used.pop(name)
        try:
            with self._connect(name) as connection:
                is_new_again = _is_left_as_built(connection, shop)
                if is_new_again:
                    connection.execute(self._script)
        except psycopg.Error:  # whatever the test did to it: the next one gets another
            is_new_again = False
        if is_new_again:
            self._ready.append(shop)
        else:
            self._drop(shop)

    def _drop(self, shop: _Shop) -> None:
        self._server.execute(f"DROP DATABASE IF EXISTS {shop.name} WITH (FORCE)")

    def close(self) -> None:
        """All of them are dropped."""
        for shop in (*self._ready, *self._used.values()):
            self._drop(shop)
        self._server.close()


def _script(connection: psycopg.Connection) -> bytes:
    """What brings an emptied database back to the rows and sequences that the template has. Without triggers and
    foreign keys, for some tables only grow."""
    parts: list[sql.Composable] = [sql.SQL("BEGIN; SET LOCAL session_replication_role = replica;"), sql.SQL(_EMPTY)]
    for table, columns in connection.execute(_TABLES).fetchall():
        names, of = sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("public", table)
        rows = connection.execute(sql.SQL("SELECT json_agg(t)::text FROM {} t").format(of)).fetchone()[0]
        if rows is not None:
            parts.append(
                sql.SQL(
                    "INSERT INTO {of} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{of}, {rows});"
                ).format(of=of, names=names, rows=rows)
            )
    for (name,) in connection.execute(_SEQUENCES).fetchall():
        of = sql.Identifier("public", name)
        last, is_called = connection.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(of)).fetchone()
        parts.append(sql.SQL("SELECT setval({}, {}, {});").format(of.as_string(connection), last, is_called))
    parts.append(sql.SQL("COMMIT"))
    return sql.SQL("\n").join(parts).as_bytes(connection)
