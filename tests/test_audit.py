"""Who did what: in the same transaction, without anybody's phone, for ever."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, col, func, select

from app import audit
from app.audit import Actor, note_deed
from app.columns import blind_index
from app.db import Database, lock_row
from app.models import AuditEntry, Customer, Staff, Tag, Tier
from app.queries.journal import verify_chain
from app.vocabulary import AuditAction, Role

CANARY = "+8613912345678"


def entries(database: Database, subject: str) -> list[AuditEntry]:
    """What was written down about one table."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id)))


def tag_names(database: Database, after: int) -> list[str]:
    """The names of the tags the journal saw made since then."""
    made = [entry for entry in entries(database, "tags") if (entry.id or 0) > after]
    return [json.loads(entry.changes)["name"][1] for entry in made if entry.action is AuditAction.CREATE]


def newest(database: Database) -> int:
    """The number of the last entry."""
    with database.reading() as session:
        return session.exec(select(func.max(AuditEntry.id))).one() or 0


def is_whole(database: Database) -> bool:
    """Whether every entry bears its seal."""
    with database.reading() as session:
        return verify_chain(session).is_whole


def test_a_change_names_the_person_and_the_fields(database: Database) -> None:
    with database.writing() as session:
        person = Staff(name="小安", login="an", password_hash="x", role=Role.MANAGER)
        session.add(person)
    with database.writing(Actor("小安", person.id)) as session:
        session.add(Tag(name="敏感肌", note="旧"))
    with database.writing(Actor("小安", person.id)) as session:
        session.exec(select(Tag).where(Tag.name == "敏感肌")).one().note = "新"
    created, updated = entries(database, "tags")[-2:]
    assert (created.action, created.staff_id, created.actor) == (AuditAction.CREATE, person.id, "小安")
    assert updated.action is AuditAction.UPDATE
    assert json.loads(updated.changes) == {"note": ["旧", "新"]}


def test_personal_values_are_never_written_down(database: Database) -> None:
    with database.writing() as session:
        tier = session.exec(select(Tier)).first()
        customer = Customer(
            member_no="10000014",
            name="王小梅",
            phone=CANARY,
            phone_index=blind_index(CANARY, "customers.phone"),
            tier_id=tier.id,
            allergy_note="花生",
        )
        session.add(customer)
    with database.writing() as session:
        session.get(Customer, customer.id).phone = "+8613912349999"
    written = " ".join(entry.changes for entry in entries(database, "customers"))
    assert "phone" in written
    for secret in (CANARY, "9999", "王小梅", "花生"):
        assert secret not in written


def _fail_halfway(database: Database) -> None:
    with database.writing() as session:
        session.add(Tag(name="half"))
        session.flush()
        _ = 1 / 0


def test_a_change_that_fails_leaves_no_trace_of_having_happened(database: Database) -> None:
    before = len(entries(database, "tags"))
    with pytest.raises(ZeroDivisionError):
        _fail_halfway(database)
    assert len(entries(database, "tags")) == before


def test_deeds_that_change_no_row_are_written_down_too(database: Database) -> None:
    with database.writing(Actor("老板")) as session:
        note_deed(session, AuditAction.PRINT, "customers", cards=12)
    entry = entries(database, "customers")[-1]
    assert (entry.actor, json.loads(entry.changes)) == ("老板", {"cards": 12})


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'nobody'", "DELETE FROM audit_entries"])
def test_nobody_rewrites_what_was_written_down(database: Database, statement: str) -> None:
    with database.writing() as session:
        session.add(Tag(name="something"))
    with pytest.raises(DatabaseError, match="append-only"), database.writing() as session:
        session.connection().exec_driver_sql(statement)
    assert entries(database, "tags")


