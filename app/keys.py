"""The shop's keys: one master key in a file only its owner reads, every other key derived from it."""

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_HEADER = "rouge-master-key-1:"
_NONCE = 12


class KeyTrouble(Exception):
    """The key file is missing, unreadable or not the one the data was written with. `code` names which."""

    def __init__(self, code: str, path: Path) -> None:
        super().__init__(f"{code}: {path}")
        self.code, self.path = code, path


@dataclass(frozen=True)
class KeyRing:
    """The derived keys. `database` opens the file, `field` the dangerous columns, `blind` finds them unseen, `session`
    signs what a browser keeps, `journal` seals the entries of the journal, `backup` the backup files, `upload` the files
    that wait to be imported, `media` the photos."""

    database: bytes
    field: bytes
    blind: bytes
    session: bytes
    journal: bytes
    backup: bytes
    upload: bytes
    media: bytes

    @classmethod
    def from_master(cls, master: bytes) -> "KeyRing":
        """Derive all keys from the 32-byte master key (HKDF-SHA256, RFC 5869)."""

        def derived(purpose: str) -> bytes:
            return HKDF(SHA256(), 32, salt=b"rouge", info=purpose.encode()).derive(master)

        return cls(*map(derived, ("database", "field", "blind", "session", "journal", "backup", "upload", "media")))

    def seal(self, text: str, place: str) -> bytes:
        """Encrypt a field (AES-256-GCM). `place` is "table.column": a value moved elsewhere does not open."""
        nonce = secrets.token_bytes(_NONCE)
        return b"\x01" + nonce + AESGCM(self.field).encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt a field written by `seal`. Raises InvalidTag when the key or the place is another."""
        if sealed[:1] != b"\x01":
            raise InvalidTag
        nonce, body = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        return AESGCM(self.field).decrypt(nonce, body, place.encode()).decode()

    def blind_index(self, value: str, place: str) -> bytes:
        """A keyed fingerprint of a normalised value: equal values can be found, none can be read or guessed."""
        return _digest(self.blind, f"{place}\0{value}")


@lru_cache(maxsize=50_000)
def _digest(key: bytes, text: str) -> bytes:
    """An import asks for the same customers again and again."""
    return hmac.digest(key, text.encode(), "sha256")[:16]


def load_keys(path: Path, *, create: bool) -> KeyRing:
    """The key ring of this shop. With `create`, a missing file is made (0600). Raises KeyTrouble in words."""
    try:
        if create and not path.exists():
            _write_private(path, _HEADER + secrets.token_hex(32) + "\n")
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise KeyTrouble("key_file_missing", path) from None
    except (OSError, UnicodeDecodeError):
        raise KeyTrouble("key_file_unreadable", path) from None
    if not text.startswith(_HEADER):
        raise KeyTrouble("key_file_damaged", path)
    try:
        master = bytes.fromhex(text.removeprefix(_HEADER))
    except ValueError:
        raise KeyTrouble("key_file_damaged", path) from None
    if len(master) != 32:
        raise KeyTrouble("key_file_damaged", path)
    return KeyRing.from_master(master)


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    # A hard link appears whole or not at all: of two processes starting at once one makes the key, both read it.
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


_current: KeyRing | None = None


def use_keys(ring: KeyRing) -> None:
    """Make this ring the one encrypted columns use in this process."""
    global _current  # noqa: PLW0603  one key ring per process; columns have no other way to it
    _current = ring


def current_keys() -> KeyRing:
    """The ring encrypted columns use. Raises RuntimeError before `use_keys`."""
    if _current is None:
        raise RuntimeError("no key ring yet: app.db.open_database loads it")
    return _current
