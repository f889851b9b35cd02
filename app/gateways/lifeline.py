"""A process that must not outlive the one that started it, and the keeper of such a process."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
"""How long a process may go on with what it has begun."""
LONGEST_WAIT_SECONDS = 60.0
STEADY_AFTER_SECONDS = 60.0
_CODE = Path(__file__).parent.parent.parent


def end_with(parent: int) -> None:
    """Stop this process as SIGTERM does once `parent` is gone, however it went; after PATIENCE_SECONDS at once."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def again(*arguments: str) -> list[str]:
    """The command line of this very program: the same Python, the same code, whatever folder it is started in."""
    start = f"import sys; sys.path.insert(0, {str(_CODE)!r}); from app.cli import main; main()"
    return [sys.executable, "-P", "-c", start, *arguments]


class Keeper:
    """Keeps one child process running: started again when it dies, later and later when it keeps dying."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._is_over = threading.Event()
        self._child = self._start()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the child to stop, wait until it has finished what it is doing, end it when that takes too long."""
        self._is_over.set()
        if self._child.poll() is None:
            self._child.terminate()
        self._thread.join(PATIENCE_SECONDS)
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl+C in the terminal reaches the web server alone, which stops the child in its turn.
        return subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603  our own

    def _keep(self) -> None:
        wait = 1.0
        while True:
            began = time.monotonic()
            self._child.wait()
            if self._is_over.is_set():
                return
            wait = 1.0 if time.monotonic() - began > STEADY_AFTER_SECONDS else min(wait * 2, LONGEST_WAIT_SECONDS)
            if self._is_over.wait(wait):
                return
            self._child = self._start()
            if self._is_over.is_set():  # `stop` may have looked at the one before
                self._child.terminate()
