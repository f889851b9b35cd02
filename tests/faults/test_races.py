"""Sixteen at once on both databases: exact counts, and what happens without the guard."""

from collections.abc import Callable

import pytest

from app.db import Database
from benchmarks._races import Race, member_numbers, one_finish, one_owner, one_run, receipts


@pytest.mark.parametrize("race", [one_run, one_finish, receipts, member_numbers, one_owner])
def test_sixteen_at_once_come_to_exactly_what_they_should_and_without_the_guard_they_do_not(
    database: Database, race: Callable[[Database], Race]
) -> None:
    ran = race(database)
    assert ran.got == ran.wanted
    assert ran.unguarded != ran.wanted
