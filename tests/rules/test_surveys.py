"""What a customer's answers say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.policy import Policy
from app.rules.questions import Answer, Question
from app.rules.refusals import RuleBroken
from app.rules.survey_scores import Grade, grade_for, is_satisfied, score_of, verdict_on, whole
from app.rules.surveys import (
    SurveyByInvitation,
    SurveyClosed,
    SurveyNotOpenYet,
    SurveyUnknown,
    check_open,
    is_submission_id,
)
from app.vocabulary import QuestionKind as Kind
from app.vocabulary import SurveyMode, SurveyStatus

POLICY = Policy()
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


def rated(value: int, dimension: str = "", *, weight: int = 1, top: int = 5, key: str = "") -> tuple[Question, Answer]:
    question = Question(key or f"q_{dimension}", Kind.RATING, dimension=dimension, weight=weight, scale_max=top)
    return question, Answer(str(value), value)


def recommends(value: int) -> tuple[Question, Answer]:
    return Question("nps", Kind.NPS), Answer(str(value), value)


@pytest.mark.parametrize(
    ("value", "top", "score"),
    [
        (1, 5, 0),
        (2, 5, 25),
        (3, 5, 50),
        (4, 5, 75),
        (5, 5, 100),
        (1, 2, 0),
        (2, 2, 100),
        (2, 10, Fraction(100, 9)),
        (10, 10, 100),
    ],
)
def test_a_rating_becomes_a_score_of_zero_to_a_hundred(value: int, top: int, score: Fraction) -> None:
    question, answer = rated(value, top=top)
    assert score_of(question, answer.number) == score


@pytest.mark.parametrize(
    ("value", "top", "satisfied"),
    [
        (3, 5, False),
        (4, 5, True),
        (7, 10, False),
        (8, 10, True),
        (1, 2, False),
        (2, 2, True),
        (2, 3, False),
        (3, 3, True),
    ],
)
def test_four_of_five_is_satisfied(value: int, top: int, satisfied: bool) -> None:
    assert is_satisfied(value, top) is satisfied


@pytest.mark.parametrize(
    ("answered", "score"),
    [
        ([], None),
        ([rated(5, "环境")], 100),
        # A dimension's ratings are averaged first: (100 + 0) / 2 and 100, not 200 / 3.
        ([rated(5, "服务", key="a"), rated(1, "服务", key="b"), rated(5, "环境")], 75),
        # Weights are the dimensions', whatever their number of questions: (3×50 + 2×100) / 5.
        ([rated(5, "服务", weight=3, key="a"), rated(1, "服务", weight=3, key="b"), rated(5, "环境", weight=2)], 70),
        # A rating without a dimension stands for itself.
        ([rated(5, key="a"), rated(1, key="b")], 50),
        # Weight nought is asked, not counted.
        ([rated(5, "环境"), rated(1, "试问", weight=0)], 100),
        ([rated(1, "试问", weight=0)], None),
        # NPS and texts are never mixed in.
        ([rated(5, "环境"), recommends(0)], 100),
        ([recommends(10), (Question("words", Kind.TEXT), Answer("好"))], None),
        # 66.67 and 33.33, rounded half up.
        ([rated(5, key="a"), rated(5, key="b"), rated(1, key="c")], 67),
        ([rated(1, key="a"), rated(1, key="b"), rated(5, key="c")], 33),
        ([rated(4, "甲", weight=1), rated(5, "乙", weight=1)], 88),
    ],
)
def test_the_total_weighs_the_dimensions_that_are_present(answered: list, score: int | None) -> None:
    assert verdict_on(answered, POLICY).score == score


def test_what_was_not_answered_is_no_zero() -> None:
    everything = [rated(4, "产品", weight=3), rated(4, "服务", weight=3), rated(4, "环境", weight=2)]
    assert verdict_on(everything[:1], POLICY).score == verdict_on(everything, POLICY).score == 75


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (100, Grade.EXCELLENT),
        (90, Grade.EXCELLENT),
        (Fraction(8999, 100), Grade.GOOD),
        (75, Grade.GOOD),
        (Fraction(7499, 100), Grade.FAIR),
        (60, Grade.FAIR),
        (Fraction(5999, 100), Grade.POOR),
        (0, Grade.POOR),
    ],
)
def test_each_threshold_belongs_to_the_better_grade(score: Fraction, grade: Grade) -> None:
    assert grade_for(score, POLICY) is grade


def test_grades_follow_the_owners_thresholds() -> None:
    strict = replace(POLICY, grade_excellent_from=95, grade_good_from=85, grade_fair_from=70)
    assert [grade_for(score, strict) for score in (94, 84, 69)] == [Grade.GOOD, Grade.FAIR, Grade.POOR]


@pytest.mark.parametrize(
    ("answered", "is_low"),
    [
        ([rated(3, "甲", weight=3), rated(4, "乙", weight=2)], False),  # exactly 60
        ([rated(3, "甲", weight=61), rated(4, "乙", weight=39)], True),  # 59.75: shown as 60, and low all the same
        ([rated(1)], True),
        ([rated(5)], False),
        ([rated(5), recommends(6)], True),
        ([rated(5), recommends(7)], False),
        ([recommends(0)], True),
        ([], False),
        ([(Question("words", Kind.TEXT), Answer("差"))], False),
    ],
)
def test_low_is_under_the_line_or_an_nps_on_its_own(answered: list, is_low: bool) -> None:
    verdict = verdict_on(answered, POLICY)
    assert (verdict.is_low, verdict.opens_complaint) == (is_low, False)
    assert verdict_on(answered, POLICY, has_contact=True).opens_complaint is is_low


def test_the_lines_are_the_owners() -> None:
    kinder = replace(POLICY, low_score_below=0, low_nps_max=0)
    assert not verdict_on([rated(1), recommends(1)], kinder).is_low
    assert verdict_on([rated(5), recommends(0)], kinder).is_low


answers = st.lists(
    st.tuples(
        st.integers(1, 5), st.sampled_from(["产品", "服务", "环境", "价格"]), st.integers(2, 10), st.integers(1, 9)
    ),
    min_size=1,
    max_size=12,
).map(
    lambda rows: [
        rated(min(value, top), dimension, weight=weight, top=top, key=f"q{at}")
        for at, (value, dimension, top, weight) in enumerate(rows)
    ]
)


@given(answers)
def test_a_score_lies_between_its_dimensions(answered: list) -> None:
    verdict = verdict_on(answered, POLICY)
    scores = [dimension.score for dimension in verdict.dimensions]
    assert verdict.score is not None
    assert whole(min(scores)) <= verdict.score <= whole(max(scores))
    assert 0 <= verdict.score <= 100


@given(answers, st.randoms())
def test_the_order_of_answers_does_not_matter(answered: list, chance) -> None:
    shuffled = list(answered)
    chance.shuffle(shuffled)
    assert verdict_on(shuffled, POLICY).score == verdict_on(answered, POLICY).score


@given(answers, st.integers(0, 10))
def test_nps_never_moves_the_score(answered: list, figure: int) -> None:
    with_nps = verdict_on([*answered, recommends(figure)], POLICY)
    assert (with_nps.score, with_nps.nps) == (verdict_on(answered, POLICY).score, figure)


@pytest.mark.parametrize(
    ("status", "mode", "opens", "closes", "refusal"),
    [
        (SurveyStatus.DRAFT, SurveyMode.OPEN, None, None, SurveyUnknown),
        (SurveyStatus.CLOSED, SurveyMode.OPEN, None, None, SurveyClosed),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, None, None, None),
        (SurveyStatus.PUBLISHED, SurveyMode.ANONYMOUS, None, None, None),
        (SurveyStatus.PUBLISHED, SurveyMode.IDENTIFIED, None, None, SurveyByInvitation),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, 1, None, SurveyNotOpenYet),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, 0, None, None),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, None, 1, None),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, None, 0, SurveyClosed),
        (SurveyStatus.PUBLISHED, SurveyMode.OPEN, None, -1, SurveyClosed),
    ],
)
def test_a_survey_is_open_from_its_opening_until_just_before_its_close(
    status: SurveyStatus, mode: SurveyMode, opens: int | None, closes: int | None, refusal: type[RuleBroken] | None
) -> None:
    times = {
        "opens_at": None if opens is None else NOW + timedelta(seconds=opens),
        "closes_at": None if closes is None else NOW + timedelta(seconds=closes),
    }
    if refusal is None:
        check_open(status, mode, now=NOW, **times)
        return
    with pytest.raises(refusal):
        check_open(status, mode, now=NOW, **times)


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("a" * 15, False),
        ("a" * 16, True),
        ("aZ09_-" * 4, True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("a" * 16 + "\n", False),
        ("a" * 16 + "\x00", False),
        ("号" * 20, False),
        ("", False),
    ],
)
def test_a_runs_id_has_a_form(text: str, usable: bool) -> None:
    assert is_submission_id(text) is usable
