"""The points of a customer: what comes in, what goes out, what is taken back. What is written, `actions.ledger` writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from app.actions.ledger import Account, Movement, customer_of, entry_by, lapse, locked_account, move, post, same
from app.audit import note_deed
from app.db import lock_row
from app.models import PointsAccount, PointsAllocation, PointsEntry, PointsLot
from app.queries.points import (
    check_ledger,
    family_of,
    lot_ids_in,
    lots_of_family,
    open_account,
    paid_out,
    refunded_since,
    reversed_of,
    used_since,
)
from app.rules.points import (
    REVERSIBLE,
    NotReversible,
    PointsEntangled,
    PointsInDoubt,
    PointsSpentMeanwhile,
    ReversedTooMuch,
    Use,
    day_of,
    given_back,
    is_over,
    lots_change,
    signed_points,
    stated_reason,
    whole_points,
)
from app.rules.refusals import NotFound
from app.vocabulary import AdjustReason, AuditAction, PointsKind


def open_balance(
    session: Session,
    customer_id: int,
    points: int,
    *,
    reference: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
    import_batch_id: int | None = None,
    expires_on: date | None = None,
) -> PointsEntry:
    """What a customer brings along from the books before this one. Raises as `earn_points`."""
    movement = Movement(
        PointsKind.OPENING, whole_points(points), reference, reason, now, day_of(now, zone), makes=points,
        staff_id=staff_id, import_batch_id=import_batch_id, expires_on=expires_on,
    )  # fmt: skip
    return move(session, customer_id, movement)


def earn_points(
    session: Session,
    customer_id: int,
    points: int,
    *,
    reference: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    expires_on: date | None = None,
    purchase_id: int | None = None,
    staff_id: int | None = None,
    import_batch_id: int | None = None,
    earned_on: date | None = None,
    rule_id: int | None = None,
    working: str = "",
) -> PointsEntry:
    """Points come in, as a lot of `earned_on` (None: today) that counts through `expires_on` (None: always). A debt is
    repaid out of it first. The same reference again gives the first entry. Raises PointsWrong, ReferenceTaken, NotFound, PointsInDoubt."""
    movement = Movement(
        PointsKind.EARN, whole_points(points), reference, reason, now, day_of(now, zone), makes=points,
        staff_id=staff_id, purchase_id=purchase_id, import_batch_id=import_batch_id,
        earned_on=earned_on, expires_on=expires_on, rule_id=rule_id, working=working,
    )  # fmt: skip
    return move(session, customer_id, movement)


def spend_points(
    session: Session,
    customer_id: int,
    points: int,
    *,
    reference: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
    purchase_id: int | None = None,
) -> PointsEntry:
    """Redeem: out of the lots that end soonest, never more than there is. Raises NotEnoughPoints, PointsFrozen, or as
    `earn_points`."""
    movement = Movement(
        PointsKind.REDEEM, -whole_points(points), reference, reason, now, day_of(now, zone),
        staff_id=staff_id, purchase_id=purchase_id,
    )  # fmt: skip
    return move(session, customer_id, movement)


def adjust_points(
    session: Session,
    customer_id: int,
    points: int,
    *,
    reference: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    staff_id: int | None = None,
    expires_on: date | None = None,
    reason_code: AdjustReason = AdjustReason.OTHER,
) -> PointsEntry:
    """Put right by hand, up or down, with a reason; never below zero. Raises PointsReasonMissing, or as
    `spend_points`."""
    movement = Movement(
        PointsKind.ADJUST, signed_points(points), reference, stated_reason(reason), now, day_of(now, zone),
        makes=max(points, 0), staff_id=staff_id, expires_on=expires_on, reason_code=reason_code,
    )  # fmt: skip
    return move(session, customer_id, movement)


def reverse_entry(
    session: Session,
    entry_id: int,
    *,
    reference: str,
    reason: str,
    now: datetime,
    zone: ZoneInfo,
    points: int | None = None,
    grace_until_on: date | None = None,
    staff_id: int | None = None,
    purchase_id: int | None = None,
) -> PointsEntry:
    """Take a movement back, whole or so many `points` of it. Spent points return into the lots they came from, with the
    end those have; a lot that is over makes a new one through `grace_until_on`, or ends again at once without. Points
    that had come in are taken from their own lot first, then from those that end soonest, then become a debt.

    Raises NotFound, NotReversible, ReversedTooMuch, or as `earn_points`.
    """
    entry = session.get(PointsEntry, entry_id)
    if entry is None:
        raise NotFound
    if entry.kind not in REVERSIBLE:
        raise NotReversible
    account = locked_account(session, customer_of(session, entry))
    known = entry_by(session, PointsKind.REVERSE, reference)
    left = abs(entry.points) - reversed_of(session, entry_id)
    part = whole_points(points) if points else abs(known.points) if known else left
    movement = Movement(
        PointsKind.REVERSE, part if entry.points < 0 else -part, reference, reason, now, day_of(now, zone),
        staff_id=staff_id, purchase_id=purchase_id or entry.purchase_id, reverses_id=entry_id,
    )  # fmt: skip
    if known is not None:
        return same(session, known, account, movement)
    if not 0 < part <= left:
        raise ReversedTooMuch("points", points=left)
    lapse(session, account, movement)
    if entry.points < 0:
        movement = _returning(session, movement, entry, abs(entry.points) - left, grace_until_on)
    else:
        movement = replace(movement, first=_lots_made(session, entry_id))
    reversal = post(session, account, movement)
    lapse(session, account, movement)
    return reversal


def expire_points(session: Session, customer_id: int, *, now: datetime, zone: ZoneInfo) -> list[PointsEntry]:
    """What is left in lots whose last day is gone falls away; a second time there is nothing. Every movement of a
    customer does this first, so a job that is late lets nobody spend what is over."""
    account = locked_account(session, customer_id)
    return lapse(session, account, Movement(PointsKind.EXPIRE, 0, "", "", now, day_of(now, zone)))


def freeze_if_doubtful(session: Session, account_id: int, *, now: datetime) -> bool:
    """Let nothing be redeemed from an account whose books do not agree, until a person has looked; whether they do not.
    Asked again under its lock: a till may have been writing while it was looked at. Nothing is put right here."""
    if lock_row(session, PointsAccount, account_id) is None or not check_ledger(session, account_id, account_id):
        return False
    _set_frozen(session, account_id, now)
    return True


def freeze_account(session: Session, account_id: int, *, now: datetime) -> None:
    """Let nothing be redeemed until a person has looked. Raises NotFound."""
    _set_frozen(session, account_id, now)


def release_account(session: Session, account_id: int) -> None:
    """A person has looked: redeem again. Raises NotFound, PointsInDoubt while the books still do not agree."""
    if check_ledger(session, account_id, account_id):
        raise PointsInDoubt
    _set_frozen(session, account_id, None)


def _set_frozen(session: Session, account_id: int, at: datetime | None) -> None:
    account = lock_row(session, PointsAccount, account_id)
    if account is None:
        raise NotFound
    if (account.frozen_at is None) != (at is None):
        account.frozen_at = at
        session.flush()
        note_deed(session, AuditAction.UPDATE, "points_accounts", account_id, frozen=int(at is not None))


# ── Two records become one ────────────────────────────────────────────────────────────────────────────────────────────


def move_account(
    session: Session, from_customer_id: int, to_customer_id: int, *, merge_reference: str, now: datetime, zone: ZoneInfo
) -> None:
    """Her points go over to the record that stays: one entry out of the one account, one into the other, and the lots as
    they are, so nothing is earned twice and nothing ends sooner. A debt goes over too. Raises NotFound, PointsInDoubt."""
    if open_account(session, from_customer_id) is None:
        return
    for one in sorted((from_customer_id, to_customer_id)):  # or what is over would repay the other's debt
        if open_account(session, one) is not None:
            expire_points(session, one, now=now, zone=zone)
    source, target = _both(session, from_customer_id, to_customer_id)
    balance, held = source.balance, _hand_over(session, family_of(session, source.id), source.id, target.id)
    if balance:
        _cross(session, _Crossing(source, target, balance, held), merge_reference, now)
    closed = session.get_one(PointsAccount, source.id, populate_existing=True)
    closed.closed_at, closed.closed_by, closed.merged_into_id = now, merge_reference, target.id
    session.flush()
    _give_accounts(session, col(PointsAccount.customer_id) == from_customer_id, to_customer_id)


def unmove_account(
    session: Session, from_customer_id: int, to_customer_id: int, *, merge_reference: str, now: datetime
) -> None:
    """The merged record is its own again: its lots go back to it with what is left in them. What has ended meanwhile, or
    was taken back with a sale of hers, is gone; what has been spent meanwhile cannot be in two places. Raises
    PointsSpentMeanwhile, PointsEntangled, PointsInDoubt."""
    wanted = select(PointsAccount).where(PointsAccount.closed_by == merge_reference)
    closed = session.exec(wanted.where(PointsAccount.customer_id == to_customer_id)).first()
    if closed is None:
        return
    target = locked_account(session, to_customer_id)
    if target.id != closed.merged_into_id or target.frozen_at is not None:
        raise PointsInDoubt
    family = family_of(session, closed.id or 0)
    came = entry_by(session, PointsKind.MERGE, f"{merge_reference}:in")
    spent, gone = used_since(session, family, target.id, came.id or 0) if came else (0, 0)
    refunded, beyond = refunded_since(session, family, target.id, came.id or 0) if came else (0, 0)
    if spent > refunded:
        raise PointsSpentMeanwhile(points=spent - refunded)
    if beyond > 0:
        raise PointsEntangled(points=beyond)
    _give_accounts(session, col(PointsAccount.id).in_(family), from_customer_id)
    closed.closed_at, closed.closed_by, closed.merged_into_id = None, "", None
    session.flush()
    source = locked_account(session, from_customer_id)
    held = _hand_over(session, family, target.id, source.id)
    balance = came.points - spent - gone if came else held
    if balance or held:
        back = paid_out(session, came.id or 0) if came else ()
        _cross(session, _Crossing(target, source, balance, held, back), f"{merge_reference}:undo", now)


@dataclass(frozen=True)
class _Crossing:
    """A balance that goes from one account to the other, with lots that hold so much. `back`: uses an earlier crossing
    made, which are no longer."""

    source: Account
    target: Account
    balance: int
    held: int
    back: tuple[Use, ...] = ()


def _both(session: Session, from_customer_id: int, to_customer_id: int) -> tuple[Account, Account]:
    """Both accounts, locked in one order whoever is merged into whom."""
    accounts = {one: locked_account(session, one) for one in sorted((from_customer_id, to_customer_id))}
    source, target = accounts[from_customer_id], accounts[to_customer_id]
    if source.frozen_at is not None or target.frozen_at is not None:
        raise PointsInDoubt
    return source, target


def _cross(session: Session, crossing: _Crossing, reference: str, now: datetime) -> None:
    """The two entries of a crossing. They make no lot that could end, so the shop's day does not matter."""
    source, target, balance, held = crossing.source, crossing.target, crossing.balance, crossing.held
    if not balance:
        raise PointsInDoubt
    theirs = lot_ids_in(session, target.id)
    going = Movement(PointsKind.MERGE, -balance, f"{reference}:out", "", now, now.date(), moved=-held)
    back = tuple(use for use in crossing.back if use.lot_id not in theirs)
    # Where a debt that went over was repaid since, the points come back as a lot without an end.
    lacks = lots_change(source.balance, source.balance - balance) + held + sum(use.points for use in back)
    post(session, source, replace(going, back=back, makes=max(lacks, 0)))
    back = tuple(use for use in crossing.back if use.lot_id in theirs)
    post(session, target, replace(going, points=balance, reference=f"{reference}:in", moved=held, back=back))


