"""A till's file comes in: good rows in, bad rows out with a reason, the same file twice changes nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, SQLModel, col, func, select

from app.actions import customer_imports, menu_imports, points_imports, purchase_imports
from app.actions.customers import create_customer, update_customer
from app.actions.imports import Incoming, import_file
from app.audit import Actor
from app.columns import blind_index
from app.db import Database
from app.models import (
    AuditEntry,
    Customer,
    CustomerAlias,
    CustomerTag,
    ImportBatch,
    PointsEntry,
    Product,
    Purchase,
    PurchaseLine,
    Store,
    Tag,
    Tier,
    Treatment,
)
from app.rules.customers import CustomerDetails, MemberNumberTaken
from app.rules.headers import ColumnDoubled, ColumnsMissing
from app.rules.import_reports import ImportReport
from app.rules.member_numbers import member_no
from app.rules.policy import Policy
from app.rules.purchases import StoreUnknown
from app.rules.refusals import NotFound, RuleBroken
from app.rules.spreadsheets import FileEmpty, OnlyHeader, TooManyRows
from app.vocabulary import (
    AuditAction,
    CategoryOfNeed,
    CustomerStatus,
    ImportKind,
    ImportMode,
    ImportStage,
    PointsKind,
    Source,
    TagOrigin,
)
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
ACTOR = Actor("owner")
PEOPLE = [
    ["姓名", "手机", "会员号", "标签", "等级"],
    ["曾晓丽", "13800138000", "", "常客、敏感肌", ""],
    ["王喆", "13900139000", "V001", "", "银卡会员"],
]
SALES = [
    ["单号", "时间", "会员号", "手机", "商品", "数量", "金额"],
    ["A1", "2026-11-20 10:00", "V001", "", "面霜", "1", "200"],
    ["A1", "2026-11-20 10:00", "V001", "", "洗面奶", "2", "59.00"],
    ["A2", "2026-11-21", "", "13800138000", "护理", "1", "1,234.50"],
    ["A3", "2026-11-22", "", "", "散客", "1", "10"],
]


def bring(
    database: Database,
    kind: ImportKind,
    table: Sequence[Sequence[str]],
    *,
    dry_run: bool = False,
    batch_id: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **values: Any,
) -> ImportReport:
    """Import a table as the command does."""

    def rows() -> Iterator[tuple[int, tuple[str, ...]]]:
        return ((number, tuple(cells)) for number, cells in enumerate(table, start=1))

    incoming = Incoming(kind=kind, name="till.csv", sha256="0" * 64, rows=rows, **values)
    return import_file(
        database, incoming, actor=ACTOR, now=NOW, zone=ZONE, dry_run=dry_run, batch_id=batch_id, progress=progress
    )


def people(database: Database, table: Sequence[Sequence[str]] = PEOPLE, **values: Any) -> ImportReport:
    """Import customers."""
    return bring(database, ImportKind.CUSTOMERS, table, **values)


def sales(database: Database, table: Sequence[Sequence[str]] = SALES, **values: Any) -> ImportReport:
    """Import purchases."""
    return bring(database, ImportKind.PURCHASES, table, **values)


def figures(report: ImportReport) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, rejected."""
    return report.created, report.updated, report.unchanged, len(report.rejected)


def refused(report: ImportReport) -> list[tuple[int, str]]:
    """The rows that did not go in, and their columns."""
    return [(one.row, one.column) for one in report.rejected]


def warned(report: ImportReport) -> list[tuple[int, str]]:
    """The cells that were left out."""
    return [(one.row, one.column) for one in report.warnings]


def count(database: Database, table: type[SQLModel]) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def snapshot(database: Database) -> list[Any]:
    """Everything customers and purchases consist of."""
    with database.reading() as session:
        return [
            [row.model_dump() for row in session.exec(select(table).order_by(col(table.id)))]  # type: ignore[attr-defined]
            for table in (Customer, CustomerTag, Tag, Purchase, PurchaseLine)
        ]


def by_phone(session: Session, digits: str) -> Customer:
    """The customer of a mainland number."""
    index = blind_index(f"+86{digits}", "customers.phone")
    of_number = select(Customer).where(Customer.phone_index == index, Customer.phone_shared_reason == "")
    return session.exec(of_number).one()


