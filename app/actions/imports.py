"""A till's file comes in: judged whole before the first row is stored, then a few hundred rows at a time.

Each portion is one unit of work. A crash in the middle leaves whole portions; the same file again completes it and
changes nothing that is in. Every row of the file is counted once: created, updated, unchanged or rejected.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, insert, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlmodel import Session, col, or_, select

from app.actions.claims import waiting_lines
from app.actions.customer_imports import CustomerFile
from app.actions.import_changes import Changes, review_and_note
from app.actions.import_earning import earn_file
from app.actions.jobs import put_job
from app.actions.kept_rows import columns_of
from app.actions.menu_imports import MenuFile
from app.actions.points_imports import OpeningFile
from app.actions.purchase_imports import OrderOutline, Orders, PurchaseFile
from app.audit import Actor, note_deed
from app.db import Database
from app.i18n import gettext
from app.models import ImportBatch, Store
from app.queries.import_records import buyers_of, points_of_file
from app.queries.policy import current_policy
from app.queries.scopes import ANYTHING
from app.queries.tiers import tier_steps
from app.rules.headers import Columns, match_columns
from app.rules.import_header import below_title, header_of, is_unnamed
from app.rules.import_reports import ImportReport, Portion, kept_reasons
from app.rules.import_rows import Shop, is_filled
from app.rules.policy import Policy
from app.rules.purchases import StoreNotHers, StoreUnknown
from app.rules.refusals import NotFound, words
from app.rules.spreadsheets import MOST_ROWS, FileEmpty, OnlyHeader, TooManyRows
from app.vocabulary import AuditAction, ImportKind, ImportMode, ImportStage, JobKind

Row = tuple[int, tuple[str, ...]]
_NOBODYS = words("表里没有手机或会员号这一列：每一单都不会记到顾客名下。如果有，请把它对上再导。")
_ALLERGIES = words("过敏史是敏感信息，会加密保存；还没有同意过的顾客，档案上会提醒当面问一声。")
_STAFF_UNKNOWN = words("这些员工不在系统里，他们的销售没有记到人：{names}")
_GAVE = words("这些消费给了 {given} 分，另有 {waiting} 分过几天入账。")
_TRIES = 5
_REVIEWED = 500
_MAY_BEGIN = (ImportStage.UPLOADED, ImportStage.CHECKED, ImportStage.RUNNING, ImportStage.FAILED)
File = CustomerFile | PurchaseFile | MenuFile | OpeningFile


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A file to import. `rows()` reads it from the start each time it is called; `mapping` is the owner's {heading:
    field}; `store_code` is the store of rows that name none; `earns`: its sales give points. `within`: the customers whoever brings it may touch;
    `only_store_id`: the one store she belongs to, whose rows these then are; None: all stores."""

    kind: ImportKind
    name: str
    sha256: str
    rows: Callable[[], Iterator[Row]]
    mapping: Mapping[str, str] = field(default_factory=dict)
    store_code: str = ""
    mode: ImportMode = ImportMode.BOTH
    within: ColumnElement[bool] = ANYTHING
    only_store_id: int | None = None
    earns: bool = False


@dataclass(frozen=True)
class _Reviewer:
    """What decides about tiers."""

    policy: Policy
    shop: Shop


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
    batch_id: int | None = None,
) -> ImportReport:
    """Bring a file in and say what became of every row. A dry run says the same and writes nothing. `progress` hears of
    rows done and rows in all. `batch_id` is a batch that waits for its file, or one that was broken off: what is in stays
    counted as it was, and the rest follows.

    Opens its own units of work, one per portion. Raises a refusal of `rules.spreadsheets` or `rules.headers`, or
    StoreUnknown or StoreNotHers, before anything is written.
    """
    incoming = _below_title(incoming)
    outline = _outlined(incoming)
    report = ImportReport(unknown_columns=outline.columns.unknown)
    shop, file = _opened(database, incoming, outline, Shop((), zone, now), actor)
    done = 0
    if not dry_run:
        with database.writing(actor) as session:
            report.batch = file.batch_id = _begin(session, incoming, outline, actor=actor, now=now, batch_id=batch_id)
            done = _resumed(session, report)
    run = _Run(database, actor, file, report)
    try:
        for rows in file.portions(lambda: _filled(incoming.rows())):
            done = run.settle(rows, already=done)
            progress(report.rows, outline.rows)
        if isinstance(file, PurchaseFile):
            run.review(shop)
            if incoming.earns:  # a sale never by the tier it reached itself, but by the one that those before it did
                run.earn(shop, lambda: progress(report.rows, outline.rows))
    except Exception:
        if batch_id is None:  # who continues a batch decides whether it is tried again
            run.fail()
        raise
    for told in (report.rejected, report.warnings):
        told.sort(key=lambda one: one.row)
    report.notes += _notes(file)
    if report.batch is not None:
        with database.writing(actor) as session:
            _keep(session, report, finished_at=now)
            if incoming.kind is ImportKind.CUSTOMERS:
                # Whoever came in may be here already: looked for at once, beside the import and not in its way.
                key = f"{JobKind.FIND_DUPLICATES}:import:{report.batch}"
                put_job(session, JobKind.FIND_DUPLICATES, key, {}, now=now, due_at=now)
    return report


