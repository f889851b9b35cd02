"""A list taken out as a file: exactly the rows it shows over all its pages, in its order, in words and numbers people can
go on working with; written down in the journal before the first row leaves.

The numbers of the rows are read first, at one go (four bytes each), then the rows in portions, each in a short read of
its own: a browser that loads slowly holds no transaction open, and nobody waits for it.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import uuid4

import anyio
import anyio.to_thread
from sqladmin.application import expose
from sqlalchemy import Select, func, select
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from wtforms import BooleanField, Form, SelectField, StringField

from app.actions.exports import ExportRun, cut_off_export, start_export
from app.actions.limits import check_tries
from app.admin_base.asking import Asking, asking
from app.admin_base.cells import Table
from app.admin_base.fields import ShopForm, asks
from app.admin_base.showing import is_health
from app.db import Database
from app.gateways.table_files import MEDIA_TYPES, Portion, written
from app.i18n import Lazy, gettext, later
from app.labels import word_of
from app.queries.consents import consented, said_yes
from app.rules.access import may
from app.rules.exports import FileKind, check_length, purpose_of
from app.rules.limits import EXPORT, TooManyTries
from app.rules.phones import reason_to_see
from app.rules.refusals import RuleBroken
from app.vocabulary import Channel, Purpose

_PORTION = 500
_IDS_AT_ONCE = 10_000
_SEARCH = later("查找")
KIND_WORDS: Mapping[str, Lazy] = {FileKind.XLSX: later("Excel 表格（XLSX）"), FileKind.CSV: later("文本表格（CSV）")}


@dataclass(frozen=True)
class Narrowing:
    """One thing that narrows the list: its name and what was chosen or typed."""

    name: str
    chosen: str


@dataclass(frozen=True)
class Wish:
    """What somebody filled in before a file leaves, checked."""

    kind: FileKind
    purpose: str
    with_health: bool = False
    whole: bool = False
    reason: str = ""
    sent: str = ""
    contact: Channel | None = None
    """The way of reaching her it is meant for: then only who agreed to it is in the file."""


class TableDownload(StreamingResponse):
    """A file on its way. Whatever ends it, the work behind it ends too, and `cut_off` hears when it did not arrive."""

    def __init__(
        self, blocks: Iterator[bytes], *, cut_off: Callable[[], None], name: str, ascii_name: str, media_type: str
    ) -> None:
        self._blocks, self._cut_off, self._is_whole = blocks, cut_off, False
        disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
        super().__init__(self._sent(), media_type=media_type, headers={"Content-Disposition": disposition})

    def _sent(self) -> Iterator[bytes]:
        yield from self._blocks
        self._is_whole = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then tidy up, even when the browser has gone."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._end)

    def _end(self) -> None:
        self._blocks.close()  # type: ignore[attr-defined]  # every block comes out of a generator
        if not self._is_whole:
            self._cut_off()


class ExportsRows:
    """A register whose list can be taken out by whoever may. Mixed into `ShopView`, which has what it asks for."""

    can_export = True
    export_formatted: ClassVar[frozenset[str]] = frozenset()
    """Columns whose formatter of the record's page also holds in a file."""
    sealed_numbers: ClassVar[Mapping[str, str]] = {}
    """Masked column → the sealed one beside it, for whoever may take numbers out whole."""

    reaches_customers: ClassVar[bool] = False
    """Whether its rows are customers somebody may want to write to: the file then asks for their consent."""

    name_plural: ClassVar[Any]
    identity: ClassVar[str]
    model: ClassVar[Any]
    column_details_list: ClassVar[Any]
    templates: Any
    database: ClassVar[Database]
    subject: Any
    pk_columns: Any
    check_can_export: Any
    get_filters: Any
    list_query: Any
    search_query: Any
    sort_query: Any
    _admin_ref: ClassVar[Any]
    _build_column_list: Any
    _column_labels: Any
    _export_prop_names: Any
    _run_arbitrary_query: Any

    def get_export_columns(self) -> list[str]:
        """What stands in a file: `column_export_list`, or what the record's page shows."""
        listed = getattr(self, "column_export_list", None) or self.column_details_list
        return self._build_column_list(defaults=[], include=listed)

    @expose("/export", methods=["GET", "POST"])
    async def export_rows(self, request: Request) -> Response:
        """Say what a file would hold and ask what it is for; then give it. For whoever may export this register."""
        if not await self.check_can_export(request):
            raise HTTPException(403)
        statement = await self._asked_for(request)
        form = self._export_form(await request.form() if request.method == "POST" else None, request)
        if request.method != "POST":
            return await self._export_page(request, statement, form)
        try:
            wish = _wish_of(form, await request.form())
            run = partial(self._begun, request, statement, wish, await self._narrowings(request))
            return await anyio.to_thread.run_sync(run)
        except RuleBroken as refusal:
            return await self._export_page(request, statement, form, refusal)

    # ── What is asked for ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _asked_for(self, request: Request) -> Select[Any]:
        """The list's own statement: its scope, filters, search and order, without its pages."""
        statement = self.list_query(request)
        for one in self.get_filters():
            value = request.query_params.get(one.parameter_name)
            if value:
                statement = await one.get_filtered_query(statement, value, self.model)
        statement = self.sort_query(statement, request)
        term = request.query_params.get("search")
        return self.search_query(statement, term) if term else statement

    async def _narrowings(self, request: Request) -> list[Narrowing]:
        """What narrows the list, in words: filters by their choice, the search by what was typed."""
        found = []
        for one in self.get_filters():
            value = request.query_params.get(one.parameter_name)
            if value and (await one.get_filtered_query(select(self.model), value, self.model)).whereclause is not None:
                choices = dict(await one.lookups(request, self.model, self._run_arbitrary_query))
                found.append(Narrowing(str(one.title), str(choices.get(value, value))))
        if term := request.query_params.get("search"):
            found.append(Narrowing(str(_SEARCH), term))
        return found

    def _export_form(self, typed: Any, request: Request) -> Form:
        """The questions before a file leaves: for whoever may, also for health notes and for whole numbers."""
        first = request.query_params.get("file")
        fields: dict[str, Any] = {
            "kind": SelectField(
                later("文件格式"),
                coerce=FileKind,
                choices=list(KIND_WORDS.items()),
                default=FileKind(first) if first in set(FileKind) else FileKind.XLSX,
                description=later("用表格软件打开选 Excel，编号和号码不会变样；交给别的软件选 CSV"),
            ),
            "purpose": StringField(
                **asks(later("做什么用"), required=True, hint=later("会和您的名字一起记进操作日志，如 给会计对账"))
            ),
        }
        if self.reaches_customers:
            fields["contact"] = SelectField(
                later("拿去联系顾客吗"),
                choices=[("", later("不联系，只对账或整理")), *((one.value, _offer(one)) for one in Channel)],
                description=later("发优惠要先有同意：选了渠道，表里就只有同意这个渠道收优惠的顾客"),
            )
        if any(is_health(self.model, name) for name in self._export_columns(with_health=True)):
            fields["with_health"] = BooleanField(
                later("连同健康提示"), description=later("过敏、皮肤和护理情况是敏感信息，用得着才选")
            )
        if self._may_take_whole():
            fields["whole"] = BooleanField(later("完整号码"), description=later("不选就只写前三位和后四位"))
            fields["reason"] = StringField(
                **asks(later("为什么要完整号码"), hint=later("选了完整号码才填，也会记进操作日志"))
            )
        return type("ExportForm", (ShopForm,), fields)(typed)

    def _may_take_whole(self) -> bool:
        person = asking().person
        return person is not None and bool(self.sealed_numbers) and may(person.role, self.subject, "export_whole")

    def _export_columns(self, *, with_health: bool) -> list[str]:
        """What this person's file holds: what she sees anyway, health notes only for whoever may read them."""
        person = asking().person
        may_health = with_health and person is not None and may(person.role, "health", "details")
        return [name for name in self._export_prop_names if may_health or not is_health(self.model, name)]

    # ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _export_page(
        self, request: Request, statement: Select[Any], form: Form, refusal: RuleBroken | None = None
    ) -> Response:
        field = refusal.field if refusal and refusal.field in form else None
        context = {
            "model_view": self,
            "form": form,
            "rows": await anyio.to_thread.run_sync(self._count, statement),
            "narrowings": await self._narrowings(request),
            "columns": [str(self._column_labels.get(name, name)) for name in self._export_columns(with_health=False)],
            "is_masked": bool(set(self._export_columns(with_health=False)) & {"phone_masked", "contact_masked"}),
            "refused": {field: [refusal.say(gettext)]} if refusal and field else {},
            "error": refusal.say(gettext) if refusal and not field else "",
            "sent": uuid4().hex,
            "back": request.url.remove_query_params("file").query,
        }
        answer = await self.templates.TemplateResponse(
            request, "backoffice/export.html", context, status_code=refusal.status if refusal else 200
        )
        if isinstance(refusal, TooManyTries):
            answer.headers["Retry-After"] = str(refusal.seconds)
        return answer

    def _count(self, statement: Select[Any]) -> int:
        rows = statement.with_only_columns(self.pk_columns[0], maintain_column_froms=True).order_by(None).subquery()
        with self.database.reading() as session:
            return session.execute(select(func.count()).select_from(rows)).scalar_one()

    # ── The file ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begun(
        self, request: Request, statement: Select[Any], wish: Wish, narrowings: Sequence[Narrowing]
    ) -> TableDownload:
        """Written down and on its way. Raises TooManyTries, NothingToExport, TooLongForWorkbook."""
        here = asking()
        assert here.person is not None, "an export without a person"
        whole = wish.whole and self._may_take_whole()
        ids, numbers = self._found(statement, whole=whole, contact=wish.contact)
        check_length(len(ids), wish.kind)
        columns = self._export_columns(with_health=wish.with_health)
        run = ExportRun(
            subject=self.subject,
            kind=wish.kind,
            rows=len(ids),
            purpose=wish.purpose,
            filters="、".join(  # data: a list mark
                [one.name for one in narrowings] + ([str(_offer(wish.contact))] if wish.contact else [])
            ),
            has_health=any(is_health(self.model, name) for name in columns),
            whole_numbers=numbers,
            reason=wish.reason,
        )
        with self.database.writing(here.actor) as session:
            start_export(session, run, staff_id=here.person.staff_id, sent=wish.sent, now=here.now)
        table = Table(self, request, columns, sealed=self.sealed_numbers if whole else {})
        return self._download(here, run, columns, _Rows(self.database, table, ids))

    def _found(self, statement: Select[Any], *, whole: bool, contact: Channel | None) -> tuple[Sequence[int], int]:
        """The rows' numbers in the list's order, and how many telephone numbers would be in the file whole. With
        `contact` only customers who agreed to be told of offers that way."""
        here = asking()
        assert here.person is not None, "as above"
        wanted = [self.pk_columns[0]]
        wanted += [getattr(self.model, name).is_not(None) for name in self.sealed_numbers.values()] if whole else []
        ids, numbers = array("I"), 0
        if contact:
            statement = statement.where(said_yes(Purpose.MARKETING, contact))
        with self.database.reading() as session:
            check_tries(session, EXPORT, str(here.person.staff_id), now=here.now)
            rows = session.execute(
                statement.with_only_columns(*wanted, maintain_column_froms=True),
                execution_options={"yield_per": _IDS_AT_ONCE},
            )
            parts = ([tuple(row) for row in part] for part in rows.partitions())
            for part in [*parts] if contact else parts:
                agreed = self._agreed(session, part, contact)
                ids.extend(row[0] for row in agreed)
                numbers += sum(sum(row[1:]) for row in agreed)
        return ids, numbers

    def _agreed(self, session: Session, rows: Sequence[Any], contact: Channel | None) -> Sequence[Any]:
        if contact is None:
            return rows
        numbers = [row[0] for row in rows]
        may = consented(session, numbers, Purpose.MARKETING, contact, today=asking().today)
        return [row for row in rows if row[0] in may]

    def _download(self, here: Asking, run: ExportRun, columns: Sequence[str], rows: "_Rows") -> TableDownload:
        def cut_off() -> None:
            with self.database.writing(here.actor) as session:
                # The part of a workbook that came through opens in no program.
                cut_off_export(session, run, sent_rows=rows.given if run.kind is FileKind.CSV else 0)

        headings = [str(self._column_labels.get(name, name)) for name in columns]
        ending = f"{here.now:%Y%m%d-%H%M}.{run.kind.value}"
        folder = self._admin_ref.settings.data_dir
        return TableDownload(
            written(run.kind, headings, rows.portions(), folder=folder),
            cut_off=cut_off,
            name=f"{self.name_plural}-{ending}",
            ascii_name=f"{run.subject}-{ending}",
            media_type=MEDIA_TYPES[run.kind],
        )