# ── Customers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cell_nobody_can_read_stays_as_it_was_and_the_rest_of_the_row_goes_in(database: Database) -> None:
    header = ["姓名", "手机", "生日", "备注"]
    people(database, [header, ["曾晓丽", "13800138000", "1990-01-02", "旧"]])
    table = [header, ["曾晓丽", "13800138000", "2月30日", "新"], ["王喆", "13900139000", "不知道", ""]]
    report = people(database, table)
    assert (figures(report), warned(report)) == ((1, 1, 0, 0), [(2, "生日"), (3, "生日")])
    with database.reading() as session:
        known, fresh = by_phone(session, "13800138000"), by_phone(session, "13900139000")
        assert (known.birthday, known.birth_month, known.note) == ("1990-01-02", 1, "新")
        assert (fresh.birthday, fresh.birth_month) == ("", None)
        batch = session.exec(select(ImportBatch).order_by(col(ImportBatch.id).desc())).first()
        assert batch is not None
        assert batch.rejected == 0
        assert [one["left_out"] for one in json.loads(batch.rejections)] == [1, 1]
    again = people(database, table)
    assert (figures(again), warned(again)) == ((0, 0, 2, 0), warned(report))
    table[2][2] = "1991-03-04"
    assert figures(people(database, table)) == (0, 1, 1, 0)


def test_a_row_refused_for_who_she_is_tells_its_other_faults_as_well(database: Database) -> None:
    header = ["姓名", "手机", "生日"]
    table = [header, ["曾晓丽", "13800138000", ""], ["曾小丽", "13800138000", "2月30日"]]
    report = people(database, table)
    assert (figures(report), warned(report)) == ((1, 0, 0, 1), [])
    assert [column for column, _ in report.rejected[0].faults] == ["手机", "生日"]


def test_a_sale_by_a_phone_a_family_shares_waits_for_somebody_to_say_whose_it_is(database: Database) -> None:
    people(database)
    with database.writing() as session:
        child = CustomerDetails(name="曾小", phone="13800138000", phone_shared_reason="母女共用")
        member = create_customer(session, child, policy=Policy(), now=NOW).member_no
    table = [SALES[0], SALES[3], ["A9", "2026-11-21", member, "", "护理", "1", "9"]]
    report = sales(database, table)
    assert (figures(report), report.waiting) == ((2, 0, 0, 0), 1)
    assert sales(database, table).unchanged == 2
    with database.writing() as session:
        owner = by_phone(session, "13800138000")
        update_customer(session, owner.id or 0, CustomerDetails(phone="13700137000"), now=NOW)
        update_customer(session, owner.id or 0, CustomerDetails(phone="13800138000"), now=NOW)
    with database.reading() as session:
        assert session.exec(select(Purchase.customer_id).where(Purchase.order_no == "A2")).one() is None
    points = bring(database, ImportKind.POINTS, [["手机", "积分"], ["13800138000", "10"]])
    assert refused(points) == [(2, "手机")]


def test_a_column_without_a_heading_is_named_if_anything_is_in_it(database: Database) -> None:
    table = [["姓名", "手机", "", ""], ["曾晓丽", "13800138000", "", ""], ["王喆", "13900139000", "", "什么"]]
    report = people(database, table)
    assert (figures(report), report.unknown_columns) == ((2, 0, 0, 0), ("[D]",))


def test_customers_come_in_with_numbers_tags_and_tiers(database: Database) -> None:
    assert figures(people(database)) == (2, 0, 0, 0)
    with database.reading() as session:
        zeng, wang = by_phone(session, "13800138000"), by_phone(session, "13900139000")
        assert (zeng.name_pinyin, zeng.phone_masked, zeng.source) == ("zengxiaoli", "138****8000", Source.IMPORT)
        assert wang.member_no == "V001"
        tier = session.exec(select(Tier).where(Tier.id == wang.tier_id)).one()
        assert (tier.name, str(wang.tier_until_on)) == ("银卡会员", "2027-11-24")
        tags = session.exec(
            select(Tag.name, CustomerTag.origin).join(CustomerTag).where(CustomerTag.customer_id == zeng.id)
        )
        assert set(tags) == {("常客", TagOrigin.IMPORT), ("敏感肌", TagOrigin.IMPORT)}


def test_the_same_customers_twice_change_nothing(database: Database) -> None:
    people(database)
    before = snapshot(database)
    assert figures(people(database)) == (0, 0, 2, 0)
    assert snapshot(database) == before


def test_a_dry_run_says_the_same_and_writes_nothing(database: Database) -> None:
    before = snapshot(database), count(database, ImportBatch), count(database, AuditEntry)
    table = [*PEOPLE, ["", "12345", "", "", ""], PEOPLE[1]]
    dry = people(database, table, dry_run=True)
    assert dry.batch is None
    assert (snapshot(database), count(database, ImportBatch), count(database, AuditEntry)) == before
    real = people(database, table)
    assert dry.as_json() | {"batch": real.batch} == real.as_json()


