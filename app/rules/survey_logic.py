"""Skip logic of a survey: which questions are asked, given what was answered so far.

A rule speaks of earlier questions and acts on later ones, so one walk through the questions decides everything, and
every branch comes to the end. What is hidden was not asked: its answer never counts, and no rule hears of it.
Source: semantics 5.6.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.rules.questions import Answer, Question, figures_of
from app.rules.refusals import RuleBroken, words
from app.vocabulary import AnswerTest, LogicDeed, LogicMatch, QuestionKind

SECTION = "section:"
"""Before a section's key where a rule acts on all of its questions."""
MOST_CONDITIONS = 10
MOST_RULES = 100
_ORDERED = frozenset({QuestionKind.RATING, QuestionKind.NPS})
_PICKED = frozenset({QuestionKind.CHOICE, QuestionKind.CHOICES, QuestionKind.YES_NO})
_TESTS = {
    AnswerTest.IS: _ORDERED | _PICKED,
    AnswerTest.IS_NOT: _ORDERED | _PICKED,
    AnswerTest.AT_LEAST: _ORDERED,
    AnswerTest.AT_MOST: _ORDERED,
    AnswerTest.ANSWERED: frozenset(QuestionKind) - {QuestionKind.CONTACT},
}


class LogicEmpty(RuleBroken):
    """A rule without a condition would always hold."""

    code = "logic_empty"
    message = words("规则 {rule}：请至少写一个条件。")


class LogicTooLong(RuleBroken):
    """Nobody could read it."""

    code = "logic_too_long"
    message = words("规则太多了：一条规则最多 {conditions} 个条件，一份问卷最多 {rules} 条规则。")


class LogicUnknownQuestion(RuleBroken):
    """It names a question that is not in this version."""

    code = "logic_unknown_question"
    message = words("规则 {rule}：没有“{key}”这道题，请重新选。")


class LogicBackwards(RuleBroken):
    """What a rule acts on must come after all it asks about."""

    code = "logic_backwards"
    message = words("规则 {rule}：“{target}”要排在“{asked}”后面，规则只能管后面的题。")


class LogicTestWrong(RuleBroken):
    """This kind of question has no such answer."""

    code = "logic_test_wrong"
    message = words("规则 {rule}：“{asked}”不会有这样的回答，请改条件。")


class LogicEndsNothing(RuleBroken):
    """After the last question the survey ends anyway."""

    code = "logic_ends_nothing"
    message = words("规则 {rule}：最后一题后面没有题了，不用写结束。")


@dataclass(frozen=True)
class Condition:
    """What a rule asks of one answer; `value` is the figure or the option's number, of yes or no 1 or 0. A question that
    was not asked or not answered meets no condition."""

    question: str
    test: AnswerTest
    value: int = 0


@dataclass(frozen=True)
class SkipRule:
    """If any or all of the conditions hold, show or skip the targets, or end the survey after the last question asked
    about. `targets` are keys of questions; nothing for an end."""

    match: LogicMatch
    conditions: tuple[Condition, ...]
    deed: LogicDeed
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """Where she stands: the number of this screen, and how many may come after it at most."""

    place: int
    most_left: int

    @property
    def total(self) -> int:
        """How many screens there will be at most."""
        return self.place + self.most_left

    @property
    def share(self) -> float:
        """How far she is, 0 to 1. It never goes back on the way forward: what is left only shrinks."""
        return self.place / self.total


