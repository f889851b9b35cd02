"""Tills that send the same thing at once, on both databases: it is done once, everybody hears the same; and what happens
without the guard."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Barrier, Thread
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from app.actions.api_keys import create_api_key, issue_api_key
from app.actions.purchases import insert_sales, look_up, planned_sale
from app.db import Database
from app.models import Customer, Purchase
from app.rules.api_keys import KeyDetails
from app.rules.purchases import Sale, SaleLine
from tests.conftest import NOW

TILLS = 8
WANG = {"name": "王小梅", "phone": "13800138000"}
SALE = {
    "order_no": "A-1",
    "occurred_at": "2026-11-24T18:00:00+08:00",
    "lines": [{"item": "护理", "quantity": 1, "unit_price_fen": 100, "amount_fen": 100}],
}
Send = Callable[[str, dict[str, Any], dict[str, str]], list[tuple[int, bytes]]]


def at_once(work: Callable[[Barrier], Any]) -> list[Any]:
    """What each of them got; whatever was raised counts as that."""
    start, got = Barrier(TILLS), [None] * TILLS

    def run(number: int) -> None:
        start.wait(30)
        try:
            got[number] = work(start)
        except Exception as refused:
            got[number] = refused

    threads = [Thread(target=run, args=(number,)) for number in range(TILLS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.fixture
def send(app: FastAPI, database: Database) -> Send:
    """Sends the same request from all tills at once."""
    app.state.clock = lambda: NOW
    with database.writing() as session:
        key = issue_api_key(session, create_api_key(session, KeyDetails(name="till"), now=NOW).id)

    def post(path: str, sent: dict[str, Any], headers: dict[str, str]) -> list[tuple[int, bytes]]:
        headers = {"Authorization": f"Bearer {key}"} | headers

        def one(start: Barrier) -> tuple[int, bytes]:
            answer = TestClient(app).post(f"/api/v1/{path}", json=sent, headers=headers)
            return answer.status_code, answer.content

        return at_once(one)

    return post


def count(database: Database, table: Any) -> int:
    """How many rows it has."""
    with database.reading() as session:
        return len(session.exec(select(table)).all())


def test_one_key_for_repetition_at_once_is_one_answer_and_without_it_they_differ(
    send: Send, database: Database
) -> None:
    heard = send("customers", WANG, {"Idempotency-Key": "k-1"})
    assert {status for status, _ in heard} == {201}
    assert len(set(heard)) == 1
    assert count(database, Customer) == 1
    # The control: without the key only one of them hears that she is new.
    without = send("customers", WANG | {"phone": "13900139000"}, {})
    assert sorted(status for status, _ in without) == [200] * (TILLS - 1) + [201]
    assert count(database, Customer) == 2


def test_one_order_told_at_once_is_one_sale_and_everybody_hears_the_first_answer(
    send: Send, database: Database
) -> None:
    heard = send("purchases", SALE | {"phone": "13800138000"}, {})
    assert sorted(status for status, _ in heard) == [200] * (TILLS - 1) + [201]
    assert len({body for _, body in heard}) == 1
    assert count(database, Purchase) == 1


def test_control_whoever_looks_first_and_then_writes_what_it_saw_is_turned_away(database: Database) -> None:
    sale = Sale(
        order_no="A-1",
        occurred_at=datetime(2026, 11, 24, 10, tzinfo=UTC),
        lines=(SaleLine(item="护理", amount_fen=100),),
    )

    def unguarded(met: Barrier) -> bool:
        with database.reading() as session:
            known = look_up(session, [sale], lock=False)
        met.wait(30)
        with database.writing() as session:
            insert_sales(session, [planned_sale(sale, known, now=NOW)])
        return True

    assert at_once(unguarded).count(True) == 1
