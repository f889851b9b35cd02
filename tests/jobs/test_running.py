"""Work for the machine: once, whatever dies in between."""

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from app.actions.jobs import claim, fail, finish, go_on, put_job, retry_job
from app.jobs.errands import Done, Kind, OutsideKind
from app.jobs.schedule import Named
from app.models import AuditEntry, Heartbeat, Job, JobRun
from app.rules.jobs import LEASE, LONGEST_LEASE, Hopeless, JobNotDead, LeaseLost
from app.vocabulary import JobStage, JobState
from tests.jobs.conftest import effects, jobs, put, write_tag

THREADS, JOBS = 16, 60
LEASES = {"tag": LEASE}


class MailServerAway(OSError):
    """What a sending job may meet."""


def fails(session, errand):
    """Work that never goes well, after its effect."""
    write_tag(session, errand)
    raise MailServerAway(111, "连接被拒绝")


# ── Once ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_due_is_done_once_and_what_is_not_yet_waits(database, runner, now):
    put(database, now, "due", "also due")
    put(database, now, "later", after=timedelta(seconds=1))
    assert runner().sweep().done == 2
    assert runner().sweep().done == 0
    assert effects(database) == {"due": 1, "also due": 1}
    assert jobs(database)["due"].stage is JobStage.DONE
    assert jobs(database)["due"].finished_at == now
    assert jobs(database)["later"].stage is JobStage.WAITING


def test_the_same_key_twice_is_one_job_for_ever(database, runner, now):
    put(database, now, "birthday:2026:17", "birthday:2026:17")
    runner().sweep()
    with database.writing() as session:
        assert not put_job(session, "tag", "birthday:2026:17", {}, now=now, due_at=now)
    runner().sweep()
    assert effects(database) == {"birthday:2026:17": 1}


def test_a_job_is_there_only_if_what_caused_it_is(database, now):
    def puts_and_breaks():
        with database.writing() as session:
            put_job(session, "tag", "never", {}, now=now, due_at=now)
            raise MailServerAway

    with pytest.raises(MailServerAway):
        puts_and_breaks()
    assert jobs(database) == {}


def test_a_kind_this_version_does_not_know_is_left_for_one_that_does(database, runner, now):
    put(database, now, "of tomorrow", kind="not yet written")
    assert runner().sweep().done == 0
    assert jobs(database)["of tomorrow"].attempts == 0


def test_a_late_worker_does_what_was_due_long_ago_once(database, runner, clock, now):
    put(database, now, "birthday")
    clock.forward(days=40)
    runner().sweep()
    runner().sweep()
    assert effects(database) == {"birthday": 1}


# ── Effect and done are one ───────────────────────────────────────────────────────────────────────────────────────────


def test_dying_between_the_effect_and_done_leaves_neither(database, runner, clock, now):
    def dies(session, errand):
        write_tag(session, errand)
        raise KeyboardInterrupt  # not an error of the job: the process goes

    put(database, now, "a")
    with pytest.raises(KeyboardInterrupt):
        runner({"tag": Kind(dies)}).sweep()
    assert effects(database) == {}
    assert jobs(database)["a"].stage is JobStage.LEASED
    clock.forward(seconds=LEASE.total_seconds())
    assert runner(worker="two").sweep().done == 1
    assert effects(database) == {"a": 1}


def test_control_done_in_a_transaction_of_its_own_doubles_the_effect(database, runner, clock, now):
    """What the one transaction is for: the same death, with the effect committed by itself."""

    def commits_by_itself(database, settings, errand):
        with database.writing() as session:
            write_tag(session, errand)
        if errand.key not in died:
            died.add(errand.key)
            raise KeyboardInterrupt
        return Done()

    died: set[str] = set()
    put(database, now, "a")
    with pytest.raises(KeyboardInterrupt):
        runner({"tag": OutsideKind(commits_by_itself)}).sweep()
    clock.forward(seconds=LEASE.total_seconds())
    runner({"tag": OutsideKind(commits_by_itself)}).sweep()
    assert effects(database) == {"a": 2}


def test_work_outside_is_handed_the_same_key_however_often_it_is_tried(database, runner, clock, now):
    sent: list[str] = []

    def sends(database, settings, errand):
        sent.append(errand.key)
        if len(sent) == 1:
            raise MailServerAway(111, "连接被拒绝")
        return Done()

    put(database, now, "message:7")
    runner({"tag": OutsideKind(sends)}).sweep()
    clock.forward(minutes=1)
    runner({"tag": OutsideKind(sends)}).sweep()
    assert sent == ["message:7", "message:7"]
    assert jobs(database)["message:7"].stage is JobStage.DONE


