"""Photos of treatments: kept only while the customer's yes stands."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, exists, select

from app.db import lock_row
from app.models import Consent, Customer, Photo, Visit
from app.queries.photos import photos_allowed
from app.rules.photos import KEPT_AFTER_WITHDRAWAL_DAYS, PhotoOfOtherCustomer, PhotoWithoutConsent
from app.rules.refusals import NotFound
from app.vocabulary import PhotoKind, Purpose


@dataclass(frozen=True)
class PhotoDetails:
    """What is told about a photo. `visit_id` None: of no visit in particular."""

    customer_id: int
    kind: PhotoKind
    taken_on: date
    visit_id: int | None = None
    note: str = ""


@dataclass(frozen=True)
class PhotoFile:
    """The file that was kept (gateways/media.py): its name on the disk, its fingerprint, its pixels."""

    file_key: str
    sha256: str
    width: int
    height: int


def add_photo(
    session: Session, details: PhotoDetails, file: PhotoFile, *, now: datetime, staff_id: int | None
) -> Photo:
    """A photo in the customer's file. Raises NotFound, PhotoWithoutConsent, PhotoOfOtherCustomer."""
    if lock_row(session, Customer, details.customer_id) is None:
        raise NotFound("customer")
    if not photos_allowed(session, details.customer_id):
        raise PhotoWithoutConsent("photo")
    if details.visit_id is not None:
        visit = session.get(Visit, details.visit_id)
        if visit is None or visit.customer_id != details.customer_id:
            raise PhotoOfOtherCustomer("visit")
    photo = Photo(
        customer_id=details.customer_id,
        visit_id=details.visit_id,
        kind=details.kind,
        taken_on=details.taken_on,
        note=details.note or None,
        file_key=file.file_key,
        sha256=file.sha256,
        width=file.width,
        height=file.height,
        created_at=now,
        staff_id=staff_id,
    )
    session.add(photo)
    session.flush()
    return photo


def remove_withdrawn(session: Session, *, now: datetime) -> int:
    """Take away the photos of everybody whose yes ended so many days ago (`rules.photos`); how many. Their files have no
    record then and are thrown away as such. Late or twice does no harm."""
    long_ago = now - timedelta(days=KEPT_AFTER_WITHDRAWAL_DAYS)
    of_hers = (col(Consent.customer_id) == col(Photo.customer_id), col(Consent.purpose) == Purpose.PHOTOS)
    recent = exists().where(*of_hers, (col(Consent.withdrawn_at).is_(None)) | (col(Consent.withdrawn_at) > long_ago))
    gone = session.exec(select(Photo).where(~recent)).all()
    for photo in gone:
        session.delete(photo)
    session.flush()
    return len(gone)
