"""What survey answers say in figures: of one customer, and of many.

The same formula serves both. Every answered item is 0 to 100, a dimension is the mean of its answered items, the total
weighs the dimensions that are there. What was not asked or not answered is in no numerator and no denominator.
Source: rules.md, "Survey score"; S4's weighted dimensions; semantics 5.6.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.rules.policy import Policy
from app.rules.questions import NPS_MAX, Answer, Question, parts_of
from app.vocabulary import QuestionKind, SurveyMode

_SATISFIED_FROM = Fraction(3, 4)
"""Share of the scale from which a rating counts as satisfied: 4 and 5 of five."""
PROMOTES_FROM, DETRACTS_TO = 9, 6
RATED = frozenset({QuestionKind.RATING, QuestionKind.MATRIX})
"""Kinds with a scale: they make 满意率."""


class Grade(StrEnum):
    """What a score is called."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True)
class Tally:
    """How often each figure was given to a question: {figure: times}. Of a matrix, all its statements together."""

    question: Question
    counts: Mapping[int, int]

    @property
    def n(self) -> int:
        """How many answered items."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class DimensionScore:
    """A dimension's mean, 0 to 100, its weight in the total, and over how many answered items."""

    dimension: str
    score: Fraction
    weight: int
    n: int = 1


@dataclass(frozen=True)
class Ratio:
    """So many of so many."""

    hits: int
    n: int

    @property
    def percent(self) -> Fraction:
        """0 to 100."""
        return Fraction(100 * self.hits, self.n)


@dataclass(frozen=True)
class Nps:
    """Who recommends the shop: 9 and 10 do, 0 to 6 speak against it. Two rounds are added before the score is made: the
    mean of two scores is nobody's."""

    promoters: int
    passives: int
    detractors: int

    @property
    def n(self) -> int:
        """How many answered."""
        return self.promoters + self.passives + self.detractors

    @property
    def score(self) -> Fraction:
        """Share of promoters less share of detractors, −100 to 100."""
        return Fraction(100 * (self.promoters - self.detractors), self.n)

    def __add__(self, other: "Nps") -> "Nps":
        return Nps(self.promoters + other.promoters, self.passives + other.passives, self.detractors + other.detractors)


@dataclass(frozen=True)
class SurveyVerdict:
    """What one customer's answers say. `score` is None when nothing scored was answered; `nps` is hers, 0 to 10."""

    score: int | None
    grade: Grade | None
    nps: int | None
    dimensions: tuple[DimensionScore, ...]
    is_low: bool
    opens_complaint: bool


# ── One item ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def score_of(question: Question, figure: int) -> Fraction | None:
    """A figure on 0 to 100: (v − 1) ÷ (max − 1) × 100; yes is 100 and no is 0 where the question belongs to a dimension.
    None for what is not scored; NPS is never mixed in."""
    if question.kind in RATED:
        return 100 * _share(figure, question.scale_max)
    if question.kind is QuestionKind.YES_NO and question.dimension:
        return Fraction(100 * figure)
    return None


def is_satisfied(figure: int, scale_max: int) -> bool:
    """Whether a rating counts into 满意率: 4 or 5 of five, the same share of any other scale."""
    return _share(figure, scale_max) >= _SATISFIED_FROM


def _share(figure: int, scale_max: int) -> Fraction:
    """How far up its scale a rating is, 0 to 1."""
    return Fraction(figure - 1, scale_max - 1)


# ── Many items ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tallies_of(answered: Iterable[tuple[Question, Answer]]) -> list[Tally]:
    """One customer's answers, counted."""
    tallies = []
    for question, answer in answered:
        counts: dict[int, int] = {}
        for _, part in parts_of(question, answer):
            if part.number is not None:
                counts[part.number] = counts.get(part.number, 0) + 1
        tallies.append(Tally(question, counts))
    return tallies


def dimension_scores(tallies: Iterable[Tally]) -> tuple[DimensionScore, ...]:
    """Each dimension's mean over its answered items, in the order they come. A rating without a dimension stands for
    itself. What was not answered is not there: it is never a zero."""
    sums: dict[str, Fraction] = {}
    items: dict[str, int] = {}
    weights: dict[str, int] = {}
    for tally in tallies:
        name = tally.question.dimension or tally.question.key
        for figure, times in tally.counts.items():
            score = score_of(tally.question, figure)
            if score is None or not times:
                continue
            sums[name] = sums.get(name, Fraction(0)) + score * times
            items[name] = items.get(name, 0) + times
            weights[name] = max(weights.get(name, 0), tally.question.weight)
    return tuple(DimensionScore(name, sums[name] / items[name], weights[name], items[name]) for name in sums)


def total_score(dimensions: Iterable[DimensionScore]) -> Fraction | None:
    """满意度得分: Σ weight × score ÷ Σ weight over the dimensions present; None when none carries weight."""
    present = [dimension for dimension in dimensions if dimension.weight > 0]
    weight = sum(dimension.weight for dimension in present)
    return sum((d.score * d.weight for d in present), Fraction(0)) / weight if weight else None


