"""Jobs whose worker is killed again and again in the middle of its work: none lost, none done twice, on both databases.

Every job writes one row; every fifth also calls "outside" (a line in a file) and may do so again after a kill, with the
same key. Half the nudges are never sent. The control gives the same work to huey alone, which forgets a message when it
hands it out.

`python -m benchmarks.jobs` prints the table. Without ROUGE_TEST_POSTGRES_URL a throw-away PostgreSQL is started.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from huey import Huey, PostgresHuey, SqliteHuey
from sqlalchemy import create_engine, make_url, text
from sqlmodel import Session, col, func, select

from app.actions.jobs import put_job
from app.db import Database, migrate, open_database
from app.gateways.nudges import Nudges
from app.jobs.errands import Done, Errand, Kind, OutsideKind
from app.jobs.worker import runner_of, work
from app.keys import current_keys
from app.models import Job, Tag
from app.settings import Settings
from app.vocabulary import JobStage

ROOT = Path(__file__).parent.parent
WORK_SECONDS = 0.006
LEASE = timedelta(seconds=2)
PATIENCE_SECONDS = 240
OUTSIDE_EVERY = 5
COMPLAINTS = "complaints.txt"


@dataclass(frozen=True)
class Outcome:
    """What became of the jobs. `hits`: kills that caught work in progress (of huey alone nobody can tell); `calls`: how
    often outside was called for `keys` jobs."""

    name: str
    jobs: int
    kills: int
    hits: int
    lost: int
    doubled: int
    calls: int
    keys: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.name:<28}{self.jobs:>7}{self.kills:>7}{self.hits:>9}{self.lost:>7}{self.doubled:>9}"
            f"{self.calls:>8}/{self.keys:<6}{self.seconds:>7.0f} s"
        )


HEAD = f"{'engine':<28}{'jobs':>7}{'kills':>7}{'mid-work':>9}{'lost':>7}{'doubled':>9}{'outside':>8}/{'keys':<6}{'time':>9}"


# ── The work ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(session: Session, key: str) -> None:
    session.add(Tag(name=f"{key}/{uuid4().hex[:8]}"))
    session.flush()
    time.sleep(WORK_SECONDS)


def _inside(session: Session, errand: Errand) -> Done:
    _write(session, errand.key)
    return Done()


def _outside(database: Database, settings: Settings, errand: Errand) -> Done:
    with (settings.data_dir / "outside.txt").open("a") as file:
        file.write(f"{errand.key}\n")
    time.sleep(WORK_SECONDS)
    return Done()


def _plain_huey(settings: Settings, database: Database) -> tuple[Huey, Callable[[str], None]]:
    if settings.database_url:
        dsn = make_url(settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        huey: Huey = PostgresHuey("plain", results=False, dsn=dsn, table_prefix="plain")
    else:
        huey = SqliteHuey("plain", results=False, filename=str(settings.data_dir / "plain.db"), fsync=True)

    def write(key: str) -> None:
        with database.writing() as session:
            _write(session, key)

    # huey knows a task by its module, which is __main__ for one of the two processes.
    write.__module__ = "benchmarks.jobs"
    return huey, huey.task(name="write")(write)


# ── The worker that is killed ─────────────────────────────────────────────────────────────────────────────────────────


def work_for_us(settings: Settings, *, plain: bool) -> None:
    """The child process: a worker like the shop's, with our kinds of work, or huey by itself."""
    database = open_database(settings)
    if plain:
        _plain_huey(settings, database)[0].create_consumer(workers=2, max_delay=0.2).run()
        return
    kinds = {"inside": Kind(_inside, lease=LEASE), "outside": OutsideKind(_outside, lease=LEASE)}
    work(database, settings, runner=runner_of(database, settings, kinds=kinds, schedule=()))


def _start(settings: Settings, *, plain: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.jobs", "plain" if plain else "work"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROUGE_")}
    environment |= {"ROUGE_DATA_DIR": str(settings.data_dir), "ROUGE_DATABASE_URL": settings.database_url}
    with (settings.data_dir / COMPLAINTS).open("a") as complaints:
        return subprocess.Popen(
            command, env=environment | {"PYTHONPATH": str(ROOT)}, cwd=settings.data_dir, stderr=complaints
        )


# ── The torture ───────────────────────────────────────────────────────────────────────────────────────────────────────


