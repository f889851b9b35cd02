"""What stands in the way of taking an import back: work somebody did on what it brought."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, exists
from sqlmodel import Session, SQLModel, col, select

from app.actions.import_changes import told
from app.models import (
    ContactEvent,
    Customer,
    CustomerTag,
    ImportChange,
    PointsAccount,
    PointsEntry,
    PointsLot,
    Product,
    PublicToken,
    Purchase,
    Tag,
    TierChange,
    Treatment,
)
from app.rules.import_undo import SHOWN, Refusal
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
_UNIMPORTANT = {"duplicate_pairs", "customer_tags", "purchase_lines.purchase_id", "tier_changes.purchase_id"}
"""What goes with a record and is nobody's work, or is looked at more closely."""
_CHANGED = words("{record} 的资料后来又改过")
_GONE = words("{record} 后来被合并或删除了")
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

    def add(self, records: Collection[str], reason: str) -> None:
        for record in records:
            if not self.is_full:
                self.reasons[Refusal(record, reason)] = None


@dataclass(frozen=True)
class Kept:
    """What is kept of one record: its columns before the file and after it."""

    row_id: int
    before: dict[str, Any]
    after: dict[str, Any]


def why_not(session: Session, batch_id: int) -> tuple[Refusal, ...]:
    """What stands in the way of taking an import back; nothing: it may be. The first `SHOWN` reasons only."""
    found = _Found()
    made: tuple[type[Any], ...] = (Customer, Treatment, Product)
    for table in made:
        for ids in made_by(session, batch_id, table):
            _built_upon(session, batch_id, table, ids, found)
            if found.is_full:
                break
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
    wanted = select(ImportChange).where(*_of(batch_id, table), col(ImportChange.is_created).is_(made))
    if only is not None:
        wanted = wanted.where(col(ImportChange.subject_id).in_(only))
    number = col(ImportChange.subject_id)
    while rows := session.exec(wanted.where(number > last).order_by(number).limit(AT_ONCE)).all():
        last = rows[-1].subject_id
        yield [Kept(row.subject_id, *told(table, row)) for row in rows]
        for row in rows:
            session.expunge(row)


def is_still(row: SQLModel, kept: Kept) -> bool:
    """Whether a record is as the file left it, but for what moves by itself. What the file left empty must be empty."""
    return all(getattr(row, name) == value for name, value in kept.after.items() if name not in FOLLOWS)


def _of(batch_id: int, table: type[SQLModel]) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ImportChange.batch_id) == batch_id,
        col(ImportChange.subject) == str(table.__tablename__),
    )


def _built_upon(session: Session, batch_id: int, table: type[Any], ids: list[int], found: _Found) -> None:
    """Records the file made that are gone, were changed or are named by others since."""
    name = getattr(table, _NAMED_BY[table])
    there: dict[int, str] = dict(session.exec(select(table.id, name).where(table.id.in_(ids))).all())
    if len(there) < len(ids):
        gone = set(ids) - there.keys()
        for changes in changed_by(session, batch_id, table, made=True, only=gone):
            found.add([str(one.after.get(_NAMED_BY[table], one.row_id)) for one in changes], _GONE)
    for child, column in _links_to(table):
        key = child.c[column]
        own = _own(batch_id, child, column)
        wanted: Any = select(key).where(key.in_(ids), *([~own] if own is not None else [])).distinct().limit(SHOWN)
        _add(found, there, session.scalars(wanted), _REASONS.get(f"{child.name}.{column}", _REASONS.get(child.name)))
    if table is Customer:
        _add(found, there, _carded(session, ids), _REASONS["public_tokens"])
        _add(found, there, _tagged(session, ids), _REASONS["customer_tags"])
    moved = (
        table.id.in_(ids) if table is not Customer else and_(table.id.in_(ids), table.updated_at != table.created_at)
    )
    rows = {row.id: row for row in session.exec(select(table).where(moved))}
    for changes in changed_by(session, batch_id, table, made=True, only=rows.keys()):
        for one in changes:
            if not is_still(rows[one.row_id], one) or _was_filled(rows[one.row_id], one):
                found.add([there[one.row_id]], _CHANGED)
    for row in rows.values():
        session.expunge(row)


