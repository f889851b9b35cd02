"""Addresses only their holder knows, on both databases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, func, select

from app.actions import tokens
from app.actions.customers import create_customer
from app.actions.tokens import issue_token, revoke_tokens, standing_tokens
from app.db import Database
from app.models import PublicToken
from app.queries.tokens import subject_of
from app.rules.customers import CustomerDetails
from app.rules.policy import Policy
from app.rules.tokens import well_formed
from app.vocabulary import TokenPurpose

CARD, CASE = TokenPurpose.CARD, TokenPurpose.CASE


@pytest.fixture
def customer_id(database: Database, now: datetime) -> int:
    """A customer who has no card yet."""
    with database.writing() as session:
        return create_customer(session, CustomerDetails(name="王小梅"), policy=Policy(), now=now).id


def card_token(session: Session, customer_id: int, *, now: datetime) -> str:
    """The address on one customer's card."""
    return standing_tokens(session, [customer_id], now=now)[customer_id].token


def card_tokens(session: Session) -> int:
    """How many card addresses there are."""
    return session.exec(select(func.count()).select_from(PublicToken)).one()


def test_a_new_address_opens_what_it_was_made_for(database: Database, now: datetime) -> None:
    with database.writing() as session:
        token = issue_token(session, CASE, 7, now=now)
    assert well_formed(token)
    with database.reading() as session:
        assert subject_of(session, token, CASE, now) == 7


def test_the_table_holds_no_token_one_could_use(database: Database, now: datetime) -> None:
    with database.writing() as session:
        token = issue_token(session, CASE, 7, now=now)
    with database.reading() as session:
        row = session.connection().exec_driver_sql("SELECT sha256, token FROM public_tokens").one()
    assert token.encode() not in bytes(row[0]) + bytes(row[1])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: "x" * 32,
        lambda token: "",
        lambda token: "' OR 1=1 --",
        lambda token: "\x00" * 32,
        lambda token: "梅" * 32,
    ],
)
def test_a_wrong_address_opens_nothing(database: Database, now: datetime, spoil: Callable[[str], str]) -> None:
    with database.writing() as session:
        token = issue_token(session, CASE, 7, now=now)
    with database.reading() as session:
        assert subject_of(session, spoil(token), CASE, now) is None


def test_an_address_of_another_purpose_opens_nothing(database: Database, now: datetime) -> None:
    with database.writing() as session:
        token = issue_token(session, CASE, 7, now=now)
    with database.reading() as session:
        assert subject_of(session, token, CARD, now) is None


@pytest.mark.parametrize(
    ("later", "subject"), [(timedelta(0), 7), (timedelta(seconds=3599), 7), (timedelta(hours=1), None)]
)
def test_an_address_opens_until_just_before_it_expires(
    database: Database, now: datetime, later: timedelta, subject: int | None
) -> None:
    with database.writing() as session:
        token = issue_token(session, CASE, 7, now=now, expires_at=now + timedelta(hours=1))
    with database.reading() as session:
        assert subject_of(session, token, CASE, now + later) == subject


def test_a_card_printed_again_has_the_same_address(database: Database, now: datetime, customer_id: int) -> None:
    with database.writing() as session:
        first = card_token(session, customer_id, now=now)
    with database.writing() as session:
        assert card_token(session, customer_id, now=now + timedelta(days=400)) == first


def test_a_reissued_card_ends_the_old_address(database: Database, now: datetime, customer_id: int) -> None:
    with database.writing() as session:
        old = card_token(session, customer_id, now=now)
    with database.writing() as session:
        assert revoke_tokens(session, CARD, [customer_id], now=now) == 1
        new = card_token(session, customer_id, now=now)
    with database.reading() as session:
        assert subject_of(session, old, CARD, now) is None
        assert subject_of(session, new, CARD, now) == customer_id


def test_taking_back_touches_one_purpose_and_one_subject_only(
    database: Database, now: datetime, customer_id: int
) -> None:
    with database.writing() as session:
        case = issue_token(session, CASE, customer_id, now=now)
        other = issue_token(session, CARD, customer_id + 1, now=now)
        session.flush()
        assert revoke_tokens(session, CARD, [customer_id], now=now) == 0
    with database.reading() as session:
        assert subject_of(session, case, CASE, now) == customer_id
        assert subject_of(session, other, CARD, now) == customer_id + 1


def test_only_who_has_none_gets_a_new_one(database: Database, now: datetime, customer_id: int) -> None:
    with database.writing() as session:
        other = create_customer(session, CustomerDetails(name="李静"), policy=Policy(), now=now).id
        first = card_token(session, customer_id, now=now)
        both = standing_tokens(session, [customer_id, other], now=now + timedelta(days=1))
    assert both[customer_id].token == first
    assert both[customer_id].created_at == now
    assert both[other].created_at == now + timedelta(days=1)


# ── Two at once ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> threading.Barrier:
    """Whoever is about to make a token waits a moment for somebody else to be about to as well."""
    meeting = threading.Barrier(2)
    real = tokens.issue_token

    def issue_when_both_are_here(*args: object, **values: object) -> str:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.7)
        return real(*args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "issue_token", issue_when_both_are_here)
    return meeting


def print_twice(print_card: Callable[[], str]) -> list[str]:
    """Two print runs at the same moment."""
    with ThreadPoolExecutor(2) as pool:
        return [run.result(timeout=20) for run in [pool.submit(print_card) for _ in range(2)]]


def test_two_print_runs_at_once_make_one_card(
    database: Database, now: datetime, customer_id: int, pause: threading.Barrier
) -> None:
    def print_card() -> str:
        with database.writing() as session:
            return card_token(session, customer_id, now=now)

    assert len(set(print_twice(print_card))) == 1
    with database.reading() as session:
        assert card_tokens(session) == 1


def test_without_the_guard_the_same_two_runs_make_two(
    database: Database, now: datetime, customer_id: int, pause: threading.Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: it shows the race is real, so that the test above means something."""
    monkeypatch.setattr(tokens, "_lock_customers", lambda session, ids: set(ids))

    def print_card() -> str:
        if not database.is_sqlite:
            with database.writing() as session:
                return card_token(session, customer_id, now=now)
        # SQLite's guard is that a unit of work begins by taking the one turn to write; here it reads before.
        with database.reading() as session:
            assert card_tokens(session) == 0
        pause.wait(timeout=5)
        with database.writing() as session:
            session.add(tokens._row(f"{threading.get_ident():032d}", CARD, customer_id, now=now, expires_at=None))
        return str(threading.get_ident())

    assert len(set(print_twice(print_card))) == 2
    with database.reading() as session:
        assert card_tokens(session) == 2
