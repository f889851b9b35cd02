"""A case from its opening to its end."""

import random
import re
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from app.actions import complaints
from app.actions.complaints import (
    ComplaintIntake,
    assign_complaint,
    close_complaint,
    note_on_complaint,
    open_complaint,
    receipt_no,
    reopen_complaint,
    reply_to_complaint,
)
from app.db import Database
from app.models import Complaint, ComplaintEvent, Staff
from app.rules.complaints import CaseClosed, SolutionMissing, WordsMissing
from app.rules.phones import PhoneWrong
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import ComplaintEventKind as Event
from app.vocabulary import ComplaintStatus as Status
from app.vocabulary import FeedbackKind, Role

POLICY = Policy()


@pytest.fixture
def case_id(database: Database, now: datetime) -> int:
    with database.writing() as session:
        complaint = open_complaint(
            session, ComplaintIntake("脸上过敏了", contact_phone="13812345678"), policy=POLICY, now=now
        )
        assert complaint.id is not None
        return complaint.id


def person(database: Database, *, is_active: bool = True) -> int:
    with database.writing() as session:
        staff = Staff(name="王店长", login="wang", password_hash="x", role=Role.MANAGER, is_active=is_active)
        session.add(staff)
        session.flush()
        assert staff.id is not None
        return staff.id


def case(database: Database, case_id: int) -> Complaint:
    with database.reading() as session:
        return session.exec(select(Complaint).where(Complaint.id == case_id)).one()


def events(database: Database, case_id: int) -> list[tuple[Event, str]]:
    with database.reading() as session:
        rows = session.exec(select(ComplaintEvent).order_by(ComplaintEvent.id))  # type: ignore[arg-type]
        return [(row.kind, row.text) for row in rows if row.complaint_id == case_id]


def test_a_case_opens_with_a_number_a_promise_and_its_first_event(
    database: Database, case_id: int, now: datetime
) -> None:
    opened = case(database, case_id)
    assert re.fullmatch(r"F1124-[0-9A-HJKMNP-TV-Z]{6}", opened.receipt_no)
    assert (opened.status, opened.opened_at, opened.due_at) == (Status.OPEN, now, now + timedelta(hours=48))
    assert opened.contact_masked == "138****5678"
    assert events(database, case_id) == [(Event.OPENED, "")]


