"""Backups of PostgreSQL: copied and put back by its own programs, tried out in a database of its own."""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import IO

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import Session

from app.db import Database
from app.gateways.backups.container import Writer
from app.queries.backups import Contents, contents_of
from app.rules.backups import HOW_TO_CLOSE, BackupNotMade, DumpProgramMissing, MayNotMakeDatabases, ShopIsOpen
from app.settings import Settings

PART = "rouge.dump"
_DEBIAN = Path("/usr/lib/postgresql")
_MAINTENANCE = ("postgres", "template1")
_TURN = 7264003
"""The number of the lock that makes scratch databases one after another: whoever holds it may drop left-over ones."""
LONGEST_NAME = 40
"""PostgreSQL cuts names off at 63; ours add to the shop's own."""
_IN_USE, _DENIED = "55006", "42501"
_GOING_SECONDS = 2.0


def write(database: Database, settings: Settings, writer: Writer) -> tuple[Contents, str]:
    """Copy the database as it is at one moment into the backup; what is counted is the same moment."""
    with database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        version = connection.execute(text("SHOW server_version")).scalar_one()
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        with _running("pg_dump", settings, _major(connection), "--format=custom", f"--snapshot={snapshot}") as dump:
            assert dump.stdout
            writer.add(PART, dump.stdout)
        with Session(connection) as session:
            contents = contents_of(session)
    return contents, f"PostgreSQL {version}"


@contextmanager
def scratch(settings: Settings, content: Iterator[bytes], written_by: str) -> Iterator[Settings]:
    """The settings of a new database that holds a backup's part. It is gone afterwards, unless it took the place of the
    shop's own. Raises MayNotMakeDatabases, BackupNotMade."""
    url = make_url(settings.database_url)
    name = _scratch_prefix(url) + secrets.token_hex(4)
    made = settings.model_copy(update={"database_url": url.set(database=name).render_as_string(hide_password=False)})
    with _maintaining(url) as connection:
        connection.execute(text("SELECT pg_advisory_lock(:turn)"), {"turn": _TURN})
        _drop_left_over(connection, url)
        _make_like(connection, url, name)
        try:
            major = max(_major(connection), _major_in(written_by))
            with _running("pg_restore", made, major, "--exit-on-error", is_fed=True) as restore:
                assert restore.stdin
                for block in content:
                    restore.stdin.write(block)
            yield made
        finally:
            _drop(connection, name)


