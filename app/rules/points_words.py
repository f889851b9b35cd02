"""The rules of points and tiers as a customer reads them, made from the rules themselves: what changes there changes here.

Nothing is translated or formatted here. A `Line` is a sentence with gaps and what stands in them; who shows it brings the
reader's language and how money, days and words of the vocabulary look.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from app.rules.earning import Earner, EarningTerms, Order, PaidLine, decimal, sale_points
from app.rules.points_expiry import Expiry, fixed_day
from app.rules.policy import Policy
from app.rules.refusals import words
from app.rules.tiers import TierStep
from app.vocabulary import BenefitKind, EarningKind, ExpiryKind, RoundUp, TierWindow

_WITH = words("{line}（{conditions}）")
_BETWEEN = words("，")
_EXAMPLE_FEN = 12_800


@dataclass(frozen=True)
class Money:
    """An amount in fen, to be shown as money."""

    fen: int


@dataclass(frozen=True)
class Line:
    """A sentence, what stands in its gaps, and what must hold for it."""

    sentence: str
    values: Mapping[str, Any]
    conditions: "tuple[Line, ...]" = ()

    def say(self, translate: Callable[[str], str], show: Callable[[Any], str]) -> str:
        """The sentence in the reader's language. `show` writes money, days, figures and words of the vocabulary."""
        filled = {
            name: value.say(translate, show) if isinstance(value, Line) else show(value)
            for name, value in self.values.items()
        }
        told = translate(self.sentence).format(**filled)
        if not self.conditions:
            return told
        conditions = translate(_BETWEEN).join(one.say(translate, show) for one in self.conditions)
        return translate(_WITH).format(line=told, conditions=conditions)


@dataclass(frozen=True)
class TierTerms:
    """A tier as far as these words go; `gives` as (kind, name, times a year; 0: no limit). `note`: what the shop wrote of
    it, told only where its benefits are not rows."""

    step: TierStep
    points_percent: int
    discount_percent: int
    note: str
    gives: tuple[tuple[BenefitKind, str, int], ...] = ()


@dataclass(frozen=True)
class RewardTerms:
    """A reward and what it costs. `from_tier`: empty for everybody."""

    name: str
    points: int
    from_tier: str
    ends_on: date | None


