"""What is made up in this shop, and what is the owner's own."""

import time
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, col, select

from app.db import Database
from app.models import Customer, DemoMark, Staff
from app.vocabulary import Role

_FRESH_SECONDS = 5.0


@dataclass(frozen=True)
class DemoLogin:
    """An account of the demo shop."""

    login: str
    name: str
    role: Role


def has_demo(session: Session) -> bool:
    """Whether any row of the demo shop is there."""
    return session.exec(select(DemoMark.id).limit(1)).first() is not None


def is_demo_row(table: type[SQLModel]) -> ColumnElement[bool]:
    """The condition that a row of this table was made by the demo shop."""
    return exists().where(
        col(DemoMark.table_name) == table.__tablename__,
        col(DemoMark.row_id) == table.id,  # type: ignore[attr-defined]
    )


def demo_logins(session: Session) -> list[DemoLogin]:
    """The demo shop's accounts that can still sign in."""
    rows = session.exec(select(Staff).where(is_demo_row(Staff), col(Staff.is_active).is_(True)).order_by(col(Staff.id)))
    return [DemoLogin(row.login, row.name, row.role) for row in rows]


def has_own_owner(session: Session) -> bool:
    """Whether an owner who is not made up can sign in."""
    own = select(Staff.id).where(Staff.role == Role.OWNER, col(Staff.is_active).is_(True), ~is_demo_row(Staff))
    return session.exec(own.limit(1)).first() is not None


def has_own_people(session: Session) -> bool:
    """Whether anybody real is in the books: a customer, or an account of the staff."""
    return any(
        session.exec(select(table.id).where(~is_demo_row(table)).limit(1)).first() is not None
        for table in (Customer, Staff)
    )


@dataclass
class DemoWatch:
    """Answers "is this a demo shop?" for the banner on every page: asks the database at most every few seconds, so that
    a wipe by another process is seen too. `always` is ROUGE_DEMO."""

    database: Database
    always: bool = False
    _answer: bool = False
    _asked_at: float = field(default=float("-inf"))

    def __call__(self) -> bool:
        """Whether the banner belongs on this page."""
        if not self.always and time.monotonic() - self._asked_at > _FRESH_SECONDS:
            self._asked_at = time.monotonic()
            try:
                with self.database.reading() as session:
                    self._answer = has_demo(session)
            except DBAPIError:
                # The page itself may be the one that says the database does not answer.
                self._answer = False
        return self.always or self._answer
