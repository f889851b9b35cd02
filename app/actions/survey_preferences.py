"""Answers to preference questions, written into the member file of whoever gave them under her own name."""

from datetime import datetime

from sqlmodel import Session, col, select

from app.actions.customers import update_customer
from app.db import lock_row
from app.models import Customer, CustomerTag, SurveyResponse, Tag, Visit
from app.queries.consents import standing_of
from app.rules.customers import CustomerDetails
from app.rules.questions import Answer, Question
from app.rules.survey_preferences import Preferences, preferences_in
from app.vocabulary import CustomerStatus, Purpose, SurveyMode, TagOrigin


def keep_preferences(
    session: Session, response: SurveyResponse, answered: list[tuple[Question, Answer]], *, now: datetime
) -> None:
    """What she said of herself goes into her file, what she said of a visit to the visit. Only of a run that was hers by
    name from the beginning, and only while the shop may use her record."""
    if response.mode is not SurveyMode.IDENTIFIED or response.customer_id is None:
        return
    said = preferences_in(answered)
    if said == Preferences():
        return
    customer = session.get(Customer, response.customer_id)
    if customer is None or customer.status is not CustomerStatus.ACTIVE:
        return
    details = _details(session, customer, said, now)
    if details != CustomerDetails():
        update_customer(session, response.customer_id, details, now=now)
    visit = lock_row(session, Visit, response.visit_id) if response.visit_id and said.visit_effect else None
    if visit is not None and visit.customer_id == response.customer_id:
        visit.effect_score = said.visit_effect
        session.add(visit)


def _details(session: Session, customer: Customer, said: Preferences, now: datetime) -> CustomerDetails:
    # Of her skin a beautician's word stands; where nobody wrote one, hers is kept if she agreed to such a record.
    may_keep_skin = (
        said.skin_type is not None
        and customer.skin_type is None
        and standing_of(session, customer.id or 0, today=now.date()).agreed(Purpose.HEALTH_RECORD)
    )
    return CustomerDetails(
        gender=said.gender,
        preferred_channel=said.preferred_channel,
        occupation=said.occupation,
        income_band=said.income_band,
        skin_type=said.skin_type if may_keep_skin else None,
        tag_ids=_tags(session, customer.id or 0, said.tags) if said.tags else None,
    )


def _tags(session: Session, customer_id: int, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The tags she wears by hand and those she chose, as far as the shop has them. None where nothing is added."""
    known = select(Tag.id).where(col(Tag.name).in_(names), Tag.rule == "")
    chosen = {tag_id for tag_id in session.exec(known) if tag_id is not None}
    worn = set(
        session.exec(
            select(CustomerTag.tag_id).where(
                CustomerTag.customer_id == customer_id, CustomerTag.origin != TagOrigin.RULE
            )
        )
    )
    return tuple(sorted(chosen | worn)) if chosen - worn else None
