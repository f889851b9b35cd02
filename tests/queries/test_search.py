"""The search box: every way to a customer, whom it may show, and through which index."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col

from app.actions.customers import create_customer
from app.actions.tokens import revoke_tokens, standing_tokens
from app.db import Database
from app.models import Customer, CustomerAlias, Purchase, Staff, Store, Visit
from app.queries import search
from app.queries.finding import customers_like, ways_to
from app.queries.policy import current_policy
from app.queries.scopes import gathered_customers, visible
from app.queries.search import search_customers
from app.queries.staff import SignedIn
from app.rules.customers import CustomerDetails
from app.vocabulary import Role, TokenPurpose

FAMILY = "一家人"


@pytest.fixture
def customers(database: Database, now: datetime) -> dict[str, int]:
    """Six customers; numbers by name."""
    people = (
        ("张晓丽", "13800138000", ""),
        ("张晓", "13900001234", ""),
        ("欧阳晓丽", "13700001234", ""),
        ("李晓丽丽", "13600005678", ""),
        ("Mary Smith", "13500000001", ""),
        ("张大力", "13800138000", FAMILY),
    )
    with database.writing() as session:
        policy = current_policy(session)
        return {
            name: create_customer(
                session,
                CustomerDetails(name=name, phone=phone, phone_shared_reason=reason),
                policy=policy,
                now=now,
            ).id
            for name, phone, reason in people
        }


def names(database: Database, term: str, now: datetime, **how: Any) -> list[str]:
    """Who is shown, in order."""
    with database.reading() as session:
        return [hit.name for hit in search_customers(session, term, now=now, **how)]


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("张晓丽", ["张晓丽"]),
        ("张晓", ["张晓", "张晓丽"]),
        ("晓丽", ["张晓丽", "欧阳晓丽", "李晓丽丽"]),
        ("Smith", ["Mary Smith"]),
        ("zxl", ["张晓丽"]),
        ("ZhangXiao", ["张晓", "张晓丽"]),
        ("zhang x", ["张晓", "张晓丽"]),
        ("1234", ["张晓", "欧阳晓丽"]),
        ("139 0000 1234", ["张晓"]),
        ("+86 13900001234", ["张晓"]),
        ("没有这个人", []),
        ("", []),
        ("  ", []),
        ("%", []),
        ("_", []),
    ],
)
def test_every_way_to_a_customer(
    database: Database, customers: dict[str, int], now: datetime, term: str, found: list[str]
) -> None:
    assert names(database, term, now) == found


def test_exactly_what_was_typed_comes_before_what_only_begins_with_it(
    database: Database, customers: dict[str, int], now: datetime
) -> None:
    with database.writing() as session:
        session.get(Customer, customers["张大力"]).member_no = "ZX-1"
    assert names(database, "zx", now) == ["张晓", "张大力", "张晓丽"]


def test_a_member_number_and_one_that_was_joined_to_another_lead_to_her(
    database: Database, customers: dict[str, int], now: datetime
) -> None:
    with database.writing() as session:
        number = session.get(Customer, customers["张晓丽"]).member_no
        session.add(CustomerAlias(member_no="OLD-0007", customer_id=customers["张晓丽"]))
    for term in (number, f" {number[:4]} {number[4:]} ", "old-0007"):
        assert names(database, term, now) == ["张晓丽"]
    assert set(names(database, number[:4], now)) >= {"张晓丽"}


def test_a_scanned_card_leads_to_its_holder_until_it_is_replaced(
    database: Database, customers: dict[str, int], now: datetime
) -> None:
    customer_id = customers["欧阳晓丽"]
    with database.writing() as session:
        token = standing_tokens(session, [customer_id], now=now)[customer_id].token
    for scanned in (token, f"https://shop.example/card/{token}", f"/card/{token}?from=wechat", f"x/card/{token}.png"):
        assert names(database, scanned, now) == ["欧阳晓丽"]
    with database.writing() as session:
        revoke_tokens(session, TokenPurpose.CARD, [customer_id], now=now)
    assert names(database, token, now + timedelta(seconds=1)) == []


def test_only_a_number_a_card_or_the_only_hit_is_sure(
    database: Database, customers: dict[str, int], now: datetime
) -> None:
    def sure(term: str) -> list[str]:
        with database.reading() as session:
            return [hit.name for hit in search_customers(session, term, now=now) if hit.is_sure]

    with database.writing() as session:
        session.get(Customer, customers["张晓"]).member_no = "777"
        session.get(Customer, customers["张晓丽"]).member_no = "7771"
    assert sure("777") == ["张晓"]  # the other only begins like it
    assert sure("张大") == ["张大力"]
    assert sure("张晓") == []  # a name may be anybody's
    assert sure("13800138000") == []  # mother and son share it


def test_no_more_than_asked_for_and_nobody_twice(database: Database, customers: dict[str, int], now: datetime) -> None:
    assert names(database, "z", now, most=2) == ["张大力", "张晓"]
    found = names(database, "zhang", now)
    assert len(found) == len(set(found)) == 3


def test_whoever_may_not_see_a_customer_does_not_find_her(
    database: Database, customers: dict[str, int], now: datetime
) -> None:
    with database.writing() as session:
        session.add(other := Store(code="S2", name="二店"))
        session.flush()
        session.get(Customer, customers["张晓丽"]).store_id = other.id
        number = session.get(Customer, customers["张晓丽"]).member_no
        token = standing_tokens(session, [customers["张晓丽"]], now=now)[customers["张晓丽"]].token
    hers = col(Customer.store_id).is_(None)
    for term in ("晓丽", number, token, "zxl"):
        assert "张晓丽" in names(database, term, now)
        assert "张晓丽" not in names(database, term, now, within=hers)


# ── A narrow reach ────────────────────────────────────────────────────────────────────────────────────────────────────

TERMS = ("张", "晓丽", "zxl", "z", "zhang", "1234", "13800138000", "OLD-1", "1000", "没有这个人", "")
PEOPLE = ((Role.MANAGER, "S2"), (Role.RECEPTION, "S3"), (Role.BEAUTICIAN, None), (Role.BEAUTICIAN, "S2"))


@pytest.fixture
def stores(database: Database, customers: dict[str, int], now: datetime) -> dict[str | None, int | None]:
    """Everybody belongs to S3 but one to none, one to S2; two others were served or bought something at S2."""
    with database.writing() as session:
        kept = {code: Store(code=code, name=code) for code in ("S2", "S3")}
        session.add_all([*kept.values(), Staff(id=77, name="B", login="b77", password_hash="!", role=Role.BEAUTICIAN)])
        session.flush()
        for name, customer_id in customers.items():
            session.get(Customer, customer_id).store_id = kept["S2" if name == "张晓丽" else "S3"].id
        session.get(Customer, customers["Mary Smith"]).store_id = None
        session.add(CustomerAlias(member_no="OLD-1", customer_id=customers["张晓"]))
        here = {"store_id": kept["S2"].id, "created_at": now}
        session.add(Visit(customer_id=customers["张晓"], visited_at=now, staff_id=77, **here))
        session.add(Purchase(order_no="1", customer_id=customers["张大力"], occurred_at=now, paid_fen=1, **here))
        return {None: None, **{code: store.id for code, store in kept.items()}}


def reach(role: Role, store_id: int | None, now: datetime) -> dict[str, Any]:
    """What a person's search is narrowed by."""
    person = SignedIn(77, "B", role, store_id, "", 1, now)
    return {"within": visible(Customer, person), "gathered": gathered_customers(person)}


