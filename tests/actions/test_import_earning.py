"""The sales of a file give points where somebody said so: once, by the rules of their own day, and back with the file."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from app.actions import import_earning
from app.actions.earning import settle_pending
from app.actions.import_undo import undo_import
from app.actions.points import spend_points
from app.actions.purchases import record_purchase
from app.db import Database
from app.models import Customer, EarningRule, ImportBatch, PointsEntry, PointsLot, PointsPending, Purchase, Tier
from app.queries.points import balance_of, check_ledger
from app.rules.import_reports import ImportReport
from app.rules.import_undo import ImportBuiltUpon
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.vocabulary import EarningKind, ExpiryKind, PointsKind, RoundUp
from tests.actions.earning_shop import edit, rule
from tests.actions.test_imports import ACTOR, ZONE, people, sales
from tests.conftest import NOW

HEAD = ["单号", "时间", "会员号", "商品", "数量", "金额", "退款"]


def slips(*rows: tuple[str, str, str, str, str]) -> list[list[str]]:
    """A till's file: order number, day, member, amount, and of which order it is a refund."""
    return [HEAD, *([number, on, member, "护理", "1", amount, refund] for number, on, member, amount, refund in rows)]


FILE = slips(
    ("A1", "2026-11-20", "V001", "100", ""),
    ("A2", "2026-11-21", "V001", "50.90", ""),
    ("R2", "2026-11-22", "V001", "-20", "A2"),
    ("B1", "2026-11-21", "V002", "30", ""),
    ("C1", "2026-11-21", "", "30", ""),
)


def earning(database: Database, table: list[list[str]] = FILE, **values: Any) -> ImportReport:
    """The file comes in and its sales give points."""
    return sales(database, table, earns=True, **values)


def undo(database: Database, batch_id: int | None) -> None:
    """The file is taken back an hour later."""
    undo_import(database, batch_id or 0, actor=ACTOR, now=NOW + timedelta(hours=1), zone=ZONE)


def balances(database: Database) -> list[int]:
    """What the two have; the books agree."""
    with database.reading() as session:
        assert check_ledger(session) == []
        ids = session.exec(select(Customer.id).order_by(col(Customer.member_no))).all()
        return [balance_of(session, one or 0) for one in ids]


def written(database: Database) -> list[tuple[PointsKind, int]]:
    """Every movement in order."""
    with database.reading() as session:
        return list(session.exec(select(PointsEntry.kind, PointsEntry.points).order_by(col(PointsEntry.id))))


