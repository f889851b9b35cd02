"""Many small changes in one commit. Waiting for the disk costs the same for one change as for a hundred: whoever comes
while one group is written goes into the next. An answer leaves only after its commit. Decision: docs/decisions/0010."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from time import monotonic, sleep
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from app.audit import Actor
from app.db import COLLIDED, Database

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")
_log = logging.getLogger("rouge.writes")

MOST_WAITING = 2048
"""Changes that may wait in one process. Written a group at a time that is a second or two; more would only time out."""
MOST_TOGETHER = 256
"""Changes in one commit: other writers wait for its end."""
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.002, 0.1
"""In a burst the writer waits until nobody has come for a moment, and at most so long: one commit of two hundred costs
little more than one of twenty. Whoever comes alone waits for nobody."""
PATIENCE_SECONDS = 12.0
"""How long one change waits for its commit: less than the 15 seconds after which a phone gives up."""


class Overloaded(Exception):
    """Not taken: too many are waiting, the database does not come round to it, or the program is closing. Asking again
    is right; only what was being written at that very moment may be there already."""


@dataclass(eq=False)
class _Waiting(Generic[_Item, _Outcome]):
    item: _Item
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[_Outcome]


class GroupWriter(Generic[_Item, _Outcome]):
    """One writer per process. `write` gets a unit of work and the items, and returns an outcome for each; what only
    one of them is refused for it returns as that one's outcome. Where it raises, the group is done again one by one, so
    that a bad item fails alone."""

    def __init__(
        self,
        database: Database,
        write: Callable[[Session, Sequence[_Item]], Sequence[_Outcome]],
        *,
        actor: Actor,
        most_waiting: int = MOST_WAITING,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._database, self._work, self._actor = database, write, actor
        self._most_waiting, self._patience = most_waiting, patience
        self._queue: deque[_Waiting[_Item, _Outcome]] = deque()
        self._guard = threading.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._writing = self._closed = False

    async def submit(self, item: _Item) -> _Outcome:
        """The outcome of an item, once it lies safely on the disk. Raises Overloaded when it was not taken, and whatever
        went wrong with writing it: then nothing of it was kept."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, loop, loop.create_future())
        with self._guard:
            if self._closed or len(self._queue) >= self._most_waiting:
                raise Overloaded
            self._queue.append(waiting)
        if not self._writing:
            # In the loop's next round: all who came in this one are in the queue by then.
            loop.call_soon(self._begin)
        late = loop.call_later(self._patience, _give_up, waiting.answer)
        try:
            return await waiting.answer
        finally:
            late.cancel()

    def _begin(self) -> None:
        """Set the writer to work where somebody waits and it is not at work."""
        with self._guard:
            if self._writing or not self._queue:
                return
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="group-commit")
            self._thread.submit(self._write_all)
            self._writing = True

    @property
    def waiting(self) -> int:
        """How many items wait for their turn."""
        return len(self._queue)

    def open(self) -> None:
        """Take items, again after a `close`."""
        with self._guard:
            self._closed = False

    async def close(self) -> None:
        """Take nothing more, and write all that waits."""
        with self._guard:
            self._closed = True
        self._begin()
        with self._guard:
            thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, thread.shutdown)

    # ── In the writer's thread ────────────────────────────────────────────────────────────────────────────────────────

    def _write_all(self) -> None:
        """Group after group until nobody waits. Nobody may wait for a writer that is gone: whatever ends it early is
        told to all."""
        group: list[_Waiting[_Item, _Outcome]] = []
        try:
            while group := self._next_group():
                _answer(group, self._write([waiting.item for waiting in group]))
        except BaseException as trouble:  # noqa: BLE001  also what no code may catch: the thread ends either way
            _log.error("the writer stopped: %s", type(trouble).__name__)
            with self._guard:
                group += self._queue
                self._queue.clear()
                self._writing = False
            _answer(group, [RuntimeError(f"the writer stopped: {type(trouble).__name__}")] * len(group))

    def _next_group(self) -> list[_Waiting[_Item, _Outcome]]:
        """What goes into the next commit, oldest first, without those who gave up. Empty: the writer ends."""
        self._let_them_come()
        group: list[_Waiting[_Item, _Outcome]] = []
        with self._guard:
            while self._queue and len(group) < MOST_TOGETHER:
                waiting = self._queue.popleft()
                if not waiting.answer.done():
                    group.append(waiting)
            self._writing = bool(group)
        return group

    def _let_them_come(self) -> None:
        """Where several wait already, more are on their way."""
        before, end = 1, monotonic() + _LONGEST_PAUSE_SECONDS
        while before < len(self._queue) < MOST_TOGETHER and monotonic() < end:
            before = len(self._queue)
            sleep(_PAUSE_SECONDS)

    def _write(self, items: list[_Item]) -> Sequence[_Outcome | Exception]:
        try:
            with self._database.writing(self._actor) as session:
                return _one_each(self._work(session, items), items)
        except OperationalError as trouble:
            # Locked, full or gone: that is no one item's fault, and each would only wait again.
            if getattr(trouble.orig, "sqlstate", None) not in COLLIDED:
                _log.error("nothing could be written: %s", trouble.orig)
                return [trouble] * len(items)
        except Exception as trouble:  # noqa: BLE001  told to whom it concerns
            if len(items) == 1:
                return [trouble]
        try:
            return self._write_singly(items)
        except Exception as trouble:  # noqa: BLE001  told to whom it concerns
            return [trouble] * len(items)

    def _write_singly(self, items: list[_Item]) -> list[_Outcome | Exception]:
        """Each under a savepoint of its own, still in one commit."""
        outcomes: list[_Outcome | Exception] = []
        with self._database.writing(self._actor) as session:
            for item in items:
                try:
                    with session.begin_nested():
                        outcomes += _one_each(self._work(session, [item]), [item])
                except OperationalError:
                    raise
                except Exception as trouble:  # noqa: BLE001  told to whom it concerns
                    outcomes.append(trouble)
        return outcomes


def _one_each(outcomes: Sequence[_Outcome], items: Sequence[_Item]) -> Sequence[_Outcome]:
    if len(outcomes) != len(items):
        raise RuntimeError(f"{len(outcomes)} outcomes for {len(items)} items")
    return outcomes


def _give_up(answer: asyncio.Future[Any]) -> None:
    """It waited too long: the writer leaves it out when it gets there."""
    if not answer.done():
        answer.set_exception(Overloaded())


def _answer(group: Sequence[_Waiting[_Item, _Outcome]], outcomes: Sequence[_Outcome | BaseException]) -> None:
    """Tell each its outcome, with one wake-up for all who wait in the same loop."""
    pairs = sorted(zip(group, outcomes, strict=True), key=lambda pair: id(pair[0].loop))
    for _, same in groupby(pairs, key=lambda pair: id(pair[0].loop)):
        told = list(same)
        try:
            told[0][0].loop.call_soon_threadsafe(_tell, told)
        except RuntimeError:  # the loop is closed, so nobody waits in it
            _log.warning("%d answers found nobody waiting", len(told))


def _tell(told: Sequence[tuple[_Waiting[_Item, _Outcome], _Outcome | BaseException]]) -> None:
    for waiting, outcome in told:
        if waiting.answer.done():
            continue
        if isinstance(outcome, BaseException):
            waiting.answer.set_exception(outcome)
        else:
            waiting.answer.set_result(outcome)
