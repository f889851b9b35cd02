"""Tries are counted in the database, so that every worker and every machine sees the same count, and a restart forgets
none. Who tried lies there as a keyed fingerprint: no address and no name in clear.

    with database.writing() as session:
        count_try(session, LOGIN_PER_ADDRESS, network_of(address), now=now)

A refused try raises, so the unit of work it stands in changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlmodel import Session, col, select

from app.columns import blind_index
from app.db import upsert
from app.models import RateWindow
from app.rules.limits import LONGEST, Limit, TooManyTries


def count_try(session: Session, limit: Limit, who: str, *, now: datetime) -> None:
    """Count one try of `who` (a login, a person's number, a network address). Raises TooManyTries past the limit."""
    if count_tries(session, limit, {who: 1}, now=now):
        raise TooManyTries(limit.wait(now))


def count_tries(session: Session, limit: Limit, tries: Mapping[str, int], *, now: datetime) -> dict[str, int]:
    """Count the tries of many at once. Returns who tried too often, and how many of their tries are refused: the rest
    of them fits. Nobody in it: all of them fit."""
    buckets = {_bucket(limit, who): who for who in tries}
    counts = dict(_count(session, limit, {bucket: tries[who] for bucket, who in buckets.items()}, now=now))
    refused: dict[str, int] = {}
    for bucket, who in buckets.items():
        # A window that was full already stays as it is and gives no count.
        over = counts[bucket] - limit.times if bucket in counts else tries[who]
        if over > 0:
            refused[who] = over
    return refused


def check_tries(session: Session, limit: Limit, who: str, *, now: datetime) -> None:
    """Raise TooManyTries where the next try would be one too many. Counts nothing and only reads, so that a flood of
    refused tries takes nobody's turn to write."""
    used = session.exec(
        select(RateWindow.count).where(
            RateWindow.bucket == _bucket(limit, who), RateWindow.began_at == limit.began_at(now)
        )
    ).first()
    if used is not None and used >= limit.times:
        raise TooManyTries(limit.wait(now))


def give_back_tries(session: Session, counted: Collection[tuple[Limit, str]], *, now: datetime) -> None:
    """Take these tries back, each one's limit and who: they turned out to be none. `now` as when they were counted."""
    for limit, who in counted:
        session.execute(
            update(RateWindow)
            .where(
                col(RateWindow.bucket) == _bucket(limit, who),
                col(RateWindow.began_at) == limit.began_at(now),
                col(RateWindow.count) > 0,
            )
            .values(count=RateWindow.count - 1)
        )


def forget_tries(session: Session, limit: Limit, who: str) -> None:
    """Let `who` try again at once."""
    session.execute(delete(RateWindow).where(col(RateWindow.bucket) == _bucket(limit, who)))


def forget_old_tries(session: Session, *, now: datetime) -> int:
    """Delete the counts that decide nothing any more. Returns how many rows went."""
    gone: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        delete(RateWindow).where(col(RateWindow.began_at) < now - LONGEST)
    )
    return gone.rowcount


def _bucket(limit: Limit, who: str) -> bytes:
    return blind_index(f"{limit.name}\0{who}", "rate_windows.bucket")


def _count(session: Session, limit: Limit, tries: Mapping[bytes, int], *, now: datetime) -> Iterator[tuple[bytes, int]]:
    """One statement for all, so that no two tries at once read the same count, and a burst costs no more than a few."""
    if not tries:
        return
    counting = upsert(session, RateWindow)
    table = counting.table
    began_at = limit.began_at(now)
    # In the order of the fingerprints: two batches over the same people wait for each other instead of blocking.
    rows = [{"bucket": bucket, "began_at": began_at, "count": tries[bucket]} for bucket in sorted(tries)]
    counting = counting.on_conflict_do_update(
        index_elements=["bucket", "began_at"],
        set_={"count": table.c.count + counting.excluded.count},
        where=table.c.count < limit.times,
    ).returning(table.c.bucket, table.c.count)
    for bucket, count in session.connection().execute(counting, rows):
        yield bytes(bucket), count
