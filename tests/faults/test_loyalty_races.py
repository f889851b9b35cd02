"""Sixteen at once at the points of the same customer, on both databases: exact sums, nobody is told of a collision; and
what happens to the same where each first looks, and then writes what it saw."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from threading import Barrier, Event, Thread
from time import sleep
from typing import Any

import pytest
from sqlalchemy import func, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from app.actions.merging import merge_customers
from app.actions.points import earn_points
from app.actions.purchases import insert_sales, look_up, planned_sale
from app.actions.till import RedemptionAsked, RefundAsked, take_redemption, take_refund, take_sale
from app.db import Database
from app.jobs import points as points_job
from app.jobs.errands import Errand
from app.jobs.points import end_points
from app.models import Customer, PointsAccount, PointsEntry, Purchase, Redemption
from app.queries.api_keys import Caller
from app.queries.earning import sale_earned
from app.queries.points import balance_of, check_ledger, lots_of
from app.rules.points import NotEnoughPoints
from app.rules.policy import Policy
from app.rules.purchases import RefundTooLarge, Sale, SaleLine
from app.rules.refusals import NotFound
from app.vocabulary import PointsKind
from tests.actions.earning_shop import counter, rule
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW

THREADS, POLICY, TILL = 16, Policy(), Caller(0, "till", None, "", None)
HOW: dict[str, Any] = {"now": NOW, "zone": ZONE}
EXPECTED = (NotEnoughPoints, RefundTooLarge, NotFound)
"""Refusals a person understands. Anything else that reaches one is a fault."""


def at_once(work: Callable[[int, Barrier], Any]) -> list[Any]:
    """What each of them got, or the refusal; nothing else may reach anybody."""
    start, got = Barrier(THREADS), list[Any]([None] * THREADS)

    def run(number: int) -> None:
        start.wait(30)
        try:
            got[number] = work(number, start)
        except Exception as trouble:
            got[number] = trouble

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [one for one in got if isinstance(one, Exception) and not isinstance(one, EXPECTED)] == []
    return got


def looked_first(database: Database, look: Callable[[Session], Any], met: Barrier) -> Any:
    """What everybody saw before anybody wrote."""
    with database.reading() as session:
        seen = look(session)
    met.wait(30)
    return seen


@pytest.fixture
def hers(database: Database) -> int:
    """Somebody with a hundred points that end with the month."""
    with database.writing() as session:
        customer_id = new_customer(session)
        earn_points(session, customer_id, 100, reference="G", reason="", expires_on=date(2026, 11, 30), **HOW)
    return customer_id


def number_of(database: Database, customer_id: int) -> str:
    """What a till calls her."""
    with database.reading() as session:
        return session.get_one(Customer, customer_id).member_no


def balance(database: Database, customer_id: int) -> int:
    """What she has; the books agree."""
    with database.reading() as session:
        assert check_ledger(session) == []
        return balance_of(session, customer_id)


def slip(member_no: str, order_no: str, fen: int, refund_of: str = "") -> Sale:
    """A slip of one line."""
    lines = (SaleLine(item="护理", amount_fen=fen),)
    return Sale(order_no=order_no, occurred_at=NOW, lines=lines, member_no=member_no, refund_of=refund_of)


def sell(database: Database, sale: Sale) -> dict[str, Any]:
    """A till tells a sale; what it hears."""
    with database.writing() as session:
        kept = take_sale(session, sale, caller=TILL, policy=POLICY, **HOW)
    return dict(json.loads(kept.answer))


# ── The same order from all tills ─────────────────────────────────────────────────────────────────────────────────────


def test_one_order_from_all_tills_earns_once_and_all_hear_the_same(database: Database, hers: int) -> None:
    sale = slip(number_of(database, hers), "S", 5_000)
    heard = at_once(lambda number, met: json.dumps(sell(database, sale)))
    assert len(set(heard)) == 1
    assert balance(database, hers) == 150


def test_control_whoever_looks_whether_it_has_earned_and_then_gives_points_gives_them_sixteen_times(
    database: Database, hers: int
) -> None:
    with database.writing() as session:
        purchase = Purchase(order_no="S", occurred_at=NOW, paid_fen=5_000)
        session.add(purchase)

    def give(number: int, met: Barrier) -> None:
        if not looked_first(database, lambda session: sale_earned(session, purchase), met):
            with database.writing() as session:
                earn_points(session, hers, 50, reference=f"U{number}", reason="", **HOW)

    at_once(give)
    assert balance(database, hers) == 100 + 16 * 50


# ── One redemption sent by all, and many of one balance ───────────────────────────────────────────────────────────────


def redeem(database: Database, member_no: str, reference: str) -> int:
    """Ten points; the entry."""
    with database.writing() as session:
        asked = RedemptionAsked(member_no, 10, reference)
        return take_redemption(session, asked, caller=TILL, **HOW)[0].id or 0


def test_one_redemption_sent_by_all_is_one(database: Database, hers: int) -> None:
    member_no = number_of(database, hers)
    assert len(set(at_once(lambda number, met: redeem(database, member_no, "D")))) == 1
    assert balance(database, hers) == 90


def test_control_whoever_looks_for_the_redemption_and_then_spends_spends_as_often(
    database: Database, hers: int
) -> None:
    member_no = number_of(database, hers)

    def spend(number: int, met: Barrier) -> None:
        known = select(Redemption.id).where(Redemption.reference == "D")
        if looked_first(database, lambda session: session.exec(known).first(), met) is None:
            redeem(database, member_no, f"D{number}")

    at_once(spend)
    assert balance(database, hers) == 0


def test_sixteen_redemptions_of_ten_out_of_a_hundred_are_ten(database: Database, hers: int) -> None:
    member_no = number_of(database, hers)
    got = at_once(lambda number, met: redeem(database, member_no, f"D{number}"))
    assert sum(isinstance(one, NotEnoughPoints) for one in got) == 6
    assert balance(database, hers) == 0


def test_control_whoever_looks_at_the_balance_and_then_writes_it_gives_sixteen_away(
    database: Database, hers: int
) -> None:
    def spend(number: int, met: Barrier) -> int:
        seen = looked_first(database, lambda session: balance_of(session, hers), met)
        write_balance(database, hers, seen - 10)
        return 10

    assert sum(at_once(spend)) == 160
    with database.reading() as session:
        assert balance_of(session, hers) == 90


def write_balance(database: Database, customer_id: int, points: int) -> None:
    """What somebody worked out from what she had seen."""
    with database.writing() as session:
        whose = col(PointsAccount.customer_id) == customer_id
        session.connection().execute(update(PointsAccount).where(whose).values(balance=points))


# ── One sale taken back by all ────────────────────────────────────────────────────────────────────────────────────────


def kept_of(database: Database, order_no: str) -> int:
    """What is left of a sale after its refunds, in fen."""
    with database.reading() as session:
        sale = session.exec(select(Purchase).where(Purchase.order_no == order_no)).one()
        refunds = select(func.coalesce(func.sum(Purchase.paid_fen), 0)).where(col(Purchase.refund_of_id) == sale.id)
        return sale.paid_fen + int(session.exec(refunds).one())


def test_no_more_of_a_sale_goes_back_than_was_paid(database: Database, hers: int) -> None:
    sell(database, slip(number_of(database, hers), "S", 5_000))

    def refund(number: int, met: Barrier) -> None:
        with database.writing() as session:
            take_refund(session, RefundAsked("S", f"R{number}", 500), caller=TILL, policy=POLICY, **HOW)

    got = at_once(refund)
    assert sum(isinstance(one, RefundTooLarge) for one in got) == 6
    assert kept_of(database, "S") == 0
    assert balance(database, hers) == 100


def test_control_whoever_looks_what_is_left_and_then_pays_out_pays_more_than_came_in(
    database: Database, hers: int
) -> None:
    member_no = number_of(database, hers)
    sell(database, slip(member_no, "S", 5_000))

    def refund(number: int, met: Barrier) -> None:
        sale = slip(member_no, f"R{number}", -500, refund_of="S")
        known = looked_first(database, lambda session: look_up(session, [sale], lock=False), met)
        with database.writing() as session:
            insert_sales(session, [planned_sale(sale, known, now=NOW)])

    at_once(refund)
    assert kept_of(database, "S") == 5_000 - 16 * 500


# ── Points are handed in while two records become one ─────────────────────────────────────────────────────────────────


@pytest.fixture
def other(database: Database) -> int:
    """The same person's other record, with a hundred points of its own."""
    with database.writing() as session:
        customer_id = new_customer(session, "王小妹")
        earn_points(session, customer_id, 100, reference="G2", reason="", **HOW)
    return customer_id


