"""What the machine offers: fonts, disk, kind of file system, the way to the CDN. Asked, never changed."""

import base64
import hashlib
import re
import shutil
import smtplib
import subprocess
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs", "fuse.sshfs",
     "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.davfs", "davfs", "vboxsf", "prl_fs"}
)  # fmt: skip
"""Where SQLite's locks or fsync do not hold: two programs may write at once, a power cut may lose answers."""


def chinese_font() -> str | None:
    """The family of a font with Chinese glyphs; None when there is none, and PDFs would show boxes."""
    command = shutil.which("fc-list")
    if command is None:
        return None
    try:
        found = subprocess.run(  # noqa: S603  fixed arguments
            [command, ":lang=zh", "family"], capture_output=True, text=True, timeout=10, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    families = sorted(line.split(",")[0].strip() for line in found.stdout.splitlines() if line.strip())
    return families[0] if families else None


def file_system_of(path: Path) -> str:
    """The kind of file system a path lies on ("ext4", "nfs4" …), empty where the system does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place, best, kind = str(_existing(path)), "", ""
    for line in mounts:
        head, _, tail = line.partition(" - ")
        point = re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), head.split()[4])
        inside = point == "/" or place == point or place.startswith(f"{point}/")
        # A later mount on the same point lies over the earlier one.
        if inside and len(point) >= len(best):
            best, kind = point, tail.split()[0]
    return kind


def free_bytes(path: Path) -> int:
    """Bytes left on the disk a path lies on."""
    return shutil.disk_usage(_existing(path)).free


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    path = path.resolve()
    while not path.exists():
        path = path.parent
    return path


def ask_mail(url: str, *, timeout: float = 5.0) -> str | None:
    """Why the mail server cannot be used, in its own words or the system's; None when it lets us in. Nothing is sent."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(parts.hostname or "", parts.port or 465, timeout=timeout)
        else:
            server = smtplib.SMTP(parts.hostname or "", parts.port or 587, timeout=timeout)
        with server:
            server.ehlo()
            if parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls()
                server.ehlo()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code}"
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return None


@dataclass(frozen=True)
class CdnAnswer:
    """What the CDN said: whether the file is the pinned one, and how far this machine's clock is from the CDN's."""

    is_pinned: bool
    clock_off_seconds: int | None


def ask_cdn(url: str, integrity: str, *, timeout: float = 3.0) -> CdnAnswer | None:
    """Fetch the htmx file as a browser would; None when it does not come in time."""
    if not url.startswith(("https://", "http://")):
        return None
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310  http(s) only, checked above
            body = answer.read(2_000_000)
            date = answer.headers.get("Date")
    except OSError:
        return None
    kind, _, digest = integrity.partition("-")
    is_pinned = not integrity or (
        kind in {"sha256", "sha384", "sha512"} and base64.b64encode(hashlib.new(kind, body).digest()).decode() == digest
    )
    off = int((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) if date else None
    return CdnAnswer(is_pinned, off)
