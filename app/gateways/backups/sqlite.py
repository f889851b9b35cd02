"""Backups of the one-file database: copied by SQLite itself while others write, tried out beside it."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlcipher3
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import Session

from app.db import Database, driver_version, open_database
from app.gateways.backups.container import Writer
from app.i18n import gettext
from app.keys import KeyTrouble
from app.queries.backups import Contents, contents_of
from app.rules.backups import HOW_TO_CLOSE, ShopIsOpen
from app.rules.refusals import words
from app.settings import Settings

PART = "rouge.db"
_PAGES = words("文件里有 {count} 页损坏")
_NOT_ITS_FAULT = ("disk is full", "locked", "busy", "readonly", "unable to open")
_LINKS = words("有 {count} 条记录指向不存在的记录")


def write(database: Database, settings: Settings, writer: Writer, folder: Path) -> tuple[Contents, str]:
    """Copy the database as it is at one moment into `folder` and from there into the backup. `cp` would miss what still
    lies in the log beside the file."""
    copy = _inside(folder, "copied")
    connection = database.engine.raw_connection()
    try:
        # A pooled connection may have served a page that only reads.
        connection.cursor().execute("PRAGMA query_only=OFF")
        connection.cursor().execute("VACUUM INTO ?", (str(copy),))
    except sqlcipher3.DatabaseError as error:
        if "full" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(settings.data_dir)) from error
        raise OperationalError("VACUUM INTO", {}, error) from error
    finally:
        connection.close()
    scratch = open_database(_settings_of(settings, copy.parent))
    with scratch.reading() as session:
        contents = contents_of(session)
    scratch.engine.dispose()
    with copy.open("rb") as file:
        writer.add(PART, file)
    return contents, driver_version()


@contextmanager
def scratch(settings: Settings, folder: Path, content: Iterator[bytes]) -> Iterator[Settings]:
    """The settings of a database in `folder` that holds a backup's part."""
    path = _inside(folder, "tried")
    with path.open("wb") as file:
        path.chmod(0o600)
        for block in content:
            file.write(block)
    yield _settings_of(settings, path.parent)


def fault_in(session: Session) -> str | None:
    """What is wrong inside the file, in words: a page that fails its own checksum, a damaged tree, a row that points
    nowhere."""
    connection = session.connection()
    pages = [
        row
        for check in ("cipher_integrity_check", "integrity_check")
        for row in connection.exec_driver_sql(f"PRAGMA {check}")
        if row[0] != "ok"
    ]
    if pages:
        return gettext(_PAGES).format(count=len(pages))
    links = connection.execute(text("SELECT count(*) FROM pragma_foreign_key_check")).scalar_one()
    return gettext(_LINKS).format(count=links) if links else None


def swap_in(settings: Settings, made: Settings) -> None:
    """Put a finished database in the place of the shop's own, all at once. Raises ShopIsOpen when somebody has that
    open."""
    target = settings.sqlite_path
    logs = [target.with_name(f"{target.name}-wal"), target.with_name(f"{target.name}-shm")]
    _settle(made)
    try:
        _settle(settings)
    except (DatabaseError, sqlcipher3.DatabaseError, KeyTrouble) as trouble:
        if not is_damage(trouble):
            raise
        # A log that belongs to another file must not lie beside the new one.
        for log in logs:
            if log.exists():
                log.rename(_aside(log))
    # Whoever closes a database last takes its log away.
    if any(log.exists() for log in logs):
        raise ShopIsOpen(how=HOW_TO_CLOSE)
    os.replace(made.sqlite_path, target)
    sync_folder(target.parent)


def keep_damaged(settings: Settings) -> Path:
    """A second name for a database file that no backup can be made of."""
    source, aside = settings.sqlite_path, _aside(settings.sqlite_path)
    try:
        os.link(source, aside)
    except OSError:  # not every disk knows second names
        shutil.copy2(source, aside)
    return aside


def is_damage(trouble: Exception) -> bool:
    """Whether the file itself is at fault, however that shows, and not its disk or somebody who is in it."""
    if isinstance(trouble, OSError):
        return False
    if isinstance(trouble, DatabaseError | sqlcipher3.DatabaseError):
        return not any(sign in str(trouble) for sign in _NOT_ITS_FAULT)
    return True


def sync_folder(folder: Path) -> None:
    """A name is safe only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")


def _settle(settings: Settings) -> None:
    """Everything in the one file and on the disk; the log beside it is gone, unless somebody else has it open."""
    if not settings.sqlite_path.exists():
        return
    database = open_database(settings)
    connection = database.engine.raw_connection()
    try:
        # Somebody who has it open may never let go: what remains of the log tells of him.
        for pragma in ("query_only=OFF", "busy_timeout=200", "wal_checkpoint(TRUNCATE)"):
            connection.cursor().execute(f"PRAGMA {pragma}")
    finally:
        connection.close()
        database.engine.dispose()
    with settings.sqlite_path.open("rb") as file:
        os.fsync(file.fileno())


def _inside(folder: Path, name: str) -> Path:
    (folder / name).mkdir(mode=0o700)
    return folder / name / PART


def _settings_of(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"data_dir": folder, "key_file": settings.key_path})
