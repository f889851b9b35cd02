"""Files the import wizard gives: a sample to copy from, and the rows that did not come in."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from sqladmin.application import expose
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from app.admin_base.import_wizard import ImportPage, may_bring
from app.gateways.table_files import MEDIA_TYPES, csv_file
from app.i18n import gettext
from app.labels import word_of
from app.queries.import_batches import Batch, Verdict
from app.rules.exports import FileKind
from app.rules.import_reports import told_faults
from app.rules.import_samples import SAMPLES
from app.rules.refusals import words
from app.vocabulary import ImportKind, ImportStage

_PORTION = 500
_SAMPLE = words("示例-{kind}.csv")
_REFUSED = words("没有导入的行-{number}.csv")
_LEFT_OUT = words("留空的格子-{number}.csv")
_MORE = words("还有 {count} 行没有列出，请先改好这些再试一次")


class ImportSamplePage(ImportPage):
    """A sample of each kind of file."""

    @expose("/desk/import-samples/{pk}", methods=["GET"], identity="imports-sample")
    async def imports_sample(self, request: Request) -> Response:
        """A file to copy from. For the owner and the manager."""
        name = request.path_params["pk"].removesuffix(".csv")
        if name not in set(ImportKind) or not may_bring(ImportKind(name)):
            raise HTTPException(404)
        kind = ImportKind(name)
        header, *rows = SAMPLES[kind]
        return _file(header, iter([rows]), gettext(_SAMPLE).format(kind=word_of(kind)))


class ImportRefusedPage(ImportPage):
    """The rows of a file that did not come in."""

    @expose("/desk/imports/{pk}/refused.csv", methods=["GET"], identity="imports-refused")
    async def imports_refused(self, request: Request) -> Response:
        """Row, column and reason of each, without what stood there. For the owner and the manager."""
        batch = await anyio.to_thread.run_sync(self._batch, request)
        verdict = _verdict(batch)
        rows = list(told_faults(verdict.rejections))
        return _file(_headings(), _portions(rows, verdict.more), gettext(_REFUSED).format(number=batch.id))


class ImportLeftOutPage(ImportPage):
    """The cells that were left out of rows that came in."""

    @expose("/desk/imports/{pk}/left-out.csv", methods=["GET"], identity="imports-left-out")
    async def imports_left_out(self, request: Request) -> Response:
        """Row, column and reason of each, without what stood there. For the owner and the manager."""
        batch = await anyio.to_thread.run_sync(self._batch, request)
        rows = _verdict(batch).warnings
        more = _verdict(batch).left_out - len(rows)
        return _file(_headings(), _portions(list(rows), more), gettext(_LEFT_OUT).format(number=batch.id))


def _verdict(batch: Batch) -> Verdict:
    """What became of a file, or would. Raises HTTPException 404 where nobody knows yet."""
    is_in = batch.stage in {ImportStage.DONE, ImportStage.REVERTED}
    verdict = batch.result if is_in else batch.verdict
    if verdict is None:
        raise HTTPException(404)
    return verdict


def _headings() -> tuple[str, ...]:
    return (gettext("行号"), gettext("列"), gettext("原因"))


def _portions(rows: list[tuple[Any, ...]], more: int) -> Iterator[list[tuple[Any, ...]]]:
    if more > 0:
        rows = [*rows, ("", "", gettext(_MORE).format(count=more))]
    for start in range(0, len(rows), _PORTION):
        yield rows[start : start + _PORTION]


def _file(headings: tuple[str, ...], portions: Iterator[Any], name: str) -> Response:
    said = {"Content-Disposition": f"attachment; filename=\"import.csv\"; filename*=UTF-8''{quote(name)}"}
    return StreamingResponse(csv_file(headings, portions), media_type=MEDIA_TYPES[FileKind.CSV], headers=said)
