"""Pairs are found at once and by night, decided once, and gone with the records."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from random import Random
from threading import Barrier

import pytest
from sqlmodel import Session, col, select

from app.actions import duplicates
from app.actions.customers import create_customer, new_customer, update_customer
from app.actions.duplicates import find_all, find_for, set_distinct, take_back_distinct
from app.db import Database
from app.models import AuditEntry, Customer, DuplicatePair
from app.queries import duplicates as blocking
from app.rules.customers import CustomerDetails, read_details
from app.rules.policy import Policy
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction, CustomerStatus, PairState
from tests.conftest import NOW

RULES = Policy()
LATER = NOW + timedelta(hours=1)


def enter(session: Session, name: str, **known: object) -> int:
    """A new customer; her number."""
    made = create_customer(session, CustomerDetails(name=name, **known), policy=RULES, now=NOW)  # type: ignore[arg-type]
    return made.id or 0


def pairs(database: Database, state: PairState | None = None) -> dict[tuple[int, int], DuplicatePair]:
    """What is written down."""
    with database.reading() as session:
        rows = session.exec(select(DuplicatePair)).all()
        return {(one.low_id, one.high_id): one for one in rows if state is None or one.state is state}


@pytest.fixture
def two(database: Database) -> tuple[int, int]:
    """One person entered twice, and somebody else."""
    with database.writing() as session:
        enter(session, "李强", birthday="1970-07-07")
        first = enter(session, "王小明", birthday="1990-03-12", phone="13800138000")
        return first, enter(session, "王小名", birthday="1990-03-12", phone="13900139000")


def whole_run(database: Database, since=None) -> list[duplicates.Portion]:
    """All portions of a run."""
    done = [find_all(database, since=since, now=LATER)]
    while done[-1].last is not None:
        done.append(find_all(database, since=since, after=done[-1].last, now=LATER))
    return done


def test_a_second_entry_is_seen_the_moment_it_is_made(database: Database, two: tuple[int, int]) -> None:
    (pair,) = pairs(database).values()
    assert (pair.low_id, pair.high_id) == two
    assert (pair.score, pair.reasons, pair.state, pair.found_at) == (76, "sound,birthday", PairState.OPEN, NOW)


def test_a_change_makes_a_pair_changes_it_and_ends_it(database: Database, two: tuple[int, int]) -> None:
    def change(**known: object) -> None:
        with database.writing() as session:
            update_customer(session, two[1], CustomerDetails(**known), now=LATER)  # type: ignore[arg-type]

    change(name="王小明")
    assert pairs(database)[two].score == 83
    assert pairs(database)[two].found_at == NOW, "it was found before"
    change(birthday="1985-07-30")
    assert pairs(database) == {}
    change(birthday="1990-03-12")
    assert pairs(database)[two].reasons == "name,birthday"


def test_what_says_nothing_about_who_she_is_looks_for_nobody(database: Database, two, monkeypatch) -> None:
    def looked(*_: object, **__: object) -> int:
        raise AssertionError("looked")

    monkeypatch.setattr("app.actions.customers.find_for", looked)
    with database.writing() as session:
        update_customer(session, two[0], CustomerDetails(note="喜欢靠窗", name="王小明"), now=LATER)
    with pytest.raises(AssertionError, match="looked"), database.writing() as session:
        update_customer(session, two[0], CustomerDetails(name="王小鸣"), now=LATER)


def test_no_line_in_the_journal_for_what_the_machine_found(database: Database, two: tuple[int, int]) -> None:
    with database.reading() as session:
        subjects = set(session.exec(select(AuditEntry.subject)))
    assert "customers" in subjects
    assert "duplicate_pairs" not in subjects


def test_not_the_same_person_is_remembered_after_edits_and_runs(database: Database, two: tuple[int, int]) -> None:
    with database.writing() as session:
        set_distinct(session, pairs(database)[two].id, staff_id=None, now=LATER)
    with database.writing() as session:
        update_customer(session, two[1], CustomerDetails(name="王小明"), now=LATER)
    whole_run(database)
    (pair,) = pairs(database).values()
    assert (pair.state, pair.decided_at, pair.score) == (PairState.DISTINCT, LATER, 76)
    with database.reading() as session:
        (entry,) = session.exec(select(AuditEntry).where(AuditEntry.subject == "duplicate_pairs"))
    assert entry.action is AuditAction.UPDATE


def test_taken_back_it_is_open_again_as_the_two_look_now(database: Database, two: tuple[int, int]) -> None:
    pair_id = pairs(database)[two].id
    with database.writing() as session:
        set_distinct(session, pair_id, staff_id=None, now=NOW)
        update_customer(session, two[1], CustomerDetails(name="王小明"), now=LATER)
    with database.writing() as session:
        take_back_distinct(session, pair_id, now=LATER)
    pair = pairs(database)[two]
    assert (pair.state, pair.decided_at, pair.score) == (PairState.OPEN, None, 83)


def test_taken_back_when_nothing_is_alike_any_more_it_is_gone(database: Database, two: tuple[int, int]) -> None:
    pair_id = pairs(database)[two].id
    with database.writing() as session:
        set_distinct(session, pair_id, staff_id=None, now=NOW)
        update_customer(session, two[1], CustomerDetails(name="赵六", birthday=""), now=LATER)
        take_back_distinct(session, pair_id, now=LATER)
    assert pairs(database) == {}
    with pytest.raises(NotFound), database.writing() as session:
        take_back_distinct(session, pair_id, now=LATER)


def test_deciding_twice_is_deciding_once(database: Database, two: tuple[int, int]) -> None:
    pair_id = pairs(database)[two].id
    for now in (NOW, LATER):
        with database.writing() as session:
            set_distinct(session, pair_id, staff_id=None, now=now)
    assert pairs(database)[two].decided_at == NOW


def test_with_a_record_its_pairs_go(database: Database, two: tuple[int, int]) -> None:
    with database.writing() as session:
        session.delete(session.get(Customer, two[1]))
    assert pairs(database) == {}


def test_a_record_the_shop_may_not_use_is_compared_with_nobody(database: Database, two: tuple[int, int]) -> None:
    with database.writing() as session:
        update_customer(session, two[0], CustomerDetails(status=CustomerStatus.RESTRICTED), now=LATER)
    assert pairs(database) == {}
    with database.writing() as session:
        enter(session, "王小明", birthday="1990-03-12")
    assert two[0] not in {one for pair in pairs(database) for one in pair}


def planted(database: Database, count: int, chance: Random, surnames: str, given: str) -> None:
    """A file of so many customers, a quarter of them of one name."""
    rows = []
    for number in range(count):
        drawn = chance.choice(surnames) + "".join(chance.choices(given, k=chance.choice((1, 2, 2))))
        name = "王芳" if number % 4 == 0 else drawn
        born = date(1960, 1, 1) + timedelta(days=chance.randrange(16_000))
        details = CustomerDetails(
            name=name,
            member_no=f"G{number:07d}",
            phone=f"13{chance.randrange(10**9):09d}",
            birthday=born.isoformat() if chance.random() < 0.7 else "",
        )
        rows.append(new_customer(read_details(details, today=NOW.date()).columns, tier_id=1, now=NOW))
    with database.writing() as session:
        session.add_all(rows)


def planted_compared(database: Database, count: int) -> int:
    """How many pairs a whole run over such a file compares."""
    planted(
        database,
        count,
        Random(count),
        "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
        "芳丽静敏秀娟英华慧巧美娜淑惠珠翠雅芝玉萍红玲芬燕",
    )
    return sum(one.compared for one in whole_run(database))


@pytest.mark.parametrize("count", [400, 4_000])
def test_who_bears_a_common_name_is_not_compared_with_all_her_namesakes(database: Database, count: int) -> None:
    """Each person is compared with a few, however many there are: the sum grows with the file, not with its square."""
    assert planted_compared(database, count) < 40 * count


def test_without_the_bound_the_work_would_grow_with_the_square(database: Database, monkeypatch) -> None:
    """The negative control: a quarter of 400 bear one name, 100² ÷ 2 pairs of that name alone."""
    monkeypatch.setattr(blocking, "BLOCK_MOST", 10**9)
    assert planted_compared(database, 400) > 100 * 99 // 2


def test_what_was_not_looked_through_is_said(database: Database) -> None:
    planted(database, 240, Random(1), "王李张", "芳丽静")
    assert sum(one.crowded for one in whole_run(database)) > 0


def test_a_run_twice_late_or_of_the_changed_alone_changes_nothing(database: Database, two: tuple[int, int]) -> None:
    before = {pair: (one.score, one.found_at) for pair, one in pairs(database).items()}
    assert whole_run(database)[0].news == 0
    assert whole_run(database, since=NOW)[0].seen == 3
    assert whole_run(database, since=NOW + timedelta(days=300))[0].seen == 0
    assert {pair: (one.score, one.found_at) for pair, one in pairs(database).items()} == before


def test_a_run_finds_what_came_in_past_the_forms(database: Database) -> None:
    with database.writing() as session:
        for number in range(2):
            read = read_details(
                CustomerDetails(name="王小明", member_no=f"T{number:07d}", birthday="1990-03-12"), today=NOW.date()
            )
            session.add(new_customer(read.columns, tier_id=1, now=NOW))
    assert pairs(database) == {}
    assert whole_run(database)[0].news == 1
    assert len(pairs(database)) == 1


def test_portions_are_walked_to_the_end(database: Database, two: tuple[int, int], monkeypatch) -> None:
    monkeypatch.setattr(duplicates, "PORTION", 1)
    with database.writing() as session:
        for pair in session.exec(select(DuplicatePair)):
            session.delete(pair)
    portions = whole_run(database)
    assert [one.seen for one in portions] == [1, 1, 1, 0]
    assert two in pairs(database)


# ── Races ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_at_once(*works) -> list:
    """All of them at the same moment."""
    gate = Barrier(len(works))

    def go(work):
        gate.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(go, work) for work in works]]


def test_two_finders_at_once_write_each_pair_once(database: Database) -> None:
    with database.writing() as session:
        for number in range(40):
            read = read_details(
                CustomerDetails(name="王小明", member_no=f"T{number:07d}", birthday="1990-03-12"), today=NOW.date()
            )
            session.add(new_customer(read.columns, tier_id=1, now=NOW))
    run_at_once(*[lambda: whole_run(database)] * 3)
    assert len(pairs(database)) == 40 * 39 // 2


def test_without_the_upsert_the_second_finder_would_fail(database: Database, two: tuple[int, int]) -> None:
    """The negative control: the pair is there already."""
    with pytest.raises(Exception, match=r"(?i)unique"), database.writing() as session:
        session.add(DuplicatePair(low_id=two[0], high_id=two[1], score=76, found_at=NOW))


def test_what_was_changed_between_reading_and_writing_is_left_to_who_changed_it(database: Database, two) -> None:
    with database.writing() as session:
        for pair in session.exec(select(DuplicatePair)):
            session.delete(pair)
    with database.reading() as session:
        portion = list(blocking.people_of(session, two).values())
        outcome = duplicates._look(session, portion, asked=set(two))
    assert outcome.found.keys() == {two}
    with database.writing() as session:
        row = session.get(Customer, two[1])
        row.birthday, row.updated_at = "1985-07-30", LATER
    with database.writing() as session:
        duplicates._write(session, outcome, now=LATER)
    assert pairs(database) == {}, "it would speak of a birthday she no longer has"


def test_a_record_that_goes_between_reading_and_writing_stops_nobody(database: Database, two: tuple[int, int]) -> None:
    with database.reading() as session:
        outcome = duplicates._look(session, list(blocking.people_of(session, two).values()), asked=set(two))
    with database.writing() as session:
        session.delete(session.get(Customer, two[1]))
    with database.writing() as session:
        duplicates._write(session, outcome, now=LATER)
    assert pairs(database) == {}


def test_two_who_change_each_others_twin_wait_for_neither(database: Database, two: tuple[int, int]) -> None:
    def change(number: int, name: str):
        def work() -> None:
            with database.writing() as session:
                update_customer(session, number, CustomerDetails(name=name), now=LATER)

        return work

    for turn in range(5):
        run_at_once(change(two[0], "王小明" * (1 + turn % 2)), change(two[1], "王小鸣" * (1 + turn % 2)))
    whole_run(database, since=LATER - timedelta(days=1))
    assert pairs(database)[two].reasons.startswith("sound")


def test_a_decision_beats_a_finder_that_read_before_it(database: Database, two: tuple[int, int]) -> None:
    with database.writing() as session:
        update_customer(session, two[1], CustomerDetails(name="王小明"), now=NOW)
    with database.reading() as session:
        outcome = duplicates._look(session, list(blocking.people_of(session, two).values()), asked=set(two))
    stale = duplicates.Outcome(
        outcome.found | {two: duplicates.likeness(*_people(database, two))}, {}, outcome.read, 1, 0
    )
    with database.writing() as session:
        set_distinct(session, pairs(database)[two].id, staff_id=None, now=NOW)
    with database.writing() as session:
        duplicates._write(session, stale, now=LATER)
    assert pairs(database)[two].state is PairState.DISTINCT


def _people(database: Database, two: tuple[int, int]):
    with database.reading() as session:
        read = blocking.people_of(session, two)
        return read[two[0]].person, read[two[1]].person


def test_looking_for_nobody_is_no_fault(database: Database) -> None:
    with database.writing() as session:
        assert find_for(session, 987_654, now=NOW) == 0
        assert session.exec(select(DuplicatePair).where(col(DuplicatePair.id) > 0)).first() is None