def swap_in(settings: Settings, made: Settings, aside: str) -> None:
    """Put a finished database in the place of the shop's own, which is called `aside` from then on: both names change in
    one transaction. Raises ShopIsOpen when somebody is connected to either."""
    ours, theirs = make_url(settings.database_url), make_url(made.database_url)
    engine = _maintenance_engine(ours)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {_quoted(ours.database)} RENAME TO {_quoted(aside)}")
            connection.exec_driver_sql(f"ALTER DATABASE {_quoted(theirs.database)} RENAME TO {_quoted(ours.database)}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _IN_USE:
            raise ShopIsOpen(how=HOW_TO_CLOSE) from None
        raise
    finally:
        engine.dispose()


def drop(settings: Settings, name: str) -> None:
    """Take a database away that is no longer needed."""
    with _maintaining(make_url(settings.database_url)) as connection:
        _drop(connection, name)


def check_able(database: Database) -> None:
    """Whether backups can be made and tried out here. Raises DumpProgramMissing, MayNotMakeDatabases."""
    may = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    with database.engine.connect() as connection:
        major, is_able = _major(connection), connection.execute(text(may)).scalar_one()
    for name in ("pg_dump", "pg_restore"):
        _program(name, major)
    if not is_able:
        raise MayNotMakeDatabases(user=database.engine.url.username or "")


def others_connected(database: Database) -> int:
    """How many connections besides ours the shop's database has. One that was closed a moment ago may still be going: it
    gets two seconds."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    end = monotonic() + _GOING_SECONDS
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while (others := connection.execute(text(count)).scalar_one()) and monotonic() < end:
            sleep(0.05)
    return others


# ── Databases ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _maintenance_engine(url: URL) -> Engine:
    """To a database of the server that is not the shop's: nobody renames or drops the one he is in."""
    trouble: OperationalError | None = None
    for name in _MAINTENANCE:
        engine = create_engine(url.set(database=name), hide_parameters=True)
        try:
            engine.connect().close()
        except OperationalError as error:
            trouble = error
            engine.dispose()
        else:
            return engine
    raise trouble or RuntimeError("no maintenance database")


@contextmanager
def _maintaining(url: URL) -> Iterator[Connection]:
    engine = _maintenance_engine(url)
    try:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _make_like(connection: Connection, url: URL, name: str) -> None:
    """An empty database that sorts as the shop's own does."""
    row = connection.execute(
        text("""SELECT datcollate, datctype, to_jsonb(d) ->> 'datlocprovider' AS provider,
                       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
                FROM pg_database d WHERE datname = :name"""),
        {"name": url.database},
    ).one()
    order = f"ENCODING 'UTF8' LC_COLLATE {_literal(row.datcollate)} LC_CTYPE {_literal(row.datctype)}"
    provider = {"i": ("icu", "ICU_LOCALE"), "b": ("builtin", "BUILTIN_LOCALE")}.get(row.provider or "c")
    if provider:
        order += f" LOCALE_PROVIDER {provider[0]} {provider[1]} {_literal(row.locale)}"
    try:
        connection.exec_driver_sql(f"CREATE DATABASE {_quoted(name)} TEMPLATE template0 {order}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _DENIED:
            raise MayNotMakeDatabases(user=url.username or "") from None
        raise


def _drop_left_over(connection: Connection, url: URL) -> None:
    """Scratch databases of a try that was killed."""
    like = "SELECT datname FROM pg_database WHERE starts_with(datname, :like)"
    for (name,) in connection.execute(text(like), {"like": _scratch_prefix(url)}).all():
        _drop(connection, name)


def _scratch_prefix(url: URL) -> str:
    return f"{(url.database or '')[:LONGEST_NAME]}_scratch_"


def _drop(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")


def _quoted(name: str | None) -> str:
    return '"' + (name or "").replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# ── Programs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _running(
    name: str, settings: Settings, major: int, *options: str, is_fed: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """One of PostgreSQL's programs at work on a database. Raises DumpProgramMissing, and BackupNotMade with its reason
    when it does not end well. The password goes through its environment, which nobody else sees."""
    url = make_url(settings.database_url)
    address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [str(_program(name, major)), "--no-owner", "--no-privileges", *options, f"--dbname={address}"]
    environment = os.environ | {"PGPASSWORD": url.password or os.environ.get("PGPASSWORD", ""), "LC_MESSAGES": "C"}
    with tempfile.TemporaryFile() as complaint:
        streams: dict[str, int | IO[bytes]] = {"stdin": subprocess.PIPE} if is_fed else {"stdout": subprocess.PIPE}
        program = subprocess.Popen(command, env=environment, stderr=complaint, **streams)  # type: ignore[call-overload]  # noqa: S603
        try:
            with suppress(BrokenPipeError):  # it ended early, and says below why
                yield program
                if program.stdin:
                    program.stdin.close()
        except BaseException:
            program.kill()
            raise
        finally:
            with suppress(BrokenPipeError):
                program.communicate()
        if program.returncode:
            complaint.seek(0)
            raise BackupNotMade(reason=f"{name}: {_first_error(complaint.read(20_000))}")


def _first_error(complaint: bytes) -> str:
    """The first line that says what went wrong; never the DETAIL, which may quote a row."""
    lines = complaint.decode("utf-8", "replace").splitlines()
    return next((line for line in lines if "error:" in line), "?")[:200]


def _program(name: str, major: int) -> Path:
    """The program of this version or, where there is none, of the next newer one. Raises DumpProgramMissing."""
    found = [path / "bin" / name for path in _DEBIAN.glob("*") if (path / "bin" / name).exists()]
    elsewhere = shutil.which(name)
    if elsewhere:
        found.append(Path(elsewhere))
    fitting = [(version, path) for path in found if (version := _version_of(path)) >= major]
    if not fitting:
        raise DumpProgramMissing(version=major)
    return min(fitting)[1]


@cache
def _version_of(path: Path) -> int:
    said = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    return _major_in(said.stdout)


def _major_in(text: str) -> int:
    """The first number of "PostgreSQL 17.2 (Debian …)"; 0 where there is none."""
    found = re.search(r"\d+", text.partition("PostgreSQL")[2])
    return int(found[0]) if found else 0


def _major(connection: Connection) -> int:
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
