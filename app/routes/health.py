"""For the operator: does the process live, is everything in order."""

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse

from app.db import is_migrated
from app.routes.deps import DatabaseDep

router = APIRouter()


@router.get("/healthz", name="health:alive")
def alive() -> dict[str, str]:
    """200 when the process lives. Asks no database. Open to everyone."""
    return {"status": "ok"}


@router.get("/readyz", name="health:ready")
def ready(database: DatabaseDep) -> JSONResponse:
    """200 only when the database answers and its tables are up to date; each part in JSON. Open to everyone."""
    parts = {"database": "ok", "migrations": "ok"}
    try:
        if not is_migrated(database):
            parts["migrations"] = "behind"
    except (SQLAlchemyError, OSError):
        parts = {"database": "unreachable", "migrations": "unknown"}
    return JSONResponse(parts, status_code=200 if set(parts.values()) == {"ok"} else 503)
