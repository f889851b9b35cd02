"""Composition root: settings and a database in, the web application out. No logic."""

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from app import admin
from app.db import Database, open_database
from app.queries.demo import DemoWatch
from app.routes import cards, health, notices, refusals, setup, surveys
from app.routes.guard import BodyGuard, HeaderGuard, LocaleGuard, OriginGuard
from app.routes.rendering import environment
from app.settings import Settings, current_settings
from app.templating import APP

BODY_LIMIT = 1024 * 1024
"""Bytes a request may carry. Files come in through `rouge import`, which reads them from disk."""


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The whole site: customers' pages, the back office, health."""
    app = FastAPI(
        title="Rouge",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(HeaderGuard, settings=settings),
            Middleware(LocaleGuard, settings=settings),
            Middleware(OriginGuard, settings=settings),
            Middleware(BodyGuard, max_body_size=BODY_LIMIT),
        ],
    )
    app.state.settings = settings
    app.state.database = database
    app.state.templates = environment(settings)
    # Beside the setting: rows of the demo shop put the banner on every page for as long as they are there.
    app.state.templates.globals["demo_mode"] = DemoWatch(database, always=settings.demo)
    refusals.install(app)
    app.include_router(health.router)
    app.include_router(setup.router)
    app.include_router(surveys.router)
    app.include_router(notices.router)
    app.include_router(cards.router)
    admin.install(app, database, settings)
    app.mount("/static", StaticFiles(directory=APP / "static"), name="static")
    return app


def served_app() -> FastAPI:
    """What the web server's workers load: the shop this process was started for."""
    settings = current_settings()
    return create_app(settings, open_database(settings))
