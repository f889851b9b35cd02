"""Questions of a survey: which may be published, and what counts as an answer to each kind."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.rules.texts import plain
from app.vocabulary import Channel, Gender, MemberField, QuestionKind, SkinType

TEXT_MAX = 2000
"""Letters one free text may hold."""
NAME_MAX = 40
NPS_MAX = 10
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
RESERVED_SLUGS = frozenset({"t", "thanks"})
"""Parts of the addresses below /s/ that mean something else: /s/t/… is a personal invitation, /s/…/thanks the end."""
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")


class AnswerMissing(RuleBroken):
    """A required question was left out."""

    code = "answer_missing"
    message = words("这一题还没有回答，请选一个再继续。")


class TextMissing(AnswerMissing):
    """A required text was left empty."""

    message = words("这一题还没有回答，请写几个字再继续。")


class AnswerUnknown(RuleBroken):
    """Not one of the choices."""

    code = "answer_unknown"
    message = words("请从给出的选项里选。")


class TextTooLong(RuleBroken):
    """More than the shop can read."""

    code = "text_too_long"
    message = words("最多写 {limit} 个字，现在有 {length} 个字。您写的都还在，请删短一些再发送。")


class SurveyFrozen(RuleBroken):
    """Published or answered questions stay as they were asked, or answers would change their meaning."""

    code = "survey_frozen"
    message = words("问卷发布后题目就不能再改，否则前后的回答没法比较。要改题目，请先“改题目”，另写一版。")
    status = 409


class SurveyHadPublic(RuleBroken):
    """What customers were asked, and what they said, is not deleted."""

    code = "survey_had_public"
    message = words("发布过的问卷不能删除：顾客看到的题目和写下的回答要留着。只有草稿可以删除。")
    status = 409


class SurveyEmpty(RuleBroken):
    """Nothing to ask."""

    code = "survey_empty"
    message = words("至少要有一道题才能发布。")


class SlugUnusable(RuleBroken):
    """It stands in an address and on a poster."""

    code = "slug_unusable"
    message = words("网址名只能用小写字母、数字和短横线，例如 summer-2026。")


class SlugReserved(SlugUnusable):
    """The program's own addresses use it."""

    code = "slug_reserved"
    message = words("网址名“{slug}”是系统自己要用的，请换一个，例如 summer-2026。")


class KeyUnusable(RuleBroken):
    """A key names an answer's column in every export."""

    code = "key_unusable"
    message = words("题目代号“{key}”不能用：以小写字母开头，只用小写字母、数字和下划线。")


class KeyTaken(RuleBroken):
    """Two questions of one survey share a key."""

    code = "key_taken"
    message = words("题目代号“{key}”用了两次，请换一个。")


class OptionsMissing(RuleBroken):
    """Nothing to choose from."""

    code = "options_missing"
    message = words("“{text}”是选择题，请写至少两个选项，一行一个。")


class StatementsMissing(RuleBroken):
    """A matrix with nothing to rate."""

    code = "statements_missing"
    message = words("“{text}”是矩阵打分，请写至少一个要打分的项目，一行一个。")


class NothingToMap(RuleBroken):
    """An answer of this kind says nothing the member file could keep there."""

    code = "nothing_to_map"
    message = words("“{text}”这种题型不能写进会员档案的这一项，请换题型或取消。")


class OptionsDoNotFit(RuleBroken):
    """Each option stands for one word of the member file."""

    code = "options_do_not_fit"
    message = words("“{text}”要写进会员档案，选项必须正好 {n} 个，顺序和档案里的一样。")


class UnevenWeights(RuleBroken):
    """A dimension has one weight."""

    code = "uneven_weights"
    message = words("维度“{dimension}”的几道题权重不一样，请填同一个数。")


class SecondOfKind(RuleBroken):
    """NPS and the contact are asked once."""

    code = "second_of_kind"
    message = words("推荐意愿和联系方式，一份问卷各只能问一次。")


class ContactNotLast(RuleBroken):
    """Whom to call is asked after everything else, so that nobody's answers hang on it."""

    code = "contact_not_last"
    message = words("联系方式要放在最后一题。")


