"""A yes is a receipt, a no ends it; a child's yes is her guardian's; the register and its version."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from app.actions.consents import (
    ConsentDetails,
    agree_to_health,
    change_purpose,
    grant_consent,
    grant_many,
    withdraw,
    withdraw_consent,
)
from app.actions.customers import create_customer
from app.db import Database
from app.models import Consent, Customer, PurposeRule, SkinRecord
from app.queries.consents import agreed_counts, consented, current_register, receipts_of, standing_of, standings_of
from app.queries.policy import current_policy
from app.rules.consents import (
    DEFAULTS,
    ConsentStands,
    ConsentWithdrawn,
    GuardianFirst,
    NothingToWithdraw,
    NoticeVersionSame,
)
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import Channel, CustomerStatus, Purpose, SkinType

RULES = Policy()
SMS, WECHAT = Channel.SMS, Channel.WECHAT


def customer(session: Session, now: datetime, **details: object) -> int:
    """Somebody new."""
    made = create_customer(session, CustomerDetails(**{"name": "王小丽"} | details), policy=RULES, now=now)
    assert made.id is not None
    return made.id


def give(session: Session, number: int, now: datetime, *wishes: tuple[Purpose, Channel | None]) -> None:
    """She says yes to all of these."""
    grant_many(session, number, wishes, how="当面", policy=RULES, now=now)


def standing(session: Session, number: int) -> list[tuple[Purpose, Channel | None]]:
    """What holds now."""
    rows = session.exec(select(Consent).where(Consent.customer_id == number, col(Consent.withdrawn_at).is_(None)))
    return sorted(((row.purpose, row.channel) for row in rows), key=str)


def test_a_receipt_says_when_how_with_whom_and_under_which_notice(database: Database, now: datetime) -> None:
    with database.writing() as session:
        number = customer(session, now)
        details = ConsentDetails(number, Purpose.MARKETING, SMS, "柜台签字")
        given = grant_consent(session, details, policy=RULES, now=now)
        with pytest.raises(ConsentStands):
            grant_consent(session, details, policy=RULES, now=now)
        withdraw_consent(session, given.id, how="短信回复 T", now=now + timedelta(days=1))
        with pytest.raises(ConsentWithdrawn):
            withdraw_consent(session, given.id, now=now)
        (receipt,) = receipts_of(session, number)
    assert (receipt.given_by, receipt.notice_version, receipt.granted_at) == ("柜台签字", "2026-11-2", now)
    assert (receipt.withdrawn_how, receipt.withdrawn_at) == ("短信回复 T", now + timedelta(days=1))


def test_many_at_once_are_a_receipt_each_and_what_stands_is_left(database: Database, now: datetime) -> None:
    with database.writing() as session:
        number = customer(session, now)
        give(session, number, now, (Purpose.MARKETING, SMS))
        wishes = [(Purpose.MARKETING, SMS), (Purpose.HEALTH_RECORD, None), (Purpose.HEALTH_RECORD, None)]
        given = grant_many(session, number, wishes, how="x" * 100, policy=RULES, now=now)
        assert [(one.purpose, len(one.given_by)) for one in given] == [(Purpose.HEALTH_RECORD, 60)]
        with pytest.raises(NotFound):
            grant_many(session, 9999, wishes, how="", policy=RULES, now=now)


def test_a_no_to_one_channel_ends_a_yes_in_all_and_leaves_the_other_channels_as_they_were_given(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        number = customer(session, now)
        give(session, number, now, (Purpose.MARKETING, None))
        withdraw(session, number, Purpose.MARKETING, SMS, how="电话", now=now + timedelta(days=9))
        assert standing(session, number) == [
            (Purpose.MARKETING, Channel.EMAIL), (Purpose.MARKETING, Channel.PHONE), (Purpose.MARKETING, WECHAT)
        ]  # fmt: skip
        left = [one for one in receipts_of(session, number) if not one.withdrawn_at]
        assert {(one.granted_at, one.given_by) for one in left} == {(now, "当面")}
        with pytest.raises(NothingToWithdraw):
            withdraw(session, number, Purpose.MARKETING, SMS, now=now)
        withdraw(session, number, Purpose.MARKETING, now=now + timedelta(days=10))
        assert standing(session, number) == []


def test_a_no_to_a_channels_receipt_holds_though_a_yes_in_all_stands_beside_it(
    database: Database, now: datetime
) -> None:
    with database.writing() as session:
        number = customer(session, now)
        give(session, number, now, (Purpose.MARKETING, None), (Purpose.MARKETING, SMS))
        by_sms = session.exec(select(Consent).where(Consent.channel == SMS)).one()
        withdraw_consent(session, by_sms.id, now=now)
        may = consented(session, [number], Purpose.MARKETING, SMS, today=now.date())
        assert may == frozenset()
        assert consented(session, [number], Purpose.MARKETING, WECHAT, today=now.date()) == {number}


def test_a_child_is_asked_for_her_guardian_before_anything_is_sent(database: Database, now: datetime) -> None:
    with database.writing() as session:
        child = customer(session, now, birthday="2016-05-01")
        with pytest.raises(GuardianFirst):
            give(session, child, now, (Purpose.MARKETING, SMS))
        assert standing(session, child) == []
        give(session, child, now, (Purpose.MARKETING, SMS), (Purpose.GUARDIAN, None))
        assert standing(session, child) == [(Purpose.GUARDIAN, None), (Purpose.MARKETING, SMS)]
        assert consented(session, [child], Purpose.MARKETING, SMS, today=now.date()) == {child}
        withdraw(session, child, Purpose.GUARDIAN, now=now)
        assert consented(session, [child], Purpose.MARKETING, SMS, today=now.date()) == frozenset()


def test_sending_asks_about_many_at_once(database: Database, now: datetime) -> None:
    with database.writing() as session:
        yes, no, kept, child = (
            customer(session, now, name=name, **more)
            for name, more in (("甲", {}), ("乙", {}), ("丙", {}), ("丁", {"birthday": "2016-05-01"}))
        )
        for number in (yes, kept):
            give(session, number, now, (Purpose.MARKETING, SMS))
        session.add(
            Consent(customer_id=child, purpose=Purpose.MARKETING, channel=SMS, notice_version="1", granted_at=now)
        )

        session.get(Customer, kept).status = CustomerStatus.RESTRICTED
    with database.reading() as session:
        everybody = [yes, no, kept, child, 9999]
        assert consented(session, everybody, Purpose.MARKETING, SMS, today=now.date()) == {yes}
        assert consented(session, everybody, Purpose.MEMBERSHIP, None, today=now.date()) == {yes, no, child}
        assert set(standings_of(session, everybody, today=now.date())) == {yes, no, kept, child}
        assert standing_of(session, 9999, today=now.date()).status is CustomerStatus.ERASED
        assert agreed_counts(session)[Purpose.MARKETING, SMS] == 3


def test_whoever_writes_a_skin_record_says_in_one_step_that_she_agreed(database: Database, now: datetime) -> None:
    with database.writing() as session:
        number = customer(session, now)
        record = SkinRecord(customer_id=number, seen_on=now.date(), skin_type=SkinType.DRY)
        session.add(record)
        session.flush()
        for _ in range(2):
            agree_to_health(session, record.id, table=SkinRecord, policy=RULES, now=now)
        assert standing(session, number) == [(Purpose.HEALTH_RECORD, None)]
        with pytest.raises(NotFound):
            agree_to_health(session, 9999, table=SkinRecord, policy=RULES, now=now)


def test_other_words_come_with_another_version_that_new_receipts_carry(database: Database, now: datetime) -> None:
    with database.writing() as session:
        number = customer(session, now)
        give(session, number, now, (Purpose.MARKETING, SMS))
        new = replace(DEFAULTS[Purpose.MARKETING], wording="每月一条优惠短信")
        with pytest.raises(NoticeVersionSame):
            change_purpose(session, Purpose.MARKETING, new, notice_version="2026-11-2", now=now)
        change_purpose(session, Purpose.MARKETING, new, notice_version="2026-12", now=now)
        policy = current_policy(session)
        grant_many(session, number, [(Purpose.MARKETING, WECHAT)], how="", policy=policy, now=now)
        assert current_register(session).of(Purpose.MARKETING).wording == "每月一条优惠短信"
        assert [one.notice_version for one in receipts_of(session, number)] == ["2026-12", "2026-11-2"]
        change_purpose(session, Purpose.MARKETING, DEFAULTS[Purpose.MARKETING], notice_version="2027-01", now=now)
        assert session.exec(select(PurposeRule)).all() == []


def test_what_the_page_offers_changes_without_a_new_version(database: Database, now: datetime) -> None:
    with database.writing() as session:
        terms = replace(DEFAULTS[Purpose.PHOTOS], is_offered=True)
        change_purpose(session, Purpose.PHOTOS, terms, notice_version="", now=now)
        assert Purpose.PHOTOS in current_register(session).offered
        assert current_policy(session).notice_version == "2026-11-2"
