"""Points over the API: earned, spent, refunded and redeemed, in the shapes the contract promises."""
# ruff: noqa: F811  # fixtures of another file are named as arguments

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.points import earn_points
from app.db import Database
from app.models import Customer, EarningRule, PointsEntry, Purchase, Redemption
from app.queries.points import balance_of, check_ledger
from app.vocabulary import EarningKind
from tests.actions.points_shop import ZONE
from tests.conftest import NOW
from tests.routes.test_api import SALE, WANG, calling, new_key, new_store, till  # noqa: F401  fixtures


@pytest.fixture(autouse=True)
def _at_that_moment(app: FastAPI) -> None:
    """Everything happens at the tests' moment."""
    app.state.clock = lambda: NOW


@pytest.fixture
def wang(till: TestClient) -> str:
    """The number of somebody the shop knows."""
    return till.post("/api/v1/customers", json=WANG).json()["member_no"]


def give(database: Database, points: int) -> None:
    """Points from nowhere."""
    with database.writing() as session:
        hers = session.exec(select(Customer.id)).one()
        earn_points(session, hers or 0, points, reference="G", reason="礼", now=NOW, zone=ZONE)


def balance(database: Database) -> int:
    """What the only customer has; the books agree."""
    with database.reading() as session:
        assert check_ledger(session) == []
        return balance_of(session, session.exec(select(Customer.id)).one() or 0)


def post(till: TestClient, path: str, **sent: Any) -> tuple[int, dict[str, Any]]:
    """The answer's number and what it says."""
    answer = till.post(f"/api/v1/{path}", json=sent)
    return answer.status_code, answer.json()


def test_a_sale_is_answered_with_what_it_earned(till: TestClient, wang: str, database: Database) -> None:
    told = till.post("/api/v1/purchases", json=SALE).json()
    assert (told["paid_fen"], told["points_earned"], told["balance"], told["tier"]) == (36_800, 368, 368, "普通会员")
    [entry] = till.get(f"/api/v1/customers/{wang}/points").json()["entries"]
    assert (entry["kind"], entry["points"], entry["order_no"]) == ("earn", 368, "A-1")
    assert entry["reason"] == "消费 ¥368.00，每 1 元 1 分 = 368"
    english = till.get(f"/api/v1/customers/{wang}/points", headers={"Accept-Language": "en"})
    assert english.json()["entries"][0]["points"] == 368


def test_a_sale_paid_in_part_with_points(till: TestClient, wang: str, database: Database) -> None:
    give(database, 1_000)
    told = till.post("/api/v1/purchases", json=SALE | {"points_used": 800})
    assert told.status_code == 201, told.text
    assert (told.json()["paid_fen"], told.json()["points_earned"], told.json()["balance"]) == (36_000, 360, 560)
    assert till.post("/api/v1/purchases", json=SALE | {"points_used": 800}).json() == told.json()
    assert post(till, "purchases", **SALE | {"points_used": 801})[1]["code"] == "order_differs"
    assert balance(database) == 560


@pytest.mark.parametrize(
    ("points", "status", "code"),
    [
        (1_001, 409, "insufficient_points"),
        (-1, 422, None),
        (0.5, 422, None),
        ("5", 422, None),
        (40_000, 422, "points_exceed_sale"),
    ],
)
def test_points_that_cannot_pay_are_refused_and_no_sale_is_made(
    till: TestClient,
    wang: str,
    database: Database,
    points: Any,
    status: int,
    code: str | None,
) -> None:
    give(database, 1_000)
    found, told = post(till, "purchases", **SALE | {"points_used": points})
    assert found == status
    assert code is None or told["code"] == code
    with database.reading() as session:
        assert session.exec(select(Purchase)).all() == []
    assert balance(database) == 1_000


def test_pending_points_are_told_apart(till: TestClient, wang: str, database: Database) -> None:
    with database.writing() as session:
        session.exec(select(EarningRule).where(EarningRule.kind == EarningKind.PURCHASE)).one().pending_days = 7
    sale = till.post("/api/v1/purchases", json=SALE).json()
    assert (sale["points_earned"], sale["balance"]) == (368, 0)
    told = till.get(f"/api/v1/customers/{wang}/points").json()
    assert (told["balance"], told["pending"], told["entries"]) == (0, 368, [])
    refund = post(till, "purchases/A-1/refunds", refund_no="R", amount_fen=36_800)
    assert refund == (201, {"points_taken_back": 368, "points_given_back": 0, "balance": 0})


