"""Who works on the shop's data: any number of programs at once, or one restore alone. A lock on a file, which the
system lets go of when a program ends, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from app.rules.backups import RestoreIsRunning, ShopIsOpen
from app.settings import Settings

FILE = "in-use.lock"
_for_life: list[TextIO] = []


@contextmanager
def at_work(settings: Settings) -> Iterator[None]:
    """Work on the data; no restore begins meanwhile. Raises RestoreIsRunning."""
    lock = _take(settings, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def stay_at_work(settings: Settings) -> None:
    """The same until this process ends. Raises RestoreIsRunning."""
    lock = _take(settings, fcntl.LOCK_SH)
    if lock is not None:
        _for_life.append(lock)


@contextmanager
def alone(settings: Settings, how: str) -> Iterator[None]:
    """Nobody else works on the data, and nobody begins to. `how` says how to close the shop. Raises ShopIsOpen."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = _take(settings, fcntl.LOCK_EX)
    except RestoreIsRunning:
        raise ShopIsOpen(how=how) from None
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _take(settings: Settings, kind: int) -> TextIO | None:
    """The lock, or None where no shop is yet, or where nobody may write, so that nobody can restore either. Raises
    RestoreIsRunning when it is held against this."""
    lock = None
    if not settings.key_path.exists():
        return None
    with suppress(OSError):
        lock = (settings.data_dir / FILE).open("a", encoding="ascii")
    if lock is None:
        return None
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RestoreIsRunning from None
    return lock
