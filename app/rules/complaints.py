"""Complaints: by when she hears from us, which step may follow which, and how a case stands.

The promise is on the wall clock: 48 hours are 48 hours, on holidays too. An automatic receipt and an internal note are
not replies. Source: S0 「48小時內給予回復和解決方案」.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.rules.texts import plain
from app.vocabulary import ComplaintEventKind as Event
from app.vocabulary import ComplaintStatus as Status
from app.vocabulary import FeedbackKind

TEXT_MAX = 4000
REPLIES = frozenset({Event.REPLY, Event.SOLUTION})
"""Steps that reach the customer and keep the promise."""
OPEN = frozenset({Status.OPEN, Status.WAITING})
"""Where the shop still has work to do."""

_ALONGSIDE = (Event.NOTE, Event.ASSIGNED, Event.CUSTOMER)
TRANSITIONS: dict[Status, dict[Event, Status]] = {
    Status.OPEN: {
        **dict.fromkeys(_ALONGSIDE, Status.OPEN),
        Event.REPLY: Status.OPEN,
        Event.SOLUTION: Status.SOLVED,
    },
    Status.WAITING: {
        Event.NOTE: Status.WAITING,
        Event.ASSIGNED: Status.WAITING,
        Event.CUSTOMER: Status.OPEN,
        Event.REPLY: Status.WAITING,
        Event.SOLUTION: Status.SOLVED,
    },
    Status.SOLVED: {
        **dict.fromkeys(_ALONGSIDE, Status.SOLVED),
        Event.REPLY: Status.SOLVED,
        Event.SOLUTION: Status.SOLVED,
        Event.CLOSED: Status.CLOSED,
        Event.REOPENED: Status.OPEN,
    },
    Status.CLOSED: {Event.NOTE: Status.CLOSED, Event.REOPENED: Status.OPEN},
}
"""status → step → status. A step that is not here is refused. Only a solution leads to closing. No step leads to
waiting: nothing pauses the promise, least of all before the first reply."""


class StepNotNow(RuleBroken):
    """This step does not follow from where the case stands."""

    code = "step_not_now"
    message = words("这张投诉单现在不能走这一步，请先刷新看看它到哪一步了。")
    status = 409


class SolutionMissing(StepNotNow):
    """Nothing was done yet that could be closed."""

    code = "solution_missing"
    message = words("结案前要先写解决办法：请填写“解决办法”并回复顾客，再结案。")


class CaseClosed(StepNotNow):
    """A closed case is opened again before it goes on."""

    code = "case_closed"
    message = words("这张投诉单已经结案。要继续处理，请先重新打开。")


class WordsMissing(RuleBroken):
    """A step that says something needs words."""

    code = "words_missing"
    message = words("请写下内容。")


class WordsTooLong(RuleBroken):
    """More than anybody reads."""

    code = "words_too_long"
    message = words("最多写 {limit} 个字，现在有 {length} 个字。请缩短一些。")


class Promise(StrEnum):
    """Whether a promised time was kept; once broken it stays broken."""

    RUNNING = "running"
    KEPT = "kept"
    BROKEN = "broken"


class Case(Protocol):
    """What a complaint must tell to be judged."""

    status: Status
    due_at: datetime
    first_replied_at: datetime | None
    solved_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """How a case stands. Of `due_in` and `overdue_by` one is set while she waits for her first solution, neither
    afterwards; `reply` and `solution` say whether each came in time."""

    due_in: timedelta | None
    overdue_by: timedelta | None
    reply: Promise
    solution: Promise

    @property
    def is_overdue(self) -> bool:
        """Whether the promised time has passed and nothing was solved."""
        return self.overdue_by is not None


def promise_hours(kind: FeedbackKind, policy: Policy) -> int:
    """Within how many hours the shop answers this kind of message."""
    return {
        FeedbackKind.COMPLAINT: policy.complaint_promise_hours,
        FeedbackKind.SUGGESTION: policy.suggestion_promise_hours,
        FeedbackKind.QUESTION: policy.question_promise_hours,
        FeedbackKind.PRAISE: policy.praise_promise_hours,
        FeedbackKind.REVIEW: policy.review_promise_hours,
    }[kind]


def due_at(opened_at: datetime, kind: FeedbackKind, policy: Policy) -> datetime:
    """The instant by which she hears from us, in UTC: elapsed hours, whatever the clocks or the calendar do."""
    return opened_at.astimezone(UTC) + timedelta(hours=promise_hours(kind, policy))


def status_after(status: Status, step: Event) -> Status:
    """Where a case stands after a step. Raises StepNotNow, saying what is missing."""
    following = TRANSITIONS[status].get(step)
    if following is not None:
        return following
    if step is Event.CLOSED and status in OPEN:
        raise SolutionMissing("text")
    if status is Status.CLOSED:
        raise CaseClosed
    raise StepNotNow


def counts_as_reply(step: Event) -> bool:
    """Whether a step stops the clock of the first reply: what a person wrote to her does; a receipt, a note or a change
    of hands does not."""
    return step in REPLIES


def words_for(typed: str, *, required: bool = True) -> str:
    """The text of a step or a case, ready to keep. Raises WordsMissing, WordsTooLong."""
    text = plain(typed)
    if required and not text:
        raise WordsMissing("text")
    if len(text) > TEXT_MAX:
        raise WordsTooLong("text", limit=TEXT_MAX, length=len(text))
    return text


def standing(case: Case, now: datetime) -> Standing:
    """How a case stands at `now`. The last instant of the promise still keeps it: late is after `due_at`. What was
    promised is a reply with a solution, so a reply alone leaves it due. A reopened case keeps its first result and is
    not measured by the old deadline again."""
    left = case.due_at - now
    owes = case.status in OPEN and case.solved_at is None
    return Standing(
        due_in=left if owes and left >= timedelta(0) else None,
        overdue_by=-left if owes and left < timedelta(0) else None,
        reply=_promise(case.first_replied_at, case.due_at, now),
        solution=_promise(case.solved_at, case.due_at, now),
    )


def _promise(done_at: datetime | None, due: datetime, now: datetime) -> Promise:
    if (done_at or now) > due:
        return Promise.BROKEN
    return Promise.KEPT if done_at else Promise.RUNNING
