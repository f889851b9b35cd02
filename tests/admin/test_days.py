"""Days and moments a shop can mean, and those it cannot."""

import re

import pytest
from starlette.testclient import TestClient

SAVE = {"save": "保存"}
VISIT = {"outcome": "improved", "treatment": "__None", "staff": "__None", "store": "__None"}
RECORD = {"skin_type": "dry", "staff": "__None"}


@pytest.mark.parametrize(
    ("moment", "is_kept"),
    [
        ("0001-01-01 00:00", False),
        ("1899-12-31 23:59", False),
        ("1900-01-01 00:00", True),
        ("2100-12-31 23:59", True),
        ("2101-01-01 00:00", False),
        ("9999-12-31 23:59", False),
    ],
)
def test_a_moment_lies_in_the_years_of_a_shop(
    owner: TestClient, shop: dict[str, int], moment: str, is_kept: bool
) -> None:
    page = owner.post(
        "/admin/visit/create", data=VISIT | {"customer": str(shop["customer"]), "visited_at": moment} | SAVE
    )
    assert page.status_code == (303 if is_kept else 422)
    if not is_kept:
        assert re.search(r'id="visited_at-error-1"[^>]*>.*?1900 年到 2100 年之间', page.text, re.DOTALL)
        assert f'value="{moment}"' in page.text


@pytest.mark.parametrize(
    ("day", "is_kept"),
    [("0001-01-01", False), ("1899-12-31", False), ("1900-01-01", True), ("2100-12-31", True), ("2101-01-01", False)],
)
def test_a_day_lies_in_the_years_of_a_shop(owner: TestClient, shop: dict[str, int], day: str, is_kept: bool) -> None:
    page = owner.post(
        "/admin/skin-record/create", data=RECORD | {"customer": str(shop["customer"]), "seen_on": day} | SAVE
    )
    assert page.status_code == (303 if is_kept else 422)
    if not is_kept:
        assert re.search(r'id="seen_on-error-1"[^>]*>.*?1900 年到 2100 年之间', page.text, re.DOTALL)
        assert f'value="{day}"' in page.text


@pytest.mark.parametrize("day", ["12-01", "20261201", "明天", "2026-02-30"])
def test_what_is_no_day_comes_back_as_typed_with_a_word_beside_it(owner: TestClient, day: str) -> None:
    page = owner.post("/admin/earning-rule/create", data={"name": "双倍", "kind": "purchase", "starts_on": day} | SAVE)
    assert page.status_code == 422
    assert re.search(r'id="starts_on-error-1"[^>]*>.*?这不是一个日期', page.text, re.DOTALL)
    assert f'value="{day}"' in page.text
