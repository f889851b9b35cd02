"""What each condition means to the database, one field after the other, on both."""

import json
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, true
from sqlmodel import Session, select

from app.actions.points import earn_points
from app.db import Database
from app.models import (
    Consent,
    Customer,
    CustomerTag,
    Product,
    Purchase,
    PurchaseLine,
    SkinRecord,
    Store,
    Tag,
    Tier,
    Treatment,
    Visit,
)
from app.queries.tagged import Found, Moment, fitting, found_by, records_of
from app.rules.conditions import FIELDS, OPS, read_rule
from app.vocabulary import (
    CategoryOfNeed,
    Channel,
    CustomerStatus,
    Gender,
    Purpose,
    SkinType,
    Source,
)
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
MOMENT = Moment(NOW, ZONE)
Typed = tuple[str, str, str]


def days(n: int) -> timedelta:
    """So many days."""
    return timedelta(days=n)


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A shop with three customers: Ana has everything, Bea little, and Cleo nothing; a fourth may not be used."""
    with database.writing() as session:
        tiers = session.exec(select(Tier).order_by(Tier.rank)).all()  # type: ignore[arg-type]
        store = Store(code="S2", name="二店")
        tag = Tag(name="一月会员")
        facial = Treatment(code="F", name="面部", category=CategoryOfNeed.SKIN)
        polish = Product(sku="P", name="甲油", category=CategoryOfNeed.NAILS)
        session.add_all([store, tag, facial, polish])
        session.flush()
        ana = Customer(
            member_no="1", name="ana", tier_id=tiers[1].id, gender=Gender.FEMALE, birthday="1996-11-24", birth_month=11,
            source=Source.EVENT, store_id=store.id, preferred_channel=Channel.SMS, address="上海市浦东新区100%路",
            occupation="Teacher", skin_type=SkinType.DRY, created_at=NOW - days(100),
        )  # fmt: skip
        bea = Customer(
            member_no="2", name="bea", tier_id=tiers[0].id, is_vip=True, gender=Gender.MALE, birthday="1996-11-25", birth_month=11,
            created_at=NOW - days(10),
        )  # fmt: skip
        cleo = Customer(
            member_no="3", name="cleo", tier_id=tiers[0].id, birthday="02-01", birth_month=2, created_at=NOW
        )
        dora = Customer(
            member_no="4", name="dora", tier_id=tiers[0].id, status=CustomerStatus.RESTRICTED, created_at=NOW
        )
        session.add_all([ana, bea, cleo, dora])
        session.flush()
        session.add_all(
            [
                CustomerTag(customer_id=ana.id, tag_id=tag.id),
                Visit(customer_id=ana.id, visited_at=NOW - days(5), treatment_id=facial.id),
                Visit(customer_id=ana.id, visited_at=NOW - days(50)),
                Visit(customer_id=bea.id, visited_at=NOW - days(50)),
                SkinRecord(customer_id=ana.id, seen_on=NOW.date() - days(9), skin_type=SkinType.DRY),
                SkinRecord(
                    customer_id=ana.id, seen_on=NOW.date(), skin_type=SkinType.DRY, is_sensitive=True, created_at=NOW
                ),
                SkinRecord(customer_id=bea.id, seen_on=NOW.date(), skin_type=SkinType.DRY),
                Consent(
                    customer_id=ana.id,
                    purpose=Purpose.MARKETING,
                    channel=Channel.SMS,
                    notice_version="1",
                    granted_at=NOW,
                ),
                Consent(
                    customer_id=bea.id, purpose=Purpose.MARKETING, notice_version="1", granted_at=NOW, withdrawn_at=NOW
                ),
            ]
        )
        sale = Purchase(order_no="A", occurred_at=NOW - days(20), customer_id=ana.id, paid_fen=50000)
        back = Purchase(order_no="R", occurred_at=NOW - days(19), customer_id=ana.id, paid_fen=-10000)
        session.add_all([sale, back])
        session.flush()
        back.refund_of_id = sale.id
        session.add(
            PurchaseLine(
                purchase_id=sale.id, position=1, item="甲油", unit_price_fen=1, amount_fen=1, product_id=polish.id
            )
        )
        session.flush()
        earn_points(session, ana.id or 0, 300, reference="x", reason="", now=NOW, zone=ZONE)
        yield session


def numbered(session: Session, name: str) -> dict[str, str]:
    """The records a field may point at, by name."""
    return {label: str(number) for number, label in records_of(session, FIELDS[name].table)}


def who(session: Session, *conditions: Typed, match: str = "all") -> str:
    """Whom a rule means, by their first letters."""
    rule = read_rule(match, conditions)
    names = session.exec(select(Customer.name).where(fitting(rule, MOMENT)).order_by(Customer.name)).all()
    return "".join(name[0] for name in names)


CASES: tuple[tuple[Typed, str], ...] = (
    (("vip", "is", "yes"), "b"),
    (("vip", "is", "no"), "ac"),
    (("gender", "is", "female"), "a"),
    (("gender", "is_not", "female"), "bc"),
    (("age", "at_least", "30"), "a"),  # thirty today; tomorrow for the other; the third one's year is not known
    (("age", "at_most", "29"), "b"),
    (("age", "at_least", "29"), "ab"),
    (("birth_month", "is", "11"), "ab"),
    (("birth_month", "is_not", "11"), "c"),
    (("source", "is", "event"), "a"),
    (("preferred_channel", "is", "sms"), "a"),
    (("preferred_channel", "is_not", "sms"), "bc"),
    (("address", "contains", "浦东"), "a"),
    (("address", "contains", "100%"), "a"),
    (("address", "contains", "1%"), ""),
    (("address", "lacks", "浦东"), "bc"),
    (("occupation", "contains", "teach"), "a"),
    (("skin_type", "is", "dry"), "a"),
    (("sensitive", "is", "yes"), "a"),
    (("sensitive", "is", "no"), "b"),
    (("created", "within", "10"), "bc"),
    (("created", "within", "9"), "c"),
    (("created", "longer_ago", "10"), "a"),
    (("last_visit", "within", "5"), "a"),
    (("last_visit", "within", "4"), ""),
    (("last_visit", "longer_ago", "30"), "bc"),
    (("last_purchase", "within", "20"), "a"),
    (("last_purchase", "within", "19"), ""),  # what was given back is no purchase
    (("last_purchase", "longer_ago", "30"), "bc"),
    (("visits", "at_least", "2"), "a"),
    (("visits", "at_most", "1"), "bc"),
    (("visits", "at_most", "0"), "c"),
    (("paid", "at_least", "400"), "a"),
    (("paid", "at_least", "400.01"), ""),
    (("paid", "at_most", "0"), "bc"),
    (("points", "at_least", "300"), "a"),
    (("points", "at_most", "299"), "bc"),
    (("bought_category", "is", "nails"), "a"),
    (("bought_category", "is", "skin"), "a"),
    (("bought_category", "is_not", "skin"), "bc"),
    (("bought_category", "is", "hair"), ""),
    (("consent", "is", "marketing"), "a"),
    (("consent", "is_not", "marketing"), "bc"),
    (("status", "is", "restricted"), "d"),
    (("status", "is", "active"), "abc"),
)
POINTING: tuple[tuple[str, str, str, str], ...] = (
    ("tag", "一月会员", "a", "bc"),
    ("store", "二店", "a", "bc"),
    ("bought_treatment", "面部", "a", "bc"),
    ("bought_product", "甲油", "a", "bc"),
)


def test_every_condition_means_exactly_whom_it_says(session: Session) -> None:
    wrong = [(typed, whom, got) for typed, whom in CASES if (got := who(session, typed)) != whom]
    for name, called, whom, others in POINTING:
        number = numbered(session, name)[called]
        for op, wanted in (("is", whom), ("is_not", others)):
            if (got := who(session, (name, op, number))) != wanted:
                wrong.append(((name, op, number), wanted, got))
    highest = list(numbered(session, "tier").values())[1]
    assert who(session, ("tier", "is", highest)) == "a"
    assert wrong == []


def test_no_field_and_no_operator_goes_unasked(session: Session) -> None:
    asked = {typed[:2] for typed, _ in CASES} | {(name, op) for name, *_ in POINTING for op in ("is", "is_not")}
    there = {(field.name, str(op)) for field in FIELDS.values() for op in OPS[field.kind]}
    assert {name for name, _ in there} == {name for name, _ in asked} | {"tier"}


def test_all_of_the_conditions_or_any_of_them(session: Session) -> None:
    young, visitor = ("created", "within", "10"), ("visits", "at_least", "1")
    assert who(session, young, visitor) == "b"
    assert who(session, young, visitor, match="any") == "abc"


def test_a_look_before_it_is_kept(session: Session) -> None:
    rule = read_rule("all", [("visits", "at_least", "1")])
    assert found_by(session, rule, MOMENT, true()) == Found(2, ("bea", "ana"))
    nobody = read_rule("all", [("visits", "at_least", "9")])
    assert found_by(session, nobody, MOMENT, true()) == Found(0, ())


def test_of_very_many_customers_some_are_looked_at_and_it_says_so(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second one fits: an even step would take that for all or for nobody."""
    session.add_all(
        Customer(
            member_no=f"X{n}",
            name="x",
            tier_id=1,
            created_at=NOW,
            gender=Gender.FEMALE if n % 2 else Gender.MALE,
        )
        for n in range(400)
    )
    session.flush()
    monkeypatch.setattr("app.queries.tagged.EXACT_UP_TO", 300)
    monkeypatch.setattr("app.queries.tagged.LOOKED_AT", 100)
    rule = read_rule("all", [("gender", "is", "female")])
    found = found_by(session, rule, MOMENT, true())
    assert found.one_in == 4
    assert found.n % 4 == 0
    assert 130 <= found.n <= 270  # two hundred do
    assert found_by(session, rule, MOMENT, true()) == found


