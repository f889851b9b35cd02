"""Where the answers of a run come from, and what its row says of that when it begins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from app.models import SurveyInvitation, Visit
from app.queries.surveys import SurveySheet
from app.rules.surveys import kept_time
from app.vocabulary import ResponseState, ResponseWay, SaleChannel, SurveyMode


@dataclass(frozen=True)
class Origin:
    """How answers come in. `customer_id` where they are hers by name; `staff_id` whom they are about, `interviewer_id`
    who asked or looked on; `wave_id` of a personal link its own round, else the one that is open."""

    way: ResponseWay = ResponseWay.QR
    channel: SaleChannel = SaleChannel.STORE
    place_id: int | None = None
    wave_id: int | None = None
    invitation_id: int | None = None
    customer_id: int | None = None
    store_id: int | None = None
    visit_id: int | None = None
    staff_id: int | None = None
    interviewer_id: int | None = None


def origin_of(sheet: SurveySheet) -> Origin:
    """Answers from the address a survey was found under."""
    place = sheet.place
    if place is None:
        return Origin(store_id=sheet.store_id, wave_id=sheet.wave_id)
    return Origin(
        way=place.way,
        channel=place.channel,
        place_id=place.id,
        wave_id=sheet.wave_id,
        store_id=place.store_id or sheet.store_id,
        staff_id=place.staff_id,
    )


def beginning(sheet: SurveySheet, submission_id: str, origin: Origin, *, now: datetime) -> dict[str, Any]:
    """The columns of a run's row as it begins. What she was promised stands in `mode` and stays: an anonymous run keeps
    no customer, however she came."""
    mode = sheet.mode
    if mode is not SurveyMode.ANONYMOUS and origin.customer_id is not None:
        mode = SurveyMode.IDENTIFIED
    is_nameless = mode is SurveyMode.ANONYMOUS
    return {
        "survey_id": sheet.id,
        "version_id": sheet.version_id,
        "submission_id": submission_id,
        "mode": mode,
        "way": origin.way,
        "channel": origin.channel,
        "wave_id": origin.wave_id,
        "place_id": origin.place_id,
        "invitation_id": None if is_nameless else origin.invitation_id,
        "customer_id": None if is_nameless else origin.customer_id,
        "visit_id": None if is_nameless else origin.visit_id,
        "store_id": origin.store_id,
        "staff_id": origin.staff_id,
        "interviewer_id": origin.interviewer_id,
        "state": ResponseState.PARTIAL,
        "is_low": False,
        "is_suspect": False,
        "contact_name": "",
        "contact_masked": "",
        "started_at": kept_time(mode, now),
    }


@dataclass(frozen=True)
class Invited:
    """A personal link as a run begins with it."""

    origin: Origin
    survey_id: int
    expires_at: datetime
    is_revoked: bool


def invited_runs(session: Session, submission_ids: Collection[str]) -> dict[str, Invited]:
    """Which of these runs belong to a personal link, and where their answers come from."""
    wanted = select(SurveyInvitation, Visit).outerjoin(Visit, col(Visit.id) == SurveyInvitation.visit_id)
    rows = session.exec(wanted.where(col(SurveyInvitation.submission_id).in_(list(submission_ids))))
    return {
        invitation.submission_id: Invited(
            Origin(
                way=ResponseWay.LINK,
                wave_id=invitation.wave_id,
                invitation_id=invitation.id,
                customer_id=invitation.customer_id,
                visit_id=invitation.visit_id,
                store_id=visit.store_id if visit else None,
                staff_id=visit.staff_id if visit else None,
            ),
            invitation.survey_id,
            invitation.expires_at,
            invitation.revoked_at is not None,
        )
        for invitation, visit in rows
    }
