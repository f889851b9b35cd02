"""Two records become one and two again: no point is made and none is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product

import pytest
from sqlmodel import Session, select

from app.actions.points import freeze_account, move_account, unmove_account
from app.db import Database
from app.models import PointsAccount
from app.queries.points import balance_of, check_ledger, entries_of, lots_of, open_account
from app.rules.points import PointsEntangled, PointsInDoubt, PointsSpentMeanwhile
from tests.actions.points_shop import DECEMBER, JUNE, ZONE, Book, new_customer
from tests.conftest import NOW


@dataclass
class Pair:
    """The record that stays and the one that goes into it."""

    session: Session
    stays: Book
    goes: Book

    def merge(self, reference: str = "merge:1") -> None:
        """The two become one."""
        both = self.goes.customer_id, self.stays.customer_id
        move_account(self.session, *both, merge_reference=reference, now=self.stays.now, zone=ZONE)
        assert check_ledger(self.session) == []

    def undo(self, reference: str = "merge:1") -> None:
        """And two again."""
        unmove_account(
            self.session, self.goes.customer_id, self.stays.customer_id, merge_reference=reference, now=self.stays.now
        )

    def state(self) -> list[tuple[int, list[tuple[int, date | None]]]]:
        """Balance and lots of both."""
        return [
            (
                balance_of(self.session, book.customer_id),
                [(lot.remaining, lot.expires_on) for lot in lots_of(self.session, book.customer_id)],
            )
            for book in (self.stays, self.goes)
        ]


@pytest.fixture
def pair(database: Database) -> Iterator[Pair]:
    """Two records of one person; the books must agree at the end."""
    with database.writing() as session:
        yield Pair(session, Book(session, new_customer(session)), Book(session, new_customer(session, "王小美2")))
        assert check_ledger(session) == []


def test_lots_go_over_as_they_are(pair: Pair) -> None:
    pair.stays.earn(100, DECEMBER)
    pair.goes.earn(50, JUNE)
    pair.goes.spend(20)
    pair.merge()
    assert pair.state() == [(130, [(30, JUNE), (100, DECEMBER)]), (0, [])]
    history = entries_of(pair.session, pair.stays.customer_id)
    assert [(one.kind, one.points) for one in history[:2]] == [("merge", 30), ("merge", -30)]
    assert len(history) == 5


def test_a_record_without_points_goes_over_without_a_trace(pair: Pair) -> None:
    pair.stays.earn(10)
    pair.merge()
    pair.undo()
    assert pair.state() == [(10, [(10, None)]), (0, [])]


def test_a_sale_of_the_absorbed_record_can_still_be_refunded(pair: Pair) -> None:
    earned = pair.goes.earn(50, JUNE)
    spent = pair.goes.spend(20)
    pair.merge()
    pair.stays.reverse(spent)
    assert pair.state()[0] == (50, [(50, JUNE)])
    pair.stays.reverse(earned)
    assert pair.state()[0] == (0, [])


def test_a_debt_goes_over_too(pair: Pair) -> None:
    pair.stays.earn(100, JUNE)
    earned = pair.goes.earn(50)
    pair.goes.spend(30)
    pair.goes.reverse(earned)
    pair.merge()
    assert pair.state() == [(70, [(70, JUNE)]), (0, [])]


def test_what_was_over_before_the_night_repays_no_debt(pair: Pair) -> None:
    """A merge before the night's work must come to the same as one after it."""
    earned = pair.stays.earn(50)
    pair.stays.spend(30)
    pair.stays.reverse(earned)
    pair.goes.earn(100, NOW.date())
    pair.stays.later(days=1)
    pair.merge()
    assert pair.state() == [(-30, []), (0, [])]


def test_what_comes_over_repays_a_debt(pair: Pair) -> None:
    earned = pair.stays.earn(50)
    pair.stays.spend(30)
    pair.stays.reverse(earned)
    pair.goes.earn(100, JUNE)
    pair.merge()
    assert pair.state() == [(70, [(70, JUNE)]), (0, [])]


def test_undone_at_once_everything_is_as_it_was(database: Database) -> None:
    """Whatever the two had."""
    for stays, goes in product(("points", "debt", "nothing"), ("points", "debt", "nothing", "spent all")):
        with database.writing() as session:
            pair = Pair(session, Book(session, new_customer(session)), Book(session, new_customer(session)))
            _let_have(pair.stays, stays)
            _let_have(pair.goes, goes)
            before, name = pair.state(), f"{pair.stays.customer_id}"
            pair.merge(f"merge:{name}:1")
            assert balance_of(session, pair.stays.customer_id) == before[0][0] + before[1][0]
            pair.undo(f"merge:{name}:1")
            assert pair.state() == before
            assert check_ledger(session) == []
            pair.undo(f"merge:{name}:1")  # a second time there is nothing to undo
            pair.merge(f"merge:{name}:2")
            pair.undo(f"merge:{name}:2")
            assert pair.state() == before


