"""The rules as a customer reads them: said from the rows, and only what is there."""

from datetime import date
from typing import Any

import pytest

from app.rules.earning import EarningTerms, told
from app.rules.points_expiry import Expiry
from app.rules.points_words import (
    Line,
    Money,
    RewardTerms,
    RulesInWords,
    TierTerms,
    expiry_line,
    reaching_line,
    rules_in_words,
)
from app.rules.policy import Policy
from app.rules.tiers import TierStep
from app.vocabulary import BenefitKind, CategoryOfNeed, EarningKind, ExpiryKind, RoundUp, TierWindow

TODAY = date(2026, 11, 24)
YEAR = Expiry(ExpiryKind.MONTHS, 12)
SALE = EarningTerms(rule_id=1, name="消费积分", kind=EarningKind.PURCHASE, points=1, expiry=YEAR)


def shown(value: Any) -> str:
    """As a page would show it, near enough."""
    return f"¥{value.fen / 100:g}" if isinstance(value, Money) else str(value)


def said(lines: tuple[Line, ...]) -> list[str]:
    """The sentences."""
    return [line.say(str, shown) for line in lines]


def tier(name: str, rank: int, **given: Any) -> TierTerms:
    """A tier: ¥1000 a rank, unless it says otherwise."""
    step = TierStep(rank, name, rank, given.pop("fen", rank * 100_000), given.pop("visits", 0), 12)
    return TierTerms(step, given.pop("percent", 100), given.pop("discount", 0), given.pop("note", ""), **given)


def page(rules: tuple[EarningTerms, ...] = (), *tiers: TierTerms, **given: Any) -> RulesInWords:
    """The page of a shop with these."""
    return rules_in_words(rules, tiers, given.pop("rewards", ()), policy=Policy(**given), today=TODAY)


def test_a_shop_without_rules_promises_nothing() -> None:
    assert page() == RulesInWords((), (), "", (), (), (), (), ())


def test_what_is_over_is_not_told_and_what_is_announced_says_from_when() -> None:
    over = EarningTerms(rule_id=2, name="去年", kind=EarningKind.CAMPAIGN, percent=200, ends_on=date(2026, 11, 23))
    soon = EarningTerms(
        rule_id=3, name="双十二", kind=EarningKind.CAMPAIGN, percent=150, category=CategoryOfNeed.SKIN,
        starts_on=date(2026, 12, 12), ends_on=date(2026, 12, 12), from_rank=2, from_paid_fen=50_000,
    )  # fmt: skip
    lines = said(page((SALE, over, soon), tier("金卡", 2)).earning)
    assert lines[0] == "每消费 ¥1 得 1 分"
    assert lines[1] == "双十二：积分 ×1.5（只算skin，金卡及以上，一次满 ¥500，2026-12-12 开始，到 2026-12-12 为止）"
    assert len(lines) == 2


def test_the_order_of_the_steps_says_by_which_tier_and_only_what_there_is() -> None:
    plain = said(page((SALE,)).steps)
    assert len(plain) == 2
    bonus = EarningTerms(rule_id=2, name="满赠", kind=EarningKind.BONUS, points=50, most_points=500)
    double = EarningTerms(rule_id=3, name="周年", kind=EarningKind.CAMPAIGN, percent=200)
    steps = said(page((SALE, bonus, double), tier("银卡", 1, percent=120)).steps)
    assert len(steps) == 6
    assert "这一单之前的等级" in steps[1]
    assert "最高的一个" in steps[2]
    assert "一个一个乘" in said(page((SALE, double), tier("银卡", 1, percent=120), campaigns_multiply=1).steps)[2]


def test_a_cap_for_one_kind_of_care_is_told_as_that_and_not_as_one_of_the_order() -> None:
    hair = EarningTerms(
        rule_id=2, name="美发", kind=EarningKind.PURCHASE, points=1, category=CategoryOfNeed.HAIR, most_points=300
    )
    told_page = page((SALE, hair))
    assert said(told_page.earning)[1] == "每消费 ¥1 得 1 分（只算hair，这一类每单最多 300 分，别的照给）"
    assert said(told_page.steps)[-1] == "某一类超过它的上限的，那一类按上限算"


