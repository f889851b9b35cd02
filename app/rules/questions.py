"""Questions of a survey: which may be published, and what counts as an answer to each kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.rules.names import tidy_words
from app.rules.refusals import RuleBroken, words
from app.rules.texts import plain
from app.vocabulary import QuestionKind

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
    message = words("问卷发布后题目就不能再改，否则前后的回答没法比较。请新建一份问卷。")
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
    """One question as it is asked. `options` are the choices in order, or the labels of a rating's steps."""

    key: str
    kind: QuestionKind
    text: str = ""
    hint: str = ""
    dimension: str = ""
    weight: int = 1
    scale_max: int = 5
    is_required: bool = True
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One answer as it is kept: the text, or the number of the option; several numbers with commas between."""

    value: str
    number: int | None = None


def check_question(question: Question) -> None:
    """Refuse a question that could not be asked."""
    if not _KEY.fullmatch(question.key):
        raise KeyUnusable("key", key=question.key)
    if question.kind in {QuestionKind.CHOICE, QuestionKind.CHOICES} and len(question.options) < 2:
        raise OptionsMissing("options", text=question.text)


def check_publishable(slug: str, questions: Sequence[Question]) -> None:
    """Refuse to publish what customers could not answer or the shop could not count. Questions come in their order."""
    if not _SLUG.fullmatch(slug):
        raise SlugUnusable("slug")
    if slug in RESERVED_SLUGS:
        raise SlugReserved("slug", slug=slug)
    if not any(question.kind is not QuestionKind.CONTACT for question in questions):
        raise SurveyEmpty
    seen: set[str] = set()
    weights: dict[str, int] = {}
    for question in questions:
        check_question(question)
        if question.key in seen:
            raise KeyTaken("key", key=question.key)
        seen.add(question.key)
        weighed = question.kind is QuestionKind.RATING and question.dimension
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
        case QuestionKind.RATING:
            return _figure(given, 1, question.scale_max)
        case QuestionKind.NPS:
            return _figure(given, 0, NPS_MAX)
        case QuestionKind.CHOICE:
            return _figure(given, 1, len(question.options))
        case QuestionKind.CHOICES:
            numbers = sorted({_number(text, 1, len(question.options)) for text in given})
            return Answer(",".join(map(str, numbers)))
        case QuestionKind.TEXT:
            return Answer(_short_enough(given[0]))
        case QuestionKind.CONTACT:
            raise AnswerUnknown("answer")


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
