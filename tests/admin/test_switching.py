"""Another language on a page that came back refused: it says the same in that language, what was typed stays, and
nothing is kept."""

import re

import pytest
from sqlmodel import func, select
from starlette.testclient import TestClient

from app.db import Database
from app.models import ComplaintEvent, PublicToken, Tag
from app.settings import Settings
from app.vocabulary import Role
from tests.admin.reading import Forms, form_on

REFUSED = [
    ("/admin/tag/create", "/admin/tag/create", {"name": "", "note": "每周三来"}),
    ("/admin/tag/edit/1", "/admin/tag/edit/1", {"name": "", "note": "每周三来"}),
    ("/admin/settings", "/admin/settings", {"grade_good_from": "999", "shop_phone": "每周三来"}),
    ("/admin/customer/details/{customer}", "/admin/customer/do/reveal/{customer}", {"reason": ""}),
    ("/admin/complaint/details/{complaint}", "/admin/complaint/do/reply/{complaint}", {"text": ""}),
    ("/admin/cards", "/admin/cards", {"who": "members", "members": "每周三来", "step": "print"}),
]


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only: words do not depend on the database's kind."""
    return sqlite_settings


@pytest.mark.parametrize(("page", "address", "typed"), REFUSED, ids=lambda one: one if isinstance(one, str) else "")
def test_a_refused_page_offers_its_languages_without_losing_a_word(
    owner: TestClient, shop: dict[str, int], page: str, address: str, typed: dict[str, str]
) -> None:
    page, address = page.format(**shop), address.format(**shop)
    form = form_on(owner.get(page).text, address) | typed
    refused = owner.post(address, data=form)
    assert refused.status_code == 422
    where = re.search(
        r'<button type="submit" form="typed-form" name="switch" value="en" formaction="([^"]*)"', refused.text
    )
    assert where
    assert 'id="typed-form"' in refused.text
    again = form_on(refused.text, address) | {"switch": "en"}
    english = owner.post(address + where.group(1).replace("&amp;", "&"), data=again)
    assert english.status_code in {200, 422}
    assert '<html lang="en">' in english.text
    assert ("每周三来" in english.text) == ("每周三来" in typed.values())
    assert address in Forms(english.text).forms


def test_what_could_be_saved_is_not_saved_by_choosing_a_language(
    owner: TestClient, database: Database, shop: dict[str, int]
) -> None:
    form = {"name": "甲", "category": "skin", "note": "每周三来", "once": "t1"}
    page = owner.post("/admin/tag/create?lang=en", data=form | {"switch": "en"})
    assert page.status_code == 200
    assert 'value="每周三来"' in page.text
    reply = {"text": "马上处理", "switch": "en"}
    assert owner.post(f"/admin/complaint/do/reply/{shop['complaint']}?lang=en", data=reply).status_code == 200
    assert owner.post("/admin/cards?lang=en", data={"who": "everyone", "switch": "en"}).status_code == 200
    with database.reading() as session:
        assert session.exec(select(Tag).where(Tag.name == "甲")).first() is None
        assert session.exec(select(func.count()).select_from(ComplaintEvent)).one() == 1  # its opening
        assert session.exec(select(PublicToken)).first() is None
    assert owner.post("/admin/tag/create", data=form | {"save": "保存"}).status_code == 303


def test_the_sign_in_speaks_another_language_without_trying(owner: TestClient, people: dict[Role, int]) -> None:
    owner.cookies.clear()
    page = owner.post("/admin/login?lang=en", data={"username": "test-owner", "password": "x", "switch": "en"})
    assert page.status_code == 200
    assert 'value="test-owner"' in page.text
    assert 'role="alert"' not in page.text
