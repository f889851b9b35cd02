"""QR codes that scanners read from paper and phones."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from io import BytesIO

import segno
from PIL import Image, ImageDraw, ImageFont

from app.rules.cards import fitted

_MASK = 3
"""Searching the best of eight masks takes four fifths of the time; every mask is readable."""
_FAMILIES = ("Noto Sans CJK SC", "WenQuanYi Micro Hei")
_INK, _MUTE = "#2A1F22", "#6B5A5F"


def _code(address: str) -> segno.QRCode:
    """A code for an address. Level Q still reads with a quarter of it scratched off."""
    return segno.make_qr(address, error="q", mask=_MASK, boost_error=False)


def png(address: str, *, scale: int = 10) -> bytes:
    """The code as black on white, `scale` pixels per module, with the four white modules around it scanners need."""
    out = BytesIO()
    _code(address).save(out, kind="png", scale=scale, border=4)
    return out.getvalue()


def png_address(address: str, *, scale: int = 10) -> str:
    """The same inside a page or a PDF, which then has nothing to fetch."""
    return "data:image/png;base64," + base64.b64encode(png(address, scale=scale)).decode()


def svg_address(address: str) -> str:
    """The code as vectors, for posters of any size."""
    return _code(address).svg_data_uri(border=4, light="#ffffff", dark="#000000")


def captioned_png(address: str, lines: Sequence[str], *, scale: int = 16) -> bytes:
    """The code with words under it: kept among a thousand photos, it still says whose it is. Without a Chinese font
    on this machine only the code."""
    code = Image.open(BytesIO(png(address, scale=scale))).convert("RGB")
    font_file = _chinese_font_file()
    if font_file is None:
        return png(address, scale=scale)
    step = code.width // 13
    picture = Image.new("RGB", (code.width, code.height + step * len(lines)), "white")
    picture.paste(code)
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        fit = fitted(line, width=code.width - 2 * step, largest=step * 2 / 3, smallest=step / 3)
        font = ImageFont.truetype(font_file[0], fit.size, index=font_file[1])
        middle = (code.width // 2, code.height + step * place)
        draw.text(middle, fit.lines[0], font=font, fill=_MUTE if place else _INK, anchor="mm")
    out = BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


@cache
def _chinese_font_file() -> tuple[str, int] | None:
    """The file of a Chinese font and which of the fonts in it; our own choice first."""
    command = shutil.which("fc-list")
    if command is None:
        return None
    found = subprocess.run(  # noqa: S603  fixed arguments
        [command, "-f", "%{family}|%{index}|%{file}\n", ":lang=zh-cn"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    fonts = [line.split("|") for line in sorted(found.stdout.splitlines()) if line.count("|") == 2]
    fonts.sort(key=lambda font: next((at for at, name in enumerate(_FAMILIES) if font[0].split(",")[0] == name), 9))
    return (fonts[0][2], int(fonts[0][1])) if fonts else None
