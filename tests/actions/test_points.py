"""Points come in, go out and are taken back; the books agree after every one of them."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, func, select

from app.actions.points import adjust_points, expire_points, freeze_account, open_balance, release_account
from app.db import Database
from app.models import PointsAllocation, PointsEntry
from app.queries.points import (
    Ending,
    balance_of,
    check_ledger,
    entries_of,
    is_frozen,
    lots_of,
    next_to_expire,
    open_account,
)
from app.rules.points import (
    NotEnoughPoints,
    NotReversible,
    PointsFrozen,
    PointsReasonMissing,
    PointsWrong,
    ReferenceTaken,
    ReversedTooMuch,
)
from app.rules.refusals import NotFound
from app.vocabulary import PointsKind
from tests.actions.points_shop import DECEMBER, JUNE, ZONE, Book, lots, new_customer
from tests.conftest import NOW


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test; the books must agree at its end."""
    with database.writing() as session:
        yield session
        assert check_ledger(session) == []


@pytest.fixture
def book(session: Session) -> Book:
    """A customer's points, none yet."""
    return Book(session, new_customer(session))


def test_what_comes_in_is_there_as_one_lot(book: Book, session: Session) -> None:
    entry = book.earn(100, JUNE)
    assert (entry.points, entry.balance_after, entry.seq) == (100, 100, 1)
    assert balance_of(session, book.customer_id) == 100
    assert lots(session) == [(100, 100, JUNE)]


def test_a_customer_without_points_has_none_and_no_account(session: Session) -> None:
    customer_id = new_customer(session)
    assert balance_of(session, customer_id) == 0
    assert lots_of(session, customer_id) == entries_of(session, customer_id) == []
    assert next_to_expire(session, customer_id) is None
    assert open_account(session, customer_id) is None


def test_flocafe_78_what_was_spent_does_not_expire_again(book: Book, session: Session) -> None:
    """Earn 100 that end in June, spend 100, earn 50 that end in December: in July there are 50, not −50."""
    book.earn(100, JUNE)
    book.spend(100)
    book.earn(50, DECEMBER)
    book.now = NOW.replace(year=2027, month=7)
    assert expire_points(session, book.customer_id, now=book.now, zone=ZONE) == []
    assert balance_of(session, book.customer_id) == 50


def test_a_spend_takes_what_ends_soonest(book: Book, session: Session) -> None:
    book.earn(50)
    book.earn(50, DECEMBER)
    book.earn(50, JUNE)
    book.spend(70)
    assert lots(session) == [(50, 50, None), (50, 30, DECEMBER), (50, 0, JUNE)]
    assert next_to_expire(session, book.customer_id) == Ending(30, DECEMBER)


def test_what_is_over_cannot_be_spent_even_when_the_nightly_work_is_late(book: Book, session: Session) -> None:
    book.earn(100, JUNE)
    book.earn(10)
    book.now = NOW.replace(year=2027, month=7)
    with pytest.raises(NotEnoughPoints) as refused:
        book.spend(11)
    assert refused.value.values == {"balance": 10, "points": 11}
    assert book.spend(10).balance_after == 0
    assert [one.kind for one in entries_of(session, book.customer_id)] == ["redeem", "expire", "earn", "earn"]


def test_a_late_night_and_a_second_one_let_points_end_once(book: Book, session: Session) -> None:
    book.earn(100, JUNE)
    book.now = NOW.replace(year=2028)
    assert [one.points for one in expire_points(session, book.customer_id, now=book.now, zone=ZONE)] == [-100]
    assert expire_points(session, book.customer_id, now=book.now, zone=ZONE) == []


@pytest.mark.parametrize("points", [0, -5, 1.5, True])
def test_only_whole_points_move(book: Book, points: int) -> None:
    with pytest.raises(PointsWrong):
        book.earn(points)
    with pytest.raises(PointsWrong):
        book.spend(points)


def test_nobody_spends_more_than_there_is(book: Book, session: Session) -> None:
    book.earn(100)
    with pytest.raises(NotEnoughPoints):
        book.spend(101)
    assert balance_of(session, book.customer_id) == 100


def test_points_of_nobody_are_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        Book(session, 999_999).earn(10)


def test_the_same_reference_again_is_the_first_movement(book: Book, session: Session) -> None:
    first = book.earn(100, reference="R1")
    assert book.earn(100, reference="R1").id == first.id
    spent = book.spend(100, reference="R1")  # another kind: a till numbers sales and redemptions apart
    assert book.spend(100, reference="R1").id == spent.id
    assert balance_of(session, book.customer_id) == 0


