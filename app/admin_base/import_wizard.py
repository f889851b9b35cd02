"""The import wizard: a till's file from the shop's own computer into the shop, and out again. Each file has one page,
which shows where it stands: its columns, what a dry run said, how far it has come, what became of it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actions.idempotency import named
from app.actions.import_batches import (
    Uploaded,
    take_upload,
)
from app.admin_base.asking import asking, reach
from app.admin_base.import_rows import (
    head_of,
    mapping_for,
)
from app.admin_base.import_upload import TypedUpload, take_form
from app.admin_base.once import Answer
from app.admin_base.writing import LARGEST_ID, Refused, write
from app.db import Database
from app.gateways.spreadsheets import TableFile, open_table
from app.gateways.uploads import Arriving, upload
from app.i18n import gettext
from app.models import Customer, ImportBatch, Store
from app.queries.import_batches import Batch, batch_of, maps_of, under_way
from app.queries.import_records import customers_called
from app.rules.access import may
from app.rules.import_header import in_wizard
from app.rules.import_undo import Refusal
from app.rules.refusals import NotFound, RuleBroken
from app.rules.uploads import FileNotChosen, UploadGone
from app.settings import Settings
from app.vocabulary import ImportKind, ImportMode

HOME = "/desk/imports"
_MAY: Mapping[ImportKind, tuple[str, str]] = {
    ImportKind.CUSTOMERS: ("customers", "import"),
    ImportKind.PURCHASES: ("purchases", "import"),
    ImportKind.TREATMENTS: ("treatments", "edit"),
    ImportKind.PRODUCTS: ("products", "edit"),
    ImportKind.POINTS: ("customers", "import"),
}
"""What somebody must be allowed to do to bring in a file of that kind."""


class ImportPage(BaseView):
    """What all pages of the wizard share."""

    subject: ClassVar[str] = "imports"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports every page

    def is_visible(self, request: Request) -> bool:
        """One entry in the menu is enough."""
        return False

    @property
    def _database(self) -> Database:
        return self._admin_ref.database

    @property
    def _settings(self) -> Settings:
        return self._admin_ref.settings

    def _batch(self, request: Request) -> Batch:
        """The file an address is about. Raises HTTPException 404 for what is not this person's to see."""
        text = request.path_params["pk"]
        if not (text.isascii() and text.isdigit() and 0 < int(text[:11]) <= LARGEST_ID):
            raise HTTPException(404)
        with self._database.reading() as session:
            try:
                batch = batch_of(session, int(text), reach(ImportBatch))
            except NotFound:
                raise HTTPException(404) from None
        if not may_bring(batch.kind):
            raise HTTPException(403)
        return batch

    def _table(self, batch: Batch) -> TableFile:
        """A file that waits. Raises UploadGone, and whatever reading a table does."""
        if not batch.upload_key:
            raise UploadGone
        return open_table(upload(self._settings, batch.upload_key, batch.file_name))

    def _rows(self, batch: Batch) -> Callable[[], Any]:
        """Its rows. Raises as above."""
        return self._table(batch).rows

    def _way(self) -> Callable[[str, int], str]:
        """The address of a record, for whoever may open it."""
        identities, person = self._admin_ref.permissions.identities, asking().person

        def way(subject: str, number: int) -> str:
            if person is None or not may(person.role, subject, "details"):
                return ""
            return "".join(f"/admin/{one}/details/{number}" for one in sorted(identities.get(subject, ()))[:1])

        return way

    def _in_the_way(self, refusals: Collection[Refusal]) -> list[tuple[str, str]]:
        """What stands in the way of an undo, each with the address of the record it is about; a customer by her name."""
        way, told = self._way(), []
        with self._database.reading() as session:
            customers = customers_called(session, refusals, reach(Customer))
        for one in refusals:
            her = customers.get(one.row_id) if one.subject == "customers" else None
            address = f"/desk/customers/{her.member_no}" if her else way(one.subject, one.row_id)
            told.append((one.say(gettext, her.text if her else ""), "" if one.is_gone else address))
        return told

    async def _show(self, request: Request, template: str, context: Mapping[str, Any], status: int = 200) -> Response:
        return await self.templates.TemplateResponse(request, template, {"home": HOME, **context}, status_code=status)


