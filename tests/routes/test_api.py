"""What tills and other programs may ask for: with a key, once, and never a whole phone number."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.api_keys import create_api_key, issue_api_key, revoke_api_key
from app.actions.customers import create_customer
from app.actions.points import earn_points
from app.db import Database
from app.models import ApiKey, AuditEntry, Consent, Customer, CustomerAlias, KeptAnswer, Purchase, Store
from app.rules import limits
from app.rules.access import KEYED
from app.rules.api_keys import KeyDetails
from app.rules.customers import CustomerDetails
from app.rules.limits import Limit
from app.rules.policy import Policy
from tests.conftest import NOW

PHONE = "13800138000"
WANG = {"name": "王小梅", "phone": "138 0013 8000", "gender": "female", "birthday": "1990-03-08"}
SALE = {
    "order_no": "A-1",
    "occurred_at": "2026-11-24T18:00:00+08:00",
    "phone": PHONE,
    "lines": [{"item": "补水护理", "quantity": 1, "unit_price_fen": 39800, "amount_fen": 36800}],
}
Till = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI) -> None:
    """Everything happens at the tests' moment."""
    app.state.clock = lambda: NOW


def new_key(database: Database, name: str = "till", store_id: int | None = None) -> str:
    """A key of the shop."""
    with database.writing() as session:
        return issue_api_key(session, create_api_key(session, KeyDetails(name=name, store_id=store_id), now=NOW).id)


def new_store(database: Database, code: str) -> int:
    """A store of the house."""
    with database.writing() as session:
        store = Store(code=code, name=f"{code} 店")
        session.add(store)
        session.flush()
        return store.id


@pytest.fixture
def calling(app: FastAPI) -> Till:
    """A program with a key; it has no cookies and no page it came from."""

    def make(key: str) -> TestClient:
        return TestClient(app, headers={"Authorization": f"Bearer {key}", "Accept-Language": "zh-CN"})

    return make


@pytest.fixture
def till(database: Database, calling: Till) -> TestClient:
    """A till that works for all stores."""
    return calling(new_key(database))


def rows(database: Database, table: Any) -> list[Any]:
    """All rows of a table."""
    with database.reading() as session:
        return list(session.exec(select(table).order_by(table.id)))


def test_a_new_customer_is_entered_and_answered_with_her_number_and_tier(till: TestClient, database: Database) -> None:
    answer = till.post("/api/v1/customers", json=WANG | {"consents": [{"purpose": "marketing", "channel": "sms"}]})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    [customer] = rows(database, Customer)
    assert told["member_no"] == customer.member_no
    assert (told["name"], told["phone"], told["points"]) == ("王小梅", "138****8000", 0)
    assert told["tier"]
    assert told["consents"] == [{"purpose": "marketing", "channel": "sms"}]
    [receipt] = rows(database, Consent)
    assert receipt.given_by == "收银系统（till）登记"
    assert receipt.notice_version


