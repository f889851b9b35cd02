"""Candidates come through an index, whichever way they are looked for."""

from sqlalchemy import event, insert, text

from app.db import Database
from app.models import Customer
from app.queries.duplicates import BLOCKS, people_like
from app.rules.duplicates import Person
from app.vocabulary import Calendar
from tests.conftest import NOW

PROBE = Person(
    0, "王小明", "wangxiaoming", "wxm", "小明", birthday="1990-03-12", calendar=Calendar.SOLAR, phone_index=b"1", last4="8000",
    wechat_index=b"2", email="a@b.cn",
)  # fmt: skip
SHORT = Person(0, "小明", "xiaoming", "xm", "明", birthday="1990-03-12", last4="8000")


MANY = 20_000


def filled(database: Database) -> None:
    """So many customers that an index is worth it."""
    rows = [
        {
            "member_no": f"{number:08d}", "name": f"王小{number}", "name_pinyin": f"wangxiao{number}",
            "name_initials": f"wx{number % 26}", "given_name": f"小{number}", "birth_month": number % 12 + 1,
            "birth_day": number % 28 + 1, "birthday": "1990-03-12", "phone_last4": f"{number % 10_000:04d}",
            "phone_index": b"%d" % number, "wechat_index": b"w%d" % number, "email": f"{number}@b.cn", "tier_id": 1,
            "created_at": NOW, "updated_at": NOW,
        }
        for number in range(MANY)
    ]  # fmt: skip
    with database.writing() as session:
        session.connection().execute(insert(Customer), rows)
        session.connection().execute(text("ANALYZE"))


def test_every_block_is_a_seek_on_both_databases(database: Database) -> None:
    filled(database)
    asked: list[tuple[str, object]] = []
    with database.reading() as session:
        connection = session.connection()

        @event.listens_for(connection, "before_cursor_execute")
        def note(conn, cursor, statement, parameters, context, many):
            if "asked" in statement and not statement.startswith("EXPLAIN"):
                asked.append((statement, parameters))

        people_like(session, [PROBE, SHORT])
        assert len(asked) >= len(BLOCKS)
        for statement, parameters in list(asked):
            how = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
            plan = " | ".join(str(row) for row in connection.exec_driver_sql(how + statement, parameters))
            walked = "SCAN customers" if database.is_sqlite else "Seq Scan on customers"
            assert walked not in plan, f"{statement}\n{plan}"
            assert "customers" in plan
