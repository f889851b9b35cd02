"""What goes wrong with machines, done on purpose: nothing that was thanked for may be lost or be there twice.

Each line has its control: the same without the guard, which must show the harm, or the harness would see nothing. Every
server is asked under an address only its own shop has. Races also run on a throw-away PostgreSQL.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from app.db import migrate, open_database
from app.settings import Settings
from benchmarks._kills import Killed, closing_time, torture
from benchmarks._power import PowerCuts, cut
from benchmarks._races import NOW, all_races
from benchmarks._serving import ROOT
from benchmarks._shortage import Shortage, can_mount, full_disk, held_database
from seed.reference import plant_reference

_POSTGRES = "ROUGE_TEST_POSTGRES_URL"
_TITLES = f"{'':<46} {'times':>6} {'thanked':>8} {'lost':>6} {'twice':>6} {'refused':>8}"


def main() -> int:
    """Print the table; exit 1 where a promise is broken or a control shows nothing."""
    if sys.argv[1:] == ["races"]:
        return 0 if _races("PostgreSQL") else 1
    print(_TITLES, flush=True)
    parts: tuple[Callable[[Path], bool], ...] = (_kills, _power, _disk, _held)
    kept = [_in_a_folder(part) for part in parts]
    kept += [_races("SQLite"), _races_on_postgres()]
    print("every promise kept, every control showed its harm" if all(kept) else "PROMISE BROKEN", flush=True)
    return 0 if all(kept) else 1


def _in_a_folder(part: Callable[[Path], bool]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return part(Path(folder))


def _line(name: str, *figures: object) -> None:
    widths = (6, 8, 6, 6, 8)
    row = "".join(f" {figure:>{width}}" for figure, width in zip(figures, widths, strict=False))
    print(f"{name:<46}{row}", flush=True)


def _kills(folder: Path) -> bool:
    def run(name: str, part: str, **how: object) -> Killed:
        (folder / part).mkdir()
        killed = torture(folder / part, **how)  # type: ignore[arg-type]
        _line(name, killed.kills, killed.acknowledged, killed.lost, killed.doubled)
        return killed

    whole = run("kill -9 of the server", "whole", kills=12, at_least=2000)
    one = run("kill -9 of one web process of two", "one", kills=8, at_least=1200, workers=2)
    for part in ("closed", "ended"):
        (folder / part).mkdir()
    liar = run("  control: thanks before the commit", "liar", kills=3, lying=True)
    unkeyed = run("  control: retries without the run's number", "unkeyed", kills=16, keyed=False)
    closed, ended = (closing_time(folder / part, lying=part == "ended") for part in ("closed", "ended"))
    _line("closing time (SIGTERM) under load", 1, closed.acknowledged, closed.lost, closed.doubled)
    _line("  control: thanks before the commit", 1, ended.acknowledged, ended.lost, ended.doubled)
    ours = (whole, one, closed)
    return (
        sum(killed.kills for killed in ours) >= 20
        and sum(killed.acknowledged for killed in ours) >= 3000
        and all((killed.lost, killed.doubled, killed.strange) == (0, 0, []) for killed in ours)
        and liar.lost > 0
        and ended.lost > 0
        and unkeyed.doubled > 0
    )


def _power(folder: Path) -> bool:
    def run(name: str, synchronous: str) -> PowerCuts:
        found = cut(folder, times=15, at_least=24_000, synchronous=synchronous)
        _line(name, found.cuts, found.acknowledged, found.lost, 0)
        return found

    full, normal = run("power cut, synchronous=FULL", "FULL"), run("  control: synchronous=NORMAL", "NORMAL")
    return full.acknowledged >= 10_000 and (full.lost, full.damaged) == (0, 0) and normal.lost > 0


def _shortage_line(name: str, found: Shortage) -> None:
    _line(name, 1, found.acknowledged, found.lost, found.doubled, found.refused)


def _disk(folder: Path) -> bool:
    if not can_mount():
        _line("disk full: left out, only root can make a small disk")
        return True
    for part in ("ours", "liar"):
        (folder / part).mkdir()
    ours = full_disk(folder / "ours", seconds=6)
    _shortage_line("disk full for 6 s, then room again", ours)
    liar = full_disk(folder / "liar", seconds=6, lying=True)
    _shortage_line("  control: thanks before the commit", liar)
    return _is_right(ours) and ours.refused > 0 and liar.lost > 0


def _held(folder: Path) -> bool:
    kept = True
    for seconds, is_too_long in ((4, False), (20, True)):
        (folder / str(seconds)).mkdir()
        found = held_database(folder / str(seconds), seconds=seconds)
        _shortage_line(f"database held by another for {seconds} s", found)
        kept &= _is_right(found) and (found.refused > 0) is is_too_long
    return kept


def _is_right(found: Shortage) -> bool:
    return (found.lost, found.doubled, found.strange) == (0, 0, []) and found.afterwards >= 50


def _races(database_name: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        url = _fresh_postgres() if database_name == "PostgreSQL" else ""
        settings = Settings(_env_file=None, data_dir=Path(folder) / "data", database_url=url)  # type: ignore[call-arg]
        database = open_database(settings, create=True)
        migrate(database, settings)
        with database.writing() as session:
            plant_reference(session, now=NOW)
        races = all_races(database)
        database.engine.dispose()
    for race in races:
        print(
            f"16 at once, {database_name}: {race.name}: {race.got} (must be {race.wanted}; "
            f"control, without the guard: {race.unguarded})",
            flush=True,
        )
    return all(race.got == race.wanted != race.unguarded for race in races)


def _races_on_postgres() -> bool:
    if _POSTGRES in os.environ:
        return _races("PostgreSQL")
    if not shutil.which("pg_virtualenv"):
        print("16 at once, PostgreSQL: left out, no pg_virtualenv here", flush=True)
        return True
    url = f'export {_POSTGRES}="postgresql+psycopg://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/postgres"; exec "$@"'
    command = ["pg_virtualenv", "-t", "bash", "-c", url, "bash", sys.executable, "-m", "benchmarks.faults", "races"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _fresh_postgres() -> str:
    server = os.environ[_POSTGRES]
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS rouge_faults WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE rouge_faults"))
    engine.dispose()
    return make_url(server).set(database="rouge_faults").render_as_string(hide_password=False)


if __name__ == "__main__":
    sys.exit(main())
