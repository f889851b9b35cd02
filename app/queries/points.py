"""What a customer has in points, how it came about, and whether the books agree."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal_column, or_
from sqlmodel import Session, col, select

from app.db import past_the_session
from app.models import PointsAccount, PointsAllocation, PointsEntry, PointsLot
from app.rules.points import Lot, Use, in_order
from app.vocabulary import PointsKind

PAGE = 50


@dataclass(frozen=True)
class EntryLine:
    """One movement as a page shows it."""

    entry_id: int
    at: datetime
    kind: PointsKind
    points: int
    balance_after: int
    reason: str
    reference: str


@dataclass(frozen=True)
class Ending:
    """So many points count through that day."""

    points: int
    expires_on: date


@dataclass(frozen=True)
class Doubt:
    """An account whose books do not agree, and in what."""

    account_id: int
    customer_id: int
    what: str


_LOT_COLUMNS: tuple[Any, ...] = (PointsLot.id, PointsLot.remaining, PointsLot.earned_on, PointsLot.expires_on)
_LOTS_IN = select(*_LOT_COLUMNS).where(PointsLot.account_id == bindparam("account_id"), PointsLot.remaining > 0)
"""Put together once: every movement of points asks this."""


def open_account(session: Session, customer_id: int) -> int | None:
    """The account a customer's points are in; None before her first movement."""
    wanted = select(PointsAccount.id).where(
        PointsAccount.customer_id == customer_id, col(PointsAccount.closed_at).is_(None)
    )
    return session.exec(wanted).first()


def balance_of(session: Session, customer_id: int) -> int:
    """What she has; below zero it is a debt that her next points repay."""
    wanted = select(PointsAccount.balance).where(
        PointsAccount.customer_id == customer_id, col(PointsAccount.closed_at).is_(None)
    )
    return session.exec(wanted).first() or 0


def is_frozen(session: Session, customer_id: int) -> bool:
    """Whether her redemptions are held until a person has looked."""
    account_id = open_account(session, customer_id)
    wanted = select(PointsAccount.frozen_at).where(PointsAccount.id == account_id)
    return session.exec(wanted).first() is not None


def frozen_accounts(session: Session) -> int:
    """How many accounts wait for a person."""
    wanted = select(func.count()).select_from(PointsAccount)
    return session.exec(wanted.where(col(PointsAccount.frozen_at).is_not(None))).one()


def lots_in(session: Session, account_id: int) -> list[Lot]:
    """The lots of an account that hold something."""
    rows = past_the_session(session).execute(_LOTS_IN, {"account_id": account_id})
    return [Lot(lot_id, remaining, earned_on, expires_on) for lot_id, remaining, earned_on, expires_on in rows]


def lots_of(session: Session, customer_id: int) -> list[Lot]:
    """What her points are made of, as they will be used up."""
    account_id = open_account(session, customer_id)
    return in_order(lots_in(session, account_id)) if account_id else []


def next_to_expire(session: Session, customer_id: int) -> Ending | None:
    """Her points that end first; None where none ever do."""
    dated: dict[date, int] = defaultdict(int)
    for lot in lots_of(session, customer_id):
        if lot.expires_on is not None:
            dated[lot.expires_on] += lot.remaining
    return Ending(dated[min(dated)], min(dated)) if dated else None


def entries_of(
    session: Session, customer_id: int, *, before_id: int | None = None, limit: int = PAGE
) -> list[EntryLine]:
    """How it came about, newest first, with what a merged record brought along. `before_id` is the last one seen."""
    wanted = (
        select(PointsEntry)
        .join(PointsAccount)
        .where(PointsAccount.customer_id == customer_id, *([col(PointsEntry.id) < before_id] if before_id else []))
        .order_by(col(PointsEntry.id).desc())
        .limit(limit)
    )
    return [
        EntryLine(one.id or 0, one.at, one.kind, one.points, one.balance_after, one.reason, one.reference)
        for one in session.exec(wanted)
    ]


# ── What a merge took along ───────────────────────────────────────────────────────────────────────────────────────────


def family_of(session: Session, account_id: int) -> list[int]:
    """An account with those it had taken in itself, and theirs."""
    family, found = [account_id], [account_id]
    while found:
        wanted = select(PointsAccount.id).where(col(PointsAccount.merged_into_id).in_(found))
        found = [one or 0 for one in session.exec(wanted)]
        family += found
    return family


