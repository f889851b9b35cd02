"""Putting a backup in the place of the shop's data: prepared and checked beside it, exchanged in one step."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import inspect, make_url
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from app.audit import Actor
from app.db import open_database
from app.gateways.backups import create_file, postgres, read_manifest, scratch_folder, sqlite, unpacked
from app.gateways.machine import free_bytes
from app.gateways.presence import alone
from app.keys import KeyTrouble
from app.rules.backups import HOW_TO_CLOSE, BackupNotMade, Manifest, NoRoomToRestore, ShopIsOpen
from app.rules.refusals import RuleBroken
from app.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What is in the shop now. `safety` is where the state before lies: a backup, a damaged file, the name of a database;
    empty where there was nothing."""

    manifest: Manifest
    safety: str


def restore_backup(
    settings: Settings,
    path: Path,
    *,
    now: datetime,
    agree: Callable[[Manifest], None],
    finish: Callable[[Session, Manifest], None],
    actor: Actor,
) -> Restored:
    """Put a backup in the place of the shop's data. `agree` is asked before anything is done and may raise; `finish` does
    in the restored database what belongs to a restore. Until the exchange nothing of the shop changes.

    Raises ShopIsOpen, BackupUnusable, NoRoomToRestore, KeyTrouble, OSError.
    """
    with alone(settings, HOW_TO_CLOSE):
        manifest = read_manifest(settings, path)
        _check_room(settings, manifest)
        agree(manifest)
        before, aside = _keep_state(settings, now=now), _aside(settings, now)
        try:
            manifest = _put_back(settings, path, finish, actor, aside)
        except BaseException:
            # Nothing was exchanged, so nothing needs it.
            if before.file:
                before.file.unlink(missing_ok=True)
            raise
        if settings.database_url and not before.is_damaged:
            postgres.drop(settings, aside)
    return Restored(manifest, str(before.file or (aside if before.is_damaged else "")))


def _put_back(
    settings: Settings, path: Path, finish: Callable[[Session, Manifest], None], actor: Actor, aside: str
) -> Manifest:
    with scratch_folder(settings) as folder, unpacked(settings, path, folder) as (manifest, made):
        database = open_database(made)
        try:
            with database.writing(actor) as session:
                finish(session, manifest)
        finally:
            database.engine.dispose()
        _lay_out_media(folder, settings)
        if settings.database_url:
            postgres.swap_in(settings, made, aside)
        else:
            sqlite.swap_in(settings, made)
    return manifest


def _aside(settings: Settings, now: datetime) -> str:
    """What a PostgreSQL database is called that another one took the place of."""
    name = make_url(settings.database_url).database if settings.database_url else ""
    return f"{(name or '')[: postgres.LONGEST_NAME]}_before_{now:%Y%m%dt%H%M%S}"


# ── What is there before ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Kept:
    """What is kept of the state before: a backup, a second name of the damaged file, or, of a damaged PostgreSQL, the
    database itself under another name. Nothing where nothing was."""

    file: Path | None = None
    is_damaged: bool = False


def _keep_state(settings: Settings, *, now: datetime) -> _Kept:
    """Keep the shop as it is. Raises ShopIsOpen, OSError (a full disk)."""
    if not settings.database_url and not settings.sqlite_path.exists():
        return _Kept()
    try:
        database = open_database(settings)
    except (KeyTrouble, DatabaseError) as trouble:
        if settings.database_url or not sqlite.is_damage(trouble):
            raise
        return _Kept(sqlite.keep_damaged(settings), is_damaged=True)
    try:
        if settings.database_url and postgres.others_connected(database):
            raise ShopIsOpen(how=HOW_TO_CLOSE)  # programs on other machines hold no lock here
        if not inspect(database.engine).get_table_names():
            return _Kept()
        return _Kept(create_file(database, settings, now=now, label="before-restore").file)
    except Exception as trouble:
        if not _is_damage(trouble, settings):
            raise
        return _Kept(None if settings.database_url else sqlite.keep_damaged(settings), is_damaged=True)
    finally:
        database.engine.dispose()


def _is_damage(trouble: Exception, settings: Settings) -> bool:
    """Whether the database itself is at fault, not a full disk, a busy server, or somebody who is in it."""
    if isinstance(trouble, RuleBroken):
        return type(trouble) is BackupNotMade
    return not settings.database_url and sqlite.is_damage(trouble)


def _check_room(settings: Settings, manifest: Manifest) -> None:
    """The state before is copied, sealed and tried out, then lies beside the unpacked backup. A PostgreSQL lies elsewhere.
    Raises NoRoomToRestore."""
    there = 0 if settings.database_url or not settings.sqlite_path.exists() else settings.sqlite_path.stat().st_size
    pictures = sum(path.stat().st_size for path in settings.media_dir.rglob("*") if path.is_file()) if there else 0
    unpacked_bytes = sum(part.bytes for part in manifest.parts)
    need = max(3 * there + 2 * pictures, there + pictures + unpacked_bytes) + MIB
    free = free_bytes(settings.data_dir)
    if free < need:
        folder = str(settings.data_dir)
        raise NoRoomToRestore(need=f"{-(-need // MIB):,}", free=f"{free // MIB:,}", folder=folder)


def _lay_out_media(folder: Path, settings: Settings) -> None:
    """The backup's pictures beside those that are there: a picture never changes under its name."""
    source = folder / "media"
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        target = settings.media_dir / path.relative_to(source)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copyfile(path, draft := target.with_name(f".{target.name}.part"))
        os.replace(draft, target)
