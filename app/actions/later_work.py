"""What stands in the way of taking an import back: work somebody did on what it brought."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, func, select

from app.actions.import_changes import told
from app.models import (
    ContactEvent,
    Customer,
    CustomerTag,
    ImportBatch,
    ImportChange,
    PointsAccount,
    PointsAllocation,
    PointsEntry,
    PointsLot,
    PointsPending,
    Product,
    PublicToken,
    Purchase,
    Tag,
    TierChange,
    Treatment,
)
from app.rules.import_undo import GONE, SHOWN, Refusal
from app.rules.refusals import words
from app.vocabulary import PointsKind, TagOrigin, TierWhy, TokenPurpose

AT_ONCE = 500
TABLES: dict[str, type[Any]] = {
    str(table.__tablename__): table
    for table in (ContactEvent, Customer, CustomerTag, Product, Purchase, Tag, TierChange, Treatment)
}
"""What a file may make or change, by the name it is kept under."""
FOLLOWS = {"tier_id", "tier_until_on", "tier_held_until_on", "updated_at"}
"""Columns the machine moves by itself: they are no work of anybody."""
_NAMED_BY: dict[type[Any], str] = {Customer: "member_no", Product: "sku", Purchase: "order_no", Treatment: "code"}
_UNIMPORTANT = {
    "duplicate_pairs",
    "customer_tags",
    "points_pending.purchase_id",
    "purchase_lines.purchase_id",
    "tier_changes.purchase_id",
}
"""What goes with a record and is nobody's work, or is looked at more closely."""
_CHANGED = words("{record} 的资料后来又改过")
_OTHER = words("{record} 后来有了别的记录")
_CLAIMED = words("单号 {record} 后来认领给了顾客")
_REASONS = {
    "benefit_uses": words("{record} 用过等级权益"),
    "complaints": words("{record} 有了投诉或意见"),
    "consents": words("{record} 签了授权同意"),
    "contact_events": words("{record} 的联系方式后来改过"),
    "customer_aliases": words("{record} 和别的档案合并过"),
    "customer_merges": words("{record} 和别的档案合并过"),
    "customer_tags": words("{record} 后来加了标签"),
    "customers": words("{record} 介绍了别的顾客"),
    "outbound_messages": words("给 {record} 发过消息"),
    "photos": words("{record} 有了照片"),
    "points_accounts": words("{record} 的积分有了变动"),
    "points_entries": words("单号 {record} 已经记过积分"),
    "points_lots": words("{record} 的期初积分已经用过"),
    "points_lots.earned": words("{record} 从这批消费得的积分已经用过"),
    "public_tokens": words("{record} 已经发了会员卡"),
    "purchase_lines": words("{record} 已经有消费用到了"),
    "purchases": words("{record} 有了别的消费"),
    "purchases.refund_of_id": words("单号 {record} 后来退过款"),
    "sign_ups": words("{record} 扫码登记过"),
    "skin_records": words("{record} 有了皮肤记录"),
    "social_accounts": words("{record} 登记了社交账号"),
    "low_feedbacks": words("{record} 打过低分，有人在跟进"),
    "survey_invitations": words("{record} 收到过问卷邀请"),
    "survey_responses": words("{record} 填过问卷"),
    "tier_changes": words("{record} 的等级有人手动调整过"),
    "visits": words("{record} 有了到店记录"),
}


@dataclass
class _Found:
    """The reasons so far, each once."""

    reasons: dict[Refusal, None] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return len(self.reasons) >= SHOWN

    def add(self, table: type[Any], records: Iterable[tuple[int, str]], reason: str) -> None:
        """The numbers of the records with the names they are kept under."""
        for row_id, record in records:
            if not self.is_full:
                self.reasons[Refusal(record, reason, str(table.__tablename__), row_id)] = None


@dataclass(frozen=True)
class Kept:
    """What is kept of one record: its columns before the file and after it."""

    row_id: int
    before: dict[str, Any]
    after: dict[str, Any]


