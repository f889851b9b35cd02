"""What answers under her own name say for the member file. Source: R-E5, R-K3."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from app.rules.questions import WORDED, Answer, Question
from app.vocabulary import Channel, Gender, MemberField, QuestionKind, SkinType

_OCCUPATION_MAX, _INCOME_MAX = 60, 30
_EFFECT_MAX = 5


@dataclass(frozen=True)
class Preferences:
    """What the member file learns; None and nothing where no question asked for it. `tags` are names; `visit_effect` is
    1 to 5."""

    skin_type: SkinType | None = None
    preferred_channel: Channel | None = None
    gender: Gender | None = None
    occupation: str | None = None
    income_band: str | None = None
    tags: tuple[str, ...] = ()
    visit_effect: int | None = None


def preferences_in(answered: Iterable[tuple[Question, Answer]]) -> Preferences:
    """What these answers say. Only questions that were asked and answered may come in here."""
    found: dict[str, object] = {}
    for question, answer in answered:
        match question.maps_to:
            case None:
                continue
            case MemberField.VISIT_EFFECT:
                found["visit_effect"] = _effect(question, answer)
            case MemberField.TAGS:
                found["tags"] = tuple(_chosen(question, answer))
            case MemberField.OCCUPATION:
                found["occupation"] = _words(question, answer)[:_OCCUPATION_MAX]
            case MemberField.INCOME_BAND:
                found["income_band"] = _words(question, answer)[:_INCOME_MAX]
            case worded:
                members = list(WORDED[worded])
                place = int(answer.value)
                found[worded] = members[place - 1] if place <= len(members) else None
    return Preferences(**found)  # type: ignore[arg-type]


def _chosen(question: Question, answer: Answer) -> list[str]:
    return [question.options[int(number) - 1] for number in answer.value.split(",")]


def _words(question: Question, answer: Answer) -> str:
    if question.kind is QuestionKind.TEXT:
        return " ".join(answer.value.split())
    return _chosen(question, answer)[0]


def _effect(question: Question, answer: Answer) -> int | None:
    """A rating on the visit's own scale of 1 to 5, rounded half up."""
    if answer.number is None:
        return None
    share = Fraction(answer.number - 1, question.scale_max - 1)
    return int(1 + share * (_EFFECT_MAX - 1) + Fraction(1, 2))