def _let_have(book: Book, what: str) -> None:
    if what == "points":
        book.earn(100, JUNE)
        book.earn(20)
        book.spend(30)
    elif what != "nothing":
        earned = book.earn(50, DECEMBER)
        book.spend(50)
        if what == "debt":
            book.reverse(earned)


def test_what_was_earned_since_stays_where_it_was_earned(pair: Pair) -> None:
    pair.stays.earn(100, DECEMBER)
    pair.goes.earn(50, JUNE)
    pair.merge()
    pair.stays.earn(7)
    pair.undo()
    assert pair.state() == [(107, [(100, DECEMBER), (7, None)]), (50, [(50, JUNE)])]


def test_what_was_spent_of_it_since_forbids_the_undo_until_that_is_taken_back(pair: Pair) -> None:
    pair.stays.earn(100, DECEMBER)
    pair.goes.earn(50, JUNE)
    pair.merge()
    spent = pair.stays.spend(20)
    with pytest.raises(PointsSpentMeanwhile) as refused:
        pair.undo()
    assert refused.value.values == {"points": 20}
    pair.stays.reverse(spent)
    pair.undo()
    assert pair.state() == [(100, [(100, DECEMBER)]), (50, [(50, JUNE)])]


def test_what_a_refund_of_its_own_sale_took_back_since_is_gone_and_forbids_nothing(pair: Pair) -> None:
    pair.stays.earn(100, DECEMBER)
    sold = pair.goes.earn(50, JUNE)
    pair.goes.earn(7)
    pair.merge()
    pair.goes.reverse(sold)
    pair.undo()
    assert pair.state() == [(100, [(100, DECEMBER)]), (7, [(7, None)])]


def test_a_refund_that_the_other_records_points_paid_for_cannot_be_told_apart_again(pair: Pair) -> None:
    pair.stays.earn(100, DECEMBER)
    sold = pair.goes.earn(50, JUNE)
    pair.goes.spend(20)
    pair.merge()
    pair.goes.reverse(sold)
    with pytest.raises(PointsEntangled) as refused:
        pair.undo()
    assert refused.value.values == {"points": 20}


def test_what_the_one_that_stays_spent_of_its_own_forbids_nothing(pair: Pair) -> None:
    pair.stays.earn(100, JUNE)
    pair.goes.earn(50, DECEMBER)
    pair.merge()
    pair.stays.spend(60)
    pair.undo()
    assert pair.state() == [(40, [(40, JUNE)]), (50, [(50, DECEMBER)])]


def test_what_ended_since_has_ended(pair: Pair) -> None:
    pair.stays.earn(100)
    pair.goes.earn(50, JUNE)
    pair.goes.earn(5)
    pair.merge()
    pair.stays.now = NOW.replace(year=2028)
    pair.stays.earn(1)
    pair.undo()
    assert pair.state() == [(101, [(100, None), (1, None)]), (5, [(5, None)])]


def test_a_debt_that_was_repaid_since_comes_back_as_points(pair: Pair) -> None:
    earned = pair.goes.earn(50)
    pair.goes.spend(50)
    pair.goes.reverse(earned)
    pair.merge()
    pair.stays.earn(80, JUNE)
    assert pair.state()[0] == (30, [(30, JUNE)])
    pair.undo()
    assert pair.state() == [(80, [(30, JUNE), (50, None)]), (-50, [])]


def test_a_record_that_had_taken_in_a_third_goes_back_with_it(pair: Pair) -> None:
    session = pair.session
    third = Book(session, new_customer(session, "王小美3"))
    third.earn(5, JUNE)
    first = Pair(session, pair.goes, third)
    pair.goes.earn(10, DECEMBER)
    first.merge("merge:0")
    pair.stays.earn(100)
    pair.merge()
    pair.undo()
    assert pair.state() == [(100, [(100, None)]), (15, [(5, JUNE), (10, DECEMBER)])]
    first.undo("merge:0")
    assert first.state() == [(10, [(10, DECEMBER)]), (5, [(5, JUNE)])]
    owners = session.exec(select(PointsAccount.customer_id, PointsAccount.closed_at)).all()
    assert sorted(owners) == [(book.customer_id, None) for book in (pair.stays, pair.goes, third)]


def test_accounts_in_doubt_are_not_merged(pair: Pair) -> None:
    pair.goes.earn(5)
    freeze_account(pair.session, open_account(pair.session, pair.goes.customer_id) or 0, now=NOW)
    with pytest.raises(PointsInDoubt):
        pair.merge()
