"""Finding somebody at the counter: by whatever is typed, on either database, whatever language its server sorts in."""

import pytest
from sqlalchemy import text
from sqlmodel import select

from app.actions.customers import create_customer
from app.db import Database
from app.models import Customer
from app.queries.finding import customers_like
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from tests.conftest import NOW

PEOPLE = (("王丽", "13912345678"), ("王小梅", "13912340001"), ("曾喆", "13912340002"), ("Mary Smith", "13912340003"))


@pytest.fixture
def people(database: Database) -> Database:
    """Four customers."""
    with database.writing() as session:
        for name, phone in PEOPLE:
            create_customer(session, CustomerDetails(name=name, phone=phone), policy=Policy(), now=NOW)
    return database


def found(database: Database, term: str) -> list[str]:
    """The names a term finds."""
    with database.reading() as session:
        return sorted(session.exec(select(Customer.name).where(customers_like(term))))


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("王", ["王丽", "王小梅"]),
        ("王小", ["王小梅"]),
        ("wang", ["王丽", "王小梅"]),
        ("wxm", ["王小梅"]),
        ("zengz", ["曾喆"]),
        ("WANG XIAO", ["王小梅"]),
        ("mary", ["Mary Smith"]),
        ("5678", ["王丽"]),
        ("139 1234 0001", ["王小梅"]),
        ("+86 13912340002", ["曾喆"]),
        ("1000", ["Mary Smith", "曾喆", "王丽", "王小梅"]),
        ("丽", ["王丽"]),
        ("9999", []),
        ("", []),
        ("%", []),
        ("_", []),
        ("'; DROP TABLE customers; --", []),
    ],
)
def test_whatever_is_typed_finds_the_right_people(people: Database, term: str, names: list[str]) -> None:
    assert found(people, term) == names


@pytest.mark.parametrize("term", ["欧阳雪", "欧阳 雪", "欧 阳", "雪", "oyx", "ouyang xue"])
def test_a_name_written_with_a_blank_is_found_with_and_without_it(database: Database, term: str) -> None:
    with database.writing() as session:
        create_customer(session, CustomerDetails(name="欧阳 雪"), policy=Policy(), now=NOW)
    assert found(database, term) == ["欧阳雪"]


def test_every_way_of_searching_goes_through_an_index(people: Database) -> None:
    """On PostgreSQL four rows are read whole; without that choice it must be able to use the indexes."""
    statement = select(Customer.id).where(customers_like("wang"))
    with people.reading() as session:
        query = str(statement.compile(session.connection(), compile_kwargs={"literal_binds": True}))
        query = query.replace("%%", "%")
        if people.is_sqlite:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").fetchall()
        else:
            session.connection().execute(text("SET LOCAL enable_seqscan = off"))
            plan = session.connection().exec_driver_sql(f"EXPLAIN {query}").fetchall()
    written = " ".join(str(row) for row in plan)
    assert "ix_customers_name_pinyin_id" in written
    assert "SCAN customers" not in written.replace("Seq Scan", "SCAN")
