"""Other tiers and rules tried on the past of a large shop, while nobody waits."""

from app.actions.trying import keep_tried
from app.db import Database
from app.i18n import gettext
from app.jobs.errands import Done, Errand
from app.jobs.imports import Teller
from app.queries.trying import asked_of, try_out
from app.rules.refusals import words
from app.settings import Settings

_TRIED = words("{up} 位会升级，{down} 位会降级")


def try_design(database: Database, settings: Settings, errand: Errand) -> Done:
    """Look at everybody, in one reading that writes nothing; then keep what came of it."""
    teller, asked = Teller(database, errand), asked_of(str(errand.payload["asked"]))
    with database.reading() as session:
        tried = try_out(session, asked, policy=errand.policy, now=errand.now, zone=errand.zone, tell=teller.tell)
    with database.writing() as session:
        keep_tried(session, errand.key, tried)
    return Done(gettext(_TRIED).format(up=tried.movement.up, down=tried.movement.down))
