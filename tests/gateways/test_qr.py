"""Codes a real scanner reads."""

import base64
from io import BytesIO

import pytest
from PIL import Image

from app.gateways import qr
from tests.paper import codes_in

ADDRESS = "https://vip.example.cn/card/" + "aB3_-xYz" * 4


def picture(png: bytes) -> Image.Image:
    """The picture those bytes are."""
    return Image.open(BytesIO(png)).convert("RGB")


@pytest.mark.parametrize("address", [ADDRESS, "http://127.0.0.1:8000/s/satisfaction", "https://x.cn/" + "a" * 200])
def test_a_scanner_reads_the_address(address: str) -> None:
    assert codes_in(picture(qr.png(address))) == [address]


def test_four_white_modules_stand_around_the_code() -> None:
    code = picture(qr.png(ADDRESS, scale=10))
    frame = 4 * 10
    assert all(code.crop(box).getcolors() == [(code.crop(box).width * code.crop(box).height, (255, 255, 255))] for box in (
        (0, 0, code.width, frame),
        (0, code.height - frame, code.width, code.height),
        (0, 0, frame, code.height),
        (code.width - frame, 0, code.width, code.height),
    ))  # fmt: skip
    assert code.getpixel((frame, frame)) == (0, 0, 0)


def test_a_scratched_code_is_still_read() -> None:
    code = picture(qr.png(ADDRESS, scale=10))
    middle = code.width // 2
    code.paste((255, 255, 255), (middle - 60, middle - 60, middle + 60, middle + 60))
    assert codes_in(code) == [ADDRESS]


def test_it_comes_ready_for_a_page() -> None:
    embedded = qr.png_address(ADDRESS)
    assert embedded.startswith("data:image/png;base64,")
    assert codes_in(picture(base64.b64decode(embedded.split(",")[1]))) == [ADDRESS]
    assert qr.svg_address(ADDRESS).startswith("data:image/svg+xml")


def test_words_stand_under_a_code_that_is_still_read() -> None:
    plain, captioned = (
        picture(qr.png(ADDRESS, scale=16)),
        picture(qr.captioned_png(ADDRESS, ("胭脂美妆", "会员号 1000 0016"))),
    )
    assert codes_in(captioned) == [ADDRESS]
    assert captioned.width == plain.width
    assert captioned.height > plain.height
    below = captioned.crop((0, plain.height, captioned.width, captioned.height))
    assert below.convert("L").getextrema()[0] < 100


def test_long_words_stay_in_the_picture() -> None:
    captioned = picture(qr.captioned_png(ADDRESS, ("很长的店名" * 20, "1")))
    edge = captioned.crop((0, 0, 8, captioned.height))
    assert edge.convert("L").getextrema() == (255, 255)


def test_without_a_chinese_font_the_code_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qr, "_chinese_font_file", lambda: None)
    assert qr.captioned_png(ADDRESS, ("胭脂美妆",), scale=8) == qr.png(ADDRESS, scale=8)
