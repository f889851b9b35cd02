"""What an unguessable address looks like, and the fingerprint it is found by."""

import hashlib
import re

TOKEN_BYTES = 24
"""192 random bits, 32 characters in an address. Source: OWASP ASVS 5, 7.2.3 asks for 128."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]{32}")
_SCANNED = re.compile(r"(?:.*/card/)?([A-Za-z0-9_-]{32})(?:\.png|\.pdf)?(?:[?#].*)?")


def well_formed(token: str) -> bool:
    """Whether this can be a token at all: a cut-off or padded address is not looked up."""
    return _SHAPE.fullmatch(token) is not None


def scanned_token(text: str) -> str:
    """The token of a card in what a scanner typed: the address in its QR, or the token by itself. Empty for anything
    else."""
    found = _SCANNED.fullmatch(text.strip())
    return found.group(1) if found else ""


def fingerprint(token: str) -> bytes:
    """What the database finds a token by. A copy of the table opens nothing: 192 random bits cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()
