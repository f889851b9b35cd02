"""By night: who of those whose records are new or changed may be somebody who is in the file already."""

from datetime import datetime, timedelta

from app.actions.duplicates import find_all
from app.db import Database
from app.jobs.errands import Done, Errand
from app.queries.jobs import last_done
from app.rules.refusals import words
from app.settings import Settings
from app.vocabulary import JobKind

OVERLAP = timedelta(days=1)
"""Looked at again, so that nobody is missed who was being written while the last run went by."""
PORTIONS_AT_ONCE = 20
"""Then it is the next slice: another worker may go on, and whoever is killed does little over again."""
_FOUND = words("看了 {seen} 位顾客，比较了 {compared} 对，新发现或有变化 {news} 对")
_CROWDED = words(
    "看了 {seen} 位顾客，比较了 {compared} 对，新发现或有变化 {news} 对；"
    "{crowded} 次因为同名同姓太多，只比较了生日、手机后四位等也相同的"
)


def find_duplicates(database: Database, settings: Settings, errand: Errand) -> Done:
    """Everybody the first time, then whoever changed since the last run that came to its end."""
    told = errand.payload
    since = str(told.get("since", "")) or _since(database, errand)
    after = int(told.get("after", 0))
    tally = {name: int(told.get(name, 0)) for name in ("seen", "compared", "news", "crowded")}
    for _ in range(PORTIONS_AT_ONCE):
        moment = None if since == _EVER else datetime.fromisoformat(since)
        portion = find_all(database, since=moment, after=after, now=errand.now)
        tally = {name: n + getattr(portion, name) for name, n in tally.items()}
        if portion.last is None:
            return Done(_CROWDED if tally["crowded"] else _FOUND, tally)
        after = portion.last
    return Done(then={"since": since, "after": after, **tally})


_EVER = "ever"


def _since(database: Database, errand: Errand) -> str:
    with database.reading() as session:
        last = last_done(session, JobKind.FIND_DUPLICATES, until=errand.now)
    return (last - OVERLAP).isoformat() if last else _EVER