@dataclass(frozen=True)
class TierWords:
    """One tier: how it is reached, how long it stays, what it gives."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class RulesInWords:
    """The whole page. Empty parts are left out; `example` is the working of a made-up sale, empty where none earns."""

    earning: tuple[Line, ...]
    steps: tuple[Line, ...]
    example: str
    occasions: tuple[Line, ...]
    ending: tuple[Line, ...]
    refunds: tuple[Line, ...]
    tiers: tuple[TierWords, ...]
    rewards: tuple[Line, ...]


def rules_in_words(
    rules: Sequence[EarningTerms],
    tiers: Sequence[TierTerms],
    rewards: Sequence[RewardTerms],
    *,
    policy: Policy,
    today: date,
) -> RulesInWords:
    """What holds today and what is announced for later; a rule that is over is not told."""
    names = {tier.step.rank: tier.step.name for tier in tiers}
    current = [rule for rule in rules if (rule.ends_on is None or today <= rule.ends_on) and _gives(rule)]
    earns = any(rule.kind is EarningKind.PURCHASE and rule.points for rule in current)
    return RulesInWords(
        earning=_earning(current, names) if earns else (),
        steps=_steps(current, tiers, policy) if earns else (),
        example=_example(current, tiers, policy, today),
        occasions=tuple(_occasion(rule, names) for rule in current if rule.kind in _OCCASIONS),
        ending=_ending(current),
        refunds=_refunds(policy) if earns else (),
        tiers=tuple(_tier(tier, policy) for tier in sorted(tiers, key=lambda one: one.step.rank)),
        rewards=tuple(_reward(one) for one in rewards),
    )


def _gives(rule: EarningTerms) -> bool:
    changes = rule.percent != 100 if rule.kind is EarningKind.CAMPAIGN else rule.points > 0
    return changes or _is_exception(rule)


# ── Earning ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_KINDS = {
    EarningKind.PURCHASE: words("每消费 {money} 得 {points} 分"),
    EarningKind.CAMPAIGN: words("{name}：积分 ×{times}"),
    EarningKind.BONUS: words("{name}：加送 {points} 分"),
}
_NOTHING = words("{category}不积分")
_OCCASIONS = {
    EarningKind.EVENT: words("参加我们的活动：{points} 分"),
    EarningKind.REFERRAL: words("介绍朋友来，朋友第一次消费后：{points} 分"),
    EarningKind.SHARING: words("分享我们：{points} 分"),
    EarningKind.PROFILE: words("第一次把资料填完整：{points} 分"),
    EarningKind.BIRTHDAY: words("生日：{points} 分，一年一次"),
    EarningKind.SUGGESTION: words("您的建议被采纳：{points} 分"),
}
_ORDER = (EarningKind.PURCHASE, EarningKind.CAMPAIGN, EarningKind.BONUS)


def _earning(rules: Sequence[EarningTerms], names: Mapping[int, str]) -> tuple[Line, ...]:
    of_sales = [rule for kind in _ORDER for rule in rules if rule.kind is kind]
    return tuple(
        Line(
            _KINDS[rule.kind],
            {
                "name": rule.name,
                "money": Money(rule.per_fen),
                "points": rule.points,
                "times": decimal(Fraction(rule.percent, 100)),
            },
            _conditions(rule, names),
        )
        if not _is_exception(rule)
        else Line(_NOTHING, {"category": rule.category}, _conditions(replace(rule, **_ALL_OF_IT), names))
        for rule in of_sales
    )


_ALL_OF_IT: dict[str, Any] = {"category": None, "most_points": 0, "pending_days": 0}


def _is_exception(rule: EarningTerms) -> bool:
    """Whether it says that one kind of care earns nothing."""
    return rule.kind is EarningKind.PURCHASE and rule.category is not None and not rule.points


def _occasion(rule: EarningTerms, names: Mapping[int, str]) -> Line:
    points = min(rule.points, rule.most_points or rule.points)
    return Line(_OCCASIONS[rule.kind], {"points": points}, _conditions(rule, names))


def rule_lines(rule: EarningTerms, names: Mapping[int, str]) -> tuple[Line, ...]:
    """One rule in words, for whoever writes it: what it gives, and how its points end where they are its own."""
    if rule.kind in _OCCASIONS:
        return _occasion(rule, names), expiry_line(rule.expiry)
    gives = _earning([rule], names)
    return (*gives, expiry_line(rule.expiry)) if rule.kind is EarningKind.PURCHASE else gives


def _conditions(rule: EarningTerms, names: Mapping[int, str]) -> tuple[Line, ...]:
    """For what, for whom, when, how often, from when on the points count."""
    is_sale = rule.kind in _ORDER
    found: tuple[tuple[bool, str, dict[str, Any]], ...] = (
        (rule.category is not None, words("只算{category}"), {"category": rule.category}),
        (rule.from_rank is not None, words("{tier}及以上"), {"tier": names.get(rule.from_rank or 0, "")}),
        (rule.in_birthday_month, words("生日当月"), {}),
        (rule.from_paid_fen > 0, words("一次满 {money}"), {"money": Money(rule.from_paid_fen)}),
        (rule.starts_on is not None, words("{day} 开始"), {"day": rule.starts_on}),
        (rule.ends_on is not None, words("到 {day} 为止"), {"day": rule.ends_on}),
        (not is_sale and rule.most_times_a_year > 0, words("一年最多 {n} 次"), {"n": rule.most_times_a_year}),
        (is_sale and rule.most_points > 0, _MOST_OF_KIND if rule.category else _MOST, {"n": rule.most_points}),
        (rule.pending_days > 0, words("{n} 天后入账"), {"n": rule.pending_days}),
    )
    return tuple(Line(sentence, values) for holds, sentence, values in found if holds)


_MOST = words("每单最多 {n} 分")
_MOST_OF_KIND = words("这一类每单最多 {n} 分，别的照给")


def _steps(rules: Sequence[EarningTerms], tiers: Sequence[TierTerms], policy: Policy) -> tuple[Line, ...]:
    """In which order an order's points are worked out; only what this shop has."""
    kinds = {rule.kind for rule in rules}
    capped = [rule for rule in rules if rule.kind in _ORDER and rule.most_points]
    many = (
        words("再乘活动倍数；有几个活动就一个一个乘上去")
        if policy.campaigns_multiply
        else words("再乘活动倍数；有几个活动时取最高的一个")
    )
    steps = (
        (True, words("按实际付的钱算：用积分抵掉的、优惠减掉的不算")),
        (
            any(tier.points_percent != 100 for tier in tiers),
            words("乘等级倍数：按这一单之前的等级，升了级从下一单起算"),
        ),
        (EarningKind.CAMPAIGN in kinds, many),
        (True, words("去掉零头：一单只去一次")),
        (EarningKind.BONUS in kinds, words("加上加送的分")),
        (any(rule.category for rule in capped), words("某一类超过它的上限的，那一类按上限算")),
        (any(not rule.category for rule in capped), words("超过每单上限的按上限算")),
    )
    return tuple(Line(sentence, {}) for is_there, sentence in steps if is_there)