def _offer(contact: Channel) -> str:
    """What a file is meant for, in words."""
    return f"{word_of(Purpose.MARKETING)} · {word_of(contact)}"


@dataclass
class _Rows:
    """The rows behind their numbers, read while they are sent. `given`: how many have been handed on."""

    database: Database
    table: Table
    ids: Sequence[int]
    given: int = 0

    def portions(self) -> Iterator[Portion]:
        """Portion by portion."""
        for start in range(0, len(self.ids), _PORTION):
            with self.database.reading() as session:
                portion = self.table.portion(session, self.ids[start : start + _PORTION])
            yield portion
            self.given += len(portion)


def _wish_of(form: Form, sent: Mapping[str, Any]) -> Wish:
    """What was filled in. Raises the refusals of `rules.exports` and `rules.phones`."""
    typed = {field.name: field.data for field in form}
    whole = bool(typed.get("whole"))
    return Wish(
        kind=typed["kind"] if isinstance(typed["kind"], FileKind) else FileKind.XLSX,
        purpose=purpose_of(typed["purpose"] or ""),
        with_health=bool(typed.get("with_health")),
        whole=whole,
        reason=reason_to_see(typed.get("reason") or "") if whole else "",
        sent=str(sent.get("sent", ""))[:64],
        contact=Channel(typed["contact"]) if typed.get("contact") in set(Channel) else None,
    )
