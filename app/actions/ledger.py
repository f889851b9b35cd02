"""The ledger of points: one writer for all that moves. Decision: what lies in the lots is what the balance bears."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Session, col, select

from app.audit import mark_demo
from app.db import past_the_session
from app.models import Customer, PointsAccount, PointsAllocation, PointsEntry, PointsLot
from app.queries.points import lots_in
from app.rules.points import (
    MAY_OWE,
    Lot,
    NotEnoughPoints,
    PointsFrozen,
    PointsInDoubt,
    ReferenceTaken,
    Use,
    is_over,
    lots_change,
    taken,
)
from app.rules.refusals import NotFound
from app.vocabulary import AdjustReason, PointsKind

# The statements, put together once. A till waits for every one of them, and SQLAlchemy takes several times longer to put
# one together, or to keep a row as an object, than the database to carry it out.
_ACCOUNT: tuple[Any, ...] = (PointsAccount.id, PointsAccount.balance, PointsAccount.seq, PointsAccount.frozen_at)
_HELD = (
    select(*_ACCOUNT)
    .where(PointsAccount.customer_id == bindparam("customer_id"), col(PointsAccount.closed_at).is_(None))
    .with_for_update()
)
_BOOKED = (
    update(PointsAccount)
    .where(col(PointsAccount.id) == bindparam("account_id"))
    .values(balance=PointsAccount.balance + bindparam("points"), seq=PointsAccount.seq + 1)
    .returning(col(PointsAccount.balance), col(PointsAccount.seq))
)
_SPENT = _BOOKED.where(col(PointsAccount.balance) + bindparam("points") >= 0)
_USED = (
    update(PointsLot)
    .where(col(PointsLot.id) == bindparam("lot_id"), col(PointsLot.remaining) >= bindparam("used"))
    .values(remaining=PointsLot.remaining - bindparam("used"))
)
_WRITTEN = select(col(PointsEntry.id)).where(
    PointsEntry.kind == bindparam("kind"), PointsEntry.reference == bindparam("reference")
)
_OPENED = insert(PointsAccount).returning(col(PointsAccount.id))
_ENTERED = insert(PointsEntry).returning(col(PointsEntry.id))
_CAME = insert(PointsLot)
_ALLOTTED = insert(PointsAllocation)


@dataclass
class Account:
    """A customer's account while it is ours, as it stands after every movement."""

    id: int
    customer_id: int
    balance: int
    seq: int
    frozen_at: datetime | None


@dataclass(frozen=True)
class Movement:
    """One movement before it is written. Into the lots come `makes` (a new lot), `back` (negative uses) and `moved`
    (lots that changed their account); what the new balance does not bear is taken out again, `first` lots first."""

    kind: PointsKind
    points: int
    reference: str
    reason: str
    at: datetime
    today: date
    staff_id: int | None = None
    reason_code: AdjustReason | None = None
    rule_id: int | None = None
    working: str = ""
    purchase_id: int | None = None
    import_batch_id: int | None = None
    reverses_id: int | None = None
    makes: int = 0
    earned_on: date | None = None
    expires_on: date | None = None
    back: tuple[Use, ...] = ()
    moved: int = 0
    first: frozenset[int] = frozenset()


def move(session: Session, customer_id: int, movement: Movement) -> PointsEntry:
    """Write a movement of a customer, once. Raises NotFound, ReferenceTaken, PointsFrozen, NotEnoughPoints,
    PointsInDoubt."""
    account = locked_account(session, customer_id)
    known = entry_by(session, movement.kind, movement.reference)
    if known is not None:
        return same(session, known, account, movement)
    if movement.kind is PointsKind.REDEEM and account.frozen_at is not None:
        raise PointsFrozen
    lots = lots_in(session, account.id)
    has_lapsed = bool(lapse(session, account, movement, lots))
    return post(session, account, movement, None if has_lapsed else lots)


def post(session: Session, account: Account, movement: Movement, lots: Sequence[Lot] | None = None) -> PointsEntry:
    """The only writer. The guarded UPDATE refuses what is not there, whatever was read before it. `lots`: those of the
    account, where they were just read."""
    connection = past_the_session(session)
    balance = _book(connection, account, movement)
    entry = _make_entry(connection, account, movement)
    brought = movement.makes + movement.moved - sum(use.points for use in movement.back)
    if movement.makes:
        _make_lot(connection, entry, movement)
    _use(connection, entry, movement.back)
    leaves = brought - lots_change(balance - movement.points, balance)
    if leaves:
        if lots is None or brought:
            lots = lots_in(session, account.id)
        uses = taken(lots, leaves, movement.first)
        if sum(use.points for use in uses) != leaves:
            raise PointsInDoubt
        _use(connection, entry, uses)
    mark_demo(session, PointsEntry, PointsEntry.id, entry.id)
    mark_demo(session, PointsLot, PointsLot.entry_id, entry.id)
    mark_demo(session, PointsAllocation, PointsAllocation.entry_id, entry.id)
    return entry


