"""The demo shop: always the same one, and gone without a trace when it is wiped."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel, col, select

from app.actions.complaints import reply_to_complaint
from app.actions.demo import wipe_demo
from app.actions.purchases import record_purchase
from app.actions.staff import StaffDetails, create_staff
from app.actions.tokens import standing_tokens
from app.audit import Actor
from app.columns import opened
from app.db import Database, open_database
from app.models import (
    AuditEntry,
    Complaint,
    ComplaintEvent,
    Consent,
    Customer,
    DemoMark,
    DuplicatePair,
    PublicToken,
    Purchase,
    Staff,
    Survey,
    SurveyResponse,
    Tag,
    Tier,
)
from app.queries import demo as demo_queries
from app.queries.demo import DemoWatch, demo_logins, has_demo, has_own_owner, has_own_people
from app.queries.points import check_ledger
from app.rules.demo import DemoThere, NoOwnOwner, ShopInUse, check_wipe_from_inside
from app.rules.passwords import check_password
from app.rules.phones import is_demo
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.settings import Settings
from app.vocabulary import ComplaintStatus, Purpose, Role
from seed.demo import DEMO_PASSWORD, build_demo, last_demo_day
from tests.conftest import DEMO_CUSTOMERS, DEMO_DAY, NOW, isolated
from tests.questionnaires import version_of

TODAY, SMALL = DEMO_DAY, DEMO_CUSTOMERS
SALTED = {"password_hash"}
"""What differs between two demo shops: the same password never looks the same."""
RECORDS_OF_THE_BUILD = {"audit_entries", "demo_marks", "counters"}


@pytest.fixture
def built(demo_settings: Settings) -> Iterator[Database]:
    """A small demo shop."""
    database = open_database(demo_settings)
    yield database
    database.engine.dispose()


def contents(database: Database) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, decrypted."""
    with database.reading() as session:
        return {
            mapper.class_.__tablename__: [
                {name: value for name, value in row.model_dump().items() if name not in SALTED}
                for row in session.exec(select(mapper.class_).order_by(mapper.class_.id))
            ]
            for mapper in SQLModel._sa_registry.mappers
            if mapper.class_.__tablename__ not in RECORDS_OF_THE_BUILD
        }


def count(database: Database, table: type[SQLModel]) -> int:
    """How many rows a table has."""
    with database.reading() as session:
        return len(session.exec(select(table.id)).all())


# ── Building ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def shops_of(tmp_path: Path, template: Path, *seeds: int) -> list[dict[str, list[dict[str, object]]]]:
    """The contents of demo shops built from the same empty shop."""
    shops = []
    for number, seed in enumerate(seeds):
        shutil.copytree(template, tmp_path / str(number))
        settings = isolated(tmp_path / str(number))
        database = open_database(settings)
        build_demo(database, today=TODAY, zone=settings.zone, customers=SMALL, seed=seed)
        shops.append(contents(database))
        database.engine.dispose()
    return shops


def test_the_same_seed_and_day_give_the_same_shop_row_by_row_and_another_seed_another(
    tmp_path: Path, sqlite_template: Path
) -> None:
    first, second, other = shops_of(tmp_path, sqlite_template, 7, 7, 8)
    for table, rows in first.items():
        assert rows == second[table], table
    assert first["customers"] != other["customers"]
    assert first["purchases"] != other["purchases"]
    assert {case["receipt_no"] for case in first["complaints"]}.isdisjoint(
        case["receipt_no"] for case in other["complaints"]
    )


def test_nothing_in_a_demo_shop_has_yet_to_happen_when_it_is_built(built: Database) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert last_demo_day(datetime(2026, 11, 24, 3, 13, tzinfo=zone)) == date(2026, 11, 23)
    assert last_demo_day(datetime(2026, 11, 24, 11, 59, tzinfo=zone)) == date(2026, 11, 23)
    noon = datetime.combine(TODAY, time(12), zone)
    assert last_demo_day(noon) == TODAY
    happened = ("at", "occurred_at", "created_at", "opened_at", "granted_at", "visited_at", "finished_at")
    ahead = [
        (table, name, row[name])
        for table, rows in contents(built).items()
        if table not in {"surveys", "survey_versions"}  # come with the shop
        for row in rows
        for name in happened
        if isinstance(moment := row.get(name), datetime) and moment > noon
    ]
    assert ahead == []


def test_everything_made_up_is_marked_and_nothing_else(database: Database, settings: Settings) -> None:
    before = {table: len(rows) for table, rows in contents(database).items()}
    build_demo(database, today=TODAY, zone=settings.zone, customers=SMALL)
    with database.reading() as session:
        marks = [mark.table_name for mark in session.exec(select(DemoMark))]
    for table, rows in contents(database).items():
        assert marks.count(table) == len(rows) - before[table], table


