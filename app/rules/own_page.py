"""A customer's own page: what opens it besides its address, and for how long.

The address is unguessable; what is asked besides protects a link that somebody else holds, on a lost phone or passed on.
Source: semantics 5.13.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.rules.refusals import NotFound, RuleBroken, words

OPEN_FOR = timedelta(minutes=30)
"""How long a page that was opened stays open on that phone."""
HISTORY_PAGE = 20
_DAY = re.compile(r"(\d{1,2})\D+(\d{1,2})\D*")


class Asked(StrEnum):
    """What is asked before the page opens."""

    LAST4 = "last4"
    BIRTHDAY = "birthday"
    NOTHING_KNOWN = "nothing_known"


class OwnPageUnknown(NotFound):
    """The same answer to an unknown, cut-off, replaced or expired address."""

    code = "own_page_unknown"
    message = words("没有找到这一页。可能已经换了新的链接，或者链接不完整：请到店里让店员再给您一次。")


class OwnPageShut(RuleBroken):
    """What was typed is not hers. How near it was is not said."""

    code = "own_page_shut"
    message = words("对不上，请再看一下。换过手机号的话，请到店里说一声。")


class OwnPageShutToday(RuleBroken):
    """Tried so often that it is no slip of the finger."""

    code = "own_page_shut_today"
    message = words("今天试错的次数太多，先关上了。请明天再试，或到店里让店员帮您打开。")
    status = 429


@dataclass(frozen=True)
class SecondFactor:
    """What the shop knows of her that a finder of the link does not. `month` and `day` in her birthday's own calendar."""

    last4: str = ""
    month: int | None = None
    day: int | None = None

    @property
    def asked(self) -> Asked:
        """The last digits of her phone; her birthday where there is no phone."""
        if self.last4:
            return Asked.LAST4
        return Asked.BIRTHDAY if self.month and self.day else Asked.NOTHING_KNOWN

    @property
    def value(self) -> str:
        """What has to be typed, as four digits; empty where nothing opens the page."""
        if self.asked is Asked.BIRTHDAY:
            return f"{self.month:02d}{self.day:02d}"
        return self.last4

    def opens(self, typed: str) -> bool:
        """Whether what was typed is it: 8000, or 0308, 3-8, 3月8日 for a birthday."""
        plain = unicodedata.normalize("NFKC", typed).strip()
        if self.asked is Asked.BIRTHDAY and (parts := _DAY.fullmatch(plain)):
            plain = f"{int(parts[1]):02d}{int(parts[2]):02d}"
        return bool(self.value) and hmac.compare_digest(plain.encode(), self.value.encode())


def is_still_open(opened_at: datetime, now: datetime) -> bool:
    """Whether a page opened then is still open."""
    return timedelta() <= now - opened_at < OPEN_FOR
