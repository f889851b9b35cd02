"""The shop with one lie in it: an answer is acknowledged before its commit, which follows a moment later. What a harness
must notice. `python -m benchmarks._liar` serves it like `rouge serve`."""

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import app.main
from app.cli import main
from app.group_commit import GroupWriter

_DELAY_SECONDS = 0.25


class _UndoneError(Exception):
    """Ends a unit of work without keeping it."""


class Liar(GroupWriter[Any, Any]):
    """Says what would be kept, and keeps it later."""

    def _write(self, items: list[Any]) -> Sequence[Any]:
        outcomes: Sequence[Any] = []
        with suppress(_UndoneError), self._database.writing(self._actor) as session:
            outcomes = self._work(session, items)
            raise _UndoneError
        later = threading.Timer(_DELAY_SECONDS, super()._write, (items,))
        later.daemon = True
        later.start()
        return outcomes


if __name__ == "__main__":
    app.main.GroupWriter = Liar  # type: ignore[misc]
    sys.argv = ["rouge", "serve"]
    main()