def why_not(session: Session, batch_id: int) -> tuple[Refusal, ...]:
    """What stands in the way of taking an import back; nothing: it may be. The first `SHOWN` reasons only. Asked of a large
    file it takes as long as there is later work, not as there are rows."""
    found = _Found()
    made: tuple[type[Any], ...] = (Customer, Treatment, Product)
    for table in made:
        _built_upon(session, batch_id, table, found)
    changed: tuple[type[Any], ...] = (*made, Purchase)
    for table in changed:
        for changes in changed_by(session, batch_id, table):
            _changed_since(session, table, changes, found)
    _sold_since(session, batch_id, found)
    _spent_since(session, batch_id, found)
    return tuple(found.reasons)


def made_by(session: Session, batch_id: int, table: type[SQLModel]) -> Iterator[list[int]]:
    """The numbers of the records a file made, so many at a time."""
    last = 0
    while True:
        page = (
            select(ImportChange.subject_id)
            .where(*_of(batch_id, table), col(ImportChange.is_created), col(ImportChange.subject_id) > last)
            .order_by(col(ImportChange.subject_id))
            .limit(AT_ONCE)
        )
        ids = list(session.exec(page))
        if not ids:
            return
        last = ids[-1]
        yield ids


def changed_by(
    session: Session, batch_id: int, table: type[SQLModel], *, made: bool = False, only: Collection[int] | None = None
) -> Iterator[list[Kept]]:
    """What is kept of the records a file changed (`made`: of those it made), so many at a time."""
    last = 0
    number = col(ImportChange.subject_id)
    columns: Any = select(number, ImportChange.before, ImportChange.after)
    wanted = columns.where(*_of(batch_id, table), col(ImportChange.is_created).is_(made))
    if only is not None:
        wanted = wanted.where(number.in_(only))
    while rows := session.exec(wanted.where(number > last).order_by(number).limit(AT_ONCE)).all():
        last = rows[-1][0]
        yield [Kept(row_id, *told(table, before, after)) for row_id, before, after in rows]


def is_still(row: SQLModel, kept: Kept) -> bool:
    """Whether a record is as the file left it, but for what moves by itself. What the file left empty must be empty."""
    return all(getattr(row, name) == value for name, value in kept.after.items() if name not in FOLLOWS)


def _of(batch_id: int, table: type[SQLModel]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ImportChange.batch_id) == batch_id,
        col(ImportChange.subject) == str(table.__tablename__),
    )


def _built_upon(session: Session, batch_id: int, table: type[Any], found: _Found) -> None:
    """Records the file made that are gone, were changed or are named by others since."""
    reach = _Reach.of(session, batch_id, table)
    if reach is None:
        return
    gone = list(session.scalars(reach.gone().limit(SHOWN)))
    for changes in changed_by(session, batch_id, table, made=True, only=gone) if gone else ():
        found.add(table, [(one.row_id, str(one.after.get(_NAMED_BY[table], one.row_id))) for one in changes], GONE)
    for child, column in _links_to(table):
        own = _own(batch_id, child, column)
        reason = _REASONS.get(f"{child.name}.{column}", _REASONS.get(child.name, _OTHER))
        found.add(table, reach.named(session, child.c[column], *([~own] if own is not None else [])), reason)
    if table is Customer:
        token, by_hand = PublicToken.subject_id, CustomerTag.origin == TagOrigin.MANUAL
        carded = reach.named(session, token, PublicToken.purpose == TokenPurpose.CARD)
        found.add(table, carded, _REASONS["public_tokens"])
        found.add(table, reach.named(session, CustomerTag.customer_id, by_hand), _REASONS["customer_tags"])
    for rows in reach.moved(session):
        there = {row.id: row for row in rows}
        for changes in changed_by(session, batch_id, table, made=True, only=there.keys()):
            for one in changes:
                if not is_still(there[one.row_id], one) or _was_filled(there[one.row_id], one):
                    found.add(table, [(one.row_id, str(getattr(there[one.row_id], _NAMED_BY[table])))], _CHANGED)
        for row in rows:
            session.expunge(row)


