"""What a route may ask for: the time, the database, the rules, the language."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session

from app.db import Database
from app.queries.policy import current_policy
from app.rules.policy import Policy
from app.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


def _database(request: Request) -> Database:
    return request.app.state.database


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _reading(database: Annotated[Database, Depends(_database)]) -> Iterator[Session]:
    with database.reading() as session:
        yield session


Now = Annotated[datetime, Depends(_now)]
DatabaseDep = Annotated[Database, Depends(_database)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ReadDep = Annotated[Session, Depends(_reading, scope="function")]


def _policy(session: ReadDep) -> Policy:
    return current_policy(session)


PolicyDep = Annotated[Policy, Depends(_policy)]