def torture(settings: Settings, *, jobs: int, kills: int, plain: bool = False, seed: int = 7) -> Outcome:
    """Put the jobs, kill the worker in the midst of them until `kills` kills have caught work in progress (on a busy
    machine more jobs are needed for that), let the last one finish, and count."""
    database, chance, began = open_database(settings), random.Random(seed), time.monotonic()
    keys = [f"job{number}" for number in range(jobs)]
    _put(settings, database, keys, plain=plain)
    killed, hits, step = 0, 0, jobs // (2 * kills)
    while hits < kills:
        if len(_effects(settings, database)) + 2 * step > len(keys):
            more = [f"job{number}" for number in range(len(keys), len(keys) + jobs // 2)]
            _put(settings, database, more, plain=plain)
            keys += more
        child = _start(settings, plain=plain)
        try:
            # This worker, too, has work behind it and work before it.
            wanted = len(_effects(settings, database)) + step
            _until(lambda wanted=wanted: len(_effects(settings, database)) >= wanted, settings, child)
            time.sleep(chance.uniform(0, 0.05))
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        killed += 1
        hits += 1 if plain else _held_by(database, child.pid)
    last = _start(settings, plain=plain)
    try:
        _until(lambda: _is_over(settings, database, plain=plain), settings, last)
    finally:
        last.terminate()
        last.wait(30)
    found, calls = _effects(settings, database), _calls(settings)
    outside = [] if plain else keys[::OUTSIDE_EVERY]
    database.engine.dispose()
    return Outcome(
        name=f"{'huey alone (control)' if plain else 'outbox'}, {'PostgreSQL' if settings.database_url else 'SQLite'}",
        jobs=len(keys),
        kills=killed,
        hits=hits,
        lost=sum(key not in found for key in keys),
        doubled=sum(found[key] > 1 for key in set(keys) - set(outside)),
        calls=sum(calls.values()),
        keys=len(outside),
        seconds=time.monotonic() - began,
    )


def _put(settings: Settings, database: Database, keys: list[str], *, plain: bool) -> None:
    if plain:
        write = _plain_huey(settings, database)[1]
        for key in keys:
            write(key)
        return
    nudges, now = Nudges(settings, current_keys()), datetime.now(UTC)
    for start in range(0, len(keys), 100):
        with database.writing() as session:
            for number, key in enumerate(keys[start : start + 100], start):
                put_job(session, "inside" if number % OUTSIDE_EVERY else "outside", key, {}, now=now, due_at=now)
        if start % 200 == 0:
            nudges.nudge()


def _effects(settings: Settings, database: Database) -> Counter[str]:
    with database.reading() as session:
        names = session.exec(select(Tag.name).where(col(Tag.name).contains("/"))).all()
    return Counter(name.partition("/")[0] for name in names) + _calls(settings)


def _calls(settings: Settings) -> Counter[str]:
    path = settings.data_dir / "outside.txt"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def _held_by(database: Database, pid: int) -> int:
    """Whether the killed worker was in the middle of a job: the row still names it."""
    with database.reading() as session:
        held = select(func.count()).where(Job.stage == JobStage.LEASED, col(Job.leased_by).contains(f"/{pid}/"))
        return int(session.exec(held).one() > 0)


def _is_over(settings: Settings, database: Database, *, plain: bool) -> bool:
    if plain:
        return _plain_huey(settings, database)[0].pending_count() == 0 and _is_still(settings, database)
    with database.reading() as session:
        left = session.exec(select(func.count()).where(Job.stage != JobStage.DONE)).one()
    if 0 < left < OUTSIDE_EVERY:
        # What the killed ones held: not to wait for the next sweep once the leases are over.
        time.sleep(LEASE.total_seconds() / 4)
        Nudges(settings, current_keys()).nudge()
    return left == 0


def _is_still(settings: Settings, database: Database) -> bool:
    before = _effects(settings, database)
    time.sleep(1)
    return _effects(settings, database) == before


def _until(is_so: Callable[[], bool], settings: Settings, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline or child.poll() is not None:
            complaint = (settings.data_dir / COMPLAINTS).read_text()[-2000:]
            raise TimeoutError(f"not done in time, or too soon for the kills; worker: {child.poll()} {complaint}")
        time.sleep(0.02)


# ── The table ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def holds(outcome: Outcome, control: Outcome) -> bool:
    """The promise: nothing lost, nothing doubled, whatever calls outside at least once; and the control shows that the
    same kills do harm."""
    return outcome.lost == outcome.doubled == 0 and outcome.calls >= outcome.keys and control.lost > 0


def fresh_shop(folder: Path, url: str = "") -> Settings:
    """A data folder with empty tables."""
    settings = Settings(_env_file=None, data_dir=folder, database_url=url)  # type: ignore[call-arg]
    database = open_database(settings, create=True)
    migrate(database, settings)
    database.engine.dispose()
    return settings


def _fresh_database(name: str) -> str:
    server = os.environ["ROUGE_TEST_POSTGRES_URL"]
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _measure(postgres: bool) -> bool:
    sizes = {"jobs": 600, "kills": 8} if postgres else {"jobs": 1500, "kills": 14}
    with tempfile.TemporaryDirectory() as folder:
        outcome = torture(fresh_shop(Path(folder) / "a", _fresh_database("jobs_a") if postgres else ""), **sizes)
        print(outcome, flush=True)
        shop = fresh_shop(Path(folder) / "b", _fresh_database("jobs_b") if postgres else "")
        control = torture(shop, jobs=400, kills=8, plain=True)
        print(control, flush=True)
    return holds(outcome, control)


def _in_throw_away_postgres() -> bool:
    if not shutil.which("pg_virtualenv"):
        print("PostgreSQL: not measured, no pg_virtualenv here")
        return True
    url = (
        'export ROUGE_TEST_POSTGRES_URL="postgresql+psycopg://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres"; exec "$@"'
    )
    command = ["pg_virtualenv", "-t", "bash", "-c", url, "bash", sys.executable, "-m", "benchmarks.jobs", "postgres"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def main() -> int:
    """Print the table; exit 1 when the promise is broken."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted in {"work", "plain"}:
        work_for_us(Settings(_env_file=None), plain=wanted == "plain")  # type: ignore[call-arg]
        return 0
    if wanted == "postgres":
        return 0 if _measure(postgres=True) else 1
    print(HEAD, flush=True)
    is_kept = _measure(postgres=False)
    is_kept &= _measure(postgres=True) if "ROUGE_TEST_POSTGRES_URL" in os.environ else _in_throw_away_postgres()
    print("lost 0, doubled 0 under kill -9; huey alone loses" if is_kept else "PROMISE BROKEN")
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