def lots_of_family(family: Sequence[int], account_id: int) -> ColumnElement[bool]:
    """Lots in an account that came in through these: a lot never changes the entry that made it."""
    made = select(PointsEntry.id).where(col(PointsEntry.account_id).in_(family))
    return and_(col(PointsLot.account_id) == account_id, col(PointsLot.entry_id).in_(made))


def lot_ids_in(session: Session, account_id: int) -> frozenset[int]:
    """The lots of an account, empty ones too."""
    return frozenset(one or 0 for one in session.exec(select(PointsLot.id).where(PointsLot.account_id == account_id)))


def used_since(session: Session, family: Sequence[int], account_id: int, entry_id: int) -> tuple[int, int]:
    """What was spent out of a family's lots in an account after that entry (negative: came back), and what ended."""
    wanted = (
        select(PointsEntry.kind, func.sum(PointsAllocation.points))
        .join(PointsAllocation, col(PointsAllocation.entry_id) == PointsEntry.id)
        .join(PointsLot, col(PointsLot.id) == PointsAllocation.lot_id)
        .where(lots_of_family(family, account_id), col(PointsEntry.id) > entry_id)
        .group_by(col(PointsEntry.kind))
    )
    sums = {kind: int(points) for kind, points in session.exec(wanted)}
    ended = sums.pop(PointsKind.EXPIRE, 0)
    return sum(sums.values()), ended


def refunded_since(session: Session, family: Sequence[int], account_id: int, entry_id: int) -> tuple[int, int]:
    """What refunds after that entry took back, in an account, of what had come in through a family: out of the family's own
    lots, and beyond them."""
    came_in = select(PointsEntry.id).where(col(PointsEntry.account_id).in_(family), PointsEntry.points > 0)
    is_one = and_(
        col(PointsEntry.account_id) == account_id,
        col(PointsEntry.id) > entry_id,
        col(PointsEntry.kind) == PointsKind.REVERSE,
        col(PointsEntry.reverses_id).in_(came_in),
    )
    taken = session.exec(select(func.coalesce(func.sum(PointsEntry.points), 0)).where(is_one)).one()
    own = (
        select(func.coalesce(func.sum(PointsAllocation.points), 0))
        .join(PointsLot, col(PointsLot.id) == PointsAllocation.lot_id)
        .where(lots_of_family(family, account_id))
        .where(col(PointsAllocation.entry_id).in_(select(PointsEntry.id).where(is_one)))
    )
    of_its_own = int(session.exec(own).one())
    return of_its_own, -int(taken) - of_its_own


def paid_out(session: Session, entry_id: int) -> tuple[Use, ...]:
    """What an entry took out of lots, as what would go back."""
    wanted = select(PointsAllocation.lot_id, PointsAllocation.points).where(PointsAllocation.entry_id == entry_id)
    return tuple(Use(lot_id, -points) for lot_id, points in session.exec(wanted))


def reversed_of(session: Session, entry_id: int) -> int:
    """How many points of a movement were taken back already."""
    total = select(func.coalesce(func.sum(func.abs(PointsEntry.points)), 0))
    return int(session.exec(total.where(PointsEntry.reverses_id == entry_id)).one())


def ended_of(session: Session, entry_id: int) -> int:
    """How many of the points an entry brought have ended unused."""
    total = (
        select(func.coalesce(func.sum(PointsAllocation.points), 0))
        .join(PointsLot, col(PointsLot.id) == PointsAllocation.lot_id)
        .join(PointsEntry, col(PointsEntry.id) == PointsAllocation.entry_id)
        .where(PointsLot.entry_id == entry_id, PointsEntry.kind == PointsKind.EXPIRE)
    )
    return int(session.exec(total).one())


# ── Whether the books agree ───────────────────────────────────────────────────────────────────────────────────────────


def accounts_after(session: Session, account_id: int, limit: int) -> list[int]:
    """The next accounts after this number."""
    wanted = select(PointsAccount.id).where(col(PointsAccount.id) > account_id).order_by(col(PointsAccount.id))
    return [one or 0 for one in session.exec(wanted.limit(limit))]


def owners_of_ended(session: Session, today: date, after: int, limit: int) -> list[int]:
    """The next customers after this number with points whose last day is gone; whose books are in doubt waits."""
    owner = col(PointsAccount.customer_id)
    wanted = (
        select(owner)
        .join(PointsLot, col(PointsLot.account_id) == col(PointsAccount.id))
        .where(
            PointsLot.expires_on < today,  # type: ignore[operator]  # an undated lot is never less
            col(PointsLot.remaining) > literal_column("0"),  # as its index says it: a parameter would not be recognised
            col(PointsAccount.closed_at).is_(None),
            col(PointsAccount.frozen_at).is_(None),
            owner > after,
        )
        .distinct()
        .order_by(owner)
        .limit(limit)
    )
    return [one or 0 for one in session.exec(wanted)]