def test_a_blank_never_overwrites_and_news_is_an_update(database: Database) -> None:
    people(database, [["姓名", "手机", "邮箱", "职业"], ["曾晓丽", "13800138000", "a@b.cn", "老师"]])
    table = [["姓名", "手机", "邮箱", "职业"], ["", "+86 138-0013-8000", "", "医生"]]
    assert figures(people(database, table)) == (0, 1, 0, 0)
    with database.reading() as session:
        zeng = by_phone(session, "13800138000")
        assert (zeng.name, zeng.email, zeng.occupation) == ("曾晓丽", "a@b.cn", "医生")


def test_a_customer_is_found_by_number_before_phone(database: Database) -> None:
    people(database)
    table = [["会员号", "姓名", "手机"], ["v001", "王喆", "13700137000"]]
    assert figures(people(database, table)) == (0, 1, 0, 0)
    with database.reading() as session:
        assert by_phone(session, "13700137000").member_no == "V001"
        assert count(database, Customer) == 2


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["V001", "王喆", "13800138000"], "手机"),  # her number, somebody else's phone
        (["V777", "曾晓丽", "13800138000"], "会员号"),  # her phone, a number nobody has
        (["V001", "李四", "13600136000"], "会员号"),  # neither name nor phone of the one who has the number
        (["", "", "13600136000"], "name"),  # new, and no name
    ],
)
def test_rows_about_two_people_are_refused(database: Database, row: list[str], column: str) -> None:
    people(database)
    before = snapshot(database)
    report = people(database, [["会员号", "姓", "手机"], row], mapping={"姓": "name"})
    assert refused(report) == [(2, "姓" if column == "name" else column)]
    assert snapshot(database) == before


def test_a_number_that_lost_its_zeros_is_caught(database: Database) -> None:
    people(database, [["会员号", "姓名"], ["00000018", "张"]])
    report = people(database, [["会员号", "姓名"], ["18", "张"]])
    assert refused(report) == [(2, "会员号")]
    assert "00000018" in report.rejected[0].reason


def test_doubles_inside_a_file_are_found(database: Database) -> None:
    table = [*PEOPLE, ["曾晓丽", "138-0013-8000", "", "敏感肌,常客", ""], ["曾小丽", "13800138000", "", "", ""]]
    report = people(database, table)
    assert figures(report) == (2, 0, 1, 1)
    assert refused(report) == [(5, "手机")]
    assert "第 2 行" in report.rejected[0].reason


def test_doubles_are_found_across_portions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_imports, "PORTION", 1)
    report = people(database, [*PEOPLE, PEOPLE[1], ["别人", "13900139000", "", "", ""]])
    assert figures(report) == (2, 0, 1, 1)


def test_a_tier_from_a_file_never_lowers(database: Database) -> None:
    people(database)
    with database.writing() as session:
        gold = session.exec(select(Tier.id).where(Tier.rank == 3)).one()
        update_customer(session, by_phone(session, "13900139000").id or 0, CustomerDetails(tier_id=gold), now=NOW)
    assert figures(people(database)) == (0, 0, 2, 0)


def test_a_number_of_the_file_is_not_given_to_somebody_else(database: Database) -> None:
    with database.writing() as session:
        serial = create_customer(session, CustomerDetails(name="甲"), policy=Policy(), now=NOW).member_no
    following = member_no(int(serial[:-1]) + 1)
    report = people(database, [["姓名", "手机", "会员号"], ["乙", "13800138000", ""], ["丙", "", following]])
    assert figures(report) == (2, 0, 0, 0)
    with database.reading() as session:
        assert session.exec(select(Customer.name).where(Customer.member_no == following)).one() == "丙"


def test_somebody_who_was_erased_does_not_come_back(database: Database) -> None:
    people(database)
    with database.writing() as session:
        by_phone(session, "13900139000").status = CustomerStatus.ERASED
    assert refused(people(database, [PEOPLE[0], ["王喆", "", "V001", "", ""]])) == [(2, "会员号")]


def test_new_customers_belong_to_the_store(database: Database) -> None:
    with database.writing() as session:
        session.add(Store(code="S2", name="二店"))
    people(database, PEOPLE[:2], store_code="S2")
    people(database, [PEOPLE[0], PEOPLE[2]])
    with database.reading() as session:
        second = session.exec(select(Store.id).where(Store.code == "S2")).one()
        assert by_phone(session, "13800138000").store_id == second
        assert by_phone(session, "13900139000").store_id is None


def test_points_of_a_customers_file_open_her_account_once(database: Database) -> None:
    table = [["姓名", "手机", "积分", "爱好"], ["张", "13800138000", "1,200", "猫"], ["李", "13900139000", "0", ""]]
    report = people(database, table)
    assert (figures(report), report.unknown_columns) == ((2, 0, 0, 0), ("爱好",))
    with database.reading() as session:
        entries = session.exec(select(PointsEntry)).all()
    assert [(one.kind, one.points, one.import_batch_id) for one in entries] == [
        (PointsKind.OPENING, 1200, report.batch)
    ]
    assert figures(people(database, table)) == (0, 0, 2, 0)
    other = people(database, [table[0], ["张", "13800138000", "1201", "猫"]])
    assert refused(other) == [(2, "积分")]
    assert "1200" in other.rejected[0].reason
    assert count(database, PointsEntry) == 1


