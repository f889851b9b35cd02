"""Surveys as tests need them: with the version their questions belong to."""

from sqlmodel import Session, select

from app.models import Survey, SurveyVersion
from app.vocabulary import SurveyStatus, VersionState


def put_survey(session: Session, survey: Survey) -> tuple[int, int]:
    """The survey and its first version, stored: the numbers of both."""
    session.add(survey)
    session.flush()
    state = VersionState.DRAFT if survey.status is SurveyStatus.DRAFT else VersionState.PUBLISHED
    version = SurveyVersion(survey_id=survey.id, number=1, state=state, created_at=survey.created_at)
    session.add(version)
    session.flush()
    return survey.id, version.id


def version_of(session: Session, survey_id: int) -> int:
    """The newest version of a survey."""
    of_survey = select(SurveyVersion.id).where(SurveyVersion.survey_id == survey_id)
    return session.exec(of_survey.order_by(SurveyVersion.number.desc())).first()
