"""The database: one encrypted SQLite file, or PostgreSQL. The only room that commits."""

import fcntl
import json
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import sqlcipher3
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    ColumnClause,
    Connection,
    Dialect,
    Engine,
    TableClause,
    any_,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool
from sqlmodel import Session, SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.audit import SYSTEM, Actor, AuditedSession
from app.keys import KeyRing, KeyTrouble, load_keys, use_keys
from app.settings import Settings

_T = TypeVar("_T", bound=SQLModel)
MIGRATIONS = Path(__file__).parent.parent / "migrations"
OLDEST_SAFE_SQLITE = (3, 51, 3)
"""Older libraries may corrupt a WAL file that two connections write (fixed upstream in 3.51.3)."""

COLLIDED = frozenset({"40P01", "40001"})
"""PostgreSQL ended a transaction in favour of another: doing it again helps."""

PRAGMAS = ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "trusted_schema=OFF", "cell_size_check=ON")
"""How every connection to the file works. FULL: a commit is on the disk before anybody is told of it."""


@dataclass
class Database:
    """The shop's database. `reading()` never takes the write lock; `writing()` is one unit of work, all or nothing."""

    engine: Engine
    lock_path: Path | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _inside: threading.local = field(default_factory=threading.local)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the one-file database."""
        return self.engine.dialect.name == "sqlite"

    @property
    def reader(self) -> Engine:
        """The same database, refusing to write: for pages that only show."""
        return self.engine.execution_options(read_only=True, postgresql_readonly=not self.is_sqlite)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that can only read."""
        with Session(self.reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self, actor: Actor = SYSTEM, *, demo: bool = False) -> Iterator[Session]:
        """One unit of work: commits when the block ends, rolls back when it raises. Keep it short; never nest it."""
        with self._write_turn(), AuditedSession(self.engine, expire_on_commit=False) as session:
            session.info.update(actor=actor, demo=demo)
            yield session
            session.commit()

    @contextmanager
    def _write_turn(self) -> Iterator[None]:
        """SQLite: one writer at a time, in order, over threads and processes. SQLite's own waiting is unfair: under
        load some writers wait for seconds. PostgreSQL needs no turn."""
        if self.lock_path is None:
            yield
            return
        if getattr(self._inside, "writing", False):
            raise RuntimeError("a unit of work inside another would wait for itself")
        with self._turn, self.lock_path.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._inside.writing = True
            try:
                yield
            finally:
                self._inside.writing = False


def open_database(settings: Settings, *, create: bool = False) -> Database:
    """Open the shop's database. `create` makes the folder, the keys and the file on a first start only: a key that is
    lost beside data is never replaced by a new one.

    Raises KeyTrouble (missing, damaged or wrong key) before anything is written.
    """
    if create:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.database_url:
        database = Database(_postgres_engine(settings.database_url))
        use_keys(load_keys(settings.key_path, create=create and not _holds_tables(database.engine)))
        return database
    is_new = not settings.sqlite_path.exists()
    if is_new and not create and not settings.key_path.exists():
        raise KeyTrouble("not_opened", settings.data_dir)
    ring = load_keys(settings.key_path, create=create and is_new)
    use_keys(ring)
    engine = _sqlite_engine(settings.sqlite_path, ring)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except DatabaseError as trouble:
        if "not a database" in str(trouble):
            raise KeyTrouble("wrong_key", settings.key_path) from None
        raise
    return Database(engine, lock_path=settings.sqlite_path.with_suffix(".lock"))


def _postgres_engine(url: str) -> Engine:
    return create_engine(url, hide_parameters=True, pool_size=10, max_overflow=20, pool_pre_ping=True)


def _holds_tables(engine: Engine) -> bool:
    return bool(inspect(engine).get_table_names())


def _sqlite_engine(path: Path, ring: KeyRing, *, migrating: bool = False) -> Engine:
    if sqlcipher3.sqlite_version_info < OLDEST_SAFE_SQLITE:
        raise RuntimeError(f"SQLite {sqlcipher3.sqlite_version} is older than 3.51.3 and may damage the file")
    engine = create_engine(
        f"sqlite:///{path}",
        module=sqlcipher3,
        hide_parameters=True,
        connect_args={"timeout": 15, "check_same_thread": False},
        **({"poolclass": NullPool} if migrating else {"pool_size": 10, "max_overflow": 40}),
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN below, the driver never
        cursor = connection.cursor()
        # SQLCipher would write its own lines to stderr beside the sentence the operator gets.
        cursor.execute("PRAGMA cipher_log_level=NONE")
        cursor.execute(f"PRAGMA key=\"x'{ring.database.hex()}'\"")
        # A migration rebuilds tables others point at; the check of the links runs at its end instead.
        for pragma in (*PRAGMAS, f"foreign_keys={'OFF' if migrating else 'ON'}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = bool(connection.get_execution_options().get("read_only"))
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        # IMMEDIATE: a transaction that reads first and writes later would fail at once, without waiting its turn.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(database: Database, settings: Settings, revision: str = "head") -> None:
    """Bring the tables up to date (or down to `revision`). Of two processes starting at once, one does it."""
    config = _alembic()
    change = command.upgrade if revision == "head" else command.downgrade
    if not database.is_sqlite:
        with database.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7264001)"))
            config.attributes["connection"] = connection
            change(config, revision)
        return
    engine = _sqlite_engine(settings.sqlite_path, load_keys(settings.key_path, create=False), migrating=True)
    with database._write_turn(), engine.begin() as connection:
        config.attributes["connection"] = connection
        change(config, revision)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"migration would leave {len(broken)} rows pointing nowhere")
    engine.dispose()


