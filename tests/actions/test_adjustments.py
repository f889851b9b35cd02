"""Points put right by hand: at once or with a second person, once, whoever presses at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlmodel import Session

from app.actions.adjustments import adjust_or_ask, approve, refuse
from app.actions.points import adjust_points
from app.actions.staff import StaffDetails, create_staff
from app.db import Database
from app.models import PointsEntry, PointsRequest
from app.queries.adjustments import HandTotal, count_waiting, hand_totals
from app.queries.points import balance_of, check_ledger, lots_of
from app.rules.adjustments import Adjustment, EndsInThePast, OwnRequest, RequestDecided
from app.rules.points import NotEnoughPoints, ReferenceTaken
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken
from app.vocabulary import AdjustReason, RequestState, Role
from tests.actions.points_shop import ZONE, Book, new_customer
from tests.conftest import NOW

WHEN: dict[str, Any] = {"now": NOW, "zone": ZONE}


@pytest.fixture
def people(database: Database) -> dict[str, int]:
    """Who asks, two who may decide, and a customer with a hundred points."""
    with database.writing() as session:
        made = {
            login: create_staff(session, StaffDetails(name, login, role), password_hash="x", now=NOW).id
            for name, login, role in (
                ("小李", "clerk", Role.RECEPTION),
                ("王姐", "boss", Role.OWNER),
                ("阿芳", "head", Role.MANAGER),
            )
        }
        made["customer"] = new_customer(session)
        Book(session, made["customer"]).earn(100)
    return made


def by_hand(
    session: Session, people: dict[str, int], points: int, reference: str, **given: Any
) -> PointsEntry | PointsRequest:
    """The clerk gives or takes."""
    asked = Adjustment(points, AdjustReason.GOODWILL, "等太久", given.pop("expires_on", None))
    who = given.pop("staff_id", people["clerk"])
    how = {"reference": reference, "policy": Policy(), "staff_id": who, **WHEN} | given
    return adjust_or_ask(session, people["customer"], asked, **how)


def test_a_small_change_is_made_at_once_with_its_reason(database: Database, people: dict[str, int]) -> None:
    with database.writing() as session:
        given = by_hand(session, people, 40, "a", expires_on=date(2027, 1, 31))
        taken = by_hand(session, people, -60, "b")
        assert isinstance(given, PointsEntry)
        assert (given.reason_code, given.reason, given.staff_id) == (AdjustReason.GOODWILL, "等太久", people["clerk"])
        assert taken.balance_after == 80
        # What ends first went first.
        assert [(lot.remaining, lot.expires_on) for lot in lots_of(session, people["customer"])] == [(80, None)]


def test_a_large_change_waits_and_moves_nothing_until_a_second_person_says_yes(
    database: Database, people: dict[str, int]
) -> None:
    with database.writing() as session:
        asked = by_hand(session, people, 700, "a", expires_on=date(2027, 1, 31))
        assert isinstance(asked, PointsRequest)
        assert (balance_of(session, people["customer"]), count_waiting(session)) == (100, 1)
        with pytest.raises(OwnRequest):
            approve(session, asked.id, staff_id=people["clerk"], **WHEN)
        entry = approve(session, asked.id, staff_id=people["boss"], **WHEN)
        assert (asked.state, asked.decided_staff_id, asked.entry_id) == (
            RequestState.APPROVED,
            people["boss"],
            entry.id,
        )
        assert (entry.points, entry.balance_after, entry.staff_id) == (700, 800, people["clerk"])
        assert lots_of(session, people["customer"])[0].expires_on == date(2027, 1, 31)
        assert count_waiting(session) == 0
        with pytest.raises(RequestDecided):
            refuse(session, asked.id, now=NOW, staff_id=people["head"])


def test_what_is_refused_moves_nothing(database: Database, people: dict[str, int]) -> None:
    with database.writing() as session:
        asked = by_hand(session, people, 700, "a")
        refuse(session, asked.id, now=NOW, staff_id=people["boss"])
        assert asked.state is RequestState.REFUSED
        assert balance_of(session, people["customer"]) == 100
        with pytest.raises(RequestDecided):
            approve(session, asked.id, staff_id=people["head"], **WHEN)


def test_a_large_change_in_small_parts_is_asked_about_too(database: Database, people: dict[str, int]) -> None:
    with database.writing() as session:
        kinds = [type(by_hand(session, people, points, f"p{points}")) for points in (300, 199, 1)]
        assert kinds == [PointsEntry, PointsEntry, PointsRequest]
        # Somebody else's hand, and the next day, begin anew; what a second person said yes to does not count.
        assert isinstance(by_hand(session, people, 400, "boss", staff_id=people["boss"]), PointsEntry)
        assert isinstance(by_hand(session, people, 400, "next", now=NOW + timedelta(days=1)), PointsEntry)


def test_the_same_again_is_the_same_and_another_under_its_name_is_refused(
    database: Database, people: dict[str, int]
) -> None:
    with database.writing() as session:
        for points in (40, 700):
            assert len({by_hand(session, people, points, f"r{points}").id for _ in range(2)}) == 1
            with pytest.raises(ReferenceTaken):
                by_hand(session, people, points + 1, f"r{points}")
        assert (balance_of(session, people["customer"]), count_waiting(session)) == (140, 1)


def test_a_yes_that_comes_too_late_or_finds_too_little_is_refused(database: Database, people: dict[str, int]) -> None:
    with database.writing() as session:
        ended = by_hand(session, people, 700, "a", expires_on=date(2026, 11, 25))
        with pytest.raises(NotEnoughPoints):  # nobody is asked about what is not there
            by_hand(session, people, -700, "b")
        Book(session, people["customer"]).earn(600, reference="more")
        too_much = by_hand(session, people, -700, "b")
        Book(session, people["customer"]).spend(100)
        session.flush()
        with pytest.raises(EndsInThePast):
            approve(session, ended.id, now=NOW + timedelta(days=3), zone=ZONE, staff_id=people["boss"])
        with pytest.raises(NotEnoughPoints):
            approve(session, too_much.id, staff_id=people["boss"], **WHEN)
        assert count_waiting(session) == 2


def test_who_gave_and_took_how_much_is_added_up(database: Database, people: dict[str, int]) -> None:
    with database.writing() as session:
        by_hand(session, people, 40, "a")
        by_hand(session, people, -10, "b")
        asked = by_hand(session, people, 700, "c")
        approve(session, asked.id, staff_id=people["boss"], **WHEN)
        by_hand(session, people, 5, "d", staff_id=people["head"])
        by_hand(session, people, 9, "e", now=NOW + timedelta(days=10))  # in December
        totals = hand_totals(session, date(2026, 11, 1), date(2026, 11, 30), ZONE)
    assert totals == [
        HandTotal(people["clerk"], "小李", 740, 10, 3, 1),
        HandTotal(people["head"], "阿芳", 5, 0, 1, 0),
    ]


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What each got, or what refused it."""
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        start.wait(30)
        try:
            return work()
        except RuleBroken as refused:
            return type(refused)

    with ThreadPoolExecutor(len(works)) as hands:
        return list(hands.map(run, works))


