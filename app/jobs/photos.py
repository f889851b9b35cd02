"""Photos whose customer said no: out of the file, and off the disk."""

from app.actions.photos import remove_withdrawn
from app.db import Database
from app.gateways.media import drop_photo_orphans
from app.jobs.errands import Errand
from app.queries.photos import kept_files
from app.settings import Settings


def forget_photos(database: Database, settings: Settings, errand: Errand) -> int:
    """Take away what the customers no longer agree to, and files that no record speaks of; how many files went."""
    with database.writing() as session:
        remove_withdrawn(session, now=errand.safe_now)
    with database.reading() as session:
        wanted = kept_files(session)
    return drop_photo_orphans(settings, wanted)
