"""What a file made and changed, as its page tells it."""

from array import array
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from app.models import Customer, ImportChange, PointsEntry, PointsPending, Product, Purchase, Treatment
from app.rules.import_undo import Refusal
from app.vocabulary import PointsKind

SHOWN = 50
_NAMED: dict[str, tuple[Any, Any]] = {
    "customers": (Customer, Customer.name),
    "treatments": (Treatment, Treatment.name),
    "products": (Product, Product.name),
    "purchases": (Purchase, Purchase.order_no),
}


@dataclass(frozen=True)
class Record:
    """A record a file made or changed, by the name people know it by."""

    subject: str
    id: int
    name: str
    is_created: bool


@dataclass(frozen=True)
class Changed:
    """How many records of a table a file made and changed."""

    subject: str
    created: int
    changed: int


def changes_of(session: Session, batch_id: int) -> tuple[Changed, ...]:
    """What taking a file back would take away and put back, table by table."""
    counted: dict[str, list[int]] = {}
    noted = select(ImportChange.subject, ImportChange.is_created, func.count()).where(ImportChange.batch_id == batch_id)
    for subject, is_created, count in session.exec(noted.group_by(ImportChange.subject, col(ImportChange.is_created))):
        counted.setdefault(subject, [0, 0])[0 if is_created else 1] += count
    if sold := session.exec(select(func.count()).where(Purchase.import_batch_id == batch_id)).one():
        counted.setdefault("purchases", [0, 0])[0] = sold
    return tuple(Changed(subject, *counts) for subject, counts in counted.items())


@dataclass(frozen=True)
class Called:
    """How people know a record that stands in the way of an undo: a customer by name, number and masked phone."""

    member_no: str
    text: str


def customers_called(session: Session, refusals: Collection[Refusal], within: ColumnElement[bool]) -> dict[int, Called]:
    """The customers among them whom the person may see, by number of the record."""
    ids = {one.row_id for one in refusals if one.subject == "customers"}
    wanted = select(Customer.id, Customer.name, Customer.member_no, Customer.phone_masked)
    found = session.exec(wanted.where(col(Customer.id).in_(ids), within)).all() if ids else ()
    return {
        row_id or 0: Called(member_no, " ".join(part for part in (name, member_no, masked) if part))
        for row_id, name, member_no, masked in found
    }


def records_of(
    session: Session, batch_id: int, reach: Callable[[Any], ColumnElement[bool]], most: int = SHOWN
) -> tuple[Record, ...]:
    """The first records a file made or changed, of those the person may see."""
    found: list[Record] = []
    for subject, (table, name) in _NAMED.items():
        if len(found) >= most:
            break
        noted = select(table.id, name, ImportChange.is_created).join(
            ImportChange, (ImportChange.subject_id == table.id) & (ImportChange.subject == subject)
        )
        wanted = noted.where(ImportChange.batch_id == batch_id, reach(table)).order_by(table.id)
        found += [Record(subject, *row) for row in session.exec(wanted.limit(most - len(found)))]
    sold = select(Purchase.id, Purchase.order_no).where(Purchase.import_batch_id == batch_id, reach(Purchase))
    known = {one.id for one in found if one.subject == "purchases"}
    for number, order_no in session.exec(sold.order_by(col(Purchase.id)).limit(most)):
        if number not in known and len(found) < most:
            found.append(Record("purchases", number or 0, order_no, True))
    return tuple(found)


def points_of_file(session: Session, batch_id: int) -> tuple[int, int]:
    """What the sales of a file gave less what refunds took back of it, and what waits still."""
    entry, back = PointsEntry, aliased(PointsEntry)
    its = (col(entry.import_batch_id) == batch_id, col(entry.kind) == PointsKind.EARN)
    earned = select(func.coalesce(func.sum(entry.points), 0)).where(*its)
    taken = select(func.coalesce(func.sum(back.points), 0)).join(entry, col(entry.id) == back.reverses_id).where(*its)
    waiting = (
        select(func.coalesce(func.sum(PointsPending.points - PointsPending.taken_back), 0))
        .join(Purchase, col(Purchase.id) == col(PointsPending.purchase_id))
        .where(Purchase.import_batch_id == batch_id, col(PointsPending.closed_at).is_(None))
    )
    given = session.exec(earned).one() + session.exec(taken).one()
    return int(given), int(session.exec(waiting).one())


def buyers_of(session: Session, batch_id: int) -> "array[int]":
    """Whom a file sold something to: eight bytes each."""
    buyer = col(Purchase.customer_id)
    wanted = select(buyer).where(Purchase.import_batch_id == batch_id, buyer.is_not(None)).distinct()
    return array("q", session.scalars(wanted.execution_options(yield_per=5000)))
