"""A sale at the counter: chosen, looked at, recorded once, taken back."""

import html
import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.points import earn_points
from app.db import Database
from app.models import Customer, EarningRule, Purchase, PurchaseLine, Staff, Tier, Treatment, Visit
from app.queries.points import balance_of, check_ledger
from app.vocabulary import EarningKind, Role
from tests.admin.reading import form_on, seen_on

ZONE = ZoneInfo("Asia/Shanghai")
Browsers = Callable[..., TestClient]


@pytest.fixture
def page(database: Database, shop: dict[str, int], real_now: datetime) -> str:
    """Her page in a shop with a treatment for ¥398; she has 42 points of a sale and 1,000 more."""
    with database.writing() as session:
        session.add(Treatment(code="T-WATER", name="水光护理", price_fen=39800))
        rules = session.exec(select(EarningRule)).all()
        for one in rules:
            one.is_active = False
        session.add(EarningRule(name="消费", kind=EarningKind.PURCHASE, points=1, per_fen=100))
        earn_points(session, shop["customer"], 1000, reference="e", reason="礼", now=real_now, zone=ZONE)
        return f"/desk/customers/{session.get_one(Customer, shop['customer']).member_no}"


def look(browser: TestClient, page: str, **typed: object) -> str:
    """The second page: what it comes to."""
    answer = browser.get(f"{page}/sale", params={"no": "S261124-AAAAAA", "step": "check", **typed})
    assert answer.status_code == 200
    return answer.text


def counted(database: Database, shop: dict[str, int]) -> tuple[int, int]:
    """How many sales of the counter there are, and her balance."""
    with database.reading() as session:
        assert check_ledger(session) == []
        made = session.exec(select(Purchase.id).where(Purchase.order_no.startswith("S26"))).all()
        return len(made), balance_of(session, shop["customer"])