def _hand_over(session: Session, family: Sequence[int], source_id: int, target_id: int) -> int:
    """Every lot of one account to the other, or of those it came with; what they hold."""
    theirs = lots_of_family(family, source_id)
    held = session.exec(select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(theirs)).one()
    session.connection().execute(update(PointsLot).where(theirs).values(account_id=target_id))
    return int(held)


def _give_accounts(session: Session, which: ColumnElement[bool], customer_id: int) -> None:
    for account in session.exec(select(PointsAccount).where(which)):
        account.customer_id = customer_id
    session.flush()


# ── What the movements are made of ────────────────────────────────────────────────────────────────────────────────────


def _lots_made(session: Session, entry_id: int) -> frozenset[int]:
    return frozenset(one or 0 for one in session.exec(select(PointsLot.id).where(PointsLot.entry_id == entry_id)))


def _returning(
    session: Session, movement: Movement, entry: PointsEntry, already: int, grace_until_on: date | None
) -> Movement:
    """A reversed spend: back into its lots, and what those no longer keep into a new one where there is grace."""
    rows = session.exec(
        select(PointsAllocation.lot_id, PointsAllocation.points, col(PointsLot.expires_on))
        .join(PointsLot, col(PointsLot.id) == PointsAllocation.lot_id)
        .where(PointsAllocation.entry_id == entry.id)
        .order_by(col(PointsAllocation.id))
    ).all()
    ends = {lot_id: expires_on for lot_id, _, expires_on in rows}
    backs = given_back([Use(lot_id, points) for lot_id, points, _ in rows], movement.points, already)
    if grace_until_on is None:
        return replace(movement, back=backs)
    over = tuple(use for use in backs if is_over(ends[use.lot_id], movement.today))
    return replace(
        movement,
        back=tuple(use for use in backs if use not in over),
        makes=-sum(use.points for use in over),
        expires_on=grace_until_on,
    )
