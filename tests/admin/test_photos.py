"""The photos of a customer in the back office: who sees them, who adds them, and what is said."""

import io
from collections.abc import Callable

import pytest
from PIL import Image
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.consents import ConsentDetails, grant_consent, withdraw_consent
from app.db import Database
from app.models import Consent, Customer, Photo
from app.queries.policy import current_policy
from app.settings import Settings
from app.vocabulary import Purpose, Role

SEES = {Role.OWNER, Role.MANAGER, Role.BEAUTICIAN}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: a photo is a file; who sees it and what is said does not depend on the database's kind."""
    return sqlite_settings


def jpeg() -> bytes:
    """A small photo."""
    out = io.BytesIO()
    Image.new("RGB", (60, 80), "pink").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def member_no(database: Database, shop: dict[str, int], real_now) -> str:  # type: ignore[no-untyped-def]
    """The number of the shop's customer, who agreed to photos; the made-up photo of the shop has no file."""
    with database.writing() as session:
        session.delete(session.get(Photo, shop["photo"]))
        grant_consent(
            session, ConsentDetails(shop["customer"], Purpose.PHOTOS), policy=current_policy(session), now=real_now
        )
        return session.get(Customer, shop["customer"]).member_no  # type: ignore[union-attr]


def upload(browser: TestClient, member_no: str, photo: bytes = b"", **typed: str):  # type: ignore[no-untyped-def]
    """The form, sent."""
    files = (
        {"photo": ("IMG_0001.jpg", photo, "image/jpeg")} if photo else {"photo": ("", b"", "application/octet-stream")}
    )
    data = {"customer": member_no, "kind": "before", "taken_on": "2026-01-05", "note": "左脸"} | typed
    return browser.post("/desk/photos", data=data, files=files)


def files(settings: Settings) -> int:
    """How many photos lie on the disk."""
    return len(list(settings.media_dir.glob("photos/*")))


def test_a_photo_is_kept_shown_and_fetched(
    as_role: Callable[[Role], TestClient], member_no: str, settings: Settings
) -> None:
    with as_role(Role.BEAUTICIAN) as browser:
        answer = upload(browser, member_no, jpeg())
        assert answer.status_code == 303
        page = browser.get(answer.headers["location"])
        assert "护理前" in page.text
        address = page.text.split('<img src="')[1].split('"')[0]
        picture = browser.get(address)
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    assert picture.content.startswith(b"\xff\xd8\xff")
    assert files(settings) == 1


@pytest.mark.parametrize("role", sorted(SEES))
def test_whoever_finds_no_yes_is_led_to_where_she_may_note_it_or_told_whom_to_ask(
    as_role: Callable[[Role], TestClient], database: Database, member_no: str, shop: dict[str, int], role: Role
) -> None:
    with database.writing() as session:
        for one in session.exec(select(Consent).where(Consent.purpose == Purpose.PHOTOS)):
            session.delete(one)
    with as_role(role) as browser:
        page = browser.get(f"/desk/photos?customer={member_no}").text
        way = f"/admin/consent/of/{shop['customer']}"
        assert (way in page) is (browser.get(way).status_code == 200)
    assert ("请前台或店长登记" in page) is (role is Role.BEAUTICIAN)


@pytest.mark.parametrize("role", list(Role))
def test_only_whoever_cares_for_her_sees_her_photos(
    as_role: Callable[[Role], TestClient], member_no: str, role: Role
) -> None:
    with as_role(Role.OWNER) as owner:
        upload(owner, member_no, jpeg())
        address = owner.get(f"/desk/photos?customer={member_no}").text.split('<img src="')[1].split('"')[0]
    with as_role(role) as browser:
        codes = {browser.get(f"/desk/photos?customer={member_no}").status_code, browser.get(address).status_code}
    assert codes == ({200} if role in SEES else {403})


def test_nobody_signed_in_sees_nothing(
    as_role: Callable[[Role], TestClient], client: TestClient, member_no: str
) -> None:
    with as_role(Role.OWNER) as owner:
        upload(owner, member_no, jpeg())
        address = owner.get(f"/desk/photos?customer={member_no}").text.split('<img src="')[1].split('"')[0]
    client.cookies.clear()
    assert client.get(address).status_code == 303


def test_after_her_no_the_pictures_own_address_is_dead(
    as_role: Callable[[Role], TestClient], member_no: str, database: Database, real_now
) -> None:  # type: ignore[no-untyped-def]
    with as_role(Role.OWNER) as browser:
        upload(browser, member_no, jpeg())
        address = browser.get(f"/desk/photos?customer={member_no}").text.split('<img src="')[1].split('"')[0]
        with database.writing() as session:
            consent = session.exec(select(Consent).where(Consent.purpose == Purpose.PHOTOS)).one()
            withdraw_consent(session, consent.id or 0, now=real_now)
        assert browser.get(address).status_code == 404
        page = browser.get(f"/desk/photos?customer={member_no}")
        assert "还没有同意保存护理照片" in page.text
        assert "<img src" not in page.text
        assert upload(browser, member_no, jpeg()).status_code == 422


@pytest.mark.parametrize(
    ("photo", "typed", "sentence"),
    [
        (b"", {}, "请先选一张照片"),
        (b"MZ\x90\x00", {}, "不是能用的照片"),
        (jpeg(), {"taken_on": "2999-01-01"}, "今天或以前"),
        (jpeg(), {"taken_on": "nonsense"}, "今天或以前"),
    ],
)
def test_a_refused_photo_says_why_keeps_what_was_typed_and_leaves_no_file(
    owner: TestClient, member_no: str, settings: Settings, photo: bytes, typed: dict[str, str], sentence: str
) -> None:
    answer = upload(owner, member_no, photo, **typed)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "左脸" in answer.text
    assert files(settings) == 0


def test_the_same_form_twice_adds_one_photo(
    owner: TestClient, member_no: str, database: Database, settings: Settings
) -> None:
    page = owner.get(f"/desk/photos?customer={member_no}").text
    once = page.split('name="once" value="')[1].split('"')[0]
    photo = jpeg()
    for _ in range(2):
        assert upload(owner, member_no, photo, once=once).status_code == 303
    with database.reading() as session:
        assert len(session.exec(select(Photo)).all()) == 1


def test_an_unknown_customer_and_an_unknown_picture_are_not_found(owner: TestClient, member_no: str) -> None:
    assert owner.get("/desk/photos?customer=99999999").status_code == 404
    for address in ("0", "999999", "x", "1'--", "99999999999999999999"):
        assert owner.get(f"/desk/photos/{address}").status_code == 404
