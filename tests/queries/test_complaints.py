"""A case as people see it."""

from datetime import datetime, timedelta

import pytest

from app.actions.complaints import ComplaintIntake, note_on_complaint, open_complaint, reply_to_complaint
from app.db import Database
from app.queries.complaints import case_file
from app.rules.complaints import Promise
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import ComplaintEventKind as Event


def test_a_case_shows_its_steps_its_clock_and_a_masked_phone(database: Database, now: datetime) -> None:
    with database.writing() as session:
        intake = ComplaintIntake("过敏了", contact_name="李女士", contact_phone="13812345678")
        opened = open_complaint(session, intake, policy=Policy(), now=now)
        note_on_complaint(session, opened.id or 0, "查监控", staff_id=None, now=now + timedelta(hours=1))
    with database.reading() as session:
        found = case_file(session, opened.receipt_no, now=now + timedelta(hours=49))
    assert (found.contact_masked, found.customer, found.text) == ("138****5678", "", "过敏了")
    assert [(step.kind, step.text) for step in found.steps] == [(Event.OPENED, ""), (Event.NOTE, "查监控")]
    assert found.standing.overdue_by == timedelta(hours=1)
    with database.writing() as session:
        reply_to_complaint(session, opened.id or 0, "退款", solves=True, staff_id=None, now=now + timedelta(hours=50))
    with database.reading() as session:
        found = case_file(session, opened.receipt_no, now=now + timedelta(hours=51))
    assert (found.standing.is_overdue, found.standing.reply) == (False, Promise.BROKEN)


@pytest.mark.parametrize("number", ["F0000-000000", "", "\x00", "F1124\n"])
def test_an_unknown_number_is_not_found(database: Database, now: datetime, number: str) -> None:
    with database.reading() as session, pytest.raises(NotFound):
        case_file(session, number, now=now)