def test_a_sale_is_recorded_in_three_steps_and_the_page_promises_what_comes(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    clerk = as_role(Role.RECEPTION)
    assert f'href="{page}/sale"' in clerk.get(page).text
    assert "水光护理" in clerk.get(f"{page}/sale").text
    before = counted(database, shop)[1]
    words = look(
        clerk, page, item=["水光护理", "手工眉"], quantity=["1", "2"], price=["", "１０.５"], points_used="100"
    )
    seen = seen_on(words)
    assert "419.00" in seen
    promised = int(re.search(r'is-after">([\d,]+)<', words)[1].replace(",", ""))
    answer = clerk.post(f"{page}/sale", data=form_on(words, "/sale"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}/sale/S261124-AAAAAA")
    assert counted(database, shop) == (1, promised)
    done = seen_on(clerk.get(answer.headers["location"]).text)
    for said in ("S261124-AAAAAA", "水光护理", "手工眉 × 2", f"{before:,} → {promised:,}"):
        assert said in " ".join(done.split()), said


def test_two_taps_and_a_way_back_record_it_once(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    clerk = as_role(Role.RECEPTION)
    form = form_on(look(clerk, page, price="50"), "/sale")
    assert {clerk.post(f"{page}/sale", data=form).status_code for _ in range(2)} == {303}
    assert counted(database, shop)[0] == 1
    # Back, and the page comes anew from us; or from the browser's memory, with another sum and another token.
    back = clerk.get(f"{page}/sale", params={"no": "S261124-AAAAAA", "step": "check", "price": "50"})
    assert (back.status_code, back.headers["location"]) == (303, f"{page}/sale/S261124-AAAAAA?again=1")
    again = clerk.post(f"{page}/sale", data=form | {"price": ["60"], "once": ["another-token-0123456789"]})
    assert "没有再记一遍" in clerk.get(again.headers["location"]).text
    assert counted(database, shop)[0] == 1
    # Without one number for one sale the way back would have made a second.
    clerk.post(f"{page}/sale", data=form | {"no": ["S261124-BBBBBB"], "once": ["another-token-9876543210"]})
    assert counted(database, shop)[0] == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"item": "手工眉"}, "菜单里没有“手工眉”"),
        ({"item": "手工眉", "price": "12.345"}, "最多两位小数"),
        ({"item": "手工眉", "price": "10", "points_used": "2000"}, "积分不够"),
        ({"item": "手工眉", "price": "0.5", "points_used": "1000"}, "积分抵扣超过了"),
        ({}, "没有商品"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(
    owner: TestClient, database: Database, page: str, shop: dict[str, int], typed: dict[str, str], said: str
) -> None:
    shown = html.unescape(look(owner, page, **typed))
    assert said in shown
    for value in typed.values():
        assert f'value="{value}"' in shown
    refused = owner.post(f"{page}/sale", data={"no": "S261124-AAAAAA", "step": "check", **typed})
    assert refused.status_code == 422
    assert said in html.unescape(refused.text)
    assert counted(database, shop)[0] == 0


def test_the_price_follows_the_thing_chosen_until_somebody_types_another(owner: TestClient, page: str) -> None:
    def price(**typed: str) -> str:
        return re.search(r'id="price-0" name="price" value="([^"]*)"', owner.get(f"{page}/sale", params=typed).text)[1]

    assert price(item="水光护理") == "398.00"
    assert price(item="别的", price="398.00", priced_for="水光护理") == ""
    assert price(item="水光护理", price="350", priced_for="水光护理") == "350"


def test_her_tiers_discount_comes_off_the_menus_price(
    owner: TestClient, database: Database, page: str, shop: dict[str, int]
) -> None:
    with database.writing() as session:
        tier = session.get_one(Tier, session.get_one(Customer, shop["customer"]).tier_id)
        tier.discount_percent = 10
    assert "菜单价减 10%" in seen_on(owner.get(f"{page}/sale").text)
    assert "358.20" in look(owner, page, item="水光护理", discount="1")
    assert "358.20" not in look(owner, page, item="水光护理")


def test_a_beautician_sells_as_herself_to_whom_she_serves(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int], people: dict[Role, int], real_now: datetime
) -> None:
    hers = as_role(Role.BEAUTICIAN)
    other = as_role(Role.MARKETER).get(f"{page}/sale").status_code
    assert other == 403
    with database.writing() as session:
        session.add(Visit(customer_id=shop["customer"], staff_id=people[Role.BEAUTICIAN], visited_at=real_now))
        boss = session.get_one(Staff, people[Role.OWNER]).login
    form = form_on(look(hers, page, price="50", staff=boss), "/sale")
    answer = hers.post(f"{page}/sale", data=form | {"staff": [boss]})
    done = hers.get(answer.headers["location"])
    assert done.status_code == 200
    assert "退款" not in seen_on(done.text)
    with database.reading() as session:
        sale = session.exec(select(Purchase).where(Purchase.order_no == "S261124-AAAAAA")).one()
        line = session.exec(select(PurchaseLine).where(PurchaseLine.purchase_id == sale.id)).one()
        assert line.staff_id == people[Role.BEAUTICIAN]
    assert hers.post(f"/admin/purchase/do/refund/{sale.id}", data={"reason": "x"}).status_code == 403


def test_a_slip_of_the_finger_is_taken_back_with_a_reason(
    as_role: Browsers, database: Database, page: str, shop: dict[str, int]
) -> None:
    clerk = as_role(Role.RECEPTION)
    before = counted(database, shop)[1]
    answer = clerk.post(f"{page}/sale", data=form_on(look(clerk, page, price="50"), "/sale"))
    assert counted(database, shop)[1] == before + 50
    done = clerk.get(answer.headers["location"]).text
    details = re.search(r'href="(/admin/purchase/details/\d+)#', done)[1]
    form = form_on(clerk.get(details).text, "/do/refund/")
    place = details.replace("details", "do/refund")
    assert clerk.post(place, data=form | {"reason": [""]}).status_code == 422
    wrong = clerk.post(place, data=form | {"reason": ["记错了"], "amount": ["50.01"]})
    assert (wrong.status_code, "退款超过了" in wrong.text, 'value="50.01"' in wrong.text) == (422, True, True)
    assert clerk.post(place, data=form | {"reason": ["记错了"]}).status_code == 303
    assert counted(database, shop)[1] == before
    assert "已经退了 ¥50.00" in seen_on(clerk.get(answer.headers["location"]).text)


def test_somebody_elses_sale_is_on_no_page_of_hers(owner: TestClient, page: str, shop: dict[str, int]) -> None:
    assert owner.get(f"{page}/sale/S261124-ZZZZZZ").status_code == 404