@dataclass(frozen=True)
class _Reach:
    """The records of a table a file made: numbers from the first to the last, most of them its own."""

    batch_id: int
    table: type[Any]
    first: int
    last: int

    @classmethod
    def of(cls, session: Session, batch_id: int, table: type[Any]) -> "_Reach | None":
        """None where it made none."""
        number = ImportChange.subject_id
        wanted = select(func.min(number), func.max(number)).where(*_of(batch_id, table), col(ImportChange.is_created))
        first, last = session.exec(wanted).one()
        return None if first is None else cls(batch_id, table, first, last)

    def holds(self, key: Any) -> ColumnElement[bool]:
        """Whether a column names one of them. Between two numbers first: of a file nobody has built on, nothing is."""
        change = aliased(ImportChange)
        mine: tuple[Any, ...] = (
            change.batch_id == self.batch_id,
            change.subject == str(self.table.__tablename__),
            col(change.is_created),
            change.subject_id == key,
        )
        return and_(key.between(self.first, self.last), exists().where(*mine))

    def named(self, session: Session, key: Any, *only: ColumnElement[bool] | bool) -> list[tuple[int, str]]:
        """Those a column names, with what they are called; some of them."""
        wanted: Any = select(key).where(self.holds(key), *only).distinct().limit(SHOWN)
        ids = list(session.scalars(wanted))
        if not ids:
            return []
        names = select(self.table.id, getattr(self.table, _NAMED_BY[self.table])).where(self.table.id.in_(ids))
        return [(row_id, str(name)) for row_id, name in session.exec(names).all()]

    def gone(self) -> Any:
        """The numbers of those that are not there any more."""
        number = col(ImportChange.subject_id)
        is_there = exists().where(self.table.id == number)
        return select(number).where(*_of(self.batch_id, self.table), col(ImportChange.is_created), ~is_there)

    def moved(self, session: Session) -> Iterator[list[Any]]:
        """Those that may have been changed since, so many at a time."""
        last, key = self.first - 1, self.table.id
        wanted = select(self.table).where(self.holds(key)).order_by(key).limit(AT_ONCE)
        if self.table is Customer:
            began_at = select(ImportBatch.started_at).where(ImportBatch.id == self.batch_id).scalar_subquery()
            wanted = wanted.where(Customer.updated_at != Customer.created_at, Customer.updated_at != began_at)
        while rows := session.exec(wanted.where(key > last)).all():
            last = rows[-1].id
            yield list(rows)


def _was_filled(row: SQLModel, kept: Kept) -> bool:
    """Whether something stands where the file left nothing."""
    names = type(row).model_fields.keys() - kept.after.keys() - FOLLOWS - {"id"}
    return any(getattr(row, name) not in (None, "", False, 0) for name in names)


def _links_to(table: type[Any]) -> Iterator[tuple[Table, str]]:
    """Every column of the shop that names a row of this table."""
    target = table.__table__
    for child in SQLModel.metadata.sorted_tables:
        for key in child.foreign_keys:
            if key.column.table is target and not {child.name, f"{child.name}.{key.parent.name}"} & _UNIMPORTANT:
                yield child, key.parent.name


def _own(batch_id: int, child: Table, column: str) -> ColumnElement[bool] | None:
    """Which of these rows are the file's own doing, or nobody's: they go or are put back with it."""
    if child.name == "purchases" and column == "customer_id":
        return exists().where(*_of(batch_id, Purchase), col(ImportChange.subject_id) == child.c.id)
    if child.name == "points_accounts":
        others = exists().where(
            col(PointsEntry.account_id) == child.c.id, col(PointsEntry.import_batch_id).is_distinct_from(batch_id)
        )
        return ~others
    if child.name == "tier_changes":
        return child.c.why != TierWhy.MANUAL
    if child.name == "customer_merges":
        return child.c.undone_at.is_not(None)
    return None


def _changed_since(session: Session, table: type[Any], changes: list[Kept], found: _Found) -> None:
    """Records the file changed that were changed again, or are gone. A sale that is gone waits for nobody any more."""
    rows = {row.id: row for row in session.exec(select(table).where(table.id.in_([one.row_id for one in changes])))}
    for one in changes:
        row = rows.get(one.row_id)
        if one.after.keys() <= FOLLOWS or (row is None and table is Purchase):
            continue
        if row is None:
            found.add(table, [(one.row_id, str(one.before.get(_NAMED_BY[table], one.row_id)))], GONE)
        elif not is_still(row, one):
            found.add(table, [(one.row_id, str(getattr(row, _NAMED_BY[table])))], _CHANGED)
    for row in rows.values():
        session.expunge(row)


