"""What a survey's poster says."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Survey
from app.queries.scopes import ANYTHING
from app.rules.posters import PosterSurveyUnknown, check_postable
from app.vocabulary import SurveyMode, SurveyStatus


@dataclass(frozen=True)
class PosterSurvey:
    """A survey as its poster needs it."""

    id: int
    slug: str
    title: str


def poster_survey(session: Session, slug: str, *, within: ColumnElement[bool] = ANYTHING) -> PosterSurvey:
    """The survey of that address, of those `within` somebody's reach. Raises PosterSurveyUnknown, or what
    `check_postable` raises."""
    wanted = select(Survey).where(Survey.slug == slug, within)
    survey = session.exec(wanted).first() if slug.isprintable() else None
    if survey is None or survey.id is None:
        slugs = session.exec(select(Survey.slug).where(within).order_by(col(Survey.id).desc()).limit(10))
        raise PosterSurveyUnknown("survey", slug=slug, slugs="、".join(slugs))
    check_postable(survey.status, survey.mode)
    return PosterSurvey(survey.id, survey.slug, survey.title)


def postable_surveys(session: Session, *, within: ColumnElement[bool] = ANYTHING) -> tuple[PosterSurvey, ...]:
    """The surveys a poster can be printed for, the newest first, of those `within` somebody's reach."""
    postable = select(Survey).where(Survey.status == SurveyStatus.PUBLISHED, Survey.mode != SurveyMode.IDENTIFIED)
    rows = session.exec(postable.where(within).order_by(col(Survey.id).desc()))
    return tuple(PosterSurvey(row.id or 0, row.slug, row.title) for row in rows)
