"""What became of the rows of a file: each is counted once, and a refused one has its reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.rules.headers import Columns
from app.rules.refusals import RuleBroken


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that did not go in: its number in the file, the heading of the first column concerned, all reasons in the
    reader's language; `faults` are the reasons column by column where more than one is concerned. Never the refused
    value: it may be a phone."""

    row: int
    column: str
    reason: str
    faults: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the report and the batch keep it."""
        told = {"row": self.row, "column": self.column, "reason": self.reason}
        faults = [{"column": column, "reason": reason} for column, reason in self.faults]
        return told | ({"faults": faults} if faults else {})


@dataclass
class Portion:
    """What became of some rows. `waiting` are those among the created whose customer is not known yet."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    waiting: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows these were."""
        return self.created + self.updated + self.unchanged + len(self.rejected)


@dataclass
class ImportReport(Portion):
    """What became of a whole file. `batch` None: a dry run, nothing was written. `notes` are sentences for people."""

    batch: int | None = None
    unknown_columns: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def count(self, portion: Portion) -> None:
        """Add what became of some rows."""
        self.created += portion.created
        self.updated += portion.updated
        self.unchanged += portion.unchanged
        self.waiting += portion.waiting
        self.rejected += portion.rejected

    def as_json(self) -> dict[str, Any]:
        """What `rouge import --json` prints."""
        return {
            "batch": self.batch,
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": [rejection.as_json() for rejection in self.rejected],
            "unknown_columns": list(self.unknown_columns),
            "waiting": self.waiting,
        }


def rejection(row: int, faults: Iterable[RuleBroken], columns: Columns, translate: Callable[[str], str]) -> Rejection:
    """Everything that is wrong with a row in one entry, each fault under its own column."""
    said: dict[str, dict[str, None]] = {}
    for fault in faults:
        said.setdefault(columns.heading(fault.field), {})[fault.say(translate)] = None
    by_column = tuple((column, "\n".join(reasons)) for column, reasons in said.items())
    reason = "\n".join(dict.fromkeys(one for reasons in said.values() for one in reasons))
    return Rejection(row, by_column[0][0], reason, by_column if len(by_column) > 1 else ())


def told_faults(rejections: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, str, str]]:
    """Refused rows as they were kept, one line a column that is wrong: the row, the column, why."""
    for one in rejections:
        for fault in one.get("faults") or (one,):
            yield one.get("row", ""), str(fault.get("column", "")), str(fault.get("reason", ""))