def test_points_of_a_customer_who_is_there_are_an_update(database: Database) -> None:
    people(database)
    dry = people(database, [["会员号", "姓名", "积分"], ["V001", "王喆", "5"]], dry_run=True)
    real = people(database, [["会员号", "姓名", "积分"], ["V001", "王喆", "5"]])
    assert figures(dry) == figures(real) == (0, 1, 0, 0)


def test_a_points_file_finds_customers_by_number_and_phone(database: Database) -> None:
    people(database)
    table = [
        ["会员号", "手机", "积分", "备注"],
        ["v001", "", "100", "旧系统"],
        ["", "138 0013 8000", "20", ""],
        ["V9", "", "1", ""],
        ["V001", "", "100", ""],
        ["V001", "", "99", ""],
        ["V001", "", "-5", ""],
        ["", "", "5", ""],
        ["", "13800138000", "0", ""],
    ]
    dry = bring(database, ImportKind.POINTS, table, dry_run=True)
    real = bring(database, ImportKind.POINTS, table)
    assert dry.as_json() | {"batch": real.batch} == real.as_json()
    assert figures(real) == (2, 0, 2, 4)
    assert refused(real) == [(4, "会员号"), (6, "积分"), (7, "积分"), (8, "会员号")]
    assert figures(bring(database, ImportKind.POINTS, table[:3])) == (0, 0, 2, 0)
    with database.reading() as session:
        told = session.exec(select(PointsEntry.points, PointsEntry.reason).order_by(col(PointsEntry.id))).all()
    assert set(told) == {(100, "旧系统"), (20, "从原来的系统带来")}


def merged(database: Database, number: str) -> None:
    """V001 used to have another number as well."""
    with database.writing() as session:
        hers = session.exec(select(Customer.id).where(Customer.member_no == "V001")).one()
        session.add(CustomerAlias(member_no=number, customer_id=hers or 0))


def test_a_number_she_had_before_still_finds_her(database: Database) -> None:
    people(database)
    merged(database, "OLD1")
    assert figures(people(database, [["会员号", "姓名", "邮箱"], ["old1", "王喆", "w@example.cn"]])) == (0, 1, 0, 0)
    report = sales(database, [SALES[0], ["A1", "2026-11-20", "OLD1", "", "x", "1", "1"]])
    assert (figures(report), report.waiting) == ((1, 0, 0, 0), 0)
    assert figures(bring(database, ImportKind.POINTS, [["会员号", "积分"], ["OLD1", "5"]])) == (1, 0, 0, 0)
    with database.reading() as session:
        customer = by_phone(session, "13900139000")
        assert (customer.member_no, customer.email) == ("V001", "w@example.cn")
        assert session.exec(select(Purchase.customer_id)).one() == customer.id
    with database.writing() as session, pytest.raises(MemberNumberTaken):
        create_customer(session, CustomerDetails(name="甲", member_no="OLD1"), policy=Policy(), now=NOW)


# ── Menu ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_treatments_and_products_are_found_by_their_code(database: Database) -> None:
    menu = [
        ["编码", "名称", "类别", "价格", "时长", "在用"],
        ["T1", "深层补水", "护肤", "¥198.00", "60分钟", "是"],
        ["T2", "美甲", "美甲", "88", "", "停用"],
        ["T1", "深层补水", "护肤", "198", "60", "是"],
        ["T3", "x", "太空", "1", "0", "也许"],
        ["T4", "", "", "1", "", ""],
        ["", "x", "", "", "", ""],
        ["T2", "别的", "", "", "", ""],
    ]
    dry = bring(database, ImportKind.TREATMENTS, menu, dry_run=True)
    real = bring(database, ImportKind.TREATMENTS, menu)
    assert dry.as_json() | {"batch": real.batch} == real.as_json()
    assert figures(real) == (2, 0, 1, 4)
    assert refused(real) == [(5, "类别"), (6, "名称"), (7, "编码"), (8, "编码")]
    assert figures(bring(database, ImportKind.TREATMENTS, menu[:3])) == (0, 0, 2, 0)
    assert figures(bring(database, ImportKind.TREATMENTS, [menu[0][:4], ["T1", "", "", "208"]])) == (0, 1, 0, 0)
    with database.reading() as session:
        first, second = session.exec(select(Treatment).order_by(col(Treatment.code))).all()
    assert (first.name, first.price_fen, first.minutes, first.is_active) == ("深层补水", 20800, 60, True)
    assert (second.category, second.is_active) == (CategoryOfNeed.NAILS, False)
    shelf = [["商品编码", "商品名称", "系列", "零售价"], ["P1", "面霜", "玫瑰", "99"]]
    assert figures(bring(database, ImportKind.PRODUCTS, shelf)) == (1, 0, 0, 0)