@pytest.mark.parametrize(("role", "code"), PEOPLE)
def test_a_narrow_reach_is_gathered_first_and_finds_the_same_in_the_same_order(
    database: Database,
    stores: dict[str | None, int | None],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    role: Role,
    code: str | None,
) -> None:
    how, found, gathered = reach(role, stores[code], now), {}, []
    real = search._gathered
    monkeypatch.setattr(search, "_gathered", lambda *a: gathered.append(a) or real(*a))
    for few in (0, 1000):
        monkeypatch.setattr(search, "_worth_gathering", lambda session, few=few: few)
        found[few] = {term: names(database, term, now, **how) for term in TERMS}
        assert bool(gathered) is bool(few)
    assert found[0] == found[1000]
    assert any(found[0].values())


def test_whoever_reaches_more_than_a_few_is_not_gathered(
    database: Database, stores: dict[str | None, int | None], now: datetime
) -> None:
    def few(most: int, code: str | None, role: Role = Role.MANAGER) -> bool:
        return search._are_at_most(most, session, reach(role, stores[code], now)["gathered"])

    with database.reading() as session:
        # Of S2: one, another of no store, one who bought, one who was served.
        assert (few(3, "S2"), few(4, "S2")) == (False, True)
        assert (few(0, None, Role.BEAUTICIAN), few(1, None, Role.BEAUTICIAN)) == (False, True)
    assert reach(Role.OWNER, None, now)["gathered"] == ()


