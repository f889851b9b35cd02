"""A till's file comes in: judged whole before the first row is stored, then a few hundred rows at a time.

Each portion is one unit of work. A crash in the middle leaves whole portions; the same file again completes it and
changes nothing that is in. Every row of the file is counted once: created, updated, unchanged or rejected.
"""

import json
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, or_, select

from app.actions.customer_imports import CustomerFile
from app.actions.purchase_imports import Orders, PurchaseFile
from app.audit import Actor, note_deed
from app.db import Database
from app.i18n import gettext
from app.models import ImportBatch, Store
from app.queries.policy import current_policy
from app.queries.tiers import tier_steps
from app.rules.headers import Columns, match_columns
from app.rules.import_reports import ImportReport, Portion
from app.rules.imports import Shop
from app.rules.purchases import StoreUnknown
from app.rules.refusals import words
from app.rules.spreadsheets import MOST_ROWS, FileEmpty, OnlyHeader, TooManyRows
from app.vocabulary import AuditAction, ImportKind

Row = tuple[int, tuple[str, ...]]
REJECTIONS_KEPT = 10_000
"""So many refused rows are kept with the batch; the report holds them all."""
_POINTS_LATER = words("积分列这次没有导入：期初积分要等积分功能开通后再导。")
_STAFF_UNKNOWN = words("这些员工不在系统里，他们的销售没有记到人：{names}")
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A file to import. `rows()` reads it from the start each time it is called; `mapping` is the owner's {heading:
    field}; `store_code` is the store of rows that name none."""

    kind: ImportKind
    name: str
    sha256: str
    rows: Callable[[], Iterator[Row]]
    mapping: Mapping[str, str] = field(default_factory=dict)
    store_code: str = ""


@dataclass(frozen=True)
class Outline:
    """What one reading of the whole file tells before anything is stored."""

    columns: Columns
    rows: int
    orders: Orders


def import_file(
    database: Database,
    incoming: Incoming,
    *,
    actor: Actor,
    now: datetime,
    zone: ZoneInfo,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportReport:
    """Bring a file in and say what became of every row. A dry run says the same and writes nothing. `progress` hears of
    rows done and rows in all.

    Opens its own units of work, one per portion. Raises a refusal of `rules.spreadsheets` or `rules.headers`, or
    StoreUnknown, before anything is written.
    """
    outline = _outlined(incoming)
    report = ImportReport(unknown_columns=outline.columns.unknown)
    file = _opened(database, incoming, outline, Shop((), zone, now))
    if not dry_run:
        with database.writing(actor) as session:
            report.batch = _begin(session, incoming, actor, now)
    if isinstance(file, PurchaseFile):
        file.batch_id = report.batch
    for rows in file.portions(_filled(incoming.rows())):
        report.count(_settled(database, actor, file, rows, report.batch))
        progress(report.rows, outline.rows)
    report.rejected.sort(key=lambda one: one.row)
    report.notes += _notes(outline, file)
    if report.batch is not None:
        with database.writing(actor) as session:
            _keep(session, report, finished_at=now)
    return report


def _outlined(incoming: Incoming) -> Outline:
    """Read the whole file once: its header, its size, its order numbers."""
    rows = incoming.rows()
    header = next(rows, None)
    if header is None:
        raise FileEmpty
    columns = match_columns(incoming.kind, header[1], incoming.mapping)
    lines: Tally[str] = Tally()
    refunded: set[str] = set()
    count = 0
    for _, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > MOST_ROWS:
            raise TooManyRows(limit=MOST_ROWS)
        if incoming.kind is ImportKind.PURCHASES:
            lines[columns.cell(cells, "order_no")] += 1
            refunded.add(columns.cell(cells, "refund_of"))
    if not count:
        raise OnlyHeader
    return Outline(columns, count, Orders(lines, frozenset(refunded - {""})))


def _opened(database: Database, incoming: Incoming, outline: Outline, shop: Shop) -> CustomerFile | PurchaseFile:
    with database.reading() as session:
        shop = Shop(tier_steps(session), shop.zone, shop.now)
        store_id = _store_id(session, incoming.store_code)
        policy = current_policy(session)
    if incoming.kind is ImportKind.CUSTOMERS:
        return CustomerFile(outline.columns, shop, store_id)
    return PurchaseFile(outline.columns, shop, policy, outline.orders, store_code=incoming.store_code)


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows below the header that have anything in them."""
    next(rows)
    return (row for row in rows if any(cell.strip() for cell in row[1]))


