"""Many small changes in one commit: safe before they are answered, each for itself, and nobody waits for ever."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from app import group_commit
from app.audit import Actor
from app.db import Database
from app.group_commit import GroupWriter, Overloaded
from app.models import AuditEntry, Tag

Write = Callable[[Session, Sequence[str]], Sequence[str]]
WRITER = Actor("writer")


def keep(session: Session, names: Sequence[str]) -> list[str]:
    """A tag for each name; "bad" cannot be written."""
    for name in names:
        session.add(Tag(name=name) if name != "bad" else Tag(name=None))
        session.flush()
    return [f"kept {name}" for name in names]


def writer_of(database: Database, write: Write = keep, **limits: float) -> GroupWriter[str, str]:
    """A writer that does this."""
    return GroupWriter(database, write, actor=WRITER, **limits)


async def _all(writer: GroupWriter[str, str], names: Sequence[str]) -> list[str | BaseException]:
    outcomes = await asyncio.gather(*(writer.submit(name) for name in names), return_exceptions=True)
    await writer.close()
    return outcomes


def submit_all(writer: GroupWriter[str, str], names: Sequence[str]) -> list[str | BaseException]:
    """All at once, as many phones would."""
    return asyncio.run(_all(writer, names))


def tags(database: Database) -> set[str]:
    with database.reading() as session:
        return set(session.exec(select(Tag.name).where(Tag.name.like("x%"))))  # type: ignore[attr-defined]


def names_of(count: int) -> list[str]:
    return [f"x{number}" for number in range(count)]


@pytest.fixture
def commits(database: Database) -> list[int]:
    """One entry for every commit of the database."""
    counted: list[int] = []
    event.listen(database.engine, "commit", lambda _: counted.append(1))
    return counted


class HeldUp:
    """The same write, but the first group waits until the gate opens, so that the rest gathers behind it."""

    def __init__(self, write: Write = keep) -> None:
        self.write, self.begun, self.gate = write, threading.Event(), threading.Event()

    def __call__(self, session: Session, names: Sequence[str]) -> Sequence[str]:
        if not self.begun.is_set():
            self.begun.set()
            assert self.gate.wait(10)
        return self.write(session, names)

    async def queue(self, writer: GroupWriter[str, str], names: Sequence[str]) -> list[asyncio.Task[str]]:
        """The first is being written, all others wait behind it."""
        tasks = [asyncio.create_task(writer.submit(names[0]))]
        await asyncio.to_thread(self.begun.wait, 10)
        tasks += [asyncio.create_task(writer.submit(name)) for name in names[1:]]
        await asyncio.sleep(0)
        return tasks


def submit_behind_a_first(
    database: Database, names: Sequence[str], write: Write = keep, **limits: float
) -> list[str | BaseException]:
    """One comes first and is being written; all others wait behind it and go together."""
    held = HeldUp(write)
    writer = writer_of(database, held, **limits)

    async def all_of_them() -> list[str | BaseException]:
        tasks = await held.queue(writer, names)
        held.gate.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await writer.close()
        return outcomes

    return asyncio.run(all_of_them())


def test_a_hundred_at_once_are_two_commits_and_each_gets_its_own_answer(database: Database, commits: list[int]) -> None:
    names = names_of(101)
    assert submit_behind_a_first(database, names) == [f"kept {name}" for name in names]
    assert tags(database) == set(names)
    assert len(commits) == 2


def test_without_the_group_a_hundred_are_a_hundred_commits(database: Database, commits: list[int]) -> None:
    """The negative control: the same rows through a unit of work each."""
    for name in names_of(101):
        with database.writing(WRITER) as session:
            keep(session, [name])
    assert len(commits) == 101


def test_where_several_wait_the_writer_lets_the_others_come(
    database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = HeldUp()
    writer = writer_of(database, held)

    async def all_of_them() -> list[str]:
        tasks = await held.queue(writer, names_of(3))
        loop, pauses = asyncio.get_running_loop(), list[float]()

        async def come() -> None:
            tasks.extend(asyncio.create_task(writer.submit(name)) for name in ("x3", "x4"))
            await asyncio.sleep(0)

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 1:
                asyncio.run_coroutine_threadsafe(come(), loop).result(10)

        monkeypatch.setattr(group_commit, "sleep", pause)
        held.gate.set()
        await asyncio.gather(*tasks)
        assert len(pauses) == 2, "until nobody came any more"
        kept = await asyncio.gather(*tasks)
        await writer.close()
        return kept

    assert asyncio.run(all_of_them()) == [f"kept {name}" for name in names_of(5)]
    assert len(commits) == 2


def test_who_comes_alone_waits_for_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(group_commit, "sleep", pauses.append)
    assert submit_all(writer_of(database), ["x0"]) == ["kept x0"]
    assert pauses == []


def test_an_answer_comes_only_after_its_commit(database: Database) -> None:
    seen: list[set[str]] = []

    async def ask() -> None:
        writer = writer_of(database)
        await writer.submit("x0")
        seen.append(await asyncio.to_thread(tags, database))
        await writer.close()

    asyncio.run(ask())
    assert seen == [{"x0"}]


def test_a_bad_one_fails_alone(database: Database, commits: list[int]) -> None:
    outcomes = submit_behind_a_first(database, ["x0", "x1", "bad", "x2"])
    assert [outcome for outcome in outcomes if isinstance(outcome, str)] == ["kept x0", "kept x1", "kept x2"]
    assert type(outcomes[2]).__name__ == "IntegrityError"
    assert tags(database) == {"x0", "x1", "x2"}
    assert len(commits) == 2


def test_without_savepoints_a_bad_one_takes_the_others_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what the group would do if it did not go again one by one."""

    def again_together(self: GroupWriter[str, str], names: list[str]) -> Sequence[str]:
        with self._database.writing(WRITER) as session:
            return self._work(session, names)

    monkeypatch.setattr(GroupWriter, "_write_singly", again_together)
    outcomes = submit_behind_a_first(database, ["x0", "x1", "bad", "x2"])
    assert tags(database) == {"x0"}
    assert all(isinstance(outcome, Exception) for outcome in outcomes[1:])


