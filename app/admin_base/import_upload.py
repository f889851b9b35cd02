"""A form with a file that may be large: the file is sealed while it comes, and nothing of it is ever in the open."""

from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from app.gateways.uploads import Arriving
from app.settings import Settings

_MOST_FIELDS = 20


class _SealingParser(MultiPartParser):
    """Starlette's own parser keeps a large file in a temporary one that anybody on the machine may find."""

    def __init__(self, request: Request, arriving: Arriving) -> None:
        super().__init__(request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS)
        self.arriving = arriving

    def on_headers_finished(self) -> None:
        """A part begins; a file goes where it is sealed."""
        super().on_headers_finished()
        held: Any = self._current_part.file
        if held is not None:
            held.file.close()
            held.file = _Sink(self.arriving)


class _Sink:
    """What the parser takes for a temporary file."""

    _rolled = True  # Starlette then writes in a thread

    def __init__(self, arriving: Arriving) -> None:
        self.write = arriving.write

    def seek(self, place: int) -> int:
        """The parser rewinds what it has written; nobody reads it there."""
        return place

    def close(self) -> None:
        """Whoever began it ends it."""


@dataclass(frozen=True)
class TypedUpload:
    """What the form said, beside the file. `name` is empty where none was chosen."""

    kind: str
    mode: str
    store: str
    once: str
    name: str


async def take_form(request: Request, settings: Settings) -> tuple[TypedUpload, Arriving]:
    """The form and its file, which is whole and sealed by now: whoever asks for it has to keep it or drop it. Raises
    UploadTooLarge."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(415)
    arriving = Arriving(settings)
    try:
        form = await _SealingParser(request, arriving).parse()
        arriving.finish()
    except MultiPartException:
        arriving.drop()
        raise HTTPException(400) from None
    except BaseException:
        arriving.drop()
        raise
    file = form.get("file")
    said = {name: str(form.get(name, "")) for name in ("kind", "mode", "store", "once")}
    name = (file.filename or "") if isinstance(file, UploadFile) else ""
    # Whoever asks this request for its form gets the words only.
    request._form = FormData([(key, value) for key, value in form.multi_items() if isinstance(value, str)])
    return TypedUpload(**said, name=name.replace("\\", "/").rpartition("/")[2]), arriving
