"""Nothing on any page of the back office is left in the wrong language. On SQLite only: the words come from no table."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from app.settings import Settings
from app.vocabulary import Role
from tests.admin.reading import REGISTERS, foreign_words, pages_of

LANGUAGES = {"zh-CN": "zh-CN", "zh-TW": "zh-TW", "en": "en"}


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """The settings of a fresh shop on SQLite."""
    return sqlite_settings


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens_in_every_language(
    as_role: Callable[[Role, str], TestClient], shop: dict[str, int], language: str
) -> None:
    owner = as_role(Role.OWNER, language)
    wrong = []
    for path in ["", "settings", "cards", "posters", *(path for view in REGISTERS for path in pages_of(view, shop))]:
        page = owner.get(f"/admin/{path}")
        if page.status_code != 200 or f'<html lang="{LANGUAGES[language]}"' not in page.text:
            wrong.append((path, page.status_code))
        if language != "en" and (left := foreign_words(page.text)):
            wrong.append((path, left))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("language", ["zh-CN", "zh-TW"])
def test_refusals_and_missing_pages_are_in_the_readers_language(
    as_role: Callable[[Role, str], TestClient], shop: dict[str, int], language: str
) -> None:
    reader = as_role(Role.RECEPTION, language)
    for path in (
        "customer/details/abc",
        "nothing/list",
        "staff/create",
        "tag/list?sortBy=note&sort=up",
        "tag/list?page=x",
    ):
        page = reader.get(f"/admin/{path}")
        assert page.status_code in {400, 403, 404}, path
        assert foreign_words(page.text) == set(), path


def test_the_sign_in_page_is_chinese(client: TestClient) -> None:
    page = client.get("/admin/login")
    assert page.status_code == 200
    assert foreign_words(page.text) == set()
