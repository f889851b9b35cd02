"""Which questions are asked, over rules drawn at random: every branch ends, and what is hidden never counts."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.policy import Policy
from app.rules.questions import Answer, Question
from app.rules.refusals import RuleBroken
from app.rules.survey_logic import (
    Condition,
    LogicBackwards,
    LogicEmpty,
    LogicEndsNothing,
    LogicTestWrong,
    LogicUnknownQuestion,
    Questionnaire,
    SkipRule,
    asked,
    check_logic,
    conditions_as_text,
    conditions_from,
    counted,
    first_open,
    following,
    hidden,
    preceding,
    progress,
    targets_from,
)
from app.rules.survey_paths import paths_of
from app.rules.survey_scores import verdict_on
from app.vocabulary import AnswerTest, LogicDeed, LogicMatch
from app.vocabulary import QuestionKind as Kind

ANY, ALL = LogicMatch.ANY, LogicMatch.ALL
SHOW, SKIP, END = LogicDeed.SHOW, LogicDeed.SKIP, LogicDeed.END
SCALE = 3


def rating(key: str, *, required: bool = True, section: str = "") -> Question:
    return Question(key, Kind.RATING, key, dimension=key, scale_max=SCALE, is_required=required, section=section)


def at_most(key: str, value: int) -> Condition:
    return Condition(key, AnswerTest.AT_MOST, value)


def figures(**given: int) -> dict[str, Answer]:
    return {key: Answer(str(value), value) for key, value in given.items()}


def keys(paper: Questionnaire, **given: int) -> str:
    return "".join(question.key for question in asked(paper, figures(**given)))


THREE = (rating("a"), rating("b"), rating("c"))


# ── One rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("deed", "targets", "low", "high"),
    [(SHOW, ("b",), "abc", "ac"), (SKIP, ("b",), "ac", "abc"), (END, (), "a", "abc")],
)
def test_a_rule_shows_skips_or_ends(deed: LogicDeed, targets: tuple[str, ...], low: str, high: str) -> None:
    paper = Questionnaire(THREE, (SkipRule(ANY, (at_most("a", 1),), deed, targets),))
    check_logic(paper)
    assert (keys(paper, a=1), keys(paper, a=2)) == (low, high)


@pytest.mark.parametrize(("match", "shown"), [(ANY, "abc"), (ALL, "ab")])
def test_any_condition_or_all_of_them(match: LogicMatch, shown: str) -> None:
    rule = SkipRule(match, (at_most("a", 1), at_most("b", 1)), SHOW, ("c",))
    assert keys(Questionnaire(THREE, (rule,)), a=1, b=3) == shown


@pytest.mark.parametrize(
    ("test", "value", "given", "holds"),
    [
        (AnswerTest.IS, 2, "2", True),
        (AnswerTest.IS, 2, "1,2", True),
        (AnswerTest.IS, 1, "10", False),
        (AnswerTest.IS_NOT, 2, "1", True),
        (AnswerTest.IS_NOT, 2, "1,2", False),
        (AnswerTest.ANSWERED, 0, "1", True),
    ],
)
def test_a_choice_is_asked_for_by_its_number(test: AnswerTest, value: int, given: str, holds: bool) -> None:
    several = Question("a", Kind.CHOICES, options=tuple("123456789x"))
    paper = Questionnaire((several, rating("b")), (SkipRule(ANY, (Condition("a", test, value),), SHOW, ("b",)),))
    assert (len(asked(paper, {"a": Answer(given)})) == 2) is holds


def test_what_was_not_answered_meets_no_condition() -> None:
    rule = SkipRule(ANY, (Condition("a", AnswerTest.IS_NOT, 1),), SHOW, ("b",))
    assert keys(Questionnaire(THREE, (rule,))) == "ac"


def test_hiding_outweighs_showing() -> None:
    both = (SkipRule(ANY, (at_most("a", 3),), SHOW, ("c",)), SkipRule(ANY, (at_most("a", 1),), SKIP, ("c",)))
    paper = Questionnaire(THREE, both)
    assert (keys(paper, a=1), keys(paper, a=2)) == ("ab", "abc")


def test_a_hidden_answer_is_heard_by_no_rule() -> None:
    """a hides b; b would hide c. Going back to a, b's old answer must not hide c."""
    paper = Questionnaire(
        THREE, (SkipRule(ANY, (at_most("a", 1),), SKIP, ("b",)), SkipRule(ANY, (at_most("b", 1),), SKIP, ("c",)))
    )
    given = figures(a=1, b=1, c=3)
    assert keys(paper, a=1, b=1, c=3) == "ac"
    assert hidden(paper, given) == {"b"}
    assert [question.key for question, _ in counted(paper, given)] == ["a", "c"]


def test_a_section_is_hidden_as_a_whole() -> None:
    questions = (rating("a"), rating("b", section="s"), rating("c", section="s"), rating("d"))
    assert targets_from("section:s", questions) == ("b", "c")
    paper = Questionnaire(questions, (SkipRule(ANY, (at_most("a", 1),), SKIP, targets_from("section:s", questions)),))
    assert keys(paper, a=1) == "ad"


def test_going_back_stands_at_what_was_asked() -> None:
    paper = Questionnaire(THREE, (SkipRule(ANY, (at_most("a", 1),), SKIP, ("b",)),))
    low = figures(a=1)
    assert following(paper, low, "a") == THREE[2]
    assert preceding(paper, low, "c") == THREE[0]
    assert preceding(paper, low, "a") is None
    assert first_open(paper, low) == THREE[2]
    assert first_open(paper, figures(a=1, c=1)) is None


