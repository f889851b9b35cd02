"""Default no; a child's yes is her guardian's; the words a customer reads."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from app.rules.consents import (
    BY_CHANNEL,
    DEFAULT_REGISTER,
    DEFAULTS,
    LIMITS,
    OWNERS_CHOICE,
    REASONS,
    SENSITIVE,
    GuardianFirst,
    LawAsksForConsent,
    NoticeVersionSame,
    NoticeVersionWrong,
    Reason,
    Receipt,
    Register,
    Standing,
    WordingMissing,
    WordingTooLong,
    check_grant,
    checked_terms,
    checked_version,
    ended_by,
    is_child,
    left_after,
    may_use,
    says_otherwise,
    ways,
)
from app.vocabulary import Calendar, Channel, CustomerStatus, Purpose

AT = datetime(2026, 11, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 20, tzinfo=UTC)
TODAY = date(2026, 11, 24)
SMS, WECHAT = Channel.SMS, Channel.WECHAT


def yes(purpose: Purpose, channel: Channel | None = None) -> Receipt:
    """A standing receipt."""
    return Receipt(purpose, channel, AT)


def no(purpose: Purpose, channel: Channel | None = None) -> Receipt:
    """One that ended."""
    return Receipt(purpose, channel, AT, LATER)


@pytest.mark.parametrize(
    ("purpose", "channel", "standing", "reason"),
    [
        (Purpose.MARKETING, SMS, Standing(), Reason.NEVER_ASKED),
        (Purpose.MARKETING, SMS, Standing((yes(Purpose.MARKETING, SMS),)), Reason.AGREED),
        (Purpose.MARKETING, WECHAT, Standing((yes(Purpose.MARKETING, SMS),)), Reason.NEVER_ASKED),
        (Purpose.MARKETING, WECHAT, Standing((yes(Purpose.MARKETING),)), Reason.AGREED),
        (Purpose.MARKETING, None, Standing((yes(Purpose.MARKETING, SMS),)), Reason.NEVER_ASKED),
        (Purpose.MARKETING, SMS, Standing((no(Purpose.MARKETING, SMS),)), Reason.WITHDRAWN),
        (Purpose.MARKETING, SMS, Standing((no(Purpose.MARKETING),)), Reason.WITHDRAWN),
        (Purpose.MARKETING, SMS, Standing((no(Purpose.MARKETING, SMS), yes(Purpose.MARKETING, SMS))), Reason.AGREED),
        (Purpose.SERVICE_CARE, SMS, Standing((yes(Purpose.MARKETING, SMS),)), Reason.NEVER_ASKED),
        (Purpose.PHOTOS_PUBLIC, None, Standing((yes(Purpose.PHOTOS),)), Reason.NEVER_ASKED),
        (Purpose.HEALTH_RECORD, None, Standing((yes(Purpose.HEALTH_RECORD),)), Reason.AGREED),
        (Purpose.MEMBERSHIP, None, Standing(), Reason.NECESSARY),
        (Purpose.MEMBERSHIP, None, Standing((no(Purpose.MEMBERSHIP),)), Reason.WITHDRAWN),
    ],
)
def test_what_nobody_agreed_to_is_no(
    purpose: Purpose, channel: Channel | None, standing: Standing, reason: Reason
) -> None:
    verdict = may_use(purpose, channel, standing, DEFAULT_REGISTER)
    assert (verdict.may, verdict.reason) == (reason in {Reason.AGREED, Reason.NECESSARY}, reason)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("status", [CustomerStatus.RESTRICTED, CustomerStatus.ERASED])
def test_a_record_that_is_only_kept_is_used_for_nothing(purpose: Purpose, status: CustomerStatus) -> None:
    standing = Standing(tuple(yes(one) for one in Purpose), status=status)
    assert may_use(purpose, None, standing, DEFAULT_REGISTER).reason is Reason.RESTRICTED


def test_a_childs_own_yes_counts_for_nothing_until_the_guardian_agrees() -> None:
    said = (yes(Purpose.MARKETING, SMS),)
    assert may_use(Purpose.MARKETING, SMS, Standing(said, is_child=True), DEFAULT_REGISTER).reason is (
        Reason.GUARDIAN_MISSING
    )
    allowed = Standing((*said, yes(Purpose.GUARDIAN)), is_child=True)
    assert may_use(Purpose.MARKETING, SMS, allowed, DEFAULT_REGISTER).may
    ended = Standing((*said, no(Purpose.GUARDIAN)), is_child=True)
    assert not may_use(Purpose.MARKETING, SMS, ended, DEFAULT_REGISTER).may
    with pytest.raises(GuardianFirst):
        check_grant(Purpose.MARKETING, Standing(is_child=True))
    check_grant(Purpose.GUARDIAN, Standing(is_child=True))
    check_grant(Purpose.MARKETING, Standing())


@pytest.mark.parametrize(
    ("birthday", "calendar", "child"),
    [
        ("2012-11-23", Calendar.SOLAR, False),  # fourteen since yesterday
        ("2012-11-24", Calendar.SOLAR, True),  # on the birthday itself the fourteenth year is not over
        ("2012-11-25", Calendar.SOLAR, True),
        ("2020-02-29", Calendar.SOLAR, True),
        ("1990-01-02", Calendar.SOLAR, False),
        ("11-24", Calendar.SOLAR, False),  # without the year nobody knows
        ("", Calendar.SOLAR, False),
        ("2012-10-10", Calendar.LUNAR, False),  # 2012-11-23
        ("2012-10-11", Calendar.LUNAR, True),  # 2012-11-24
    ],
)
def test_under_fourteen_until_the_day_after_the_birthday(birthday: str, calendar: Calendar, child: bool) -> None:
    assert is_child(birthday, calendar, TODAY) is child


def test_every_purpose_says_what_for_which_data_and_how_long_and_no_text_is_too_long() -> None:
    assert set(DEFAULTS) == set(Purpose)
    for purpose, terms in DEFAULTS.items():
        assert checked_terms(purpose, terms) == terms
        assert all(getattr(terms, name) for name in LIMITS)
    assert set(REASONS) == set(Reason)


def test_only_what_she_asked_for_goes_without_a_yes_and_nothing_sensitive_is_offered_unasked() -> None:
    free = {purpose for purpose, terms in DEFAULTS.items() if not terms.needs_consent}
    assert free == {Purpose.MEMBERSHIP}
    assert SENSITIVE.isdisjoint(DEFAULT_REGISTER.offered)
    assert SENSITIVE.isdisjoint(OWNERS_CHOICE | BY_CHANNEL)


@pytest.mark.parametrize("purpose", sorted(set(Purpose) - OWNERS_CHOICE))
def test_the_owner_cannot_do_without_a_yes_the_law_wants(purpose: Purpose) -> None:
    with pytest.raises(LawAsksForConsent):
        checked_terms(purpose, replace(DEFAULTS[purpose], needs_consent=False))


def test_a_wording_is_tidied_bounded_and_never_empty() -> None:
    terms = replace(DEFAULTS[Purpose.MARKETING], wording="  发优惠 \n 短信 ")
    assert checked_terms(Purpose.MARKETING, terms).wording == "发优惠 短信"
    with pytest.raises(WordingMissing) as missing:
        checked_terms(Purpose.MARKETING, replace(terms, kept=" "))
    assert missing.value.field == "kept"
    checked_terms(Purpose.MARKETING, replace(terms, uses="长" * 300))
    with pytest.raises(WordingTooLong):
        checked_terms(Purpose.MARKETING, replace(terms, uses="长" * 301))
    assert not checked_terms(Purpose.GUARDIAN, replace(DEFAULTS[Purpose.GUARDIAN], is_offered=True)).is_offered


def test_other_words_need_another_version_and_a_changed_offer_does_not() -> None:
    before = DEFAULTS[Purpose.MARKETING]
    assert says_otherwise(before, replace(before, wording="别的"))
    assert not says_otherwise(before, replace(before, is_offered=False))
    with pytest.raises(NoticeVersionSame):
        checked_version("2026-11", before="2026-11", has_changed=True)
    assert checked_version(" 2026-12 ", before="2026-11", has_changed=True) == "2026-12"
    assert checked_version("", before="2026-11", has_changed=False) == "2026-11"
    with pytest.raises(NoticeVersionWrong):
        checked_version("1" * 21, before="2026-11", has_changed=True)


def test_a_no_to_everything_ends_each_channel_and_a_no_to_one_leaves_the_others() -> None:
    everywhere, by_sms = yes(Purpose.MARKETING), yes(Purpose.MARKETING, SMS)
    both = Standing((everywhere, by_sms, yes(Purpose.SERVICE_CARE, SMS)))
    assert set(ended_by(Purpose.MARKETING, None, both)) == {everywhere, by_sms}
    assert left_after(Purpose.MARKETING, None, both) == ()
    assert set(ended_by(Purpose.MARKETING, SMS, both)) == {everywhere, by_sms}
    assert set(left_after(Purpose.MARKETING, WECHAT, both)) == {Channel.EMAIL, Channel.PHONE}
    assert left_after(Purpose.MARKETING, SMS, Standing((by_sms,))) == ()
    assert ended_by(Purpose.PHOTOS, None, both) == ()


def test_a_yes_is_for_a_channel_where_the_purpose_reaches_her() -> None:
    assert ways(Purpose.MARKETING) == tuple(Channel)
    assert ways(Purpose.PHOTOS) == (None,)
    assert Register({}).of(Purpose.PHOTOS) == DEFAULTS[Purpose.PHOTOS]