@dataclass(frozen=True)
class Question:
    """One question as it is asked. `options` are the choices in order, or the labels of a rating's steps; `statements`
    what a matrix lets her rate; `section` the key of its section; `maps_to` what of the member file it fills in."""

    key: str
    kind: QuestionKind
    text: str = ""
    hint: str = ""
    dimension: str = ""
    weight: int = 1
    scale_max: int = 5
    is_required: bool = True
    options: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    section: str = ""
    maps_to: MemberField | None = None


_CHOICE = frozenset({QuestionKind.CHOICE})
_MAPPED = {
    MemberField.SKIN_TYPE: _CHOICE,
    MemberField.PREFERRED_CHANNEL: _CHOICE,
    MemberField.GENDER: _CHOICE,
    MemberField.OCCUPATION: _CHOICE | {QuestionKind.TEXT},
    MemberField.INCOME_BAND: _CHOICE | {QuestionKind.TEXT},
    MemberField.TAGS: _CHOICE | {QuestionKind.CHOICES},
    MemberField.VISIT_EFFECT: frozenset({QuestionKind.RATING}),
}
"""Which kinds of questions can fill in a field of the member file."""
WORDED: dict[MemberField, type[StrEnum]] = {
    MemberField.SKIN_TYPE: SkinType,
    MemberField.PREFERRED_CHANNEL: Channel,
    MemberField.GENDER: Gender,
}
"""Fields that hold one of the house's words: option 1 is the first of them, and so on, whatever the question calls it."""
_SCORED = frozenset({QuestionKind.RATING, QuestionKind.MATRIX, QuestionKind.YES_NO})


@dataclass(frozen=True)
class Answer:
    """One answer as it is made: the text, or the number of the option; several numbers with commas between. Of a matrix
    the figures of all its statements in their order, nothing where one was left out: 4,,5. Yes is 1, no is 0."""

    value: str
    number: int | None = None


def check_question(question: Question) -> None:
    """Refuse a question that could not be asked."""
    if not _KEY.fullmatch(question.key):
        raise KeyUnusable("key", key=question.key)
    if question.kind in {QuestionKind.CHOICE, QuestionKind.CHOICES} and len(question.options) < 2:
        raise OptionsMissing("options", text=question.text)
    if question.kind is QuestionKind.MATRIX and not question.statements:
        raise StatementsMissing("statements", text=question.text)
    if question.maps_to is not None and question.kind not in _MAPPED[question.maps_to]:
        raise NothingToMap("maps_to", text=question.text)
    if question.maps_to in WORDED and len(question.options) != len(WORDED[question.maps_to]):
        raise OptionsDoNotFit("options", text=question.text, n=len(WORDED[question.maps_to]))


def check_slug(slug: str) -> None:
    """Refuse an address below /s that could not be printed, or that is the program's own."""
    if not _SLUG.fullmatch(slug):
        raise SlugUnusable("slug")
    if slug in RESERVED_SLUGS:
        raise SlugReserved("slug", slug=slug)


def check_publishable(slug: str, questions: Sequence[Question]) -> None:
    """Refuse to publish what customers could not answer or the shop could not count. Questions come in their order."""
    check_slug(slug)
    if not any(question.kind is not QuestionKind.CONTACT for question in questions):
        raise SurveyEmpty
    seen: set[str] = set()
    weights: dict[str, int] = {}
    for question in questions:
        check_question(question)
        if question.key in seen:
            raise KeyTaken("key", key=question.key)
        seen.add(question.key)
        weighed = question.kind in _SCORED and question.dimension
        if weighed and weights.setdefault(question.dimension, question.weight) != question.weight:
            raise UnevenWeights("weight", dimension=question.dimension)
    _check_once_and_last([question.kind for question in questions])


def _check_once_and_last(kinds: Sequence[QuestionKind]) -> None:
    if kinds.count(QuestionKind.NPS) > 1 or kinds.count(QuestionKind.CONTACT) > 1:
        raise SecondOfKind("kind")
    if QuestionKind.CONTACT in kinds[:-1]:
        raise ContactNotLast("position")


