"""The shop's numbers for Prometheus. What happened is counted as it happens, by every web process; how things stand is
asked when somebody reads. No label names or counts a person."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.gateways.counting import FOLDER

_COUNTED = CollectorRegistry()
_REQUESTS = Counter("rouge_requests", "Requests answered.", ("route", "method", "status"), registry=_COUNTED)
_SECONDS = Histogram(
    "rouge_request_seconds",
    "Seconds until the whole answer had left.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
    registry=_COUNTED,
)
_QUEUE = Gauge(
    "rouge_write_queue",
    "Submissions that wait for their commit.",
    registry=_COUNTED,
    multiprocess_mode="livesum",
)
_METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True)
class Standing:
    """How things stand. None: unknown, or never yet; then there is no such line."""

    version: str
    database: str
    is_database_up: bool
    disk_free_bytes: int
    database_bytes: int | None = None
    sweep_age_seconds: float | None = None
    backup_age_seconds: float | None = None
    jobs_waiting: int | None = None
    jobs_dead: int | None = None


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """One more request. `route` is the route's name: an address may hold anything, and any number of them."""
    requests, took = _lines(route, known_method(method), status)
    requests.inc()
    took.observe(seconds)


@cache
def _lines(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Where such a request is counted; found once, for the library looks for it longer than it counts."""
    return _REQUESTS.labels(route, method, str(status)), _SECONDS.labels(route)


def known_method(method: str) -> str:
    """The method of a request; what no browser sends is one word, whatever it says."""
    return method if method in _METHODS else "OTHER"


def note_queue(length: int) -> None:
    """How many submissions wait in this process."""
    _QUEUE.set(length)


def rendered(standing: Standing) -> bytes:
    """Everything in Prometheus' text form, of all web processes together."""
    registry = _COUNTED
    if folder := os.environ.get(FOLDER):
        _forget_dead_processes(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
    now = CollectorRegistry()
    now.register(_AsItStands(standing))
    return generate_latest(registry) + generate_latest(now)


def _forget_dead_processes(folder: Path) -> None:
    """What waited in a process that is gone waits no more."""
    for path in folder.glob("gauge_live*_*.db"):
        number = path.stem.rpartition("_")[2]
        if not Path(f"/proc/{number}").exists():
            mark_process_dead(int(number), str(folder))


class _AsItStands(Collector):
    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """Every line about now."""
        it = self._standing
        yield InfoMetricFamily("rouge", "The program.", {"version": it.version, "database": it.database})
        for name, text, value in (
            ("database_up", "Whether the database answers.", int(it.is_database_up)),
            ("database_bytes", "Size of the database.", it.database_bytes),
            ("disk_free_bytes", "Room left where the data folder lies.", it.disk_free_bytes),
            ("last_sweep_age_seconds", "Since the worker last looked for work.", it.sweep_age_seconds),
            ("last_backup_age_seconds", "Since the last good backup.", it.backup_age_seconds),
            ("jobs_waiting", "Work that waits, due or not.", it.jobs_waiting),
            ("jobs_dead", "Work that was given up and waits for a person.", it.jobs_dead),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"rouge_{name}", text, value)
