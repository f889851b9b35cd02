"""The thank-you of a finished survey, handed over at the till: once."""

from datetime import datetime

from sqlmodel import Session, select

from app.audit import note_deed
from app.db import lock_row
from app.models import SurveyResponse
from app.rules.survey_gifts import GiftUnknown, check_gift, tidy_code
from app.vocabulary import AuditAction


def use_gift(session: Session, code: str, *, now: datetime) -> SurveyResponse:
    """The customer gets what the code promises. Raises GiftUnknown, GiftUsed, GiftOver. `now` comes in the shop's zone."""
    found = session.exec(select(SurveyResponse.id).where(SurveyResponse.gift_code == tidy_code(code))).first()
    response = lock_row(session, SurveyResponse, found) if found else None
    if response is None:
        raise GiftUnknown("code")
    check_gift(response.gift_until_on, is_used=response.gift_used_at is not None, today=now.date())
    response.gift_used_at = now
    session.add(response)
    note_deed(session, AuditAction.UPDATE, str(SurveyResponse.__tablename__), response.id)
    session.flush()
    return response