@pytest.mark.postgres
def test_postgres_cannot_be_made_to_forget_it_whole(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(DatabaseError, match="append-only"), database.writing() as session:
        session.connection().exec_driver_sql("TRUNCATE audit_entries")


def test_what_a_savepoint_took_back_did_not_happen(database: Database) -> None:
    before = newest(database)
    with database.writing() as session:
        session.add(Tag(name="一"))
        with suppress(ZeroDivisionError), session.begin_nested():
            session.add(Tag(name="二"))
            session.flush()
            note_deed(session, AuditAction.PRINT, "tags", cards=2)
            _ = 1 / 0
        with session.begin_nested():
            session.add(Tag(name="三"))
            with suppress(ZeroDivisionError), session.begin_nested():
                session.add(Tag(name="四"))
                session.flush()
                _ = 1 / 0
        session.add(Tag(name="五"))
    assert tag_names(database, before) == ["一", "三", "五"]
    assert [one.action for one in entries(database, "tags") if one.id > before] == [AuditAction.CREATE] * 3
    assert is_whole(database)


def test_what_an_outer_savepoint_took_back_takes_the_inner_ones_with_it(database: Database) -> None:
    before = newest(database)
    with database.writing() as session:
        with suppress(ZeroDivisionError), session.begin_nested():
            with session.begin_nested():
                session.add(Tag(name="里"))
            session.add(Tag(name="外"))
            session.flush()
            _ = 1 / 0
        session.add(Tag(name="后"))
    assert tag_names(database, before) == ["后"]


def test_a_clash_inside_a_savepoint_leaves_no_entry(database: Database) -> None:
    before = newest(database)
    with database.writing() as session:
        session.add(Tag(name="同"))
        with suppress(DatabaseError), session.begin_nested():
            session.add(Tag(name="同"))
            session.flush()
    assert tag_names(database, before) == ["同"]


def test_nothing_is_written_before_the_end_and_everything_at_the_end(database: Database) -> None:
    before = newest(database)
    with database.writing() as session:
        session.add(Tag(name="早"))
        session.flush()
        assert session.exec(select(func.max(AuditEntry.id))).one() == before
        session.add(Tag(name="晚"))  # never flushed by hand
    assert tag_names(database, before) == ["早", "晚"]


def test_a_deed_outside_a_unit_of_work_is_refused_instead_of_lost(database: Database) -> None:
    with database.reading() as session, pytest.raises(TypeError):
        note_deed(session, AuditAction.PRINT, "customers")


def test_made_up_rows_leave_no_entry(database: Database) -> None:
    before = newest(database)
    with database.writing(demo=True) as session:
        session.add(Tag(name="演示"))
        note_deed(session, AuditAction.PRINT, "customers")
    assert newest(database) == before


# ── Many at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _many_deeds(database: Database) -> None:
    """Two people at the end of the chain at the same moment, ten times; then eight people in a crowd."""

    def deed(number: int) -> None:
        with database.writing(Actor(f"{number}")) as session:
            note_deed(session, AuditAction.PRINT, "customers", cards=number)

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(deed, range(40)))


def _meeting(read: Callable[[Connection], bytes], seconds: float = 0.02) -> Callable[[Connection], bytes]:
    """Reading the end of the chain, but only together with somebody else; alone after a moment of waiting."""
    both = Barrier(2)

    def together(connection: Connection) -> bytes:
        end = read(connection)
        with suppress(BrokenBarrierError):
            both.wait(seconds)
        both.reset()
        return end

    return together


def test_people_at_the_same_moment_make_one_chain(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_last_seal", _meeting(audit._last_seal))
    before = newest(database)
    _many_deeds(database)
    assert len([one for one in entries(database, "customers") if one.id > before]) == 40
    assert is_whole(database)


@pytest.mark.postgres
def test_without_the_lock_they_would_tear_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer anyway")
    monkeypatch.setattr(audit, "_hold_the_end", lambda connection: None)
    monkeypatch.setattr(audit, "_last_seal", _meeting(audit._last_seal, 5))
    _many_deeds(database)
    assert not is_whole(database)


def _two_tags_crosswise(database: Database, early: Callable[[Session], None]) -> list[str]:
    """Two people change two tags in the opposite order; the first has changed something before she waits for the
    other. What kind of trouble each had."""
    with database.writing() as session:
        session.add_all([Tag(name="甲"), Tag(name="乙")])
    meet = Barrier(2)

    def first() -> str:
        with database.writing() as session:
            session.exec(select(Tag).where(Tag.name == "甲")).one().note = "x"
            session.flush()
            early(session)
            meet.wait(5)
            lock_row(session, Tag, _number(session, "乙")).note = "x"
        return ""

    def second() -> str:
        with database.writing() as session:
            lock_row(session, Tag, _number(session, "乙")).note = "y"
            session.flush()
            meet.wait(5)
        return ""

    def said(work: Callable[[], str]) -> str:
        try:
            return work()
        except DatabaseError as trouble:
            return type(trouble.orig).__name__

    with ThreadPoolExecutor(2) as two:
        return list(two.map(said, (first, second)))


def _number(session: Session, name: str) -> int:
    return session.exec(select(Tag.id).where(col(Tag.name) == name)).one()


@pytest.mark.postgres
def test_the_chain_is_the_last_lock_so_nobody_waits_in_a_circle(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer anyway")
    assert _two_tags_crosswise(database, lambda session: None) == ["", ""]
    assert is_whole(database)


@pytest.mark.postgres
def test_taken_earlier_it_would_make_the_circle(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer anyway")
    assert "DeadlockDetected" in _two_tags_crosswise(database, audit._write_down)