def _example(rules: Sequence[EarningTerms], tiers: Sequence[TierTerms], policy: Policy, today: date) -> str:
    """A sale worked out for the first tier that earns more, by the very rules of the till; as their working."""
    tier = next((one for one in tiers if one.points_percent != 100), None)
    earner = Earner(tier.step.name, tier.step.rank, tier.points_percent) if tier else Earner()
    order = Order(_EXAMPLE_FEN, today, (PaidLine(None, _EXAMPLE_FEN),))
    earning = sale_points(order, earner, rules, campaigns_multiply=bool(policy.campaigns_multiply))
    return earning.working if earning else ""


# ── Ending and refunds ────────────────────────────────────────────────────────────────────────────────────────────────

_ROUNDED = {
    RoundUp.NONE: words("得到之后 {months} 个月内有效"),
    RoundUp.MONTH: words("得到之后 {months} 个月内有效，再延到那个月的最后一天"),
    RoundUp.QUARTER: words("得到之后 {months} 个月内有效，再延到那一季的最后一天"),
    RoundUp.YEAR: words("得到之后 {months} 个月内有效，再延到那一年的最后一天"),
}
_FIXED = {
    ExpiryKind.YEARLY: words("每年 {month} 月 {day} 日到期，得到之后遇到的第一个"),
    ExpiryKind.TWO_YEARLY: words("每年 {month} 月 {day} 日到期，得到之后遇到的第二个"),
}
_EVERY_TWO = words("每两年的 {month} 月 {day} 日到期，{year} 年是到期的一年")
_OF_RULES = words("{names}：{line}")
_AND = words("{names}、{name}")


def _ending(rules: Sequence[EarningTerms]) -> tuple[Line, ...]:
    giving = [rule for rule in rules if rule.points and rule.kind not in {EarningKind.CAMPAIGN, EarningKind.BONUS}]
    ways = {rule.expiry: expiry_line(rule.expiry) for rule in giving}
    if not ways:
        return ()
    if len(ways) == 1:
        lines = [*ways.values()]
    else:
        lines = [Line(_OF_RULES, {"names": _names(giving, expiry), "line": line}) for expiry, line in ways.items()]
    if any(expiry.kind is not ExpiryKind.NEVER for expiry in ways):
        lines += [
            Line(words("最后一天整天都能用，过了那天的零点就没有了。"), {}),
            Line(words("用的时候先用快到期的。"), {}),
            Line(words("到期前 30 天、7 天、1 天提醒您；您要同意我们这样联系您。"), {}),
            Line(words("规则改了，只管以后得到的积分；您已有的积分到期日不变。"), {}),
        ]
    return tuple(lines)


