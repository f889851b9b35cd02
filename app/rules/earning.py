"""What a sale or an occasion is worth in points, step by step: base, tier, campaign, rounding down once, bonus, cap.

Source: semantics 5.1.9–11. Money really paid is the base; fractions are exact until the one rounding of an order.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any

from app.rules.points_expiry import NEVER, Expiry
from app.rules.refusals import RuleBroken, words
from app.vocabulary import CategoryOfNeed, EarningKind

_BASE = words("消费 {paid}，每 {per} 元 {points} 分 = {gives}")
_BASE_NAMED = words("{name}：{paid}，每 {per} 元 {points} 分 = {gives}")
_TOGETHER = words("合计 {gives}")
_TIMES = words("{name} ×{times} = {gives}")
_TIMES_PART = words("{name}：其中 {of} ×{times} = {part}，合计 {gives}")
_FLOOR = words("取整 {gives}")
_BONUS = words("{name} +{points} = {gives}")
_CAP = words("每单最多 {points} 分 = {gives}")
_CAP_PART = words("{name}：其中 {of}，最多 {points} 分，合计 {gives}")
_REFUND = words("退货收回 {points} 分 = {gives}")
_OCCASION = words("{name}：{points} 分")
_BETWEEN = words("；")


class NothingToEarn(RuleBroken):
    """No rule gives points for that, or not on that day."""

    code = "nothing_to_earn"
    message = words("现在没有这一项的积分规则。")
    status = 409


class AlreadyWrittenDown(RuleBroken):
    """The same event or idea was given points before."""

    code = "already_written_down"
    message = words("“{what}”已经给她记过了。确实是另一次，请写得不一样，如加上日期。")
    status = 409


class EarnedOftenEnough(RuleBroken):
    """The rule gives so often a year and no more."""

    code = "earned_often_enough"
    message = words("“{name}”一年最多送 {times} 次，今年已经送满了。")
    status = 409


class SaleTooLarge(RuleBroken):
    """More points than one movement holds: an amount in the wrong unit, most likely."""

    code = "sale_too_large"
    message = words("这一单要得 {points} 分，一次最多记 {largest} 分。请核对金额。")


class Step(StrEnum):
    """Where in the working a figure stands."""

    BASE = "base"
    TIER = "tier"
    CAMPAIGN = "campaign"
    FLOOR = "floor"
    BONUS = "bonus"
    CAP = "cap"
    REFUND = "refund"
    OCCASION = "occasion"


@dataclass(frozen=True, kw_only=True)
class EarningTerms:
    """An earning rule as it stood at a moment. `from_rank`: for this tier and those above, None for everybody. `most_points`
    0: no cap; with a `category` it caps what that kind of care gives, else the whole order. `most_times_a_year` 0: as often
    as it happens."""

    rule_id: int
    name: str
    kind: EarningKind
    points: int = 0
    per_fen: int = 100
    percent: int = 100
    category: CategoryOfNeed | None = None
    from_rank: int | None = None
    in_birthday_month: bool = False
    from_paid_fen: int = 0
    most_points: int = 0
    most_times_a_year: int = 0
    starts_on: date | None = None
    ends_on: date | None = None
    pending_days: int = 0
    expiry: Expiry = NEVER


@dataclass(frozen=True)
class Earner:
    """Who earns, as she was before the sale: the order that lifts her still earns by the tier below."""

    tier_name: str = ""
    tier_rank: int = 0
    tier_percent: int = 100
    is_birthday_month: bool = False


@dataclass(frozen=True)
class PaidLine:
    """One thing on the slip. A discount may be a line below zero."""

    category: CategoryOfNeed | None
    amount_fen: int


@dataclass(frozen=True)
class Order:
    """A sale on the shop's day. `paid_fen` is the money: what was paid with points earns nothing."""

    paid_fen: int
    on: date
    lines: tuple[PaidLine, ...]


@dataclass(frozen=True)
class Earning:
    """What a sale is worth, how it came about, and by which rule its points wait and end."""

    points: int
    steps: tuple[dict[str, Any], ...]
    rule: EarningTerms

    @property
    def working(self) -> str:
        """The steps as they are kept beside the points."""
        return json.dumps(self.steps, ensure_ascii=False)


