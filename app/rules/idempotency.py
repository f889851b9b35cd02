"""The same request twice does its work once: what a key may look like, how long an answer is kept, and what is said when
a key comes back with something else.

Source: docs.stripe.com/api/idempotent_requests.
"""

from dataclasses import dataclass
from datetime import timedelta

from app.rules.refusals import RuleBroken, words

KEPT_FOR = timedelta(hours=48)
"""The contract promises 24 hours; the day after, somebody still goes back to yesterday's page."""
KEY_MAX = 255


class KeyUnusable(RuleBroken):
    """No key at all, or one nobody could repeat."""

    code = "key_unusable"
    message = words("Idempotency-Key 要 1 到 255 个看得见的英文字符。")
    status = 400


class KeyUsedForOther(RuleBroken):
    """The same key with another body: which of the two is meant, nobody knows. Nothing is done."""

    code = "key_used_for_other"
    message = words(
        "这一页刚才已经保存过一次，这次填的和那次不一样，所以还没有保存。请先看看记录；确实要再存，就再点一次保存。"
    )


@dataclass(frozen=True)
class Keyed:
    """A request that names itself. `scope`: whose the key is, for two people may choose the same; `body`: a keyed
    fingerprint of what is asked and where."""

    scope: str
    key: str
    body: bytes


@dataclass(frozen=True)
class Kept:
    """What was answered. `answer` in whatever form its page keeps it; it lies encrypted."""

    status: int
    answer: str


def usable_key(key: str) -> str:
    """A key as it may be kept. Raises KeyUnusable."""
    if not (0 < len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
        raise KeyUnusable
    return key
