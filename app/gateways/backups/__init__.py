"""Backups as files: made while the shop is open, each tried out before it counts, the old ones taken away.

Putting one back stands in `restoring`.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlmodel import Session

from app.audit import SYSTEM, Actor, note_deed
from app.db import Database, is_migrated, knows_revision, migrate, open_database
from app.gateways.backups import postgres, sqlite
from app.gateways.backups.container import Reader, Writer, open_backup
from app.i18n import gettext
from app.keys import load_keys
from app.queries.backups import Contents, contents_of
from app.queries.jobs import last_done
from app.queries.journal import verify_chain
from app.rules.backups import (
    BackupDamaged,
    BackupFolderShut,
    BackupFolderTaken,
    BackupNewer,
    BackupNotMade,
    BackupOfAnotherDatabase,
    BackupUnusable,
    Manifest,
    Name,
    file_name,
    kept_since,
    name_of,
    superseded,
)
from app.rules.refusals import words
from app.settings import Settings
from app.vocabulary import AuditAction, JobKind

_MEDIA = "media/"
_SCRATCH = ".scratch-"
_TURN = "backup.lock"
_COUNTS_DIFFER = words("{table} 表的行数与清单不符")
_JOURNAL_BROKEN = words("操作日志从第 {entry} 条起对不上")
_JOURNAL_SHORT = words("操作日志的末尾与清单不符")
_NO_DATABASE = words("里面没有数据库")
_STRANGE_PART = words("里面有不该有的 {part}")
_NOT_RESTORABLE = words("放不回数据库：{reason}")


@dataclass(frozen=True)
class BackupMade:
    """A new backup. `removed` are the old ones that were no longer needed."""

    file: Path
    manifest: Manifest
    is_verified: bool
    removed: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Listed:
    """A backup in the shop's folder. `manifest` is None when it cannot be read, and `trouble` says why."""

    file: Path
    name: Name
    bytes: int
    manifest: Manifest | None
    trouble: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it counts: tried out when it was made, and still this shop's."""
        return self.name.is_verified and self.manifest is not None

    @property
    def counts(self) -> bool:
        """Whether it is one of the shop's backups: what was kept before a restore is rather what was given up."""
        return self.is_good and not self.name.is_before_restore


# ── Making ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def create_backup(
    database: Database,
    settings: Settings,
    *,
    now: datetime,
    out: Path | None = None,
    verify: bool = True,
    actor: Actor = SYSTEM,
) -> BackupMade:
    """Back up the open shop into its folder, or to `out` (a folder or a new file), and write that down. Afterwards backups
    that are no longer needed are gone from the folder. Without `verify` it is not tried out, and does not count.

    Raises BackupNotMade, OSError (a full disk); then nothing new is there.
    """
    label = "" if verify else "unverified"
    made = create_file(database, settings, now=now, out=out, label=label)
    # Tables of an older version are backed up before they are changed; their journal is not this one.
    if is_migrated(database):
        with database.writing(actor) as session:
            size, rows = made.file.stat().st_size, made.manifest.rows
            note_deed(session, AuditAction.BACKUP, "backups", None, made_at=now.isoformat(), rows=rows, bytes=size)
    removed = prune(settings, now=now) if verify and out is None else ()
    return BackupMade(made.file, made.manifest, verify, removed)


def create_file(
    database: Database, settings: Settings, *, now: datetime, out: Path | None = None, label: str = ""
) -> BackupMade:
    """Only the file. One of its final name is whole, and was restored for a trial unless the label says "unverified"."""
    is_verified = label != "unverified"
    with scratch_folder(settings) as folder:
        target = _target(settings, out, file_name(now, label))
        draft = target.with_name(f".{target.name}.part")
        try:
            manifest = _write(database, settings, draft, folder, now)
            if is_verified:
                _try_out(settings, draft, folder)
            os.replace(draft, target)
            sqlite.sync_folder(target.parent)
        finally:
            draft.unlink(missing_ok=True)
    return BackupMade(target, manifest, is_verified)


