"""A burst of survey answers: submissions per second at 256 connections, beside a peer and a limit, all in one run.

Each is one web process, synchronous=FULL on the same disk, a line of its log for each request, and for each request the
same two rows, a run and an answer, in tables with the same columns, indexes and constraints.
Ours: the shop as it is served (encrypted file, every guard in place, every try counted, the rules asked), and its worker
beside it. Peer: a Django view with form and ORM under gunicorn's threads, which is how its file without a server is best
used; not encrypted. Limit: Starlette and the driver alone on a copy of our file, one commit for each request, under
uvicorn with the same parser and event loop as ours.
Promise: at least 8 × the peer and 1.5 × the limit, and the slowest hundredth waits at most a fifth as long as the peer's.
"""

import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlmodel import func, select

from app.db import PRAGMAS, migrate, open_database
from app.keys import load_keys
from app.models import SurveyAnswer, SurveyResponse
from app.settings import Settings
from benchmarks._serving import Server, free_port, rouge, serving, wrk
from seed.reference import plant_reference

CONNECTIONS, ROUNDS, SECONDS = 256, 3, 6
PEER_PROMISE, LIMIT_PROMISE, SLOWEST_PROMISE = 8.0, 1.5, 0.2
SCRIPT = Path(__file__).with_suffix(".lua")
_UVICORN = ["-m", "uvicorn", "--http", "httptools", "--loop", "uvloop"]


@dataclass(frozen=True)
class Figures:
    """What one server did, the medians of its rounds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def main() -> int:
    """Print the ratios; exit 1 when a promise is broken."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ours, peer, limit = _contestants(folder, stack)
        counts: tuple[Callable[[], int], ...] = (
            lambda: _our_rows(folder / "rouge"),
            lambda: _django_rows(folder),
            lambda: _our_rows(folder / "raw"),
        )
        figures = _measure((ours, peer, limit), counts)
    for title, found in zip(("ours", "Django 5.2, gunicorn gthread", "Starlette, a commit each"), figures, strict=True):
        sys.stdout.write(
            f"{title:<30} {found.per_second:7,.0f} answers/s · p50 {found.p50_ms:6,.0f} ms · p99 {found.p99_ms:6,.0f} ms · "
            f"{found.cpu_us:6,.0f} µs CPU each\n"
        )
    return _verdict(*figures)


def _verdict(ours: Figures, peer: Figures, limit: Figures) -> int:
    times, beyond, slowest = (
        ours.per_second / peer.per_second,
        ours.per_second / limit.per_second,
        ours.p99_ms / peer.p99_ms,
    )
    sys.stdout.write(
        f"survey: {times:.1f} × Django (promised ≥ {PEER_PROMISE:.0f}) · {beyond:.2f} × a commit each (≥ {LIMIT_PROMISE}) · "
        f"p99 {slowest:.2f} of Django's (≤ {SLOWEST_PROMISE}) · load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs\n"
    )
    return 0 if times >= PEER_PROMISE and beyond >= LIMIT_PROMISE and slowest <= SLOWEST_PROMISE else 1


def _contestants(folder: Path, stack: ExitStack) -> tuple[Server, Server, Server]:
    """All three are up all the time; only one is asked at a time."""
    _plant(folder / "rouge")
    port = free_port()
    ours = stack.enter_context(serving(*rouge(folder / "rouge", port), port, folder=folder))
    home = {"PEER_FOLDER": str(folder)}
    port = free_port()
    gunicorn = ["-m", "gunicorn", "benchmarks._django_peer:application", "-b", f"127.0.0.1:{port}", "-k", "gthread"]
    options = [
        "-w",
        "1",
        "--threads",
        "16",
        "--keep-alive",
        "75",
        "--access-logfile",
        "-",
        "--worker-tmp-dir",
        str(folder),
    ]
    peer = stack.enter_context(serving([sys.executable, *gunicorn, *options], home, port, folder=folder))
    port = free_port()
    command = [sys.executable, *_UVICORN, "--port", str(port), "benchmarks._raw_peer:application"]
    limit = stack.enter_context(serving(command, _raw_database(folder / "raw"), port, folder=folder))
    return ours, peer, limit


def _settings(data: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data, database_url="")


def _raw_database(data: Path) -> dict[str, str]:
    """A shop of its own for the limit, and how to open it without us."""
    _plant(data)
    settings = _settings(data)
    return {
        "PEER_DATABASE": str(settings.sqlite_path),
        "PEER_KEY": load_keys(settings.key_path, create=False).database.hex(),
        "PEER_PRAGMAS": ";".join((*PRAGMAS, "foreign_keys=ON")),
    }


def _plant(data: Path) -> None:
    """A shop with the survey every new shop has."""
    settings = _settings(data)
    database = open_database(settings, create=True)
    migrate(database, settings)
    with database.writing() as session:
        plant_reference(session, now=datetime.now(UTC))
    database.engine.dispose()


def _measure(servers: tuple[Server, ...], counts: tuple[Callable[[], int], ...]) -> list[Figures]:
    rounds: list[list[dict[str, float]]] = [[] for _ in servers]
    for server in servers:
        wrk(server.port, SCRIPT, connections=CONNECTIONS, seconds=1)  # the first requests load what is loaded once
    for _ in range(ROUNDS):
        for found, server, count in zip(rounds, servers, counts, strict=True):
            found.append(_one_round(server, count))
    return [
        Figures(
            *(median(measured[name] for measured in found) for name in ("per_second", "p50_ms", "p99_ms", "cpu_us"))
        )
        for found in rounds
    ]


def _one_round(server: Server, count: Callable[[], int]) -> dict[str, float]:
    before, spent = count(), server.cpu_seconds()
    measured = wrk(server.port, SCRIPT, connections=CONNECTIONS, seconds=SECONDS)
    spent = server.cpu_seconds() - spent
    kept, answered = count() - before, int(measured["requests"])
    if measured["refused"] or measured["broken"]:
        raise RuntimeError(
            f"refused {measured['refused']}, broken {measured['broken']}: {server.log.read_text()[-2000:]}"
        )
    # What was under way when wrk hung up is kept and was never counted; nothing else may differ.
    if not answered <= kept <= answered + CONNECTIONS:
        raise RuntimeError(f"{answered} answered, {kept} kept")
    return measured | {"per_second": answered / measured["seconds"], "cpu_us": spent / answered * 1e6}


def _our_rows(data: Path) -> int:
    database = open_database(_settings(data))
    with database.reading() as session:
        runs, answers = (
            session.exec(select(func.count()).select_from(table)).one() for table in (SurveyResponse, SurveyAnswer)
        )
    database.engine.dispose()
    assert runs == answers
    return runs


def _django_rows(folder: Path) -> int:
    with sqlite3.connect(folder / "django.db") as connection:
        return connection.execute(
            "SELECT count(*) FROM peer_response JOIN peer_answer ON response_id = peer_response.id"
        ).fetchone()[0]


if __name__ == "__main__":
    sys.exit(main())