def test_each_change_of_a_group_has_its_own_entry_in_the_journal(database: Database) -> None:
    submit_behind_a_first(database, ["x0", "x1", "bad", "x2"])
    with database.reading() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.actor == WRITER.name)).all()
    assert len(entries) == 3
    assert len({entry.subject_id for entry in entries}) == 3


def test_a_full_queue_refuses_at_once_and_keeps_what_waits(database: Database) -> None:
    outcomes = submit_behind_a_first(database, names_of(20), most_waiting=10)
    kept = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(kept) == 11
    assert {type(outcome) for outcome in outcomes if not isinstance(outcome, str)} == {Overloaded}
    assert len(tags(database)) == 11


def test_who_gave_up_waiting_is_told_and_left_out(database: Database) -> None:
    held = HeldUp()
    writer = writer_of(database, held, patience=0.1)

    async def ask() -> list[str | BaseException]:
        outcomes = await asyncio.gather(*(await held.queue(writer, names_of(5))), return_exceptions=True)
        held.gate.set()
        await writer.close()
        return outcomes

    assert {type(outcome) for outcome in asyncio.run(ask())} == {Overloaded}
    assert tags(database) == {"x0"}, "only the one that was being written already"


def test_closing_writes_all_that_waits_and_takes_no_more(database: Database) -> None:
    held = HeldUp()
    writer = writer_of(database, held)

    async def ask() -> tuple[list[str | BaseException], BaseException]:
        tasks = await held.queue(writer, names_of(50))
        closing = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        late = (await asyncio.gather(writer.submit("xlate"), return_exceptions=True))[0]
        held.gate.set()
        await closing
        return await asyncio.gather(*tasks, return_exceptions=True), late

    outcomes, late = asyncio.run(ask())
    assert outcomes == [f"kept {name}" for name in names_of(50)]
    assert type(late) is Overloaded
    assert tags(database) == set(names_of(50))


def test_a_writer_may_be_opened_again(database: Database) -> None:
    writer = writer_of(database)
    assert submit_all(writer, ["x0"]) == ["kept x0"]
    assert [type(outcome) for outcome in submit_all(writer, ["x1"])] == [Overloaded]
    writer.open()
    assert submit_all(writer, ["x2"]) == ["kept x2"]


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, MemoryError, RuntimeError])
def test_a_writer_that_dies_tells_everybody_and_the_next_one_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    whole = GroupWriter._write

    def die(self: GroupWriter[str, str], items: list[str]) -> list[str]:
        raise end

    async def ask() -> list[str | BaseException]:
        monkeypatch.setattr(GroupWriter, "_write", die)
        outcomes = await asyncio.gather(*(writer.submit(name) for name in names_of(9)), return_exceptions=True)
        monkeypatch.setattr(GroupWriter, "_write", whole)
        return [*outcomes, *(await _all(writer, ["x9"]))]

    writer = writer_of(database)
    *dead, alive = asyncio.run(asyncio.wait_for(ask(), 10))
    assert {type(outcome) for outcome in dead} == {RuntimeError}
    assert alive == "kept x9"
    assert tags(database) == {"x9"}


def test_a_write_that_answers_too_few_is_nobodys_success(database: Database) -> None:
    def forget(session: Session, names: Sequence[str]) -> list[str]:
        return keep(session, names)[1:]

    assert {type(outcome) for outcome in submit_all(writer_of(database, forget), ["x0", "x1"])} == {RuntimeError}
    assert tags(database) == set()


def test_a_database_that_does_not_take_anything_is_asked_once_not_once_for_each(database: Database) -> None:
    asked: list[int] = []

    def full(session: Session, names: Sequence[str]) -> list[str]:
        asked.append(len(names))
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    outcomes = submit_behind_a_first(database, names_of(30), full)
    assert {type(outcome) for outcome in outcomes} == {OperationalError}
    assert asked == [1, 29]


def test_one_writer_serves_the_loops_of_several_threads(database: Database) -> None:
    writer = writer_of(database)
    outcomes: list[str] = []

    async def some(start: int) -> None:
        outcomes.extend(await asyncio.gather(*(writer.submit(f"x{start + n}") for n in range(20))))

    threads = [threading.Thread(target=lambda start=start: asyncio.run(some(start))) for start in (0, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(writer.close())
    assert sorted(outcomes) == sorted(f"kept {name}" for name in names_of(60))
    assert tags(database) == set(names_of(60))


def test_other_units_of_work_take_their_turn_between_the_groups(database: Database) -> None:
    """A burst does not shut the shop's own people out."""
    writer = writer_of(database)
    written = threading.Event()

    def desk() -> None:
        time.sleep(0.02)
        with database.writing() as session:
            session.add(Tag(name="desk"))
        written.set()

    async def burst() -> bool:
        thread = threading.Thread(target=desk)
        thread.start()
        number = 0
        while not written.is_set() and number < 5000:
            await asyncio.gather(*(writer.submit(f"x{number + n}") for n in range(10)))
            number += 10
        await writer.close()
        thread.join()
        return written.is_set()

    assert asyncio.run(burst())