def is_migrated(database: Database) -> bool:
    """Whether the tables are those this program was written for."""
    with database.reader.connect() as connection:
        return MigrationContext.configure(connection).get_current_heads() == tuple(
            ScriptDirectory.from_config(_alembic()).get_heads()
        )


def knows_revision(revision: str) -> bool:
    """Whether this program knows tables of that revision and can bring them up to date."""
    return revision in {known.revision for known in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def lock_row(session: Session, table: type[_T], row_id: int) -> _T | None:
    """A row nobody else may change until this unit of work ends. SQLite has one writer anyway."""
    return session.exec(_locking(table), params={"row_id": row_id}).first()


@cache
def _locking(table: type[_T]) -> SelectOfScalar[_T]:
    """Put together once: a night asks it for a hundred thousand rows."""
    wanted = select(table).where(col(table.id) == bindparam("row_id")).with_for_update()  # type: ignore[attr-defined]
    # A copy read before the lock may be out of date.
    return wanted.execution_options(populate_existing=True)


def past_the_session(session: Session) -> Connection:
    """The connection of this unit of work, for statements that name columns and give values: several times faster than
    objects. What was added to the session is written first, so that they see it."""
    session.flush()
    return session.connection()


def upsert(session: Session, table: type[SQLModel]) -> Any:
    """An INSERT that may say what happens when the row is already there, in either database's own words."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return insert(table.__table__)  # type: ignore[attr-defined]


def among(session: Session, column: Any, wanted: Collection[Any]) -> Any:
    """`column IN (…)` for very many values in one parameter: a list is one parameter for each, and SQLAlchemy spells them all
    out every time."""
    if session.get_bind().dialect.name != "sqlite":
        return column == any_(bindparam(None, list(wanted), type_=postgresql.ARRAY(column.type)))
    in_hex = [value.hex() for value in wanted if isinstance(value, bytes)]  # JSON has no bytes
    value: Any = func.json_each(json.dumps(in_hex or list(wanted), ensure_ascii=False)).table_valued("value").c.value
    return col(column).in_(select(func.unhex(value) if in_hex else value))


def insert_many(session: Session, table: type[SQLModel], names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Store many rows, each the values of these columns. SQLAlchemy converts the values once more for every row and column;
    of an import of a whole file that was a fifth of the time."""
    connection = session.connection()
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    # What no row has is left out: the driver takes its time over each None.
    given = tuple(name for name, values in columns.items() if values.count(None) < len(values))
    statement, order, converters = _insert_of(table, given, connection.dialect)
    stored: Any = list(zip(*(_converted(columns[name], converters.get(name)) for name in order), strict=True))
    if not connection.dialect.positional:
        stored = [dict(zip(order, values, strict=True)) for values in stored]
    connection.exec_driver_sql(statement, stored)


def _converted(values: Sequence[Any], convert: Callable[[Any], Any] | None) -> Sequence[Any]:
    """The values of one column as the driver takes them. Many rows share a moment or a word; a text that is sealed, never."""
    if convert is None:
        return values
    if all(issubclass(kind, datetime | StrEnum | NoneType) for kind in set(map(type, values))):
        known = {value: convert(value) for value in set(values)}
        return [known[value] for value in values]
    return [convert(value) for value in values]


@lru_cache(maxsize=16)
def _insert_of(
    table: type[SQLModel], names: tuple[str, ...], dialect: Dialect
) -> tuple[str, tuple[str, ...], dict[str, Callable[[Any], Any]]]:
    """The statement in the driver's own words, the order of its values, and what has to be done to some of them."""
    types = {name: table.__table__.c[name].type for name in names}  # type: ignore[attr-defined]
    # Only the columns named: what the others are by default is left to the database.
    rows = TableClause(str(table.__tablename__), *(ColumnClause(name, kind) for name, kind in types.items()))
    compiled: Any = insert(rows).values({name: bindparam(name) for name in names}).compile(dialect=dialect)
    converters = ((name, kind.dialect_impl(dialect).bind_processor(dialect)) for name, kind in types.items())
    wanted = {name: convert for name, convert in converters if convert}
    return str(compiled), tuple(compiled.positiontup or names), wanted


def driver_version() -> str:
    """What the database library is, for `rouge doctor`."""
    return f"SQLite {sqlcipher3.sqlite_version}, Python {sys.version.split()[0]}"