def _below_title(incoming: Incoming) -> Incoming:
    """The same file with the header as its first row, wherever that stands."""
    header = header_of(incoming.kind, incoming.rows(), incoming.mapping)
    return replace(incoming, rows=lambda: below_title(incoming.rows, header))


def _outlined(incoming: Incoming) -> Outline:
    """Read the whole file once: its header, its size, its orders."""
    rows = incoming.rows()
    header = next(rows, None)
    if header is None:
        raise FileEmpty
    columns = match_columns(incoming.kind, header[1], incoming.mapping, incoming.mode)
    outline = OrderOutline() if incoming.kind is ImportKind.PURCHASES else None
    order_no, refund_of = columns.reader("order_no"), columns.reader("refund_of")
    count = 0
    nameless = {place for place, heading in enumerate(columns.headers) if is_unnamed(heading)}
    for _, cells in rows:
        if not is_filled(cells):
            continue
        if nameless:
            nameless -= {place for place in nameless if place < len(cells) and cells[place].strip()}
        count += 1
        if count > MOST_ROWS:
            raise TooManyRows(limit=MOST_ROWS)
        if outline:
            outline.see(order_no(cells), refund_of(cells))
    if not count:
        raise OnlyHeader

    def numbers() -> Iterator[str]:
        return (order_no(cells) for _, cells in _filled(incoming.rows()))

    # A column without a name and with nothing in it is no column.
    empty = {columns.headers[place] for place in nameless}
    columns = replace(columns, unknown=tuple(one for one in columns.unknown if one not in empty))
    return Outline(columns, count, outline.orders(numbers) if outline else Orders())


