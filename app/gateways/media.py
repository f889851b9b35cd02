"""Photos on the shop's disk: turned upright, shrunk, made anew without place, camera and time in them, and sealed.

magic, nonce                     in the open, part of what is authenticated
JPEG                             AES-256-GCM under the shop's media key, bound to the file's name
"""

import hashlib
import io
import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from PIL import Image, ImageOps, UnidentifiedImageError

from app.keys import current_keys
from app.rules.photos import (
    LARGEST_MB,
    LONGEST_SIDE,
    MOST_PIXELS,
    QUALITY,
    PhotoGone,
    PhotoMissing,
    PhotoTooLarge,
    PhotoUnreadable,
)
from app.settings import Settings

_MAGIC = b"ROUGE PHOTO 1\n"
_NONCE = 12
_KEY = re.compile(r"[0-9a-f]{32}")
_FORMATS = ("JPEG", "PNG", "WEBP")
_ORPHAN_SECONDS = 24 * 3600


@dataclass(frozen=True)
class TakenPhoto:
    """A photo that lies sealed on the disk. `sha256` is of the file as it lies there, sizes are in pixels."""

    file_key: str
    sha256: str
    width: int
    height: int


def take_photo(settings: Settings, brought: bytes) -> TakenPhoto:
    """Keep a photo somebody brought. Only the picture itself is kept: no EXIF, no name, nothing hidden behind it.

    Raises PhotoMissing, PhotoTooLarge, PhotoUnreadable, OSError (a full disk; then nothing is left behind).
    """
    if not brought:
        raise PhotoMissing("photo")
    if len(brought) > LARGEST_MB * 1_000_000:
        raise PhotoTooLarge("photo", limit=LARGEST_MB)
    jpeg, (width, height) = _made_anew(brought)
    key = secrets.token_hex(16)
    path = _path(settings, key)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    nonce = secrets.token_bytes(_NONCE)
    sealed = _MAGIC + nonce + AESGCM(current_keys().media).encrypt(nonce, jpeg, key.encode())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return TakenPhoto(key, hashlib.sha256(sealed).hexdigest(), width, height)


def photo_of(settings: Settings, key: str) -> bytes:
    """A kept photo as JPEG. Raises PhotoGone where the file is missing, damaged or another's."""
    try:
        sealed = _path(settings, key).read_bytes()
        body = sealed.removeprefix(_MAGIC)
        return AESGCM(current_keys().media).decrypt(body[:_NONCE], body[_NONCE:], key.encode())
    except (OSError, InvalidTag, ValueError):
        raise PhotoGone from None


def drop_photo(settings: Settings, key: str) -> None:
    """Throw a photo away; one that is gone is gone."""
    with suppress(OSError):
        _path(settings, key).unlink()


def drop_photo_orphans(settings: Settings, wanted: Collection[str]) -> int:
    """Throw away what no record speaks of and is older than a day: its record was refused, or taken away. How many went."""
    gone, before = 0, time.time() - _ORPHAN_SECONDS
    for path in _files(settings):
        if path.name not in wanted and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _files(settings: Settings) -> Iterator[Path]:
    return (path for path in settings.media_dir.glob("photos/*") if path.is_file())


def _path(settings: Settings, key: str) -> Path:
    """Where a photo lies. Raises FileNotFoundError for what can be no key: it is part of a path."""
    if not _KEY.fullmatch(key):
        raise FileNotFoundError(key)
    return settings.media_dir / "photos" / key


def _made_anew(brought: bytes) -> tuple[bytes, tuple[int, int]]:
    try:
        with Image.open(io.BytesIO(brought), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PhotoUnreadable("photo")
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PhotoUnreadable("photo") from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Copied into an empty picture: whatever came beside the pixels stays behind.
    bare = Image.new("RGB", upright.size)
    bare.paste(upright)
    jpeg = io.BytesIO()
    bare.save(jpeg, "JPEG", quality=QUALITY, optimize=True)
    return jpeg.getvalue(), bare.size