def test_tags_with_a_rule_are_not_offered_as_a_condition(session: Session) -> None:
    session.exec(select(Tag).where(Tag.name == "一月会员")).one().rule = read_rule("all", [CASES[0][0]]).as_json()
    session.flush()
    assert "一月会员" not in numbered(session, "tag")


def test_each_part_of_a_rule_goes_by_an_index_of_hers(session: Session) -> None:
    """At a million customers nothing but the customers themselves may be walked through."""
    walked = []
    for name, field in FIELDS.items():
        value = (
            next(iter(field.choices)).value
            if field.choices
            else {"record": "1", "yes": "yes", "text": "x"}.get(field.kind, "5")
        )
        for op in OPS[field.kind]:
            rule = read_rule("all", [(name, op, value)])
            if plan := _walks(session, select(Customer.id).where(fitting(rule, MOMENT))):
                walked.append((name, op, plan))
    assert walked == []


def _walks(session: Session, query: object) -> list[str]:
    """Tables of what happened that a plan reads from end to end."""
    happened = ("visits", "purchases", "purchase_lines", "consents", "customer_tags", "points_accounts", "skin_records")
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        sql = query.compile(connection.engine)  # type: ignore[attr-defined]
        steps = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sql}", tuple(sql.params[one] for one in sql.positiontup)
        ).all()
        return [step[3] for step in steps if step[3].startswith("SCAN") and step[3].split()[1] in happened]
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    sql = query.compile(connection.engine)  # type: ignore[attr-defined]
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", sql.params).scalar()
    return [one for one in _seq_scans(plan if isinstance(plan, list) else json.loads(plan)) if one in happened]


def _seq_scans(plan: object) -> Iterator[str]:
    if isinstance(plan, list):
        for one in plan:
            yield from _seq_scans(one)
    if isinstance(plan, dict):
        if plan.get("Node Type") == "Seq Scan":
            yield plan["Relation Name"]
        for one in plan.values():
            yield from _seq_scans(one)