@pytest.fixture
def counter(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Two members, a point a yuan for a year, and portions so small that a file has several."""
    monkeypatch.setattr(import_earning, "AT_ONCE", 1)
    people(database, [["姓名", "手机", "会员号"], ["王喆", "13900139000", "V001"], ["李", "13900139001", "V002"]])
    with database.writing() as session:
        rule(session, points=1, per_fen=100, expiry=ExpiryKind.MONTHS, expiry_months=12, round_up=RoundUp.NONE)
    return database


def test_a_file_is_history_unless_somebody_says_otherwise(counter: Database) -> None:
    sales(counter, FILE)
    assert (balances(counter), written(counter)) == ([0, 0], [])


def test_the_sales_of_a_file_give_points_less_what_was_refunded_and_once_only(counter: Database) -> None:
    report = earning(counter)
    # 50 for ¥50.90; of it ¥30.90 are kept: floor(50 × 30.90 ÷ 50.90) = 30.
    assert balances(counter) == [130, 30]
    assert "160" in report.notes[-1]
    again = earning(counter)
    assert (again.created, again.unchanged) == (0, 5)
    assert balances(counter) == [130, 30]


def test_a_dry_run_gives_nothing(counter: Database) -> None:
    earning(counter, dry_run=True)
    assert written(counter) == []


def test_sales_that_are_in_as_history_stay_history(counter: Database) -> None:
    sales(counter, FILE)
    earning(counter)
    assert balances(counter) == [0, 0]


def test_points_come_by_the_rules_and_the_tier_of_the_day_of_the_sale_and_end_from_there(counter: Database) -> None:
    with counter.writing() as session:
        base = session.exec(select(EarningRule).where(EarningRule.kind == EarningKind.PURCHASE)).one()
        edit(session, base, NOW - timedelta(days=30), points=3)
        top = session.exec(select(Tier).order_by(col(Tier.rank).desc())).first()
        assert top is not None
        edit(session, top, NOW, threshold_fen=100, window="lifetime")
    earning(counter, slips(("O1", "2026-01-31", "V001", "100", ""), ("O2", "2026-11-01", "V001", "100", "")))
    with counter.reading() as session:
        lots = [(one.points, one.earned_on, one.expires_on) for one in session.exec(select(PointsLot))]
        risen = session.exec(select(Customer.tier_id).where(Customer.member_no == "V001")).one()
    assert lots == [(100, date(2026, 1, 31), date(2027, 1, 31)), (300, date(2026, 11, 1), date(2027, 11, 1))]
    assert risen == top.id, "the tier follows afterwards: neither sale was lifted by itself"


def test_what_would_have_ended_meanwhile_has_ended(counter: Database) -> None:
    earning(counter, slips(("O1", "2024-01-31", "V001", "100", "")))
    assert written(counter) == [(PointsKind.EARN, 100), (PointsKind.EXPIRE, -100)]
    assert balances(counter) == [0, 0]


def test_days_of_waiting_count_from_the_sale(counter: Database) -> None:
    with counter.writing() as session:
        rule(session, pending_days=7)
    report = earning(
        counter,
        slips(
            ("P1", "2026-11-10", "V001", "100", ""),
            ("P2", "2026-11-20", "V001", "100", ""),
            ("P3", "2026-11-21", "V001", "-40", "P2"),
        ),
    )
    assert balances(counter)[0] == 100
    with counter.writing() as session:
        waiting = session.exec(select(PointsPending)).one()
        assert (waiting.points - waiting.taken_back, waiting.due_on) == (60, date(2026, 11, 27))
        assert settle_pending(session, waiting.id or 0, now=NOW + timedelta(days=8), zone=ZONE)
    assert balances(counter)[0] == 160
    undo(counter, report.batch)
    assert balances(counter) == [0, 0]
    with counter.reading() as session:
        assert session.exec(select(PointsPending)).all() == []


def test_taken_back_with_the_file_and_given_again_with_the_next(counter: Database) -> None:
    first = earning(counter)
    undo(counter, first.batch)
    assert balances(counter) == [0, 0]
    with counter.reading() as session:
        assert session.exec(select(Purchase)).all() == []
    earning(counter)
    assert balances(counter) == [130, 30]


def test_points_that_ended_are_not_taken_back_a_second_time(counter: Database) -> None:
    first = earning(counter, slips(("O1", "2024-01-31", "V001", "100", ""), ("O2", "2026-11-01", "V001", "10", "")))
    undo(counter, first.batch)
    assert balances(counter) == [0, 0]
    assert written(counter)[-1] == (PointsKind.REVERSE, -10)


def test_a_file_whose_points_were_spent_stays_and_says_so(counter: Database) -> None:
    first = earning(counter)
    with counter.writing() as session:
        hers = session.exec(select(Customer.id).where(Customer.member_no == "V001")).one() or 0
        spend_points(session, hers, 10, reference="D1", reason="面膜", now=NOW, zone=ZONE)
    with pytest.raises(ImportBuiltUpon) as refused:
        undo(counter, first.batch)
    assert refused.value.values["reasons"] == "V001 从这批消费得的积分已经用过"
    assert balances(counter) == [120, 30]


def test_a_sale_that_finds_its_customer_later_earns_by_its_own_day(counter: Database) -> None:
    earning(counter, slips(("W1", "2026-03-01", "V009", "80", "")))
    assert written(counter) == []
    people(counter, [["姓名", "手机", "会员号"], ["周", "13900139009", "V009"]])
    with counter.reading() as session:
        lot = session.exec(select(PointsLot)).one()
    assert (lot.points, lot.expires_on) == (80, date(2027, 3, 1))


def test_a_refund_at_the_till_takes_back_what_a_file_gave(counter: Database) -> None:
    earning(counter)
    refund = Sale(order_no="T1", occurred_at=NOW, lines=(SaleLine(item="退", amount_fen=-10000),), refund_of="A1")
    with counter.writing() as session:
        record_purchase(session, refund, policy=Policy(), now=NOW, zone=ZONE)
    assert balances(counter) == [30, 30]


def test_a_refund_in_the_next_file_takes_back_what_this_one_gave(counter: Database) -> None:
    earning(counter)
    sales(counter, slips(("T1", "2026-11-23", "V001", "-100", "A1")))
    assert balances(counter) == [30, 30]


def test_one_broken_off_between_two_portions_is_finished_by_the_next_attempt(
    counter: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = import_earning.earn_imported, []

    def cut(session: Session, *told: Any, **how: Any) -> None:
        calls.append(told)
        if len(calls) == 2:
            raise OSError("the machine stops here")
        whole(session, *told, **how)

    monkeypatch.setattr(import_earning, "earn_imported", cut)
    with pytest.raises(OSError, match="stops"):
        earning(counter)
    assert balances(counter) == [100, 0]
    with counter.reading() as session:
        batch_id = session.exec(select(ImportBatch.id).order_by(col(ImportBatch.id).desc())).first()
    earning(counter, batch_id=batch_id)
    assert balances(counter) == [130, 30]
