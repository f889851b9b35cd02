"""Photos of treatments, as far as they may be shown."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Consent, Photo, Visit
from app.queries.customers import customer_by_number
from app.vocabulary import PhotoKind, Purpose


@dataclass(frozen=True)
class ShownPhoto:
    """A photo on a page: its number is its address (`/desk/photos/{id}`)."""

    id: int
    kind: PhotoKind
    taken_on: date
    visit_id: int | None
    width: int
    height: int


@dataclass(frozen=True)
class ForPhotos:
    """Whom a photo would be of, her latest visits to choose from, and whether she said yes."""

    customer_id: int
    name: str
    member_no: str
    is_allowed: bool
    visits: tuple[tuple[int, datetime], ...]


def photos_allowed(session: Session, customer_id: int) -> bool:
    """Whether the customer's yes to keeping photos stands."""
    yes = select(Consent.id).where(
        Consent.customer_id == customer_id, Consent.purpose == Purpose.PHOTOS, col(Consent.withdrawn_at).is_(None)
    )
    return session.exec(yes.limit(1)).first() is not None


def photos_of(session: Session, customer_id: int, *, most: int = 24) -> tuple[ShownPhoto, ...]:
    """A customer's photos, newest first; none once her yes no longer stands."""
    if not photos_allowed(session, customer_id):
        return ()
    wanted = select(Photo).where(Photo.customer_id == customer_id)
    rows = session.exec(wanted.order_by(col(Photo.taken_on).desc(), col(Photo.id).desc()).limit(most))
    return tuple(ShownPhoto(row.id or 0, row.kind, row.taken_on, row.visit_id, row.width, row.height) for row in rows)


def photo_file(session: Session, photo_id: int, reach: ColumnElement[bool]) -> str | None:
    """The key of a photo's file, for whoever may see the record (`reach`) and while the customer's yes stands."""
    photo = session.exec(select(Photo).where(Photo.id == photo_id, reach)).first()
    return photo.file_key if photo and photos_allowed(session, photo.customer_id) else None


def for_photos(session: Session, member_no: str, reach: ColumnElement[bool]) -> ForPhotos | None:
    """Whom photos are about to be taken of; None for a number nobody has, or nobody this person may see."""
    customer = customer_by_number(session, member_no, within=reach)
    if customer is None or customer.id is None:
        return None
    recent = select(Visit.id, Visit.visited_at).where(Visit.customer_id == customer.id)
    visits = session.exec(recent.order_by(col(Visit.visited_at).desc()).limit(10)).all()
    return ForPhotos(
        customer.id,
        customer.name,
        customer.member_no,
        photos_allowed(session, customer.id),
        tuple((number, at) for number, at in visits if number is not None),
    )


def kept_files(session: Session) -> set[str]:
    """The keys of all files a record speaks of."""
    return set(session.exec(select(Photo.file_key)))