def _settled(
    database: Database, actor: Actor, file: CustomerFile | PurchaseFile, rows: list[Any], batch_id: int | None
) -> Portion:
    """One portion in one unit of work. Another import at the same moment may have stored the same customer or order
    just now; looked at again, it is there and unchanged."""
    attempt = 1
    while True:
        try:
            portion = _attempted(database, actor, file, rows, batch_id)
        except IntegrityError:
            attempt += 1
            if attempt > _TRIES:
                raise
        else:
            file.remember()
            return portion


def _attempted(
    database: Database, actor: Actor, file: CustomerFile | PurchaseFile, rows: list[Any], batch_id: int | None
) -> Portion:
    if batch_id is None:
        with database.reading() as session:
            return file.settle(session, rows, write=False)
    with database.writing(actor) as session:
        portion = file.settle(session, rows, write=True)
        _count(session, batch_id, portion)
        return portion


def _store_id(session: Session, code: str) -> int | None:
    """The store named, or the only one. Raises StoreUnknown."""
    if not code:
        stores = session.exec(select(Store.id).where(col(Store.is_active)).limit(2)).all()
        return stores[0] if len(stores) == 1 else None
    store = session.exec(select(Store.id).where(or_(Store.code == code, Store.name == code))).first()
    if store is None:
        raise StoreUnknown("store")
    return store


def _notes(outline: Outline, file: CustomerFile | PurchaseFile) -> list[str]:
    notes = [gettext(_POINTS_LATER)] if outline.columns.has_points else []
    if isinstance(file, PurchaseFile) and file.unknown_staff:
        names = "、".join(sorted(file.unknown_staff)[:10])  # data: a list mark
        notes.append(gettext(_STAFF_UNKNOWN).format(names=names))
    return notes


# ── The batch: written without the listener, because it is itself the record; its one deed says who ───────────────────


def _begin(session: Session, incoming: Incoming, actor: Actor, now: datetime) -> int:
    values = ImportBatch(
        kind=incoming.kind,
        file_name=incoming.name[-200:],
        file_sha256=incoming.sha256,
        started_at=now,
        staff_id=actor.staff_id,
    )
    row = {name: getattr(values, name) for name in ImportBatch.model_fields if name != "id"}
    batch_id = session.scalars(insert(ImportBatch).returning(col(ImportBatch.id)), [row]).one()
    assert batch_id is not None, "a stored row has a number"
    note_deed(
        session, AuditAction.IMPORT, "import_batches", batch_id, kind=incoming.kind.value, file=incoming.name[-200:]
    )
    return batch_id


def _count(session: Session, batch_id: int, portion: Portion) -> None:
    changes = {
        "rows": ImportBatch.rows + portion.rows,
        "created": ImportBatch.created + portion.created,
        "updated": ImportBatch.updated + portion.updated,
        "unchanged": ImportBatch.unchanged + portion.unchanged,
        "rejected": ImportBatch.rejected + len(portion.rejected),
    }
    _write_batch(session, batch_id, changes)


def _keep(session: Session, report: ImportReport, *, finished_at: datetime) -> None:
    kept = [one.as_json() for one in report.rejected[:REJECTIONS_KEPT]]
    rejections = json.dumps(kept, ensure_ascii=False)
    _write_batch(session, report.batch, {"finished_at": finished_at, "rejections": rejections})


def _write_batch(session: Session, batch_id: int | None, changes: dict[str, Any]) -> None:
    # Core, not the row: an audit entry per portion would say nothing that the batch does not.
    session.connection().execute(update(ImportBatch).where(col(ImportBatch.id) == batch_id).values(changes))