def _opened(
    database: Database, incoming: Incoming, outline: Outline, shop: Shop, actor: Actor
) -> tuple[_Reviewer, File]:
    only, store_code = incoming.only_store_id, incoming.store_code
    with database.reading() as session:
        shop = Shop(tier_steps(session), shop.zone, shop.now)
        if only and not store_code:
            store_code = session.get_one(Store, only).code
        store_id = _store_id(session, store_code)
        policy = current_policy(session)
    if only and store_id != only:
        raise StoreNotHers("store")
    columns, mode, within = outline.columns, incoming.mode, incoming.within
    file: File
    if incoming.kind is ImportKind.CUSTOMERS:
        file = CustomerFile(columns, shop, policy, store_id=store_id, mode=mode, within=within, staff_id=actor.staff_id)
    elif incoming.kind is ImportKind.PURCHASES:
        file = PurchaseFile(columns, shop, outline.orders, mode=mode, store_code=store_code, only_store_id=only)
    elif incoming.kind is ImportKind.POINTS:
        file = OpeningFile(columns, shop, mode, within=within)
    else:
        file = MenuFile(columns, mode)
    return _Reviewer(policy, shop), file


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows below the header that have anything in them."""
    next(rows)
    return (row for row in rows if is_filled(row[1]))


@dataclass(frozen=True)
class _Run:
    """A file on its way in, portion by portion; without a batch only judged."""

    database: Database
    actor: Actor
    file: File
    report: ImportReport

    def settle(self, rows: list[Any], *, already: int) -> int:
        """One portion in one unit of work; of `already` many rows that an earlier run has brought in, how many are left
        after this portion. Another import at the same moment may have stored the same customer or order just now;
        looked at again, it is there and unchanged."""
        attempt = 1
        while True:
            try:
                portion = self._judged(rows) if already > 0 else self._attempted(rows)
            except IntegrityError:
                attempt += 1
                if attempt > _TRIES:
                    raise
            else:
                self.file.remember()
                if already > 0:
                    # Counted by the run that brought them in; only the reasons of what it refused are not kept until the end.
                    self.report.tell(portion)
                else:
                    self.report.count(portion)
                return already - portion.rows

    def _judged(self, rows: list[Any]) -> Portion:
        with self.database.reading() as session:
            return self.file.settle(session, rows, write=False)

    def _attempted(self, rows: list[Any]) -> Portion:
        if self.report.batch is None:
            return self._judged(rows)
        with self.database.writing(self.actor) as session:
            portion = self.file.settle(session, rows, write=True)
            _count(session, self.report.batch, portion)
            return portion

    def earn(self, reviewer: _Reviewer, alive: Callable[[], None]) -> None:
        """Points for what the file sold; `alive` is called now and then."""
        if self.report.batch is None:
            return
        with self.database.reading() as session:
            ids = buyers_of(session, self.report.batch)
        earn_file(
            self.database, self.report.batch, ids, actor=self.actor, policy=reviewer.policy, now=reviewer.shop.now,
            zone=reviewer.shop.zone, alive=alive,
        )  # fmt: skip
        with self.database.reading() as session:
            given, waiting = points_of_file(session, self.report.batch)
        self.report.notes.append(gettext(_GAVE).format(given=f"{given:,}", waiting=f"{waiting:,}"))

    def review(self, reviewer: _Reviewer) -> None:
        """Lift the tiers of everybody the file sold something to, each once, when all of it is in."""
        if self.report.batch is None:
            return
        with self.database.reading() as session:
            ids = buyers_of(session, self.report.batch)
        for start in range(0, len(ids), _REVIEWED):
            with self.database.writing(self.actor) as session:
                changes = Changes(self.report.batch)
                review_and_note(
                    session,
                    set(ids[start : start + _REVIEWED]),
                    changes,
                    policy=reviewer.policy,
                    shop=reviewer.shop,
                )
                changes.write(session)

    def fail(self) -> None:
        """It was broken off. Where even this cannot be written, the batch says that it is running, and a page that it has
        not moved."""
        if self.report.batch is None:
            return
        with suppress(SQLAlchemyError), self.database.writing(self.actor) as session:
            _write_batch(session, self.report.batch, {"stage": ImportStage.FAILED})


def _store_id(session: Session, code: str) -> int | None:
    """The store named, or the only one. Raises StoreUnknown."""
    if not code:
        stores = session.exec(select(Store.id).where(col(Store.is_active)).limit(2)).all()
        return stores[0] if len(stores) == 1 else None
    store = session.exec(select(Store.id).where(or_(Store.code == code, Store.name == code))).first()
    if store is None:
        raise StoreUnknown("store")
    return store


def _notes(file: File) -> list[str]:
    if isinstance(file, CustomerFile) and "allergy_note" in file.columns.places:
        return [gettext(_ALLERGIES)]
    if not isinstance(file, PurchaseFile):
        return []
    notes = [] if {"phone", "member_no"} & file.columns.places.keys() else [gettext(_NOBODYS)]
    if file.unknown_staff:
        names = "、".join(sorted(file.unknown_staff)[:10])  # data: a list mark
        notes.append(gettext(_STAFF_UNKNOWN).format(names=names))
    return notes


# ── The batch: written without the listener, because it is itself the record; its one deed says who ───────────────────


def _begin(
    session: Session, incoming: Incoming, outline: Outline, *, actor: Actor, now: datetime, batch_id: int | None
) -> int:
    """The batch of this file: a new one, or the one that waits for it."""
    begun: dict[str, Any] = {
        "stage": ImportStage.RUNNING,
        "mode": incoming.mode,
        "mapping": json.dumps(dict(incoming.mapping), ensure_ascii=False),
        "rows_in_all": outline.rows,
        "earns": incoming.earns,
    }
    if batch_id is None:
        values = ImportBatch(
            kind=incoming.kind,
            file_name=incoming.name[-200:],
            file_sha256=incoming.sha256,
            started_at=now,
            staff_id=actor.staff_id,
            store_id=_store_id(session, incoming.store_code) if incoming.store_code else None,
            **begun,
        )
        batch_id = session.scalars(insert(ImportBatch).returning(col(ImportBatch.id)), [columns_of(values)]).one()
        assert batch_id is not None, "a stored row has a number"
    else:
        # One that was taken back, or is in, is not brought in again under the same number.
        waits = col(ImportBatch.stage).in_(_MAY_BEGIN)
        taken = update(ImportBatch).where(col(ImportBatch.id) == batch_id, waits).values(started_at=now, **begun)
        if not session.connection().execute(taken).rowcount:
            raise NotFound
    note_deed(
        session, AuditAction.IMPORT, "import_batches", batch_id, kind=incoming.kind.value, file=incoming.name[-200:]
    )
    return batch_id


def _resumed(session: Session, report: ImportReport) -> int:
    """How many rows an earlier run of this batch has settled; they count as they did then. How many of them wait is not
    kept, so the sales are asked."""
    batch = session.exec(select(ImportBatch).where(ImportBatch.id == report.batch)).one()
    report.created, report.updated, report.unchanged = batch.created, batch.updated, batch.unchanged
    if batch.rows and batch.kind is ImportKind.PURCHASES:
        report.waiting = waiting_lines(session, batch.id or 0)
    return batch.rows


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
    rejections = json.dumps(kept_reasons(report), ensure_ascii=False)
    done = {"finished_at": finished_at, "rejections": rejections, "stage": ImportStage.DONE}
    _write_batch(session, report.batch, done)


def _write_batch(session: Session, batch_id: int | None, changes: dict[str, Any]) -> None:
    # Core, not the row: an audit entry per portion would say nothing that the batch does not.
    session.connection().execute(update(ImportBatch).where(col(ImportBatch.id) == batch_id).values(changes))
