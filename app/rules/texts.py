"""Free text as people type it: emoji and rare characters stay, what no database or screen can hold goes."""

import re

_UNUSABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str) -> str:
    """The text without control characters and halves of surrogate pairs, line ends as \\n, trimmed. PostgreSQL refuses
    NUL, and neither database takes a lone surrogate."""
    return _UNUSABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
