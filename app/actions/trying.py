"""A question about other tiers and rules that takes long is left to the machine, which keeps what came of it with its job."""

import json
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from app.actions.jobs import put_job
from app.models import Job
from app.queries.trying import Asked, Tried, fresh_trial
from app.vocabulary import JobKind


def ask_trial(session: Session, asked: Asked, *, now: datetime) -> int:
    """Have it tried; the number of that work. The same question of a moment ago is the same work."""
    if known := fresh_trial(session, asked, now=now):
        return known
    key = f"{asked.key}{now.isoformat()}"
    put_job(session, JobKind.TRY_DESIGN, key, {"asked": asked.kept()}, now=now, due_at=now)
    return session.exec(select(Job.id).where(Job.key == key)).one() or 0


def keep_tried(session: Session, key: str, tried: Tried) -> None:
    """Keep what came of it."""
    payload = session.exec(select(Job.payload).where(Job.key == key).with_for_update()).one()
    said = json.dumps(json.loads(payload) | {"tried": tried.kept()})
    session.connection().execute(update(Job).where(col(Job.key) == key).values(payload=said))