def check_ledger(session: Session, first: int = 0, last: int | None = None) -> list[Doubt]:
    """Accounts from `first` to `last` (None: to the end) whose balance, entries, lots and uses do not bear each other
    out, each once."""
    found: dict[int, str] = {}
    for what, doubtful in _CHECKS.items():
        for account_id in session.exec(doubtful(_Span(first, last))):
            found.setdefault(account_id, what)
    owners = select(col(PointsAccount.id), PointsAccount.customer_id).where(col(PointsAccount.id).in_(found))
    return [
        Doubt(one or 0, owner or 0, found[one or 0])
        for one, owner in session.exec(owners.order_by(col(PointsAccount.id)))
    ]


@dataclass(frozen=True)
class _Span:
    first: int
    last: int | None

    def holds(self, account: Any) -> ColumnElement[bool]:
        return account >= self.first if self.last is None else account.between(self.first, self.last)


def _summed(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)


def _above_zero(points: Any) -> Any:
    return case((points > 0, points), else_=0)


def _unbalanced(span: _Span) -> Any:
    """The balance is the sum of the entries, and their places go from one to the last without a gap."""
    account, entry, count = PointsAccount, PointsEntry, func.count(col(PointsEntry.id))
    balance, place = col(account.balance), col(account.seq)
    return (
        select(account.id)
        .outerjoin(entry, col(entry.account_id) == account.id)
        .where(span.holds(col(account.id)))
        .group_by(col(account.id))
        .having(
            or_(
                balance != _summed(entry.points),
                place != count,
                place != func.coalesce(func.max(entry.seq), 0),
                func.coalesce(func.min(entry.seq), 1) != 1,
                and_(col(account.closed_at).is_not(None), balance != 0),
            )
        )
    )


def _broken_chains(span: _Span) -> Any:
    """Every entry begins where the one before it ended."""
    entry = PointsEntry
    before = func.lag(entry.balance_after, 1, 0).over(partition_by=col(entry.account_id), order_by=col(entry.seq))
    steps = (
        select(entry.account_id, (entry.balance_after - entry.points).label("began"), before.label("ended"))  # type: ignore[attr-defined]
        .where(span.holds(col(entry.account_id)))
        .subquery()
    )
    return select(steps.c.account_id).where(steps.c.began != steps.c.ended).distinct()


def _uneven_lots(span: _Span) -> Any:
    """The lots hold what the balance says, and nothing when it says a debt."""
    account, lot = PointsAccount, PointsLot
    return (
        select(account.id)
        .outerjoin(lot, col(lot.account_id) == account.id)
        .where(span.holds(col(account.id)))
        .group_by(col(account.id))
        .having(_summed(lot.remaining) != _above_zero(account.balance))
    )


def _misused_lots(span: _Span) -> Any:
    """What is left of a lot is what came in less what was used of it."""
    lot, used = PointsLot, PointsAllocation
    return (
        select(lot.account_id)
        .outerjoin(used, col(used.lot_id) == lot.id)
        .where(span.holds(col(lot.account_id)))
        .group_by(col(lot.id))
        .having(lot.remaining != lot.points - _summed(used.points))
    )


def _uncovered_entries(span: _Span) -> Any:
    """Every movement changed the lots by what it changed the balance above zero. A merge moves whole lots: its sum is
    the account's, which is checked above."""
    entry, lot, used = PointsEntry, PointsLot, PointsAllocation
    made = select(_summed(lot.points)).where(lot.entry_id == entry.id).scalar_subquery()
    taken = select(_summed(used.points)).where(used.entry_id == entry.id).scalar_subquery()
    change = _above_zero(entry.balance_after) - _above_zero(entry.balance_after - entry.points)
    return (
        select(entry.account_id)
        .where(span.holds(col(entry.account_id)), entry.kind != PointsKind.MERGE, made - taken != change)
        .distinct()
    )


_CHECKS: Mapping[str, Callable[[_Span], Any]] = {
    "balance": _unbalanced,
    "chain": _broken_chains,
    "lots": _uneven_lots,
    "lot": _misused_lots,
    "use": _uncovered_entries,
}
