"""Anything in any order: the books agree after every step, and a shop with a bug in it is found out."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import DBAPIError

from app.actions import points, rule_versions
from app.db import Database
from app.queries import earning as earned
from app.queries import points as held
from app.rules import earning as rules_of_earning
from app.rules import points as rules_of_points
from app.rules import tier_moves
from app.rules.points import Use
from app.rules.refusals import RuleBroken
from app.vocabulary import PointsKind
from tests.actions.loyalty_machine import run
from tests.conftest import on_sqlite

MONEY = ("sell", "sell_for_points", "refund", "night_comes", "time_goes_by")
POINTS = ("sell", "redeem", "take_redemption_back", "put_right", "decide", "night_comes")
RECORDS = ("sell", "redeem", "refund", "become_one", "become_two", "time_goes_by")
RULES = ("sell", "tell_late", "rule_changes", "night_comes")
AGAIN = ("sell", "tell_old_slips_again", "night_comes")
BACK = ("sell", "come_to_an_event", "redeem", "take_redemption_back", "put_right")
MIDNIGHT = ("sell", "come_to_an_event", "time_goes_by")
LATE = ("tell_late", "rule_changes")


@pytest.mark.parametrize(
    "only", [(), MONEY, POINTS, RECORDS, RULES], ids=["all", "money", "points", "records", "rules"]
)
def test_whatever_happens_in_whatever_order_the_books_agree(database: Database, only: tuple[str, ...]) -> None:
    """Of everything a little of each; of what belongs together more."""
    run(database, examples=2 if only else 3, only=only)


# ── A shop with a bug in it ───────────────────────────────────────────────────────────────────────────────────────────


def rounds_each_part(earned: int, *, kept_fen: int, paid_fen: int) -> int:
    """Refunds in floating point, rounded as they come."""
    return earned - round(earned * (paid_fen - kept_fen) / paid_fen) if paid_fen else 0


def by_the_servers_day(now: datetime, zone: ZoneInfo) -> date:
    """The day in Greenwich."""
    return now.astimezone(UTC).date()


def forgets_where_from(uses: Any, points: int, already: int = 0) -> tuple[Use, ...]:
    """All that comes back goes into one lot."""
    return (Use(uses[-1].lot_id, -points),)


def to_the_first_lot(lots: Any, first: Any = ()) -> list[Any]:
    """What came in first goes out first, whatever ends sooner."""
    return sorted(lots, key=lambda lot: (lot.earned_on, lot.lot_id))


def nothing(*args: Any, **how: Any) -> None:
    """Forgotten."""


def none(*args: Any, **how: Any) -> int:
    """As if there had been none."""
    return 0


_moments: Iterator[int] = count()


def by_the_moment(purchase: Any) -> str:
    """A reference of the moment, not of the order."""
    return f"sale:{purchase.order_no}:{next(_moments)}"


def no_rows(*args: Any, **how: Any) -> list[int]:
    """As if nothing were due."""
    return []


BUGS: dict[str, tuple[list[tuple[Any, str, Any]], tuple[str, ...]]] = {
    "the balance is not guarded": ([(rules_of_points, "MAY_OWE", frozenset(PointsKind))], POINTS),
    "a partial refund is rounded": ([(rules_of_earning, "still_earned", rounds_each_part)], MONEY),
    "points end at the server's midnight": ([(rules_of_points, "day_of", by_the_servers_day)], MIDNIGHT),
    "what comes back goes into any lot": ([(rules_of_points, "given_back", forgets_where_from)], BACK),
    "the oldest goes out before what ends sooner": ([(rules_of_points, "in_order", to_the_first_lot)], BACK),
    "a retry earns again": ([(earned, "sale_earned", none), (earned, "sale_reference", by_the_moment)], AGAIN),
    "a merge leaves the points behind": ([(points, "move_account", nothing)], RECORDS),
    "what had ended is taken back once more": ([(held, "ended_of", none)], MONEY),
    "what waited never comes in": ([(earned, "due_pending", no_rows)], RULES),
    "a sale told late earns by today's rule": ([(rule_versions, "keep_version", nothing)], LATE),
    "a refund leaves the tier it had carried": ([(tier_moves, "undone_by_refund", nothing)], MONEY),
}


@on_sqlite
@pytest.mark.parametrize("bug", BUGS)
def test_a_shop_with_a_bug_in_it_is_found_out(database: Database, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    wrongs, only = BUGS[bug]
    for room, name, wrong in wrongs:
        everywhere(monkeypatch, getattr(room, name), wrong)
    with pytest.raises((AssertionError, RuleBroken, DBAPIError)):
        run(database, examples=30, only=only)


def everywhere(monkeypatch: pytest.MonkeyPatch, right: Callable[..., Any], wrong: Any) -> None:
    """Put a bug in the place of a function, under whatever name a room of the program or a test knows it."""
    for name, room in list(sys.modules.items()):
        if name.startswith(("app.", "tests.actions.earning_shop")):
            for known, value in list(vars(room).items()):
                if value is right:
                    monkeypatch.setattr(room, known, wrong)
