"""The page of one file that comes in: its columns, what a dry run said, how far it has come, what became of it, and the way
out again."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin.application import expose
from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.import_batches import (
    ask_check,
    ask_run,
    ask_undo,
    break_off,
    check_batch,
    close_work,
    keep_map,
    say_columns,
    throw_away,
    undo_batch,
)
from app.actions.import_undo import why_not
from app.admin_base.asking import asking, reach
from app.admin_base.formats import table_names
from app.admin_base.import_rows import (
    Head,
    check_columns,
    columns_shown,
    first_rows,
    head_of,
    labels,
    typed_mapping,
)
from app.admin_base.import_wizard import HOME, ImportPage
from app.admin_base.once import Answer
from app.admin_base.writing import Refused, write
from app.gateways.uploads import bytes_of, drop_upload
from app.i18n import gettext
from app.queries.import_batches import Batch, Map, maps_of
from app.queries.import_records import changes_of, points_of_file, records_of
from app.queries.jobs import last_beat
from app.queries.tiers import tier_steps
from app.rules.import_header import in_wizard
from app.rules.import_rows import Shop
from app.rules.jobs import Pulse
from app.rules.refusals import RuleBroken, words
from app.rules.uploads import AT_ONCE_BYTES, AT_ONCE_ROWS, JUDGED_AT_ONCE_ROWS
from app.vocabulary import ImportStage

_THROWN_AWAY = words("已丢掉「{name}」，什么都没有导入。")
_MAP_KEPT = words("对应表「{name}」已保存，下次同样的文件会自动套用。")


class ImportBatchPage(ImportPage):
    """One file, wherever it stands."""

    @expose("/desk/imports/{pk}", methods=["GET", "POST"], identity="imports-file")
    async def imports_file(self, request: Request) -> Response:
        """See where a file stands and take the next step with it. For the owner and the manager."""
        batch = await anyio.to_thread.run_sync(self._batch, request)
        if request.method == "GET":
            return await self._shown(request, batch)
        form = await request.form()
        request.state.form_names = ()  # every refusal is said above the form
        step = self._STEPS.get(str(form.get("do", "")))
        if step is None:
            raise HTTPException(404)
        try:
            return (await step(self, request, batch, form)).lead(request)
        except RuleBroken as refusal:
            return await self._shown(request, batch, in_wizard(refusal), form)
        except Refused as refused:
            return await self._shown(request, batch, str(refused), form)

    # ── Steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _check(self, request: Request, batch: Batch, form: Mapping[str, Any]) -> Answer:
        mapping = await self._mapping(batch, form)
        is_at_once = bytes_of(self._settings, batch.upload_key) <= AT_ONCE_BYTES
        now, key = asking().now, ""

        def work(session: Session) -> Answer:
            nonlocal key
            key = ask_check(session, batch.id, mapping, now=now, is_at_once=is_at_once)
            return Answer(f"{HOME}/{batch.id}")

        answer = await write(request, self._database, work)
        if key and is_at_once:
            await self._at_once(batch, key, partial(check_batch, self._database, batch.id, self._rows(batch), key=key))
        return answer

    async def _keep(self, request: Request, batch: Batch, form: Mapping[str, Any]) -> Answer:
        here, name = asking(), str(form.get("map_name", ""))
        mapping = await self._mapping(batch, form)

        def work(session: Session) -> Answer:
            keep_map(session, batch.kind, name, mapping, now=here.now, staff_id=here.actor.staff_id)
            say_columns(session, batch.id, mapping)
            return Answer(f"{HOME}/{batch.id}", gettext(_MAP_KEPT).format(name=" ".join(name.split())))

        return await write(request, self._database, work)

    async def _run(self, request: Request, batch: Batch, form: Mapping[str, Any]) -> Answer:
        def work(session: Session) -> Answer:
            ask_run(session, batch.id, now=asking().now, earns="earns" in form)
            return Answer(f"{HOME}/{batch.id}")

        return await write(request, self._database, work)

    async def _drop(self, request: Request, batch: Batch, form: Mapping[str, Any]) -> Answer:
        key = ""

        def work(session: Session) -> Answer:
            nonlocal key
            key = throw_away(session, batch.id)
            return Answer(HOME, gettext(_THROWN_AWAY).format(name=batch.file_name))

        answer = await write(request, self._database, work)
        if key:
            await anyio.to_thread.run_sync(drop_upload, self._settings, key)
        return answer

    async def _undo(self, request: Request, batch: Batch, form: Mapping[str, Any]) -> Answer:
        here, key, is_at_once = asking(), "", batch.result.rows <= AT_ONCE_ROWS

        def work(session: Session) -> Answer:
            nonlocal key
            key = ask_undo(session, batch.id, now=here.now, staff_id=here.actor.staff_id, is_at_once=is_at_once)
            return Answer(f"{HOME}/{batch.id}")

        answer = await write(request, self._database, work)
        if key and is_at_once:
            await self._at_once(batch, key, partial(undo_batch, self._database, batch.id, key=key, actor=here.actor))
        return answer

    _STEPS: ClassVar[Mapping[str, Any]] = {"check": _check, "keep": _keep, "run": _run, "drop": _drop, "undo": _undo}

    async def _at_once(self, batch: Batch, key: str, work: Callable[..., None]) -> None:
        """Do it while the person waits. Where the file itself is the reason that it cannot be done, its page says so: the
        step was taken, and the same form again is answered with the way there."""
        here = asking()

        def now() -> None:
            try:
                work(now=here.now, zone=here.zone, progress=lambda done, total: None)
            except RuleBroken as refusal:
                break_off(self._database, batch.id, refusal)
                with self._database.writing() as session:
                    close_work(session, key, now=here.now)

        await anyio.to_thread.run_sync(now)

    async def _mapping(self, batch: Batch, form: Mapping[str, Any]) -> dict[str, str]:
        def read() -> dict[str, str]:
            head = head_of(batch.kind, self._rows(batch))
            mapping = typed_mapping(head, form, batch.kind)
            check_columns(batch.kind, head, mapping, batch.mode)
            return mapping

        return await anyio.to_thread.run_sync(read)

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _shown(
        self,
        request: Request,
        batch: Batch,
        refusal: RuleBroken | str | None = None,
        form: Mapping[str, Any] | None = None,
    ) -> Response:
        if refusal is not None:
            batch = await anyio.to_thread.run_sync(self._batch, request)  # it may stand elsewhere by now
        said = refusal.say(gettext) if isinstance(refusal, RuleBroken) else refusal or ""
        status = 200 if refusal is None else getattr(refusal, "status", 422)
        template, context = await anyio.to_thread.run_sync(self._view, request, batch, form)
        is_part = request.headers.get("HX-Request") == "true" and request.query_params.get("part") == "progress"
        if is_part:
            return await self._part(request, batch, context)
        return await self._show(request, template, {"batch": batch, "error": said, **context}, status)

    async def _part(self, request: Request, batch: Batch, context: Mapping[str, Any]) -> Response:
        """What htmx asks for every two seconds; once it is done, the whole page again."""
        if not batch.is_busy:
            return Response(status_code=204, headers={"HX-Redirect": f"{HOME}/{batch.id}"})
        return await self._show(request, "imports/_progress.html", {"batch": batch, **context})

    def _view(self, request: Request, batch: Batch, form: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
        """Which page shows where a file stands, and what it says."""
        if batch.is_busy:
            with self._database.reading() as session:
                beat = last_beat(session, now=asking().now)
            return "imports/progress.html", {"work": batch.work, "is_asleep": beat.pulse is not Pulse.OK}
        if batch.stage in {ImportStage.DONE, ImportStage.REVERTED}:
            return "imports/result.html", self._result(batch)
        if batch.stage in {ImportStage.RUNNING, ImportStage.FAILED}:
            return "imports/stopped.html", {"stopped": _stopped(batch)}
        wants_columns = request.query_params.get("step") == "columns" or (form is not None and form.get("do") != "run")
        try:
            table = self._table(batch)
            head = head_of(batch.kind, table.rows)
            if batch.stage is ImportStage.CHECKED and batch.verdict and not wants_columns:
                return "imports/checked.html", self._checked(batch, head)
            context = self._columns(request, batch, head, form)
            return "imports/columns.html", context | {"left_out": gettext("、").join(table.left_out)}
        except RuleBroken as refusal:
            return "imports/gone.html", {"why": refusal.say(gettext)}

    def _columns(self, request: Request, batch: Batch, head: Head, form: Mapping[str, Any] | None) -> dict[str, Any]:
        with self._database.reading() as session:
            maps = maps_of(session, batch.kind)
        mapping, chosen = dict(batch.mapping), _chosen_map(request, maps, head)
        if form is not None and any(name.startswith("column-") for name in form):
            mapping = typed_mapping(head, form, batch.kind)
        elif chosen is not None:
            mapping |= {heading: field for heading, field in chosen.mapping.items() if heading in head.headings}
        return {
            "columns": columns_shown(head, mapping),
            "fields": labels(batch.kind),
            "maps": [one for one in maps if one.fits(head.headings)],
            "chosen": chosen,
            "header": head.header,
            "map_name": str(form.get("map_name", "")) if form is not None else (chosen.name if chosen else ""),
            "stopped": _stopped(batch),
        }

    def _checked(self, batch: Batch, head: Head) -> dict[str, Any]:
        with self._database.reading() as session:
            shop = Shop(tier_steps(session), asking().zone, asking().now)
        fields, rows = first_rows(batch, head, shop)
        return {"verdict": batch.verdict, "fields": fields, "labels": labels(batch.kind), "rows": rows}

    def _result(self, batch: Batch) -> dict[str, Any]:
        with self._database.reading() as session:
            records = records_of(session, batch.id, reach)
            points = points_of_file(session, batch.id) if batch.earns and batch.stage is ImportStage.DONE else None
        told = {"reasons": self._in_the_way(batch.in_the_way), "way": self._way(), "points": points}
        return {"verdict": batch.result, "records": records, "stopped": _stopped(batch), **told}


class ImportUndoPage(ImportPage):
    """Before an import is taken back: what goes, what comes back, or why not."""

    @expose("/desk/imports/{pk}/undo", methods=["GET"], identity="imports-undo")
    async def imports_undo(self, request: Request) -> Response:
        """Read what taking it back would do; the button there does it. For the owner and the manager."""
        batch = await anyio.to_thread.run_sync(self._batch, request)
        if batch.is_busy or batch.stage is not ImportStage.DONE:
            return RedirectResponse(f"{HOME}/{batch.id}", 303)

        def read() -> dict[str, Any]:
            with self._database.reading() as session:
                is_large = batch.result.rows > JUDGED_AT_ONCE_ROWS
                refusals = () if is_large else why_not(session, batch.id)
                return {
                    "is_large": is_large,
                    "refusals": refusals,
                    "changes": changes_of(session, batch.id),
                }

        context = await anyio.to_thread.run_sync(read)
        context["reasons"] = await anyio.to_thread.run_sync(self._in_the_way, context["refusals"])
        context |= {"batch": batch, "tables": table_names(self._admin_ref.views)}
        return await self._show(request, "imports/undo.html", context)


def _stopped(batch: Batch) -> str:
    """Why the machine left a file to a person."""
    return batch.stopped or (batch.work.error if batch.work is not None and batch.work.is_dead else "")


def _chosen_map(request: Request, maps: tuple[Map, ...], head: Head) -> Map | None:
    wished = request.query_params.get("map", "")
    return next((one for one in maps if str(one.id) == wished and one.fits(head.headings)), None)
