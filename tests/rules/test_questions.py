"""What counts as an answer, and which surveys can be published."""

import pytest

from app.rules.questions import (
    NAME_MAX,
    TEXT_MAX,
    Answer,
    AnswerMissing,
    AnswerUnknown,
    ContactNotLast,
    KeyTaken,
    KeyUnusable,
    OptionsMissing,
    Question,
    SecondOfKind,
    SlugReserved,
    SlugUnusable,
    SurveyEmpty,
    TextMissing,
    TextTooLong,
    UnevenWeights,
    answer_to,
    check_publishable,
    contact_name,
)
from app.rules.refusals import RuleBroken
from app.rules.texts import plain
from app.vocabulary import QuestionKind as Kind

RATING = Question("service", Kind.RATING, scale_max=5)
NPS = Question("recommend", Kind.NPS)
CHOICE = Question("reason", Kind.CHOICE, options=("朋友介绍", "路过", "网上"))
CHOICES = Question("needs", Kind.CHOICES, options=("补水", "祛痘", "美白"))
TEXT = Question("words", Kind.TEXT)


@pytest.mark.parametrize(
    ("question", "typed", "answer"),
    [
        (RATING, ["1"], Answer("1", 1)),
        (RATING, ["5"], Answer("5", 5)),
        (RATING, [" 4 "], Answer("4", 4)),
        (RATING, ["３"], Answer("3", 3)),
        (NPS, ["0"], Answer("0", 0)),
        (NPS, ["10"], Answer("10", 10)),
        (CHOICE, ["1"], Answer("1", 1)),
        (CHOICE, ["3"], Answer("3", 3)),
        (CHOICES, ["3", "1", "3"], Answer("1,3")),
        (CHOICES, ["2"], Answer("2")),
        (TEXT, ["很好 😊 𡃁喆嫒"], Answer("很好 😊 𡃁喆嫒")),
        (TEXT, ["a\x00b\ud800c\x1b\r\nd"], Answer("abc\nd")),
        (TEXT, ["字" * TEXT_MAX], Answer("字" * TEXT_MAX)),
    ],
)
def test_an_answer_is_kept_in_one_spelling(question: Question, typed: list[str], answer: Answer) -> None:
    assert answer_to(question, typed) == answer


@pytest.mark.parametrize(
    ("question", "typed", "refusal"),
    [
        (RATING, [], AnswerMissing),
        (RATING, [""], AnswerMissing),
        (RATING, ["0"], AnswerUnknown),
        (RATING, ["6"], AnswerUnknown),
        (RATING, ["-1"], AnswerUnknown),
        (RATING, ["4.5"], AnswerUnknown),
        (RATING, ["²"], AnswerUnknown),
        (RATING, ["9" * 5000], AnswerUnknown),
        (RATING, ["4", "5"], AnswerUnknown),
        (NPS, ["-1"], AnswerUnknown),
        (NPS, ["11"], AnswerUnknown),
        (CHOICE, ["0"], AnswerUnknown),
        (CHOICE, ["4"], AnswerUnknown),
        (CHOICE, ["路过"], AnswerUnknown),
        (CHOICES, ["1", "4"], AnswerUnknown),
        (TEXT, ["  \n\t \x00"], TextMissing),
        (TEXT, ["字" * (TEXT_MAX + 1)], TextTooLong),
        (TEXT, ["字" * 100_000], TextTooLong),
        (Question("contact", Kind.CONTACT), ["13800000000"], AnswerUnknown),
    ],
)
def test_what_does_not_answer_is_refused_beside_its_field(
    question: Question, typed: list[str], refusal: type[RuleBroken]
) -> None:
    with pytest.raises(refusal) as caught:
        answer_to(question, typed)
    assert caught.value.field == "answer"


@pytest.mark.parametrize("kind", [Kind.RATING, Kind.NPS, Kind.CHOICE, Kind.CHOICES, Kind.TEXT])
def test_an_optional_question_may_be_left_out(kind: Kind) -> None:
    assert answer_to(Question("q", kind, is_required=False, options=("a", "b")), [" "]) is None


def test_the_refusal_of_a_long_text_names_both_lengths() -> None:
    with pytest.raises(TextTooLong) as caught:
        answer_to(TEXT, ["字" * 2001])
    assert caught.value.say(str) == "最多写 2000 个字，现在有 2001 个字。您写的都还在，请删短一些再发送。"


def test_a_contacts_name_stands_on_one_line() -> None:
    assert contact_name(" 李\n女士\x00 ") == "李 女士"
    assert contact_name("") == ""
    assert len(contact_name("李" * NAME_MAX)) == NAME_MAX
    with pytest.raises(TextTooLong):
        contact_name("李" * (NAME_MAX + 1))


def test_plain_text_keeps_what_people_write() -> None:
    assert plain("👩‍🦰é\tü 嫒\u3000") == "👩‍🦰é\tü 嫒"


CONTACT = Question("contact", Kind.CONTACT)


@pytest.mark.parametrize(
    ("slug", "questions", "refusal"),
    [
        ("ok", [], SurveyEmpty),
        ("ok", [CONTACT], SurveyEmpty),
        ("夏天", [RATING], SlugUnusable),
        ("a/b", [RATING], SlugUnusable),
        ("-a", [RATING], SlugUnusable),
        ("a" * 61, [RATING], SlugUnusable),
        ("t", [RATING], SlugReserved),
        ("thanks", [RATING], SlugReserved),
        ("ok", [RATING, RATING], KeyTaken),
        ("ok", [Question("Ä", Kind.TEXT)], KeyUnusable),
        ("ok", [Question("x", Kind.CHOICE, options=("只有一个",))], OptionsMissing),
        ("ok", [NPS, Question("again", Kind.NPS)], SecondOfKind),
        ("ok", [RATING, CONTACT, Question("again", Kind.CONTACT)], SecondOfKind),
        ("ok", [CONTACT, RATING], ContactNotLast),
        (
            "ok",
            [
                Question("a", Kind.RATING, dimension="环境", weight=1),
                Question("b", Kind.RATING, dimension="环境", weight=2),
            ],
            UnevenWeights,
        ),
    ],
)
def test_a_survey_nobody_could_answer_or_count_is_not_published(
    slug: str, questions: list[Question], refusal: type[RuleBroken]
) -> None:
    with pytest.raises(refusal):
        check_publishable(slug, questions)


def test_a_whole_survey_can_be_published() -> None:
    even = [
        Question("a", Kind.RATING, dimension="环境", weight=2),
        Question("b", Kind.RATING, dimension="环境", weight=2),
    ]
    check_publishable("a" * 60, [*even, RATING, NPS, CHOICE, CHOICES, TEXT, CONTACT])
