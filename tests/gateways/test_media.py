"""Photos on the disk: only the picture, upright, sealed."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from app.db import open_database
from app.gateways.media import drop_photo, drop_photo_orphans, photo_of, take_photo
from app.rules.photos import LARGEST_MB, LONGEST_SIDE, PhotoGone, PhotoMissing, PhotoTooLarge, PhotoUnreadable
from app.settings import Settings

SECRET = b"13800138000 at 31.2304,121.4737"


@pytest.fixture
def shop(sqlite_settings: Settings) -> Settings:
    """A shop whose keys are loaded."""
    open_database(sqlite_settings).engine.dispose()
    return sqlite_settings


def telephone_photo(size: tuple[int, int] = (300, 200), orientation: int = 6, kind: str = "JPEG") -> bytes:
    """As a telephone makes it: lying on its side, with who, where and with what in it, and a tail behind the picture."""
    picture = Image.new("RGB", size, "white")
    picture.paste((255, 0, 0), (0, 0, size[0] // 4, size[1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Telephone"
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[2] = (31.0, 13.0, 49.4)
    out = io.BytesIO()
    picture.save(out, kind, exif=exif)
    return out.getvalue() + SECRET


def files(settings: Settings) -> list[Path]:
    """What lies in the folder of photos."""
    return sorted(settings.media_dir.glob("photos/*"))


def test_only_the_picture_is_kept_and_it_stands_upright(shop: Settings) -> None:
    brought = telephone_photo()
    assert SECRET in brought
    assert b"Telephone" in brought  # so the checks below can fail
    taken = take_photo(shop, brought)
    jpeg = photo_of(shop, taken.file_key)
    with Image.open(io.BytesIO(jpeg)) as kept:
        assert kept.format == "JPEG"
        assert kept.size == (taken.width, taken.height) == (200, 300)
        assert not dict(kept.getexif())
        assert kept.getpixel((100, 20))[2] < 100, "the red strip is at the top once the photo is turned"
    assert SECRET not in jpeg
    assert b"Telephone" not in jpeg


def test_on_the_disk_it_is_sealed_and_for_the_shop_alone(shop: Settings) -> None:
    taken = take_photo(shop, telephone_photo())
    (path,) = files(shop)
    sealed = path.read_bytes()
    assert b"\xff\xd8\xff" not in sealed
    assert b"JFIF" not in sealed
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.name == taken.file_key


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_pictures_become_jpeg_as_well(shop: Settings, kind: str) -> None:
    taken = take_photo(shop, telephone_photo(kind=kind, orientation=1))
    assert photo_of(shop, taken.file_key).startswith(b"\xff\xd8\xff")


def test_a_large_photo_is_shrunk(shop: Settings) -> None:
    taken = take_photo(shop, telephone_photo((4000, 3000), orientation=1))
    assert (taken.width, taken.height) == (LONGEST_SIDE, LONGEST_SIDE * 3 // 4)


@pytest.mark.parametrize(
    ("brought", "refusal"),
    [
        (b"", PhotoMissing),
        (b"MZ\x90\x00 not a picture", PhotoUnreadable),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", PhotoUnreadable),
        (b"GIF89a" + b"\0" * 100, PhotoUnreadable),
        (telephone_photo()[:400], PhotoUnreadable),
        (b"\xff\xd8\xff" + b"\0" * (LARGEST_MB * 1_000_000), PhotoTooLarge),
    ],
)
def test_what_is_no_photo_is_refused_and_leaves_nothing(
    shop: Settings, brought: bytes, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        take_photo(shop, brought)
    assert files(shop) == []


def test_a_picture_that_unpacks_to_far_too_much_is_refused(shop: Settings) -> None:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    assert len(out.getvalue()) < 100_000
    with pytest.raises(PhotoUnreadable):
        take_photo(shop, out.getvalue())


def test_a_damaged_or_exchanged_file_does_not_open(shop: Settings) -> None:
    one, other = take_photo(shop, telephone_photo()), take_photo(shop, telephone_photo())
    first, second = shop.media_dir / "photos" / one.file_key, shop.media_dir / "photos" / other.file_key
    first.write_bytes(second.read_bytes())
    with pytest.raises(PhotoGone):
        photo_of(shop, one.file_key)
    second.write_bytes(second.read_bytes()[:-1])
    with pytest.raises(PhotoGone):
        photo_of(shop, other.file_key)
    with pytest.raises(PhotoGone):
        photo_of(shop, "../../keys/rouge.key")


def test_what_no_record_speaks_of_goes_after_a_day(shop: Settings) -> None:
    kept, lost, fresh = (take_photo(shop, telephone_photo()).file_key for _ in range(3))
    for key in (kept, lost):
        os.utime(shop.media_dir / "photos" / key, (0, 0))
    assert drop_photo_orphans(shop, {kept}) == 1
    assert {path.name for path in files(shop)} == {kept, fresh}
    drop_photo(shop, kept)
    drop_photo(shop, kept)
    assert {path.name for path in files(shop)} == {fresh}