def sale_points(
    order: Order, earner: Earner, rules: Iterable[EarningTerms], *, campaigns_multiply: bool
) -> Earning | None:
    """The points of a sale; None where no rule gives any. Of several campaigns for the same thing the best counts, or with
    `campaigns_multiply` each of them."""
    paid = paid_by_category(order)
    fitting = [rule for rule in rules if _applies(rule, order.on, earner) and _is_enough(rule, order, paid)]
    bases = _bases(fitting, paid)
    if not bases:
        return None
    parts = {category: Fraction(fen * bases[category].points, bases[category].per_fen) for category, fen in paid.items()
             if category in bases}  # fmt: skip
    steps = _base_steps(bases, paid)
    used = list({rule.rule_id: rule for rule in bases.values()}.values())
    if earner.tier_percent != 100:
        parts = {category: points * earner.tier_percent / 100 for category, points in parts.items()}
        steps.append(_step(Step.TIER, sum(parts.values()), name=earner.tier_name, percent=earner.tier_percent))
    for campaign, categories in _campaigns(fitting, parts, campaigns_multiply):
        before = sum((parts[category] for category in categories), Fraction())
        parts |= {category: parts[category] * campaign.percent / 100 for category in categories}
        of = {} if len(categories) == len(parts) else {"of": str(before)}
        steps.append(_step(Step.CAMPAIGN, sum(parts.values()), campaign, percent=campaign.percent, **of))
        used.append(campaign)
    exact = sum(parts.values(), Fraction())
    if exact != int(exact):
        steps.append(_step(Step.FLOOR, int(exact)))
    for bonus in (rule for rule in fitting if rule.kind is EarningKind.BONUS and rule.points):
        # What is given for one kind of care belongs to its part.
        parts[bonus.category] = parts.get(bonus.category, Fraction()) + bonus.points
        steps.append(_step(Step.BONUS, int(sum(parts.values())), bonus, points=bonus.points))
        used.append(bonus)
    points = _capped(parts, used, steps)
    lead = max(used, key=lambda rule: (rule.kind is EarningKind.PURCHASE, rule.category is None, -rule.rule_id))
    waits = max(rule.pending_days for rule in bases.values())
    return Earning(points, tuple(steps), replace(lead, pending_days=waits)) if points > 0 else None


def _capped(
    parts: dict[CategoryOfNeed | None, Fraction], used: Sequence[EarningTerms], steps: list[dict[str, Any]]
) -> int:
    """The points of an order within its caps: first the part of each kind of care that has one, then the whole; whole
    points, rounded down once. The smallest cap of several counts."""
    by_cap = sorted((rule for rule in used if rule.most_points), key=lambda rule: rule.most_points)
    for rule in (one for one in by_cap if one.category is not None):
        part = parts.get(rule.category, Fraction())
        if rule.most_points < part:
            parts[rule.category] = Fraction(rule.most_points)
            whole = int(sum(parts.values()))
            of = {"of": str(part)} if len(parts) > 1 else {}
            steps.append(_step(Step.CAP, whole, rule if of else None, points=rule.most_points, **of))
    points = int(sum(parts.values()))
    cap = next((rule.most_points for rule in by_cap if rule.category is None), points)
    if cap < points:
        steps.append(_step(Step.CAP, cap, points=cap))
    return min(cap, points)


def paid_by_category(order: Order) -> dict[CategoryOfNeed | None, int]:
    """The money of an order over the kinds of its lines: exactly all of it, in proportion to what each cost. Discounts and
    what points paid come off every line alike."""
    total = sum(line.amount_fen for line in order.lines if line.amount_fen > 0)
    if total <= 0 or order.paid_fen <= 0:
        return {}
    paid: dict[CategoryOfNeed | None, int] = {}
    seen = given = 0
    for line in order.lines:
        if line.amount_fen > 0:
            seen += line.amount_fen
            part = order.paid_fen * seen // total - given
            given += part
            paid[line.category] = paid.get(line.category, 0) + part
    return paid


def occasion_terms(rules: Iterable[EarningTerms], kind: EarningKind, on: date, earner: Earner) -> EarningTerms | None:
    """The rule for an occasion on that day; of several the one that gives most. None: nothing is given."""
    fitting = [rule for rule in rules if rule.kind is kind and rule.points and _applies(rule, on, earner)]
    return max(fitting, key=lambda rule: (rule.points, -rule.rule_id), default=None)


def occasion_earning(rule: EarningTerms) -> Earning:
    """What an occasion is worth."""
    points = min(rule.points, rule.most_points or rule.points)
    return Earning(points, (_step(Step.OCCASION, points, rule, points=points),), rule)


def still_earned(earned: int, *, kept_fen: int, paid_fen: int) -> int:
    """How many of an order's points stay when so much of its money stays: floor(earned × kept ÷ paid). Counted from the
    whole each time, so that partial refunds which add up to all of it take back exactly all of them."""
    return earned * kept_fen // paid_fen if paid_fen > 0 else 0


def told(working: str, translate: Callable[[str], str]) -> str:
    """The working in words of the reader's language: 消费 ¥128.00，每 1 元 1 分 = 128；银卡会员 ×1.2 = 153.6；取整 153."""  # data
    steps = json.loads(working) if working else []
    said = [_told_step(step, translate) for step in steps]
    bases = [step for step in steps if step["at"] == Step.BASE]
    if len(bases) > 1:  # each says what it gives by itself, and then what they give together
        said.insert(len(bases), translate(_TOGETHER).format(gives=decimal(Fraction(bases[-1]["gives"]))))
    return translate(_BETWEEN).join(said)


