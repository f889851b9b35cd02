"""Tries are counted exactly, by everybody together, and nobody's address lies in the database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlmodel import select

from app.actions.limits import check_tries, count_tries, count_try, forget_old_tries, forget_tries
from app.columns import blind_index
from app.db import Database, open_database
from app.models import RateWindow
from app.rules.limits import BAD_TOKEN, LOGIN_PER_ACCOUNT, LONGEST, Limit, TooManyTries
from app.settings import Settings

FEW = Limit("few", 40, timedelta(minutes=1))


def tries(database: Database, limit: Limit, who: str, now: datetime) -> bool:
    """Whether one more try is let through."""
    try:
        with database.writing() as session:
            count_try(session, limit, who, now=now)
    except TooManyTries:
        return False
    return True


def counted(database: Database) -> list[int]:
    """What stands in the table."""
    with database.reading() as session:
        return list(session.exec(select(RateWindow.count).order_by(RateWindow.id)))


def test_the_last_try_within_the_limit_passes_and_the_next_is_refused(database: Database, now: datetime) -> None:
    assert [tries(database, LOGIN_PER_ACCOUNT, "li", now) for _ in range(7)] == [True] * 5 + [False] * 2
    assert counted(database) == [5]


def test_a_new_stretch_of_time_begins_from_nothing(database: Database, now: datetime) -> None:
    late = LOGIN_PER_ACCOUNT.began_at(now) + timedelta(seconds=59.9)
    assert [tries(database, LOGIN_PER_ACCOUNT, "li", late) for _ in range(6)][-1] is False
    assert tries(database, LOGIN_PER_ACCOUNT, "li", late + timedelta(seconds=0.1))


def test_everybody_and_every_limit_is_counted_apart(database: Database, now: datetime) -> None:
    for _ in range(5):
        assert tries(database, LOGIN_PER_ACCOUNT, "li", now)
    assert tries(database, LOGIN_PER_ACCOUNT, "wang", now)
    assert tries(database, BAD_TOKEN, "li", now)


def test_many_at_once_are_counted_and_those_that_do_not_fit_are_told(database: Database, now: datetime) -> None:
    with database.writing() as session:
        assert count_tries(session, FEW, {"a": 30, "b": 40}, now=now) == {}
        assert count_tries(session, FEW, {"a": 15, "b": 2, "c": 41}, now=now) == {"a": 5, "b": 2, "c": 1}
        assert count_tries(session, FEW, {"a": 3}, now=now) == {"a": 3}


def test_a_refused_try_changes_nothing(database: Database, now: datetime) -> None:
    with database.writing() as session:
        count_tries(session, LOGIN_PER_ACCOUNT, {"li": 5}, now=now)

    def two_limits() -> None:
        with database.writing() as session:
            count_try(session, BAD_TOKEN, "elsewhere", now=now)
            count_try(session, LOGIN_PER_ACCOUNT, "li", now=now)

    with pytest.raises(TooManyTries):
        two_limits()
    assert counted(database) == [5]


def test_looking_first_refuses_what_counting_would_refuse(database: Database, now: datetime) -> None:
    with database.writing() as session:
        count_tries(session, LOGIN_PER_ACCOUNT, {"li": 4}, now=now)
    with database.reading() as session:
        check_tries(session, LOGIN_PER_ACCOUNT, "li", now=now)
    assert tries(database, LOGIN_PER_ACCOUNT, "li", now)
    with database.reading() as session, pytest.raises(TooManyTries):
        check_tries(session, LOGIN_PER_ACCOUNT, "li", now=now)


def test_who_is_let_in_again_starts_from_nothing(database: Database, now: datetime) -> None:
    with database.writing() as session:
        count_tries(session, LOGIN_PER_ACCOUNT, {"li": 5, "wang": 5}, now=now)
        forget_tries(session, LOGIN_PER_ACCOUNT, "li")
    assert tries(database, LOGIN_PER_ACCOUNT, "li", now)
    assert not tries(database, LOGIN_PER_ACCOUNT, "wang", now)


def test_no_address_lies_in_clear(database: Database, now: datetime) -> None:
    with database.writing() as session:
        count_try(session, BAD_TOKEN, "203.0.113.7", now=now)
    with database.reading() as session:
        row = session.exec(select(RateWindow)).one()
    assert row.bucket == blind_index("bad_token\x00203.0.113.7", "rate_windows.bucket")
    assert b"203" not in row.bucket


def test_old_counts_are_forgotten_and_current_ones_kept(database: Database, now: datetime) -> None:
    with database.writing() as session:
        count_try(session, BAD_TOKEN, "a", now=now - LONGEST - timedelta(hours=1, minutes=1))
        count_try(session, BAD_TOKEN, "a", now=now)
    with database.writing() as session:
        assert forget_old_tries(session, now=now) == 1
        assert forget_old_tries(session, now=now) == 0
    assert len(counted(database)) == 1


# ── Sixteen at once, over two connections to the same shop ──────────────────────────────────────────────────────────


def _let_through(settings: Settings, attempt: Callable[[Database], bool]) -> int:
    """How many of 96 tries by 16 threads in two openings of the database pass."""
    shops = [open_database(settings), open_database(settings)]
    with ThreadPoolExecutor(16) as pool:
        passed = sum(pool.map(lambda turn: attempt(shops[turn % 2]), range(96)))
    for shop in shops:
        shop.engine.dispose()
    return passed


def test_sixteen_threads_get_exactly_the_limit(database: Database, settings: Settings, now: datetime) -> None:
    assert _let_through(settings, lambda shop: tries(shop, FEW, "li", now)) == FEW.times
    assert counted(database) == [FEW.times]


def test_reading_before_writing_would_lose_counts(database: Database, settings: Settings, now: datetime) -> None:
    """The negative control: the same threads, the count read in one step and written in the next."""
    with database.writing() as session:
        session.add(RateWindow(bucket=b"x", began_at=now, count=0))
    all_have_read = Barrier(16, timeout=30)

    def attempt(shop: Database) -> bool:
        with shop.reading() as session:
            row = session.exec(select(RateWindow)).one()
        assert row.count < FEW.times
        all_have_read.wait()
        with shop.writing() as session:
            session.execute(RateWindow.__table__.update().values(count=row.count + 1))
        return True

    assert _let_through(settings, attempt) == 96
    assert counted(database) < [FEW.times]
