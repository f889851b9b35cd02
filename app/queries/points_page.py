"""A customer's points as the counter reads them: every lot with its last day, every movement with what belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy.orm import joinedload
from sqlmodel import Session, col, select

from app.models import (
    PointsAccount,
    PointsAllocation,
    PointsEntry,
    PointsLot,
    PointsRequest,
    Redemption,
)
from app.queries.earning import earner_at, rules_at
from app.queries.points import check_ledger, open_account
from app.rules.adjustments import BY_HAND
from app.rules.earning import EarningTerms, occasion_terms
from app.rules.points import day_of
from app.vocabulary import PointsKind

PAGE = 20


@dataclass(frozen=True)
class Movement:
    """One movement with what it is about: the redemption it was, the entry it took back, who said yes besides, through
    which day what ended had counted; whether it was taken back itself."""

    entry: PointsEntry
    redemption: Redemption | None
    reversed: PointsEntry | None
    approved_by: str
    ended_on: date | None
    is_taken_back: bool = False


@dataclass(frozen=True)
class Standing:
    """What the account says: a balance below zero is a debt. `frozen_at`: its books did not agree."""

    account_id: int | None = None
    balance: int = 0
    frozen_at: datetime | None = None

    @property
    def debt(self) -> int:
        """What the next points repay first; 0 without any."""
        return max(-self.balance, 0)


@dataclass(frozen=True)
class Figures:
    """An account's three sums, which have to be one: as it is kept, of its entries, of its lots. `what` names what does
    not agree; empty where everything does."""

    balance: int
    entries: int
    lots: int
    what: str


def standing_of(session: Session, customer_id: int) -> Standing:
    """Her account as it stands; nothing before her first movement."""
    account = session.get(PointsAccount, open_account(session, customer_id) or 0)
    return Standing(account.id, account.balance, account.frozen_at) if account else Standing()


def movements_of(session: Session, customer_id: int, *, before_id: int | None = None) -> list[Movement]:
    """How it came about, newest first, `PAGE` and one more; with what a merged record brought along."""
    wanted = (
        select(PointsEntry)
        .join(PointsAccount)
        .where(PointsAccount.customer_id == customer_id, *([col(PointsEntry.id) < before_id] if before_id else []))
        .options(joinedload(PointsEntry.purchase), joinedload(PointsEntry.staff))  # type: ignore[arg-type]
        .order_by(col(PointsEntry.id).desc())
        .limit(PAGE + 1)
    )
    entries = list(session.exec(wanted))
    reversed_ids = [one.reverses_id for one in entries if one.reverses_id]
    redemptions = _redemptions(session, [*(one.id or 0 for one in entries), *reversed_ids])
    taken_back = {one.id: one for one in session.exec(select(PointsEntry).where(col(PointsEntry.id).in_(reversed_ids)))}
    approved, ended = _approved(session, entries), _ended(session, entries)
    wanted_back = select(PointsEntry.reverses_id).where(col(PointsEntry.reverses_id).in_([one.id for one in entries]))
    gone = set(session.exec(wanted_back))
    return [
        Movement(
            one,
            redemptions.get(one.reverses_id or one.id or 0),
            taken_back.get(one.reverses_id),
            approved.get(one.id or 0, ""),
            ended.get(one.id or 0),
            one.id in gone,
        )
        for one in entries
    ]


def figures_of(session: Session, account_id: int) -> Figures:
    """The account's sums beside each other, for whoever looks why they are not one."""
    balance = select(func.coalesce(func.sum(PointsAccount.balance), 0)).where(PointsAccount.id == account_id)
    entries = select(func.coalesce(func.sum(PointsEntry.points), 0)).where(PointsEntry.account_id == account_id)
    lots = select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(PointsLot.account_id == account_id)
    doubts = check_ledger(session, account_id, account_id)
    kept, moved, left = (int(session.exec(one).one()) for one in (balance, entries, lots))
    return Figures(kept, moved, left, doubts[0].what if doubts else "")


def occasions_of(session: Session, customer_id: int, *, now: datetime, zone: ZoneInfo) -> tuple[EarningTerms, ...]:
    """What may be written down for her by hand today, each with the rule that gives points for it."""
    on = day_of(now, zone)
    rules, earner = rules_at(session, now), earner_at(session, customer_id, now, on)
    found = (occasion_terms(rules, kind, on, earner) for kind in BY_HAND)
    return tuple(one for one in found if one is not None)


def _redemptions(session: Session, entry_ids: Sequence[int]) -> dict[int, Redemption]:
    wanted = select(Redemption).where(col(Redemption.entry_id).in_(entry_ids))
    rows = session.exec(wanted.options(joinedload(Redemption.reward)))  # type: ignore[arg-type]
    return {one.entry_id: one for one in rows}


def _approved(session: Session, entries: Sequence[PointsEntry]) -> dict[int, str]:
    by_hand = [one.id for one in entries if one.kind is PointsKind.ADJUST]
    wanted = select(PointsRequest).where(col(PointsRequest.entry_id).in_(by_hand))
    rows = session.exec(wanted.options(joinedload(PointsRequest.decided_staff)))  # type: ignore[arg-type]
    return {one.entry_id or 0: str(one.decided_staff or "") for one in rows}


def _ended(session: Session, entries: Sequence[PointsEntry]) -> dict[int, date]:
    over = [one.id for one in entries if one.kind is PointsKind.EXPIRE]
    wanted = (
        select(PointsAllocation.entry_id, func.max(PointsLot.expires_on))
        .join(PointsLot, col(PointsLot.id) == PointsAllocation.lot_id)
        .where(col(PointsAllocation.entry_id).in_(over))
        .group_by(col(PointsAllocation.entry_id))
    )
    return {entry_id: day for entry_id, day in session.exec(wanted) if day is not None}