# ── Before it is published ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rule", "refusal"),
    [
        (SkipRule(ANY, (at_most("b", 1),), SHOW, ("a",)), LogicBackwards),
        (SkipRule(ANY, (at_most("b", 1),), SHOW, ("b",)), LogicBackwards),
        (SkipRule(ANY, (at_most("a", 1), at_most("c", 1)), SKIP, ("b",)), LogicBackwards),
        (SkipRule(ANY, (at_most("x", 1),), SHOW, ("b",)), LogicUnknownQuestion),
        (SkipRule(ANY, (at_most("a", 1),), SHOW, ("x",)), LogicUnknownQuestion),
        (SkipRule(ANY, (), SHOW, ("b",)), LogicEmpty),
        (SkipRule(ANY, (at_most("a", 1),), SKIP, ()), LogicEmpty),
        (SkipRule(ANY, (at_most("a", 4),), SHOW, ("b",)), LogicTestWrong),
        (SkipRule(ANY, (at_most("c", 1),), END), LogicEndsNothing),
    ],
)
def test_a_rule_that_cannot_work_is_refused(rule: SkipRule, refusal: type[RuleBroken]) -> None:
    with pytest.raises(refusal):
        check_logic(Questionnaire(THREE, (rule,)))


def test_conditions_come_back_as_they_were_stored() -> None:
    conditions = (at_most("a", 2), Condition("b", AnswerTest.ANSWERED))
    assert conditions_from(conditions_as_text(conditions)) == conditions


def test_ways_are_counted_and_what_nobody_is_asked_is_named() -> None:
    never = SkipRule(ALL, (at_most("a", 1), Condition("a", AnswerTest.AT_LEAST, 3)), SHOW, ("b",))
    ends = SkipRule(ANY, (at_most("a", 1),), END)
    found = paths_of(Questionnaire(THREE, (never, ends)))
    assert (found.shortest, found.longest, found.never_asked, found.is_whole) == (1, 2, ("b",), True)


# ── Rules drawn at random ────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def papers(draw: st.DrawFn) -> Questionnaire:
    """Sound questionnaires: up to six questions of three figures, and rules that look forward."""
    n = draw(st.integers(2, 6))
    questions = tuple(rating(f"q{number}", required=draw(st.booleans())) for number in range(n))
    rules = []
    for _ in range(draw(st.integers(0, 5))):
        last = draw(st.integers(0, n - 2))
        deed = draw(st.sampled_from(LogicDeed))
        named = [*draw(st.lists(st.integers(0, last), max_size=2)), last]
        conditions = tuple(
            Condition(
                f"q{one}",
                draw(st.sampled_from(list(AnswerTest))),
                draw(st.integers(1, SCALE)),
            )
            for one in named
        )
        targets = draw(st.lists(st.integers(last + 1, n - 1), min_size=1, max_size=3)) if deed is not END else []
        match = draw(st.sampled_from(LogicMatch))
        rules.append(SkipRule(match, conditions, deed, tuple(f"q{one}" for one in targets)))
    return Questionnaire(questions, tuple(rules))


@st.composite
def answered(draw: st.DrawFn) -> tuple[Questionnaire, dict[str, Answer]]:
    """A questionnaire, and answers to any of its questions: as after going back and forth."""
    paper = draw(papers())
    given: dict[str, Answer] = {}
    for question in paper.questions:
        value = draw(st.none() | st.integers(1, SCALE))
        if value is not None:
            given[question.key] = Answer(str(value), value)
    return paper, given


@given(papers(), st.data())
@settings(max_examples=150, deadline=None)
def test_every_way_forward_ends_and_never_looks_longer(paper: Questionnaire, data: st.DataObject) -> None:
    check_logic(paper)
    answers: dict[str, Answer] = {}
    at = paper.questions[0]
    steps, share, total = 0, 0.0, len(paper.questions)
    while at is not None:
        steps += 1
        assert steps <= len(paper.questions)
        here = progress(paper, answers, at.key)
        assert here.place == steps
        assert share <= here.share <= 1
        assert here.total <= total
        share, total = here.share, here.total
        value = data.draw(st.integers(1, SCALE) if at.is_required else st.none() | st.integers(1, SCALE))
        if value is not None:
            answers[at.key] = Answer(str(value), value)
        at = following(paper, answers, at.key)
    assert hidden(paper, answers) == set()
    found = paths_of(paper)
    assert found.shortest <= steps <= found.longest


@given(answered())
@settings(max_examples=200, deadline=None)
def test_what_is_hidden_changes_nothing(drawn: tuple[Questionnaire, dict[str, Answer]]) -> None:
    paper, given = drawn
    gone = hidden(paper, given)
    kept = {key: answer for key, answer in given.items() if key not in gone}
    assert asked(paper, given) == asked(paper, kept)
    assert counted(paper, given) == counted(paper, kept)
    assert verdict_on(counted(paper, given), Policy()) == verdict_on(counted(paper, kept), Policy())
    for key in gone:  # whatever else had been answered there
        other = given | {key: Answer("1", 1)}
        assert asked(paper, other) == asked(paper, given)


@given(papers())
@settings(max_examples=60, deadline=None)
def test_the_ways_found_are_those_of_every_single_answer(paper: Questionnaire) -> None:
    """The finder merges alike ways; here every answer set is walked."""
    lengths, seen = set(), set()
    values = [[*range(1, SCALE + 1), *([] if question.is_required else [None])] for question in paper.questions]
    for chosen in product(*values):
        given = {
            question.key: Answer(str(value), value)
            for question, value in zip(paper.questions, chosen, strict=True)
            if value is not None
        }
        on = asked(paper, given)
        lengths.add(len(on))
        seen |= {question.key for question in on}
    found = paths_of(paper)
    assert found.is_whole
    assert (found.shortest, found.longest) == (min(lengths), max(lengths))
    assert set(found.never_asked) == {question.key for question in paper.questions} - seen