# ── Modes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_file_may_only_make_new_records(database: Database, dry_run: bool) -> None:
    people(database)
    before = snapshot(database)
    table = [*PEOPLE, ["赵", "13600136000", "", "", ""]]
    changed = [*table, ["王二", "", "V001", "", ""], ["王喆", "", "V001", "新客", ""]]
    report = people(database, changed[:4], mode=ImportMode.CREATE, dry_run=dry_run)
    assert figures(report) == (1, 0, 2, 0)
    again = people(database, [PEOPLE[0], *changed[4:]], mode=ImportMode.CREATE, dry_run=dry_run)
    assert refused(again) == [(2, "会员号"), (3, "会员号")]
    assert "只新增" in again.rejected[0].reason
    assert (snapshot(database) == before) is dry_run


def test_a_file_may_only_update(database: Database) -> None:
    people(database)
    table = [["手机", "会员号", "邮箱"], ["", "V001", "w@example.cn"], ["13600136000", "", ""], ["", "V7", ""]]
    report = people(database, table, mode=ImportMode.UPDATE)
    assert figures(report) == (0, 1, 0, 2)
    assert refused(report) == [(3, "手机"), (4, "会员号")]
    assert count(database, Customer) == 2
    assert figures(sales(database, mode=ImportMode.UPDATE)) == (0, 0, 0, 4)
    menu = [["编码", "价格"], ["T1", "5"]]
    assert figures(bring(database, ImportKind.TREATMENTS, menu, mode=ImportMode.UPDATE)) == (0, 0, 0, 1)
    assert (
        figures(bring(database, ImportKind.POINTS, [["会员号", "积分"], ["V001", "5"]], mode=ImportMode.UPDATE))[3] == 1
    )


# ── Purchases ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_purchases_come_in_as_orders_with_lines(database: Database) -> None:
    people(database)
    report = sales(database)
    assert figures(report) == (4, 0, 0, 0)
    with database.reading() as session:
        orders = {order.order_no: order for order in session.exec(select(Purchase))}
        assert {number: order.paid_fen for number, order in orders.items()} == {"A1": 25900, "A2": 123450, "A3": 1000}
        assert orders["A1"].customer_id == by_phone(session, "13900139000").id
        assert orders["A1"].occurred_at == datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
        assert orders["A3"].customer_id is None
        assert {order.import_batch_id for order in orders.values()} == {report.batch}
        lines = session.exec(select(PurchaseLine).where(PurchaseLine.purchase_id == orders["A1"].id)).all()
        assert [(line.position, line.item, line.amount_fen) for line in lines] == [
            (1, "面霜", 20000),
            (2, "洗面奶", 5900),
        ]


def test_the_same_purchases_twice_change_nothing(database: Database) -> None:
    people(database)
    sales(database)
    before = snapshot(database)
    assert figures(sales(database)) == (0, 0, 4, 0)
    assert snapshot(database) == before


def test_a_known_order_with_other_content_is_refused(database: Database) -> None:
    people(database)
    sales(database)
    before = snapshot(database)
    for changed in (
        ["A3", "2026-11-22", "", "", "散客", "1", "11"],
        ["A3", "2026-11-23", "", "", "散客", "1", "10"],
        ["A3", "2026-11-22", "V001", "", "散客", "1", "10"],
    ):
        report = sales(database, [SALES[0], changed])
        assert [(one.row, one.column, one.reason) for one in report.rejected] == [(2, "单号", "单号已存在但内容不同。")]
    assert snapshot(database) == before


def test_one_bad_line_keeps_its_whole_order_out_and_no_other(database: Database) -> None:
    people(database)
    report = sales(database, [*SALES, ["A1", "2026-11-20 10:00", "V001", "", "坏", "1", "一百"]])
    assert figures(report) == (2, 0, 0, 3)
    assert refused(report) == [(2, "单号"), (3, "单号"), (6, "金额")]
    assert "第 6 行" in report.rejected[0].reason
    assert count(database, Purchase) == 2


def test_lines_of_an_order_may_stand_apart(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_imports, "PORTION", 1)
    people(database)
    table = [SALES[0], SALES[1], SALES[3], SALES[4], SALES[2]]
    assert figures(sales(database, table)) == (4, 0, 0, 0)
    assert figures(sales(database)) == (0, 0, 4, 0)


