"""The night takes away photos nobody agrees to any more."""

import os
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import select

from app.actions.consents import ConsentDetails, grant_consent, withdraw_consent
from app.actions.customers import create_customer
from app.actions.photos import PhotoDetails, PhotoFile, add_photo
from app.db import Database
from app.gateways.media import take_photo
from app.jobs.errands import Errand
from app.jobs.photos import forget_photos
from app.models import Photo
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.settings import Settings
from app.vocabulary import PhotoKind, Purpose
from tests.conftest import NOW
from tests.gateways.test_media import files, telephone_photo


def night(now: datetime) -> Errand:
    """The night's work, done then."""
    return Errand("forget-traces:x", {}, now, now, Policy(), ZoneInfo("Asia/Shanghai"))


def test_a_withdrawn_photo_leaves_the_file_and_then_the_disk(database: Database, settings: Settings) -> None:
    taken = take_photo(settings, telephone_photo())
    with database.writing() as session:
        li = create_customer(session, CustomerDetails(name="李梅"), policy=Policy(), now=NOW).id or 0
        consent = grant_consent(session, ConsentDetails(li, Purpose.PHOTOS), policy=Policy(), now=NOW)
        file = PhotoFile(taken.file_key, taken.sha256, taken.width, taken.height)
        add_photo(session, PhotoDetails(li, PhotoKind.AFTER, date(2026, 11, 24)), file, now=NOW, staff_id=None)
    os.utime(settings.media_dir / "photos" / taken.file_key, (0, 0))
    assert forget_photos(database, settings, night(NOW + timedelta(days=400))) == 0, "her yes stands"
    with database.writing() as session:
        withdraw_consent(session, consent.id or 0, now=NOW)
    assert forget_photos(database, settings, night(NOW + timedelta(days=29))) == 0, "she may think again"
    assert forget_photos(database, settings, night(NOW + timedelta(days=31))) == 1
    assert files(settings) == []
    with database.reading() as session:
        assert session.exec(select(Photo)).all() == []
