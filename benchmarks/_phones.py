"""Customers' phones that never give up: each sends one answer until it is acknowledged, always under the same run."""

import random
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

from sqlmodel import select

from app.db import Database, migrate, open_database
from app.models import Survey, SurveyAnswer, SurveyResponse
from app.settings import Settings
from benchmarks._serving import post
from seed.reference import plant_reference

NOT_KEPT = "还没有保存"


def plant_shop(data: Path) -> str:
    """A shop whose survey has an address nobody else has. Returns it: a server that answers there serves this shop."""
    database = open_shop(data, create=True)
    migrate(database, settings_of(data))
    nonce = f"n{secrets.token_hex(8)}"
    with database.writing() as session:
        plant_reference(session, now=datetime.now(UTC))
        session.exec(select(Survey)).one().slug = nonce
    database.engine.dispose()
    return nonce


def settings_of(data: Path) -> Settings:
    """The shop's settings, whatever this machine's environment says."""
    return Settings(_env_file=None, data_dir=data, database_url="")


def open_shop(data: Path, *, create: bool = False) -> Database:
    """The shop's database."""
    return open_database(settings_of(data), create=create)


@dataclass
class Phones:
    """Phones that answer all the time. Every answer is an act of its own; `keyed=False` is a phone that forgets which
    run it was in and begins a new one for each try."""

    port: int
    slug: str
    keyed: bool = True
    acknowledged: set[str] = field(default_factory=set)
    refused: int = 0
    strange: list[str] = field(default_factory=list)
    broken: int = 0
    double_taps: int = 0
    _stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, count: int) -> None:
        """So many phones at once."""
        self._threads = [threading.Thread(target=self._answer_on, args=(n,), daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No new acts; what is under way is given up."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _answer_on(self, number: int) -> None:
        chance = random.Random(number)
        while not self._stopped.is_set():
            act, tries = secrets.token_hex(12), 0
            while not self._stopped.is_set():
                tries += 1
                if self._send(act if self.keyed else f"{act}-{tries}"):
                    self.acknowledged.add(act)
                    break
                time.sleep(0.1)
            if self.keyed and chance.random() < 0.1:
                self.double_taps += self._send(act)

    def _send(self, run: str) -> bool:
        sender = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        body = f"submission_id={run}&question=product&answer=5"
        try:
            status, location, page = post(self.port, f"/s/{self.slug}", body, sender=sender)
        except (OSError, HTTPException):
            self.broken += 1
            return False
        if status == 303 and run in location:
            return True
        if status == 503 and NOT_KEPT in page:
            self.refused += 1
        else:
            self.strange.append(f"{status} {location}")
        return False


def lost_and_doubled(data: Path, acknowledged: set[str]) -> tuple[int, int]:
    """How many acknowledged acts are not there, and how many are there more than once."""
    database = open_shop(data)
    with database.reading() as session:
        runs = session.exec(select(SurveyResponse.submission_id).join(SurveyAnswer)).all()
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.engine.dispose()
    acts = [run.partition("-")[0] for run in runs]
    there = set(acts)
    return len(acknowledged - there), len(acts) - len(there)
