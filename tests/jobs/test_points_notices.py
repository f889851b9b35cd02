"""The message that points end: once, late or twice, by the shop's days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, col, select

from app.actions.consents import ConsentDetails, grant_consent
from app.actions.points_notices import write_points_notices
from app.db import Database
from app.jobs.kinds import KINDS
from app.jobs.points_notices import ACCOUNTS_AT_ONCE
from app.models import Customer, OutboundMessage, PointsAccount
from app.rules.policy import Policy
from app.vocabulary import Channel, JobKind, Purpose
from tests.actions.points_shop import Book, new_customer
from tests.jobs.conftest import Clock, MakeRunner

ZONE = ZoneInfo("Asia/Shanghai")
NIGHT = datetime(2026, 11, 23, 19, tzinfo=UTC)  # 03:00 on the 24th in the shop
TODAY = date(2026, 11, 24)
WEEK, MONTH = TODAY + timedelta(days=7), TODAY + timedelta(days=30)


def reachable(session: Session, name: str = "王小美") -> int:
    """Somebody with a phone who agreed to be told."""
    number = new_customer(session, name)
    session.get(Customer, number).phone_last4 = f"{number:04d}"
    wish = ConsentDetails(number, Purpose.SERVICE_CARE, Channel.SMS)
    grant_consent(session, wish, policy=Policy(), now=NIGHT - timedelta(days=90))
    return number


def with_points(session: Session, *lots: tuple[int, date | None], name: str = "王小美") -> Book:
    """The same, with points."""
    book = Book(session, reachable(session, name), now=NIGHT - timedelta(days=60))
    for points, ends in lots:
        book.earn(points, ends)
    return book


def bodies(database: Database) -> list[str]:
    """What was written, in order."""
    with database.reading() as session:
        return list(session.exec(select(OutboundMessage.body).order_by(col(OutboundMessage.id))))


@pytest.fixture
def night(database: Database, runner: MakeRunner, clock: Clock):
    """The night's work at a moment."""

    def work(at: datetime = NIGHT) -> str:
        clock.now = at
        return runner(KINDS).run_by_hand(JobKind.POINTS_NOTICES)

    return work


def test_every_lot_stands_in_one_message_and_twice_is_once(database: Database, night) -> None:
    with database.writing() as session:
        with_points(session, (20, WEEK), (5, MONTH), (99, None), (1, MONTH + timedelta(days=1)))
    assert night() == "写好 1 条积分到期提醒"
    assert night() == "写好 0 条积分到期提醒"
    body = bodies(database)[0]
    assert "2026年12月1日 到期 20 分；2026年12月24日 到期 5 分" in body
    assert "99" not in body
    assert night(NIGHT + timedelta(days=1)) == "写好 1 条积分到期提醒"  # the last lot comes within thirty days
    assert "2026年12月25日 到期 1 分" in bodies(database)[1]
    with database.reading() as session:
        message = session.exec(select(OutboundMessage).order_by(col(OutboundMessage.id))).first()
        assert (message.key.split(":")[0], message.key.split(":")[2]) == ("points-notice", "7")
        assert message.due_at.astimezone(ZONE).hour == 9


def test_from_thirty_days_to_the_end_there_are_three_messages(database: Database, night) -> None:
    with database.writing() as session:
        with_points(session, (20, MONTH))
    for day in range(32):
        night(NIGHT + timedelta(days=day))
    with database.reading() as session:
        keys = session.exec(select(OutboundMessage.key).order_by(col(OutboundMessage.id))).all()
    assert [key.split(":")[2] for key in keys] == ["30", "7", "1"]


def test_what_was_spent_meanwhile_is_not_announced(database: Database, night) -> None:
    with database.writing() as session:
        with_points(session, (20, WEEK), name="甲").spend(20)
        with_points(session, (20, WEEK), name="乙")
    assert night() == "写好 1 条积分到期提醒"


def test_who_did_not_agree_or_cannot_be_reached_is_left_out_and_told_when_she_can(database: Database, night) -> None:
    with database.writing() as session:
        dead, silent = with_points(session, (20, WEEK)).customer_id, new_customer(session)
        session.get(Customer, dead).phone_invalid_on = TODAY
        session.get(Customer, silent).phone_last4 = "8000"
        Book(session, silent, now=NIGHT - timedelta(days=60)).earn(20, WEEK)
    assert night() == "写好 0 条积分到期提醒"
    with database.writing() as session:
        session.get(Customer, dead).phone_invalid_on = None
    assert night(NIGHT + timedelta(hours=1)) == "写好 1 条积分到期提醒"


def test_the_shops_evening_counts_for_tomorrow(database: Database, night) -> None:
    with database.writing() as session:
        with_points(session, (20, TODAY))
    assert night(datetime(2026, 11, 24, 14, tzinfo=UTC)) == "写好 0 条积分到期提醒"  # 22:00: gone before it is read
    assert night(datetime(2026, 11, 24, 12, tzinfo=UTC)) == "写好 1 条积分到期提醒"


def test_a_second_run_at_the_same_time_writes_nothing(database: Database) -> None:
    """Without the unique key both would write; the second is another worker's, which saw nobody told."""
    with database.writing() as session:
        with_points(session, (20, WEEK))
        rules = {"policy": Policy(), "now": NIGHT, "zone": ZONE}
        assert write_points_notices(session, 1, ACCOUNTS_AT_ONCE, **rules) == 1
        message = session.exec(select(OutboundMessage)).one()
        message.customer_id = None  # nobody was told, as the other worker sees it
        session.flush()
        assert write_points_notices(session, 1, ACCOUNTS_AT_ONCE, **rules) == 0
        message.key = "x"  # the guard taken away
        session.flush()
        assert write_points_notices(session, 1, ACCOUNTS_AT_ONCE, **rules) == 1


def test_portions_reach_everybody(database: Database, night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.points_notices.ACCOUNTS_AT_ONCE", 2)
    with database.writing() as session:
        for _ in range(5):
            with_points(session, (20, WEEK))
        assert len(session.exec(select(PointsAccount)).all()) == 5
    assert night() == "写好 5 条积分到期提醒"