def _sold_since(session: Session, batch_id: int, found: _Found) -> None:
    """Sales of the file that were refunded, claimed, or earned something, since; and refunds of it that took back points,
    also such as still wait."""
    for child, column in _links_to(Purchase):
        later = child.alias()
        wanted: Any = select(Purchase.id, Purchase.order_no).where(Purchase.import_batch_id == batch_id)
        wanted = wanted.join(later, later.c[column] == col(Purchase.id))
        if child.name == "purchases":
            wanted = wanted.where(later.c.import_batch_id.is_distinct_from(batch_id))
        reason = _REASONS.get(f"{child.name}.{column}", _REASONS.get(child.name, _OTHER))
        found.add(Purchase, session.exec(wanted.distinct().limit(SHOWN)).all(), reason)
    claimed: Any = select(Purchase.id, Purchase.order_no).where(
        Purchase.import_batch_id == batch_id, col(Purchase.claimed_at).is_not(None)
    )
    found.add(Purchase, session.exec(claimed.limit(SHOWN)).all(), _CLAIMED)
    sold: Any = aliased(Purchase)
    waiting = exists().where(
        col(PointsPending.purchase_id) == Purchase.refund_of_id,
        col(PointsPending.taken_back) > 0,
        sold.id == Purchase.refund_of_id,
        sold.import_batch_id.is_distinct_from(batch_id),
    )
    taken: Any = select(Purchase.id, Purchase.order_no).where(Purchase.import_batch_id == batch_id, waiting)
    found.add(Purchase, session.exec(taken.limit(SHOWN)).all(), _REASONS["points_entries"])


def _spent_since(session: Session, batch_id: int, found: _Found) -> None:
    """Opening points of the file that are used up in part, or are over; and points of its sales that were spent. Those
    ended with their day, as they would have, and are nobody's use."""
    used = select(PointsLot.id).where(PointsLot.entry_id == PointsEntry.id, PointsLot.remaining < PointsLot.points)
    owners: Any = (
        select(Customer.id, Customer.member_no)
        .join(PointsAccount, col(PointsAccount.customer_id) == col(Customer.id))
        .join(PointsEntry, col(PointsEntry.account_id) == col(PointsAccount.id))
        .distinct()
        .limit(SHOWN)
    )
    opened = owners.where(standing_openings(batch_id), used.exists())
    found.add(Customer, session.exec(opened).all(), _REASONS["points_lots"])
    earned = owners.where(given_by(batch_id), _spent_of(PointsEntry.id) > 0)
    found.add(Customer, session.exec(earned).all(), _REASONS["points_lots.earned"])


def _spent_of(entry_id: Any) -> Any:
    """How many of the points an entry brought went where they cannot be taken back from: what has ended, what repaid a debt
    and what was taken back already is not that."""
    user: Any = PointsEntry.__table__.alias()  # type: ignore[attr-defined]
    is_spent = and_(
        user.c.kind.not_in((PointsKind.EXPIRE, PointsKind.EARN)), user.c.reverses_id.is_distinct_from(entry_id)
    )
    return (
        select(func.coalesce(func.sum(PointsAllocation.points), 0))
        .join(PointsLot, col(PointsLot.id) == col(PointsAllocation.lot_id))
        .join(user, user.c.id == col(PointsAllocation.entry_id))
        .where(PointsLot.entry_id == entry_id, is_spent)
        .scalar_subquery()
    )


def standing_openings(batch_id: int) -> ColumnElement[bool]:
    """Opening points of a file that nobody has taken back."""
    reversal: Any = PointsEntry.__table__.alias()  # type: ignore[attr-defined]
    return and_(
        col(PointsEntry.import_batch_id) == batch_id,
        col(PointsEntry.kind) == PointsKind.OPENING,
        ~exists().where(reversal.c.reverses_id == col(PointsEntry.id)),
    )


def given_by(batch_id: int) -> ColumnElement[bool]:
    """What the sales of a file gave."""
    return and_(col(PointsEntry.import_batch_id) == batch_id, col(PointsEntry.kind) == PointsKind.EARN)
