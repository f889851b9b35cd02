"""Complaints as people see them: one case with its steps, and whose phone that is."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from app.columns import blind_index
from app.models import Complaint, ComplaintEvent, Customer, Staff
from app.rules.complaints import Standing, standing
from app.rules.refusals import NotFound
from app.vocabulary import ComplaintEventKind, ComplaintStatus, CustomerStatus, FeedbackChannel, FeedbackKind


@dataclass(frozen=True)
class CaseStep:
    """One thing that happened to a case. `staff` is empty for what the customer or the program did."""

    kind: ComplaintEventKind
    at: datetime
    staff: str
    text: str


@dataclass(frozen=True)
class CaseFile:
    """A complaint with everything that happened to it, oldest first. The phone is masked."""

    id: int
    receipt_no: str
    kind: FeedbackKind
    channel: FeedbackChannel
    text: str
    contact_name: str
    contact_masked: str
    customer: str
    assignee: str
    status: ComplaintStatus
    opened_at: datetime
    due_at: datetime
    standing: Standing
    steps: tuple[CaseStep, ...]


def case_file(session: Session, receipt_no: str, *, now: datetime) -> CaseFile:
    """The case of that receipt number as it stands at `now`. Raises NotFound."""
    known = receipt_no.isprintable()
    complaint = session.exec(select(Complaint).where(Complaint.receipt_no == receipt_no)).first() if known else None
    if complaint is None or complaint.id is None:
        raise NotFound
    return CaseFile(
        id=complaint.id,
        receipt_no=complaint.receipt_no,
        kind=complaint.kind,
        channel=complaint.channel,
        text=complaint.text,
        contact_name=complaint.contact_name,
        contact_masked=complaint.contact_masked,
        customer=str(complaint.customer) if complaint.customer else "",
        assignee=complaint.staff.name if complaint.staff else "",
        status=complaint.status,
        opened_at=complaint.opened_at,
        due_at=complaint.due_at,
        standing=standing(complaint, now),
        steps=case_steps(session, complaint.id),
    )


def case_steps(session: Session, complaint_id: int) -> tuple[CaseStep, ...]:
    """What happened to a case, oldest first."""
    rows = session.exec(
        select(ComplaintEvent, Staff.name)
        .join(Staff, col(Staff.id) == ComplaintEvent.staff_id, isouter=True)
        .where(ComplaintEvent.complaint_id == complaint_id)
        .order_by(col(ComplaintEvent.at), col(ComplaintEvent.id))
    )
    return tuple(CaseStep(event.kind, event.at, name or "", event.text) for event, name in rows)


def only_customer_with(session: Session, e164: str) -> int | None:
    """The id of the one customer who has this phone; None when nobody has it, or several share it."""
    ids = session.exec(
        select(Customer.id)
        .where(
            Customer.phone_index == blind_index(e164, "customers.phone"),
            Customer.status != CustomerStatus.ERASED,
        )
        .limit(2)
    ).all()
    return ids[0] if len(ids) == 1 else None


def complaint_of(session: Session, response_id: int | None) -> Complaint | None:
    """The case a survey response opened, if it did."""
    if response_id is None:
        return None
    return session.exec(select(Complaint).where(Complaint.response_id == response_id)).first()