def answer_to(question: Question, typed: Sequence[str]) -> Answer | None:
    """What the customer answered, ready to keep; None when she left an optional question out. Refuses, in words, what
    does not answer the question. Whom to call is no answer (see `contact`)."""
    given = [text for text in map(plain, typed) if text]
    if not given:
        if question.is_required:
            raise TextMissing("answer") if question.kind is QuestionKind.TEXT else AnswerMissing("answer")
        return None
    match question.kind:
        case QuestionKind.CHOICES:
            numbers = sorted({_number(text, 1, len(question.options)) for text in given})
            return Answer(",".join(map(str, numbers)))
        case QuestionKind.MATRIX:
            return _matrix(question, given)
        case QuestionKind.TEXT:
            return Answer(_short_enough(given[0]))
        case QuestionKind.CONTACT:
            raise AnswerUnknown("answer")
        case _:
            figures = figures_of(question)
            return _figure(given, figures[0], figures[-1])


def figures_of(question: Question) -> range:
    """The figures or options' numbers an answer to it may be; none for a text or a matrix."""
    match question.kind:
        case QuestionKind.RATING:
            return range(1, question.scale_max + 1)
        case QuestionKind.NPS:
            return range(NPS_MAX + 1)
        case QuestionKind.CHOICE | QuestionKind.CHOICES:
            return range(1, len(question.options) + 1)
        case QuestionKind.YES_NO:
            return range(2)
        case _:
            return range(0)


def _matrix(question: Question, given: Sequence[str]) -> Answer:
    """Each typed as "statement:figure"; every statement where the question is required."""
    figures: dict[int, int] = {}
    for text in given:
        statement, _, figure = text.partition(":")
        figures[_number(statement, 1, len(question.statements))] = _number(figure, 1, question.scale_max)
    places = range(1, len(question.statements) + 1)
    if question.is_required and len(figures) < len(places):
        raise AnswerMissing("answer")
    return Answer(",".join(str(figures.get(place, "")) for place in places))


def parts_of(question: Question, answer: Answer) -> tuple[tuple[int, Answer], ...]:
    """An answer as it is stored, by statement: of a matrix one for each that was rated, of all others one under 0."""
    if question.kind is not QuestionKind.MATRIX:
        return ((0, answer),)
    figures = enumerate(answer.value.split(","), start=1)
    return tuple((statement, Answer(figure, int(figure))) for statement, figure in figures if figure)


def whole_answer(parts: Mapping[int, Answer]) -> Answer:
    """An answer put together again from its stored parts."""
    if 0 in parts:
        return parts[0]
    return Answer(",".join(parts[place].value if place in parts else "" for place in range(1, max(parts) + 1)))


def asks_the_same(one: Question, other: Question) -> bool:
    """Whether answers to these two may be compared: same key, kind, words and choices. The hint, the weight and whether
    it must be answered may differ."""
    return _meaning(one) == _meaning(other)


def _meaning(question: Question) -> tuple[object, ...]:
    scale = question.scale_max if question.kind in {QuestionKind.RATING, QuestionKind.MATRIX} else 0
    return question.key, question.kind, tidy_words(question.text), scale, question.options, question.statements


def _figure(given: Sequence[str], low: int, high: int) -> Answer:
    number = _number(given[0], low, high)
    if len(given) > 1:
        raise AnswerUnknown("answer")
    return Answer(str(number), number)


def _number(text: str, low: int, high: int) -> int:
    if not text.isdecimal() or len(text) > 3 or not low <= int(text) <= high:
        raise AnswerUnknown("answer")
    return int(text)


def _short_enough(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise TextTooLong("answer", limit=TEXT_MAX, length=len(text))
    return text


def contact_name(typed: str) -> str:
    """What she wishes to be called, on one line. Raises TextTooLong."""
    name = tidy_words(typed)
    if len(name) > NAME_MAX:
        raise TextTooLong("contact_name", limit=NAME_MAX, length=len(name))
    return name
