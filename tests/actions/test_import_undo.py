"""A whole import is taken back: every table is as it was, or nothing happens and the reasons are said."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select as pick
from sqlmodel import Session, SQLModel, col, func, select

from app.actions import customer_imports, later_work, purchase_imports
from app.actions.customers import update_customer
from app.actions.import_undo import undo_import, why_not
from app.actions.points import adjust_points, spend_points
from app.actions.purchases import record_purchase
from app.columns import Sealed
from app.db import Database
from app.models import (
    AuditEntry,
    Complaint,
    Consent,
    Customer,
    CustomerTag,
    ImportBatch,
    ImportChange,
    PointsAccount,
    PointsEntry,
    Purchase,
    Tag,
    Visit,
)
from app.queries.earning import pending_points
from app.rules.customers import CustomerDetails
from app.rules.import_undo import (
    ImportAlreadyReverted,
    ImportBuiltUpon,
    ImportNotUndoable,
    ImportStillRunning,
    UndoReport,
)
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction, ImportKind, ImportStage, Purpose
from tests.actions.earning_shop import counter, rule
from tests.actions.test_imports import ACTOR, SALES, ZONE, bring, by_phone, people, sales
from tests.conftest import NOW

THE_RECORD_OF_IT = {
    "audit_entries",  # the journal
    "import_batches",  # the batch itself, which says that it was taken back
    "jobs",  # what the machine was asked to look at when customers came in
    "counters",  # a member number is given out once, whatever becomes of it
}
THE_LEDGER = {"points_accounts", "points_entries", "points_lots", "points_allocations"}
"""Points are never deleted: the opposite is written beside them."""


def undo(database: Database, batch_id: int | None, **values: Any) -> UndoReport:
    """Take an import back, an hour later."""
    return undo_import(database, batch_id or 0, actor=ACTOR, now=NOW + timedelta(hours=1), zone=ZONE, **values)


def whole_database(database: Database, but: set[str]) -> dict[str, list[Any]]:
    """Every row of every table, byte for byte."""
    with database.reader.connect() as connection:
        return {
            table.name: [
                tuple(value.as_stored() if isinstance(value, Sealed) else value for value in row)
                for row in connection.execute(pick(table).order_by(table.c.id))
            ]
            for table in SQLModel.metadata.sorted_tables
            if table.name not in but
        }


def one(session: Session, number: str) -> Customer:
    """The customer of a member number."""
    return session.exec(select(Customer).where(Customer.member_no == number)).one()


@pytest.fixture
def standing(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A shop with customers, sales, tags and a menu, and portions so small that a file has several."""
    for room in (customer_imports, purchase_imports):
        monkeypatch.setattr(room, "PORTION", 2)
    monkeypatch.setattr(later_work, "AT_ONCE", 2)
    people(database)
    sales(database, [SALES[0], ["A0", "2026-10-01", "V001", "", "面霜", "1", "300"]])
    bring(database, ImportKind.TREATMENTS, [["编码", "名称", "价格"], ["T1", "补水", "198"]])
    bring(database, ImportKind.PRODUCTS, [["编码", "名称"], ["P1", "面霜"]])
    return database


FILES: dict[str, tuple[ImportKind, list[list[str]]]] = {
    "customers": (
        ImportKind.CUSTOMERS,
        [
            ["姓名", "手机", "会员号", "标签", "等级", "邮箱", "生日"],
            ["新一", "13700137001", "N1", "常客、新标签", "金卡会员", "", "1990-01-02"],
            ["曾晓丽", "13800138000", "", "新标签", "", "zeng@example.cn", "农历八月十五"],
            ["王喆", "13700137009", "V001", "", "金卡会员", "", ""],
            ["新二", "13700137002", "", "", "", "", ""],
            ["坏", "1", "", "", "", "", ""],
        ],
    ),
    "purchases": (
        ImportKind.PURCHASES,
        [
            [*SALES[0], "退款"],
            *([*row, ""] for row in SALES[1:]),
            ["R1", "2026-11-23", "V001", "", "面霜", "1", "100", "A1"],
            ["R0", "2026-11-23", "V001", "", "面霜", "1", "100", "A0"],
            ["W1", "2026-11-23", "X9", "", "面霜", "1", "100", ""],
        ],
    ),
    "treatments": (
        ImportKind.TREATMENTS,
        [["编码", "名称", "价格", "时长"], ["T1", "深层补水", "", "90"], ["T2", "祛角质", "98", ""]],
    ),
    "products": (ImportKind.PRODUCTS, [["编码", "名称", "价格"], ["P1", "", "9.90"], ["P2", "口红", "128"]]),
}