def _write(database: Database, settings: Settings, draft: Path, folder: Path, now: datetime) -> Manifest:
    with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        writer = Writer(file, load_keys(settings.key_path, create=False).backup)
        if database.is_sqlite:
            contents, server = sqlite.write(database, settings, writer, folder)
        else:
            contents, server = postgres.write(database, settings, writer)
        for path in sorted(path for path in settings.media_dir.rglob("*") if path.is_file()):
            with path.open("rb") as source:
                writer.add(_MEDIA + path.relative_to(settings.media_dir).as_posix(), source)
        manifest = Manifest(
            made_at=now,
            program=version("rouge"),
            database=database.engine.dialect.name,
            server=server,
            revision=contents.revision,
            shop_name=contents.shop_name,
            counts=contents.counts,
            parts=tuple(writer.parts),
            head_id=contents.head.entry_id if contents.head else None,
            head_seal=contents.head.seal.hex() if contents.head else None,
        )
        writer.finish(manifest)
    return manifest


def _try_out(settings: Settings, draft: Path, folder: Path) -> None:
    try:
        with unpacked(settings, draft, folder):
            pass
    except BackupUnusable as trouble:
        raise BackupNotMade(reason=trouble.say(gettext)) from trouble


def _target(settings: Settings, out: Path | None, name: str) -> Path:
    """Where the backup goes: never over another file."""
    if out is not None and not out.is_dir():
        if out.exists():
            raise FileExistsError(out)
        return out
    folder = out or settings.backups_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BackupFolderTaken(folder=str(folder)) from None
    except PermissionError:
        raise BackupFolderShut(folder=str(folder)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BackupFolderShut(folder=str(folder))
    path, number = folder / name, 1
    while path.exists():  # two within a second
        number += 1
        path = folder / f"{name.removesuffix('.backup')}.{number}.backup"
    return path


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """A folder beside the database for what is only needed now. One backup or restore at a time: what an earlier one left
    because it was killed goes away."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.data_dir / _TURN).open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for left_over in settings.data_dir.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        for left_over in settings.backups_dir.glob(".*.part"):
            left_over.unlink(missing_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=settings.data_dir))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


# ── Trying out ────────────────────────────────────────────────────────────────────────────────────────────────────────


def verify_backup(settings: Settings, path: Path) -> Manifest:
    """Read every byte of a backup and restore it for a trial; the shop itself is not touched. Raises BackupUnusable."""
    with scratch_folder(settings) as folder, unpacked(settings, path, folder) as (manifest, _):
        return manifest


def read_manifest(settings: Settings, path: Path) -> Manifest:
    """What a backup says about itself, authenticated; its parts are not read. Raises BackupUnusable."""
    return open_backup(path, load_keys(settings.key_path, create=False).backup).manifest


@contextmanager
def unpacked(settings: Settings, path: Path, folder: Path) -> Iterator[tuple[Manifest, Settings]]:
    """A backup restored beside the shop, checked against its own manifest, its tables brought up to date; with the
    settings that open it. Its pictures lie in `folder`. Raises BackupUnusable."""
    reader = open_backup(path, load_keys(settings.key_path, create=False).backup)
    _check_kind(settings, reader)
    with ExitStack() as stack:
        made: Settings | None = None
        for part, content in reader.parts():
            if part.name == sqlite.PART:
                made = stack.enter_context(sqlite.scratch(settings, folder, content))
            elif part.name == postgres.PART:
                made = stack.enter_context(_restored(settings, path, content, reader.manifest.server))
            else:
                _lay_down(reader, folder, part.name, content)
        if made is None:
            raise BackupDamaged(file=str(path), reason=gettext(_NO_DATABASE))
        _check(made, reader)
        yield reader.manifest, made


def _check_kind(settings: Settings, reader: Reader) -> None:
    manifest, ours = reader.manifest, "postgresql" if settings.database_url else "sqlite"
    if manifest.database != ours:
        raise BackupOfAnotherDatabase(file=str(reader.path), theirs=manifest.database, ours=ours)
    if not knows_revision(manifest.revision):
        raise BackupNewer(file=str(reader.path), revision=manifest.revision)


@contextmanager
def _restored(settings: Settings, path: Path, content: Iterator[bytes], server: str) -> Iterator[Settings]:
    with ExitStack() as stack:
        try:
            made = stack.enter_context(postgres.scratch(settings, content, server))
        except BackupNotMade as trouble:
            if type(trouble) is not BackupNotMade:
                raise
            reason = gettext(_NOT_RESTORABLE).format(reason=trouble.values["reason"])
            raise BackupDamaged(file=str(path), reason=reason) from trouble
        yield made


def _lay_down(reader: Reader, folder: Path, name: str, content: Iterator[bytes]) -> None:
    target = (folder / name).resolve()
    if not name.startswith(_MEDIA) or not target.is_relative_to(folder.resolve()):
        raise BackupDamaged(file=str(reader.path), reason=gettext(_STRANGE_PART).format(part=name))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("wb") as file:
        for block in content:
            file.write(block)


def _check(made: Settings, reader: Reader) -> None:
    """The copy is whole, has the rows the manifest names, and its journal ends as it did."""
    database = open_database(made)
    try:
        with database.reading() as session:
            fault = sqlite.fault_in(session) if database.is_sqlite else None
            fault = fault or _differences(contents_of(session), reader.manifest)
        if fault is None:
            if not is_migrated(database):
                migrate(database, made)
            fault = _fault_in_journal(database, reader.manifest)
    finally:
        database.engine.dispose()
    if fault:
        raise BackupDamaged(file=str(reader.path), reason=fault)


def _differences(found: Contents, manifest: Manifest) -> str | None:
    for table in sorted(found.counts.keys() | manifest.counts.keys()):
        if found.counts.get(table) != manifest.counts.get(table):
            return gettext(_COUNTS_DIFFER).format(table=table)
    return None


def _fault_in_journal(database: Database, manifest: Manifest) -> str | None:
    with database.reading() as session:
        verdict = verify_chain(session)
    if not verdict.is_whole:
        return gettext(_JOURNAL_BROKEN).format(entry=verdict.broken_id)
    head = (verdict.head.entry_id, verdict.head.seal.hex()) if verdict.head else (None, None)
    return None if head == (manifest.head_id, manifest.head_seal) else gettext(_JOURNAL_SHORT)


# ── What is there ─────────────────────────────────────────────────────────────────────────────────────────────────────


def list_backups(settings: Settings) -> list[Listed]:
    """The backups in the shop's folder, newest first. Their manifests are read, not their contents."""
    return list(_newest_first(settings))


def _newest_first(settings: Settings) -> Iterator[Listed]:
    key = load_keys(settings.key_path, create=False).backup
    paths = [path for path in settings.backups_dir.glob("*.backup") if path.is_file()]
    names = [(name.made_at, path.name, path, name) for path in paths if (name := name_of(path.name))]
    for _, _, path, name in sorted(names, key=lambda found: found[:2], reverse=True):
        size, manifest, trouble = 0, None, ""
        try:
            size = path.stat().st_size
            manifest = open_backup(path, key).manifest
        except FileNotFoundError:  # it went while we looked
            continue
        except BackupUnusable as refusal:
            trouble = refusal.say(gettext)
        except OSError as error:
            trouble = error.strerror or type(error).__name__
        yield Listed(path, name, size, manifest, trouble)


def last_good_backup(settings: Settings, *, now: datetime) -> Listed | None:
    """The newest backup that counts. One from the future tells of a clock that was wrong, and nothing about the shop."""
    return next((one for one in _newest_first(settings) if one.counts and one.name.made_at <= now), None)


def last_backup_at(settings: Settings, session: Session, *, now: datetime) -> datetime | None:
    """When the newest backup that counts was made: by the file that is there. With PostgreSQL another machine may have
    made it, and the database knows."""
    here = last_good_backup(settings, now=now)
    noted = last_done(session, JobKind.BACKUP, until=now) if settings.database_url else None
    return max((moment for moment in (here and here.name.made_at, noted) if moment), default=None)


def prune(settings: Settings, *, now: datetime) -> tuple[Path, ...]:
    """Delete backups that are no longer needed; the newest good ones always stay, and so does whatever was never tried
    out or cannot be read. Returns what is gone. The files themselves bear witness that it is as late as `now` says."""
    good = [listed for listed in list_backups(settings) if listed.is_good]
    if not good:
        return ()
    written_at = max(datetime.fromtimestamp(listed.file.stat().st_mtime, UTC) for listed in good)
    now, moments = min(now, written_at), [listed.name.made_at for listed in good if listed.counts]
    old, since = superseded(moments, now=now, zone=settings.zone), kept_since(moments, now=now)
    gone = tuple(
        listed.file
        for listed in good
        if (listed.name.made_at in old if listed.counts else since and listed.name.made_at < since)
    )
    for path in gone:
        path.unlink(missing_ok=True)
    return gone
