"""The books of points are looked through, and whatever was changed behind the program's back is found."""

from contextlib import suppress

import pytest
from sqlmodel import Session

from app.actions.points import release_account, spend_points
from app.db import Database
from app.jobs.errands import Errand
from app.jobs.points import check_points
from app.queries.points import accounts_after, check_ledger, frozen_accounts, is_frozen
from app.rules.points import PointsFrozen, PointsInDoubt
from app.rules.policy import Policy
from app.settings import Settings
from tests.actions.points_shop import JUNE, ZONE, Book, new_customer
from tests.conftest import NOW

TAMPERED = {
    "balance": "UPDATE points_accounts SET balance = balance + 1000 WHERE id = 2",
    "place": "UPDATE points_accounts SET seq = seq + 1 WHERE id = 2",
    "lot": "UPDATE points_lots SET remaining = remaining - 1 WHERE account_id = 2 AND remaining > 1",
    "moved lot": "UPDATE points_lots SET account_id = 1 WHERE account_id = 2",
    "bigger lot": "UPDATE points_lots SET points = points + 5, remaining = remaining + 5 WHERE account_id = 2",
    "an entry more": "INSERT INTO points_entries (account_id, seq, kind, points, balance_after, reference, reason, working, at) "
    "SELECT account_id, 4, 'earn', 5, 75, 'forged', '', '', at FROM points_entries WHERE account_id = 2 AND seq = 1",
    "a use more": "INSERT INTO points_allocations (entry_id, lot_id, points) "
    "SELECT entry_id, id, 1 FROM points_lots WHERE account_id = 2 AND remaining = 70",
}
"""What somebody can do who has the database and not the program."""


@pytest.fixture
def books(database: Database) -> tuple[Book, Book]:
    """Two customers with an account each, the second one's being account 2."""
    with database.writing() as session:
        pair = Book(session, new_customer(session)), Book(session, new_customer(session, "李四"))
        for book in pair:
            book.earn(30, JUNE)
            book.earn(70)
            book.spend(30)
    return pair


class _TakenBack(Exception):
    """So that the next one finds the books as they were."""


def errand() -> Errand:
    """A night's work."""
    return Errand("check-points", {}, NOW, NOW, Policy(), ZONE)


def tamper(session: Session, how: str) -> None:
    """Change the books behind the program's back."""
    session.connection().exec_driver_sql(TAMPERED[how])


def test_books_that_agree_raise_no_doubt(database: Database, books: tuple[Book, Book]) -> None:
    with database.reading() as session:
        assert check_ledger(session) == []
        assert accounts_after(session, 0, 5) == [1, 2]
        assert accounts_after(session, 1, 5) == [2]


def test_whatever_was_changed_behind_its_back_is_found(database: Database, books: tuple[Book, Book]) -> None:
    unseen = []
    for how in TAMPERED:
        with suppress(_TakenBack), database.writing() as session:
            tamper(session, how)
            if 2 not in [doubt.account_id for doubt in check_ledger(session)] or check_ledger(session, 3):
                unseen.append(how)
            raise _TakenBack
    assert unseen == []


def test_the_night_freezes_who_is_in_doubt_and_puts_nothing_right(
    database: Database, settings: Settings, books: tuple[Book, Book]
) -> None:
    first, second = (book.customer_id for book in books)
    with database.writing() as session:
        tamper(session, "balance")
    assert check_points(database, settings, errand()).outcome == "核对了 2 个积分账户，1 个对不上，已暂停兑换"
    how = {"reference": "N1", "reason": "", "now": NOW, "zone": ZONE}
    with database.writing() as session:
        assert (is_frozen(session, first), is_frozen(session, second), frozen_accounts(session)) == (False, True, 1)
        assert [doubt.account_id for doubt in check_ledger(session)] == [2]
        spend_points(session, first, 5, **how)
        with pytest.raises(PointsFrozen):
            spend_points(session, second, 5, **how | {"reference": "N2"})
        with pytest.raises(PointsInDoubt):
            release_account(session, 2)
    with database.writing() as session:
        session.connection().exec_driver_sql("UPDATE points_accounts SET balance = balance - 1000 WHERE id = 2")
        release_account(session, 2)
        spend_points(session, second, 5, **how | {"reference": "N2"})
    assert check_points(database, settings, errand()).outcome == "核对了 2 个积分账户，0 个对不上，已暂停兑换"
