"""A file that changes a way to a customer leaves what it was before, as a hand does; taken back, it leaves nothing."""

import pytest
from sqlmodel import Session, col, select

from app.actions import customer_imports
from app.actions.contacts import mark_invalid
from app.actions.customers import create_customer, update_customer
from app.audit import Actor
from app.columns import opened
from app.db import Database
from app.models import ContactEvent, Customer, Staff
from app.rules.customers import CustomerDetails
from app.rules.import_undo import ImportBuiltUpon
from app.rules.policy import Policy
from app.vocabulary import ContactEventKind, ContactKind, Role
from tests.actions.test_import_undo import THE_RECORD_OF_IT, one, undo, whole_database
from tests.actions.test_imports import ZONE, figures, people, refused
from tests.conftest import NOW

BEFORE = [
    ["姓名", "手机", "会员号", "微信", "邮箱", "备注"],
    ["曾晓丽", "13800138000", "V1", "zeng1", "zeng@old.cn", ""],
    ["王喆", "13900139000", "V2", "", "", ""],
]
AFTER = [
    ["姓名", "手机", "会员号", "微信", "邮箱", "备注"],
    ["曾晓丽", "13800998000", "V1", "zeng2", "zeng@new.cn", "改了"],
    ["王喆", "13900139000", "V2", "wang", "", "改了"],
    ["新人", "13700137000", "V3", "new", "new@new.cn", ""],
]


def events(database: Database) -> list[tuple[str, ContactKind, str | None, str, int | None]]:
    """What is written down about ways that changed: whose, which, what it was, how it is shown, who did it."""
    with database.reading() as session:
        found = session.exec(
            select(ContactEvent, Customer.member_no).join(Customer).order_by(col(ContactEvent.id))
        ).all()
        assert all((event.kind, event.at) == (ContactEventKind.REPLACED, NOW) for event, _ in found)
        return [(no, event.contact, opened(event.old_value), event.old_masked, event.staff_id) for event, no in found]


def test_a_file_that_changes_ways_to_a_customer_leaves_what_they_were_as_a_hand_does(database: Database) -> None:
    people(database, BEFORE)
    by_hand = CustomerDetails(phone="13800998000", wechat="zeng2", email="zeng@new.cn")
    report = people(database, AFTER)
    told = events(database)
    assert [(no, contact) for no, contact, *_ in told] == [
        ("V1", ContactKind.PHONE), ("V1", ContactKind.WECHAT), ("V1", ContactKind.EMAIL)
    ]  # fmt: skip
    assert [old for _, _, old, _, _ in told] == ["+8613800138000", "zeng1", "zeng@old.cn"]
    undo(database, report.batch)
    assert events(database) == []
    with database.writing() as session:
        update_customer(session, one(session, "V1").id or 0, by_hand, now=NOW)
    assert events(database) == told


def test_a_number_from_a_file_is_not_the_one_that_led_nowhere_and_undo_says_so_again(database: Database) -> None:
    people(database, BEFORE)
    with database.writing() as session:
        _mark(session, "V1")
    report = people(database, AFTER)
    with database.reading() as session:
        assert one(session, "V1").phone_invalid_on is None
    undo(database, report.batch)
    with database.reading() as session:
        assert one(session, "V1").phone_invalid_on is not None


def test_what_was_written_down_goes_with_its_file_and_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_imports, "PORTION", 1)
    people(database, BEFORE)
    with database.writing() as session:
        update_customer(session, one(session, "V2").id or 0, CustomerDetails(phone="13900139009"), now=NOW)
        update_customer(session, one(session, "V2").id or 0, CustomerDetails(phone="13900139000"), now=NOW)
    before = whole_database(database, THE_RECORD_OF_IT)
    report = people(database, AFTER)
    assert len(events(database)) == 5
    undo(database, report.batch)
    assert len(events(database)) == 2
    assert whole_database(database, THE_RECORD_OF_IT) == before


def test_control_were_they_no_part_of_the_file_taking_it_back_would_leave_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(database, BEFORE)
    made = customer_imports.Changes.made
    monkeypatch.setattr(
        customer_imports.Changes,
        "made",
        lambda self, table, *rest: None if table is ContactEvent else made(self, table, *rest),
    )
    report = people(database, AFTER)
    undo(database, report.batch)
    assert len(events(database)) == 3