def test_a_known_phone_is_answered_with_who_is_there_and_changes_nothing(till: TestClient, database: Database) -> None:
    first = till.post("/api/v1/customers", json=WANG)
    again = till.post(
        "/api/v1/customers", json={"name": "王二", "phone": "+86 13800138000", "consents": [{"purpose": "marketing"}]}
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(rows(database, Customer)) == 1
    assert rows(database, Consent) == []


def test_a_customer_is_found_by_number_by_the_number_she_had_and_by_phone(till: TestClient, database: Database) -> None:
    number = till.post("/api/v1/customers", json=WANG).json()["member_no"]
    with database.writing() as session:
        session.add(CustomerAlias(member_no="OLD-7", customer_id=rows(database, Customer)[0].id, created_at=NOW))
    for asked in (number, "OLD-7", "old-7"):
        assert till.get(f"/api/v1/customers/{asked}").json()["member_no"] == number
    found = till.post("/api/v1/customers/lookup", json={"phone": "0086-138-0013-8000"})
    assert (found.status_code, found.json()["member_no"]) == (200, number)


@pytest.mark.parametrize("path", ["/api/v1/customers/00000018", "/api/v1/customers/%20/points", "/api/v1/nothing"])
def test_who_is_not_there_is_a_problem_with_a_code(till: TestClient, path: str) -> None:
    answer = till.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_an_unknown_phone_is_a_problem_that_does_not_repeat_it(till: TestClient) -> None:
    answer = till.post("/api/v1/customers/lookup", json={"phone": PHONE})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (404, "phone")
    assert "8000" not in answer.text


# ── Sales ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_goes_in_once_and_its_first_answer_stays(till: TestClient, database: Database) -> None:
    till.post("/api/v1/customers", json=WANG)
    first = till.post("/api/v1/purchases", json=SALE)
    assert (first.status_code, first.json()["paid_fen"], first.json()["is_waiting"]) == (201, 36800, False)
    dear = SALE | {
        "order_no": "A-2",
        "lines": [SALE["lines"][0] | {"unit_price_fen": 90_000_000, "amount_fen": 90_000_000}],
    }
    assert till.post("/api/v1/purchases", json=dear).json()["tier"] != first.json()["tier"]
    again = till.post("/api/v1/purchases", json=SALE)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(rows(database, Purchase)) == 2


def test_the_same_order_told_in_other_letters_is_the_same_order(till: TestClient) -> None:
    till.post("/api/v1/customers", json=WANG)
    first = till.post("/api/v1/purchases", json=SALE)
    number = till.post("/api/v1/customers/lookup", json={"phone": PHONE}).json()["member_no"]
    same = dict(reversed(SALE.items())) | {"phone": None, "member_no": number, "occurred_at": "2026-11-24T10:00:00Z"}
    assert (till.post("/api/v1/purchases", json=same).status_code, first.status_code) == (200, 201)


@pytest.mark.parametrize(
    "other", [{"phone": "13900139000"}, {"occurred_at": "2026-11-24T18:00:01+08:00"}, {"channel": "online"}]
)
def test_another_sale_under_the_same_number_is_refused(
    till: TestClient, database: Database, other: dict[str, Any]
) -> None:
    till.post("/api/v1/purchases", json=SALE)
    answer = till.post("/api/v1/purchases", json=SALE | other)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_differs")
    assert len(rows(database, Purchase)) == 1


def test_an_order_whose_answer_is_forgotten_is_told_as_things_stand(till: TestClient, database: Database) -> None:
    first = till.post("/api/v1/purchases", json=SALE)
    with database.writing() as session:
        for one in session.exec(select(KeptAnswer)):
            session.delete(one)
    again = till.post("/api/v1/purchases", json=SALE)
    assert (again.status_code, again.json()) == (200, first.json())
    assert till.post("/api/v1/purchases", json=SALE | {"channel": "online"}).status_code == 409


def test_a_sale_of_somebody_unknown_waits_and_becomes_hers(till: TestClient, database: Database) -> None:
    told = till.post("/api/v1/purchases", json=SALE).json()
    assert (told["is_waiting"], told["tier"], told["balance"], told["points_earned"]) == (True, None, 0, 0)
    till.post("/api/v1/customers", json=WANG)
    [customer], [sale] = rows(database, Customer), rows(database, Purchase)
    assert sale.customer_id == customer.id


def test_a_phone_of_a_family_is_nobodys_by_itself(till: TestClient, database: Database) -> None:
    hers = till.post("/api/v1/customers", json=WANG).json()["member_no"]
    first = till.post("/api/v1/purchases", json=SALE).json()
    with database.writing() as session:
        daughter = CustomerDetails(name="王小", phone=PHONE, phone_shared_reason="母女共用")
        create_customer(session, daughter, policy=Policy(), now=NOW)
    for path, body in (("lookup", {"phone": PHONE}), ("", WANG)):
        answer = till.post(f"/api/v1/customers/{path}".rstrip("/"), json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "phone_is_shared")
    answer = till.post("/api/v1/purchases", json=SALE | {"order_no": "A-2"})
    assert (answer.status_code, answer.json()["is_waiting"]) == (201, True)
    answer = till.post("/api/v1/purchases", json=SALE | {"order_no": "A-3", "member_no": hers})
    assert (answer.status_code, answer.json()["is_waiting"]) == (201, False)
    again = till.post("/api/v1/purchases", json=SALE)
    assert (again.status_code, again.json()) == (200, first)
    sold = {sale.order_no: sale.customer_id is not None for sale in rows(database, Purchase)}
    assert sold == {"A-1": True, "A-2": False, "A-3": True}


def test_a_sale_to_nobody_goes_in_and_waits_for_nobody(till: TestClient) -> None:
    told = till.post("/api/v1/purchases", json={name: SALE[name] for name in SALE if name != "phone"})
    assert (told.status_code, told.json()["is_waiting"]) == (201, False)


def test_a_tills_clock_may_be_minutes_ahead_and_no_more(till: TestClient) -> None:
    for ahead in ("2026-11-24T18:40:01+08:00", "2026-11-25T10:00:00+08:00", "2026-12-01T10:00:00+08:00"):
        late = till.post("/api/v1/purchases", json=SALE | {"occurred_at": ahead})
        assert (late.status_code, late.json()["code"], late.json()["errors"][0]["field"]) == (
            422, "moment_in_future", "occurred_at",
        ), ahead  # fmt: skip
    assert till.post("/api/v1/purchases", json=SALE | {"occurred_at": "2026-11-24T18:40:00+08:00"}).status_code == 201


def test_a_line_that_costs_more_than_its_pieces_is_refused(till: TestClient) -> None:
    dear = till.post("/api/v1/purchases", json=SALE | {"lines": [SALE["lines"][0] | {"amount_fen": 999_999}]})
    assert (dear.status_code, dear.json()["code"]) == (422, "line_exceeds_price")
    assert dear.json()["errors"][0]["field"] == "lines.0.amount_fen"


def test_a_sale_below_zero_is_refused(till: TestClient) -> None:
    less = till.post("/api/v1/purchases", json=SALE | {"lines": [SALE["lines"][0] | {"amount_fen": -1}]})
    assert (less.status_code, less.json()["code"]) == (422, "sale_below_zero")


def test_points_are_told_whole_and_add_up(till: TestClient, database: Database) -> None:
    number = till.post("/api/v1/customers", json=WANG).json()["member_no"]
    assert till.get(f"/api/v1/customers/{number}/points").json() == {
        "balance": 0, "pending": 0, "lots": [], "entries": []
    }  # fmt: skip
    zone = ZoneInfo("Asia/Shanghai")
    with database.writing() as session:
        customer_id = session.exec(select(Customer.id)).one()
        for step in range(60):
            earn_points(
                session, customer_id, 10, reference=f"r{step}", reason="电话 13800138000 说的", now=NOW, zone=zone
            )
    told = till.get(f"/api/v1/customers/{number}/points").json()
    assert told["balance"] == sum(entry["points"] for entry in told["entries"]) == 600
    assert sum(lot["remaining"] for lot in told["lots"]) == 600
    assert told["entries"][0]["at"].endswith("+08:00")
    assert PHONE not in json.dumps(told)
    assert till.get(f"/api/v1/customers/{number}").json()["points"] == 600


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


WRONG: list[tuple[str, Any, str, str]] = [
    ("customers", WANG | {"nickname": "梅"}, "nickname", "unknown_field"),
    ("customers", {"name": "王"}, "phone", "missing"),
    ("customers", WANG | {"phone": "123"}, "phone", "phone_wrong"),
    ("customers", WANG | {"phone": 13800138000}, "phone", "wrong"),
    ("customers", WANG | {"birthday": "1990/3/8"}, "birthday", "wrong"),
    ("customers", WANG | {"gender": "她"}, "gender", "wrong"),
    ("customers", WANG | {"consents": [{"purpose": "everything"}]}, "consents.0.purpose", "wrong"),
    ("purchases", SALE | {"occurred_at": "2026-11-24T18:00:00"}, "occurred_at", "wrong"),
    ("purchases", SALE | {"occurred_at": 1790000000}, "occurred_at", "wrong"),
    ("purchases", SALE | {"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at", "wrong"),
    ("purchases", SALE | {"lines": []}, "lines", "missing"),
    ("purchases", SALE | {"order_no": "a\x00b"}, "order_no", "wrong"),
    ("purchases", SALE | {"order_no": " "}, "order_no", "wrong"),
    ("purchases", SALE | {"points_used": 1.5}, "points_used", "wrong"),
    ("purchases", SALE | {"points_used": 5}, "points_used", "points_need_customer"),
    ("purchases", SALE | {"store": "no-such"}, "store", "store_unknown"),
    ("purchases", SALE | {"lines": [SALE["lines"][0] | {"amount_fen": "368"}]}, "lines.0.amount_fen", "wrong"),
    ("purchases", SALE | {"lines": [SALE["lines"][0] | {"quantity": 1.5}]}, "lines.0.quantity", "wrong"),
    ("purchases", SALE | {"lines": [SALE["lines"][0] | {"amount_fen": 10**30}]}, "lines.0.amount_fen", "wrong"),
]


def test_what_is_wrong_is_said_with_its_field_and_a_code_and_nothing_goes_in(
    till: TestClient, database: Database
) -> None:
    for path, sent, field, code in WRONG:
        answer = till.post(f"/api/v1/{path}", json=sent)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert {(fault["field"], fault["code"]) for fault in told["errors"]} == {(field, code)}
        assert told.keys() == {"type", "title", "status", "code", "detail", "errors"}
        assert "Traceback" not in answer.text
    assert rows(database, Customer) == rows(database, Purchase) == []


def test_a_problem_is_told_in_the_callers_language_with_the_same_code(till: TestClient) -> None:
    told = {
        locale: till.post("/api/v1/customers", json={"name": "王"}, headers={"Accept-Language": locale}).json()
        for locale in ("zh-CN", "en")
    }
    assert told["zh-CN"]["errors"][0]["detail"] == "缺少这一项。"
    assert told["zh-CN"]["code"] == told["en"]["code"] == "invalid"


def test_what_is_no_json_object_is_a_problem_and_breaks_nothing(app: FastAPI, till: TestClient) -> None:
    program = TestClient(app, raise_server_exceptions=False, headers=till.headers)
    bodies = (b"{", b"[" * 100_000, b"\xff\xfe", b"", b'"text"', b"[]", b'{"name": "\\ud800"}')
    for path, body in product(("customers", "customers/lookup", "purchases"), bodies):
        answer = program.post(f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in {400, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_program_that_cannot_be_understood_is_told_of_its_request_and_not_of_a_page(till: TestClient) -> None:
    gbk = json.dumps(WANG, ensure_ascii=False).encode("gb18030")
    answer = till.post("/api/v1/customers", content=gbk, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert "UTF-8" in answer.json()["detail"]
    for told in (answer, till.get("/api/v1/nowhere"), till.delete("/api/v1/customers")):
        assert not any(word in told.text for word in ("表单", "页", "扫码")), told.text


def test_too_large_a_body_and_a_wrong_method_are_problems_too(till: TestClient) -> None:
    large = till.post("/api/v1/customers", content=b"x" * 1_100_000, headers={"Content-Type": "application/json"})
    wrong = till.delete("/api/v1/customers")
    for answer, status, code in ((large, 413, "too_large"), (wrong, 405, "method_not_allowed")):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"


# ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


HEADS = ("", "Bearer", "Bearer ", "Bearer rouge_" + "x" * 43, "Basic dGlsbDo=", "Bearer \xfc")


@pytest.mark.parametrize("head", HEADS)
def test_without_a_good_key_nothing_opens(app: FastAPI, head: str) -> None:
    stranger = TestClient(app, headers={"Authorization": head.encode("latin-1")} if head else {})
    for route in (
        "GET customers/1",
        "POST customers",
        "POST customers/lookup",
        "POST purchases",
        "GET customers/1/points",
    ):
        method, path = route.split()
        answer = stranger.request(method, f"/api/v1/{path}", json={} if method == "POST" else None)
        assert answer.status_code == 401, route
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    assert len(KEYED) == 7


def test_a_key_that_was_taken_back_opens_nothing_at_once(till: TestClient, database: Database) -> None:
    assert till.post("/api/v1/customers", json=WANG).status_code == 201
    with database.writing() as session:
        revoke_api_key(session, session.exec(select(ApiKey.id)).one(), now=NOW)
    answer = till.post("/api/v1/customers/lookup", json={"phone": PHONE})
    assert (answer.status_code, answer.json()["code"]) == (401, "key_unknown")


def test_a_sign_in_of_the_back_office_is_no_key(app: FastAPI, owner: TestClient) -> None:
    assert owner.get("/admin/").status_code == 200
    assert owner.get("/api/v1/customers/1").status_code == 401


def test_a_program_needs_no_origin_and_none_keeps_it_out(till: TestClient) -> None:
    for origin in ("app://till", "null", "https://elsewhere.example"):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        assert till.post("/api/v1/customers", json=WANG, headers=headers).status_code in {200, 201}


def test_a_key_of_one_store_sees_its_customers_and_sells_in_it(
    till: TestClient, calling: Till, database: Database
) -> None:
    north, south = new_store(database, "north"), new_store(database, "south")
    ours, theirs = calling(new_key(database, "n", north)), calling(new_key(database, "s", south))
    number = ours.post("/api/v1/customers", json=WANG).json()["member_no"]
    assert ours.get(f"/api/v1/customers/{number}").json()["store"] == "north"
    assert till.get(f"/api/v1/customers/{number}").status_code == 200
    for answer in (
        theirs.get(f"/api/v1/customers/{number}"),
        theirs.get(f"/api/v1/customers/{number}/points"),
        theirs.post("/api/v1/customers/lookup", json={"phone": PHONE}),
    ):
        assert answer.status_code == 404
        assert number not in answer.text.replace(f"/{number}", "")
    taken = theirs.post("/api/v1/customers", json=WANG)
    assert (taken.status_code, taken.json()["code"]) == (409, "phone_taken")
    assert number not in taken.text
    elsewhere = ours.post("/api/v1/purchases", json=SALE | {"store": "south"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "store_not_the_keys")
    assert ours.post("/api/v1/purchases", json=SALE).status_code == 201
    assert ours.post("/api/v1/purchases", json=SALE | {"order_no": "A-2", "store": "north 店"}).status_code == 201
    assert {sale.store_id for sale in rows(database, Purchase)} == {north}


def test_a_key_is_counted_once_a_day_as_used(till: TestClient, database: Database, app: FastAPI) -> None:
    def used() -> Any:
        return rows(database, ApiKey)[0].last_used_on

    assert used() is None
    till.get("/api/v1/customers/1")
    assert used() == NOW.astimezone(ZoneInfo("Asia/Shanghai")).date()
    app.state.clock = lambda: NOW + timedelta(hours=6)
    till.get("/api/v1/customers/1")
    assert used() == datetime(2026, 11, 25, tzinfo=UTC).date()


def test_too_many_requests_of_a_key_wait(till: TestClient, calling: Till, database: Database, monkeypatch: Any) -> None:
    few = Limit("api_key", 3, timedelta(minutes=1))
    monkeypatch.setattr("app.actions.api_keys.API_PER_KEY", few)
    answers = [till.get("/api/v1/customers/1") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    assert int(answers[-1].headers["retry-after"]) in range(1, 61)
    assert answers[-1].json()["code"] == "too_many_tries"
    assert calling(new_key(database, "other")).get("/api/v1/customers/1").status_code == 404


def test_bad_keys_from_one_network_wait_and_shut_out_no_good_one(
    till: TestClient, calling: Till, monkeypatch: Any
) -> None:
    monkeypatch.setattr("app.routes.callers.BAD_KEY", Limit("bad_key", 2, timedelta(hours=1)))
    bad = calling("rouge_guess")
    assert [bad.get("/api/v1/customers/1").status_code for _ in range(3)] == [401, 401, 429]
    assert till.get("/api/v1/customers/1").status_code == 404


def test_whoever_tries_numbers_waits_sooner(till: TestClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("app.routes.api.customers.API_MISS", Limit("api_miss", 2, timedelta(hours=1)))
    number = till.post("/api/v1/customers", json=WANG).json()["member_no"]
    asked = [till.post("/api/v1/customers/lookup", json={"phone": f"1390013900{n}"}).status_code for n in range(3)]
    assert asked == [404, 404, 429]
    assert till.get(f"/api/v1/customers/{number}").status_code == 200
    assert limits.API_MISS.times < limits.API_PER_KEY.times * 60


# ── Once ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_key_with_the_same_body_gets_the_first_answer(till: TestClient, database: Database) -> None:
    once = {"Idempotency-Key": "k-1"}
    first = till.post("/api/v1/customers", json=WANG, headers=once)
    again = till.post("/api/v1/customers", json=WANG, headers=once)
    assert (again.status_code, again.content) == (201, first.content)
    sold = [till.post("/api/v1/purchases", json=SALE, headers={"Idempotency-Key": "k-2"}) for _ in range(2)]
    assert [answer.status_code for answer in sold] == [201, 201]
    found = [
        till.post("/api/v1/customers/lookup", json={"phone": PHONE}, headers={"Idempotency-Key": "k-3"})
        for _ in range(2)
    ]
    assert found[0].content == found[1].content
    assert len(rows(database, Customer)) == len(rows(database, Purchase)) == 1


def test_the_same_key_with_another_body_is_refused_and_one_of_another_program_is_not(
    till: TestClient, calling: Till, database: Database
) -> None:
    once = {"Idempotency-Key": "k-1"}
    till.post("/api/v1/customers", json=WANG, headers=once)
    other = till.post("/api/v1/customers", json=WANG | {"phone": "13900139000"}, headers=once)
    assert (other.status_code, other.json()["code"]) == (422, "key_used_for_other")
    elsewhere = till.post("/api/v1/customers/lookup", json=WANG, headers=once)
    assert elsewhere.status_code == 422
    neighbour = calling(new_key(database, "web"))
    assert neighbour.post("/api/v1/customers", json=WANG | {"phone": "13900139000"}, headers=once).status_code == 201


def test_what_was_refused_keeps_nothing_so_that_the_key_may_try_again(till: TestClient) -> None:
    once = {"Idempotency-Key": "k-1"}
    assert till.post("/api/v1/customers", json=WANG | {"phone": "123"}, headers=once).status_code == 422
    assert till.post("/api/v1/customers", json=WANG, headers=once).status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_a_key_nobody_could_repeat_is_refused(till: TestClient, key: str) -> None:
    answer = till.post("/api/v1/customers", json=WANG, headers={"Idempotency-Key": key})
    assert answer.status_code in {400, 422}


# ── What is written down ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_journal_says_which_program_did_it_and_nothing_holds_a_phone(
    till: TestClient, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = [
        till.post("/api/v1/customers", json=WANG | {"phone": PHONE}),
        till.post("/api/v1/customers", json=WANG | {"phone": PHONE}),
        till.post("/api/v1/customers/lookup", json={"phone": PHONE}),
        till.post("/api/v1/customers/lookup", json={"phone": PHONE, "extra": PHONE}),
        till.post("/api/v1/customers", json={"name": PHONE, "phone": f"{PHONE}0"}),
        till.post("/api/v1/purchases", json=SALE),
        till.post("/api/v1/purchases", json=SALE | {"channel": "online"}),
        till.post("/api/v1/purchases", json=SALE | {"lines": [{PHONE[:5]: PHONE}]}),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 422, 422, 201, 409, 422]
    actors = {entry.subject: entry.actor for entry in rows(database, AuditEntry) if entry.actor != "system"}
    assert {actors["customers"], actors["purchases"], actors["purchase_lines"]} == {"api:till"}
    written = "".join(f"{entry.changes}{entry.actor}" for entry in rows(database, AuditEntry))
    assert {line.api_key for line in caplog.records if line.name == "rouge.requests"} == {1}
    for place in (written, caplog.text, *(answer.text for answer in answers)):
        assert PHONE not in place
        assert "Bearer" not in place


def test_the_description_names_every_call_with_its_key_and_no_other(client: TestClient, app: FastAPI) -> None:
    told = client.get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"] == {
        "key": {"type": "http", "scheme": "bearer", "description": "From `rouge apikey create`."}
    }
    calls = {(path, method) for path, operations in told["paths"].items() for method in operations}
    assert len(calls) == len(KEYED)
    for operations in told["paths"].values():
        for operation in operations.values():
            assert operation["security"] == [{"key": []}]
            assert "application/problem+json" in operation["responses"]["422"]["content"]
    for name in ("NewCustomer", "SaleMade", "CustomerShown"):
        assert told["components"]["schemas"][name]["examples"]


def test_the_examples_of_the_description_work(till: TestClient, client: TestClient) -> None:
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    assert till.post("/api/v1/customers", json=schemas["NewCustomer"]["examples"][0]).status_code == 201
    assert till.post("/api/v1/customers/lookup", json=schemas["PhoneAsked"]["examples"][0]).status_code == 200
    sale = schemas["SaleMade"]["examples"][0]
    assert till.post("/api/v1/purchases", json=sale).status_code == 201
    refunds = f"/api/v1/purchases/{sale['order_no']}/refunds"
    assert till.post(refunds, json=schemas["RefundMade"]["examples"][0]).status_code == 201


def test_a_key_of_one_store_is_told_nothing_of_another_stores_order(database: Database, calling: Till) -> None:
    one = calling(new_key(database, "one", new_store(database, "A")))
    other = calling(new_key(database, "other", new_store(database, "B")))
    assert one.post("/api/v1/purchases", json=SALE).status_code == 201
    answer = other.post("/api/v1/purchases", json=SALE)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_differs")
    assert one.post("/api/v1/purchases", json=SALE).status_code == 200


def test_asking_number_after_number_by_entering_them_is_counted(
    database: Database, calling: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.routes.api.customers.API_MISS", Limit("api_miss", 2, timedelta(hours=1)))
    one = calling(new_key(database, "one", new_store(database, "A")))
    other = calling(new_key(database, "other", new_store(database, "B")))
    assert one.post("/api/v1/customers", json=WANG).status_code == 201
    answers = [other.post("/api/v1/customers", json=WANG).status_code for _ in range(3)]
    assert answers == [409, 409, 429]