def _was_filled(row: SQLModel, kept: Kept) -> bool:
    """Whether something stands where the file left nothing."""
    names = type(row).model_fields.keys() - kept.after.keys() - FOLLOWS - {"id"}
    return any(getattr(row, name) not in (None, "", False, 0) for name in names)


def _add(found: _Found, there: dict[int, str], ids: Any, reason: str | None) -> None:
    found.add([there[one] for one in ids if one in there], reason or _OTHER)


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


def _carded(session: Session, ids: list[int]) -> list[int]:
    token = PublicToken
    wanted = select(token.subject_id).where(token.purpose == TokenPurpose.CARD, col(token.subject_id).in_(ids))
    return list(session.exec(wanted.distinct().limit(SHOWN)))


def _tagged(session: Session, ids: list[int]) -> list[int]:
    by_hand = CustomerTag.origin == TagOrigin.MANUAL
    wanted = select(CustomerTag.customer_id).where(by_hand, col(CustomerTag.customer_id).in_(ids))
    return list(session.exec(wanted.distinct().limit(SHOWN)))


def _changed_since(session: Session, table: type[Any], changes: list[Kept], found: _Found) -> None:
    """Records the file changed that were changed again, or are gone. A sale that is gone waits for nobody any more."""
    rows = {row.id: row for row in session.exec(select(table).where(table.id.in_([one.row_id for one in changes])))}
    for one in changes:
        row = rows.get(one.row_id)
        if one.after.keys() <= FOLLOWS or (row is None and table is Purchase):
            continue
        if row is None:
            found.add([str(one.before.get(_NAMED_BY[table], one.row_id))], _GONE)
        elif not is_still(row, one):
            found.add([str(getattr(row, _NAMED_BY[table]))], _CHANGED)
    for row in rows.values():
        session.expunge(row)


def _sold_since(session: Session, batch_id: int, found: _Found) -> None:
    """Sales of the file that were refunded, claimed, or earned something, since."""
    for child, column in _links_to(Purchase):
        later = child.alias()
        wanted: Any = select(Purchase.order_no).where(Purchase.import_batch_id == batch_id)
        wanted = wanted.join(later, later.c[column] == col(Purchase.id))
        if child.name == "purchases":
            wanted = wanted.where(later.c.import_batch_id.is_distinct_from(batch_id))
        reason = _REASONS.get(f"{child.name}.{column}", _REASONS.get(child.name, _OTHER))
        found.add(list(session.scalars(wanted.distinct().limit(SHOWN))), reason)
    claimed = select(Purchase.order_no).where(
        Purchase.import_batch_id == batch_id, col(Purchase.claimed_at).is_not(None)
    )
    found.add(list(session.exec(claimed.limit(SHOWN))), _CLAIMED)


def _spent_since(session: Session, batch_id: int, found: _Found) -> None:
    """Opening points of the file that are used up in part, or are over."""
    used = select(PointsLot.id).where(PointsLot.entry_id == PointsEntry.id, PointsLot.remaining < PointsLot.points)
    wanted = (
        select(Customer.member_no)
        .join(PointsAccount, col(PointsAccount.customer_id) == col(Customer.id))
        .join(PointsEntry, col(PointsEntry.account_id) == col(PointsAccount.id))
        .where(standing_openings(batch_id), used.exists())
        .distinct()
        .limit(SHOWN)
    )
    found.add(list(session.exec(wanted)), _REASONS["points_lots"])


def standing_openings(batch_id: int) -> ColumnElement[bool]:
    """Opening points of a file that nobody has taken back."""
    reversal: Any = PointsEntry.__table__.alias()  # type: ignore[attr-defined]
    return and_(
        col(PointsEntry.import_batch_id) == batch_id,
        col(PointsEntry.kind) == PointsKind.OPENING,
        ~exists().where(reversal.c.reverses_id == col(PointsEntry.id)),
    )
