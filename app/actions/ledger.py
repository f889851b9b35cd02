"""The ledger of points: one writer for all that moves. Decision: what lies in the lots is what the balance bears."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from app.db import lock_row
from app.models import Customer, PointsAccount, PointsAllocation, PointsEntry, PointsLot
from app.queries.points import lots_in, open_account
from app.rules.points import (
    MAY_OWE,
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
    lapse(session, account, movement)
    return post(session, account, movement)


def post(session: Session, account: PointsAccount, movement: Movement) -> PointsEntry:
    """The only writer. The guarded UPDATE refuses what is not there, whatever was read before it."""
    balance = _book(session, account, movement)
    entry = PointsEntry(
        account_id=account.id or 0,
        seq=account.seq,
        kind=movement.kind,
        points=movement.points,
        balance_after=balance,
        reference=movement.reference,
        reason=movement.reason,
        reason_code=movement.reason_code,
        rule_id=movement.rule_id,
        working=movement.working,
        purchase_id=movement.purchase_id,
        reverses_id=movement.reverses_id,
        import_batch_id=movement.import_batch_id,
        at=movement.at,
        staff_id=movement.staff_id,
    )
    session.add(entry)
    session.flush()
    brought = movement.makes + movement.moved - sum(use.points for use in movement.back)
    _make_lot(session, entry, movement)
    _use(session, entry, movement.back)
    leaves = brought - lots_change(balance - movement.points, balance)
    if leaves:
        uses = taken(lots_in(session, account.id or 0), leaves, movement.first)
        if sum(use.points for use in uses) != leaves:
            raise PointsInDoubt
        _use(session, entry, uses)
    session.flush()
    return entry


def _book(session: Session, account: PointsAccount, movement: Movement) -> int:
    """Change the balance and take the next place in the account; the new balance. Raises NotEnoughPoints."""
    wanted = update(PointsAccount).where(col(PointsAccount.id) == account.id)
    if movement.points < 0 and movement.kind not in MAY_OWE:
        wanted = wanted.where(col(PointsAccount.balance) + movement.points >= 0)
    row = session.connection().execute(
        wanted.values(balance=PointsAccount.balance + movement.points, seq=PointsAccount.seq + 1).returning(
            col(PointsAccount.balance), col(PointsAccount.seq)
        )
    ).first()  # fmt: skip
    if row is None:
        raise NotEnoughPoints("points", balance=account.balance, points=-movement.points)
    set_committed_value(account, "balance", row.balance)
    set_committed_value(account, "seq", row.seq)
    return int(row.balance)


def _make_lot(session: Session, entry: PointsEntry, movement: Movement) -> None:
    if movement.makes:
        session.add(
            PointsLot(
                account_id=entry.account_id,
                entry_id=entry.id or 0,
                points=movement.makes,
                remaining=movement.makes,
                earned_on=movement.earned_on or movement.today,
                expires_on=movement.expires_on,
            )
        )
        session.flush()


def _use(session: Session, entry: PointsEntry, uses: Sequence[Use]) -> None:
    for use in uses:
        changed = session.connection().execute(
            update(PointsLot)
            .where(col(PointsLot.id) == use.lot_id, col(PointsLot.remaining) >= use.points)
            .values(remaining=PointsLot.remaining - use.points)
        )
        if changed.rowcount != 1:
            raise PointsInDoubt
        session.add(PointsAllocation(entry_id=entry.id or 0, lot_id=use.lot_id, points=use.points))


def lapse(session: Session, account: PointsAccount, because: Movement) -> list[PointsEntry]:
    """What is over on that day falls away. A doubtful account is left as it is."""
    if account.frozen_at is not None:
        return []
    entries = []
    for lot in lots_in(session, account.id or 0):
        if is_over(lot.expires_on, because.today):
            # The place in the account makes it one of a kind: what was given back after its end may end again.
            reference = f"lot:{lot.lot_id}:{account.seq + 1}"
            ending = Movement(
                PointsKind.EXPIRE, -lot.remaining, reference, "", because.at, because.today,
                first=frozenset({lot.lot_id}),
            )  # fmt: skip
            entries.append(post(session, account, ending))
    return entries


# ── Accounts, and what was written ────────────────────────────────────────────────────────────────────────────────────


def locked_account(session: Session, customer_id: int) -> PointsAccount:
    """The customer's account, ours until this unit of work ends; made where there is none. Raises NotFound."""
    while (account_id := open_account(session, customer_id)) is not None:
        account = lock_row(session, PointsAccount, account_id)
        # While we waited for it, a merge may have closed it.
        if account is not None and account.closed_at is None and account.customer_id == customer_id:
            return account
    # Not the whole row's lock: two sales just written for her would wait for each other.
    wanted = select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True)
    if session.exec(wanted).first() is None:
        raise NotFound
    if open_account(session, customer_id) is not None:
        return locked_account(session, customer_id)
    account = PointsAccount(customer_id=customer_id)
    session.add(account)
    session.flush()
    return account


def entry_by(session: Session, kind: PointsKind, reference: str) -> PointsEntry | None:
    """What was written under this reference already."""
    return session.exec(select(PointsEntry).where(PointsEntry.kind == kind, PointsEntry.reference == reference)).first()


def same(session: Session, known: PointsEntry, account: PointsAccount, movement: Movement) -> PointsEntry:
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
