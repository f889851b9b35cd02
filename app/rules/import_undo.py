"""When a whole import may be taken back: only while nobody has built on what it brought."""

from collections.abc import Callable
from dataclasses import dataclass

from app.rules.refusals import RuleBroken, words

GONE = words("{record} 后来被合并或删除了")
SHOWN = 20
"""So many reasons are named; one is enough to refuse."""


@dataclass(frozen=True)
class Refusal:
    """One thing that stands in the way: the record (member number, order number, code) and the later work on it, as a
    sentence to translate with {record} in it; which table it is in, and its number there."""

    record: str
    reason: str
    subject: str = ""
    row_id: int = 0

    @property
    def is_gone(self) -> bool:
        """Whether there is nothing left to look at."""
        return self.reason == GONE

    def say(self, translate: Callable[[str], str], called: str = "") -> str:
        """The reason in the reader's language; `called` is how people know the record."""
        return translate(self.reason).format(record=called or self.record)


class ImportBuiltUpon(RuleBroken):
    """Later work depends on what came in: taking it away would take that with it."""

    code = "import_built_upon"
    message = words("这次导入不能撤销，因为之后的工作用到了它：{reasons}")
    status = 409

    def __init__(self, refusals: tuple[Refusal, ...], translate: Callable[[str], str]) -> None:
        super().__init__(reasons="；".join(one.say(translate) for one in refusals))  # data: a list mark
        self.refusals = refusals


class ImportAlreadyReverted(RuleBroken):
    """It was taken back before."""

    code = "import_already_reverted"
    message = words("这次导入已经撤销过了。")
    status = 409


class ImportStillRunning(RuleBroken):
    """Rows are still coming in."""

    code = "import_still_running"
    message = words("这次导入还没有完成，等它完成了再撤销。")
    status = 409


class ImportNotUndoable(RuleBroken):
    """It came in before there was a record of what each file changed."""

    code = "import_not_undoable"
    message = words("这次导入是旧版本做的，没有记下改动前的样子，不能撤销。")
    status = 409


@dataclass(frozen=True)
class UndoReport:
    """What taking an import back did, in records: made by it and gone, changed by it and restored; opening points taken
    back count as restored."""

    batch: int
    removed: int
    restored: int