# ── Leases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_else_takes_a_job_until_its_lease_is_over(database, now):
    put(database, now, "a")
    with database.writing() as session:
        assert claim(session, LEASES, worker="one", now=now).attempt == 1
    with database.writing() as session:
        assert claim(session, LEASES, worker="two", now=now + LEASE - timedelta(seconds=1)) is None
        assert claim(session, LEASES, worker="two", now=now + LEASE).attempt == 2


def test_who_lost_the_lease_can_neither_finish_nor_fail_the_job(database, now):
    put(database, now, "a")
    with database.writing() as session:
        slow = claim(session, LEASES, worker="slow", now=now)
    with database.writing() as session:
        quick = claim(session, LEASES, worker="quick", now=now + LEASE)
    with pytest.raises(LeaseLost), database.writing() as session:
        finish(session, slow, now=now + LEASE)
    with database.writing() as session:
        assert not fail(session, slow, reason="", is_hopeless=True, now=now + LEASE)
    assert jobs(database)["a"].leased_by.startswith("quick")
    with database.writing() as session:
        finish(session, quick, now=now + LEASE)
    assert jobs(database)["a"].stage is JobStage.DONE


def test_a_worker_that_slept_through_its_lease_leaves_no_second_effect(database, runner, clock, now):
    def sleeps(database, settings, errand):
        clock.forward(seconds=LEASE.total_seconds())
        runner(worker="two").sweep()
        return Done()

    put(database, now, "a")
    tally = runner({"tag": OutsideKind(sleeps)}).sweep()
    assert (tally.done, tally.failed) == (0, 1)
    assert effects(database) == {"a": 1}
    assert jobs(database)["a"].attempts == 2


# ── Back-off and giving up ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failure_leaves_no_effect_and_is_tried_again_later_and_later(database, runner, clock, now):
    put(database, now, "a")
    waits = []
    while (job := jobs(database).get("a")).stage is JobStage.WAITING:
        assert runner({"tag": Kind(fails)}).sweep().failed == 1
        assert runner({"tag": Kind(fails)}).sweep().failed == 0
        job = jobs(database)["a"]
        if job.stage is JobStage.WAITING:
            waits.append(int((job.due_at - clock.now) / timedelta(minutes=1)))
            clock.now = job.due_at
    assert waits == [1, 3, 9, 27, 81, 243, 360]
    assert (job.stage, job.attempts, job.last_error) == (JobStage.DEAD, 8, "连接被拒绝")
    assert effects(database) == {}


def test_what_cannot_succeed_is_given_up_at_once(database, runner, now):
    def finds_a_hole(session, errand):
        raise Hopeless

    put(database, now, "a")
    runner({"tag": Kind(finds_a_hole)}).sweep()
    assert jobs(database)["a"].stage is JobStage.DEAD
    assert jobs(database)["a"].last_error == Hopeless.message


def test_the_reason_names_the_folder_and_what_to_do(database, runner, now):
    def meets_a_full_disk(session, errand):
        raise OSError(errno.ENOSPC, "No space left on device", "/mnt/stick")

    put(database, now, "a")
    tally = runner({"tag": Kind(meets_a_full_disk)}).sweep()
    assert jobs(database)["a"].last_error == "磁盘满了：/mnt/stick。请腾出空间，会自动再试"
    assert tally.reasons == ("a: 磁盘满了：/mnt/stick。请腾出空间，会自动再试",)


def test_the_reason_quotes_no_customer(database, runner, now):
    def trips(session, errand):
        raise ValueError("13800138000")

    put(database, now, "a")
    runner({"tag": Kind(trips)}).sweep()
    assert "ValueError" in jobs(database)["a"].last_error
    assert "138" not in jobs(database)["a"].last_error


def test_a_job_that_kills_its_workers_is_given_up_too(database, runner, clock, now):
    put(database, now, "poison")
    for _ in range(8):
        with database.writing() as session:
            assert claim(session, LEASES, worker="killed", now=clock.now)
        clock.forward(seconds=LEASE.total_seconds())
    assert runner().sweep().done == 0
    assert jobs(database)["poison"].stage is JobStage.DEAD
    assert jobs(database)["poison"].last_error


def test_the_dead_stay_until_a_person_tries_again_and_that_is_written_down(database, runner, clock, now):
    put(database, now, "a")
    with database.writing() as session:
        fail(session, claim(session, LEASES, worker="one", now=now), reason="x", is_hopeless=True, now=now)
    clock.forward(days=300)
    assert runner().sweep().done == 0
    with database.writing() as session:
        retry_job(session, jobs(database)["a"].id, now=clock.now)
    assert runner().sweep().done == 1
    with database.writing() as session, pytest.raises(JobNotDead):
        retry_job(session, jobs(database)["a"].id, now=clock.now)
    with database.reading() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.subject == "jobs")).one()


