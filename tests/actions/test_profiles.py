"""A customer's file at the counter: complete once, given for once; declined and remembered; confirmed and taken back."""

from datetime import date, datetime, timedelta
from threading import Barrier, Thread
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from app.actions import profiles
from app.actions.customers import create_customer
from app.actions.profiles import confirm_profile, create_profile, decline_field, update_profile
from app.db import Database
from app.models import Customer, EarningRule, PointsEntry, Tag
from app.queries.points import balance_of
from app.queries.policy import current_policy
from app.rules.completeness import NothingToDecline
from app.rules.customers import CustomerDetails
from app.rules.refusals import NotFound
from app.vocabulary import CategoryOfNeed, Channel, EarningKind, Gender

ZONE = ZoneInfo("Asia/Shanghai")
WHOLE = {
    "name": "张晓丽", "phone": "13800138000", "birthday": "1990-01-02", "wechat": "zxl", "gender": Gender.FEMALE,
    "preferred_channel": Channel.WECHAT, "occupation": "老师", "address": "南京路 1 号",
}  # fmt: skip


@pytest.fixture
def needs(database: Database) -> int:
    """A tag of a kind of care."""
    with database.writing() as session:
        session.add(tag := Tag(name="想护肤", category=CategoryOfNeed.SKIN))
        session.flush()
        return tag.id


def generous(session):
    """The shop's rules, and its gift of 50 points switched on."""
    session.exec(select(EarningRule).where(EarningRule.kind == EarningKind.PROFILE)).one().is_active = True
    session.flush()
    return current_policy(session)


def told(database: Database, customer_id: int) -> tuple[int, int]:
    """Her balance and how many gifts she had."""
    with database.reading() as session:
        gifts = session.exec(select(PointsEntry).where(PointsEntry.reference.startswith("profile:"))).all()
        return balance_of(session, customer_id), len(gifts)


def test_the_gift_comes_when_the_last_part_is_filled_and_only_once(database, needs, now) -> None:
    with database.writing() as session:
        policy = generous(session)
        details = CustomerDetails(**WHOLE | {"address": ""}, tag_ids=(needs,))
        number = create_profile(session, details, policy=policy, now=now, zone=ZONE).id
    assert told(database, number) == (0, 0)
    for address in ("南京路 1 号", "", "南京路 2 号"):
        with database.writing() as session:
            update_profile(session, number, CustomerDetails(address=address), policy=policy, now=now, zone=ZONE)
        assert told(database, number) == (50, 1)


def test_a_file_complete_from_the_start_gets_it_at_once_and_a_shop_without_gift_gives_none(
    database, needs, now
) -> None:
    details = CustomerDetails(**WHOLE, tag_ids=(needs,))
    with database.writing() as session:
        none = create_profile(session, details, policy=current_policy(session), now=now, zone=ZONE).id
    assert told(database, none) == (0, 0)
    with database.writing() as session:
        other = CustomerDetails(**WHOLE | {"phone": "13900139000"}, tag_ids=(needs,))
        some = create_profile(session, other, policy=generous(session), now=now, zone=ZONE).id
    assert told(database, some) == (50, 1)


def test_what_she_declined_can_be_the_last_part(database, needs, now) -> None:
    with database.writing() as session:
        policy = generous(session)
        details = CustomerDetails(**WHOLE | {"occupation": ""}, tag_ids=(needs,))
        number = create_profile(session, details, policy=policy, now=now, zone=ZONE).id
        decline_field(session, number, "occupation", now.date(), policy=policy, now=now, zone=ZONE)
    assert told(database, number) == (50, 1)


def test_two_who_complete_it_at_once_give_it_once(database, needs, now) -> None:
    number, policy = _nearly(database, needs, now)
    _at_once(database, number, policy, now)
    assert told(database, number) == (50, 1)


def test_without_looking_whether_she_had_it_two_gifts_would_be_given(database, needs, now, monkeypatch) -> None:
    """The negative control: the same race, each giving under a reference of its own and nobody looking."""
    number, policy = _nearly(database, needs, now)
    asked = iter(range(100))
    earn = profiles.earn_for_occasion
    monkeypatch.setattr(profiles, "profile_gift", lambda *_: None)
    monkeypatch.setattr(
        profiles, "earn_for_occasion", lambda *a, **k: earn(*a, **k | {"reference": f"{number}-{next(asked)}"})
    )
    _at_once(database, number, policy, now)
    assert told(database, number) == (100, 2)


def _nearly(database, needs, now):
    with database.writing() as session:
        policy = generous(session)
        details = CustomerDetails(**WHOLE | {"address": ""}, tag_ids=(needs,))
        return create_profile(session, details, policy=policy, now=now, zone=ZONE).id, policy


def _at_once(database, number, policy, now) -> None:
    barrier, broken = Barrier(2), []

    def complete(address: str) -> None:
        barrier.wait()
        try:
            with database.writing() as session:
                update_profile(session, number, CustomerDetails(address=address), policy=policy, now=now, zone=ZONE)
        except Exception as error:  # the test says which
            broken.append(error)

    threads = [Thread(target=complete, args=(f"{n} 号",)) for n in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert broken == []


def test_a_number_that_leads_nowhere_is_no_number(database, needs, now) -> None:
    with database.writing() as session:
        policy = generous(session)
        details = CustomerDetails(**WHOLE | {"address": ""}, tag_ids=(needs,))
        customer = create_profile(session, details, policy=policy, now=now, zone=ZONE)
        customer.phone_invalid_on = now.date()
        update_profile(session, customer.id, CustomerDetails(address="1 号"), policy=policy, now=now, zone=ZONE)
        number = customer.id
    assert told(database, number) == (0, 0)


def test_declining_is_remembered_and_can_be_taken_back(database, now) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        customer = create_customer(session, CustomerDetails(name="王梅"), policy=policy, now=now)
        decline_field(session, customer.id, "birthday", now.date(), policy=policy, now=now, zone=ZONE)
        assert customer.declined_fields == f'{{"birthday": "{now.date()}"}}'
        decline_field(session, customer.id, "birthday", None, policy=policy, now=now, zone=ZONE)
        assert customer.declined_fields == ""
        with pytest.raises(NothingToDecline):
            decline_field(session, customer.id, "tier", now.date(), policy=policy, now=now, zone=ZONE)
        with pytest.raises(NotFound):
            decline_field(session, 999, "birthday", now.date(), policy=policy, now=now, zone=ZONE)


@pytest.mark.parametrize("before", [None, date(2025, 1, 2)])
def test_confirming_is_dated_and_taken_back_to_what_it_was(database, now: datetime, before) -> None:
    with database.writing() as session:
        policy = current_policy(session)
        customer = create_customer(session, CustomerDetails(name="王梅"), policy=policy, now=now)
        customer.verified_on = before
        confirm_profile(session, customer.id, now.date(), now=now + timedelta(hours=1))
        assert customer.verified_on == now.date()
        confirm_profile(session, customer.id, before, now=now)
        assert session.get(Customer, customer.id).verified_on == before
