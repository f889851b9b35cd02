"""Taking what is due and doing it. Any number of workers may do this at once, on any number of machines."""

import errno
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session

from app.actions.jobs import (
    Claimed,
    beat,
    bury_abandoned,
    claim,
    close_all_dead_but_newest,
    close_waiting,
    fail,
    finish,
    go_on,
    note_run,
    put_job,
)
from app.db import Database
from app.i18n import gettext, kept
from app.jobs.errands import AnyKind, Done, Errand, Kind
from app.jobs.schedule import Named
from app.queries.jobs import has_claimable, has_job
from app.queries.policy import current_policy
from app.rules.jobs import SWEEP_SECONDS, Hopeless, LeaseLost
from app.rules.refusals import RuleBroken, words
from app.settings import Settings
from app.vocabulary import JobState

SIGN_EVERY = timedelta(seconds=SWEEP_SECONDS)
_LOG = logging.getLogger(__name__)
_ABANDONED = words("做了多次都没有做完，工作进程每次都中途停了")
_SUPERSEDED = words("后来又做过，或排了新的一晚")
_FULL = words("磁盘满了：{path}。请腾出空间，会自动再试")
_SHUT = words("不能写入 {path}。请检查它的主人和权限，会自动再试")
_TAKEN = words("{path} 那里有别的文件挡着。请把它移走或改名，会自动再试")
_GONE = words("找不到 {path}。请检查那块盘接上了没有，会自动再试")
_OUTSIDE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _SHUT,
    errno.EPERM: _SHUT,
    errno.EROFS: _SHUT,
    errno.EEXIST: _TAKEN,
    errno.ENOTDIR: _TAKEN,
    errno.ENOENT: _GONE,
}
_BROKEN = words("程序出错（{kind}），详见日志")