@dataclass(frozen=True)
class Questionnaire:
    """What a version asks: its questions in their order, without whom to call, and its skip rules."""

    questions: tuple[Question, ...]
    rules: tuple[SkipRule, ...] = ()

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each question's place, from 0."""
        return {question.key: place for place, question in enumerate(self.questions)}

    def question(self, key: str) -> Question | None:
        """The question of that key."""
        place = self.places.get(key)
        return None if place is None else self.questions[place]

    @cached_property
    def _acting(self) -> tuple[tuple[SkipRule, ...], ...]:
        return tuple(
            tuple(
                rule
                for rule in self.rules
                if question.key in rule.targets or (rule.deed is LogicDeed.END and self.ends_after(rule) < place)
            )
            for place, question in enumerate(self.questions)
        )

    def acting_on(self, place: int) -> tuple[SkipRule, ...]:
        """The rules that decide whether the question at this place is asked."""
        return self._acting[place]

    def ends_after(self, rule: SkipRule) -> int:
        """The place after which an end rule ends the survey."""
        # A question that is not here is never answered: nothing ends after it.
        return max(self.places.get(condition.question, len(self.questions)) for condition in rule.conditions)


Answers = Mapping[str, Answer]


def asked(paper: Questionnaire, answers: Answers) -> tuple[Question, ...]:
    """The questions that are asked given these answers, in their order."""
    if not paper.rules:
        return paper.questions
    return _walk(paper, answers, len(paper.questions))


def hidden(paper: Questionnaire, answers: Answers) -> frozenset[str]:
    """The keys of answers that do not count: their questions are not asked."""
    if not paper.rules:
        return frozenset()
    return frozenset(answers) - {question.key for question in asked(paper, answers)}


def counted(paper: Questionnaire, answers: Answers) -> list[tuple[Question, Answer]]:
    """What was asked and answered, in the survey's order."""
    return [(question, answers[question.key]) for question in asked(paper, answers) if question.key in answers]


def following(paper: Questionnaire, answers: Answers, key: str) -> Question | None:
    """The question after this one; None at the end."""
    after = paper.places[key]
    return next((question for question in asked(paper, answers) if paper.places[question.key] > after), None)


def preceding(paper: Questionnaire, answers: Answers, key: str) -> Question | None:
    """The question before this one; None at the beginning."""
    before = paper.places[key]
    earlier = [question for question in asked(paper, answers) if paper.places[question.key] < before]
    return earlier[-1] if earlier else None


def first_open(paper: Questionnaire, answers: Answers) -> Question | None:
    """The first question that is asked and not answered; None when all are."""
    return next((question for question in asked(paper, answers) if question.key not in answers), None)


def progress(paper: Questionnaire, answers: Answers, key: str) -> Progress:
    """Where she stands at this question: what rules have hidden for certain is counted no more, what they may still hide
    is. On the way forward the end never moves away."""
    here = paper.places[key]
    before = sum(1 for question in asked(paper, answers) if paper.places[question.key] < here)
    return Progress(before + 1, _most_left(paper, answers, here))


def _walk(paper: Questionnaire, answers: Answers, until: int) -> tuple[Question, ...]:
    """The questions asked among the first `until`."""
    seen: dict[str, Answer] = {}
    found: list[Question] = []
    for place, question in enumerate(paper.questions[:until]):
        if not _is_asked(paper, place, seen, frozenset()):
            continue
        found.append(question)
        if question.key in answers:
            seen[question.key] = answers[question.key]
    return tuple(found)


def _most_left(paper: Questionnaire, answers: Answers, here: int) -> int:
    """How many questions after this place may still be asked. What she says here and later is open."""
    if not paper.rules:
        return len(paper.questions) - here - 1
    seen = {question.key: answers[question.key] for question in _walk(paper, answers, here) if question.key in answers}
    open_keys = {paper.questions[here].key}
    for place in range(here + 1, len(paper.questions)):
        if _is_asked(paper, place, seen, open_keys) is not False:
            open_keys.add(paper.questions[place].key)
    return len(open_keys) - 1


def _is_asked(paper: Questionnaire, place: int, seen: Answers, open_keys: Collection[str]) -> bool | None:
    """Whether the question at this place is asked, `seen` being what was answered before it; None where that hangs on
    answers still open. What hides it outweighs what shows it."""
    acting = [(rule.deed, _holds(rule, seen, open_keys)) for rule in paper.acting_on(place)]
    shown = _any([holds for deed, holds in acting if deed is LogicDeed.SHOW] or [True])
    gone = _any([holds for deed, holds in acting if deed is not LogicDeed.SHOW])
    return _all([shown, None if gone is None else not gone])