def test_points_handed_in_while_two_records_become_one_are_neither_lost_nor_there_twice(
    database: Database, hers: int, other: int
) -> None:
    numbers = [number_of(database, one) for one in (hers, other)]

    def work(number: int, met: Barrier) -> int:
        if number == 3:
            with database.writing() as session:
                merge_customers(session, hers, other, {}, policy=POLICY, **HOW)
            return 0
        redeem(database, numbers[number % 2], f"D{number}")
        return 10

    spent = sum(one for one in at_once(work) if isinstance(one, int))
    assert balance(database, hers) == 200 - spent


def test_control_whoever_looks_at_both_and_then_adds_them_up_loses_what_was_spent_meanwhile(
    database: Database, hers: int, other: int
) -> None:
    def work(number: int, met: Barrier) -> int:
        seen = looked_first(database, lambda session: [balance_of(session, one) for one in (hers, other)], met)
        if number == 3:
            write_balance(database, hers, sum(seen))
            return 0
        write_balance(database, hers, seen[0] - 10)
        return 10

    spent = sum(at_once(work))
    with database.reading() as session:
        assert balance_of(session, hers) != 200 - spent


# ── Points come in while the night takes away what is over ────────────────────────────────────────────────────────────

DECEMBER = NOW + timedelta(days=20)


