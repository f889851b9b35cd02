"""Posters handed out to print."""

from sqlalchemy import ColumnElement
from sqlmodel import Session

from app.audit import note_deed
from app.queries.posters import PosterSurvey, poster_survey
from app.queries.scopes import ANYTHING
from app.vocabulary import AuditAction


def issue_poster(session: Session, slug: str, *, size: str, within: ColumnElement[bool] = ANYTHING) -> PosterSurvey:
    """The survey whose poster is printed, the print written down. Raises what `poster_survey` raises."""
    survey = poster_survey(session, slug, within=within)
    note_deed(session, AuditAction.PRINT, "surveys", survey.id, size=size)
    return survey
