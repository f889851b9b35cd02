"""Files people upload, while they wait to be imported. Customers are in them, so they never lie on the disk in the open:
each is sealed piece by piece as it comes, and read back at any place without ever being whole in memory.

    magic, salt                      in the open, part of what is authenticated
    pieces of 64 KiB                 each AES-256-GCM; the nonce is the piece's number, and 1 for the last

The key of a file is derived from the shop's upload key and the file's salt. A piece that was changed, moved or cut off
does not open (STREAM, as in the backups).
"""

import hashlib
import io
import os
import re
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.keys import current_keys
from app.rules.uploads import UploadTooLarge
from app.settings import Settings

PIECE = 64 * 1024
_TAG = 16
_MAGIC = b"ROUGE UPLOAD 1\n"
_HEADER = len(_MAGIC) + 32
_KEY = re.compile(r"[0-9a-f]{32}")
_ORPHAN_SECONDS = 24 * 3600
"""A file no record speaks of may be one that is coming in just now; after a day it is a leftover."""


def _cipher(salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=b"rouge upload file").derive(current_keys().upload))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def upload_path(settings: Settings, key: str) -> Path:
    """Where an upload lies. Raises FileNotFoundError for what can be no key: it is part of a path."""
    if not _KEY.fullmatch(key):
        raise FileNotFoundError(key)
    return settings.uploads_dir / key


class Arriving(io.RawIOBase):
    """A file that is coming in: written to, then `finish`ed or `drop`ped. `sha256` and `size` are of what was written.
    Raises UploadTooLarge while it is written."""

    def __init__(self, settings: Settings) -> None:
        self.key = secrets.token_hex(16)
        self.size = 0
        self._limit_mb = settings.upload_limit_mb
        self._path = upload_path(settings, self.key)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = secrets.token_bytes(32)
        self._header, self._cipher = _MAGIC + salt, _cipher(salt)
        self._number, self._waiting, self._digest = 0, bytearray(), hashlib.sha256()
        self._file: IO[bytes] = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._file.write(self._header)

    @property
    def sha256(self) -> str:
        """The fingerprint of what was written."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, block: Any) -> int:
        """Seal a block more. Raises UploadTooLarge."""
        self.size += len(block)
        if self.size > self._limit_mb * 1_000_000:
            raise UploadTooLarge("file", limit=self._limit_mb)
        self._digest.update(block)
        self._waiting += block
        # One piece is always kept back: the last has a mark of its own.
        while len(self._waiting) > PIECE:
            self._seal(bytes(self._waiting[:PIECE]), is_last=False)
            del self._waiting[:PIECE]
        return len(block)

    def finish(self) -> None:
        """Whole, and on the disk when this returns."""
        self._seal(bytes(self._waiting), is_last=True)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def drop(self) -> None:
        """It came to nothing."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), piece, self._header))
        self._number += 1


class _Opened(io.RawIOBase):
    """A sealed file read as if it were in the open. Raises OSError where it was changed or cut off."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("rb")
        self._header = self._file.read(_HEADER)
        body = path.stat().st_size - _HEADER
        self._pieces = -(-body // (PIECE + _TAG))
        self._size = body - self._pieces * _TAG
        self._at, self._held = 0, (-1, b"")
        if not self._header.startswith(_MAGIC) or self._pieces < 1:
            self.close()
            raise OSError("not an upload of ours")
        self._cipher = _cipher(self._header[len(_MAGIC) :])
        self._piece(self._pieces - 1)  # whatever was cut off at the end is noticed before the first row is read

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To any place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As much as one piece gives."""
        if self._at >= self._size:
            return 0
        number, place = divmod(self._at, PIECE)
        block = self._piece(number)[place : place + len(buffer)]
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(_HEADER + number * (PIECE + _TAG))
            sealed = self._file.read(PIECE + _TAG)
            try:
                nonce = _nonce(number, is_last=number == self._pieces - 1)
                self._held = (number, self._cipher.decrypt(nonce, sealed, self._header))
            except InvalidTag:
                raise OSError("the upload was changed or cut off") from None
        return self._held[1]


@dataclass(frozen=True)
class Upload:
    """An upload that waits, as `gateways.spreadsheets` reads a file. `name` is what the person calls it."""

    path: Path
    name: str

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Its bytes in the open, in memory only. Raises OSError."""
        return io.BufferedReader(_Opened(self.path), PIECE)


def upload(settings: Settings, key: str, name: str) -> Upload:
    """The upload with this key. Raises FileNotFoundError for what can be none."""
    return Upload(upload_path(settings, key), name)


def bytes_of(settings: Settings, key: str) -> int:
    """How large an upload is, more or less; 0 where it is gone."""
    with suppress(OSError):
        return upload_path(settings, key).stat().st_size
    return 0


def drop_upload(settings: Settings, key: str) -> None:
    """Throw an upload away; one that is gone already is gone."""
    with suppress(OSError):
        upload_path(settings, key).unlink()


def drop_orphans(settings: Settings, wanted: Collection[str]) -> int:
    """Throw away what no record speaks of and is older than a day: a process may have died between the record and its
    file. How many went."""
    gone, before = 0, time.time() - _ORPHAN_SECONDS
    for path in settings.uploads_dir.glob("*"):
        if path.name not in wanted and path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            gone += 1
    return gone
