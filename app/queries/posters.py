"""What a survey's poster says."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from app.models import Survey
from app.rules.posters import PosterSurveyUnknown, check_postable
from app.vocabulary import SurveyMode, SurveyStatus


@dataclass(frozen=True)
class PosterSurvey:
    """A survey as its poster needs it."""

    id: int
    slug: str
    title: str


def poster_survey(session: Session, slug: str) -> PosterSurvey:
    """The survey of that address. Raises PosterSurveyUnknown, or what `check_postable` raises."""
    survey = session.exec(select(Survey).where(Survey.slug == slug)).first() if slug.isprintable() else None
    if survey is None or survey.id is None:
        slugs = session.exec(select(Survey.slug).order_by(col(Survey.id).desc()).limit(10))
        raise PosterSurveyUnknown("survey", slug=slug, slugs="、".join(slugs))
    check_postable(survey.status, survey.mode)
    return PosterSurvey(survey.id, survey.slug, survey.title)


def postable_surveys(session: Session) -> tuple[PosterSurvey, ...]:
    """The surveys a poster can be printed for, the newest first."""
    postable = select(Survey).where(Survey.status == SurveyStatus.PUBLISHED, Survey.mode != SurveyMode.IDENTIFIED)
    rows = session.exec(postable.order_by(col(Survey.id).desc()))
    return tuple(PosterSurvey(row.id or 0, row.slug, row.title) for row in rows)
