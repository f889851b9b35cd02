"""Who did what: in the same transaction, without anybody's phone, for ever."""

import json

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from app.audit import Actor, note_deed
from app.columns import blind_index
from app.db import Database
from app.models import AuditEntry, Customer, Staff, Tag, Tier
from app.vocabulary import AuditAction, Role

CANARY = "+8613912345678"


def entries(database: Database, subject: str) -> list[AuditEntry]:
    """What was written down about one table."""
    with database.reading() as session:
        return list(session.exec(select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id)))


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
