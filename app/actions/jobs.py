"""The outbox: work for the machine is written in the transaction that causes it, taken on lease, and done in the
transaction of its effect. Nothing here is ever deleted."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, literal, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.audit import note_deed
from app.models import Heartbeat, Job, JobRun
from app.queries.jobs import PUT, SWEEP, claimable, lease_is_over
from app.rules.jobs import MOST_ATTEMPTS, JobNotDead, LeaseLost, retry_after
from app.rules.refusals import NotFound
from app.vocabulary import AuditAction, JobStage, JobState

LONGEST_REASON, LONGEST_OUTCOME = 200, 500


@dataclass(frozen=True)
class Claimed:
    """A job on lease. `attempt` counts from 1. `held_by` is the proof of the lease, another one for every claim: whoever
    took the job over has another."""

    id: int
    kind: str
    key: str
    payload: dict[str, Any]
    attempt: int
    held_by: str


# ── Putting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def put_job(
    session: Session, kind: str, key: str, payload: Mapping[str, int | str], *, now: datetime, due_at: datetime
) -> bool:
    """Write down work to be done from `due_at` on; whether it is new. The same key twice is one job, for ever: make it
    say what must happen once (`birthday:2026:customer:17`). The payload holds ids, nothing personal."""
    values = {
        "kind": kind,
        "key": key,
        "payload": json.dumps(dict(payload)),
        "due_at": due_at,
        "created_at": now,
        "stage": JobStage.WAITING,
        "leased_by": "",
        "attempts": 0,
        "last_error": "",
    }
    session.info[PUT] = True
    wanted = _insert(session, Job).values(values).on_conflict_do_nothing(index_elements=["key"])
    return session.execute(wanted.returning(Job.id)).first() is not None


def _insert(session: Session, table: Any) -> Any:
    dialect = session.get_bind().dialect.name
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


# ── Taking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(session: Session, leases: Mapping[str, timedelta], *, worker: str, now: datetime) -> Claimed | None:
    """Take the job that has been due longest, of the kinds in `leases`, for as long as its kind says; None when there is
    none. Two workers never get the same one: the statement asks and takes at once."""
    free = claimable(now) & col(Job.kind).in_(list(leases)) & (col(Job.attempts) < MOST_ATTEMPTS)
    first = select(Job.id).where(free).order_by(col(Job.due_at), col(Job.id)).limit(1)
    moment = col(Job.lease_until).type  # type: ignore[attr-defined]
    until = case({kind: literal(now + lease, moment) for kind, lease in leases.items()}, value=col(Job.kind))
    held_by = f"{worker}/{secrets.token_hex(3)}"
    taken = session.execute(
        update(Job)
        .where(col(Job.id) == first.with_for_update(skip_locked=True).scalar_subquery())
        .values(stage=JobStage.LEASED, lease_until=until, leased_by=held_by, attempts=Job.attempts + 1)
        .returning(col(Job.id), col(Job.kind), col(Job.key), col(Job.payload), col(Job.attempts))
        .execution_options(synchronize_session=False)
    ).first()
    return (
        Claimed(taken.id, taken.kind, taken.key, json.loads(taken.payload), taken.attempts, held_by) if taken else None
    )


def bury_abandoned(session: Session, *, reason: str, now: datetime) -> int:
    """Give up what was taken again and again and never came back: it may be what kills the workers. How many."""
    gone = (col(Job.stage) == JobStage.LEASED) & lease_is_over(now) & (col(Job.attempts) >= MOST_ATTEMPTS)
    dead = {"stage": JobStage.DEAD, "lease_until": None, "last_error": reason[:LONGEST_REASON], "finished_at": now}
    return _rows(session, update(Job).where(gone).values(dead))


# ── Ending ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def finish(session: Session, job: Claimed, *, now: datetime) -> None:
    """Done. Call it first and the effect after it, in one transaction: nobody else can take the job from then on.
    Raises LeaseLost, and then nothing of this transaction may stay."""
    done = {"stage": JobStage.DONE, "finished_at": now, "lease_until": None, "last_error": ""}
    if _rows(session, update(Job).where(_mine(job)).values(done)) != 1:
        raise LeaseLost


def go_on(session: Session, job: Claimed, payload: Mapping[str, int | str], *, now: datetime) -> None:
    """The slice is done, the next one waits: the same job with another payload. In the transaction of `finish`."""
    following = {"stage": JobStage.WAITING, "payload": json.dumps(dict(payload)), "due_at": now}
    _rows(session, update(Job).where(col(Job.id) == job.id).values(following | {"attempts": 0, "finished_at": None}))


def fail(session: Session, job: Claimed, *, reason: str, is_hopeless: bool = False, now: datetime) -> bool:
    """Not done: again later, or given up; whether it was given up. Somebody else's by now: left to them."""
    wait = None if is_hopeless else retry_after(job.attempt)
    values: dict[str, Any] = {"lease_until": None, "last_error": reason[:LONGEST_REASON]}
    if wait is None:
        values |= {"stage": JobStage.DEAD, "finished_at": now}
    else:
        values |= {"stage": JobStage.WAITING, "due_at": now + wait}
    return bool(_rows(session, update(Job).where(_mine(job)).values(values))) and wait is None


