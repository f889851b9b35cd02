"""The journal's seals: each entry is sealed over the one before it, so that nothing in it can be changed, taken out, put
in or put elsewhere without the shop's key. Source: RFC 2104 (HMAC)."""

import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

NO_SEAL = b""
"""What the first entry of all is sealed over."""


@dataclass(frozen=True)
class Record:
    """What an entry says. Its number is not part of it: entries are told apart by their order."""

    at: datetime
    staff_id: int | None
    actor: str
    action: str
    subject: str
    subject_id: int | None
    changes: str


def seal(key: bytes, before: bytes, record: Record) -> bytes:
    """The seal (32 bytes) of an entry that stands after the one sealed `before`."""
    told = (
        record.at.astimezone(UTC).isoformat(timespec="microseconds"),
        record.staff_id,
        record.actor,
        record.action,
        record.subject,
        record.subject_id,
        record.changes,
    )
    canonical = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
    return hmac.digest(key, before + b"\0" + canonical.encode("ascii"), "sha256")


def fits(stored: bytes | None, expected: bytes, *, is_after_sealed: bool) -> bool:
    """Whether an entry bears the seal it must. Entries older than seals have none and stand before the first sealed
    one, which vouches for them."""
    if stored is None:
        return not is_after_sealed
    return hmac.compare_digest(stored, expected)