def test_the_same_reference_with_other_figures_is_refused(book: Book, session: Session) -> None:
    book.earn(100, reference="R1")
    with pytest.raises(ReferenceTaken):
        book.earn(90, reference="R1")
    with pytest.raises(ReferenceTaken):
        Book(session, new_customer(session, "李四")).earn(100, reference="R1")


# ── Taken back ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_spent_points_go_back_where_they_came_from_with_the_end_they_had(book: Book, session: Session) -> None:
    book.earn(50, JUNE)
    book.earn(50, DECEMBER)
    spent = book.spend(70)
    book.reverse(spent)
    assert lots(session) == [(50, 50, JUNE), (50, 50, DECEMBER)]
    assert balance_of(session, book.customer_id) == 100


def test_three_partial_reversals_give_back_exactly_the_whole(book: Book, session: Session) -> None:
    book.earn(50, JUNE)
    book.earn(50, DECEMBER)
    spent = book.spend(80)
    for part in (27, 27, 26):
        book.reverse(spent, points=part)
    assert lots(session) == [(50, 50, JUNE), (50, 50, DECEMBER)]
    with pytest.raises(ReversedTooMuch):
        book.reverse(spent, points=1)


def test_no_more_is_reversed_than_there_was(book: Book) -> None:
    entry = book.earn(50)
    with pytest.raises(ReversedTooMuch):
        book.reverse(entry, points=51)
    book.reverse(entry)
    with pytest.raises(ReversedTooMuch):
        book.reverse(entry)


def test_the_same_reversal_again_is_the_first_one(book: Book, session: Session) -> None:
    spent = book.earn(50) and book.spend(20)
    first = book.reverse(spent, reference="R")
    assert book.reverse(spent, reference="R").id == first.id
    assert book.reverse(spent, reference="R", points=20).id == first.id
    with pytest.raises(ReferenceTaken):
        book.reverse(spent, reference="R", points=10)
    assert balance_of(session, book.customer_id) == 50


def test_a_reversal_is_not_reversed(book: Book) -> None:
    reversal = book.reverse(book.earn(50))
    with pytest.raises(NotReversible):
        book.reverse(reversal)


def test_an_earning_that_is_taken_back_takes_its_own_lot_first(book: Book, session: Session) -> None:
    book.earn(50, JUNE)
    refunded = book.earn(50, DECEMBER)
    book.reverse(refunded)
    assert lots(session) == [(50, 50, JUNE), (50, 0, DECEMBER)]


def test_only_a_reversal_leaves_a_debt_and_the_next_points_repay_it(book: Book, session: Session) -> None:
    refunded = book.earn(100, JUNE)
    book.spend(80)
    assert book.reverse(refunded).balance_after == -80
    with pytest.raises(NotEnoughPoints):
        book.spend(1)
    book.earn(30, DECEMBER)
    assert (balance_of(session, book.customer_id), lots_of(session, book.customer_id)) == (-50, [])
    book.earn(100, DECEMBER)
    assert balance_of(session, book.customer_id) == 50
    assert [lot.remaining for lot in lots_of(session, book.customer_id)] == [50]


def test_a_spend_taken_back_repays_a_debt_first(book: Book, session: Session) -> None:
    refunded = book.earn(100, JUNE)
    spent = book.spend(80)
    book.reverse(refunded)
    book.reverse(spent)
    assert (balance_of(session, book.customer_id), lots_of(session, book.customer_id)) == (0, [])


def test_points_given_back_after_their_end_have_ended_without_grace(book: Book, session: Session) -> None:
    book.earn(50, JUNE)
    spent = book.spend(50)
    book.now = NOW.replace(year=2027, month=7)
    book.reverse(spent)
    assert balance_of(session, book.customer_id) == 0


def test_points_given_back_after_their_end_count_through_the_grace(book: Book, session: Session) -> None:
    book.earn(50, JUNE)
    book.earn(50, DECEMBER)
    spent = book.spend(80)
    book.now = NOW.replace(year=2027, month=7)
    grace = date(2027, 8, 1)
    book.reverse(spent, grace_until_on=grace)
    assert [(lot.remaining, lot.expires_on) for lot in lots_of(session, book.customer_id)] == [
        (50, grace),
        (50, DECEMBER),
    ]


# ── By hand, from other books, frozen ─────────────────────────────────────────────────────────────────────────────────


