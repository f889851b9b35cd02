"""Pages to PDF, through WeasyPrint. It is loaded on first use: without its system libraries everything else works."""

import threading
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

from pypdf import PdfWriter

from app.rules.refusals import RuleBroken, words
from app.templating import APP

STATIC = APP / "static"
_PLACES = (STATIC, APP / "templates")
_AT_ONCE = threading.BoundedSemaphore(2)
"""A PDF costs a processor and some hundred MB while it is made: two at a time, the third waits."""
_COMMON = frozenset("会员卡店您")  # data: characters every Chinese font has


class PdfTrouble(RuleBroken):
    """This machine lacks something it needs to print; `mend` is the line that brings it."""

    status = 503


class PdfUnavailable(PdfTrouble):
    """The libraries that draw text are not installed."""

    code = "pdf_unavailable"
    message = words("还不能生成 PDF：缺少系统软件。请在这台电脑上运行：{mend}")


class FontMissing(PdfTrouble):
    """No Chinese font: every character would be printed as an empty box, without any error."""

    code = "font_missing"
    message = words("这台电脑没有中文字体，印出来全是方框。请先运行：{mend}")


class GlyphMissing(PdfTrouble):
    """A character no font here has."""

    code = "glyph_missing"
    message = words("这台电脑的字体里没有“{characters}”，印出来会是方框。请先安装字更全的字体：{mend}")


PANGO_LINE = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
FONT_LINE = "apt-get install fonts-wqy-microhei"
BIG_FONT_LINE = "apt-get install fonts-noto-cjk"


def pdf(html: str) -> bytes:
    """A page as PDF, its fonts embedded. Raises PdfUnavailable, FontMissing or GlyphMissing: a PDF with boxes instead
    of characters never leaves this room."""
    weasyprint = _weasyprint()
    with _AT_ONCE:
        page = weasyprint.HTML(string=html, base_url=f"{STATIC.as_uri()}/", url_fetcher=_fetcher(weasyprint))
        return page.write_pdf(finisher=_refuse_boxes)


def joined(documents: Sequence[bytes]) -> bytes:
    """Several PDFs one after the other in one."""
    if len(documents) == 1:
        return documents[0]
    writer = PdfWriter()
    for document in documents:
        writer.append(BytesIO(document))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def check_printable(text: str) -> None:
    """Whether these characters can be printed here, asked before anything is written down. Raises as `pdf` does."""
    weasyprint = _weasyprint()
    style = 'font-family:"Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif'
    escaped = "".join(f"&#{ord(character)};" for character in sorted(set(text) | _COMMON) if character > " ")
    with _AT_ONCE:
        weasyprint.HTML(string=f"<p style='{style}'>{escaped}").write_pdf(finisher=_refuse_boxes)


def _weasyprint() -> ModuleType:
    try:
        import weasyprint  # noqa: PLC0415  heavy, and its libraries may be missing
    except OSError:  # cffi's dlopen found no pango
        raise PdfUnavailable(mend=PANGO_LINE) from None
    return weasyprint


def _refuse_boxes(document: Any, _: Any) -> None:
    """WeasyPrint only logs a character that no font has, and draws a box."""
    missing = {chr(code) for font in document.fonts.values() for code in font.missing}
    if missing & _COMMON:
        raise FontMissing(mend=FONT_LINE)
    if missing:
        raise GlyphMissing(characters="".join(sorted(missing)), mend=BIG_FONT_LINE)


def _fetcher(weasyprint: ModuleType) -> Any:
    """What a page may load: pictures written into it, and our own files. Text of a customer's that became an address
    could otherwise read the machine's files or call its neighbours."""

    class OwnFiles(weasyprint.urls.URLFetcher):  # type: ignore[name-defined]  # loaded only now
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            parts = urlsplit(url)
            if parts.scheme == "file":
                path = Path(unquote(parts.path)).resolve()
                if parts.netloc or not any(path.is_relative_to(place) for place in _PLACES):
                    raise ValueError("a page may load only our own files")
            return super().fetch(url, headers)

    return OwnFiles(allowed_protocols=("data", "file"), allow_redirects=False)
