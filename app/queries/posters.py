"""What a poster says."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Store, Survey
from app.queries.scopes import ANYTHING
from app.rules.posters import PosterStore, PosterStoreUnknown, PosterSurveyUnknown, check_postable
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


def poster_stores(session: Session, *, within: ColumnElement[bool] = ANYTHING) -> tuple[PosterStore, ...]:
    """The open stores, each with a sign-up poster of its own, of those `within` somebody's reach."""
    rows = session.exec(select(Store).where(col(Store.is_active), within).order_by(col(Store.id)))
    return tuple(PosterStore(row.id or 0, row.code, row.name, row.phone, row.address) for row in rows)


def poster_store(session: Session, code: str, *, within: ColumnElement[bool] = ANYTHING) -> PosterStore:
    """One of them. Raises PosterStoreUnknown."""
    found = next((store for store in poster_stores(session, within=within) if store.code == code), None)
    if found is None:
        raise PosterStoreUnknown("survey")
    return found
