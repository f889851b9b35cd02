"""A power cut, modelled: SQLite runs on a file system that forgets, at a random moment, everything written to a file
since its last sync. Our pragmas and our way of writing: groups of runs and answers, acknowledged after their commit.

What it does not model: a disk that says "synced" and lies. SQLCipher writes through the same calls; plain SQLite is
used here because only that can be given a file system of one's own.
"""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from app.db import PRAGMAS

_TABLES = """
CREATE TABLE response (id INTEGER PRIMARY KEY AUTOINCREMENT, submission_id TEXT UNIQUE, state TEXT);
CREATE TABLE answer (id INTEGER PRIMARY KEY AUTOINCREMENT, response_id INTEGER, question TEXT, value TEXT,
    UNIQUE (response_id, question));
"""


@dataclass(frozen=True)
class PowerCuts:
    """What became of the answers."""

    cuts: int
    acknowledged: int
    lost: int
    cuts_with_loss: int
    damaged: int
    syncs_per_commit: float


class _PowerCutError(Exception):
    """The lights go out."""


class _File:
    """What a file would have to be put back to: the bytes that were there before each write since its last sync."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.undo: list[tuple[int, bytes, int]] = []

    def as_on_disk(self, copy: Path) -> None:
        """What is left of the file after the power cut."""
        shutil.copyfile(self.path, copy)
        with copy.open("r+b") as file:
            for offset, before, size in reversed(self.undo):
                file.seek(offset)
                file.write(before)
                file.truncate(size)


class _Disk(apsw.VFS):
    """A file system whose power can be cut."""

    def __init__(self, name: str) -> None:
        self.name, self.files = name, dict[str, _File]()
        self.syncs, self.writes_left = 0, -1
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802  SQLite's own names
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _Watched(self, path, name, flags)


class _Watched(apsw.VFSFile):
    def __init__(self, disk: _Disk, path: str, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self.disk, self.file = disk, disk.files.setdefault(path, _File(Path(path)))

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802
        if self.disk.writes_left == 0:
            raise _PowerCutError
        self.disk.writes_left -= 1
        size = self.xFileSize()
        self.file.undo.append(
            (offset, self.xRead(min(len(content), size - offset), offset) if offset < size else b"", size)
        )
        super().xWrite(content, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        old = self.xFileSize()
        if size < old:
            self.file.undo.append((size, self.xRead(old - size, size), old))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.disk.syncs += 1
        super().xSync(flags)
        self.file.undo.clear()


def cut(folder: Path, *, times: int, at_least: int, synchronous: str = "FULL") -> PowerCuts:
    """Cut the power so often, each time after enough acknowledged answers that they make `at_least` in all."""
    found = [
        _one_cut(folder / f"{synchronous}{number}", number, at_least // times, synchronous) for number in range(times)
    ]
    acknowledged, lost, damaged, syncs, commits = (sum(column) for column in zip(*found, strict=True))
    with_loss = sum(1 for one in found if one[1])
    return PowerCuts(times, acknowledged, lost, with_loss, damaged, syncs / commits)


def _one_cut(folder: Path, number: int, at_least: int, synchronous: str) -> tuple[int, int, int, int, int]:
    folder.mkdir()
    disk, chance = _Disk(f"cut-{folder.name}"), random.Random(number)
    connection = _opened(folder / "shop.db", synchronous, vfs=disk.name)
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk.syncs, acknowledged, commits = 0, set[str](), 0
    try:
        while True:
            if len(acknowledged) >= at_least and disk.writes_left < 0:
                disk.writes_left = chance.randrange(400)
            group = [f"{chance.getrandbits(64):016x}" for _ in range(chance.randint(1, 12))]
            _keep(connection, group)
            acknowledged.update(group)
            commits += 1
    except _PowerCutError:
        pass
    after = folder / "after"
    after.mkdir()
    for file in disk.files.values():
        if file.path.exists():
            file.as_on_disk(after / file.path.name)
    disk.writes_left = -1
    connection.close()
    lost, is_damaged = _missing(after / "shop.db", acknowledged, synchronous)
    return len(acknowledged), lost, is_damaged, disk.syncs, commits


def _opened(path: Path, synchronous: str, *, vfs: str | None = None) -> apsw.Connection:
    connection = apsw.Connection(str(path), vfs=vfs) if vfs else apsw.Connection(str(path))
    # A file system in Python shares no memory: the index of the log lives in this process alone.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    return connection


def _keep(connection: apsw.Connection, group: list[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO response (submission_id, state) VALUES (?, 'partial')", [(run,) for run in group]
    )
    connection.executemany(
        "INSERT INTO answer (response_id, question, value) SELECT id, 'product', '5' FROM response WHERE submission_id = ?",
        [(run,) for run in group],
    )
    connection.execute("COMMIT")


def _missing(path: Path, acknowledged: set[str], synchronous: str) -> tuple[int, int]:
    connection = _opened(path, synchronous)
    query = "SELECT submission_id FROM response JOIN answer ON response_id = response.id"
    there = {run for (run,) in connection.execute(query)}
    is_damaged = connection.execute("PRAGMA integrity_check").fetchone() != ("ok",)
    connection.close()
    return len(acknowledged - there), int(is_damaged)