def test_a_refund_takes_back_and_gives_back(till: TestClient, wang: str, database: Database) -> None:
    give(database, 1_000)
    till.post("/api/v1/purchases", json=SALE | {"points_used": 1_000})
    first = post(till, "purchases/A-1/refunds", refund_no="R-1", amount_fen=17_900)
    assert first == (201, {"points_taken_back": 179, "points_given_back": 500, "balance": 679})
    assert post(till, "purchases/A-1/refunds", refund_no="R-1", amount_fen=17_900) == (200, first[1])
    line = {"item": "补水护理", "quantity": 1, "unit_price_fen": 17_900, "amount_fen": 17_900}
    last = post(till, "purchases/A-1/refunds", refund_no="R-2", amount_fen=17_900, lines=[line])
    assert last == (201, {"points_taken_back": 179, "points_given_back": 500, "balance": 1_000})
    assert post(till, "purchases/A-1/refunds", refund_no="R-3", amount_fen=1)[1]["code"] == "refund_too_large"


def test_what_points_alone_paid_for_goes_back_once(till: TestClient, wang: str, database: Database) -> None:
    give(database, 36_800)
    assert post(till, "purchases", **SALE | {"points_used": 36_800})[1]["paid_fen"] == 0
    first = post(till, "purchases/A-1/refunds", refund_no="R-1", amount_fen=0)
    assert first == (201, {"points_taken_back": 0, "points_given_back": 36_800, "balance": 36_800})
    assert post(till, "purchases/A-1/refunds", refund_no="R-1", amount_fen=0) == (200, first[1])
    status, told = post(till, "purchases/A-1/refunds", refund_no="R-2", amount_fen=0)
    assert (status, told["code"]) == (422, "refund_too_large")
    assert balance(database) == 36_800


def test_a_sale_told_so_late_that_its_points_have_ended_says_so(till: TestClient, wang: str) -> None:
    told = post(till, "purchases", **SALE)[1]
    assert (told["points_earned"], told["points_ended"], told["balance"]) == (368, 0, 368)
    old = post(till, "purchases", **SALE | {"order_no": "A-0", "occurred_at": "2001-02-03T10:00:00+08:00"})[1]
    assert (old["points_earned"], old["points_ended"], old["balance"]) == (368, 368, 368)


@pytest.mark.parametrize("pending_days", [0, 7])
def test_a_sale_too_large_for_points_is_refused_by_what_the_till_sent(
    till: TestClient, wang: str, database: Database, pending_days: int
) -> None:
    with database.writing() as session:
        purchase_rule = session.exec(select(EarningRule).where(EarningRule.kind == EarningKind.PURCHASE)).one()
        purchase_rule.points, purchase_rule.pending_days = 100, pending_days
    line = SALE["lines"][0] | {"unit_price_fen": 100_000_100, "amount_fen": 100_000_100}
    status, told = post(till, "purchases", **SALE | {"lines": [line]})
    assert (status, told["code"], told["errors"][0]["field"]) == (422, "sale_too_large", "lines")
    assert post(till, "purchases", **SALE | {"lines": [line | {"amount_fen": 100_000_000}]})[0] == 201


@pytest.mark.parametrize("order_no", ["2026/11/0007", "A?1", "A#1", "50%", "A/refunds", "#7 / 2", "单号1"])
def test_a_sale_can_be_refunded_whatever_its_number_is_made_of(till: TestClient, wang: str, order_no: str) -> None:
    assert post(till, "purchases", **SALE | {"order_no": order_no})[0] == 201
    place = f"purchases/{quote(order_no, safe='')}/refunds"
    told = (201, {"points_taken_back": 368, "points_given_back": 0, "balance": 0})
    assert post(till, place, refund_no="R", amount_fen=36_800) == told


REFUND, REDEEM, SELL = "purchases/A-1/refunds", "customers/{wang}/redemptions", "purchases"