def test_a_correction_goes_both_ways_with_a_reason_and_never_below_zero(book: Book, session: Session) -> None:
    how = {"reason": "补登", "now": NOW, "zone": ZONE}
    adjust_points(session, book.customer_id, 30, reference="A1", **how)
    adjust_points(session, book.customer_id, -20, reference="A2", **how)
    assert lots(session) == [(30, 10, None)]
    with pytest.raises(NotEnoughPoints):
        adjust_points(session, book.customer_id, -11, reference="A3", **how)
    with pytest.raises(PointsReasonMissing):
        adjust_points(session, book.customer_id, 1, reference="A4", **how | {"reason": " "})


def test_opening_points_can_be_taken_back_with_their_file(book: Book, session: Session) -> None:
    opening = open_balance(
        session, book.customer_id, 500, reference="O", reason="", now=NOW, zone=ZONE, expires_on=JUNE
    )
    assert (opening.kind, lots(session)) == (PointsKind.OPENING, [(500, 500, JUNE)])
    book.reverse(opening)
    assert lots(session) == [(500, 0, JUNE)]


def test_a_frozen_account_redeems_nothing_but_goes_on_earning(book: Book, session: Session) -> None:
    book.earn(100)
    account_id = open_account(session, book.customer_id) or 0
    freeze_account(session, account_id, now=NOW)
    assert is_frozen(session, book.customer_id)
    with pytest.raises(PointsFrozen):
        book.spend(10)
    book.earn(10)
    release_account(session, account_id)
    book.spend(10)


def test_the_history_is_read_page_by_page_newest_first(book: Book, session: Session) -> None:
    for points in range(1, 8):
        book.earn(points)
    first = entries_of(session, book.customer_id, limit=3)
    second = entries_of(session, book.customer_id, before_id=first[-1].entry_id, limit=3)
    assert [one.points for one in first + second] == [7, 6, 5, 4, 3, 2]


def test_many_days_later_the_sums_still_agree(book: Book, session: Session) -> None:
    for points in (5, 17, 40):
        book.earn(points, (book.now + timedelta(days=20)).date())
        book.later(9)
        book.spend(points // 2)
    used = session.exec(select(func.sum(PointsAllocation.points))).one()
    gone = session.exec(select(func.sum(PointsEntry.points)).where(PointsEntry.points < 0)).one()
    assert used == -gone


# ── What the database itself refuses ──────────────────────────────────────────────────────────────────────────────────


FORGED = (
    "INSERT INTO points_entries (account_id, seq, kind, points, balance_after, reference, reason, working, at, reverses_id) "
    "SELECT account_id, {what}, 'x', '', '', at, NULL FROM points_entries WHERE seq = 1"
)
FORBIDDEN = (
    "UPDATE points_entries SET points = 1000000",
    "UPDATE points_entries SET reason = ''",
    "DELETE FROM points_entries",
    "UPDATE points_allocations SET points = 1",
    "DELETE FROM points_allocations",
    "UPDATE points_lots SET remaining = points + 1",
    "UPDATE points_lots SET remaining = -1",
    "UPDATE points_lots SET points = -1",
    FORGED.format(what="90, 'earn', -5, 95"),
    FORGED.format(what="90, 'opening', -5, 95"),
    FORGED.format(what="90, 'redeem', 5, 105"),
    FORGED.format(what="90, 'expire', 5, 105"),
    FORGED.format(what="90, 'adjust', 0, 100"),
    FORGED.format(what="90, 'adjust', -101, -1"),
    FORGED.format(what="90, 'redeem', -101, -1"),
    FORGED.format(what="90, 'reverse', -5, 95"),
    FORGED.format(what="90, 'stolen', 5, 105"),
    FORGED.format(what="1, 'earn', 5, 105"),
)


def test_the_database_refuses_what_no_program_may_do(database: Database) -> None:
    with database.writing() as session:
        book = Book(session, new_customer(session))
        book.earn(100)
        book.spend(20)
    passed = []
    for statement in FORBIDDEN:
        with suppress(DatabaseError), database.writing() as session:
            session.connection().exec_driver_sql(statement)
            passed.append(statement)
    assert passed == []
    with database.writing() as session:
        assert check_ledger(session) == []
        # The same statement with nothing wrong in it goes in: what was refused was refused for what it said.
        session.connection().exec_driver_sql(FORGED.format(what="90, 'earn', 5, 85"))
        assert check_ledger(session) != []


@pytest.mark.postgres
@pytest.mark.parametrize("table", ["points_entries", "points_allocations"])
def test_postgres_cannot_be_made_to_forget_them_whole(database: Database, table: str) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DatabaseError, match="append-only"), database.writing() as session:
        session.connection().exec_driver_sql(f"TRUNCATE {table} CASCADE")