@pytest.mark.parametrize("name", FILES)
def test_an_import_that_is_taken_back_leaves_every_table_as_it_was(standing: Database, name: str) -> None:
    before = whole_database(standing, THE_RECORD_OF_IT)
    report = bring(standing, *FILES[name])
    assert report.created
    assert report.updated + report.waiting
    assert whole_database(standing, THE_RECORD_OF_IT) != before
    heard: list[tuple[int, int]] = []
    undone = undo(standing, report.batch, progress=lambda done, total: heard.append((done, total)))
    assert whole_database(standing, THE_RECORD_OF_IT) == before
    assert undone.removed > 0
    assert heard[-1][0] == heard[-1][1] == undone.removed + undone.restored
    with standing.reading() as session:
        batch = session.get_one(ImportBatch, report.batch)
        deed = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.REVERT)).one()
    assert (batch.stage, batch.reverted_at) == (ImportStage.REVERTED, NOW + timedelta(hours=1))
    assert (deed.subject, deed.subject_id, deed.actor) == ("import_batches", report.batch, "owner")


@pytest.mark.parametrize("name", FILES)
def test_after_an_undo_the_same_file_comes_in_as_the_first_time(standing: Database, name: str) -> None:
    first = bring(standing, *FILES[name])
    undo(standing, first.batch)
    again = bring(standing, *FILES[name])
    assert again.as_json() | {"batch": first.batch} == first.as_json()


def test_two_files_are_taken_back_in_the_other_order(standing: Database) -> None:
    before = whole_database(standing, THE_RECORD_OF_IT)
    first = bring(standing, *FILES["customers"])
    between = whole_database(standing, THE_RECORD_OF_IT)
    second = people(standing, [["会员号", "姓名", "邮箱", "标签"], ["N1", "新一", "n@example.cn", "老客"]])
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(standing, first.batch)
    assert "N1 的资料后来又改过" in refusal.value.say(str)
    undo(standing, second.batch)
    assert whole_database(standing, THE_RECORD_OF_IT) == between
    undo(standing, first.batch)
    assert whole_database(standing, THE_RECORD_OF_IT) == before


def test_sales_that_found_their_customer_wait_again(standing: Database) -> None:
    sales(standing, [SALES[0], ["W1", "2026-11-20", "", "13700137001", "面霜", "1", "5000"]])
    before = whole_database(standing, THE_RECORD_OF_IT)
    report = bring(standing, *FILES["customers"])
    with standing.reading() as session:
        sale = session.exec(select(Purchase).where(Purchase.order_no == "W1")).one()
        assert sale.customer_id == one(session, "N1").id
    undo(standing, report.batch)
    assert whole_database(standing, THE_RECORD_OF_IT) == before


def test_opening_points_are_reversed_and_may_come_again(standing: Database) -> None:
    before = whole_database(standing, THE_RECORD_OF_IT | THE_LEDGER)
    table = [["姓名", "会员号", "积分"], ["王喆", "V001", "1,200"], ["新人", "N1", "30"]]
    report = people(standing, table)
    assert (report.created, report.updated) == (1, 1)
    undo(standing, report.batch)
    assert whole_database(standing, THE_RECORD_OF_IT | THE_LEDGER) == before
    with standing.reading() as session:
        assert [row.points for row in session.exec(select(PointsEntry).order_by(col(PointsEntry.id)))] == [
            *(1200, 30),
            *(-1200, -30),
        ]
        accounts = session.exec(select(PointsAccount).order_by(col(PointsAccount.id))).all()
        assert [(row.balance, row.customer_id is None, row.closed_at is None) for row in accounts] == [
            (0, False, True),
            (0, True, False),
        ]
    again = people(standing, table)
    assert (again.created, again.updated) == (1, 1)
    with standing.reading() as session:
        balances = session.exec(select(PointsAccount.balance).where(col(PointsAccount.closed_at).is_(None))).all()
    assert sorted(balances) == [30, 1200]


