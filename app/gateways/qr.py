"""QR codes that scanners read from paper and phones."""

import base64
from io import BytesIO

import segno

_MASK = 3
"""Searching the best of eight masks takes four fifths of the time; every mask is readable."""


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
