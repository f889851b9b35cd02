"""What became of the rows of a file: each is counted once, and a refused one has its reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.rules.headers import Columns
from app.rules.refusals import RuleBroken

REJECTIONS_KEPT = 10_000
"""So many refused rows are kept with the batch; the report holds them all."""


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
    """What became of some rows. `waiting` are those among the created whose customer is not known yet; `warnings` the cells
    that were left out of rows that went in."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    waiting: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    warnings: list[Rejection] = field(default_factory=list)

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
        self.tell(portion)

    def tell(self, portion: Portion) -> None:
        """Add the reasons only: the rows themselves are counted already."""
        self.rejected += portion.rejected
        self.warnings += portion.warnings

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
            "warnings": [warning.as_json() for warning in self.warnings],
        }


def rejection(row: int, faults: Iterable[RuleBroken], columns: Columns, translate: Callable[[str], str]) -> Rejection:
    """Everything that is wrong with a row in one entry, each fault under its own column."""
    by_column = _by_column(faults, columns, translate)
    reason = "\n".join(dict.fromkeys(one for _, reasons in by_column for one in reasons.split("\n")))
    return Rejection(row, by_column[0][0], reason, by_column if len(by_column) > 1 else ())


def left_out(
    row: int, faults: Iterable[RuleBroken], columns: Columns, translate: Callable[[str], str]
) -> list[Rejection]:
    """The cells of a row that were left out, one entry each."""
    return [Rejection(row, column, reason) for column, reason in _by_column(faults, columns, translate)]


def _by_column(
    faults: Iterable[RuleBroken], columns: Columns, translate: Callable[[str], str]
) -> tuple[tuple[str, str], ...]:
    said: dict[str, dict[str, None]] = {}
    for fault in faults:
        said.setdefault(columns.heading(fault.field), {})[fault.say(translate)] = None
    return tuple((column, "\n".join(reasons)) for column, reasons in said.items())


def kept_reasons(report: ImportReport) -> list[dict[str, Any]]:
    """What is kept of a file's refused rows, and beside them of the cells left out: the first of each, and how many more
    cells there were."""
    warnings: list[dict[str, Any]] = [one.as_json() | {"left_out": 1} for one in report.warnings[:REJECTIONS_KEPT]]
    if more := len(report.warnings) - len(warnings):
        warnings.append({"row": "", "column": "", "reason": "", "left_out": more})
    return [one.as_json() for one in report.rejected[:REJECTIONS_KEPT]] + warnings


def told_faults(rejections: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, str, str]]:
    """Refused rows as they were kept, one line a column that is wrong: the row, the column, why. Cells left out of rows that
    went in are not among them."""
    for one in rejections:
        if one.get("left_out"):
            continue
        for fault in one.get("faults") or (one,):
            yield one.get("row", ""), str(fault.get("column", "")), str(fault.get("reason", ""))


def told_warnings(rejections: Iterable[Mapping[str, Any]]) -> tuple[tuple[Any, str, str], ...]:
    """The cells left out, as they were kept beside the refused rows: the row, the column, why."""
    kept = (one for one in rejections if one.get("left_out") and one.get("reason"))
    return tuple((one.get("row", ""), str(one.get("column", "")), str(one["reason"])) for one in kept)


def cells_left_out(rejections: Iterable[Mapping[str, Any]]) -> int:
    """How many they were, those that are only counted among them."""
    return sum(int(one.get("left_out", 0)) for one in rejections)
