"""Two people with the same record open: what one saved, the other must not wipe out unseen.

A form carries, beside its fields, a mark of what each held when it was opened. At saving they are compared one by one,
under the record's lock: a field nobody else changed takes what was typed, one that only somebody else changed keeps her
value, and where both wrote something different the page asks. The marks are keyed, so that they tell nothing and nobody
makes one up; each form has its own, so that two forms cannot be compared either.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlmodel import SQLModel

from app.columns import Sealed, blind_index, opened

FIELD = "opened"
CHOICE = "choice-"
"""Before a field's name: whose value the person wants, `mine` or `theirs`."""
_MARK_BYTES = 9


@dataclass(frozen=True)
class Marks:
    """What the fields of one form held when it was opened. `place` is the record's, so that marks of another open
    nothing here."""

    place: str
    nonce: str
    marks: Mapping[str, str]

    @classmethod
    def of(cls, place: str, values: Mapping[str, Any]) -> "Marks":
        """The marks of a form that is opened now."""
        return cls(place, secrets.token_urlsafe(9), {}).anew(values)

    @classmethod
    def read(cls, place: str, text: str) -> "Marks":
        """As a form brings them back. What cannot be read is a mark no value fits."""
        nonce, *pairs = text.split(" ")
        return cls(place, nonce, {name: mark for name, _, mark in (pair.partition("=") for pair in pairs) if name})

    def anew(self, values: Mapping[str, Any]) -> "Marks":
        """With these fields as they are now, the others as they were."""
        return replace(self, marks={**self.marks, **{name: self._mark(name, value) for name, value in values.items()}})

    def fits(self, name: str, value: Any) -> bool:
        """Whether this is what the field held."""
        return self.marks.get(name) == self._mark(name, value)

    def _mark(self, name: str, value: Any) -> str:
        mark = blind_index(f"{self.nonce}\0{name}\0{plain(value)}", f"form {self.place}")
        return urlsafe_b64encode(mark[:_MARK_BYTES]).decode()

    def __str__(self) -> str:
        return " ".join((self.nonce, *(f"{name}={mark}" for name, mark in self.marks.items())))


@dataclass(frozen=True)
class Merged:
    """What is to be saved: `values` by field. `clashing` are the fields both changed differently, `kept` those only
    somebody else changed."""

    values: Mapping[str, Any]
    clashing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def merge(
    marks: Marks,
    typed: Mapping[str, Any],
    now: Mapping[str, Any],
    choices: Mapping[str, str],
    together: Iterable[Collection[str]] = (),
) -> Merged:
    """What was typed, put together with what stands there now. `choices`: fields the page asked about, `mine`, `theirs`
    or nothing yet. `together`: fields that mean something only with each other, judged as one."""
    values, clashing, kept = dict(typed), [], []
    groups = {name: [one for one in group if one in typed] for group in together for name in group}
    for name in (name for name in typed if name in marks.marks and name in now):
        group = groups.get(name) or [name]
        is_mine = any(not marks.fits(one, typed[one]) for one in group) and choices.get(name) != "theirs"
        is_theirs = any(not marks.fits(one, now[one]) for one in group if one in now)
        differs = any(plain(typed[one]) != plain(now[one]) for one in group if one in now)
        if is_mine and differs and (is_theirs or choices.get(name) == ""):
            clashing += [name] if plain(typed[name]) != plain(now[name]) else []
        elif not is_mine and differs:
            values[name] = now[name]
            kept += [name] if is_theirs else []
    return Merged(values, tuple(clashing), tuple(kept))


def plain(value: Any) -> str:
    """A value as one text, the same whether it comes from a record or from its form."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0).isoformat()  # a form shows no more than seconds
    if isinstance(value, SQLModel):
        return str(value.id)  # type: ignore[attr-defined]  # every row of ours has one
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(sorted(plain(one) for one in value))
    text = str(opened(value) if isinstance(value, Sealed) else value)
    return text.replace("\r\n", "\n").replace("\x00", "").strip()
