"""What a piece of work is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from app.db import Database
from app.i18n import kept, told
from app.rules.jobs import LEASE
from app.rules.policy import Policy
from app.settings import Settings


@dataclass(frozen=True)
class Errand:
    """One piece of work. `key` is the same however often it is tried: whoever sends something outside hands it on, so
    that the receiver can see it is the same again. `now` may be a moment somebody named; `real_now` is the clock's."""

    key: str
    payload: Mapping[str, Any]
    now: datetime
    real_now: datetime
    policy: Policy
    zone: ZoneInfo

    @property
    def safe_now(self) -> datetime:
        """The moment for work that deletes by age: nothing is older than the clock says."""
        return min(self.now, self.real_now)


@dataclass(frozen=True)
class Done:
    """What came of it: a message and its figures. `then` is the payload of the next slice where the work is too long for
    one transaction: the rest of a shop's day must not wait for it."""

    message: str = ""
    figures: Mapping[str, int | str] = field(default_factory=dict)
    then: Mapping[str, int | str] | None = None

    @property
    def kept(self) -> str:
        """As it is written down: whoever looks reads it in her own language."""
        return kept(self.message, self.figures)

    @property
    def outcome(self) -> str:
        """In the current language."""
        return told(self.kept)


@dataclass(frozen=True)
class Kind:
    """Work whose whole effect is in the database: it and "done" are one transaction, so it happens exactly once."""

    work: Callable[[Session, Errand], Done]
    lease: timedelta = field(default=LEASE, kw_only=True)


@dataclass(frozen=True)
class OutsideKind:
    """Work with an effect outside: a file, a mail. It happens at least once; killed between the effect and "done" it
    happens again, with the same key."""

    work: Callable[[Database, Settings, Errand], Done]
    lease: timedelta = field(default=LEASE, kw_only=True)


AnyKind = Kind | OutsideKind