@dataclass(frozen=True)
class Tally:
    """What a sweep did: jobs done and jobs that failed, with the `reasons` in words."""

    done: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Runner:
    """A worker's way through what is due. `clock` says what time it is, `worker` who this is; `real_clock` is the machine's
    own where `clock` tells of another moment."""

    database: Database
    settings: Settings
    kinds: Mapping[str, AnyKind]
    schedule: Collection[Named]
    clock: Callable[[], datetime]
    worker: str
    real_clock: Callable[[], datetime] | None = None

    # ── Sweeping ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def sweep(self, is_over: Callable[[], bool] = lambda: False, *, signs: bool = True) -> Tally:
        """Everything that is due now, the oldest first, until nothing is or `is_over`. `signs`: leave signs of life on
        the way, for /readyz."""
        self.plan()
        tally = Tally()
        for job in self._claims(is_over, signs=signs):
            reason = self.do(job)
            if reason is None:
                tally = replace(tally, done=tally.done + 1)
            else:
                tally = replace(tally, failed=tally.failed + 1, reasons=(*tally.reasons, f"{job.key}: {reason}"))
        return tally

    def plan(self) -> None:
        """Put what the schedule finds due. The slot is in the key: a second worker's plan is the same job."""
        now = self.clock()
        with self.database.reading() as session:
            policy = current_policy(session)
            wanted = [
                (named, key)
                for named in self.schedule
                if named.is_due(session, now, policy, self.settings.zone)
                and not has_job(session, key := named.slot(now, policy, self.settings.zone))
            ]
        for named, key in wanted:
            with self.database.writing() as session:
                if put_job(session, named.kind, key, {}, now=now, due_at=now):
                    close_waiting(session, named.kind, but=key, reason=gettext(_SUPERSEDED), now=now)
                    close_all_dead_but_newest(session, named.kind, reason=gettext(_SUPERSEDED), now=now)

    def _claims(self, is_over: Callable[[], bool], *, signs: bool) -> Iterator[Claimed]:
        leases = {name: kind.lease for name, kind in self.kinds.items()}
        signed_at: datetime | None = None
        while not is_over():
            now = self.clock()
            if signs and (signed_at is None or abs(now - signed_at) >= SIGN_EVERY):
                signed_at = now
                with self.database.writing() as session:
                    beat(session, now=now)
            with self.database.reading() as session:
                if not has_claimable(session, list(leases), now):
                    return
            with self.database.writing() as session:
                job = claim(session, leases, worker=self.worker, now=now)
                if job is None:
                    bury_abandoned(session, reason=gettext(_ABANDONED), now=now)
                    return
            yield job

    # ── One job ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def do(self, job: Claimed) -> str | None:
        """Do one job that was claimed; None when it went well, or why not. What goes wrong is written down, never
        raised."""
        started_at = self.clock()
        try:
            self._effect(job, started_at)
        except LeaseLost as lost:
            return lost.say(gettext)
        except Exception as error:  # noqa: BLE001  whatever a job raises, the worker goes on
            if not isinstance(error, RuleBroken | OSError):
                _LOG.exception("job %s failed", job.key)
            self._failed(job, error, started_at)
            return reason_of(error)
        return None

    def _effect(self, job: Claimed, started_at: datetime) -> None:
        kind = self.kinds[job.kind]
        if isinstance(kind, Kind):
            with self.database.writing() as session:
                finish(session, job, now=started_at)
                self._follow(session, job, kind.work(session, self._errand(session, job)), started_at)
            return
        with self.database.reading() as session:
            errand = self._errand(session, job)
        done = kind.work(self.database, self.settings, errand)
        with self.database.writing() as session:
            finish(session, job, now=self.clock())
            self._follow(session, job, done, started_at)

    def _errand(self, session: Session, job: Claimed) -> Errand:
        now, real_now = self.clock(), (self.real_clock or self.clock)()
        return Errand(job.key, job.payload, now, real_now, current_policy(session), self.settings.zone)

    def _follow(self, session: Session, job: Claimed, done: Done, started_at: datetime) -> None:
        now = self.clock()
        if done.then is not None:
            go_on(session, job, done.then, now=now)
        elif self._is_named(job):
            note_run(session, job.kind, started_at=started_at, finished_at=now, state=JobState.DONE, outcome=done.kept)

    def _failed(self, job: Claimed, error: Exception, started_at: datetime) -> None:
        now, reason = self.clock(), reason_of(error)
        with self.database.writing() as session:
            fail(session, job, reason=reason, is_hopeless=isinstance(error, Hopeless), now=now)
            if self._is_named(job):
                close_all_dead_but_newest(session, job.kind, reason=gettext(_SUPERSEDED), now=now)
                note_run(
                    session,
                    job.kind,
                    started_at=started_at,
                    finished_at=now,
                    state=JobState.FAILED,
                    outcome=_kept_reason(error),
                )

    def _is_named(self, job: Claimed) -> bool:
        return any(named.kind == job.kind for named in self.schedule)

    # ── By hand ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def run_by_hand(self, name: str) -> str:
        """Do a named job now, due or not, and say what came of it. It may run beside the worker's own: both only do what
        is not done yet. Raises what the work raises, after it was written down."""
        started_at = self.clock()
        payload: dict[str, int | str] = {}
        try:
            while (done := self._by_hand(name, payload, started_at)).then is not None:
                payload = dict(done.then)
        except Exception as error:
            with self.database.writing() as session:
                note_run(
                    session,
                    name,
                    started_at=started_at,
                    finished_at=self.clock(),
                    state=JobState.FAILED,
                    outcome=_kept_reason(error),
                )
            raise
        return done.outcome

    def _by_hand(self, name: str, payload: dict[str, int | str], started_at: datetime) -> Done:
        kind, job = self.kinds[name], Claimed(0, name, f"{name}:{started_at.isoformat()}", payload, 1, "")
        if isinstance(kind, Kind):
            with self.database.writing() as session:
                done = kind.work(session, self._errand(session, job))
                self._note_by_hand(session, name, done, started_at)
            return done
        with self.database.reading() as session:
            errand = self._errand(session, job)
        done = kind.work(self.database, self.settings, errand)
        with self.database.writing() as session:
            self._note_by_hand(session, name, done, started_at)
        return done

    def _note_by_hand(self, session: Session, name: str, done: Done, started_at: datetime) -> None:
        if done.then is None:
            note_run(
                session,
                name,
                started_at=started_at,
                finished_at=self.clock(),
                state=JobState.DONE,
                outcome=done.kept,
            )


def reason_of(error: Exception) -> str:
    """Why it failed, in words for the shop and without anything personal: an error of ours may quote a customer."""
    if isinstance(error, RuleBroken):
        return error.say(gettext)
    if isinstance(error, OSError) and error.strerror:
        sentence = _OUTSIDE.get(error.errno or 0) if error.filename else None
        return gettext(sentence).format(path=error.filename) if sentence else error.strerror
    return gettext(_BROKEN).format(kind=type(error).__name__)


def _kept_reason(error: Exception) -> str:
    return kept(error.message, error.values) if isinstance(error, RuleBroken) else reason_of(error)