class ImportStart(ImportPage):
    """Choose what comes in, and the file."""

    def is_visible(self, request: Request) -> bool:
        """In the menu for whoever may import anything."""
        return bool(kinds_here()) and self.is_accessible(request)

    @expose("/desk/imports", methods=["GET", "POST"], identity="imports")
    async def imports(self, request: Request) -> Response:
        """Choose kind, mode, store and file, and send it in. For the owner and the manager."""
        if request.method == "GET":
            return await self._page(request, TypedUpload("", "", "", "", ""))
        request.state.form_names = ()  # every refusal is said above the form
        try:
            typed, arriving = await take_form(request, self._settings)
        except RuleBroken as refusal:
            return await self._page(request, TypedUpload("", "", "", "", ""), refusal)
        is_kept = False
        try:
            answer, is_kept = await self._taken(request, typed, arriving)
            return answer.lead(request)
        except RuleBroken as refusal:
            return await self._page(request, typed, in_wizard(refusal))
        except Refused as refused:
            return await self._page(request, typed, str(refused))
        finally:
            if not is_kept:
                arriving.drop()

    async def _taken(self, request: Request, typed: TypedUpload, arriving: Arriving) -> tuple[Answer, bool]:
        """Where the file's page is, and whether this very upload is the one that is kept there."""
        if typed.kind not in set(ImportKind) or not may_bring(ImportKind(typed.kind)):
            raise HTTPException(403)
        if not typed.name:
            raise FileNotChosen("file")
        kind = ImportKind(typed.kind)
        mode = ImportMode(typed.mode) if typed.mode in set(ImportMode) else ImportMode.BOTH
        mapping = await anyio.to_thread.run_sync(self._first_mapping, kind, arriving.key, typed.name)
        here, uploaded = asking(), Uploaded(kind, typed.name, arriving.sha256, arriving.key)
        assert here.person is not None, "a page of the back office without a person"
        if typed.once:
            told = f"{kind} {mode} {typed.store} {typed.name} {arriving.sha256}"
            # Back in the browser and another file chosen is another upload, not the same one with another body.
            key = f"{typed.once[:120]} {arriving.sha256}"
            request.state.once = named(f"staff:{here.person.staff_id}", key, place=f"POST {HOME}", body=told)
        is_kept = False

        def work(session: Session) -> Answer:
            nonlocal is_kept
            number = take_upload(
                session,
                uploaded,
                mode=mode,
                store_id=_chosen_store(session, typed.store),
                mapping=mapping,
                now=here.now,
                staff_id=here.actor.staff_id,
            )
            is_kept = True
            return Answer(f"{HOME}/{number}")

        return await write(request, self._database, work), is_kept

    def _first_mapping(self, kind: ImportKind, key: str, name: str) -> dict[str, str]:
        head = head_of(kind, open_table(upload(self._settings, key, name)).rows)
        with self._database.reading() as session:
            return mapping_for(kind, head, maps_of(session, kind))

    async def _page(self, request: Request, typed: TypedUpload, refusal: RuleBroken | str | None = None) -> Response:
        def read() -> dict[str, Any]:
            with self._database.reading() as session:
                stores = session.exec(select(Store.id, Store.name).where(Store.is_active, reach(Store))).all()
                return {"stores": stores, "under_way": under_way(session, reach(ImportBatch))}

        said = refusal.say(gettext) if isinstance(refusal, RuleBroken) else refusal or ""
        context = {
            **await anyio.to_thread.run_sync(read),
            "kinds": kinds_here(),
            "modes": tuple(ImportMode),
            "typed": typed,
            "error": said,
            "limit_mb": self._settings.upload_limit_mb,
        }
        status = 200 if refusal is None else getattr(refusal, "status", 422)
        return await self._show(request, "imports/start.html", context, status)


def kinds_here() -> tuple[ImportKind, ...]:
    """What the person asking may bring in."""
    return tuple(kind for kind in ImportKind if may_bring(kind))


def may_bring(kind: ImportKind) -> bool:
    """Whether the person asking may bring in files of this kind."""
    person = asking().person
    return person is not None and may(person.role, *_MAY[kind])


def _chosen_store(session: Session, text: str) -> int | None:
    """The store of rows that name none; one the person works in."""
    if not (text.isascii() and text.isdigit()):
        return None
    return session.exec(select(Store.id).where(Store.id == int(text[:9]), reach(Store))).first()
