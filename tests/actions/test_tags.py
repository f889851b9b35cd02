"""Tags go on and come off: by hand, for many at once, by rule; neither touches what the other put."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import true
from sqlmodel import Session, col, select

from app.actions.customers import create_customer, update_customer
from app.actions.purchases import record_purchase
from app.actions.tags import (
    Applied,
    apply_rule,
    recompute_customer,
    set_hand_tags,
    set_rule,
    tag_many,
    undo_tagging,
    untag_many,
)
from app.db import Database
from app.jobs.errands import Errand
from app.jobs.tags import CUSTOMERS_AT_ONCE, apply_rules
from app.models import AuditEntry, Customer, CustomerTag, Tag
from app.rules.conditions import Rule, read_rule
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.refusals import NotFound
from app.rules.tags import RuleOnRule, TagHasRule, UndoGone, as_ranges, read_ranges
from app.vocabulary import Gender, TagOrigin
from tests.actions.points_shop import new_customer
from tests.conftest import NOW

ZONE = ZoneInfo("Asia/Shanghai")
WOMEN = read_rule("all", [("gender", "is", "female")])
WHEN = {"now": NOW, "zone": ZONE}


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """One unit of work of a test."""
    with database.writing() as session:
        yield session


@pytest.fixture
def people(session: Session) -> list[int]:
    """Three customers, the first two of them women."""
    ids = [new_customer(session, name) for name in ("一", "二", "三")]
    for customer in session.exec(select(Customer).where(col(Customer.id).in_(ids[:2]))):
        customer.gender = Gender.FEMALE
    session.flush()
    return ids


def new_tag(session: Session, name: str = "新", rule: Rule | None = None) -> int:
    """A tag of this test."""
    tag = Tag(name=name, rule=rule.as_json() if rule else "")
    session.add(tag)
    session.flush()
    return tag.id or 0


def worn(session: Session, tag_id: int) -> dict[int, TagOrigin]:
    """Who wears it, and who put it there."""
    rows = session.exec(select(CustomerTag.customer_id, CustomerTag.origin).where(CustomerTag.tag_id == tag_id))
    return dict(rows.all())


def put_on(session: Session, customer_id: int, tag_id: int, *, now: datetime) -> None:
    """By hand, on one customer."""
    tag_many(session, tag_id, col(Customer.id) == customer_id, now=now, staff_id=None)


# ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tag_goes_on_once_and_comes_off(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    for _ in range(2):
        set_hand_tags(session, people[0], [tag_id], now=NOW)
        assert worn(session, tag_id) == {people[0]: TagOrigin.MANUAL}
    set_hand_tags(session, people[0], None, now=NOW)
    assert worn(session, tag_id) == {people[0]: TagOrigin.MANUAL}
    set_hand_tags(session, people[0], [], now=NOW)
    assert worn(session, tag_id) == {}


def test_a_tag_that_is_not_there_is_not_found(session: Session, people: list[int]) -> None:
    with pytest.raises(NotFound):
        tag_many(session, 999_999, true(), now=NOW, staff_id=None)
    with pytest.raises(NotFound):
        untag_many(session, 999_999, true(), now=NOW)


def test_a_tag_with_a_rule_is_not_put_on_by_hand(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session, rule=WOMEN)
    for by_hand in (
        lambda: set_hand_tags(session, people[2], [tag_id], now=NOW),
        lambda: tag_many(session, tag_id, true(), now=NOW, staff_id=None),
        lambda: untag_many(session, tag_id, true(), now=NOW),
        lambda: update_customer(session, people[2], CustomerDetails(tag_ids=(tag_id,)), now=NOW),
    ):
        with pytest.raises(TagHasRule):
            by_hand()
    assert worn(session, tag_id) == {}


def test_a_form_leaves_what_a_rule_put_on(session: Session, people: list[int]) -> None:
    by_rule, by_hand = new_tag(session, "规则", WOMEN), new_tag(session, "手工")
    apply_rule(session, by_rule, **WHEN)
    update_customer(session, people[0], CustomerDetails(tag_ids=(by_hand,)), now=NOW)
    update_customer(session, people[0], CustomerDetails(tag_ids=()), now=NOW)
    assert (worn(session, by_hand), people[0] in worn(session, by_rule)) == ({}, True)


# ── Many at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_are_tagged_in_one_deed_and_it_can_be_taken_back(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    put_on(session, people[0], tag_id, now=NOW - timedelta(days=1))
    done = tag_many(session, tag_id, col(Customer.id).in_(people), now=NOW, staff_id=None)
    assert (done.count, set(worn(session, tag_id))) == (2, set(people))
    _write_down(session)
    assert undo_tagging(session, tag_id, done.mark, within=true(), now=NOW, staff_id=None) == 2
    assert set(worn(session, tag_id)) == {people[0]}
    with pytest.raises(UndoGone):
        undo_tagging(session, tag_id, done.mark, within=true(), now=NOW, staff_id=None)


def test_many_lose_a_tag_in_one_deed_and_get_it_back(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    tag_many(session, tag_id, col(Customer.id).in_(people[:2]), now=NOW, staff_id=None)
    done = untag_many(session, tag_id, col(Customer.id).in_(people), now=NOW + timedelta(minutes=1))
    assert (done.count, worn(session, tag_id)) == (2, {})
    _write_down(session)
    assert undo_tagging(session, tag_id, done.mark, within=true(), now=NOW, staff_id=None) == 2
    assert set(worn(session, tag_id)) == set(people[:2])


def test_what_was_changed_since_stays_as_it_was_left(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    done = tag_many(session, tag_id, col(Customer.id).in_(people), now=NOW, staff_id=None)
    untag_many(session, tag_id, col(Customer.id) == people[0], now=NOW)
    put_on(session, people[0], tag_id, now=NOW + timedelta(hours=1))
    _write_down(session)
    assert undo_tagging(session, tag_id, done.mark, within=true(), now=NOW, staff_id=None) == 2
    assert set(worn(session, tag_id)) == {people[0]}


def test_an_undo_reaches_no_further_than_the_person_does(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    done = tag_many(session, tag_id, col(Customer.id).in_(people), now=NOW, staff_id=None)
    _write_down(session)
    hers = col(Customer.id) == people[0]
    assert undo_tagging(session, tag_id, done.mark, within=hers, now=NOW, staff_id=None) == 1


@pytest.mark.parametrize("mark", ["", "1", "x", "9" * 40, "-1", "1.5"])
def test_a_mark_nobody_made_undoes_nothing(session: Session, mark: str) -> None:
    with pytest.raises(UndoGone):
        undo_tagging(session, new_tag(session), mark, within=true(), now=NOW, staff_id=None)


def test_a_deed_that_changes_nothing_is_not_written_down(session: Session) -> None:
    done = tag_many(session, new_tag(session), col(Customer.id) == 0, now=NOW, staff_id=None)
    assert (done.count, done.mark) == (0, "")


def test_the_journal_says_what_was_done_to_how_many(database: Database) -> None:
    with database.writing() as session:
        ids = [new_customer(session, name) for name in "一二"]
        tag_id = new_tag(session)
        tag_many(session, tag_id, col(Customer.id).in_(ids), now=NOW, staff_id=None)
    with database.reading() as session:
        about = AuditEntry.subject == "tags", AuditEntry.subject_id == tag_id
        lines = session.exec(select(AuditEntry.changes).where(*about)).all()
    assert any('"put_on": 2' in line for line in lines)


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([7], "7"), ([3, 1, 2], "1-3"), ([1, 2, 4, 9, 10], "1-2,4,9-10")]
)
def test_numbers_are_remembered_as_ranges(numbers: list[int], text: str) -> None:
    assert as_ranges(numbers) == text
    assert read_ranges(text) == sorted(numbers)


def _write_down(session: Session) -> None:
    """The journal is written at a commit: here, in the middle of a test."""
    session.commit()


# ── By rule ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_puts_its_tag_on_and_takes_it_off(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session, rule=WOMEN)
    assert apply_rule(session, tag_id, **WHEN) == Applied(put_on=2)
    assert worn(session, tag_id) == dict.fromkeys(people[:2], TagOrigin.RULE)
    assert apply_rule(session, tag_id, **WHEN) == Applied()
    session.get_one(Customer, people[0]).gender = Gender.UNKNOWN
    assert apply_rule(session, tag_id, **WHEN) == Applied(taken_off=1)


def test_what_a_hand_put_on_no_rule_takes_off(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    put_on(session, people[2], tag_id, now=NOW)
    put_on(session, people[0], tag_id, now=NOW)
    set_rule(session, tag_id, WOMEN, staff_id=None)
    assert apply_rule(session, tag_id, **WHEN) == Applied(put_on=1)
    session.get_one(Customer, people[0]).gender = Gender.MALE
    assert apply_rule(session, tag_id, **WHEN) == Applied()
    set_rule(session, tag_id, None, staff_id=None)
    assert worn(session, tag_id) == dict.fromkeys((people[0], people[2]), TagOrigin.MANUAL)


def test_a_rule_neither_names_its_own_tag_nor_one_with_a_rule(session: Session) -> None:
    by_rule, by_hand, other = new_tag(session, "甲", WOMEN), new_tag(session, "乙"), new_tag(session, "丙")

    def wearing(tag_id: int) -> Rule:
        return read_rule("all", [("tag", "is", str(tag_id))])

    for own, named in ((by_hand, by_hand), (by_hand, by_rule)):
        with pytest.raises(RuleOnRule):
            set_rule(session, own, wearing(named), staff_id=None)
    set_rule(session, other, wearing(by_hand), staff_id=None)
    with pytest.raises(RuleOnRule):  # it is waited for by another
        set_rule(session, by_hand, WOMEN, staff_id=None)


def test_a_rule_nobody_can_read_does_nothing(session: Session, people: list[int]) -> None:
    tag_id = new_tag(session)
    session.get_one(Tag, tag_id).rule = '{"match": "later"}'
    assert apply_rule(session, tag_id, **WHEN) == Applied()
    recompute_customer(session, people[0], **WHEN)
    assert worn(session, tag_id) == {}


def test_one_customer_is_looked_at_at_once_whatever_made_her_fit(session: Session) -> None:
    women = new_tag(session, "女", WOMEN)
    buyers = new_tag(session, "买过", read_rule("all", [("paid", "at_least", "100")]))
    who = {"policy": Policy(), **WHEN}
    customer = create_customer(session, CustomerDetails(name="王", gender=Gender.FEMALE), **who)
    assert (customer.id in worn(session, women), customer.id in worn(session, buyers)) == (True, False)
    sale = Sale(
        order_no="A1", occurred_at=NOW, member_no=customer.member_no, lines=(SaleLine(item="面霜", amount_fen=10000),)
    )
    record_purchase(session, sale, **who)
    assert customer.id in worn(session, buyers)
    record_purchase(
        session, replace(sale, order_no="R1", refund_of="A1", lines=(SaleLine(item="面霜", amount_fen=-10000),)), **who
    )
    assert customer.id not in worn(session, buyers)
    update_customer(session, customer.id or 0, CustomerDetails(gender=Gender.MALE), **who)
    assert customer.id not in worn(session, women)


def test_the_night_looks_at_every_portion_and_every_tag(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CUSTOMERS_AT_ONCE > 1000
    monkeypatch.setattr("app.jobs.tags.CUSTOMERS_AT_ONCE", 2)
    with database.writing() as session:
        ids = [new_customer(session, name) for name in "一二三四五"]
        first, second = (
            new_tag(session, "甲", read_rule("any", [("created", "within", "9")])),
            new_tag(session, "乙", WOMEN),
        )
        session.get_one(Customer, ids[4]).gender = Gender.FEMALE
        for customer in session.exec(select(Customer)):
            customer.created_at = NOW
    payload: object = {}
    outcome = ""
    while payload is not None:
        with database.writing() as session:
            errand = Errand("k", payload, NOW, NOW, Policy(), ZONE)  # type: ignore[arg-type]
            done = apply_rules(session, errand)
        payload, outcome = done.then, done.outcome
    with database.reading() as session:
        assert set(worn(session, first)) == set(ids)
        assert set(worn(session, second)) == {ids[4]}
    assert outcome == "按规则贴上 6 个标签，摘下 0 个"


def test_eight_tills_at_once_put_a_tag_on_once(database: Database) -> None:
    with database.writing() as session:
        ids = [new_customer(session, name) for name in "一二三"]
        tag_id = new_tag(session)

    def tag(number: int) -> int:
        with database.writing() as session:
            return tag_many(session, tag_id, col(Customer.id).in_(ids), now=NOW, staff_id=None).count

    with ThreadPoolExecutor(8) as tills:
        assert sum(tills.map(tag, range(8))) == 3
    with database.reading() as session:
        assert set(worn(session, tag_id)) == set(ids)