def _book(connection: Connection, account: Account, movement: Movement) -> int:
    """Change the balance and take the next place in the account; the new balance. Raises NotEnoughPoints."""
    is_guarded = movement.points < 0 and movement.kind not in MAY_OWE
    figures = {"account_id": account.id, "points": movement.points}
    row = connection.execute(_SPENT if is_guarded else _BOOKED, figures).first()
    if row is None:
        raise NotEnoughPoints("points", balance=account.balance, points=-movement.points)
    account.balance, account.seq = row
    return account.balance


def _make_entry(connection: Connection, account: Account, movement: Movement) -> PointsEntry:
    row: dict[str, Any] = {
        "account_id": account.id,
        "seq": account.seq,
        "kind": movement.kind,
        "points": movement.points,
        "balance_after": account.balance,
        "reference": movement.reference,
        "reason": movement.reason,
        "reason_code": movement.reason_code,
        "rule_id": movement.rule_id,
        "working": movement.working,
        "purchase_id": movement.purchase_id,
        "reverses_id": movement.reverses_id,
        "import_batch_id": movement.import_batch_id,
        "at": movement.at,
        "staff_id": movement.staff_id,
    }
    entry = PointsEntry(id=connection.execute(_ENTERED, row).scalar_one(), **row)
    # As if it had been read and let go: whoever adds it to the session does not write it twice.
    make_transient_to_detached(entry)
    return entry


def _make_lot(connection: Connection, entry: PointsEntry, movement: Movement) -> None:
    lot = {
        "account_id": entry.account_id,
        "entry_id": entry.id,
        "points": movement.makes,
        "remaining": movement.makes,
        "earned_on": movement.earned_on or movement.today,
        "expires_on": movement.expires_on,
    }
    connection.execute(_CAME, lot)


def _use(connection: Connection, entry: PointsEntry, uses: Sequence[Use]) -> None:
    for use in uses:
        changed = connection.execute(_USED, {"lot_id": use.lot_id, "used": use.points})
        if changed.rowcount != 1:
            raise PointsInDoubt
        connection.execute(_ALLOTTED, {"entry_id": entry.id, "lot_id": use.lot_id, "points": use.points})


def lapse(
    session: Session, account: Account, because: Movement, lots: Sequence[Lot] | None = None
) -> list[PointsEntry]:
    """What is over on that day falls away. A doubtful account is left as it is. `lots` as of `post`."""
    if account.frozen_at is not None:
        return []
    entries = []
    for lot in lots_in(session, account.id) if lots is None else lots:
        if is_over(lot.expires_on, because.today):
            # The place in the account makes it one of a kind: what was given back after its end may end again.
            reference = f"lot:{lot.lot_id}:{account.seq + 1}"
            ending = Movement(
                PointsKind.EXPIRE, -lot.remaining, reference, "", because.at, because.today,
                first=frozenset({lot.lot_id}),
            )  # fmt: skip
            entries.append(post(session, account, ending, [lot]))
    return entries


# ── Accounts, and what was written ────────────────────────────────────────────────────────────────────────────────────


def locked_account(session: Session, customer_id: int) -> Account:
    """The customer's account, ours until this unit of work ends; made where there is none. Raises NotFound."""
    account = _held(session, customer_id)
    if account is None:
        # Not the whole row's lock: two sales just written for her would wait for each other.
        wanted = select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True)
        if session.exec(wanted).first() is None:
            raise NotFound
        # While we waited for her record, another may have made it.
        account = _held(session, customer_id) or _opened(session, customer_id)
    return account


def _held(session: Session, customer_id: int) -> Account | None:
    """Found and locked in one: what was closed by a merge while we waited for it is not found."""
    row = past_the_session(session).execute(_HELD, {"customer_id": customer_id}).first()
    return Account(row.id, customer_id, row.balance, row.seq, row.frozen_at) if row else None


def _opened(session: Session, customer_id: int) -> Account:
    row = {"customer_id": customer_id, "balance": 0, "seq": 0, "closed_by": ""}
    account_id = session.connection().execute(_OPENED, row).scalar_one() or 0
    mark_demo(session, PointsAccount, PointsAccount.id, account_id)
    return Account(account_id, customer_id, 0, 0, None)


def entry_by(session: Session, kind: PointsKind, reference: str) -> PointsEntry | None:
    """What was written under this reference already."""
    number = past_the_session(session).execute(_WRITTEN, {"kind": kind, "reference": reference}).scalar()
    return session.get(PointsEntry, number) if number else None


def same(session: Session, known: PointsEntry, account: Account, movement: Movement) -> PointsEntry:
    """The first entry, where the movement is the same again. Raises ReferenceTaken."""
    is_same = (
        known.points == movement.points
        and known.reverses_id == movement.reverses_id
        and customer_of(session, known) == account.customer_id
    )
    if not is_same:
        raise ReferenceTaken("reference", reference=movement.reference)
    return known


def customer_of(session: Session, entry: PointsEntry) -> int:
    """Whose it is today: an account of a merged record belongs to the one that stayed."""
    return session.exec(select(PointsAccount.customer_id).where(PointsAccount.id == entry.account_id)).one() or 0
