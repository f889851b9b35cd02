"""kill -9 under load: the whole server, or one web process of two, again and again."""

import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks._phones import Phones, lost_and_doubled, plant_shop
from benchmarks._serving import Server, end, family, free_port, post, rouge, serving

_PHONES = 12


@dataclass(frozen=True)
class Killed:
    """What became of the answers."""

    kills: int
    acknowledged: int
    lost: int
    doubled: int
    broken: int
    strange: list[str]


def torture(
    folder: Path, *, kills: int, at_least: int = 0, workers: int = 1, lying: bool = False, keyed: bool = True
) -> Killed:
    """Kill a shop's server that often while phones answer, and until that many answers were acknowledged."""
    slug, port = plant_shop(folder / "data"), free_port()
    phones, chance, done = Phones(port, slug, keyed=keyed), random.Random(kills), 0
    command, environment = rouge(folder / "data", port, WORKERS=workers)
    if lying:
        command = [sys.executable, "-m", "benchmarks._liar"]
    while done < kills:
        with serving(command, environment, port, folder=folder) as server:
            _is_ours(port, slug)
            if not phones.acknowledged:
                phones.start(_PHONES)
            done += _kill_some(server, phones, chance, kills - done if workers > 1 else 1)
    if at_least:
        with serving(command, environment, port, folder=folder):
            while len(phones.acknowledged) < at_least:
                time.sleep(0.05)
    phones.stop()
    lost, doubled = lost_and_doubled(folder / "data", phones.acknowledged)
    return Killed(done, len(phones.acknowledged), lost, doubled, phones.broken, phones.strange)


def closing_time(folder: Path, *, lying: bool = False) -> Killed:
    """Ask a busy shop's server to stop (SIGTERM), and wait until it has. `strange` also says how it ended, if badly."""
    slug, port = plant_shop(folder / "data"), free_port()
    phones = Phones(port, slug)
    command, environment = rouge(folder / "data", port)
    with serving(
        command if not lying else [sys.executable, "-m", "benchmarks._liar"], environment, port, folder=folder
    ) as server:
        _is_ours(port, slug)
        phones.start(_PHONES)
        _wait_for(phones, 20)
        server.process.terminate()
        code = server.process.wait(60)
        phones.stop()
    lost, doubled = lost_and_doubled(folder / "data", phones.acknowledged)
    strange = phones.strange + ([f"exit {code}"] if code else [])
    return Killed(1, len(phones.acknowledged), lost, doubled, phones.broken, strange)


def _kill_some(server: Server, phones: Phones, chance: random.Random, times: int) -> int:
    """Kill once: everything. Or web processes one after the other, each time another takes over."""
    for _ in range(times):
        _wait_for(phones, 20)
        time.sleep(chance.uniform(0.05, 0.5))
        if times == 1:
            end(server.process)
        else:
            os.kill(chance.choice(_web_processes(server)), signal.SIGKILL)
    return times


def _web_processes(server: Server) -> list[int]:
    found = []
    for pid in family(server.process.pid)[1:]:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"spawn_main" in words:
            found.append(pid)
    return found


def _wait_for(phones: Phones, more: int) -> None:
    """Until it answers again."""
    goal, deadline = len(phones.acknowledged) + more, time.monotonic() + 180
    while len(phones.acknowledged) < goal:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer for three minutes: {phones.strange[-3:]}")
        time.sleep(0.01)


def _is_ours(port: int, slug: str) -> None:
    status, location, page = post(port, f"/s/{slug}", "question=nothing")
    if status != 303 or slug not in location:
        raise RuntimeError(f"another server answers on port {port}: {status} {page[:200]}")