def test_each_kind_keeps_its_own_promise_and_a_later_change_of_policy_moves_nothing(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        question = open_complaint(
            session,
            ComplaintIntake("几点开门", kind=FeedbackKind.QUESTION),
            policy=Policy(question_promise_hours=4),
            now=now,
        )
    assert question.due_at == now + timedelta(hours=4)
    with database.writing() as session:
        reply_to_complaint(session, question.id or 0, "十点", solves=False, staff_id=None, now=now)
    assert case(database, question.id or 0).due_at == now + timedelta(hours=4)


@pytest.mark.parametrize(
    ("intake", "refusal"),
    [(ComplaintIntake(" \x00 "), WordsMissing), (ComplaintIntake("坏了", contact_phone="123"), PhoneWrong)],
)
def test_a_case_needs_words_and_a_phone_that_can_be_called(
    database: Database, now: datetime, intake: ComplaintIntake, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal), database.writing() as session:
        open_complaint(session, intake, policy=POLICY, now=now)


def test_a_taken_receipt_number_is_drawn_again(
    database: Database, case_id: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = case(database, case_id).receipt_no
    draws = iter([taken, taken, "F1124-AAAAAA"])
    monkeypatch.setattr(complaints, "receipt_no", lambda now, chance: next(draws))
    with database.writing() as session:
        second = open_complaint(session, ComplaintIntake("又一件"), policy=POLICY, now=now)
    assert case(database, second.id or 0).receipt_no == "F1124-AAAAAA"
    assert events(database, second.id or 0) == [(Event.OPENED, "")]


def test_nobody_can_work_out_the_next_receipt_number_and_the_demo_shop_can_repeat_its_own(now: datetime) -> None:
    def after_seeding(**dice: random.Random) -> str:
        random.seed(1)
        return receipt_no(now, **dice)

    assert len({after_seeding() for _ in range(20)}) == 20
    assert len({after_seeding(chance=random.Random(1)) for _ in range(20)}) == 1


def test_only_the_first_reply_stops_the_clock_and_a_note_does_not(
    database: Database, case_id: int, now: datetime
) -> None:
    steps = [now + timedelta(hours=hours) for hours in (1, 2, 3)]
    with database.writing() as session:
        note_on_complaint(session, case_id, "查了监控", staff_id=None, now=steps[0])
    assert case(database, case_id).first_replied_at is None
    for at in steps[1:]:
        with database.writing() as session:
            reply_to_complaint(session, case_id, "我们在查", solves=False, staff_id=None, now=at)
    assert case(database, case_id).first_replied_at == steps[1]
    assert [kind for kind, _ in events(database, case_id)] == [Event.OPENED, Event.NOTE, Event.REPLY, Event.REPLY]


def test_closing_needs_a_solution_first(database: Database, case_id: int, now: datetime) -> None:
    with pytest.raises(SolutionMissing), database.writing() as session:
        close_complaint(session, case_id, staff_id=None, now=now)
    with database.writing() as session:
        reply_to_complaint(session, case_id, "全额退款", solves=True, staff_id=None, now=now)
        close_complaint(session, case_id, staff_id=None, now=now + timedelta(hours=1))
    closed = case(database, case_id)
    assert (closed.status, closed.solved_at, closed.closed_at) == (Status.CLOSED, now, now + timedelta(hours=1))
    assert closed.first_replied_at == now
    with pytest.raises(CaseClosed), database.writing() as session:
        reply_to_complaint(session, case_id, "再说一句", solves=False, staff_id=None, now=now)


def test_opening_again_keeps_what_was_kept_or_missed(database: Database, case_id: int, now: datetime) -> None:
    later = now + timedelta(days=5)
    with database.writing() as session:
        reply_to_complaint(session, case_id, "退款", solves=True, staff_id=None, now=now)
        close_complaint(session, case_id, staff_id=None, now=now)
        reopen_complaint(session, case_id, "顾客说没收到退款", staff_id=None, now=later)
        with pytest.raises(SolutionMissing):
            close_complaint(session, case_id, staff_id=None, now=later)
        reply_to_complaint(session, case_id, "补退了", solves=True, staff_id=None, now=later)
    again = case(database, case_id)
    assert (again.status, again.solved_at, again.first_replied_at, again.closed_at) == (Status.SOLVED, now, now, None)
    assert again.due_at == now + timedelta(hours=48)


def test_a_case_is_given_to_somebody_who_works_here(database: Database, case_id: int, now: datetime) -> None:
    staff_id = person(database)
    with database.writing() as session:
        assign_complaint(session, case_id, staff_id, staff_id=staff_id, now=now)
    assert case(database, case_id).staff_id == staff_id
    assert events(database, case_id)[-1] == (Event.ASSIGNED, "王店长")


def test_nobody_gone_is_given_a_case(database: Database, case_id: int, now: datetime) -> None:
    staff_id = person(database, is_active=False)
    with pytest.raises(NotFound), database.writing() as session:
        assign_complaint(session, case_id, staff_id, staff_id=None, now=now)


def test_a_refused_step_leaves_no_trace(database: Database, case_id: int, now: datetime) -> None:
    with pytest.raises(WordsMissing), database.writing() as session:
        reply_to_complaint(session, case_id, "  ", solves=True, staff_id=None, now=now)
    with pytest.raises(NotFound), database.writing() as session:
        note_on_complaint(session, 99_999, "谁", staff_id=None, now=now)
    assert case(database, case_id).status is Status.OPEN
    assert len(events(database, case_id)) == 1