def test_a_points_file_is_taken_back(standing: Database) -> None:
    report = bring(standing, ImportKind.POINTS, [["会员号", "积分"], ["V001", "100"]])
    assert undo(standing, report.batch).restored == 1
    with standing.reading() as session:
        assert session.exec(select(PointsAccount.balance)).one() == 0


def visit(session: Session) -> None:
    """She came."""
    session.add(Visit(customer_id=one(session, "N1").id or 0, visited_at=NOW))


def complaint(session: Session) -> None:
    """She complained."""
    hers = one(session, "N1").id
    session.add(Complaint(receipt_no="C1", text="x", customer_id=hers, opened_at=NOW, due_at=NOW))


def consent(session: Session) -> None:
    """She said yes."""
    hers = one(session, "N1").id or 0
    session.add(Consent(customer_id=hers, purpose=Purpose.MARKETING, notice_version="1", granted_at=NOW))


def sale(session: Session) -> None:
    """She bought."""
    told = Sale(order_no="L1", occurred_at=NOW, lines=(SaleLine(item="x", amount_fen=1),), member_no="N1")
    record_purchase(session, told, policy=Policy(), now=NOW, zone=ZONE)


def tag(session: Session) -> None:
    """Somebody tagged her."""
    session.add(CustomerTag(customer_id=one(session, "N1").id or 0, tag_id=session.exec(select(Tag.id)).first() or 0))


def points(session: Session) -> None:
    """Somebody gave her points."""
    adjust_points(session, one(session, "N1").id or 0, 5, reference="a", reason="x", now=NOW, zone=ZONE)


def note(session: Session) -> None:
    """Somebody wrote down an allergy."""
    update_customer(session, one(session, "N1").id or 0, CustomerDetails(allergy_note="花生"), now=NOW)


def change(session: Session) -> None:
    """Somebody changed a field that the file had changed."""
    hers = by_phone(session, "13800138000").id or 0
    update_customer(session, hers, CustomerDetails(email="other@example.cn"), now=NOW)


def gone(session: Session) -> None:
    """Her record became part of another."""
    session.delete(one(session, "N1"))


@pytest.mark.parametrize(
    ("later", "says"),
    [
        (visit, "N1 有了到店记录"),
        (complaint, "N1 有了投诉或意见"),
        (consent, "N1 签了授权同意"),
        (sale, "N1 有了别的消费"),
        (tag, "N1 后来加了标签"),
        (points, "N1 的积分有了变动"),
        (note, "N1 的资料后来又改过"),
        (change, "的资料后来又改过"),
        (gone, "N1 后来被合并或删除了"),
    ],
)
def test_later_work_on_a_customer_refuses_the_whole_undo(
    standing: Database, later: Callable[[Session], None], says: str
) -> None:
    report = bring(standing, *FILES["customers"])
    with standing.reading() as session:
        assert why_not(session, report.batch or 0) == ()
    with standing.writing() as session:
        later(session)
    before = whole_database(standing, set())
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(standing, report.batch)
    assert says in refusal.value.say(str)
    assert whole_database(standing, set()) == before


def test_a_refund_of_an_imported_sale_refuses_the_undo(standing: Database) -> None:
    report = bring(standing, *FILES["purchases"])
    sales(standing, [[*SALES[0], "退款"], ["R2", "2026-11-24", "", "", "x", "1", "1", "A3"]])
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(standing, report.batch)
    assert "单号 A3 后来退过款" in refusal.value.say(str)


def test_a_refund_that_took_points_which_still_waited_refuses_the_undo(database: Database) -> None:
    """Nothing was written in the ledger, and still she would have fewer points than before the file."""
    with database.writing() as session:
        rule(session, pending_days=7)
        till = counter(session)
        till.sell(10_000, order_no="T1")
    report = sales(database, [[*SALES[0], "退款"], ["R1", "2026-11-24", "", "", "x", "1", "-100", "T1"]])
    with database.reading() as session:
        assert pending_points(session, till.customer_id) == 0
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(database, report.batch)
    assert "单号 R1 已经记过积分" in refusal.value.say(str)


