"""Whoever changes the journal behind the program's back is found out."""

import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlmodel import select

from app.audit import Actor, note_deed
from app.db import Database
from app.models import AuditEntry, Staff
from app.queries import journal
from app.queries.journal import Head, Verdict, head, holds, verify_chain
from app.vocabulary import AuditAction, Role

BEFORE_SEALS = datetime(2026, 1, 1, tzinfo=UTC)
NOISE = (
    "INSERT INTO audit_entries (at, actor, action, subject, changes{more}) "
    "SELECT at, actor, action, subject, changes{more} FROM audit_entries WHERE id = {id}"
)


def verdict(database: Database) -> Verdict:
    with database.reading() as session:
        return verify_chain(session)


def deeds(database: Database, count: int) -> list[int]:
    """So many print runs, each in its own unit of work; the numbers of their entries."""
    for number in range(count):
        with database.writing(Actor("小安")) as session:
            note_deed(session, AuditAction.PRINT, "customers", cards=number)
    with database.reading() as session:
        return list(session.exec(select(AuditEntry.id).order_by(AuditEntry.id)))[-count:]


def tamper(database: Database, *statements: str) -> None:
    """What somebody can do who has the database and not the program: drop the trigger, change, put it back."""
    drop, again = (
        (["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete"], [])
        if database.is_sqlite
        else (
            ["ALTER TABLE audit_entries DISABLE TRIGGER ALL"],
            ["ALTER TABLE audit_entries ENABLE TRIGGER ALL"],
        )
    )
    with database.engine.begin() as connection:
        for statement in (*drop, *statements, *again):
            connection.exec_driver_sql(statement)


def swap(first: int, second: int) -> tuple[str, ...]:
    return tuple(
        f"UPDATE audit_entries SET id = {after} WHERE id = {before}"
        for before, after in ((first, -1), (second, first), (-1, second))
    )


TAMPERINGS: dict[str, Callable[[list[int]], tuple[str, ...]]] = {
    "another actor": lambda ids: (f"UPDATE audit_entries SET actor = '小红' WHERE id = {ids[2]}",),
    "another moment": lambda ids: (f"UPDATE audit_entries SET at = '2020-01-01 00:00:00' WHERE id = {ids[2]}",),
    "another deed": lambda ids: (f"UPDATE audit_entries SET action = 'export' WHERE id = {ids[2]}",),
    "another table": lambda ids: (f"UPDATE audit_entries SET subject = 'visits' WHERE id = {ids[2]}",),
    "another record": lambda ids: (f"UPDATE audit_entries SET subject_id = 9 WHERE id = {ids[2]}",),
    "other changes": lambda ids: (f"UPDATE audit_entries SET changes = '{{}}' WHERE id = {ids[2]}",),
    "nobody's deed": lambda ids: (f"UPDATE audit_entries SET staff_id = 1 WHERE id = {ids[2]}",),
    "no seal": lambda ids: (f"UPDATE audit_entries SET seal = NULL WHERE id = {ids[2]}",),
    "one taken out": lambda ids: (f"DELETE FROM audit_entries WHERE id = {ids[2]}",),
    "the first taken out": lambda ids: (f"DELETE FROM audit_entries WHERE id < {ids[1]}",),
    "two changed about": lambda ids: swap(ids[2], ids[3]),
    "one put in with a copied seal": lambda ids: (NOISE.format(more=", seal", id=ids[2]),),
    "one put in without a seal": lambda ids: (NOISE.format(more="", id=ids[2]),),
}


@pytest.fixture
def ids(database: Database) -> list[int]:
    """A journal of six entries."""
    with database.writing() as session:
        session.add(Staff(name="小安", login="an", password_hash="x", role=Role.MANAGER))
    return deeds(database, 6)


@pytest.mark.parametrize("how", TAMPERINGS)
def test_tampering_is_found_where_it_begins(database: Database, ids: list[int], how: str) -> None:
    assert verdict(database).is_whole
    tamper(database, *TAMPERINGS[how](ids))
    broken = verdict(database).broken_id
    assert broken is not None
    if "put in" not in how:
        assert broken in {ids[1], ids[2], ids[3]}


@pytest.mark.parametrize("how", ["another actor", "one taken out", "one put in with a copied seal"])
def test_without_the_seals_nobody_would_notice(
    database: Database, ids: list[int], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(database, *TAMPERINGS[how](ids))
    monkeypatch.setattr(journal, "fits", lambda stored, expected, *, is_after_sealed: True)
    assert verdict(database).is_whole


def test_a_journal_goes_on_after_a_tampering_and_still_tells(database: Database, ids: list[int]) -> None:
    tamper(database, *TAMPERINGS["one put in without a seal"](ids))
    forged = ids[-1] + 1
    deeds(database, 2)
    assert verdict(database).broken_id == forged


def test_an_end_cut_off_is_found_by_who_knew_it(database: Database, ids: list[int]) -> None:
    with database.reading() as session:
        known = head(session)
        assert known is not None
        assert known.entry_id == ids[-1]
        assert holds(session, known)
        assert not holds(session, Head(known.entry_id, b"x" * 32))
    tamper(database, f"DELETE FROM audit_entries WHERE id > {ids[3]}")
    with database.reading() as session:
        assert verify_chain(session).is_whole, "the chain itself has no end"
        assert not holds(session, known)


def old_entries(database: Database, count: int) -> None:
    """Entries as they were written before there were seals."""
    with database.engine.begin() as connection:
        row = {"at": BEFORE_SEALS, "actor": "alt", "action": "print", "subject": "customers", "changes": "{}"}
        connection.execute(insert(AuditEntry), [row] * count)


def test_what_is_older_than_the_seals_is_vouched_for_by_the_first(database: Database) -> None:
    tamper(database, "DELETE FROM audit_entries")
    old_entries(database, 3)
    sealed = deeds(database, 1)[0]
    found = verdict(database)
    assert (found.is_whole, found.entries, found.unsealed) == (True, 4, 3)
    tamper_again = f"UPDATE audit_entries SET actor = 'neu' WHERE id = {sealed - 2}"
    with database.engine.begin() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER ALL")
        connection.exec_driver_sql(tamper_again)
    assert verdict(database).broken_id == sealed


def test_checking_a_long_journal_needs_no_more_memory_than_a_short_one(database: Database) -> None:
    def peak() -> int:
        tracemalloc.start()
        verdict(database)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    deeds(database, 1)
    with database.writing() as session:
        for _ in range(1_500):
            note_deed(session, AuditAction.PRINT, "customers", cards=1)
    short = peak()
    with database.writing() as session:
        for _ in range(6_000):
            note_deed(session, AuditAction.PRINT, "customers", cards=1)
    assert peak() < short * 1.5
    assert verdict(database).entries >= 7_500


def test_an_empty_journal_is_whole_and_has_no_head(database: Database) -> None:
    tamper(database, "DELETE FROM audit_entries")
    with database.reading() as session:
        assert verify_chain(session) == Verdict(0, 0, None, None)
        assert head(session) is None
