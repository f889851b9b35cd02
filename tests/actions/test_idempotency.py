"""The same request twice: one effect, one answer, on both databases and from two threads at once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import func, select

from app.actions.idempotency import do_once, forget_old_answers, named
from app.db import Database
from app.models import KeptAnswer, Tag
from app.rules.idempotency import KEPT_FOR, Kept, Keyed, KeyUnusable, KeyUsedForOther
from app.rules.refusals import RuleBroken


def asked(key: str = "k1", body: str = "name=a", scope: str = "staff:1") -> Keyed:
    """A request by its key."""
    return named(scope, key, place="POST /x", body=body)


def makes_a_tag(database: Database, keyed: Keyed | None, now: datetime, name: str = "甲") -> Kept:
    """One unit of work that makes a tag and answers its number."""
    with database.writing() as session:

        def work() -> Kept:
            tag = Tag(name=f"{name}{session.exec(select(func.count()).select_from(Tag)).one()}")
            session.add(tag)
            session.flush()
            return Kept(303, f"/tag/{tag.id}")

        return do_once(session, keyed, work, now=now)


def tags(database: Database) -> int:
    """How many tags of these tests there are."""
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(Tag).where(Tag.name.startswith("甲"))).one()


def test_the_same_key_gets_the_same_answer_and_does_nothing(database: Database, now: datetime) -> None:
    first = makes_a_tag(database, asked(), now)
    assert makes_a_tag(database, asked(), now + timedelta(hours=23)) == first
    assert tags(database) == 1


def test_without_a_key_everything_is_done_each_time(database: Database, now: datetime) -> None:
    assert makes_a_tag(database, None, now) != makes_a_tag(database, None, now)
    assert tags(database) == 2


def test_the_same_key_with_another_body_is_refused(database: Database, now: datetime) -> None:
    makes_a_tag(database, asked(), now)
    with pytest.raises(KeyUsedForOther):
        makes_a_tag(database, asked(body="name=b"), now)
    assert tags(database) == 1


def test_two_senders_may_choose_the_same_key(database: Database, now: datetime) -> None:
    makes_a_tag(database, asked(), now)
    makes_a_tag(database, asked(scope="staff:2"), now)
    assert tags(database) == 2


def test_what_was_refused_leaves_the_key_free(database: Database, now: datetime) -> None:
    def refuse() -> Kept:
        raise RuleBroken

    with pytest.raises(RuleBroken), database.writing() as session:
        do_once(session, asked(), refuse, now=now)
    makes_a_tag(database, asked(body="name=corrected"), now)
    assert tags(database) == 1


def at_once(work: Callable[[int], object], count: int = 8) -> list[object]:
    """Do it so many times at the same moment; what each gave, or raised."""
    gate, results = threading.Barrier(count), [None] * count

    def one(number: int) -> None:
        gate.wait()
        try:
            results[number] = work(number)
        except RuleBroken as refusal:
            results[number] = refusal

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_at_once_one_works_and_the_others_get_its_answer(database: Database, now: datetime) -> None:
    answers = at_once(lambda number: makes_a_tag(database, asked(), now, name=f"甲{number}-"))
    assert len(set(answers)) == 1
    assert tags(database) == 1


def test_control_without_the_key_many_at_once_all_work(database: Database, now: datetime) -> None:
    at_once(lambda number: makes_a_tag(database, None, now, name=f"甲{number}-"))
    assert tags(database) == 8


def test_of_two_bodies_at_once_one_is_refused(database: Database, now: datetime) -> None:
    answers = at_once(lambda number: makes_a_tag(database, asked(body=str(number)), now, name=f"甲{number}-"), count=2)
    assert sorted(type(answer).__name__ for answer in answers) == ["Kept", "KeyUsedForOther"]
    assert tags(database) == 1


def test_answers_are_kept_a_day_and_then_forgotten(database: Database, now: datetime) -> None:
    makes_a_tag(database, asked(), now)
    with database.writing() as session:
        assert forget_old_answers(session, now=now + timedelta(hours=24)) == 0
        assert forget_old_answers(session, now=now + KEPT_FOR) == 0
        assert forget_old_answers(session, now=now + KEPT_FOR + timedelta(seconds=1)) == 1
    makes_a_tag(database, asked(body="name=other"), now)
    assert tags(database) == 2


def test_an_answer_lies_encrypted(database: Database, now: datetime) -> None:
    makes_a_tag(database, asked(), now)
    with database.reading() as session:
        row = session.exec(select(KeptAnswer)).one()
        assert b"/tag/" not in row.answer.as_stored()
        assert row.status == 303


@pytest.mark.parametrize("key", ["", "x" * 256, "中文", "a\nb"])
def test_a_key_nobody_could_repeat_is_refused(key: str, database: Database) -> None:
    with pytest.raises(KeyUnusable):
        asked(key=key)
