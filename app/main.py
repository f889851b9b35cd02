"""Composition root: settings and a database in, the web application out. No logic."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing import parent_process

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from app import admin
from app.admin_base.door import DeskDoor
from app.audit import CUSTOMER, AuditedSession
from app.db import Database, open_database
from app.gateways.lifeline import end_with
from app.gateways.nudges import nudge_after_commit
from app.gateways.presence import stay_at_work
from app.group_commit import GroupWriter
from app.keys import current_keys
from app.queries.demo import DemoWatch
from app.routes import cards, health, joining, metrics, notices, own_page, points_rules, refusals, setup, surveys
from app.routes.api.customers import customers
from app.routes.api.description import description
from app.routes.api.purchases import purchases
from app.routes.deps import check_open, clock
from app.routes.guard import BodyGuard, HeaderGuard, HostGuard, LocaleGuard, OriginGuard
from app.routes.rendering import environment
from app.routes.watching import RequestWatch
from app.settings import Settings, current_settings
from app.templating import APP

BODY_LIMIT = 1024 * 1024
"""Bytes a request may carry, but where a file comes in to be imported: `Settings.upload_limit_mb`."""

_COLLECT_AFTER = (50_000, 20, 50)
"""New objects before the first look, and looks at the younger before one at the older."""


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The whole site: customers' pages, the back office, health."""
    app = FastAPI(
        title="Rouge",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # It would tell whoever collects such things the addresses, and asks for each request whether anybody does.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        dependencies=[Depends(check_open)],
        lifespan=_open_hours,
        middleware=[
            Middleware(RequestWatch),
            Middleware(HeaderGuard, settings=settings),
            Middleware(LocaleGuard, settings=settings),
            Middleware(HostGuard, settings=settings),
            Middleware(OriginGuard, settings=settings),
            Middleware(BodyGuard, max_body_size=BODY_LIMIT, max_file_size=settings.upload_limit_mb * 1_000_000),
            Middleware(DeskDoor),
        ],
    )
    app.state.settings = settings
    app.state.database = database
    app.state.clock = clock
    app.state.submissions = GroupWriter(database, surveys.take_together, actor=CUSTOMER)
    app.state.templates = environment(settings)
    # Beside the setting: rows of the demo shop put the banner on every page for as long as they are there.
    app.state.templates.globals["demo_mode"] = DemoWatch(database, always=settings.demo)
    refusals.install(app)
    # First where a burst arrives: every route before it is asked for each of its requests.
    app.router.routes.append(surveys.ANSWER)
    app.include_router(surveys.router)
    app.include_router(health.router)
    app.include_router(metrics.router)
    app.include_router(setup.router)
    app.include_router(notices.router)
    app.include_router(cards.router)
    app.include_router(own_page.router)
    app.include_router(points_rules.router)
    app.include_router(description)
    app.include_router(customers)
    app.include_router(purchases)
    app.include_router(joining.router)
    admin.install(app, database, settings)
    app.mount("/static", StaticFiles(directory=APP / "static"), name="static")
    return app


@asynccontextmanager
async def _open_hours(app: FastAPI) -> AsyncIterator[None]:
    """At closing time nothing new is taken, and what waits is written."""
    app.state.submissions.open()
    yield
    await app.state.submissions.close()


def served_app() -> FastAPI:
    """What the web server's workers load: the shop this process was started for."""
    settings = current_settings()
    if parent := parent_process():
        end_with(parent.pid or 0)
    stay_at_work(settings)
    database = open_database(settings)
    nudge_after_commit(AuditedSession, settings, current_keys())
    app = create_app(settings, database)
    _spare_the_collector()
    _spare_the_log()
    return app


def _spare_the_log() -> None:
    """No line of ours says from which file, thread and process it comes, and to find it out for each takes as long as to
    write it. Source: https://docs.python.org/3/howto/logging.html#optimization"""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _spare_the_collector() -> None:
    """What is loaded by now stays: looking through all of it for garbage again and again took a third of a burst. And
    hundreds of requests at once are no garbage yet."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
