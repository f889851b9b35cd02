"""Guessing is slow from one address and from a thousand, and locks nobody out of her own shop."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from app.actions.limits import give_back_tries
from app.actions.sign_ins import check_sign_in, count_sign_in
from app.actions.staff import StaffDetails, create_staff, reset_password, sign_in, unlock_staff
from app.db import Database
from app.queries.staff import credentials_of
from app.rules.limits import LOGIN_PER_ACCOUNT, LOGIN_PER_ADDRESS, TooManyTries
from app.rules.sessions import FAMILIAR_FOR
from app.vocabulary import Role

HOME, AWAY = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def boss(database: Database, now: datetime) -> int:
    """The owner's account."""
    with database.writing() as session:
        return create_staff(session, StaffDetails("王姐", "boss", Role.OWNER), password_hash="a hash", now=now).id


def hashed(database: Database, login: str, address: str, now: datetime) -> bool:
    """Whether a try gets as far as the hash."""
    try:
        with database.reading() as session:
            check_sign_in(session, login, address, now=now)
        with database.writing() as session:
            count_sign_in(session, login, address, now=now)
    except TooManyTries:
        return False
    return True


def come_in(database: Database, address: str, now: datetime) -> None:
    """The owner signs in with the right password."""
    with database.writing() as session:
        counted = count_sign_in(session, "boss", address, now=now)
    with database.writing() as session:
        assert sign_in(session, credentials_of(session, "boss"), is_right=True, now=now, ip=address)
        give_back_tries(session, counted, now=now)


def test_a_thousand_wrong_tries_at_fifty_names_stop_at_the_addresses_limit(database: Database, now: datetime) -> None:
    got_through = sum(hashed(database, f"name{turn % 50}", AWAY, now) for turn in range(1000))
    assert got_through == LOGIN_PER_ADDRESS.times


def test_many_addresses_guess_no_faster_than_one(database: Database, boss: int, now: datetime) -> None:
    got_through = sum(hashed(database, "boss", f"10.0.0.{turn}", now) for turn in range(200))
    assert got_through == LOGIN_PER_ACCOUNT.times


def test_nobody_is_locked_out_by_strangers_where_she_has_been_before(
    database: Database, boss: int, now: datetime
) -> None:
    come_in(database, HOME, now - timedelta(days=1))
    for turn in range(60):
        hashed(database, "boss", f"10.0.0.{turn}", now)
    assert not hashed(database, "boss", AWAY, now)
    come_in(database, HOME, now)


def test_an_address_is_forgotten_after_a_season(database: Database, boss: int, now: datetime) -> None:
    come_in(database, HOME, now - FAMILIAR_FOR)
    for turn in range(5):
        hashed(database, "boss", f"10.0.0.{turn}", now)
    assert not hashed(database, "boss", HOME, now)


def test_even_from_a_known_address_guessing_is_slow(database: Database, boss: int, now: datetime) -> None:
    come_in(database, HOME, now)
    assert sum(hashed(database, "boss", HOME, now) for _ in range(20)) == LOGIN_PER_ACCOUNT.times


def test_right_passwords_use_up_nothing(database: Database, boss: int, now: datetime) -> None:
    for _ in range(LOGIN_PER_ADDRESS.times + 5):
        come_in(database, HOME, now)


def test_an_unknown_name_is_counted_like_a_known_one(database: Database, boss: int, now: datetime) -> None:
    through = Counter()
    for turn in range(20):
        for login in ("boss", "nobody", " BOSS "):
            through[login.strip().lower()] += hashed(database, login, f"10.0.0.{turn}", now)
    assert through == {"boss": LOGIN_PER_ACCOUNT.times, "nobody": LOGIN_PER_ACCOUNT.times}


@pytest.mark.parametrize("how", ["unlocking", "a new password"])
def test_the_owner_lets_somebody_try_again_at_once(database: Database, boss: int, now: datetime, how: str) -> None:
    come_in(database, HOME, now)
    for address in (HOME, AWAY):
        for _ in range(6):
            hashed(database, "boss", address, now)
        assert not hashed(database, "boss", address, now)
    with database.writing() as session:
        if how == "unlocking":
            unlock_staff(session, boss, now=now)
        else:
            reset_password(session, boss, password_hash="another", now=now)
    assert hashed(database, "boss", HOME, now)
    assert hashed(database, "boss", AWAY, now)
