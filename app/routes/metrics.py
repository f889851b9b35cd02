"""The shop's numbers, for a program that watches over it."""

import hmac
from datetime import datetime
from importlib.metadata import version
from ipaddress import ip_address

from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.db import Database
from app.gateways.backups import last_backup_at
from app.gateways.machine import free_bytes
from app.gateways.metrics import Standing, note_queue, rendered
from app.queries.databases import database_bytes
from app.queries.jobs import jobs_health
from app.routes.deps import DatabaseDep, Now, SettingsDep
from app.settings import Settings

router = APIRouter()
_PROXIES_SAY = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/metrics", name="health:metrics")
def metrics(request: Request, database: DatabaseDep, settings: SettingsDep, now: Now) -> Response:
    """Numbers in Prometheus' text form. For the operator: with the bearer token `ROUGE_METRICS_TOKEN`, or, while none is
    set, from this very machine."""
    if not _may_read(request, settings.metrics_token):
        raise HTTPException(403)
    note_queue(request.app.state.submissions.waiting)
    standing = _standing(database, settings, now)
    return Response(rendered(standing), headers={"content-type": _TEXT})


def _may_read(request: Request, token: str) -> bool:
    """With a token only the token counts. Without, the caller must sit on this machine and have come without a proxy: to
    us a proxy on this machine looks like this machine, and what it says about the caller the caller may have said."""
    if token:
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())
    if any(name in request.headers for name in _PROXIES_SAY):
        return False
    return _is_this_machine(request.client.host if request.client else "")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _standing(database: Database, settings: Settings, now: datetime) -> Standing:
    kind = "sqlite" if database.is_sqlite else "postgresql"
    program, free = version("rouge"), free_bytes(settings.data_dir)
    try:
        with database.reading() as session:
            backup = last_backup_at(settings, session, now=now)
            size, health = database_bytes(session), jobs_health(session, now=now, backup_at=backup)
    except (SQLAlchemyError, OSError):
        return Standing(program, kind, is_database_up=False, disk_free_bytes=free)
    return Standing(
        program,
        kind,
        is_database_up=True,
        disk_free_bytes=free,
        database_bytes=size,
        sweep_age_seconds=health.beat.seconds,
        backup_age_seconds=(now - backup).total_seconds() if backup else None,
        jobs_waiting=health.waiting,
        jobs_dead=health.dead,
    )
