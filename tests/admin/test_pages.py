"""Every page of the back office opens, whatever stands in its address, and finds what the counter looks for."""

import pytest
from starlette.testclient import TestClient

from tests.admin.reading import REGISTERS, pages_of, seen_on


def test_every_page_opens(owner: TestClient, shop: dict[str, int]) -> None:
    paths = ["", "settings", "cards", "posters", *(path for view in REGISTERS for path in pages_of(view, shop))]
    assert [path for path in paths if owner.get(f"/admin/{path}").status_code != 200] == []


def test_every_register_shows_chinese_headings(owner: TestClient, shop: dict[str, int]) -> None:
    for view in REGISTERS:
        unlabelled = {*view.column_list, *view.column_details_list} - set(view.column_labels)
        assert unlabelled == set(), view.__name__


@pytest.mark.parametrize("register", ["visit", "skin-record", "consent"])
def test_a_form_marks_the_customer_it_cannot_be_without(owner: TestClient, shop: dict[str, int], register: str) -> None:
    page = owner.get(f"/admin/{register}/create").text
    label = page.split('id="customer-label"', 1)[1].split("</label>", 1)[0]
    assert "（必填）" in label
    assert "带 * 的必须填写" in page


def test_an_id_nobody_has_is_not_found(owner: TestClient, shop: dict[str, int]) -> None:
    bad = ("abc", "0", "-1", "99999", "99999999999999999999", "1;2", "%00", "１", "1/2")
    paths = [f"{page}/{number}" for number in bad for page in ("details", "edit")]
    assert [path for path in paths if owner.get(f"/admin/customer/{path}").status_code != 404] == []


ODD = [
    "search=%00", "search=%27%3B--", f"search={'长' * 3000}", "tier=x", "source=nobody", "birthday=never",
    "page=99999999999999", "pageSize=7", "created=2026", "nothing=1", "search=%25", "search=_",
]  # fmt: skip


def test_odd_addresses_of_a_list_break_nothing(owner: TestClient, shop: dict[str, int]) -> None:
    for query in ODD:
        page = owner.get(f"/admin/customer/list?{query}")
        assert page.status_code in {200, 303}, query
        assert page.headers.get("location", "/admin/").startswith("/admin/"), query


def test_an_error_in_the_address_is_not_shown(owner: TestClient) -> None:
    page = owner.get("/admin/tag/list?error=您的账号已被盗，请拨打 400-000")
    assert "400-000" not in seen_on(page.text)


def test_a_customer_is_found_by_whatever_the_counter_knows(owner: TestClient, shop: dict[str, int]) -> None:
    for term in ("王小", "wangxiao", "wxl", "8000", "13800138000", "+86 138 0013 8000", "1000"):
        page = owner.get("/admin/customer/list", params={"search": term})
        assert "王小丽" in page.text, term
        assert "138****8000" in page.text, term
        assert "13800138000" not in seen_on(page.text), term


def test_a_customer_is_not_found_by_a_middle_piece(owner: TestClient, shop: dict[str, int]) -> None:
    page = owner.get("/admin/customer/list", params={"search": "0013"})
    assert "王小丽" not in page.text


DASHBOARD = {
    "customer/list?birthday=today": "王小丽",
    "customer/list?birthday=within_7_days": "王小丽",
    "customer/list?created=today": "王小丽",
    "customer/list?created=this_month": "王小丽",
    "purchase/list?occurred=today&slip=sale": "S-1001",
    "complaint/list?case=open": "王小丽",
    "survey-response/list?is_low=1": "低分",
    "survey-response/list?finished=last_30_days": "低分",
}


def test_the_dashboards_addresses_open_their_rows(owner: TestClient, shop: dict[str, int]) -> None:
    for address, finds in DASHBOARD.items():
        page = owner.get(f"/admin/{address}")
        assert finds in page.text, address
        assert "没有符合条件" not in page.text, address


def test_a_narrowing_that_fits_nobody_shows_nobody(owner: TestClient, shop: dict[str, int]) -> None:
    assert "没有符合条件" in owner.get("/admin/complaint/list?case=overdue").text
    assert "没有符合条件" in owner.get("/admin/purchase/list?slip=refund").text


@pytest.mark.parametrize("path", ["tag/list/", "tag/create/", "settings/"])
def test_an_address_with_a_slash_too_many_leads_nowhere_else(owner: TestClient, path: str) -> None:
    answer = owner.get(f"/admin/{path}", headers={"Host": "evil.test"})
    assert answer.status_code in {400, 404}
    assert "location" not in answer.headers
