"""What a movement of points tells the database: few statements, each by an index, and nothing that is forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import event
from sqlmodel import Session, func, select

from app.actions.ledger import locked_account
from app.actions.points import expire_points
from app.db import Database
from app.jobs.tiers import AT_ONCE
from app.models import DemoMark, PointsAccount, PointsAllocation, PointsEntry, PointsLot, Tag
from app.queries.points import balance_of, check_ledger
from app.queries.tiers import bought_between, due_after
from app.rules.policy import Policy
from tests.actions.points_shop import TODAY, ZONE, Book, new_customer

READS = ["SELECT points_accounts", "SELECT points_entries", "SELECT points_lots"]
"""The account is held and read in one; the reference; the lots, once for what is over and for what is used."""
ENTRY = ["UPDATE points_accounts", "INSERT points_entries"]
Told = list[tuple[str, Any]]


@contextmanager
def told(session: Session) -> Iterator[Told]:
    """The statements of a block, with their parameters."""
    heard: Told = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        heard.append((statement, parameters))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield heard
    event.remove(connection, "before_cursor_execute", note)


def short(heard: Told) -> list[str]:
    """Each as what it does and to which table."""
    words = [statement.replace("INTO ", "").replace("FROM ", "").split() for statement, _ in heard]
    return [f"{one[0]} {one[1].split('.')[0].strip(',')}" for one in words]


def test_an_earning_is_six_statements_and_a_spend_seven(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        book.earn(100)
        with told(session) as earning:
            book.earn(50)
        with told(session) as spend:
            book.spend(30)
    assert short(earning) == [*READS, *ENTRY, "INSERT points_lots"]
    assert short(spend) == [*READS, *ENTRY, "UPDATE points_lots", "INSERT points_allocations"]


def test_an_ending_reads_the_lots_once(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        book.earn(100, TODAY)
        book.later(1)
        with told(session) as heard:
            expire_points(session, book.customer_id, now=book.now, zone=ZONE)
    assert short(heard).count("SELECT points_lots") == 1
    with database.reading() as session:
        assert (balance_of(session, book.customer_id), check_ledger(session)) == (0, [])


def test_no_statement_of_the_till_or_the_night_walks_through_a_table(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        book.earn(100)
        if not database.is_sqlite:  # of a few rows PostgreSQL would rather read all
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        with told(session) as heard:
            book.earn(50)
            book.spend(30)
            due_after(session, 0, AT_ONCE, today=TODAY, policy=Policy())
            bought_between(session, [book.customer_id], TODAY - timedelta(days=365), TODAY, ZONE)
        plans = [_plan(session, one) for one in heard]
    assert not [plan for plan in plans if _is_walk(plan)]
    if database.is_sqlite:  # PostgreSQL chooses by what it counted, and here there is nothing to count
        # Of a customer's slips the year's are read, never of a year's slips the customer's.
        assert "ix_purchases_customer_id_occurred_at_store_id" in plans[-1]


def test_a_walk_would_be_seen(database: Database) -> None:
    """The negative control."""
    with database.writing() as session:
        with told(session) as heard:
            session.exec(select(PointsEntry).where(PointsEntry.reason == "")).all()
        assert _is_walk(_plan(session, heard[0]))


def _plan(session: Session, one: tuple[str, Any]) -> str:
    explain = "EXPLAIN QUERY PLAN " if session.get_bind().dialect.name == "sqlite" else "EXPLAIN "
    rows = session.connection().exec_driver_sql(explain + one[0], one[1]).all()
    return "\n".join(str(row[-1]) for row in rows)


def _is_walk(plan: str) -> bool:
    """Whether a whole table or index is read; the list of numbers that came along is no table."""
    steps = [line.strip() for line in plan.splitlines()]
    return any((step.startswith("SCAN") and "VIRTUAL TABLE" not in step) or "Seq Scan" in step for step in steps)


def test_what_was_added_to_the_session_is_there_for_the_statements_past_it(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        session.add(Tag(name="新来的"))
        assert session.new
        locked_account(session, book.customer_id)
        assert not session.new


def test_a_movement_a_savepoint_took_back_can_be_made_again(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        book.earn(100)
        savepoint = session.begin_nested()
        kept = book.spend(10, reference="R")
        savepoint.rollback()
        again = book.spend(10, reference="R")
        assert (kept.points, again.points, again.balance_after) == (-10, -10, 90)
        assert check_ledger(session) == []


def test_the_entry_that_is_handed_out_is_not_written_twice(database: Database) -> None:
    with database.writing() as session:
        entry = Book(session, new_customer(session)).earn(100)
        session.add(entry)
        session.flush()
        assert session.exec(select(func.count()).select_from(PointsEntry)).one() == 1
        assert entry.account.customer_id


def test_in_the_demo_shop_every_row_of_a_movement_has_its_mark(database: Database) -> None:
    with database.writing(demo=True) as session:
        book = Book(session, new_customer(session))
        book.earn(100)
        book.spend(30)
    with database.reading() as session:
        for table, rows in ((PointsAccount, 1), (PointsEntry, 2), (PointsLot, 1), (PointsAllocation, 1)):
            marks = select(DemoMark.row_id).where(DemoMark.table_name == table.__tablename__)
            ids = session.exec(select(table.id)).all()
            assert sorted(session.exec(marks)) == sorted(one or 0 for one in ids)
            assert len(ids) == rows


def test_in_the_owners_own_shop_nothing_is_marked(database: Database) -> None:
    with database.writing() as session:
        Book(session, new_customer(session)).earn(100)
        assert session.exec(select(DemoMark)).all() == []
