"""Several people merge the same two records at once, either way round, while the till goes on selling: one merge, one
record, nothing lost, and what happens without the guard."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.actions.merging import merge_customers
from app.db import Database
from app.models import Customer, CustomerMerge, Purchase
from app.rules.refusals import NotFound
from tests.actions.merging_shop import RULES, ZONE, full, replace, two_customers
from tests.conftest import NOW

THREADS = 8


def pair_of(database: Database) -> tuple[int, int]:
    """Two records without older merges."""
    lives = (replace(one, follow=0) for one in (full(0), full(1)))
    with database.writing() as session:
        return two_customers(session, *lives, NOW)


def at_once(work: Callable[[int, Barrier], Any]) -> list[Any]:
    """What each of them got; an expected refusal counts as that."""
    start, got = Barrier(THREADS), [None] * THREADS

    def run(number: int) -> None:
        start.wait(30)
        try:
            got[number] = work(number, start)
        except (NotFound, IntegrityError) as refused:
            got[number] = refused

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


def merges(session: Session) -> list[CustomerMerge]:
    """All merges there were."""
    return list(session.exec(select(CustomerMerge)))


def test_many_merges_of_the_same_two_are_one(database: Database) -> None:
    pair = pair_of(database)

    def work(number: int, start: Barrier) -> int:
        survivor, absorbed = pair if number % 2 else pair[::-1]
        with database.writing() as session:
            return merge_customers(session, survivor, absorbed, {}, policy=RULES, now=NOW, zone=ZONE).id or 0

    got = at_once(work)
    with database.reading() as session:
        (done,) = merges(session)
        left = session.exec(select(Customer.id).where(col(Customer.id).in_(pair))).all()
    assert left == [done.survivor_id]
    assert {one for one in got if isinstance(one, int)} == {done.id}
    assert all(isinstance(one, int | NotFound) for one in got)


def test_without_the_lock_each_would_have_merged_them(database: Database) -> None:
    pair = pair_of(database)

    def work(number: int, start: Barrier) -> None:
        with database.reading() as session:
            are_there = len(session.exec(select(Customer.id).where(col(Customer.id).in_(pair))).all()) == 2
        start.wait(30)
        with database.writing() as session:
            if are_there:
                session.add(
                    CustomerMerge(
                        survivor_id=pair[0], absorbed_id=pair[1], absorbed_no="x", merged_at=NOW, undo_until=NOW
                    )
                )

    at_once(work)
    with database.reading() as session:
        assert len(merges(session)) == THREADS


def test_what_is_sold_meanwhile_is_hers_or_refused_and_never_lost(database: Database) -> None:
    pair = pair_of(database)

    def work(number: int, start: Barrier) -> str:
        with database.writing() as session:
            if number == 0:
                merge_customers(session, *pair, {}, policy=RULES, now=NOW, zone=ZONE)
                return ""
            order_no = f"meanwhile-{number}"
            session.add(Purchase(order_no=order_no, occurred_at=NOW, customer_id=pair[1], paid_fen=100))
            return order_no

    sold = {one for one in at_once(work) if isinstance(one, str) and one}
    with database.reading() as session:
        kept = session.exec(select(Purchase.order_no).where(Purchase.customer_id == pair[0])).all()
    assert {one for one in kept if one.startswith("meanwhile")} == sold
