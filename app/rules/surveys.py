"""Surveys: who can answer now, and what the answers say.

Source: rules.md, "Surveys"; scores after S4's weighted dimensions.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from app.rules.policy import Policy
from app.rules.questions import Answer, Question
from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import QuestionKind, SurveyMode, SurveyStatus

_SATISFIED_FROM = Fraction(3, 4)
"""Share of the scale from which a rating counts as satisfied: 4 and 5 of five."""
CONTACT_KEY = "contact"
"""Key of the contact screen in a survey that has no contact question of its own."""
_SUBMISSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class SurveyUnknown(NotFound):
    """There is no such survey, or it is not out yet: the customer need not know which."""

    code = "survey_unknown"
    message = words("没有找到这份问卷。二维码可能没扫完整，请再扫一次，或问问店里的同事。")


class SurveyNotOpenYet(RuleBroken):
    """It opens later."""

    code = "survey_not_open_yet"
    message = words("这份问卷还没有开始。请过些时候再来，您的意见我们很想听。")
    status = 404


class SurveyClosed(RuleBroken):
    """It takes no more answers."""

    code = "survey_closed"
    message = words("这份问卷已经结束，谢谢您愿意花时间。有话想对我们说，可以直接打电话。")
    status = 410


class SurveyByInvitation(RuleBroken):
    """Answers belong to persons here, so only a personal link opens it."""

    code = "survey_by_invitation"
    message = words("这份问卷只发给受邀的顾客。请打开您收到的那条链接。")
    status = 404


class AlreadyAnswered(RuleBroken):
    """One run, one response."""

    code = "already_answered"
    message = words("您已经提交过了，谢谢。")
    status = 409


class ContactPhoneMissing(RuleBroken):
    """A name without a number reaches nobody."""

    code = "contact_phone_missing"
    message = words("请填手机号，我们才能联系到您；不需要联系，就点“不用了，谢谢”。")


class Grade(StrEnum):
    """What a score is called."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


@dataclass(frozen=True)
class DimensionScore:
    """A dimension's mean, 0 to 100, and its weight in the total."""

    dimension: str
    score: Fraction
    weight: int


@dataclass(frozen=True)
class SurveyVerdict:
    """What one customer's answers say. `score` is None when no rating was answered; `nps` is hers, 0 to 10."""

    score: int | None
    grade: Grade | None
    nps: int | None
    dimensions: tuple[DimensionScore, ...]
    is_low: bool
    opens_complaint: bool


def is_submission_id(text: str) -> bool:
    """Whether a run's id has the right form: random, 128 bits or more, nothing a database could choke on."""
    return _SUBMISSION_ID.fullmatch(text) is not None


def check_open(
    status: SurveyStatus, mode: SurveyMode, *, opens_at: datetime | None, closes_at: datetime | None, now: datetime
) -> None:
    """Refuse in words when a customer who scanned the code cannot answer now. Open from `opens_at` until just before
    `closes_at`."""
    if status is SurveyStatus.DRAFT:
        raise SurveyUnknown
    if status is SurveyStatus.CLOSED or (closes_at is not None and now >= closes_at):
        raise SurveyClosed
    if opens_at is not None and now < opens_at:
        raise SurveyNotOpenYet
    if mode is SurveyMode.IDENTIFIED:
        raise SurveyByInvitation


def score_of(question: Question, answer: Answer) -> Fraction | None:
    """A rating on 0 to 100: (v − 1) ÷ (max − 1) × 100. None for every other kind; NPS is never mixed in."""
    if question.kind is not QuestionKind.RATING or answer.number is None:
        return None
    return 100 * _share(answer.number, question.scale_max)


def is_satisfied(number: int, scale_max: int) -> bool:
    """Whether a rating counts into 满意率: 4 or 5 of five, the same share of any other scale."""
    return _share(number, scale_max) >= _SATISFIED_FROM


def _share(number: int, scale_max: int) -> Fraction:
    """How far up its scale a rating is, 0 to 1."""
    return Fraction(number - 1, scale_max - 1)


def dimension_scores(answered: Iterable[tuple[Question, Answer]]) -> tuple[DimensionScore, ...]:
    """Each dimension's mean over its answered ratings. A rating without a dimension stands for itself. What was not
    answered is not there: it is never a zero."""
    found: dict[str, list[Fraction]] = {}
    weights: dict[str, int] = {}
    for question, answer in answered:
        score = score_of(question, answer)
        if score is None:
            continue
        name = question.dimension or question.key
        found.setdefault(name, []).append(score)
        weights[name] = max(weights.get(name, 0), question.weight)
    return tuple(
        DimensionScore(name, sum(scores) / Fraction(len(scores)), weights[name]) for name, scores in found.items()
    )


def total_score(dimensions: Iterable[DimensionScore]) -> Fraction | None:
    """Σ weight × score ÷ Σ weight over the dimensions present; None when none carries weight."""
    present = [dimension for dimension in dimensions if dimension.weight > 0]
    weight = sum(dimension.weight for dimension in present)
    return sum((d.score * d.weight for d in present), Fraction(0)) / weight if weight else None


def whole(score: Fraction) -> int:
    """A score as it is kept and shown: rounded half up. Thresholds are judged on the exact one."""
    return int(score + Fraction(1, 2))


def grade_for(score: Fraction | float, policy: Policy) -> Grade:
    """What a score is called; each threshold belongs to the better grade."""
    if score >= policy.grade_excellent_from:
        return Grade.EXCELLENT
    if score >= policy.grade_good_from:
        return Grade.GOOD
    return Grade.FAIR if score >= policy.grade_fair_from else Grade.POOR


def verdict_on(
    answered: Sequence[tuple[Question, Answer]], policy: Policy, *, has_contact: bool = False
) -> SurveyVerdict:
    """Score, grade and NPS of one customer. Low is a score under the shop's line or an NPS on or under its own; only
    with a contact does that open a complaint, for otherwise there is nobody to answer."""
    dimensions = dimension_scores(answered)
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