@pytest.mark.parametrize(
    ("path", "sent", "status", "code", "field", "says"),
    [
        ("purchases/NONE/refunds", {"amount_fen": 1}, 404, "refund_of_unknown", "order_no", "没有找到被退的那一单"),
        (REFUND, {"amount_fen": 36_801}, 422, "refund_too_large", "amount_fen", "退款超过了原单还能退的金额"),
        (REFUND, {"amount_fen": 0}, 422, "refund_of_nothing", "amount_fen", "请写明退多少钱"),
        (REFUND, {"amount_fen": -1}, 422, "invalid", "amount_fen", "太小了"),
        (REFUND, {"amount_fen": 100, "lines": SALE["lines"]}, 422, "refund_lines_differ", "", ""),
        (REFUND, {"amount_fen": 1.5}, 422, "invalid", "amount_fen", "要写成整数"),
        (REFUND, {"refund_no": "A-1", "amount_fen": 1}, 409, "order_differs", "refund_no", "单号已存在"),
        (REDEEM, {"points": 369}, 409, "insufficient_points", "points", "现有 368 分，需要 369 分"),
        (REDEEM, {"points": 0}, 422, "invalid", "points", "太小了"),
        (REDEEM, {"points": -5}, 422, "invalid", "points", "太小了"),
        (REDEEM, {"points": 1.5}, 422, "invalid", "points", "要写成整数"),
        (REDEEM, {"points": 100_000_001}, 422, "invalid", "points", "太大了"),
        (REDEEM, {"points": 5, "reference": ""}, 422, "invalid", "reference", "不能空着"),
        (REDEEM, {"points": 5, "reference": "D-0"}, 409, "points_reference_taken", "reference", "D-0"),
        (REDEEM, {"points": 5, "reward": "月亮"}, 422, "reward_unknown", "reward", "没有这个兑换项"),
        (REDEEM, {"points": 5, "reward": "补水面膜一片"}, 422, "reward_costs_other", "points", "300 分"),
        ("customers/99999999/redemptions", {"points": 5}, 404, "not_found", "", ""),
        (SELL, {"occurred_at": "2026-11-27T18:00:00+08:00"}, 422, "moment_in_future", "occurred_at", "还没到"),
        (SELL, {"order_no": "A-1", "channel": "online"}, 409, "order_differs", "order_no", "单号已存在"),
    ],
)
def test_bad_input_is_refused_with_a_stable_code_and_a_sentence_and_moves_nothing(
    till: TestClient,
    wang: str,
    database: Database,
    path: str,
    sent: dict[str, Any],
    status: int,
    code: str,
    field: str,
    says: str,
) -> None:
    till.post("/api/v1/purchases", json=SALE)
    till.post(f"/api/v1/customers/{wang}/redemptions", json={"points": 1, "reference": "D-0"})
    give(database, 1)
    usual = (
        SALE | {"order_no": "A-2"} if path == SELL else {"refund_no": "R"} if "refunds" in path else {"reference": "D"}
    )
    found, told = post(till, path.format(wang=wang), **usual | sent)
    assert (found, told["code"]) == (status, code), told
    if field:
        [error] = told["errors"]
        assert error["field"] == field
        assert says in error["detail"]
    assert balance(database) == 368
    with database.reading() as session:
        assert len(session.exec(select(PointsEntry)).all()) == 3
        assert len(session.exec(select(Purchase)).all()) == 1


def test_points_are_redeemed_once(till: TestClient, wang: str, database: Database) -> None:
    till.post("/api/v1/purchases", json=SALE)
    path = f"customers/{wang}/redemptions"
    status, told = post(till, path, points=300, reward="补水面膜一片", reference="D-1")
    assert (status, told["balance"]) == (201, 68)
    assert (told["entry"]["kind"], told["entry"]["points"], told["entry"]["reason"]) == ("redeem", -300, "补水面膜一片")
    assert post(till, path, points=300, reward="补水面膜一片", reference="D-1") == (200, told)
    assert post(till, path, points=1, reference="D-1")[1]["code"] == "points_reference_taken"
    assert balance(database) == 68


def test_two_tills_at_once_redeem_and_sell_once(
    till: TestClient,
    wang: str,
    database: Database,
    app: FastAPI,
) -> None:
    give(database, 1_000)
    sold = SALE | {"points_used": 600}

    def ask(number: int) -> int:
        with TestClient(app, headers=dict(till.headers)) as one:
            if number % 2:
                return one.post("/api/v1/purchases", json=sold).status_code
            sent = {"points": 300, "reference": "D"}
            return one.post(f"/api/v1/customers/{wang}/redemptions", json=sent).status_code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(ask, range(8)))
    assert found == [200] * 6 + [201] * 2
    assert balance(database) == 1_000 - 600 - 300 + 362
    with database.reading() as session:
        assert len(session.exec(select(Redemption)).all()) == len(session.exec(select(Purchase)).all()) == 1
        assert len(session.exec(select(PointsEntry)).all()) == 4


def test_a_key_of_one_store_takes_back_no_other_stores_sale(
    till: TestClient,
    wang: str,
    database: Database,
    calling: Callable[[str], TestClient],
) -> None:
    new_store(database, "north")
    south = new_store(database, "south")
    assert till.post("/api/v1/purchases", json=SALE | {"store": "north"}).status_code == 201
    other = calling(new_key(database, "south till", south))
    assert post(other, "purchases/A-1/refunds", refund_no="R", amount_fen=1)[1]["code"] == "refund_of_unknown"
