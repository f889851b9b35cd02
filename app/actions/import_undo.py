"""A whole import is taken back: what it made is gone, what it changed is as it was; or, where somebody has built on it,
nothing happens and the reasons are said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Delete, delete, exists, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, func, or_, select

from app.actions.customers import lock_member_series
from app.actions.later_work import (
    AT_ONCE,
    FOLLOWS,
    Kept,
    changed_by,
    given_by,
    is_still,
    made_by,
    standing_openings,
    why_not,
)
from app.actions.points import reverse_entry
from app.actions.tiers import TIER_COLUMNS, review_tiers
from app.audit import Actor, note_deed
from app.db import Database, lock_row
from app.i18n import gettext
from app.models import (
    ContactEvent,
    Customer,
    CustomerTag,
    ImportBatch,
    ImportChange,
    PointsAccount,
    PointsEntry,
    PointsPending,
    Product,
    Purchase,
    PurchaseLine,
    Tag,
    TierChange,
    Treatment,
)
from app.queries.points import ended_of, reversed_of
from app.queries.policy import current_policy
from app.rules.import_undo import (
    ImportAlreadyReverted,
    ImportBuiltUpon,
    ImportNotUndoable,
    ImportStillRunning,
    Refusal,
    UndoReport,
)
from app.rules.refusals import NotFound, words
from app.vocabulary import AuditAction, ImportKind, ImportStage

__all__ = ["Refusal", "undo_import", "why_not"]
Progress = Callable[[int, int], None]
_TAKEN_BACK = words("导入撤销")
_UNDOABLE = (ImportStage.DONE, ImportStage.FAILED)


@dataclass
class _Undo:
    """One import on its way out again."""

    session: Session
    batch_id: int
    now: datetime
    zone: ZoneInfo
    progress: Progress
    total: int = 0
    removed: int = 0
    restored: int = 0

    def count(self, *, removed: int = 0, restored: int = 0) -> None:
        """So many more records."""
        self.removed += removed
        self.restored += restored
        self.progress(self.removed + self.restored, self.total)


def undo_import(
    database: Database,
    batch_id: int,
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
    progress: Progress = lambda done, total: None,
) -> UndoReport:
    """Take an import back, all of it in one unit of work. `progress` hears of records done and in all.

    Raises NotFound, ImportAlreadyReverted, ImportStillRunning, ImportNotUndoable, or ImportBuiltUpon with the reasons.
    """
    try:
        return _attempted(database, batch_id, actor=actor, now=now, zone=zone, progress=progress)
    except IntegrityError:
        # Somebody named one of its records in the same moment. Looked at again, that is a reason.
        return _attempted(database, batch_id, actor=actor, now=now, zone=zone, progress=progress)


def _attempted(
    database: Database, batch_id: int, *, actor: Actor, now: datetime, zone: ZoneInfo, progress: Progress
) -> UndoReport:
    with database.writing(actor) as session:
        lock_member_series(session)
        batch = lock_row(session, ImportBatch, batch_id)
        _check_may_be_undone(session, batch)
        undo = _Undo(session, batch_id, now, zone, progress)
        _hold(undo)
        if reasons := why_not(session, batch_id):
            raise ImportBuiltUpon(reasons, gettext)
        undo.total = _records(session, batch_id)
        _take_back(undo)
        reverted = {"stage": ImportStage.REVERTED, "reverted_at": now, "reverted_staff_id": actor.staff_id}
        session.connection().execute(update(ImportBatch).where(col(ImportBatch.id) == batch_id).values(reverted))
        note_deed(
            session,
            AuditAction.REVERT,
            "import_batches",
            batch_id,
            removed=undo.removed,
            restored=undo.restored,
        )
        return UndoReport(batch_id, undo.removed, undo.restored)


def _check_may_be_undone(session: Session, batch: ImportBatch | None) -> None:
    if batch is None:
        raise NotFound
    if batch.stage is ImportStage.REVERTED:
        raise ImportAlreadyReverted
    if batch.stage not in _UNDOABLE:
        raise ImportStillRunning
    # Files that came in before there was a record of their changes: their sales can go, their customers cannot be told.
    is_told = batch.kind in {ImportKind.PURCHASES, ImportKind.POINTS} or not batch.created + batch.updated
    kept = select(ImportChange.id).where(ImportChange.batch_id == batch.id).limit(1)
    if not is_told and session.exec(kept).first() is None:
        raise ImportNotUndoable


def _hold(undo: _Undo) -> None:
    """The records the file made are ours until the end: what names one of them from now on waits, and finds it gone."""
    for ids in made_by(undo.session, undo.batch_id, Customer):
        held = select(Customer.id).where(col(Customer.id).in_(ids)).order_by(col(Customer.id)).with_for_update()
        undo.session.exec(held).all()


def _records(session: Session, batch_id: int) -> int:
    changes = select(func.count()).select_from(ImportChange).where(ImportChange.batch_id == batch_id)
    sales = select(func.count()).select_from(Purchase).where(Purchase.import_batch_id == batch_id)
    is_given = or_(standing_openings(batch_id), given_by(batch_id))
    points = select(func.count()).select_from(PointsEntry).where(is_given)
    return sum(session.exec(one).one() for one in (changes, sales, points))


def _take_back(undo: _Undo) -> None:
    _reverse_points(undo)
    _remove_sales(undo)
    changed: tuple[type[Any], ...] = (Purchase, Customer, Treatment, Product)
    made: tuple[type[Any], ...] = (TierChange, ContactEvent, CustomerTag, Customer, Treatment, Product, Tag)
    for table in changed:
        for changes in changed_by(undo.session, undo.batch_id, table):
            _restore(undo, table, changes)
    for table in made:
        for ids in made_by(undo.session, undo.batch_id, table):
            _remove(undo, table, ids)
    _lift_again(undo)
    undo.session.connection().execute(delete(ImportChange).where(col(ImportChange.batch_id) == undo.batch_id))


def _reverse_points(undo: _Undo) -> None:
    """Opening points and what its sales gave through the ledger: what is written there stays, and its opposite is written
    beside it. What has ended since, and what a refund took back, is gone already; what waits never comes in."""
    last, is_given = 0, or_(standing_openings(undo.batch_id), given_by(undo.batch_id))
    while True:
        page = select(PointsEntry.id, PointsEntry.points).where(is_given, col(PointsEntry.id) > last)
        entries = undo.session.exec(page.order_by(col(PointsEntry.id)).limit(AT_ONCE)).all()
        if not entries:
            return
        last = entries[-1][0] or 0
        for entry_id, points in entries:
            left = points - reversed_of(undo.session, entry_id or 0) - ended_of(undo.session, entry_id or 0)
            if left > 0:
                reverse_entry(
                    undo.session,
                    entry_id or 0,
                    points=left,
                    reference=f"import-revert:{undo.batch_id}:{entry_id}",
                    reason=gettext(_TAKEN_BACK),
                    now=undo.now,
                    zone=undo.zone,
                )
        undo.count(restored=len(entries))


def _remove_sales(undo: _Undo) -> None:
    """The slips of the file with their lines: first those no refund names, until none is left."""
    connection = undo.session.connection()
    refund: Any = Purchase.__table__.alias()  # type: ignore[attr-defined]
    is_refunded = exists().where(refund.c.refund_of_id == col(Purchase.id))
    while True:
        page = select(Purchase.id).where(Purchase.import_batch_id == undo.batch_id, ~is_refunded).limit(AT_ONCE * 10)
        ids = undo.session.exec(page).all()
        if not ids:
            return
        connection.execute(delete(PurchaseLine).where(col(PurchaseLine.purchase_id).in_(ids)))
        connection.execute(delete(PointsPending).where(col(PointsPending.purchase_id).in_(ids)))
        connection.execute(delete(Purchase).where(col(Purchase.id).in_(ids)))
        undo.count(removed=len(ids))


def _restore(undo: _Undo, table: type[Any], changes: list[Kept]) -> None:
    """Fields as they were. A tier that has moved on since stays: nobody falls but at her review."""
    rows = {
        row.id: row for row in undo.session.exec(select(table).where(table.id.in_([one.row_id for one in changes])))
    }
    for one in changes:
        row = rows.get(one.row_id)
        if row is None:
            continue
        back = {name: value for name, value in one.before.items() if name not in FOLLOWS}
        if "tier_id" in one.before and row.tier_id == one.after["tier_id"]:
            back |= {name: one.before[name] for name in TIER_COLUMNS if name in one.before}
        if "updated_at" in one.before and row.updated_at == one.after["updated_at"]:
            back["updated_at"] = one.before["updated_at"]
        if back:
            undo.session.connection().execute(update(table).where(table.id == one.row_id).values(back))
    for row in rows.values():
        undo.session.expunge(row)
    undo.count(restored=len(changes))


def _remove(undo: _Undo, table: type[SQLModel], ids: list[int]) -> None:
    """What the file made. Of a customer's points account what is written stays, and it is nobody's."""
    connection = undo.session.connection()
    if table is Customer:
        hers = col(PointsAccount.customer_id).in_(ids)
        connection.execute(update(PointsAccount).where(hers).values(customer_id=None, closed_at=undo.now))
    if table is Tag:
        ids = _unused(undo, ids)
    if ids:
        number = table.__table__.c.id  # type: ignore[attr-defined]
        gone: Delete = delete(table).where(number.in_(ids))
        connection.execute(gone)
    undo.count(removed=len(ids))


def _unused(undo: _Undo, ids: list[int]) -> list[int]:
    """Of the tags the file brought those nobody has taken up since: a word others use stays."""
    used = set(undo.session.exec(select(CustomerTag.tag_id).where(col(CustomerTag.tag_id).in_(ids)).distinct()))
    rows = {row.id: row for row in undo.session.exec(select(Tag).where(col(Tag.id).in_(ids)))}
    return [
        one.row_id
        for changes in changed_by(undo.session, undo.batch_id, Tag, made=True, only=set(ids) - used)
        for one in changes
        if one.row_id in rows and is_still(rows[one.row_id], one)
    ]


def _lift_again(undo: _Undo) -> None:
    """Whoever is a step lower now keeps what her other purchases have earned."""
    policy = current_policy(undo.session)
    for changes in changed_by(undo.session, undo.batch_id, Customer):
        moved = [one.row_id for one in changes if "tier_id" in one.before]
        review_tiers(undo.session, moved, policy=policy, now=undo.now, zone=undo.zone)
