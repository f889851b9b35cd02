"""Addresses nobody was given: tried too often from one place, and the answer says so instead of looking any further."""

from datetime import datetime

from app.actions.limits import check_tries, count_try
from app.audit import CUSTOMER
from app.db import Database
from app.rules.limits import BAD_TOKEN


def note_bad_token(database: Database, caller: str, *, now: datetime) -> None:
    """Count an address that opened nothing. Raises TooManyTries past the limit.

    An address that opens something is never refused: a shop's guests and thousands of phones on one mobile network share
    an address, and one of them who guesses must not shut the others' cards. 192 random bits need no more protection.
    """
    with database.reading() as session:
        check_tries(session, BAD_TOKEN, caller, now=now)
    with database.writing(CUSTOMER) as session:
        count_try(session, BAD_TOKEN, caller, now=now)