def satisfied_share(tallies: Iterable[Tally]) -> Ratio | None:
    """满意率: the share of ratings that are 4 or 5 of five; None when nothing was rated."""
    rated = [
        (is_satisfied(figure, tally.question.scale_max), times)
        for tally in tallies
        if tally.question.kind in RATED
        for figure, times in tally.counts.items()
    ]
    n = sum(times for _, times in rated)
    return Ratio(sum(times for is_hit, times in rated if is_hit), n) if n else None


def nps_of(counts: Mapping[int, int]) -> Nps | None:
    """The recommendations so often given, {0 to 10: times}; None when there are none. Of several rounds pass all their
    answers together."""
    promoters = sum(times for figure, times in counts.items() if PROMOTES_FROM <= figure <= NPS_MAX)
    detractors = sum(times for figure, times in counts.items() if 0 <= figure <= DETRACTS_TO)
    n = sum(counts.values())
    return Nps(promoters, n - promoters - detractors, detractors) if n else None


def drivers(answered: Sequence[Mapping[str, Fraction]], totals: Sequence[Fraction]) -> dict[str, float]:
    """Which dimension moves the total: the correlation of each dimension's scores with the totals, customer by customer
    (`answered` and `totals` side by side), −1 to 1. A dimension that never varied, or that fewer than three rated, has
    none."""
    names = dict.fromkeys(name for one in answered for name in one)
    found = {}
    for name in names:
        pairs = [(float(one[name]), float(total)) for one, total in zip(answered, totals, strict=True) if name in one]
        moved = _correlation(pairs)
        if moved is not None:
            found[name] = moved
    return found


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < 3:  # two points always lie on a line
        return None
    mean_x = sum(x for x, _ in pairs) / len(pairs)
    mean_y = sum(y for _, y in pairs) / len(pairs)
    xx = sum((x - mean_x) ** 2 for x, _ in pairs)
    yy = sum((y - mean_y) ** 2 for _, y in pairs)
    if xx == 0 or yy == 0:
        return None
    return float(sum((x - mean_x) * (y - mean_y) for x, y in pairs) / (xx * yy) ** 0.5)


# ── What may be said of it ───────────────────────────────────────────────────────────────────────────────────────────


def whole(score: Fraction) -> int:
    """A score as it is kept and shown: rounded half up. Thresholds are judged on the exact one."""
    return int((score + Fraction(1, 2)) // 1)


def grade_for(score: Fraction | float, policy: Policy) -> Grade:
    """What a score is called; each threshold belongs to the better grade."""
    if score >= policy.grade_excellent_from:
        return Grade.EXCELLENT
    if score >= policy.grade_good_from:
        return Grade.GOOD
    return Grade.FAIR if score >= policy.grade_fair_from else Grade.POOR


def group_grade(score: Fraction | None, n: int, policy: Policy) -> Grade | None:
    """What the score of `n` customers is called; None, 样本不足, of fewer than the shop wants to see."""
    return None if score is None or n < policy.sample_min else grade_for(score, policy)


def may_show(n: int, mode: SurveyMode, policy: Policy) -> bool:
    """Whether a part of the answers may be looked at by itself. Few anonymous ones would have a face: they are shown
    from the shop's smallest group on. Nothing at all may always be said."""
    return mode is not SurveyMode.ANONYMOUS or n == 0 or n >= policy.survey_group_min


def may_show_cuts(sizes: Sequence[int], mode: SurveyMode, policy: Policy) -> tuple[bool, ...]:
    """Which parts of a whole may be shown side by side. Where the whole is known too, one part left out is the
    difference: the next smallest stays hidden with it."""
    shown = [may_show(n, mode, policy) for n in sizes]
    if shown.count(False) == 1:
        others = [place for place, is_shown in enumerate(shown) if is_shown and sizes[place]]
        if others:
            shown[min(others, key=lambda place: sizes[place])] = False
    return tuple(shown)


def verdict_on(
    answered: Sequence[tuple[Question, Answer]], policy: Policy, *, has_contact: bool = False
) -> SurveyVerdict:
    """Score, grade and NPS of one customer. Low is a score under the shop's line or an NPS on or under its own; only
    with a contact does that open a complaint, for otherwise there is nobody to answer."""
    dimensions = dimension_scores(tallies_of(answered))
    score = total_score(dimensions)
    nps = next((answer.number for question, answer in answered if question.kind is QuestionKind.NPS), None)
    is_low = (score is not None and score < policy.low_score_below) or (nps is not None and nps <= policy.low_nps_max)
    return SurveyVerdict(
        score=None if score is None else whole(score),
        grade=None if score is None else grade_for(score, policy),
        nps=nps,
        dimensions=dimensions,
        is_low=is_low,
        opens_complaint=is_low and has_contact,
    )
