"""Password hashes (argon2id). Slow and hungry for memory on purpose: always outside a unit of work, two at a time."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError

from app.rules.refusals import RuleBroken, words

_hashing = PasswordHash.recommended()
_AT_ONCE = BoundedSemaphore(2)  # 64 MiB each
_IN_LINE = BoundedSemaphore(8)  # the rest is turned away at once: waiting threads are what pages are made with

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read wrongly aloud


class SignInBusy(RuleBroken):
    """More people sign in at this moment than the machine can check."""

    code = "sign_in_busy"
    message = words("现在登录的人太多，请等几秒再试。")
    status = 429


@contextmanager
def _turn() -> Iterator[None]:
    if not _IN_LINE.acquire(blocking=False):
        raise SignInBusy
    try:
        with _AT_ONCE:
            yield
    finally:
        _IN_LINE.release()


def hash_password(password: str) -> str:
    """What is kept of a password. Raises SignInBusy."""
    with _turn():
        return _hashing.hash(password)


def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is right, and a fresh hash where the kept one is of an older strength.

    `password_hash` None stands for an unknown login: the same work is done, so that the time tells nothing.
    Raises SignInBusy.
    """
    with _turn():
        if password_hash is None:
            _hashing.verify(password, _nobodys_hash())
            return False, None
        try:
            return _hashing.verify_and_update(password, password_hash)
        except PwdlibError:  # not a hash at all: an account nobody can sign in to
            return False, None


@cache
def _nobodys_hash() -> str:
    return _hashing.hash(secrets.token_urlsafe(16))


def new_password() -> str:
    """A password for somebody else, easy to read aloud: four groups of four, 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
