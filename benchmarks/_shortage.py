"""A disk without room, and a database somebody else holds: what cannot be kept is refused in words and never thanked for,
and afterwards all goes on without a restart."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks._phones import Phones, lost_and_doubled, open_shop, plant_shop
from benchmarks._serving import free_port, rouge, serving

_DISK_MEGABYTES = 16
_PHONES = 8


@dataclass(frozen=True)
class Shortage:
    """What became of the answers: `acknowledged` in all, `meanwhile` during the shortage, `afterwards` after it."""

    acknowledged: int
    meanwhile: int
    refused: int
    afterwards: int
    lost: int
    doubled: int
    strange: list[str]


def can_mount() -> bool:
    """Whether this user may make a small disk."""
    return os.geteuid() == 0


def full_disk(folder: Path, *, seconds: float, lying: bool = False) -> Shortage:
    """A shop on a disk of a few megabytes that is filled up, and emptied again."""
    with _small_disk(folder / "disk") as disk:
        return _shortage(folder, disk / "data", _full(disk), seconds=seconds, lying=lying)


def held_database(folder: Path, *, seconds: float) -> Shortage:
    """A shop whose database another process holds for so long."""
    return _shortage(folder, folder / "data", _held(folder / "data"), seconds=seconds)


def _shortage(folder: Path, data: Path, trouble: "Iterator[None]", *, seconds: float, lying: bool = False) -> Shortage:
    slug, port = plant_shop(data), free_port()
    command, environment = rouge(data, port)
    if lying:
        command = [sys.executable, "-m", "benchmarks._liar"]
    phones = Phones(port, slug)
    with serving(command, environment, port, folder=folder):
        phones.start(_PHONES)
        _until_more(phones, 50)
        next(trouble)
        before = len(phones.acknowledged)
        time.sleep(seconds)
        meanwhile = len(phones.acknowledged) - before
        next(trouble, None)
        before = len(phones.acknowledged)
        _until_more(phones, 50)
        phones.stop()
    lost, doubled = lost_and_doubled(data, phones.acknowledged)
    afterwards = len(phones.acknowledged) - before
    return Shortage(len(phones.acknowledged), meanwhile, phones.refused, afterwards, lost, doubled, phones.strange)


def _until_more(phones: Phones, more: int) -> None:
    goal, deadline = len(phones.acknowledged) + more, time.monotonic() + 180
    while len(phones.acknowledged) < goal:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer for three minutes: {phones.strange[-3:]}, {phones.refused} refused")
        time.sleep(0.01)


@contextmanager
def _small_disk(place: Path) -> Iterator[Path]:
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m", "tmpfs"]
    subprocess.run(["mount", *options, str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _full(disk: Path) -> Iterator[None]:
    """First call: not a byte is free. Second: all of it again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    yield
    ballast.unlink()
    yield


def _held(data: Path) -> Iterator[None]:
    """First call: the database is locked. Second: it is free again."""
    database = open_shop(data)
    connection = database.engine.raw_connection()
    connection.cursor().execute("BEGIN EXCLUSIVE")
    yield
    connection.cursor().execute("ROLLBACK")
    connection.close()
    database.engine.dispose()
    yield