def test_lines_that_contradict_each_other_keep_the_order_out(database: Database) -> None:
    people(database)
    report = sales(database, [SALES[0], SALES[1], ["A1", "2026-11-20 10:01", "V001", "", "x", "1", "1"]])
    assert refused(report) == [(2, "时间"), (3, "时间")]
    assert ["第 3 行" in report.rejected[0].reason, "第 2 行" in report.rejected[1].reason] == [True, True]


def test_only_rows_that_differ_are_said_to_differ(database: Database) -> None:
    line = ["A1", "2026-11-20 10:00", "", "", "x", "1", "1"]
    report = sales(database, [SALES[0], line, line, SALES[4], ["A1", "2026-11-20 10:01", *line[2:]]])
    assert figures(report) == (1, 0, 0, 3)
    assert refused(report) == [(2, "时间"), (3, "单号"), (5, "时间")]
    assert [one.reason for one in report.rejected] == [
        "和同一单的第 5 行不一致，整单没有导入。",
        "同一单的第 5 行有问题，整单没有导入。",
        "和同一单的第 2 行不一致，整单没有导入。",
    ]


def test_a_till_with_two_amounts_and_a_day_beside_a_clock(database: Database) -> None:
    header = ["单号", "日期", "时间", "商品", "金额", "实付"]
    report = sales(database, [header, ["A1", "2026-11-20", "18:30", "面霜", "200", "180"]])
    assert (figures(report), report.unknown_columns) == ((1, 0, 0, 0), ("金额",))
    with database.reading() as session:
        order = session.exec(select(Purchase)).one()
        assert (order.paid_fen, order.occurred_at) == (18000, datetime(2026, 11, 20, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_sale_of_somebody_nobody_knows_waits_for_her(database: Database, dry_run: bool) -> None:
    report = sales(database, dry_run=dry_run)
    assert (figures(report), report.waiting) == ((4, 0, 0, 0), 3)
    assert "13800138000" not in json.dumps(report.as_json())
    if dry_run:
        return
    with database.reading() as session:
        orders = {order.order_no: order for order in session.exec(select(Purchase))}
    assert {order.customer_id for order in orders.values()} == {None}
    assert [orders[number].buyer_member_no for number in ("A1", "A2", "A3")] == ["V001", "", ""]
    assert [orders[number].buyer_phone_masked for number in ("A1", "A2", "A3")] == ["", "138****8000", ""]
    again = sales(database)
    assert (figures(again), again.waiting) == ((0, 0, 4, 0), 0)


def test_a_waiting_sale_told_for_somebody_else_is_another(database: Database) -> None:
    sales(database)
    other = ["A2", "2026-11-21", "", "13900139000", "护理", "1", "1,234.50"]
    assert refused(sales(database, [SALES[0], other])) == [(2, "单号")]


def test_customers_that_come_later_find_their_sales(database: Database) -> None:
    sales(database)
    report = people(database)
    assert figures(report) == (2, 0, 0, 0)
    with database.reading() as session:
        orders = {order.order_no: order for order in session.exec(select(Purchase))}
        assert orders["A1"].customer_id == by_phone(session, "13900139000").id
        assert orders["A2"].customer_id == by_phone(session, "13800138000").id
        assert (orders["A2"].claimed_at, orders["A3"].claimed_at) == (NOW, None)
        assert by_phone(session, "13800138000").tier.rank == 2
    assert figures(sales(database)) == (0, 0, 4, 0)


def test_a_refund_waits_with_its_sale_and_finds_her_with_it(database: Database) -> None:
    header = [*SALES[0], "退款"]
    sold = ["A2", "2026-11-21", "", "13800138000", "护理", "1", "100", ""]
    back = ["R1", "2026-11-22", "", "", "护理", "1", "40", "A2"]
    report = sales(database, [header, sold, back])
    assert (figures(report), report.waiting) == ((2, 0, 0, 0), 2)
    people(database)
    with database.reading() as session:
        assert set(session.exec(select(Purchase.customer_id))) == {by_phone(session, "13800138000").id}


@pytest.mark.parametrize("dry_run", [True, False])
def test_refunds_find_their_sale_wherever_it_stands(database: Database, dry_run: bool) -> None:
    header = [*SALES[0], "退款"]
    sold = ["A1", "2026-11-20", "", "", "面霜", "1", "200", ""]
    back = ["R1", "2026-11-21", "", "", "面霜", "1", "150", "A1"]
    too_much = ["R2", "2026-11-22", "", "", "面霜", "1", "51", "A1"]
    lost = ["R3", "2026-11-22", "", "", "面霜", "1", "1", "A9"]
    report = sales(database, [header, back, too_much, lost, sold], dry_run=dry_run)
    assert figures(report) == (2, 0, 0, 2)
    assert refused(report) == [(3, "金额"), (4, "退款")]
    assert count(database, Purchase) == (0 if dry_run else 2)


def test_buyers_rise_with_what_they_bought(database: Database) -> None:
    people(database)
    sales(database)
    with database.reading() as session:
        ranks = dict(session.exec(select(Customer.name, Tier.rank).join(Tier)).all())
    assert ranks == {"曾晓丽": 2, "王喆": 2}


def test_a_store_by_name_by_option_or_not_at_all(database: Database) -> None:
    with database.writing() as session:
        session.add(Store(code="S2", name="二店"))
    header = [*SALES[0], "门店"]
    table = [
        header,
        ["A1", "2026-11-20", "", "", "x", "1", "1", "二店"],
        ["A2", "2026-11-20", "", "", "x", "1", "1", "三店"],
    ]
    assert refused(sales(database, table)) == [(3, "门店")]
    with pytest.raises(StoreUnknown):
        sales(database, store_code="S9")


def test_staff_nobody_knows_are_said(database: Database) -> None:
    header = [*SALES[0], "员工"]
    report = sales(database, [header, ["A1", "2026-11-20", "", "", "x", "1", "1", "小红"]])
    assert figures(report) == (1, 0, 0, 0)
    assert "小红" in report.notes[0]


# ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("table", "refusal"),
    [
        ([], FileEmpty),
        ([["姓名", "手机"]], OnlyHeader),
        ([["姓名", "手机"], ["", " "]], OnlyHeader),
        ([["张晓丽", "13800138000"], ["李", "1"]], ColumnsMissing),
        ([["姓名", "手机", "电话"], ["张", "1", "2"]], ColumnDoubled),
    ],
)
def test_an_unusable_file_leaves_no_trace(
    database: Database, table: list[list[str]], refusal: type[RuleBroken]
) -> None:
    before = count(database, AuditEntry)
    with pytest.raises(refusal):
        people(database, table)
    assert (count(database, ImportBatch), count(database, AuditEntry)) == (0, before)


def test_more_rows_than_one_import_takes_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.actions.imports.MOST_ROWS", 2)
    assert people(database).rows == 2
    with pytest.raises(TooManyRows):
        people(database, [*PEOPLE, ["李", "13700137000", "", "", ""]])


def test_every_row_is_counted_once_and_blank_rows_are_none(database: Database) -> None:
    table = [*PEOPLE, ["", "", "", "", ""], ["坏", "1", "", "", "铜卡"], PEOPLE[1]]
    report = people(database, table)
    assert (report.rows, figures(report)) == (4, (2, 0, 1, 1))
    assert refused(report) == [(5, "等级")]
    assert report.rejected[0].reason.count("\n") == 1


def test_the_batch_is_kept_with_its_refusals_and_one_deed(database: Database) -> None:
    with database.reading() as session:
        before = session.exec(select(func.max(AuditEntry.id))).one() or 0
    report = people(database, [*PEOPLE[:2], ["坏", "12345", "", "", ""]])
    with database.reading() as session:
        batch = session.exec(select(ImportBatch)).one()
        entries = session.exec(select(AuditEntry).where(col(AuditEntry.id) > before)).all()
    assert (batch.id, batch.rows, batch.created, batch.rejected) == (report.batch, 2, 1, 1)
    assert json.loads(batch.rejections) == [one.as_json() for one in report.rejected]
    assert "12345" not in batch.rejections
    assert batch.finished_at is not None
    deeds = [(entry.action, entry.subject) for entry in entries if entry.subject != "tags"]
    assert deeds == [(AuditAction.IMPORT, "import_batches"), (AuditAction.IMPORT, "customers")]


def test_the_journal_says_which_records_came_in_and_what_changed_in_those_that_were_there(database: Database) -> None:
    people(database)
    with database.reading() as session:
        before = session.exec(select(func.max(AuditEntry.id))).one()
        ids = session.exec(select(Customer.id).order_by(col(Customer.id))).all()
    changed = [["姓名", "会员号", "标签", "职业"], ["王喆", "V001", "常客", "教师"], ["李新", "V002", "常客", ""]]
    people(database, changed)
    sales(database)
    with database.reading() as session:
        entries = session.exec(select(AuditEntry).where(col(AuditEntry.id) > before).order_by(col(AuditEntry.id)))
        told = [(one.actor, one.action, one.subject, one.subject_id, json.loads(one.changes)) for one in entries]
        new = session.exec(select(Customer.id).where(Customer.member_no == "V002")).one()
        slips = session.exec(select(Purchase.id).order_by(col(Purchase.id))).all()
    assert ("owner", AuditAction.UPDATE, "customers", ids[1], {"occupation": "***"}) in told
    assert ("owner", AuditAction.IMPORT, "customers", new, {"last": new, "rows": 1}) in told
    assert ("owner", AuditAction.IMPORT, "purchases", slips[0], {"last": slips[-1], "rows": len(slips)}) in told
    tags = [changes for _, action, subject, _, changes in told if (action, subject) == ("create", "customer_tags")]
    assert [one["customer_id"] for one in tags] == [[None, ids[1]]]


def test_a_crash_in_the_middle_leaves_whole_portions_and_the_next_run_completes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(database)
    monkeypatch.setattr(purchase_imports, "PORTION", 1)
    store = purchase_imports.insert_sales
    calls = iter(range(9))

    def power_cut(session: Session, planned: Any) -> None:
        store(session, planned)
        if next(calls) == 1:
            raise OSError("power cut")

    monkeypatch.setattr(purchase_imports, "insert_sales", power_cut)
    with pytest.raises(OSError, match="power cut"):
        sales(database)
    assert count(database, Purchase) == 1
    assert count(database, PurchaseLine) == 2
    assert figures(sales(database)) == (2, 0, 2, 0)


@pytest.mark.parametrize("kind", [ImportKind.CUSTOMERS, ImportKind.PURCHASES])
def test_a_batch_that_was_broken_off_goes_on_and_counts_every_row_once(
    database: Database, kind: ImportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (customer_imports, purchase_imports):
        monkeypatch.setattr(room, "PORTION", 1)
    bad = ["坏", "12345", "", "", ""] if kind is ImportKind.CUSTOMERS else ["A9", "x", "", "", "坏", "1", "1"]
    table = [*(PEOPLE if kind is ImportKind.CUSTOMERS else SALES), bad]
    table = [table[0], bad, *table[1:]] if kind is ImportKind.CUSTOMERS else table
    whole = bring(database, kind, table, dry_run=True)
    with database.writing() as session:
        batch = ImportBatch(kind=kind, file_name="till.csv", file_sha256="", started_at=NOW, stage=ImportStage.CHECKED)
        session.add(batch)

    def power_cut(done: int, total: int) -> None:
        if done == 3:
            raise OSError("power cut")

    with pytest.raises(OSError, match="power cut"):
        bring(database, kind, table, batch_id=batch.id, progress=power_cut)
    with database.reading() as session:
        broken = session.get_one(ImportBatch, batch.id)
    assert (broken.stage, broken.rows, broken.rows_in_all) == (ImportStage.RUNNING, 3, len(table) - 1)
    done = bring(database, kind, table, batch_id=batch.id)
    assert done.as_json() == whole.as_json() | {"batch": batch.id}
    with database.reading() as session:
        batch = session.get_one(ImportBatch, batch.id)
        assert (batch.stage, batch.rows, batch.created) == (ImportStage.DONE, whole.rows, whole.created)
        assert json.loads(batch.rejections) == [one.as_json() for one in whole.rejected]
    with pytest.raises(NotFound):
        bring(database, kind, table, batch_id=batch.id)


TABLE_OF: dict[ImportKind, type[SQLModel]] = {
    ImportKind.CUSTOMERS: Customer,
    ImportKind.PURCHASES: Purchase,
    ImportKind.TREATMENTS: Treatment,
    ImportKind.PRODUCTS: Product,
    ImportKind.POINTS: PointsEntry,
}


@pytest.mark.parametrize("kind", list(ImportKind))
def test_two_imports_of_one_file_at_once_make_no_doubles(
    database: Database, kind: ImportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (customer_imports, purchase_imports, menu_imports, points_imports):
        monkeypatch.setattr(room, "PORTION", 7)
    everyone = [PEOPLE[0], *(["张", f"1000000{n:04d}", f"V{n}", f"标签{n % 3}", ""] for n in range(50))]
    table = everyone
    if kind is ImportKind.PURCHASES:
        people(database, everyone)
        table = [SALES[0], *([f"A{n}", "2026-11-20", f"V{n % 50}", "", "面霜", "1", "10"] for n in range(100))]
    elif kind in {ImportKind.TREATMENTS, ImportKind.PRODUCTS}:
        table = [["编码", "名称"], *([f"T{n}", f"项目{n}"] for n in range(50))]
    elif kind is ImportKind.POINTS:
        people(database, everyone)
        table = [["会员号", "积分"], *([f"V{n}", f"{n + 1}"] for n in range(20))]
    start = Barrier(2)

    def run(_: int) -> ImportReport:
        start.wait()
        return bring(database, kind, table)

    with ThreadPoolExecutor(2) as tills:
        first, second = tills.map(run, range(2))
    total = len(table) - 1
    assert first.created + second.created == total
    assert first.unchanged + second.unchanged == total
    assert not first.rejected + second.rejected
    assert count(database, TABLE_OF[kind]) == total
