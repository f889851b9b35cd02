"""A phone given up in a merge still leads to whom it belonged to, on every way in, until the merge is taken back."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session, select

from app.actions.claims import claim_by_number
from app.actions.customers import create_customer, update_customer
from app.actions.merging import merge_customers, undo_merge
from app.actions.purchases import record_purchase
from app.actions.sign_ups import new_form, sign_up
from app.columns import opened
from app.db import Database
from app.models import Customer, CustomerAlias, Purchase
from app.queries.complaints import only_customer_with
from app.queries.duplicate_pairs import hints_for, typed_person
from app.queries.phones import owner_of_phone
from app.queries.scopes import ANYTHING
from app.queries.search import search_customers
from app.rules.consents import DEFAULT_REGISTER
from app.rules.customers import CustomerDetails, PhoneTaken
from app.rules.merging import Side
from app.rules.phones import parse_phone
from app.rules.policy import Policy
from app.rules.purchases import Sale, SaleLine
from app.rules.sign_ups import SignUpForm, read_sign_up
from app.vocabulary import SignUpState
from tests.actions.test_imports import people

RULES, ZONE = Policy(), ZoneInfo("Asia/Shanghai")
KEPT, GIVEN_UP = "13800138000", "13900139000"


@dataclass
class Shop:
    """Two records that became one."""

    survivor: int
    absorbed: int
    merge: int


@pytest.fixture(params=[Side.SURVIVOR, Side.ABSORBED])
def shop(request: pytest.FixtureRequest, database: Database, now: datetime) -> Shop:
    """Whichever of the two phones was chosen, it is KEPT."""
    phones = (KEPT, GIVEN_UP) if request.param is Side.SURVIVOR else (GIVEN_UP, KEPT)
    with database.writing() as session:
        one, other = (
            create_customer(session, CustomerDetails(name="王小丽", phone=phone), policy=RULES, now=now).id or 0
            for phone in phones
        )
        done = merge_customers(session, one, other, {"phone": request.param}, policy=RULES, now=now, zone=ZONE)
        return Shop(one, other, done.id or 0)


def sale(order_no: str, now: datetime, **buyer: str) -> Sale:
    """A small slip."""
    return Sale(order_no=order_no, occurred_at=now, lines=(SaleLine(item="面膜", amount_fen=100),), **buyer)


def owner(session: Session, phone: str) -> int | None:
    """Whose it is."""
    found = owner_of_phone(session, parse_phone(phone))
    return found.id if found else None


def test_every_way_in_finds_her_by_the_phone_she_gave_up(database: Database, shop: Shop, now: datetime) -> None:
    her = shop.survivor
    with database.writing() as session:
        assert [owner(session, phone) for phone in (KEPT, GIVEN_UP)] == [her, her]
        [hit] = search_customers(session, GIVEN_UP, now=now)
        assert (hit.customer_id, hit.is_sure) == (her, True)
        assert only_customer_with(session, parse_phone(GIVEN_UP).e164) == her
        typed = typed_person(name="别人", phone=GIVEN_UP, today=now.date())
        assert [hint.face.customer_id for hint in hints_for(session, typed, within=ANYTHING).shown] == [her]
        with pytest.raises(PhoneTaken):
            create_customer(session, CustomerDetails(name="王小丽", phone=GIVEN_UP), policy=RULES, now=now)
        bought = record_purchase(session, sale("1", now, phone=GIVEN_UP), policy=RULES, now=now, zone=ZONE)
        assert bought.customer_id == her
        waits = record_purchase(
            session, sale("2", now, member_no="NOBODY"), policy=RULES, now=now, zone=ZONE, may_wait=True
        )
        claim_by_number(session, waits.id or 0, member_no=GIVEN_UP, policy=RULES, now=now, zone=ZONE)
        assert session.get_one(Purchase, waits.id).customer_id == her
        form = read_sign_up(
            SignUpForm(name="王小丽", phone=GIVEN_UP), register=DEFAULT_REGISTER, today=date(2026, 1, 1)
        )
        row = sign_up(session, new_form(), form, policy=RULES, now=now)
        assert row is not None
        assert (row.state, row.customer_id) == (SignUpState.KNOWN, her)
        assert len(session.exec(select(Customer.id)).all()) == 1


def test_whoever_has_it_today_comes_before_who_gave_it_up(database: Database, shop: Shop, now: datetime) -> None:
    with database.writing() as session:
        hers = CustomerDetails(name="新主人", phone=GIVEN_UP, phone_shared_reason="号码转给了她")
        new = create_customer(session, hers, policy=RULES, now=now).id
        assert owner(session, GIVEN_UP) == new
        assert [hit.customer_id for hit in search_customers(session, GIVEN_UP, now=now)] == [new]


def test_taken_back_it_goes_back(database: Database, shop: Shop, now: datetime) -> None:
    with database.writing() as session:
        undo_merge(session, shop.merge, policy=RULES, now=now, zone=ZONE)
        assert {owner(session, phone) for phone in (KEPT, GIVEN_UP)} == {shop.survivor, shop.absorbed}
        assert session.exec(select(CustomerAlias)).all() == []


def test_she_may_have_it_again_herself(database: Database, shop: Shop, now: datetime) -> None:
    with database.writing() as session:
        update_customer(session, shop.survivor, CustomerDetails(phone=GIVEN_UP), now=now)
        assert owner(session, GIVEN_UP) == shop.survivor


def test_a_file_that_still_has_it_finds_her_and_leaves_her_phone(database: Database, shop: Shop, now: datetime) -> None:
    with database.reading() as session:
        former = session.exec(select(CustomerAlias.member_no)).one()
    report = people(database, [["姓名", "手机", "会员号", "职业"], ["王小莉", GIVEN_UP, former, "教师"]])
    again = people(database, [["姓名", "手机", "职业"], ["王小丽", GIVEN_UP, "医生"]])
    assert (report.updated, again.updated, report.created + again.created) == (1, 1, 0)
    with database.reading() as session:
        her = session.exec(select(Customer)).one()
        assert (her.name, her.occupation, owner(session, KEPT)) == ("王小丽", "医生", shop.survivor)
        assert opened(her.phone) == parse_phone(KEPT).e164
