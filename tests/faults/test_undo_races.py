"""A file is taken back while the till sells to somebody it brought: either she stays with her sale, or she goes and the sale
waits for her. On PostgreSQL both are in the middle at once; on SQLite one comes after the other."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from app.actions import earning, import_undo, purchases
from app.actions.import_undo import undo_import
from app.actions.purchases import record_purchase
from app.db import Database
from app.models import Customer, Purchase
from app.rules.import_undo import ImportBuiltUpon
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from tests.actions.test_imports import ACTOR, ZONE, people
from tests.conftest import NOW

SALE = Sale(order_no="T1", occurred_at=NOW, lines=(SaleLine(item="面霜", amount_fen=100),), member_no="N1")


def sell(session: Session) -> Purchase:
    """The till sells to somebody the file brought."""
    return record_purchase(session, SALE, policy=Policy(), now=NOW, zone=ZONE, may_wait=True)


def batch_of_one(database: Database) -> int:
    """The file."""
    return people(database, [["姓名", "手机", "会员号"], ["新一", "13700137001", "N1"]]).batch or 0


def aside(work: Callable[[], Any]) -> tuple[Thread, list[Any]]:
    """Somebody else does that; what came of it, a refusal or an accident included."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(work())
        except Exception as accident:
            got.append(accident)

    thread = Thread(target=run)
    thread.start()
    return thread, got


def wait_for_a_wait(database: Database, thread: Thread) -> None:
    """Until somebody waits for a lock, or is done without."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while thread.is_alive():
        with database.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return


def stands(database: Database) -> tuple[int, int | None, str]:
    """Customers, whose the sale is, and whom it waits for."""
    with database.reading() as session:
        sale = session.exec(select(Purchase).where(Purchase.order_no == "T1")).one()
        return len(session.exec(select(Customer.id)).all()), sale.customer_id, sale.buyer_member_no


def test_a_sale_that_was_being_written_keeps_its_customer_and_the_file_stays(database: Database) -> None:
    batch = batch_of_one(database)
    if database.is_sqlite:
        with database.writing() as session:
            sell(session)
        with pytest.raises(ImportBuiltUpon):
            undo_import(database, batch, actor=ACTOR, now=NOW, zone=ZONE)
        return
    with database.writing() as session:
        hers = sell(session).customer_id
        thread, got = aside(lambda: undo_import(database, batch, actor=ACTOR, now=NOW, zone=ZONE))
        wait_for_a_wait(database, thread)
    thread.join(60)
    assert isinstance(got[0], ImportBuiltUpon)
    assert stands(database) == (1, hers, "")


def in_the_middle_of_an_undo(database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the till gets that sells to her between the moment the undo found nothing and its end."""
    batch, reached, go_on = batch_of_one(database), Event(), Event()
    taken_back = import_undo._take_back

    def slow(undo: Any) -> None:
        reached.set()
        assert go_on.wait(60)
        taken_back(undo)

    monkeypatch.setattr(import_undo, "_take_back", slow)
    undoing, undone = aside(lambda: undo_import(database, batch, actor=ACTOR, now=NOW, zone=ZONE))
    assert reached.wait(60)

    def till() -> int | None:
        with database.writing() as session:
            return sell(session).customer_id

    selling, sold = aside(till)
    if not database.is_sqlite:
        wait_for_a_wait(database, selling)
    go_on.set()
    for thread in (undoing, selling):
        thread.join(60)
    assert undone[0].removed == 1
    return sold[0]


def test_a_sale_that_comes_while_she_is_taken_away_waits_for_her(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert in_the_middle_of_an_undo(database, monkeypatch) is None
    assert stands(database) == (0, None, "N1")


def test_control_a_till_that_does_not_look_whether_she_is_there_still_gets_an_accident(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.is_sqlite:
        pytest.skip("one after the other: nothing happens in between")

    def careless(session: Session, customer_id: int) -> bool:
        earning.hold_buyer(session, customer_id)
        return True

    monkeypatch.setattr(purchases, "hold_buyer", careless)
    assert isinstance(in_the_middle_of_an_undo(database, monkeypatch), Exception)
    with database.reading() as session:
        assert session.exec(select(Purchase)).all() == []
