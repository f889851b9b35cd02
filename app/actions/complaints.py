"""Complaints: taken down, answered, solved, closed, opened again. Every step is an event that stays."""

from dataclasses import dataclass
from datetime import datetime
from random import Random, SystemRandom

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from app.db import lock_row
from app.models import Complaint, ComplaintEvent, Staff
from app.queries.complaints import complaint_of, only_customer_with
from app.rules.complaints import counts_as_reply, due_at, status_after, words_for
from app.rules.phones import Phone, PhoneWrong, parse_phone
from app.rules.policy import Policy
from app.rules.questions import contact_name
from app.rules.refusals import NotFound
from app.vocabulary import ComplaintEventKind, ComplaintStatus, FeedbackChannel, FeedbackKind

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without I, L, O, U: a number that survives the telephone. Source: crockford.com/base32.html."""
_RANDOM_LETTERS = 6
_ATTEMPTS = 8
UNGUESSABLE = SystemRandom()
"""Where receipt numbers come from in real use."""


@dataclass(frozen=True)
class ComplaintIntake:
    """What was said, and by whom. `contact_phone` is as typed; `customer_id` None looks her up by it."""

    text: str
    kind: FeedbackKind = FeedbackKind.COMPLAINT
    channel: FeedbackChannel = FeedbackChannel.COUNTER
    customer_id: int | None = None
    contact_name: str = ""
    contact_phone: str = ""
    response_id: int | None = None
    store_id: int | None = None
    assignee_id: int | None = None


def open_complaint(
    session: Session,
    intake: ComplaintIntake,
    *,
    policy: Policy,
    now: datetime,
    staff_id: int | None = None,
    chance: Random = UNGUESSABLE,
) -> Complaint:
    """A case with its receipt number and the promised time. A survey response opens one case, however often this is
    called. `now` comes in the shop's zone, for the receipt carries its day; `staff_id` is who took it down; `chance`
    draws the receipt number.

    Raises WordsMissing, WordsTooLong, PhoneWrong.
    """
    if known := complaint_of(session, intake.response_id):
        return known
    phone = _phone_of(intake)
    customer_id = intake.customer_id or (only_customer_with(session, phone.e164) if phone else None)
    complaint = Complaint(
        receipt_no="",
        kind=intake.kind,
        channel=intake.channel,
        text=words_for(intake.text),
        customer_id=customer_id,
        contact_name=contact_name(intake.contact_name),
        contact_phone=phone.e164 if phone else None,
        contact_masked=phone.masked if phone else "",
        response_id=intake.response_id,
        store_id=intake.store_id,
        staff_id=intake.assignee_id,
        opened_at=now,
        due_at=due_at(now, intake.kind, policy),
    )
    kept = _with_receipt_no(session, complaint, now, chance)
    if kept is complaint:
        opened = ComplaintEventKind.OPENED
        session.add(ComplaintEvent(complaint_id=_id(kept), kind=opened, at=now, staff_id=staff_id))
    return kept


def _phone_of(intake: ComplaintIntake) -> Phone | None:
    try:
        return parse_phone(intake.contact_phone) if intake.contact_phone.strip() else None
    except PhoneWrong as wrong:
        wrong.field = "contact_phone"
        raise


def _with_receipt_no(session: Session, complaint: Complaint, now: datetime, chance: Random) -> Complaint:
    """The case under a number nobody has. A billion numbers a day seldom meet; when they do, another is drawn. When
    the same response was opening its case elsewhere at this moment, that case."""
    for _ in range(_ATTEMPTS):
        complaint.receipt_no = receipt_no(now, chance)
        try:
            with session.begin_nested():
                session.add(complaint)
                session.flush()
        except IntegrityError:
            if known := complaint_of(session, complaint.response_id):
                return known
            if not _is_taken(session, complaint.receipt_no):
                raise
        else:
            return complaint
    raise RuntimeError("no free receipt number after several draws")


def _is_taken(session: Session, number: str) -> bool:
    return session.exec(select(Complaint.id).where(Complaint.receipt_no == number)).first() is not None


def receipt_no(now: datetime, chance: Random = UNGUESSABLE) -> str:
    """A number to read out and write down: F, month and day, six random letters: F1124-7KQ3M9. `chance` is the
    system's own, whose next draw nobody can work out; the demo shop, where nothing is secret, brings dice that repeat."""
    return f"F{now:%m%d}-{''.join(chance.choice(_CROCKFORD) for _ in range(_RANDOM_LETTERS))}"


def reply_to_complaint(
    session: Session, complaint_id: int, text: str, *, solves: bool, staff_id: int | None, now: datetime
) -> Complaint:
    """She has been answered; the first answer stops the clock. With `solves` the words are the solution."""
    step = ComplaintEventKind.SOLUTION if solves else ComplaintEventKind.REPLY
    complaint = _step(session, complaint_id, step, text=words_for(text), staff_id=staff_id, now=now)
    if solves and complaint.solved_at is None:
        complaint.solved_at = now
    return complaint


def note_on_complaint(
    session: Session, complaint_id: int, text: str, *, staff_id: int | None, now: datetime
) -> Complaint:
    """A note for colleagues. She does not see it and the clock goes on."""
    return _step(session, complaint_id, ComplaintEventKind.NOTE, text=words_for(text), staff_id=staff_id, now=now)


def assign_complaint(
    session: Session, complaint_id: int, assignee_id: int, *, staff_id: int | None, now: datetime
) -> Complaint:
    """Who looks after the case from now on. Raises NotFound when nobody active is meant."""
    assignee = session.get(Staff, assignee_id)
    if assignee is None or not assignee.is_active:
        raise NotFound("staff_id")
    complaint = _step(
        session, complaint_id, ComplaintEventKind.ASSIGNED, text=assignee.name, staff_id=staff_id, now=now
    )
    complaint.staff_id = assignee_id
    return complaint


def close_complaint(
    session: Session, complaint_id: int, *, staff_id: int | None, now: datetime, text: str = ""
) -> Complaint:
    """The case is done. Raises SolutionMissing while no solution was given to her."""
    text = words_for(text, required=False)
    complaint = _step(session, complaint_id, ComplaintEventKind.CLOSED, text=text, staff_id=staff_id, now=now)
    complaint.closed_at = now
    return complaint


def reopen_complaint(
    session: Session, complaint_id: int, text: str, *, staff_id: int | None, now: datetime
) -> Complaint:
    """It was not settled after all, and why. Whether the first promise was kept stays as it was."""
    complaint = _step(
        session, complaint_id, ComplaintEventKind.REOPENED, text=words_for(text), staff_id=staff_id, now=now
    )
    complaint.closed_at = None
    return complaint


def _step(
    session: Session,
    complaint_id: int,
    kind: ComplaintEventKind,
    *,
    text: str,
    staff_id: int | None,
    now: datetime,
) -> Complaint:
    complaint = lock_row(session, Complaint, complaint_id)
    if complaint is None:
        raise NotFound
    complaint.status = status_after(ComplaintStatus(complaint.status), kind)
    if counts_as_reply(kind) and complaint.first_replied_at is None:
        complaint.first_replied_at = now
    session.add(complaint)
    session.add(ComplaintEvent(complaint_id=complaint_id, kind=kind, at=now, staff_id=staff_id, text=text))
    return complaint


def _id(complaint: Complaint) -> int:
    assert complaint.id is not None
    return complaint.id