def _holds(rule: SkipRule, seen: Answers, open_keys: Collection[str]) -> bool | None:
    met = [
        None if condition.question in open_keys else is_met(condition, seen.get(condition.question))
        for condition in rule.conditions
    ]
    return _any(met) if rule.match is LogicMatch.ANY else _all(met)


def _any(parts: Sequence[bool | None]) -> bool | None:
    return True if any(parts) else (None if None in parts else False)


def _all(parts: Sequence[bool | None]) -> bool | None:
    return False if False in parts else (None if None in parts else True)


def is_met(condition: Condition, answer: Answer | None) -> bool:
    """Whether an answer that counts meets a condition; none meets nothing."""
    if answer is None:
        return False
    match condition.test:
        case AnswerTest.ANSWERED:
            return True
        case AnswerTest.IS:
            return str(condition.value) in answer.value.split(",")
        case AnswerTest.IS_NOT:
            return str(condition.value) not in answer.value.split(",")
        case AnswerTest.AT_LEAST:
            return answer.number is not None and answer.number >= condition.value
        case AnswerTest.AT_MOST:
            return answer.number is not None and answer.number <= condition.value


# ── Before it is published ───────────────────────────────────────────────────────────────────────────────────────────


def check_logic(paper: Questionnaire) -> None:
    """Refuse rules that name nothing, ask what cannot be answered, or act on what was already asked: without those,
    every branch ends."""
    if len(paper.rules) > MOST_RULES or any(len(rule.conditions) > MOST_CONDITIONS for rule in paper.rules):
        raise LogicTooLong("logic", conditions=MOST_CONDITIONS, rules=MOST_RULES)
    for number, rule in enumerate(paper.rules, start=1):
        if not rule.conditions or (rule.deed is not LogicDeed.END and not rule.targets):
            raise LogicEmpty("logic", rule=number)
        for condition in rule.conditions:
            _check_condition(paper, condition, number)
        last = paper.questions[paper.ends_after(rule)]
        for target in rule.targets:
            if target not in paper.places:
                raise LogicUnknownQuestion("logic", rule=number, key=target)
            if paper.places[target] <= paper.places[last.key]:
                name = paper.questions[paper.places[target]].text
                raise LogicBackwards("logic", rule=number, target=name, asked=last.text)
        if rule.deed is LogicDeed.END and last is paper.questions[-1]:
            raise LogicEndsNothing("logic", rule=number)


def _check_condition(paper: Questionnaire, condition: Condition, number: int) -> None:
    question = paper.question(condition.question)
    if question is None:
        raise LogicUnknownQuestion("logic", rule=number, key=condition.question)
    is_possible = condition.test is AnswerTest.ANSWERED or condition.value in figures_of(question)
    if question.kind not in _TESTS[condition.test] or not is_possible:
        raise LogicTestWrong("logic", rule=number, asked=question.text)


# ── As it is stored ──────────────────────────────────────────────────────────────────────────────────────────────────


def conditions_from(stored: str) -> tuple[Condition, ...]:
    """The conditions of a stored rule."""
    return tuple(
        Condition(one["question"], AnswerTest(one["test"]), int(one.get("value", 0))) for one in json.loads(stored)
    )


def conditions_as_text(conditions: Sequence[Condition]) -> str:
    """Conditions as a rule stores them."""
    return json.dumps([{"question": one.question, "test": one.test, "value": one.value} for one in conditions])


def targets_from(stored: str, questions: Sequence[Question]) -> tuple[str, ...]:
    """The questions a stored rule acts on: the one it names, or all of a section."""
    if stored.startswith(SECTION):
        section = stored.removeprefix(SECTION)
        return tuple(question.key for question in questions if question.section == section)
    return (stored,) if stored else ()
