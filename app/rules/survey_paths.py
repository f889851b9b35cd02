"""Every way through a survey, found before it is published: how short and how long it can be, and what nobody would ever
be asked.

An answer matters only by the conditions it meets, so of all answers to a question those are kept that differ in this; ways
that stand at the same question with the same open conditions are one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from app.rules.questions import Answer, Question, figures_of
from app.rules.survey_logic import Questionnaire, asked, is_met
from app.vocabulary import AnswerTest, QuestionKind

MOST_STATES = 2_000
"""Past this a survey has more ways than anybody could look at."""
_Meant = tuple[tuple[str, Answer], ...]


@dataclass(frozen=True)
class Paths:
    """The ways through: the fewest and the most screens, how many ways differ, and the questions on none of them.
    `is_whole` False: there are too many ways, and these are only some of them."""

    shortest: int
    longest: int
    ways: int
    never_asked: tuple[str, ...]
    is_whole: bool


@dataclass
class _Way:
    """Where ways that are alike stand: so many of them, with so many screens behind them."""

    answers: dict[str, Answer]
    shortest: int
    longest: int
    ways: int


def paths_of(paper: Questionnaire) -> Paths:
    """Every way through these questions. The rules must be sound (`check_logic`)."""
    seen: set[str] = set()
    states: dict[_Meant, _Way] = {(): _Way({}, 0, 0, 1)}
    is_whole = True
    for place, question in enumerate(paper.questions):
        found: dict[_Meant, _Way] = {}
        needed = _needed_after(paper, place)
        for way in states.values():
            is_asked = question in asked(paper, way.answers)
            if is_asked:
                seen.add(question.key)
            for answer in _answers_to(paper, question) if is_asked else (None,):
                given = way.answers | ({question.key: answer} if answer else {})
                kept = {key: one for key, one in given.items() if key in needed}
                _add(found, kept, way, int(is_asked))
        is_whole = is_whole and len(found) <= MOST_STATES
        states = dict(list(found.items())[:MOST_STATES])
    return Paths(
        shortest=min(way.shortest for way in states.values()),
        longest=max(way.longest for way in states.values()),
        ways=sum(way.ways for way in states.values()),
        never_asked=tuple(question.key for question in paper.questions if question.key not in seen) if is_whole else (),
        is_whole=is_whole,
    )


def _add(found: dict[_Meant, _Way], kept: dict[str, Answer], way: _Way, step: int) -> None:
    meant = tuple(sorted(kept.items(), key=lambda one: one[0]))
    shortest, longest = way.shortest + step, way.longest + step
    if meant in found:
        known = found[meant]
        known.shortest, known.longest = min(known.shortest, shortest), max(known.longest, longest)
        known.ways += way.ways
    else:
        found[meant] = _Way(kept, shortest, longest, way.ways)


def _needed_after(paper: Questionnaire, place: int) -> set[str]:
    """The answers that later questions still hang on, and those that earlier ones hid or showed by."""
    later = {rule for at in range(place + 1, len(paper.questions)) for rule in paper.acting_on(at)}
    needed = {condition.question for rule in later for condition in rule.conditions}
    while True:  # whether such a question was asked hangs on others
        behind = {
            condition.question
            for key in needed
            if key in paper.places
            for rule in paper.acting_on(paper.places[key])
            for condition in rule.conditions
        }
        if behind <= needed:
            return needed
        needed |= behind


def _answers_to(paper: Questionnaire, question: Question) -> Iterator[Answer | None]:
    """One answer for each way the rules could take it, and none where it may be left out."""
    conditions = [
        condition for rule in paper.rules for condition in rule.conditions if condition.question == question.key
    ]
    if not conditions:
        yield Answer("1", 1)
        return
    if not question.is_required:
        yield None
    known: set[tuple[bool, ...]] = set()
    values = {condition.value for condition in conditions if condition.test is not AnswerTest.ANSWERED}
    for answer in _possible(question, values):
        met = tuple(is_met(condition, answer) for condition in conditions)
        if met not in known:
            known.add(met)
            yield answer


def _possible(question: Question, values: set[int]) -> Iterator[Answer]:
    figures = figures_of(question)
    if not figures:
        yield Answer("1", None)
    elif question.kind is not QuestionKind.CHOICES:
        yield from (Answer(str(figure), figure) for figure in figures)
    else:
        other = [figure for figure in figures if figure not in values][:1]
        for size in range(len(values) + 1):
            for ticked in combinations(sorted(values), size):
                if ticked or other:
                    yield Answer(",".join(map(str, sorted([*ticked, *([] if ticked else other)]))))
