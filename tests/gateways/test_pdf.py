"""Pages to PDF: what may be loaded, and what is refused instead of printing boxes."""

import builtins
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import weasyprint
from fontTools import subset

from app.gateways import pdf as room
from app.gateways.pdf import STATIC, GlyphMissing, PdfUnavailable, check_printable, joined, pdf
from app.gateways.qr import _chinese_font_file
from tests.paper import Paper


def test_chinese_comes_out_as_words_in_an_embedded_font() -> None:
    paper = Paper(pdf('<p style=\'font-family:"WenQuanYi Micro Hei","Noto Sans CJK SC"\'>会员卡 嫒 喆 張愛玲'))
    assert "会员卡 嫒 喆 張愛玲" in paper.text(1)
    assert paper.fonts()
    assert all(font["embedded"] == font["subset"] == "yes" for font in paper.fonts())


# ── What may be loaded ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        f"file://fileserver{STATIC}/print.css",
        f"{STATIC.as_uri()}/../main.py",
        f"{STATIC.as_uri()}/%2e%2e/main.py",
        f"{STATIC.as_uri()}-elsewhere/print.css",
        "http://127.0.0.1:9/",
        "https://example.com/",
        "ftp://example.com/",
    ],
)
def test_a_page_may_not_load_what_is_not_ours(address: str) -> None:
    with pytest.raises(ValueError, match=r"our own files|disallowed protocol"):
        room._fetcher(weasyprint)(address)


def test_a_link_out_of_our_folder_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("secret")
    ours = tmp_path / "static"
    ours.mkdir()
    (ours / "link").symlink_to(tmp_path / "secret")
    (ours / "own").write_text("own")
    monkeypatch.setattr(room, "_PLACES", (ours,))
    assert room._fetcher(weasyprint)(f"{ours.as_uri()}/own").read() == b"own"
    with pytest.raises(ValueError, match="our own files"):
        room._fetcher(weasyprint)(f"{ours.as_uri()}/link")


def test_our_own_files_and_pictures_inside_the_page_load() -> None:
    fetch = room._fetcher(weasyprint)
    assert b"@page" in fetch(f"{STATIC.as_uri()}/print.css").read()
    assert fetch("data:text/plain,hello").read() == b"hello"


def test_printing_calls_nobody() -> None:
    asked: list[str] = []

    class Neighbour(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Neighbour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    pdf(
        f'<link rel="stylesheet" href="{address}/a.css"><img src="{address}/b.png"><p style="background:url({address}/c)">x'
    )
    server.shutdown()
    assert asked == []


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_the_libraries_the_line_that_brings_them_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pango(name: str, *rest: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_pango)
    with pytest.raises(PdfUnavailable) as refused:
        pdf("<p>x")
    assert "apt-get install libpango" in refused.value.say(str)
    assert refused.value.status == 503


def test_everything_else_starts_without_weasyprint() -> None:
    """It is loaded on first use only: importing it takes seconds, and fails without pango."""
    script = "import sys, app.main, app.cli; sys.exit('weasyprint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.fixture
def latin_only(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine whose only font has no Chinese."""
    found = _chinese_font_file()
    assert found is not None, "apt-get install fonts-wqy-microhei"
    (tmp_path / "fonts").mkdir()
    subset.main(
        [found[0], f"--font-number={found[1]}", "--unicodes=20-7E", f"--output-file={tmp_path / 'fonts' / 'latin.ttf'}"]
    )
    config = tmp_path / "fonts.conf"
    config.write_text(
        f"<fontconfig><dir>{tmp_path / 'fonts'}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
    )
    return {"FONTCONFIG_FILE": str(config), "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("call", ["check_printable('')", "pdf('<p>您的会员卡')"])
def test_without_a_chinese_font_nothing_is_printed(latin_only: dict[str, str], call: str) -> None:
    script = f"from app.gateways.pdf import *\ntry: {call}\nexcept FontMissing as refusal: print(refusal.say(str))\n"
    said = subprocess.run([sys.executable, "-c", script], env=latin_only, capture_output=True, text=True, check=True)
    assert "apt-get install fonts-wqy-microhei" in said.stdout


def test_a_character_no_font_has_is_named() -> None:
    private = "\U0010fffd"
    with pytest.raises(GlyphMissing) as refused:
        check_printable(f"王{private}梅")
    assert private in refused.value.say(str)
    assert "王" not in str(refused.value.values["characters"])
    with pytest.raises(GlyphMissing):
        pdf(f"<p>{private}")


def test_what_every_font_has_is_printable() -> None:
    check_printable("王小梅 喆嫒 張愛玲 Ann\n<&>\x00")


# ── Several in one ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_documents_are_joined_in_order() -> None:
    paper = Paper(joined([pdf("<p>one"), pdf("<p>two"), pdf("<p>three")]))
    assert [paper.text(page).strip() for page in (1, 2, 3)] == ["one", "two", "three"]


def test_a_single_document_stays_as_it_is() -> None:
    assert joined([b"as it is"]) == b"as it is"