def _names(rules: Sequence[EarningTerms], expiry: Expiry) -> Line:
    """The rules whose points end alike."""
    first, *others = (rule.name for rule in rules if rule.expiry == expiry)
    named = Line("{name}", {"name": first})
    for name in others:
        named = Line(_AND, {"names": named, "name": name})
    return named


def expiry_line(expiry: Expiry) -> Line:
    """How long points of a rule count."""
    if expiry.kind is ExpiryKind.NEVER:
        return Line(words("一直有效"), {})
    if expiry.kind is ExpiryKind.MONTHS:
        return Line(_ROUNDED[expiry.round_up], {"months": expiry.months})
    month, day = fixed_day(expiry.day)
    if expiry.kind is ExpiryKind.TWO_YEARLY and expiry.year is not None:
        return Line(_EVERY_TWO, {"year": str(expiry.year), "month": month, "day": day})
    return Line(_FIXED[expiry.kind], {"month": month, "day": day})


def _refunds(policy: Policy) -> tuple[Line, ...]:
    lines = [
        Line(words("退货时，收回那一单得到的积分；只退一部分，就按退的钱收回那一部分。"), {}),
        Line(words("那一单用掉的积分退还给您，到期日和原来一样。"), {}),
    ]
    if policy.points_grace_days:
        grace = words("要是已经过了到期日，从退货那天起再给您 {n} 天。")
        lines.append(Line(grace, {"n": policy.points_grace_days}))
    lines.append(Line(words("收回时积分不够，会先记成负数，由以后得到的积分补上。"), {}))
    return tuple(lines)


# ── Tiers and rewards ─────────────────────────────────────────────────────────────────────────────────────────────────

_WINDOWS = {
    TierWindow.ROLLING: words("最近 {months} 个月"),
    TierWindow.CALENDAR_YEAR: words("当年"),
    TierWindow.SINCE_CHANGE: words("上次等级变动以来"),
    TierWindow.LIFETIME: words("入会以来"),
}


def _tier(tier: TierTerms, policy: Policy) -> TierWords:
    lines = [reaching_line(tier.step, months=policy.tier_window_months)]
    if not tier.step.is_everybodys:
        lines.append(Line(words("达到之后保持 {n} 个月；到期时再看一次"), {"n": tier.step.valid_months}))
    if tier.points_percent != 100:
        lines.append(Line(words("积分 ×{times}"), {"times": decimal(Fraction(tier.points_percent, 100))}))
    if tier.discount_percent:
        lines.append(Line(words("消费减 {n}%"), {"n": tier.discount_percent}))
    for kind, name, times in tier.gives:
        sentence = words("{name}（{kind}，每个会员年 {n} 次）") if times else "{name}"
        lines.append(Line(sentence, {"name": name, "kind": kind, "n": times}))
    if tier.note and not tier.gives:
        lines.append(Line("{note}", {"note": tier.note}))
    return TierWords(tier.step.name, tuple(lines))


def reaching_line(step: TierStep, *, months: int) -> Line:
    """What has to be done for a tier, ≥ being enough."""
    if step.is_everybodys:
        return Line(words("加入会员就是"), {})
    values = {
        "window": Line(_WINDOWS[step.window], {"months": months}),
        "money": Money(step.threshold_fen),
        "n": step.threshold_visits,
    }
    if not step.threshold_visits:
        return Line(words("{window}消费满 {money}"), values)
    if not step.threshold_fen:
        return Line(words("{window}来店满 {n} 天"), values)
    if step.needs_both:
        return Line(words("{window}消费满 {money}，并且来店满 {n} 天"), values)
    return Line(words("{window}消费满 {money}，或者来店满 {n} 天"), values)


def _reward(reward: RewardTerms) -> Line:
    found: tuple[tuple[bool, str, dict[str, Any]], ...] = (
        (bool(reward.from_tier), words("{tier}及以上"), {"tier": reward.from_tier}),
        (reward.ends_on is not None, words("到 {day} 为止"), {"day": reward.ends_on}),
    )
    conditions = tuple(Line(sentence, values) for holds, sentence, values in found if holds)
    return Line(words("{name}：{points} 分"), {"name": reward.name, "points": reward.points}, conditions)