def test_of_two_who_say_yes_at_once_one_does_and_the_points_come_once(
    database: Database, people: dict[str, int]
) -> None:
    with database.writing() as session:
        asked = by_hand(session, people, 700, "a").id or 0

    def says_yes(who: str) -> Callable[[], int | None]:
        def work() -> int | None:
            with database.writing() as session:
                return approve(session, asked, staff_id=people[who], **WHEN).id

        return work

    got = at_once([says_yes("boss"), says_yes("head")])
    assert sorted(isinstance(one, int) for one in got) == [False, True]
    assert RequestDecided in got
    with database.reading() as session:
        assert balance_of(session, people["customer"]) == 800
        assert check_ledger(session) == []


def test_without_the_lock_two_who_say_yes_give_it_twice(database: Database, people: dict[str, int]) -> None:
    """The negative control: each looks first, then gives under a name of its own."""
    with database.writing() as session:
        asked = by_hand(session, people, 700, "a").id or 0
    looked = Barrier(2)

    def unguarded(who: str) -> Callable[[], int]:
        def work() -> int:
            with database.reading() as session:
                state = session.get_one(PointsRequest, asked).state
            looked.wait(30)
            assert state is RequestState.WAITING
            with database.writing() as session:
                adjust_points(session, people["customer"], 700, reference=f"a:{who}", reason="x", **WHEN)
            return 700

        return work

    assert at_once([unguarded("boss"), unguarded("head")]) == [700, 700]
    with database.reading() as session:
        assert balance_of(session, people["customer"]) == 1500