# ── Many at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def at_once(work):
    """Sixteen threads start together."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [one.result() for one in [pool.submit(work, number) for number in range(THREADS)]]


def test_sixteen_workers_do_every_job_once(database, runner, now):
    put(database, now, *(f"job {n}" for n in range(JOBS)))
    tallies = at_once(lambda number: runner(worker=str(number)).sweep())
    assert sum(tally.done for tally in tallies) == JOBS
    assert sum(tally.failed for tally in tallies) == 0
    assert effects(database) == {f"job {n}": 1 for n in range(JOBS)}


def test_control_asking_first_and_taking_later_gives_one_job_to_many(database, now):
    """What the one statement is for."""
    put(database, now, "a")

    def reads_then_writes(number):
        with database.reading() as session:
            job = session.exec(select(Job).where(Job.stage == JobStage.WAITING)).first()
        barrier.wait()
        if job is None:
            return 0
        with database.writing() as session:
            session.execute(update(Job).where(col(Job.id) == job.id).values(stage=JobStage.LEASED))
        return 1

    barrier = Barrier(THREADS)
    assert sum(at_once(reads_then_writes)) > 1


def test_sixteen_claims_of_one_job_give_it_to_one(database, now):
    put(database, now, "a")

    def takes(number):
        with database.writing() as session:
            return claim(session, LEASES, worker=str(number), now=now) is not None

    assert sum(at_once(takes)) == 1


def test_two_plans_of_one_slot_are_one_job(database, runner, now):
    always = Named("tag", lambda *_: True, lambda *_: "tag:2026-11-24")
    at_once(lambda number: runner(schedule=[always], worker=str(number)).plan())
    assert list(jobs(database)) == ["tag:2026-11-24"]


# ── Clocks that jump ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_a_day_while_a_job_is_held_neither_loses_nor_doubles_it(database, runner, clock, now, days):
    put(database, now - timedelta(days=2), "a")
    with database.writing() as session:
        held = claim(session, LEASES, worker="killed", now=now)
    clock.forward(days=days)
    assert runner().sweep().done == 1
    with pytest.raises(LeaseLost), database.writing() as session:
        finish(session, held, now=clock.now)
    assert effects(database) == {"a": 1}


def test_a_lease_from_before_the_clock_was_put_back_is_not_waited_for(database, clock, now):
    put(database, now - timedelta(days=9), "a")
    with database.writing() as session:
        claim(session, {"tag": LONGEST_LEASE}, worker="killed", now=now)
    with database.writing() as session:
        assert claim(session, LEASES, worker="two", now=now - timedelta(days=1)) is not None


# ── What is written down ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_leaves_a_sign_of_life_even_with_nothing_to_do(database, runner, now):
    runner().sweep()
    with database.reading() as session:
        assert session.exec(select(Heartbeat)).one().beaten_at == now


def test_runs_of_named_jobs_are_written_down_and_others_are_not(database, runner, now):
    never = Named("tag", lambda *_: False, lambda *_: "")
    put(database, now, "named")
    put(database, now, "other", kind="other")
    runner({"tag": Kind(fails), "other": Kind(write_tag)}, schedule=[never]).sweep()
    with database.reading() as session:
        run = session.exec(select(JobRun)).one()
        assert (run.name, run.state, run.outcome) == ("tag", JobState.FAILED, "连接被拒绝")


def test_long_work_goes_slice_by_slice_and_is_one_run(database, runner, now):
    def three_slices(session, errand):
        write_tag(session, errand)
        n = int(errand.payload.get("n", 1))
        return Done(then={"n": n + 1}) if n < 3 else Done("三片")

    never = Named("tag", lambda *_: False, lambda *_: "")
    put(database, now, "night")
    assert runner({"tag": Kind(three_slices)}, schedule=[never]).sweep().done == 3
    assert effects(database) == {"night": 3}
    assert jobs(database)["night"].stage is JobStage.DONE
    with database.reading() as session:
        assert session.exec(select(JobRun.outcome)).all() == ["三片"]


def test_who_lost_the_lease_of_one_slice_cannot_finish_the_next(database, now):
    put(database, now, "night")
    with database.writing() as session:
        slow = claim(session, LEASES, worker="one", now=now)
    with database.writing() as session:
        quick = claim(session, LEASES, worker="one", now=now + LEASE)
        finish(session, quick, now=now + LEASE)
        go_on(session, quick, {"n": 2}, now=now + LEASE)
    with database.writing() as session:
        following = claim(session, LEASES, worker="one", now=now + LEASE)
    assert (following.attempt, following.payload) == (slow.attempt, {"n": 2})
    with pytest.raises(LeaseLost), database.writing() as session:
        finish(session, slow, now=now + LEASE)
