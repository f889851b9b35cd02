"""Survey figures: of one customer and of many by one formula, and worked out anew by another."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.policy import Policy
from app.rules.questions import Answer, Question, asks_the_same, parts_of, whole_answer
from app.rules.survey_scores import (
    Grade,
    Nps,
    Ratio,
    Tally,
    dimension_scores,
    drivers,
    group_grade,
    may_show,
    may_show_cuts,
    nps_of,
    satisfied_share,
    score_of,
    tallies_of,
    total_score,
    whole,
)
from app.vocabulary import QuestionKind as Kind
from app.vocabulary import SurveyMode

POLICY = Policy()
SKILL = Question("skill", Kind.RATING, "专业吗", dimension="服务", weight=3)
KIND = Question("kind", Kind.RATING, "态度好吗", dimension="服务", weight=3)
ROOM = Question("room", Kind.RATING, "环境好吗", dimension="环境", weight=1, scale_max=10)
GRID = Question("grid", Kind.MATRIX, "这些呢", dimension="关怀", weight=2, statements=("回访", "祝福", "提醒"))
BACK = Question("back", Kind.YES_NO, "还来吗", dimension="忠诚", weight=2)
WOULD = Question("nps", Kind.NPS, "推荐吗", weight=0)
ASKED = (SKILL, KIND, ROOM, GRID, BACK, WOULD)


def test_the_worked_example_of_the_rules_page() -> None:
    tallies = [Tally(SKILL, {5: 1}), Tally(KIND, {3: 1}), Tally(GRID, {})]
    price = replace(SKILL, key="price", dimension="价格")
    dimensions = dimension_scores([*tallies, Tally(price, {4: 1})])
    assert [(one.dimension, one.score, one.n) for one in dimensions] == [("服务", 75, 2), ("价格", 75, 1)]
    assert total_score(dimensions) == 75


def test_every_statement_of_a_matrix_is_an_item_and_a_gap_is_none() -> None:
    answer = Answer("5,,1")
    assert parts_of(GRID, answer) == ((1, Answer("5", 5)), (3, Answer("1", 1)))
    assert whole_answer(dict(parts_of(GRID, answer))) == answer
    (found,) = dimension_scores(tallies_of([(GRID, answer)]))
    assert (found.score, found.n) == (50, 2)


@pytest.mark.parametrize(("question", "figure", "score"), [(BACK, 1, 100), (BACK, 0, 0), (WOULD, 10, None)])
def test_yes_counts_where_it_has_a_dimension_and_a_recommendation_never(
    question: Question, figure: int, score: int | None
) -> None:
    assert score_of(question, figure) == score
    assert score_of(replace(BACK, dimension=""), 1) is None


def test_satisfied_is_the_share_of_fours_and_fives_and_not_the_mean() -> None:
    tallies = [Tally(SKILL, {5: 1, 4: 1, 3: 2}), Tally(BACK, {1: 9})]
    assert satisfied_share(tallies) == Ratio(2, 4)
    assert satisfied_share([Tally(BACK, {1: 1})]) is None
    assert total_score(dimension_scores(tallies[:1])) == Fraction(275, 4)


def test_recommendations_of_two_rounds_are_added_and_never_averaged() -> None:
    small, large = nps_of({10: 1}), nps_of({0: 8, 9: 2})
    assert (small.score, large.score) == (100, -60)
    assert small + large == nps_of({10: 1, 0: 8, 9: 2})
    assert (small + large).score == Fraction(-500, 11) != (small.score + large.score) / 2
    assert nps_of({}) is None


@pytest.mark.parametrize(
    ("figure", "found"),
    [(0, Nps(0, 0, 1)), (6, Nps(0, 0, 1)), (7, Nps(0, 1, 0)), (8, Nps(0, 1, 0)), (9, Nps(1, 0, 0)), (10, Nps(1, 0, 0))],
)
def test_who_promotes_and_who_speaks_against(figure: int, found: Nps) -> None:
    assert nps_of({figure: 1}) == found


@pytest.mark.parametrize(("n", "grade"), [(29, None), (30, Grade.EXCELLENT)])
def test_few_answers_get_no_grade(n: int, grade: Grade | None) -> None:
    assert group_grade(Fraction(95), n, POLICY) is grade
    assert group_grade(None, 100, POLICY) is None


@pytest.mark.parametrize(("score", "rounded"), [(Fraction(1, 2), 1), (Fraction(-1, 2), 0), (Fraction(-3, 2), -1)])
def test_figures_are_rounded_half_up(score: Fraction, rounded: int) -> None:
    assert whole(score) == rounded


@pytest.mark.parametrize(
    ("n", "mode", "shown"),
    [
        (4, SurveyMode.ANONYMOUS, False),
        (5, SurveyMode.ANONYMOUS, True),
        (0, SurveyMode.ANONYMOUS, True),
        (1, SurveyMode.OPEN, True),
    ],
)
def test_a_few_anonymous_answers_are_not_looked_at(n: int, mode: SurveyMode, shown: bool) -> None:
    assert may_show(n, mode, POLICY) is shown


def test_what_one_part_hides_is_not_the_difference_of_the_others() -> None:
    assert may_show_cuts((20, 9, 3), SurveyMode.ANONYMOUS, POLICY) == (True, False, False)
    assert may_show_cuts((20, 2, 3), SurveyMode.ANONYMOUS, POLICY) == (True, False, False)
    assert may_show_cuts((20, 9, 3), SurveyMode.OPEN, POLICY) == (True, True, True)


def test_what_moves_the_total_is_found_and_what_stands_still_is_not() -> None:
    scores = [{"服务": Fraction(one), "环境": Fraction(50)} for one in (0, 50, 100)]
    assert drivers(scores, [Fraction(one) for one in (10, 50, 90)]) == {"服务": pytest.approx(1)}
    assert drivers(scores[:2], [Fraction(10), Fraction(50)]) == {}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"hint": "慢慢想"}, True),
        ({"weight": 9}, True),
        ({"is_required": False}, True),
        ({"text": " 专业吗 "}, True),
        ({"text": "手法专业吗"}, False),
        ({"scale_max": 7}, False),
        ({"kind": Kind.NPS}, False),
        ({"key": "other"}, False),
    ],
)
def test_rounds_compare_only_equal_questions(change: dict[str, object], same: bool) -> None:
    assert asks_the_same(SKILL, replace(SKILL, **change)) is same


# ── Worked out anew ──────────────────────────────────────────────────────────────────────────────────────────────────


def by_hand(answers: list[dict[str, str]]) -> float | None:
    """The total as a spreadsheet would work it out, in floats and with no code of ours."""
    tops = {"skill": 5, "kind": 5, "room": 10, "grid": 5}
    groups = {"服务": ("skill", "kind"), "环境": ("room",), "关怀": ("grid",), "忠诚": ("back",)}
    weights = {"服务": 3, "环境": 1, "关怀": 2, "忠诚": 2}
    above = below = 0.0
    for name, keys in groups.items():
        points = []
        for one in answers:
            for key in keys:
                for figure in one.get(key, "").split(","):
                    if figure:
                        points.append(100 * int(figure) if key == "back" else (int(figure) - 1) / (tops[key] - 1) * 100)
        if points:
            above += weights[name] * sum(points) / len(points)
            below += weights[name]
    return above / below if below else None


figure_of = {
    "skill": st.integers(1, 5).map(str),
    "kind": st.integers(1, 5).map(str),
    "room": st.integers(1, 10).map(str),
    "grid": st.lists(st.sampled_from(["", "1", "2", "3", "4", "5"]), min_size=3, max_size=3).map(",".join),
    "back": st.integers(0, 1).map(str),
}


@given(st.lists(st.fixed_dictionaries({}, optional=figure_of), max_size=6))
def test_a_set_of_answers_worked_out_anew_gives_the_same_total(answers: list[dict[str, str]]) -> None:
    given_ = [
        (question, Answer(one[question.key], None if question.kind is Kind.MATRIX else int(one[question.key])))
        for one in answers
        for question in ASKED
        if question.key in one
    ]
    expected, found = by_hand(answers), total_score(dimension_scores(tallies_of(given_)))
    assert (found is None) == (expected is None)
    if found is not None:
        assert float(found) == pytest.approx(expected)
