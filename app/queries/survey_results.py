"""A survey's results in figures: for its page, the dashboard and reports."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from app.models import SurveyAnswer, SurveyQuestion, SurveyResponse
from app.queries.surveys import question_of, question_rows
from app.rules.policy import Policy
from app.rules.questions import Answer, Question
from app.rules.surveys import Grade, grade_for, is_satisfied, nps_of, score_of, whole
from app.vocabulary import QuestionKind, ResponseState


@dataclass(frozen=True)
class QuestionResult:
    """One question: how many answered, how often each figure or option was given, and a rating's mean on 0 to 100."""

    question: Question
    n: int
    counts: dict[int, int]
    mean_score: int | None


@dataclass(frozen=True)
class SurveyResults:
    """A survey in figures over `n` finished responses. `satisfied` of `ratings` given were 4 or 5 (满意率); `nps` is
    that of `nps_n` customers. Below the policy's minimum `is_enough` is False and there is no grade: 样本不足."""

    n: int
    n_partial: int
    n_low: int
    is_enough: bool
    mean_score: int | None
    grade: Grade | None
    satisfied: int
    ratings: int
    nps: int | None
    nps_n: int
    dimensions: dict[str, int]
    questions: tuple[QuestionResult, ...]

    @property
    def satisfied_percent(self) -> int | None:
        """满意率 in whole percent; None when nobody rated."""
        return whole(Fraction(100 * self.satisfied, self.ratings)) if self.ratings else None


def results_of(
    session: Session, survey_id: int, policy: Policy, *, since: datetime | None = None, until: datetime | None = None
) -> SurveyResults:
    """A survey's figures over the responses finished from `since` until just before `until` (None: all)."""
    counted = _finished(survey_id, since, until)
    n, mean, n_low = session.exec(
        select(func.count(), func.avg(SurveyResponse.score), func.count().filter(col(SurveyResponse.is_low))).where(
            *counted
        )
    ).one()
    n_partial = session.exec(
        select(func.count()).where(SurveyResponse.survey_id == survey_id, SurveyResponse.state == ResponseState.PARTIAL)
    ).one()
    questions = _questions(session, survey_id, counted)
    rated = [(result.question, figure, n) for result in questions for figure, n in result.counts.items()]
    nps_counts = [(figure, n) for question, figure, n in rated if question.kind is QuestionKind.NPS]
    ratings = [item for item in rated if item[0].kind is QuestionKind.RATING]
    is_enough = n >= policy.sample_min
    exact = None if mean is None else Fraction(str(mean))
    return SurveyResults(
        n=n,
        n_partial=n_partial,
        n_low=n_low,
        is_enough=is_enough,
        mean_score=None if exact is None else whole(exact),
        grade=grade_for(exact, policy) if exact is not None and is_enough else None,
        satisfied=sum(n for question, figure, n in ratings if is_satisfied(question, _answer(figure))),
        ratings=sum(n for _, _, n in ratings),
        nps=nps_of(nps_counts),
        nps_n=sum(n for _, n in nps_counts),
        dimensions=_dimensions(questions),
        questions=questions,
    )


def _finished(survey_id: int, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    finished_at = col(SurveyResponse.finished_at)
    within = [col(SurveyResponse.survey_id) == survey_id, col(SurveyResponse.state) == ResponseState.FINISHED]
    return within + ([finished_at >= since] if since else []) + ([finished_at < until] if until else [])


def _questions(session: Session, survey_id: int, counted: list[ColumnElement[bool]]) -> tuple[QuestionResult, ...]:
    """Every question that has figures. Texts are read one by one, not counted."""
    figures: dict[str, dict[int, int]] = {}
    answered: dict[str, int] = {}
    rows = session.exec(
        select(SurveyAnswer.question_key, SurveyAnswer.value, func.count())
        .join(SurveyResponse, col(SurveyResponse.id) == SurveyAnswer.response_id)
        .join(SurveyQuestion, col(SurveyQuestion.id) == SurveyAnswer.question_id)
        .where(*counted, col(SurveyQuestion.kind).not_in([QuestionKind.TEXT, QuestionKind.CONTACT]))
        .group_by(SurveyAnswer.question_key, SurveyAnswer.value)
    )
    for key, value, times in rows:
        answered[key] = answered.get(key, 0) + times
        of_key = figures.setdefault(key, {})
        for figure in map(int, value.split(",")):
            of_key[figure] = of_key.get(figure, 0) + times
    asked = (question_of(row) for row in question_rows(session, survey_id))
    return tuple(
        _result(question, answered[question.key], figures[question.key])
        for question in asked
        if question.key in figures
    )


def _result(question: Question, n: int, counts: dict[int, int]) -> QuestionResult:
    mean = _mean([(question, counts)])
    return QuestionResult(question, n, dict(sorted(counts.items())), None if mean is None else whole(mean))


def _mean(rated: Iterable[tuple[Question, dict[int, int]]]) -> Fraction | None:
    """The mean of ratings on 0 to 100, each answer counting once."""
    scores = [(score_of(question, _answer(figure)), n) for question, counts in rated for figure, n in counts.items()]
    known = [(score, n) for score, n in scores if score is not None]
    return sum((score * n for score, n in known), Fraction(0)) / sum(n for _, n in known) if known else None


def _dimensions(results: tuple[QuestionResult, ...]) -> dict[str, int]:
    """Each dimension's mean over all its ratings, in the order of the questions."""
    of: dict[str, list[tuple[Question, dict[int, int]]]] = {}
    for result in results:
        if result.question.kind is QuestionKind.RATING:
            of.setdefault(result.question.dimension or result.question.text, []).append(
                (result.question, result.counts)
            )
    means = {dimension: _mean(rated) for dimension, rated in of.items()}
    return {dimension: whole(mean) for dimension, mean in means.items() if mean is not None}


def _answer(figure: int) -> Answer:
    return Answer(str(figure), figure)