def test_a_kind_of_care_that_earns_nothing_is_told_as_that() -> None:
    cards = EarningTerms(
        rule_id=2, name="卡", kind=EarningKind.PURCHASE, category=CategoryOfNeed.OTHER, from_rank=2, pending_days=7
    )
    told_page = page((SALE, cards), tier("金卡", 2))
    assert said(told_page.earning) == ["每消费 ¥1 得 1 分", "other不积分（金卡及以上）"]
    assert said(told_page.ending)[0] == "得到之后 12 个月内有效"
    assert page((cards,)).steps == ()


def test_the_example_is_worked_out_by_the_till_itself() -> None:
    example = page((SALE,), tier("普通", 0), tier("银卡", 1, percent=120)).example
    assert "= 128" in told(example, str)
    assert told(example, str).endswith("153")


@pytest.mark.parametrize(
    ("expiry", "words"),
    [
        (Expiry(), "一直有效"),
        (YEAR, "得到之后 12 个月内有效"),
        (Expiry(ExpiryKind.MONTHS, 6, round_up=RoundUp.QUARTER), "得到之后 6 个月内有效，再延到那一季的最后一天"),
        (Expiry(ExpiryKind.YEARLY, day="06-30"), "每年 6 月 30 日到期，得到之后遇到的第一个"),
        (Expiry(ExpiryKind.TWO_YEARLY, day="12-31"), "每年 12 月 31 日到期，得到之后遇到的第二个"),
        (Expiry(ExpiryKind.TWO_YEARLY, day="12-31", year=2026), "每两年的 12 月 31 日到期，2026 年是到期的一年"),
    ],
)
def test_how_points_end(expiry: Expiry, words: str) -> None:
    assert expiry_line(expiry).say(str, shown) == words


def test_rules_that_end_alike_are_told_together() -> None:
    gift = EarningTerms(rule_id=2, name="分享", kind=EarningKind.SHARING, points=5, expiry=YEAR)
    birthday = EarningTerms(rule_id=3, name="生日", kind=EarningKind.BIRTHDAY, points=5)
    assert said(page((SALE, gift)).ending)[0] == "得到之后 12 个月内有效"
    told_apart = said(page((SALE, gift, birthday)).ending)[:2]
    assert told_apart == ["消费积分、分享：得到之后 12 个月内有效", "生日：一直有效"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (TierStep(1, "", 0, 0, 0, 12), "加入会员就是"),
        (TierStep(1, "", 1, 100_000, 0, 12), "最近 6 个月消费满 ¥1000"),
        (TierStep(1, "", 1, 0, 8, 12, window=TierWindow.CALENDAR_YEAR), "当年来店满 8 天"),
        (TierStep(1, "", 1, 100_000, 8, 12, window=TierWindow.LIFETIME), "入会以来消费满 ¥1000，或者来店满 8 天"),
        (TierStep(1, "", 1, 100_000, 8, 12, True), "最近 6 个月消费满 ¥1000，并且来店满 8 天"),
    ],
)
def test_what_a_tier_takes(step: TierStep, words: str) -> None:
    assert reaching_line(step, months=6).say(str, shown) == words


def test_what_a_tier_gives_and_what_points_are_good_for() -> None:
    gold = tier("金卡", 2, percent=150, discount=8, note="旧的说明", gives=((BenefitKind.FREE_CARE, "清洁", 4),))
    mask = RewardTerms("面膜", 500, "金卡", date(2026, 12, 31))
    told_page = page((SALE,), gold, rewards=(mask,))
    assert said(told_page.tiers[0].lines)[2:] == ["积分 ×1.5", "消费减 8%", "清洁（free_care，每个会员年 4 次）"]
    assert said(told_page.rewards) == ["面膜：500 分（金卡及以上，到 2026-12-31 为止）"]


def test_the_grace_after_a_refund_is_told_only_where_there_is_one() -> None:
    assert len(said(page((SALE,)).refunds)) == 4
    assert len(said(page((SALE,), points_grace_days=0).refunds)) == 3