def test_a_number_found_to_lead_nowhere_since_stands_in_the_way(database: Database) -> None:
    people(database, BEFORE)
    report = people(database, AFTER)
    with database.writing() as session:
        _mark(session, "V1")
    with pytest.raises(ImportBuiltUpon):
        undo(database, report.batch)


def test_whoever_brings_the_file_is_who_changed_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    people(database, BEFORE)
    with database.writing() as session:
        staff = Staff(name="店长", login="m", password_hash="!", role=Role.MANAGER, created_at=NOW)
        session.add(staff)
        session.flush()
        staff_id = staff.id
    monkeypatch.setattr("tests.actions.test_imports.ACTOR", Actor("店长", staff_id))
    people(database, AFTER)
    assert {who for *_, who in events(database)} == {staff_id}


def _mark(session: Session, number: str) -> None:
    mark_invalid(session, one(session, number).id or 0, contact=ContactKind.PHONE, reason="空号", now=NOW, zone=ZONE)


def test_a_file_brings_address_allergy_and_the_day_she_came(database: Database) -> None:
    header = ["姓名", "手机", "地址", "过敏史", "建档日期"]
    rows = [["曾晓丽", "13800138000", "和平路 1 号", "花生", "2020-05-01"], ["王喆", "13900139000", "", "无", ""]]
    people(database, [header, *rows])
    with database.reading() as session:
        zeng, wang = session.exec(select(Customer).order_by(col(Customer.id))).all()
        told = (zeng.address, opened(zeng.allergy_note), zeng.created_at.astimezone(ZONE).date().isoformat())
        assert told == ("和平路 1 号", "花生", "2020-05-01")
        assert (wang.allergy_note, wang.created_at) == (None, NOW)
    late = people(
        database, [header, ["李", "13700137000", "", "", "2999-01-01"], ["李", "13700137001", "", "", "明天"]]
    )
    assert [(one.row, one.column) for one in late.warnings] == [(2, "建档日期"), (3, "建档日期")]
    with database.reading() as session:
        fresh = session.exec(select(Customer).where(Customer.name == "李")).all()
        assert [one.created_at for one in fresh] == [NOW, NOW]


def test_no_file_takes_an_allergy_away_or_says_anew_since_when_she_comes(database: Database) -> None:
    header = ["姓名", "手机", "过敏史", "建档日期"]
    people(database, [header, ["曾晓丽", "13800138000", "花生", "2020-05-01"]])
    other = [header, ["曾晓丽", "13800138000", "酒精", "2024-01-01"]]
    report, again = people(database, other), people(database, other)
    assert (report.updated, again.unchanged) == (1, 1)
    assert "当面问一声" in report.notes[0]

    def known() -> tuple[str | None, int]:
        with database.reading() as session:
            her = session.exec(select(Customer)).one()
            return opened(her.allergy_note), her.created_at.year

    assert known() == ("花生\n酒精", 2020)
    undo(database, report.batch)
    assert known() == ("花生", 2020)


def test_of_a_family_that_shares_a_phone_the_name_says_who_is_meant_and_nobody_is_renamed(database: Database) -> None:
    with database.writing() as session:
        people_here = [
            create_customer(session, details, policy=Policy(), now=NOW)
            for details in (
                CustomerDetails(name="曾晓丽", phone="13800138000"),
                CustomerDetails(name="曾小", phone="13800138000", phone_shared_reason="母女共用"),
            )
        ]
        numbers = [one.member_no for one in people_here]
    table = [
        ["姓名", "手机", "职业"], ["曾小", "13800138000", "学生"], ["曾晓丽", "13800138000", "老师"], ["曾", "13800138000", "医生"],
    ]  # fmt: skip
    report = people(database, table)
    assert (figures(report), refused(report)) == ((0, 2, 0, 1), [(4, "手机")])
    with database.reading() as session:
        told = session.exec(select(Customer.name, Customer.occupation).order_by(Customer.id)).all()
    assert list(told) == [("曾晓丽", "老师"), ("曾小", "学生")]
    both = [["会员号", "姓名", "手机"], [numbers[0], "曾晓丽", "13800138000"], [numbers[1], "曾小", "13800138000"]]
    assert figures(people(database, both)) == (0, 0, 2, 0)