def test_no_phone_of_the_demo_shop_can_ring_anywhere(built: Database) -> None:
    with built.reading() as session:
        phones = session.exec(select(Customer.phone)).all()
        left = session.exec(select(SurveyResponse.contact_phone).where(col(SurveyResponse.contact_phone).is_not(None)))
        assert len(phones) == SMALL
        assert all(is_demo(opened(phone)) for phone in [*phones, *left])


def test_the_shop_is_alive_today(built: Database, demo_settings: Settings) -> None:
    soon = {f"{TODAY + timedelta(days=ahead):%m-%d}" for ahead in range(7)}
    with built.reading() as session:
        complaints = session.exec(select(Complaint)).all()
        days = {moment.astimezone(demo_settings.zone).date() for moment in session.exec(select(Purchase.occurred_at))}
        birthdays = session.exec(select(Customer.birthday)).all()
        roles = set(session.exec(select(Staff.role)))
        joined = max(session.exec(select(Customer.created_at))).astimezone(demo_settings.zone).date()
    still_open = [case for case in complaints if case.status is ComplaintStatus.OPEN]
    assert max(days) == joined == TODAY
    assert min(days) < TODAY - timedelta(days=250)
    assert any(birthday[-5:] in soon for birthday in birthdays)
    assert any(case.due_at < NOW for case in still_open)
    assert any(case.due_at > NOW for case in still_open)
    assert any(case.first_replied_at and case.first_replied_at > case.due_at for case in complaints)
    assert any(case.first_replied_at and case.first_replied_at < case.due_at for case in complaints)
    assert roles == set(Role)


def test_health_is_kept_only_of_those_who_said_yes_to_it(built: Database) -> None:
    with built.reading() as session:
        agreed = set(session.exec(select(Consent.customer_id).where(Consent.purpose == Purpose.HEALTH_RECORD)))
        for customer in session.exec(select(Customer)):
            if customer.skin_type or customer.allergy_note:
                assert customer.id in agreed


def test_the_demo_password_would_pass_the_shops_own_rule() -> None:
    check_password(DEMO_PASSWORD, known=("owner", "沈若兰", "胭脂美妆"))


def test_a_second_demo_shop_is_refused(built: Database, demo_settings: Settings) -> None:
    with pytest.raises(DemoThere):
        build_demo(built, today=TODAY, zone=demo_settings.zone, customers=1)


def test_a_demo_shop_never_stands_beside_real_people(database: Database, settings: Settings) -> None:
    with database.writing() as session:
        create_staff(session, StaffDetails("安", "an", Role.OWNER), password_hash="x", now=NOW)
    before = contents(database)
    with pytest.raises(ShopInUse):
        build_demo(database, today=TODAY, zone=settings.zone, customers=1)
    assert contents(database) == before


# ── Wiping ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wipe_leaves_the_shop_as_it_was_before(database: Database, settings: Settings) -> None:
    with database.writing() as session:
        session.add(Tag(name="我的标签"))
    before = contents(database)
    build_demo(database, today=TODAY, zone=settings.zone, customers=SMALL)
    with database.writing() as session:
        wiped = wipe_demo(session)
    assert contents(database) == before
    assert wiped.kept == {}
    assert wiped.removed["customers"] == SMALL
    with database.reading() as session:
        assert not has_demo(session)
        assert not has_own_people(session)


def test_a_wipe_is_written_down_once(built: Database) -> None:
    with built.writing(Actor("老板")) as session:
        wiped = wipe_demo(session)
    with built.reading() as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert (entry.actor, entry.subject) == ("老板", "demo_marks")
    assert json.loads(entry.changes) == {"rows": sum(wiped.removed.values())}


def test_wiping_a_shop_without_demo_takes_nothing(database: Database) -> None:
    before = contents(database)
    with database.writing() as session:
        assert wipe_demo(session).removed == {}
    assert contents(database) == before


def test_a_demo_customer_with_an_own_sale_stays_with_all_that_belongs_to_her(
    built: Database, demo_settings: Settings
) -> None:
    with built.writing() as session:
        customer = session.exec(select(Customer).order_by(Customer.id)).first()
        consents = len(session.exec(select(Consent).where(Consent.customer_id == customer.id)).all())
        sale = Sale(
            order_no="own-1",
            occurred_at=NOW,
            lines=(SaleLine(item="口红", amount_fen=100),),
            member_no=customer.member_no,
        )
        record_purchase(session, sale, policy=Policy(), now=NOW, zone=demo_settings.zone)
    with built.writing() as session:
        wiped = wipe_demo(session)
    assert wiped.kept["customers"] == 1
    with built.reading() as session:
        assert session.exec(select(Customer.id)).all() == [customer.id]
        assert "own-1" in session.exec(select(Purchase.order_no)).all()
        assert check_ledger(session) == [], "what she earned in the demo stays with what she has"
        assert len(session.exec(select(Consent)).all()) == consents
        assert not has_demo(session)