def test_spent_opening_points_refuse_the_undo(standing: Database) -> None:
    report = bring(standing, ImportKind.POINTS, [["会员号", "积分"], ["V001", "100"]])
    with standing.writing() as session:
        spend_points(session, one(session, "V001").id or 0, 1, reference="s", reason="", now=NOW, zone=ZONE)
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(standing, report.batch)
    assert "V001 的期初积分已经用过" in refusal.value.say(str)


def test_a_treatment_that_was_sold_since_refuses_the_undo(standing: Database) -> None:
    report = bring(standing, *FILES["treatments"])
    sales(standing, [[*SALES[0], "商品编码"], ["A9", "2026-11-24", "", "", "x", "1", "1", "T2"]])
    with pytest.raises(ImportBuiltUpon) as refusal:
        undo(standing, report.batch)
    assert "T2 已经有消费用到了" in refusal.value.say(str)


def test_a_tier_that_other_sales_have_earned_stays(standing: Database) -> None:
    report = sales(standing, [SALES[0], ["B1", "2026-11-20", "", "13800138000", "x", "1", "20000"]])
    sales(standing, [SALES[0], ["B2", "2026-11-20", "", "13800138000", "x", "1", "1000"]])
    with standing.reading() as session:
        assert by_phone(session, "13800138000").tier.rank > 2
    undo(standing, report.batch)
    with standing.reading() as session:
        assert by_phone(session, "13800138000").tier.rank == 2


def test_a_tag_others_use_by_now_stays(standing: Database) -> None:
    report = bring(standing, *FILES["customers"])
    with standing.writing() as session:
        label = session.exec(select(Tag.id).where(Tag.name == "新标签")).one()
        session.add(CustomerTag(customer_id=one(session, "V001").id or 0, tag_id=label or 0))
    undo(standing, report.batch)
    with standing.reading() as session:
        tagged = select(func.count()).select_from(CustomerTag).where(CustomerTag.tag_id == label)
        assert session.exec(tagged).one() == 1


def test_undone_twice_says_so(standing: Database) -> None:
    report = bring(standing, *FILES["products"])
    undo(standing, report.batch)
    with pytest.raises(ImportAlreadyReverted):
        undo(standing, report.batch)


def test_what_is_not_there_or_not_in_cannot_be_undone(standing: Database) -> None:
    with pytest.raises(NotFound):
        undo(standing, 999)
    with standing.writing() as session:
        batch = ImportBatch(
            kind=ImportKind.CUSTOMERS, file_name="x", file_sha256="", started_at=NOW, stage=ImportStage.RUNNING
        )
        session.add(batch)
    with pytest.raises(ImportStillRunning):
        undo(standing, batch.id)


def test_an_import_without_a_record_of_its_changes_cannot_be_undone(standing: Database) -> None:
    report = bring(standing, *FILES["customers"])
    with standing.writing() as session:
        for kept in session.exec(select(ImportChange).where(ImportChange.batch_id == report.batch)):
            session.delete(kept)
    with pytest.raises(ImportNotUndoable):
        undo(standing, report.batch)


def test_a_power_cut_in_the_middle_takes_nothing_back(standing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    report = bring(standing, *FILES["customers"])
    before = whole_database(standing, set())

    def power_cut(done: int, total: int) -> None:
        if done > 2:
            raise OSError("power cut")

    with pytest.raises(OSError, match="power cut"):
        undo(standing, report.batch, progress=power_cut)
    assert whole_database(standing, set()) == before
    undo(standing, report.batch)


def test_an_import_that_was_broken_off_can_be_taken_back(standing: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = whole_database(standing, THE_RECORD_OF_IT)
    calls = iter(range(9))
    store = customer_imports.take_waiting

    def power_cut(*arguments: Any, **values: Any) -> Any:
        if next(calls) == 1:
            raise OSError("power cut")
        return store(*arguments, **values)

    monkeypatch.setattr(customer_imports, "take_waiting", power_cut)
    with pytest.raises(OSError, match="power cut"):
        bring(standing, *FILES["customers"])
    with standing.reading() as session:
        batch = session.exec(select(ImportBatch).order_by(col(ImportBatch.id).desc())).first()
    assert batch is not None
    assert (batch.stage, batch.rows) == (ImportStage.FAILED, 2)
    undo(standing, batch.id)
    assert whole_database(standing, THE_RECORD_OF_IT) == before
