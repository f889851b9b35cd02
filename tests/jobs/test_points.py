"""The night's work with points: late, twice or in slices, it comes to the same."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from app.actions.policy import change_policy
from app.db import Database
from app.jobs import points as work
from app.jobs.errands import Done, Errand
from app.models import Customer, PointsPending
from app.queries.points import balance_of, check_ledger
from app.queries.policy import current_policy
from tests.actions.earning_shop import counter, rule
from tests.actions.points_shop import ZONE, new_customer
from tests.conftest import NOW


def run(database: Database, job: Callable[..., Done], now: datetime) -> str:
    """A job by hand, slice after slice, as of a moment; what came of it."""
    done = Done(then={})
    while done.then is not None:
        with database.writing() as session:
            errand = Errand("k", done.then, now, now, current_policy(session), ZONE)
            done = job(session, errand)
    return done.outcome


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "CUSTOMERS_AT_ONCE", 2)


def balances(database: Database) -> list[int]:
    """What everybody has; the books agree."""
    with database.reading() as session:
        assert check_ledger(session) == []
        return [balance_of(session, one or 0) for one in session.exec(select(Customer.id).order_by(Customer.id))]


def test_points_end_at_the_shops_midnight_and_once(database: Database) -> None:
    with database.writing() as session:
        rule(session, expiry_months=1, round_up="none")
        for yuan in (1, 2, 3, 4, 5):
            counter(session).sell(yuan * 10_000)
    last_second = datetime(2026, 12, 24, 15, 59, 59, tzinfo=UTC)
    assert run(database, work.end_points, last_second) == "0 位顾客的 0 分到期"
    assert balances(database) == [100, 200, 300, 400, 500]
    assert run(database, work.end_points, last_second + timedelta(seconds=1)) == "5 位顾客的 1500 分到期"
    assert run(database, work.end_points, last_second + timedelta(days=9)) == "0 位顾客的 0 分到期"
    assert balances(database) == [0] * 5


def test_waiting_points_come_in_on_their_day_however_late(database: Database) -> None:
    with database.writing() as session:
        rule(session, pending_days=7)
        for _ in range(5):
            counter(session).sell(10_000)
    assert run(database, work.settle_points, NOW + timedelta(days=6)) == "0 笔待生效的积分已生效"
    assert run(database, work.settle_points, NOW + timedelta(days=90)) == "5 笔待生效的积分已生效"
    assert run(database, work.settle_points, NOW + timedelta(days=90)) == "0 笔待生效的积分已生效"
    assert balances(database) == [100] * 5
    with database.reading() as session:
        assert {one.closed_at for one in session.exec(select(PointsPending))} == {NOW + timedelta(days=90)}


def test_birthdays_are_the_shops_and_a_late_machine_catches_up_for_some_days(database: Database) -> None:
    """At 00:30 in Shanghai (16:30 UTC the day before) the right people are chosen. mautic#9040."""
    with database.writing() as session:
        change_policy(session, {"birthday_late_days": "2"}, now=NOW)
        for day in (22, 23, 24, 25, 26):
            hers = session.get_one(Customer, new_customer(session))
            hers.birth_month, hers.birth_day = 11, day
    at = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    assert at.astimezone(ZONE).date() == date(2026, 11, 25)
    assert run(database, work.honour_birthdays, at) == "3 位顾客得到了生日积分"
    assert run(database, work.honour_birthdays, at) == "0 位顾客得到了生日积分"
    assert balances(database) == [0, 100, 100, 100, 0]