def test_a_demo_account_the_journal_names_stays_but_opens_nothing(built: Database, now) -> None:
    with built.reading() as session:
        owner = session.exec(select(Staff).where(Staff.login == "owner")).one()
    with built.writing(Actor(owner.name, owner.id)) as session:
        session.add(Tag(name="店主自己加的"))
    with built.writing() as session:
        assert wipe_demo(session).kept == {"staff": 1}
    with built.writing() as session:
        stayed = session.exec(select(Staff)).one()
        assert (stayed.name, stayed.is_active, stayed.role) == (owner.name, False, Role.AUDITOR)
        assert stayed.password_hash != owner.password_hash
        assert stayed.login != "owner"
        assert demo_logins(session) == []
        # The login and the shop are free for a real owner.
        create_staff(session, StaffDetails("安", "owner", Role.OWNER), password_hash="x", now=now)


def test_what_people_tried_out_on_demo_cases_goes_with_them(built: Database) -> None:
    with built.writing() as session:
        case = session.exec(select(Complaint).where(Complaint.status == ComplaintStatus.OPEN)).first()
        reply_to_complaint(session, case.id, "马上处理", solves=False, staff_id=None, now=NOW)
        customer_id = session.exec(select(Customer.id)).first()
        standing_tokens(session, [customer_id], now=NOW)
    with built.writing() as session:
        assert wipe_demo(session).kept == {}
    assert count(built, ComplaintEvent) == 0
    assert count(built, PublicToken) == 0


def test_an_answer_of_a_real_customer_keeps_her_survey(built: Database) -> None:
    with built.writing() as session:
        survey_id = session.exec(select(Survey.id)).one()
        ids = {"survey_id": survey_id, "version_id": version_of(session, survey_id)}
        session.add(SurveyResponse(**ids, submission_id="own-own-own-own-1", started_at=NOW))
    with built.writing() as session:
        wipe_demo(session)
    with built.reading() as session:
        assert session.exec(select(SurveyResponse.submission_id)).all() == ["own-own-own-own-1"]


def test_a_wipe_from_inside_needs_an_owner_who_is_real(built: Database) -> None:
    with built.reading() as session, pytest.raises(NoOwnOwner):
        check_wipe_from_inside(has_own_owner=has_own_owner(session))
    with built.writing() as session:
        create_staff(session, StaffDetails("安", "an", Role.OWNER), password_hash="x", now=NOW)
    with built.reading() as session:
        check_wipe_from_inside(has_own_owner=has_own_owner(session))


def test_the_number_of_a_row_that_is_gone_is_never_given_again(database: Database) -> None:
    """Otherwise a lost card, a mark or a line of the journal would speak of somebody else."""

    def new_customer(number: str) -> int:
        with database.writing() as session:
            tier_id = session.exec(select(Tier.id)).first()
            customer = Customer(member_no=number, name="她", tier_id=tier_id, created_at=NOW, updated_at=NOW)
            session.add(customer)
            session.flush()
            return customer.id

    first = new_customer("A-1")
    with database.writing() as session:
        session.delete(session.get(Customer, first))
    assert new_customer("A-2") > first


def test_every_table_is_made_that_way(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    with database.reading() as session:
        made = dict(
            session.connection().execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
        )
    for table in SQLModel.metadata.tables:
        assert "AUTOINCREMENT" in made[table], table


# ── The banner ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_banner_comes_and_goes_with_the_rows(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(demo_queries.time, "monotonic", lambda: clock[0])
    watch = DemoWatch(database)
    assert watch() is False
    build_demo(database, today=TODAY, zone=settings.zone, customers=2)
    assert watch() is False
    clock[0] += 6
    assert watch() is True
    with database.writing() as session:
        wipe_demo(session)
    clock[0] += 6
    assert watch() is False


def test_the_setting_puts_the_banner_up_without_a_row(database: Database) -> None:
    assert DemoWatch(database, always=True)() is True


def test_a_database_that_does_not_answer_takes_no_page_down(sqlite_settings: Settings) -> None:
    database = open_database(sqlite_settings)
    with database.writing() as session:
        session.connection().execute(text("DROP TABLE demo_marks"))
    assert DemoWatch(database)() is False


def test_a_few_people_are_there_twice_and_early_ones_agreed_to_an_older_notice(built: Database) -> None:
    with built.reading() as session:
        people = [(one.name, one.birthday) for one in session.exec(select(Customer)) if len(one.birthday) > 5]
        pairs = session.exec(select(DuplicatePair)).all()
        versions = set(session.exec(select(Consent.notice_version)))
    assert len(people) > len(set(people))
    assert pairs
    assert len(versions) == 2
