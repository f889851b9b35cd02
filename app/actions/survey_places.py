"""Codes, tablets and links a survey is asked by, each with an address of its own."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from app.actions.survey_sheets import AddressFixed, AddressTaken
from app.db import lock_row
from app.models import Survey, SurveyPlace, SurveyResponse
from app.rules.questions import check_slug
from app.rules.refusals import NotFound
from app.rules.surveys import SurveyByInvitation
from app.vocabulary import ResponseWay, SaleChannel, SurveyMode


@dataclass(frozen=True)
class PlaceDetails:
    """Where a survey is asked. `staff_id`: the answers are about this person."""

    survey_id: int
    slug: str
    name: str
    way: ResponseWay = ResponseWay.QR
    channel: SaleChannel = SaleChannel.STORE
    store_id: int | None = None
    staff_id: int | None = None
    is_active: bool = True


def create_place(session: Session, details: PlaceDetails, *, now: datetime) -> SurveyPlace:
    """One more address of a survey. Raises NotFound, SlugUnusable, AddressTaken, and SurveyByInvitation for a survey that
    only personal links open."""
    survey = lock_row(session, Survey, details.survey_id)
    if survey is None:
        raise NotFound("survey")
    if survey.mode is SurveyMode.IDENTIFIED:
        raise SurveyByInvitation("survey")
    return _put(session, SurveyPlace(survey_id=details.survey_id, slug="", name="", created_at=now), details)


def update_place(session: Session, place_id: int, details: PlaceDetails) -> SurveyPlace:
    """Another name or person for an address, or no more answers from it. The address itself and how answers come from it
    stay once there are any. Raises NotFound, SlugUnusable, AddressTaken, AddressFixed."""
    place = lock_row(session, SurveyPlace, place_id)
    if place is None:
        raise NotFound
    for name in ("slug", "way", "survey_id"):
        if getattr(place, name) != getattr(details, name) and _is_answered(session, place_id):
            raise AddressFixed(name)
    return _put(session, place, details)


def _is_answered(session: Session, place_id: int) -> bool:
    return session.exec(select(SurveyResponse.id).where(SurveyResponse.place_id == place_id)).first() is not None


def _put(session: Session, place: SurveyPlace, details: PlaceDetails) -> SurveyPlace:
    check_slug(details.slug)
    taken = (
        select(Survey.id).where(Survey.slug == details.slug),
        select(SurveyPlace.id).where(SurveyPlace.slug == details.slug, SurveyPlace.id != place.id),
    )
    if any(session.exec(one).first() is not None for one in taken):
        raise AddressTaken("slug", slug=details.slug)
    place.slug, place.name, place.way, place.channel = details.slug, details.name, details.way, details.channel
    place.store_id, place.staff_id, place.is_active = details.store_id, details.staff_id, details.is_active
    session.add(place)
    session.flush()
    return place
