"""When customers were last asked anything, or answered under their names."""

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from app.db import among
from app.models import SurveyInvitation, SurveyResponse
from app.rules.survey_cooldown import Asked


def asked_lately(session: Session, customer_ids: Collection[int], since: datetime) -> dict[int, list[Asked]]:
    """The surveys these customers were sent or answered since then, whichever surveys those were. An invitation that was
    taken back asked nobody."""
    found: dict[int, list[Asked]] = {number: [] for number in customer_ids}
    sent = select(SurveyInvitation.customer_id, SurveyInvitation.survey_id, SurveyInvitation.created_at).where(
        among(session, SurveyInvitation.customer_id, set(customer_ids)),
        SurveyInvitation.created_at > since,
        col(SurveyInvitation.revoked_at).is_(None),
    )
    answered = select(SurveyResponse.customer_id, SurveyResponse.survey_id, SurveyResponse.started_at).where(
        among(session, SurveyResponse.customer_id, set(customer_ids)), SurveyResponse.started_at > since
    )
    for wanted in (sent, answered):
        for customer_id, survey_id, at in session.exec(wanted):
            if customer_id is not None:
                found[customer_id].append(Asked(survey_id, at))
    return found
