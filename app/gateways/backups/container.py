"""A backup as one sealed file.

    magic, format, key number, salt         in the open, part of what is authenticated
    parts, one after another                in chunks of 1 MiB, each AES-256-GCM
    manifest                                the same, as the last chunk
    length of the sealed manifest           4 bytes

The key of a file is derived from the shop's backup key and the file's salt, so a nonce is a mere counter: the number of
the chunk, and 1 for the last. A chunk that was changed, moved, left out, put in, or taken from another file does not
open, nor does the rest of a file that was cut off or added to. (The construction is STREAM, Hoang et al. 2015.)
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.i18n import gettext
from app.rules.backups import (
    FORMAT,
    BackupDamaged,
    BackupOfAnotherFormat,
    BackupOfAnotherKey,
    Manifest,
    NotABackup,
    Part,
)
from app.rules.refusals import words

CHUNK = 1024 * 1024
_TAG = 16
_MAGIC = b"ROUGE BACKUP\n"
_FORMAT_END = len(_MAGIC) + 2
_KEY_END = _FORMAT_END + 8
_HEADER = _KEY_END + 32
_LENGTH = 4
_LARGEST_MANIFEST = 64 * CHUNK
_TOO_SHORT = words("长度不对")
_CHANGED = words("第 {chunk} 段对不上")
_UNREADABLE = words("清单读不出来")
_PART_DIFFERS = words("{part} 与清单不符")


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=salt, info=b"rouge backup file").derive(key))


def _key_number(key: bytes) -> bytes:
    """Which key a file needs, so that a wrong one can be told from a damage."""
    return hmac.new(key, b"key number", hashlib.sha256).digest()[:8]


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


# ── Writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Writer:
    """Writes the parts, then the manifest, into a file that was opened for writing."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        salt = secrets.token_bytes(32)
        self._file, self._cipher = file, _cipher(key, salt)
        self._header = _MAGIC + FORMAT.to_bytes(2, "big") + _key_number(key) + salt
        self._number, self._waiting = 0, bytearray()
        self.parts: list[Part] = []
        file.write(self._header)

    def add(self, name: str, source: IO[bytes]) -> None:
        """A part, read to its end."""
        digest, length = hashlib.sha256(), 0
        while block := source.read(CHUNK):
            digest.update(block)
            length += len(block)
            self._waiting += block
            while len(self._waiting) >= CHUNK:
                self._seal(bytes(self._waiting[:CHUNK]))
                del self._waiting[:CHUNK]
        self.parts.append(Part(name, length, digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """The end; on the disk when this returns."""
        if self._waiting:
            self._seal(bytes(self._waiting))
        nonce = _nonce(self._number, is_last=True)
        sealed = self._cipher.encrypt(nonce, manifest.to_json(), self._header)
        self._file.write(sealed + len(sealed).to_bytes(_LENGTH, "big"))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _seal(self, chunk: bytes) -> None:
        nonce = _nonce(self._number, is_last=False)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._number += 1


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reader:
    """An opened backup whose manifest is authenticated; its parts are while they are read."""

    path: Path
    manifest: Manifest
    _cipher: AESGCM
    _header: bytes
    _body: int

    def chunks(self) -> Iterator[bytes]:
        """The parts' bytes in order. Raises BackupDamaged at the first chunk that is not as it was written."""
        with self.path.open("rb") as file:
            file.seek(_HEADER)
            for number in range(_chunks_in(self._body)):
                sealed = file.read(min(CHUNK + _TAG, self._body - number * (CHUNK + _TAG)))
                try:
                    yield self._cipher.decrypt(_nonce(number, is_last=False), sealed, self._header)
                except InvalidTag:
                    raise _damaged(self.path, gettext(_CHANGED).format(chunk=number + 1)) from None

    def parts(self) -> Iterator[tuple[Part, Iterator[bytes]]]:
        """Every part with its bytes, each to be read to its end before the next. Raises BackupDamaged."""
        waiting, chunks = b"", self.chunks()

        def take(part: Part) -> Iterator[bytes]:
            nonlocal waiting
            digest, missing = hashlib.sha256(), part.bytes
            while missing:
                waiting = waiting or next(chunks, b"")
                if not waiting:
                    break
                block, waiting = waiting[:missing], waiting[missing:]
                missing -= len(block)
                digest.update(block)
                yield block
            if missing or digest.hexdigest() != part.sha256:
                raise _damaged(self.path, gettext(_PART_DIFFERS).format(part=part.name))

        for part in self.manifest.parts:
            yield part, take(part)
        if waiting or next(chunks, b""):
            raise _damaged(self.path, gettext(_TOO_SHORT))


def open_backup(path: Path, key: bytes) -> Reader:
    """Read a backup's manifest. Raises BackupUnusable in words, and OSError where the file cannot be read."""
    if not path.is_file():
        raise NotABackup(file=str(path))
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = file.read(_HEADER)
        _check_header(path, header, key)
        if size < _HEADER + _LENGTH + _TAG:
            raise _damaged(path, gettext(_TOO_SHORT))
        file.seek(size - _LENGTH)
        length = int.from_bytes(file.read(_LENGTH), "big")
        body = size - _HEADER - _LENGTH - length
        if body < 0 or not _TAG <= length <= _LARGEST_MANIFEST:
            raise _damaged(path, gettext(_TOO_SHORT))
        file.seek(_HEADER + body)
        sealed = file.read(length)
    cipher = _cipher(key, header[_KEY_END:])
    try:
        text = cipher.decrypt(_nonce(_chunks_in(body), is_last=True), sealed, header)
        manifest = Manifest.from_json(text)
    except (InvalidTag, ValueError, TypeError, KeyError):
        raise _damaged(path, gettext(_UNREADABLE)) from None
    return Reader(path, manifest, cipher, header, body)


def _check_header(path: Path, header: bytes, key: bytes) -> None:
    if header[: len(_MAGIC)] != _MAGIC:
        raise NotABackup(file=str(path))
    if len(header) < _HEADER:
        raise _damaged(path, gettext(_TOO_SHORT))
    found = int.from_bytes(header[len(_MAGIC) : _FORMAT_END], "big")
    if found != FORMAT:
        raise BackupOfAnotherFormat(file=str(path), found=found, known=FORMAT)
    if not hmac.compare_digest(header[_FORMAT_END:_KEY_END], _key_number(key)):
        raise BackupOfAnotherKey(file=str(path))


def _chunks_in(body: int) -> int:
    return -(-body // (CHUNK + _TAG))


def _damaged(path: Path, reason: str) -> BackupDamaged:
    return BackupDamaged(file=str(path), reason=reason)