def working_less(working: str, taken_back: int, left: int) -> str:
    """The working of points of which a refund took a part before they came in."""
    if not working or not taken_back:
        return working
    return json.dumps([*json.loads(working), _step(Step.REFUND, left, points=taken_back)], ensure_ascii=False)


# ── The steps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _applies(rule: EarningTerms, on: date, earner: Earner) -> bool:
    return (
        (rule.starts_on is None or rule.starts_on <= on)
        and (rule.ends_on is None or on <= rule.ends_on)
        and (rule.from_rank is None or rule.from_rank <= earner.tier_rank)
        and (not rule.in_birthday_month or earner.is_birthday_month)
    )


def _is_enough(rule: EarningTerms, order: Order, paid: dict[CategoryOfNeed | None, int]) -> bool:
    """Whether so much was paid, of the rule's kind of care where it names one."""
    counted = order.paid_fen if rule.category is None else paid.get(rule.category, 0)
    return counted > 0 and counted >= rule.from_paid_fen


def _bases(
    rules: Sequence[EarningTerms], paid: dict[CategoryOfNeed | None, int]
) -> dict[CategoryOfNeed | None, EarningTerms]:
    """Which rule each kind of care earns by: its own before the general one, and of several the most generous."""
    bases = {}
    for category in paid:
        own = [rule for rule in rules if rule.kind is EarningKind.PURCHASE and rule.category in {None, category}]
        if own:
            bases[category] = max(
                own,
                key=lambda rule: (rule.category is not None, Fraction(rule.points, rule.per_fen), -rule.rule_id),
            )
    return bases


def _base_steps(
    bases: dict[CategoryOfNeed | None, EarningTerms], paid: dict[CategoryOfNeed | None, int]
) -> list[dict[str, Any]]:
    """One step for each rule, with the money it counted; `gives` is what all of them give so far."""
    steps, so_far = [], Fraction()
    for rule in {one.rule_id: one for one in bases.values()}.values():
        fen = sum(paid[category] for category, one in bases.items() if one.rule_id == rule.rule_id)
        so_far += Fraction(fen * rule.points, rule.per_fen)
        name = rule.name if rule.category else ""
        steps.append(_step(Step.BASE, so_far, rule, name=name, fen=fen, points=rule.points, per_fen=rule.per_fen))
    return steps


def _campaigns(
    rules: Sequence[EarningTerms], parts: dict[CategoryOfNeed | None, Fraction], multiply: bool
) -> list[tuple[EarningTerms, list[CategoryOfNeed | None]]]:
    """Each campaign that counts, with the kinds of care it counts for."""
    running = [rule for rule in rules if rule.kind is EarningKind.CAMPAIGN]
    wanted: dict[int, list[CategoryOfNeed | None]] = {}
    for category in parts:
        fitting = [rule for rule in running if rule.category in {None, category}]
        if fitting and not multiply:
            fitting = [max(fitting, key=lambda rule: (rule.percent, -rule.rule_id))]
        for rule in fitting:
            wanted.setdefault(rule.rule_id, []).append(category)
    return [(rule, wanted[rule.rule_id]) for rule in running if rule.rule_id in wanted]


def _step(at: Step, gives: Fraction | int, rule: EarningTerms | None = None, **said: Any) -> dict[str, Any]:
    step: dict[str, Any] = {"at": at.value, "gives": str(gives)}
    if rule is not None:
        step |= {"rule": rule.rule_id, "name": rule.name}
    return step | said


# ── In words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _told_step(step: dict[str, Any], translate: Callable[[str], str]) -> str:
    said: dict[str, Any] = {name: step.get(name, "") for name in ("name", "points")}
    said["gives"] = decimal(Fraction(step["gives"]))
    sentence = _SENTENCES[Step(step["at"])]
    if "of" in step:
        of = Fraction(step["of"])
        said |= {"of": decimal(of), "part": decimal(of * step.get("percent", 100) / 100)}
        sentence = _TIMES_PART if "percent" in step else _CAP_PART
    if "fen" in step:
        said |= {
            "gives": decimal(Fraction(step["fen"] * step["points"], step["per_fen"])),
            "paid": f"¥{step['fen'] // 100:,}.{step['fen'] % 100:02d}",
            "per": decimal(Fraction(step["per_fen"], 100)),
        }
        sentence = _BASE_NAMED if step["name"] else _BASE
    if "percent" in step:
        said["times"] = decimal(Fraction(step["percent"], 100))
    return translate(sentence).format(**said)


_SENTENCES = {
    Step.BASE: _BASE,
    Step.TIER: _TIMES,
    Step.CAMPAIGN: _TIMES,
    Step.FLOOR: _FLOOR,
    Step.BONUS: _BONUS,
    Step.CAP: _CAP,
    Step.REFUND: _REFUND,
    Step.OCCASION: _OCCASION,
}


def decimal(figure: Fraction) -> str:
    """A figure as people write it: 153, 153.6, 153.66; what goes on after two places is cut off with an …"""
    cents = int(figure * 100)
    text = f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")
    return text if cents == figure * 100 else f"{text}…"
