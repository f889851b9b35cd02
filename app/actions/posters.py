"""Posters handed out to print."""

from sqlalchemy import ColumnElement
from sqlmodel import Session

from app.audit import note_deed
from app.queries.posters import PosterSurvey, poster_store, poster_survey
from app.queries.scopes import ANYTHING
from app.rules.posters import PosterStore
from app.vocabulary import AuditAction


def issue_poster(session: Session, slug: str, *, size: str, within: ColumnElement[bool] = ANYTHING) -> PosterSurvey:
    """The survey whose poster is printed, the print written down. Raises what `poster_survey` raises."""
    survey = poster_survey(session, slug, within=within)
    note_deed(session, AuditAction.PRINT, "surveys", survey.id, size=size)
    return survey


def issue_join_poster(session: Session, code: str, *, size: str, within: ColumnElement[bool] = ANYTHING) -> PosterStore:
    """The store whose sign-up poster is printed, the print written down. Raises PosterStoreUnknown."""
    store = poster_store(session, code, within=within)
    note_deed(session, AuditAction.PRINT, "stores", store.id, size=size)
    return store
