"""For the operator: does the process live, is everything in order."""

import time
from typing import Any

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from app.db import Database, is_migrated
from app.queries.jobs import last_beat
from app.routes.deps import DatabaseDep, Now
from app.rules.jobs import LATE_AFTER, Pulse

router = APIRouter()
_STARTED = time.monotonic()


@router.get("/healthz", name="health:alive")
def alive() -> dict[str, str]:
    """200 when the process lives. Asks no database. Open to everyone."""
    return {"status": "ok"}


@router.get("/readyz", name="health:ready")
def ready(database: DatabaseDep, now: Now) -> JSONResponse:
    """200 only when the database answers, its tables are up to date and the worker of the jobs lives; each part in JSON,
    with the seconds since the worker's last sweep. Open to everyone."""
    parts: dict[str, Any] = {"database": "ok", "migrations": "ok", "jobs": "unknown", "last_sweep_seconds": None}
    try:
        if is_migrated(database):
            parts |= _jobs(database, now)
        else:
            parts["migrations"] = "behind"
    except (SQLAlchemyError, OSError):
        parts |= {"database": "unreachable", "migrations": "unknown"}
    is_ready = parts["database"] == parts["migrations"] == "ok" and (parts["jobs"] == Pulse.OK or _has_just_started())
    return JSONResponse(parts, status_code=200 if is_ready else 503)


def _jobs(database: Database, now: Any) -> dict[str, Any]:
    with database.reading() as session:
        beat = last_beat(session, now=now)
    return {"jobs": beat.pulse, "last_sweep_seconds": beat.seconds}


def _has_just_started() -> bool:
    """The worker is started beside the pages: it may need a moment, and its last sign is from yesterday."""
    return time.monotonic() - _STARTED < LATE_AFTER.total_seconds()