def close_waiting(session: Session, kind: str, *, but: str, reason: str, now: datetime) -> None:
    """A newer slot of the same named work is there: the older ones need not be tried any more."""
    older = (col(Job.kind) == kind) & (col(Job.stage) == JobStage.WAITING) & (col(Job.key) != but)
    _rows(session, update(Job).where(older).values(_closed(reason, now)))


def close_all_dead_but_newest(session: Session, kind: str, *, reason: str, now: datetime) -> None:
    """One that was given up is enough to tell a person that this named work does not go."""
    dead = (col(Job.kind) == kind) & (col(Job.stage) == JobStage.DEAD)
    newest = select(func.max(col(Job.id))).where(dead).scalar_subquery()
    _rows(session, update(Job).where(dead, col(Job.id) < newest).values(_closed(reason, now)))


def _closed(reason: str, now: datetime) -> dict[str, Any]:
    return {"stage": JobStage.DONE, "last_error": reason[:LONGEST_REASON], "finished_at": now}


def _mine(job: Claimed) -> Any:
    return (col(Job.id) == job.id) & (col(Job.stage) == JobStage.LEASED) & (col(Job.leased_by) == job.held_by)


def _rows(session: Session, statement: Any) -> int:
    done = session.execute(statement.execution_options(synchronize_session=False))
    return done.rowcount  # type: ignore[attr-defined]  # what an UPDATE answers has it


def retry_job(session: Session, job_id: int, *, now: datetime) -> Job:
    """Try once more what was given up, from the beginning. Raises JobNotDead."""
    job = session.exec(select(Job).where(Job.id == job_id).with_for_update()).first()
    if job is None:
        raise NotFound
    if job.stage is not JobStage.DEAD:
        raise JobNotDead
    job.stage, job.attempts, job.due_at, job.finished_at, job.leased_by = JobStage.WAITING, 0, now, None, ""
    session.info[PUT] = True
    session.flush()
    note_deed(session, AuditAction.UPDATE, "jobs", job.id, key=job.key)
    return job


# ── Signs of life ─────────────────────────────────────────────────────────────────────────────────────────────────────


def note_run(
    session: Session,
    name: str,
    *,
    started_at: datetime,
    finished_at: datetime,
    state: JobState = JobState.DONE,
    outcome: str = "",
) -> JobRun:
    """Write down one run of a named job, by the clock or by hand: when, how it went, what it did in words. One that went
    well does for all slots that still wait or were given up."""
    if state is JobState.DONE:
        open_ones = (col(Job.kind) == name) & col(Job.stage).in_([JobStage.WAITING, JobStage.DEAD])
        _rows(session, update(Job).where(open_ones).values(_closed(outcome, finished_at)))
    run = JobRun(
        name=name, started_at=started_at, finished_at=finished_at, state=state, outcome=outcome[:LONGEST_OUTCOME]
    )
    session.add(run)
    session.flush()
    return run


def beat(session: Session, *, now: datetime) -> None:
    """The workers live."""
    sign = _insert(session, Heartbeat).values(name=SWEEP, beaten_at=now)
    session.execute(sign.on_conflict_do_update(index_elements=["name"], set_={"beaten_at": now}))
