"""A child that is kept alive, stops in peace, and does not outlive who started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.gateways import lifeline
from app.gateways.lifeline import Keeper, again

ROOT = Path(__file__).parents[2]
WAITS = "import time; time.sleep(600)"


def until(is_so: Callable[[], object]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether the process is over."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Patient:
    """Stands in for the event that ends the keeping: notes how long it was to wait, and ends it after eight times."""

    def __init__(self, waits: list[float]) -> None:
        self.waits = waits

    def is_set(self) -> bool:
        """Not yet."""
        return False

    def wait(self, seconds: float) -> bool:
        """No time passes."""
        self.waits.append(seconds)
        return len(self.waits) >= 8


def test_a_child_that_dies_is_started_again_and_stops_when_asked() -> None:
    keeper = Keeper([sys.executable, "-c", WAITS])
    first = keeper._child.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper._child.pid != first)
    second = keeper._child.pid
    keeper.stop()
    assert is_gone(second)
    assert not keeper._thread.is_alive()


def test_a_child_that_keeps_dying_is_started_later_and_later() -> None:
    waits: list[float] = []
    keeper = object.__new__(Keeper)
    keeper._command = [sys.executable, "-c", ""]
    keeper._is_over = Patient(waits)
    keeper._child = keeper._start()
    keeper._keep()
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_child_that_does_not_stop_is_ended(monkeypatch) -> None:
    monkeypatch.setattr(lifeline, "PATIENCE_SECONDS", 0.1)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}"
    keeper = Keeper([sys.executable, "-c", deaf])
    until(lambda: is_deaf(keeper._child.pid))
    keeper.stop()
    assert is_gone(keeper._child.pid)


def is_deaf(pid: int) -> bool:
    """Whether the process ignores SIGTERM by now."""
    mask = int(Path(f"/proc/{pid}/status").read_text().split("SigIgn:")[1].split()[0], 16)
    return bool(mask & 1 << (signal.SIGTERM - 1))


def test_a_process_ends_with_the_one_that_started_it() -> None:
    child = f"import os; from app.gateways.lifeline import end_with; end_with(os.getppid()); print(os.getpid(), flush=True); {WAITS}"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = subprocess.Popen([sys.executable, "-c", parent], env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    pid = int(started.stdout.readline())
    started.kill()
    started.wait()
    until(lambda: is_gone(pid))


def test_the_same_program_is_started_whatever_folder_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit(7)")
    done = subprocess.run(again("jobs", "--help"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run-due" in done.stdout