@pytest.mark.parametrize(("role", "code"), PEOPLE)
def test_gathering_reads_no_other_customer(
    database: Database, stores: dict[str | None, int | None], now: datetime, role: Role, code: str | None
) -> None:
    how = reach(role, stores[code], now)
    with database.reading() as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        for way in ways_to("z", search._gathered(100, how["gathered"], how["within"])):
            told = plan(session, search._one_way(0, way, search.ANYTHING, 8))
            assert "SCAN customers" not in told, told
            assert "Seq Scan" not in told, told
            for index in ("name", "given_name", "name_initials", "name_pinyin"):
                assert f"ix_customers_{index}_id" not in told, told


def test_the_lists_find_by_the_same_ways(database: Database, customers: dict[str, int]) -> None:
    with database.reading() as session:
        found = session.execute(search.select(Customer.name).where(customers_like("晓丽"))).all()
    assert {name for (name,) in found} == {"张晓丽", "欧阳晓丽", "李晓丽丽"}


# ── Through which index ───────────────────────────────────────────────────────────────────────────────────────────────


def plan(session: Session, statement: Any) -> str:
    """How the database means to find it."""
    bind = session.get_bind()
    compiled = statement.compile(bind, compile_kwargs={"render_postcompile": True})
    explain = "EXPLAIN QUERY PLAN " if bind.dialect.name == "sqlite" else "EXPLAIN "
    rows = session.connection().exec_driver_sql(explain + str(compiled), _values(compiled, bind)).all()
    return "\n".join(str(row[-1]) for row in rows)


def _values(compiled: Any, bind: Any) -> Any:
    values = compiled.params
    return values if bind.dialect.name != "sqlite" else tuple(values[name] for name in compiled.positiontup)


@pytest.mark.parametrize("term", ["晓丽", "zxl", "13800138000", "1234", "OLD-0007"])
def test_each_way_is_served_by_an_index_and_sorts_nothing_large(
    database: Database, customers: dict[str, int], term: str
) -> None:
    with database.reading() as session:
        if not database.is_sqlite:  # with six rows it would rather read them all
            session.execute(text("SET LOCAL enable_seqscan = off"))
        for number, way in enumerate(ways_to(term)):
            told = plan(session, search._one_way(number, way, search.ANYTHING, 8))
            assert "SCAN customers" not in told
            assert "Seq Scan" not in told
            assert "ndex" in told or "INDEX" in told or "PRIMARY KEY" in told, told
            # Few share a phone or its last four digits: a hundred of a million.
            if way.column not in {Customer.id, Customer.phone_index, Customer.phone_last4}:
                assert "TEMP B-TREE" not in told, told


def test_one_or_over_all_of_them_would_sort_everything_it_finds(database: Database, customers: dict[str, int]) -> None:
    """The negative control: what the search does not do."""
    if not database.is_sqlite:
        pytest.skip("SQLite's own plan")
    with database.reading() as session:
        naive = search.select(Customer.id).where(customers_like("zxl")).order_by(Customer.name, Customer.id).limit(8)
        assert "TEMP B-TREE" in plan(session, naive)
