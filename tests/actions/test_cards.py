"""A print run: whose cards, which address, what is written down."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import select

from app.actions.cards import issue_cards
from app.actions.customers import create_customer
from app.audit import Actor
from app.columns import opened
from app.db import Database
from app.models import AuditEntry, Customer, PublicToken, Tier
from app.queries.cards import card_holders, card_of, member_numbers
from app.rules.cards import (
    MOST_CARDS,
    Card,
    CardChoice,
    MembersUnknown,
    NobodyChosen,
    TierEmpty,
    TierUnknown,
    TooManyCards,
)
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.sheets import Layout
from app.vocabulary import AuditAction, CustomerStatus

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = Policy(card_valid_months=24)


@pytest.fixture
def members(database: Database, now: datetime) -> list[str]:
    """Four customers, the last one on the highest tier; their numbers."""
    with database.writing() as session:
        tiers = session.exec(select(Tier).order_by(Tier.rank)).all()
        people = [("王小梅", tiers[0]), ("欧阳娜娜", tiers[1]), ("李喆", tiers[0]), ("陈嫒", tiers[-1])]
        return [
            create_customer(session, CustomerDetails(name=name, tier_id=tier.id), policy=POLICY, now=now).member_no
            for name, tier in people
        ]


def issued(database: Database, choice: CardChoice, now: datetime, **values: Any) -> tuple[Card, ...]:
    """The cards of a run."""
    with database.writing(Actor("王老板")) as session:
        return issue_cards(
            session, choice, **{"layout": Layout.CR80, "policy": POLICY, "now": now, "zone": ZONE} | values
        )


def holders(database: Database, choice: CardChoice) -> list[str]:
    """The names a run is for."""
    with database.reading() as session:
        return [holder.name for holder in card_holders(session, choice)]


def test_everyone_comes_tier_after_tier(database: Database, members: list[str]) -> None:
    assert holders(database, CardChoice(everyone=True)) == ["陈嫒", "欧阳娜娜", "王小梅", "李喆"]


def test_a_tier_and_chosen_numbers_add_up_without_doubling(database: Database, members: list[str]) -> None:
    choice = CardChoice(numbers=(members[3], members[0]), tier="普通会员")
    assert holders(database, choice) == ["陈嫒", "王小梅", "李喆"]


@pytest.mark.parametrize("status", [CustomerStatus.RESTRICTED, CustomerStatus.ERASED])
def test_a_record_no_longer_in_use_gets_no_card(database: Database, members: list[str], status: CustomerStatus) -> None:
    with database.writing() as session:
        session.exec(select(Customer).where(Customer.member_no == members[0])).one().status = status
    assert "王小梅" not in holders(database, CardChoice(everyone=True))
    with database.reading() as session, pytest.raises(MembersUnknown):
        card_holders(session, CardChoice(numbers=(members[0],)))


def test_unknown_numbers_are_named(database: Database, members: list[str]) -> None:
    with database.reading() as session, pytest.raises(MembersUnknown) as refused:
        card_holders(session, CardChoice(numbers=("99999999", members[0], "12")))
    assert "99999999、12" in refused.value.say(str)
    assert members[0] not in refused.value.say(str)


@pytest.mark.parametrize(
    ("choice", "refusal"),
    [
        (CardChoice(), NobodyChosen),
        (CardChoice(tier="白金"), TierUnknown),
        (CardChoice(tier="金卡会员"), TierEmpty),
        (CardChoice(numbers=tuple(map(str, range(MOST_CARDS + 1)))), TooManyCards),
    ],
)
def test_a_run_for_nobody_is_refused_in_words(
    database: Database, members: list[str], choice: CardChoice, refusal: type[Exception]
) -> None:
    with database.reading() as session, pytest.raises(refusal) as refused:
        card_holders(session, choice)
    assert "{" not in refused.value.say(str)


def test_more_than_a_file_holds_is_refused(
    database: Database, members: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.queries.cards.MOST_CARDS", 4)
    assert len(holders(database, CardChoice(everyone=True))) == 4
    monkeypatch.setattr("app.queries.cards.MOST_CARDS", 3)
    with database.reading() as session, pytest.raises(TooManyCards):
        card_holders(session, CardChoice(everyone=True))


def test_a_card_says_who_which_tier_and_until_when(database: Database, members: list[str], now: datetime) -> None:
    (card,) = issued(database, CardChoice(numbers=(members[3],)), now)
    assert (card.name, card.member_no, card.tier, card.face) == ("陈嫒", members[3], "钻石会员", "#2D4A6B")
    assert card.valid_until_on == date(2028, 11, 30)


def test_the_first_tier_wears_the_shops_colour(database: Database, members: list[str], now: datetime) -> None:
    (card,) = issued(database, CardChoice(numbers=(members[0],)), now, policy=replace(POLICY, brand_colour="#2F6B57"))
    assert card.face == "#2F6B57"


def test_the_same_card_printed_a_year_later_is_the_same(database: Database, members: list[str], now: datetime) -> None:
    choice = CardChoice(numbers=(members[0],))
    assert issued(database, choice, now) == issued(database, choice, now + timedelta(days=365))


def test_the_day_a_card_is_issued_is_the_shops(database: Database, members: list[str]) -> None:
    new_year_in_shanghai = datetime.fromisoformat("2026-12-31T16:30:00+00:00")
    (card,) = issued(database, CardChoice(numbers=(members[0],)), new_year_in_shanghai)
    assert card.valid_until_on == date(2029, 1, 31)


@pytest.mark.parametrize(
    ("printed_on", "renewed"), [("2028-11-30T15:59:59+00:00", False), ("2028-11-30T16:00:00+00:00", True)]
)
def test_a_card_that_has_run_out_is_renewed_when_it_is_printed(
    database: Database, members: list[str], now: datetime, printed_on: str, renewed: bool
) -> None:
    choice, later = CardChoice(numbers=(members[0],)), datetime.fromisoformat(printed_on)
    (old,), (new,) = issued(database, choice, now), issued(database, choice, later)
    assert (new.token != old.token) is renewed
    assert new.valid_until_on == (date(2030, 12, 31) if renewed else old.valid_until_on)
    with database.reading() as session:
        shown = card_of(session, old.token, policy=POLICY, now=later, zone=ZONE)
    assert (shown is None) is renewed


def test_a_reissued_card_ends_the_lost_ones_code(database: Database, members: list[str], now: datetime) -> None:
    choice = CardChoice(numbers=tuple(members[:2]))
    old = issued(database, choice, now)
    new = issued(database, choice, now, anew=True)
    with database.reading() as session:
        assert all(card_of(session, card.token, policy=POLICY, now=now, zone=ZONE) is None for card in old)
        assert [card_of(session, card.token, policy=POLICY, now=now, zone=ZONE) for card in new] == list(new)


def test_a_run_is_written_down_with_its_size_and_no_names(
    database: Database, members: list[str], now: datetime
) -> None:
    issued(database, CardChoice(everyone=True), now, layout=Layout.A4)
    with database.reading() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == AuditAction.PRINT)).one()
        assert json.loads(entry.changes) == {"count": 4, "layout": "a4", "anew": 0}
        assert entry.actor == "王老板"
        tokens = [opened(row.token) for row in session.exec(select(PublicToken))]
        written = " ".join(row.changes for row in session.exec(select(AuditEntry)))
    assert len(tokens) == 4
    assert not any(token in written for token in tokens)


def test_a_refused_run_leaves_nothing(database: Database, members: list[str], now: datetime) -> None:
    with pytest.raises(MembersUnknown):
        issued(database, CardChoice(numbers=(members[0], "99999999")), now)
    with database.reading() as session:
        assert session.exec(select(PublicToken)).all() == []


def test_a_code_of_an_erased_record_opens_nothing(database: Database, members: list[str], now: datetime) -> None:
    (card,) = issued(database, CardChoice(numbers=(members[0],)), now)
    with database.writing() as session:
        session.exec(select(Customer).where(Customer.member_no == members[0])).one().status = CustomerStatus.ERASED
    with database.reading() as session:
        assert card_of(session, card.token, policy=POLICY, now=now, zone=ZONE) is None


def test_picked_rows_give_their_numbers(database: Database, members: list[str]) -> None:
    with database.reading() as session:
        ids = [row.id for row in session.exec(select(Customer))]
        assert member_numbers(session, [*ids[:2], 999_999]) == tuple(members[:2])
