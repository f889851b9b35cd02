"""By when she hears from us, which step follows which, and how a case stands."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.rules.complaints import (
    TEXT_MAX,
    TRANSITIONS,
    CaseClosed,
    Promise,
    SolutionMissing,
    StepNotNow,
    WordsMissing,
    WordsTooLong,
    counts_as_reply,
    due_at,
    standing,
    status_after,
    words_for,
)
from app.rules.policy import Policy
from app.vocabulary import ComplaintEventKind as Event
from app.vocabulary import ComplaintStatus as Status
from app.vocabulary import FeedbackKind as Kind

POLICY = Policy()
OPENED = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
DUE = OPENED + timedelta(hours=48)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Case:
    status: Status = Status.OPEN
    due_at: datetime = DUE
    first_replied_at: datetime | None = None
    solved_at: datetime | None = None


@pytest.mark.parametrize("kind", list(Kind))
def test_forty_eight_hours_are_forty_eight_hours(kind: Kind) -> None:
    assert due_at(OPENED, kind, POLICY) == DUE


def test_each_kind_has_its_own_promise() -> None:
    policy = replace(POLICY, complaint_promise_hours=1, suggestion_promise_hours=2, question_promise_hours=3,
                     praise_promise_hours=4, review_promise_hours=5)  # fmt: skip
    hours = [(due_at(OPENED, kind, policy) - OPENED) / timedelta(hours=1) for kind in
             (Kind.COMPLAINT, Kind.SUGGESTION, Kind.QUESTION, Kind.PRAISE, Kind.REVIEW)]  # fmt: skip
    assert hours == [1, 2, 3, 4, 5]


def test_a_change_of_clocks_in_between_does_not_stretch_the_promise() -> None:
    before = datetime(2026, 10, 24, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))  # clocks go back on the 25th
    assert due_at(before, Kind.COMPLAINT, POLICY) - before.astimezone(UTC) == timedelta(hours=48)


@pytest.mark.parametrize(
    ("now", "due_in", "overdue_by"),
    [
        (OPENED, timedelta(hours=48), None),
        (DUE - MOMENT, MOMENT, None),
        (DUE, timedelta(0), None),
        (DUE + MOMENT, None, MOMENT),
        (DUE + timedelta(days=3), None, timedelta(days=3)),
    ],
)
def test_an_open_case_is_due_until_the_last_instant_and_overdue_after(
    now: datetime, due_in: timedelta | None, overdue_by: timedelta | None
) -> None:
    stands = standing(Case(), now)
    assert (stands.due_in, stands.overdue_by, stands.is_overdue) == (due_in, overdue_by, overdue_by is not None)


@pytest.mark.parametrize(
    ("replied_at", "now", "promise"),
    [
        (None, DUE, Promise.RUNNING),
        (None, DUE + MOMENT, Promise.BROKEN),
        (DUE, DUE + timedelta(days=9), Promise.KEPT),
        (DUE + MOMENT, DUE + timedelta(days=9), Promise.BROKEN),
    ],
)
def test_a_promise_once_broken_stays_broken(replied_at: datetime | None, now: datetime, promise: Promise) -> None:
    assert standing(Case(first_replied_at=replied_at), now).reply is promise
    assert standing(Case(solved_at=replied_at), now).solution is promise


@pytest.mark.parametrize("replied_at", [OPENED, DUE, DUE + MOMENT])
def test_a_reply_without_a_solution_leaves_a_case_due(replied_at: datetime) -> None:
    assert standing(Case(first_replied_at=replied_at), DUE).due_in == timedelta(0)
    late = standing(Case(first_replied_at=replied_at), DUE + MOMENT)
    assert (late.due_in, late.overdue_by, late.solution) == (None, MOMENT, Promise.BROKEN)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("now", [DUE, DUE + timedelta(days=1)])
def test_a_case_that_was_solved_once_is_never_due_by_the_old_deadline(status: Status, now: datetime) -> None:
    stands = standing(Case(status=status, first_replied_at=OPENED, solved_at=OPENED), now)
    assert (stands.due_in, stands.overdue_by, stands.solution) == (None, None, Promise.KEPT)


@pytest.mark.parametrize("solved_at", [DUE, DUE + MOMENT])
def test_a_reopened_case_keeps_its_first_result(solved_at: datetime) -> None:
    reopened = standing(Case(first_replied_at=solved_at, solved_at=solved_at), DUE + timedelta(days=1))
    kept = Promise.KEPT if solved_at == DUE else Promise.BROKEN
    assert (reopened.reply, reopened.solution, reopened.is_overdue) == (kept, kept, False)


@pytest.mark.parametrize(
    ("status", "step", "then"),
    [
        (Status.OPEN, Event.NOTE, Status.OPEN),
        (Status.OPEN, Event.REPLY, Status.OPEN),
        (Status.OPEN, Event.SOLUTION, Status.SOLVED),
        (Status.WAITING, Event.CUSTOMER, Status.OPEN),
        (Status.WAITING, Event.SOLUTION, Status.SOLVED),
        (Status.SOLVED, Event.CLOSED, Status.CLOSED),
        (Status.SOLVED, Event.REOPENED, Status.OPEN),
        (Status.CLOSED, Event.REOPENED, Status.OPEN),
        (Status.CLOSED, Event.NOTE, Status.CLOSED),
    ],
)
def test_a_step_leads_on(status: Status, step: Event, then: Status) -> None:
    assert status_after(status, step) is then


@pytest.mark.parametrize(
    ("status", "step", "refusal"),
    [
        (Status.OPEN, Event.CLOSED, SolutionMissing),
        (Status.WAITING, Event.CLOSED, SolutionMissing),
        (Status.OPEN, Event.REOPENED, StepNotNow),
        (Status.OPEN, Event.OPENED, StepNotNow),
        (Status.CLOSED, Event.REPLY, CaseClosed),
        (Status.CLOSED, Event.CLOSED, CaseClosed),
        (Status.CLOSED, Event.ASSIGNED, CaseClosed),
    ],
)
def test_a_step_that_does_not_follow_is_refused(status: Status, step: Event, refusal: type[StepNotNow]) -> None:
    with pytest.raises(refusal):
        status_after(status, step)


def test_only_a_solution_leads_to_closing() -> None:
    ways = {
        (status, step) for status, steps in TRANSITIONS.items() for step, then in steps.items() if then is Status.SOLVED
    }
    assert {step for status, step in ways if status is not Status.SOLVED} == {Event.SOLUTION}
    assert [status for status, steps in TRANSITIONS.items() if Event.CLOSED in steps] == [Status.SOLVED]
    assert set(TRANSITIONS) == set(Status)


def test_nothing_pauses_the_promise() -> None:
    for status in Status:
        with pytest.raises(StepNotNow):
            status_after(status, Event.WAITING)
    assert not [status for status, steps in TRANSITIONS.items() if {Status.WAITING} & set(steps.values()) - {status}]


def test_receipts_notes_and_changes_of_hand_are_no_reply() -> None:
    assert {step for step in Event if counts_as_reply(step)} == {Event.REPLY, Event.SOLUTION}


def test_a_step_needs_words_and_not_too_many() -> None:
    assert words_for(" 已退款\x00 ") == "已退款"
    assert words_for("", required=False) == ""
    assert len(words_for("字" * TEXT_MAX)) == TEXT_MAX
    with pytest.raises(WordsMissing):
        words_for(" \n\x00")
    with pytest.raises(WordsTooLong):
        words_for("字" * (TEXT_MAX + 1))
