"""Sixteen tills at the same points: exact sums, and what happens without the guard."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session, func, select, update

from app.actions.points import earn_points, spend_points
from app.db import Database
from app.models import PointsAccount, PointsEntry
from app.queries.points import balance_of, check_ledger
from app.rules.points import NotEnoughPoints
from tests.actions.points_shop import ZONE, Book, new_customer
from tests.conftest import NOW

TILLS = 16
HOW: dict[str, Any] = {"reason": "", "now": NOW, "zone": ZONE}


@pytest.fixture
def customer_id(database: Database) -> int:
    """Somebody with a hundred points."""
    with database.writing() as session:
        customer_id = new_customer(session)
        Book(session, customer_id).earn(100)
    return customer_id


def at_once(work: Any) -> list[Any]:
    """What each of sixteen got, or what refused it."""
    start = Barrier(TILLS)

    def run(number: int) -> Any:
        start.wait(30)
        try:
            return work(number)
        except NotEnoughPoints as refused:
            return refused

    with ThreadPoolExecutor(TILLS) as tills:
        return list(tills.map(run, range(TILLS)))


def spent(database: Database, customer_id: int, reference: str) -> int | None:
    """A redemption of ten in a unit of work of its own."""
    with database.writing() as session:
        return spend_points(session, customer_id, 10, reference=reference, **HOW).id


def test_sixteen_redemptions_of_ten_out_of_a_hundred_are_ten(database: Database, customer_id: int) -> None:
    got = at_once(lambda number: spent(database, customer_id, f"R{number}"))
    assert sum(isinstance(one, int) for one in got) == 10
    with database.reading() as session:
        assert balance_of(session, customer_id) == 0
        assert check_ledger(session) == []


def test_one_redemption_sent_sixteen_times_is_one(database: Database, customer_id: int) -> None:
    got = at_once(lambda number: spent(database, customer_id, "R"))
    assert len(set(got)) == 1
    with database.reading() as session:
        assert balance_of(session, customer_id) == 90
        assert check_ledger(session) == []


def test_sixteen_first_points_of_one_customer_make_one_account(database: Database) -> None:
    with database.writing() as session:
        customer_id = new_customer(session, "李四")

    def earn(number: int) -> None:
        with database.writing() as session:
            earn_points(session, customer_id, 10, reference=f"E{number}", **HOW)

    at_once(earn)
    with database.reading() as session:
        assert balance_of(session, customer_id) == 160
        accounts = select(func.count()).select_from(PointsAccount).where(PointsAccount.customer_id == customer_id)
        assert session.exec(accounts).one() == 1
        assert check_ledger(session) == []


def test_without_the_guard_more_is_given_away_than_there_was(database: Database, customer_id: int) -> None:
    """The negative control: each looks first, and then writes what it saw."""
    met = Barrier(TILLS)

    def unguarded(number: int) -> int:
        with database.reading() as session:
            balance = balance_of(session, customer_id)
        met.wait(30)
        with database.writing() as session:
            _write(session, customer_id, number, balance - 10)
        return 10

    assert sum(at_once(unguarded)) == 160
    with database.reading() as session:
        assert balance_of(session, customer_id) == 90
        assert [doubt.what for doubt in check_ledger(session)] == ["balance"]


def _write(session: Session, customer_id: int, number: int, balance: int) -> None:
    of = PointsAccount.customer_id == customer_id
    account = session.exec(select(PointsAccount.id).where(of)).one() or 0
    session.connection().execute(update(PointsAccount).where(of).values(balance=balance))  # type: ignore[arg-type]
    session.add(
        PointsEntry(
            account_id=account,
            seq=number + 2,
            kind="redeem",
            points=-10,
            balance_after=balance,
            reference=f"U{number}",
            at=NOW,
        )
    )