def test_what_comes_in_while_the_night_clears_up_stays_and_what_is_over_goes_once(
    database: Database, hers: int
) -> None:
    member_no = number_of(database, hers)
    errand = Errand("", {}, DECEMBER, DECEMBER, POLICY, ZONE)

    def work(number: int, met: Barrier) -> None:
        if number % 2:
            sell(database, slip(member_no, f"S{number}", 1_000))
        else:
            with database.writing() as session:
                end_points(session, errand)

    at_once(work)
    assert balance(database, hers) == 80
    with database.reading() as session:
        ended = select(PointsEntry.points).where(PointsEntry.kind == PointsKind.EXPIRE)
        assert session.exec(ended).all() == [-100]


def test_control_whoever_looks_what_is_over_and_then_takes_it_takes_it_sixteen_times(
    database: Database, hers: int
) -> None:
    def work(number: int, met: Barrier) -> None:
        over = looked_first(database, lambda session: sum(lot.remaining for lot in lots_of(session, hers)), met)
        with database.writing() as session:
            less = PointsAccount.balance - over
            session.connection().execute(update(PointsAccount).values(balance=less))

    at_once(work)
    with database.reading() as session:
        assert balance_of(session, hers) == 100 - 16 * 100


# ── What waited comes in while two of those it belongs to become one ──────────────────────────────────────────────────


def joined_in_the_middle_of_a_night(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """The night has settled the points of the second of two customers and goes on to the first, when somebody merges them.
    What broke."""
    with database.writing() as session:
        rule(session, pending_days=7)
        counters = [counter(session) for _ in "ab"]
        pair = [one.customer_id for one in counters]
        for one in reversed(counters):
            one.sell(10_000)
    settled, broke, settle = Event(), list[BaseException](), points_job.settle_pending

    def settle_slowly(session: Session, pending_id: int, **how: Any) -> PointsEntry | None:
        entry = settle(session, pending_id, **how)
        settled.set()
        sleep(0.5)  # the merge has asked for both by now
        return entry

    def merge() -> None:
        settled.wait(30)
        with database.writing() as session:
            merge_customers(session, *pair, {}, policy=POLICY, now=DECEMBER, zone=ZONE)

    def night() -> None:
        with database.writing() as session:
            points_job.settle_points(session, Errand("", {}, DECEMBER, DECEMBER, POLICY, ZONE))

    def told(work: Callable[[], None]) -> None:
        try:
            work()
        except OperationalError as trouble:
            broke.append(trouble)

    monkeypatch.setattr(points_job, "settle_pending", settle_slowly)
    threads = [Thread(target=told, args=(work,)) for work in (night, merge)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with database.reading() as session:
        assert broke or balance_of(session, pair[0]) == 200
    return broke


def test_a_merge_in_the_middle_of_a_night_waits_and_nothing_breaks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert joined_in_the_middle_of_a_night(database, monkeypatch) == []


def test_control_a_night_that_holds_nobody_first_and_a_merge_wait_for_each_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one write at a time: there is nothing to wait for each other")
    monkeypatch.setattr(points_job, "hold_buyer", lambda session, customer_id: True)
    assert joined_in_the_middle_of_a_night(database, monkeypatch) != []
