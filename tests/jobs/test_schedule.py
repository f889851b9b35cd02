"""The night's work: derived from what has been done, so late, twice and on two machines is all the same."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from app.actions.jobs import note_run, put_job
from app.actions.policy import change_policy
from app.actions.tiers import Reviewed
from app.jobs import kinds, tiers
from app.jobs.errands import Done, OutsideKind
from app.jobs.schedule import ON_CALL, SCHEDULE, nightly
from app.models import KeptAnswer, RateWindow, Staff, StaffSession
from app.queries.jobs import last_done
from app.vocabulary import JobKind, JobStage, JobState, Role
from tests.jobs.conftest import jobs

BACKUP = nightly(JobKind.BACKUP)
LAST_NIGHT = datetime(2026, 11, 23, 19, tzinfo=UTC)  # 03:00 in Shanghai


def open_shop(database, at):
    """Somebody works here since then."""
    with database.writing() as session:
        session.add(Staff(name="李店主", login="owner", password_hash="!", role=Role.OWNER, created_at=at))


@pytest.fixture
def opened(database, now):
    """A shop that has been open for a week."""
    open_shop(database, now - timedelta(days=7))


def counted():
    """A kind of work that counts its runs."""
    ran = []

    def runs(database, settings, errand):
        ran.append(errand.key)
        return Done("好")

    return ran, {JobKind.BACKUP: OutsideKind(runs)}


def test_a_night_is_worked_once_however_often_one_looks(database, runner, clock, opened):
    ran, work = counted()
    for _ in range(3):
        runner(work, schedule=[BACKUP]).sweep()
        clock.forward(minutes=10)
    assert ran == ["backup:2026-11-24:03"]
    clock.now = LAST_NIGHT + timedelta(days=1)
    runner(work, schedule=[BACKUP]).sweep()
    assert ran == ["backup:2026-11-24:03", "backup:2026-11-25:03"]


def test_before_the_hour_nothing_is_due(database, runner, clock, opened):
    ran, work = counted()
    runner(work, schedule=[BACKUP]).sweep()
    clock.now = LAST_NIGHT + timedelta(days=1, seconds=-1)
    assert runner(work, schedule=[BACKUP]).sweep().done == 0
    assert len(ran) == 1


def test_a_machine_that_was_off_for_a_week_catches_up_once(database, runner, clock, opened):
    ran, work = counted()
    runner(work, schedule=[BACKUP]).sweep()
    clock.forward(days=7)
    runner(work, schedule=[BACKUP]).sweep()
    runner(work, schedule=[BACKUP], worker="two").sweep()
    assert ran == ["backup:2026-11-24:03", "backup:2026-12-01:03"]


def test_the_hour_is_the_owners(database, runner, clock, opened, now):
    _, work = counted()
    runner(work, schedule=[BACKUP]).sweep()
    with database.writing() as session:
        assert change_policy(session, {"night_hour": "22"}, now=now) == {}
    clock.now = datetime(2026, 11, 24, 14, tzinfo=UTC) - timedelta(seconds=1)
    assert runner(work, schedule=[BACKUP]).sweep().done == 0
    clock.forward(seconds=1)
    assert runner(work, schedule=[BACKUP]).sweep().done == 1


def test_a_shop_that_opened_today_has_its_first_night_before_it(database, runner, clock, now):
    _, work = counted()
    assert runner(work, schedule=[BACKUP]).sweep().done == 0
    open_shop(database, now)
    assert runner(work, schedule=[BACKUP]).sweep().done == 0
    clock.now = LAST_NIGHT + timedelta(days=1)
    assert runner(work, schedule=[BACKUP]).sweep().done == 1


def test_one_made_by_hand_after_the_hour_is_the_nights(database, runner, now, opened):
    ran, work = counted()
    with database.writing() as session:
        note_run(session, "backup", started_at=now, finished_at=now)
    runner(work, schedule=[BACKUP]).sweep()
    assert ran == []


def test_a_run_that_failed_does_not_count(database, runner, now, opened):
    _, work = counted()
    with database.writing() as session:
        note_run(session, "backup", started_at=now, finished_at=now, state=JobState.FAILED)
    assert runner(work, schedule=[BACKUP]).sweep().done == 1


def test_ten_blocked_nights_leave_one_red_item_and_one_success_none(database, runner, clock, opened):
    def is_blocked(database, settings, errand):
        raise FileExistsError(17, "File exists", "/data/backups")

    blocked = {JobKind.BACKUP: OutsideKind(is_blocked)}
    reds = []
    for _ in range(10 * 24):
        runner(blocked, schedule=[BACKUP]).sweep()
        clock.forward(hours=1)
        stages = [job.stage for job in jobs(database).values()]
        reds.append(stages.count(JobStage.DEAD))
        assert stages.count(JobStage.WAITING) <= 1
    assert reds.index(1) < 36
    assert set(reds[reds.index(1) :]) == {1}  # and without a gap
    assert len(jobs(database)) == 11
    _, work = counted()
    clock.forward(hours=24)
    assert runner(work, schedule=[BACKUP]).sweep().done == 1
    assert {job.stage for job in jobs(database).values()} == {JobStage.DONE}


def test_one_made_by_hand_closes_what_was_given_up(database, runner, now):
    with database.writing() as session:
        put_job(session, JobKind.BACKUP, "backup:2026-11-23:03", {}, now=now, due_at=now)
        put_job(session, JobKind.REVIEW_TIERS, "review-tiers:2026-11-23:03", {}, now=now, due_at=now)
        note_run(session, JobKind.BACKUP, started_at=now, finished_at=now, state=JobState.FAILED)
    assert jobs(database)["backup:2026-11-23:03"].stage is JobStage.WAITING
    with database.writing() as session:
        note_run(session, JobKind.BACKUP, started_at=now, finished_at=now)
    assert jobs(database)["backup:2026-11-23:03"].stage is JobStage.DONE
    assert jobs(database)["review-tiers:2026-11-23:03"].stage is JobStage.WAITING


def test_a_clock_that_was_a_year_ahead_for_an_hour_stops_no_backup(database, runner, clock, opened):
    ran, work = counted()
    clock.forward(days=365)
    runner(work, schedule=[BACKUP]).sweep()
    clock.forward(days=-365)
    runner(work, schedule=[BACKUP]).sweep()
    assert ran == ["backup:2027-11-24:03", "backup:2026-11-24:03"]
    with database.reading() as session:
        assert last_done(session, "backup", until=clock.now) == clock.now


def test_the_nights_work_is_all_there_and_goes_well_in_a_shop_of_today(database, runner, opened):
    assert {named.kind for named in SCHEDULE} | ON_CALL == set(kinds.KINDS) == set(JobKind)
    tally = runner(kinds.KINDS, schedule=SCHEDULE).sweep()
    assert (tally.done, tally.failed) == (len(SCHEDULE) - 1, 0)  # no round of a survey waits


# ── The work itself ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_traces_are_kept_as_long_as_the_policy_says(database, runner, now):
    with database.writing() as session:
        staff = Staff(name="前台", login="desk", password_hash="!", role=Role.RECEPTION, created_at=now)
        session.add(staff)
        session.flush()
        for number, ended in enumerate((now - timedelta(days=184), now - timedelta(days=182), None)):
            session.add(
                StaffSession(
                    sid_sha256=bytes([number]),
                    staff_id=staff.id,
                    created_at=now,
                    last_seen_at=now,
                    expires_at=ended or now + timedelta(hours=12),
                    ended_at=ended,
                )
            )
        session.add(RateWindow(bucket=b"x", began_at=now - timedelta(days=40), count=1))
        session.add(
            KeptAnswer(scope="s", key="k", body_mark=b"x", status=200, answer="", created_at=now - timedelta(days=40))
        )
    outcome = runner(kinds.KINDS, schedule=SCHEDULE).run_by_hand(JobKind.FORGET_TRACES)
    assert outcome == "清掉了 1 个计数、1 份旧回执、1 条过期登录、0 个没导入的文件、0 张不再保存的照片"
    with database.reading() as session:
        assert [one.sid_sha256 for one in session.exec(select(StaffSession))] == [bytes([1]), bytes([2])]


def test_tiers_are_reviewed_slice_by_slice(database, runner, now, monkeypatch):
    monkeypatch.setattr(tiers, "AT_ONCE", 2)
    monkeypatch.setattr(
        tiers, "due_after", lambda session, after, limit, **_: [n for n in (1, 2, 3, 4, 5) if n > after][:limit]
    )
    seen = []
    monkeypatch.setattr(tiers, "review_due", lambda session, ids, **_: seen.append(ids) or Reviewed(len(ids), fallen=1))
    with database.writing() as session:
        put_job(session, JobKind.REVIEW_TIERS, "review-tiers:2026-11-24", {}, now=now, due_at=now)
    assert runner(kinds.KINDS, schedule=SCHEDULE).sweep().done == 3
    assert seen == [[1, 2], [3, 4], [5]]


def test_a_changed_table_is_carried_out_for_everybody_slice_by_slice(database, runner, now, monkeypatch):
    monkeypatch.setattr(tiers, "AT_ONCE", 2)
    monkeypatch.setattr(
        tiers, "customers_after", lambda session, after, limit: [n for n in (1, 2, 3) if n > after][:limit]
    )
    seen = []
    monkeypatch.setattr(tiers, "apply_table", lambda session, ids, **_: seen.append(ids) or Reviewed(len(ids)))
    with database.writing() as session:
        put_job(session, JobKind.REVIEW_TIERS, "review-tiers:table", {"apply": 1}, now=now, due_at=now)
    assert runner(kinds.KINDS, schedule=SCHEDULE).sweep().done == 2
    assert seen == [[1, 2], [3]]


def test_a_journal_somebody_changed_is_given_up_at_once_and_says_where(database, runner, now, monkeypatch):
    broken = type("Verdict", (), {"is_whole": False, "broken_id": 7})
    monkeypatch.setattr(kinds, "verify_chain", lambda session: broken)
    with database.writing() as session:
        put_job(session, JobKind.VERIFY_JOURNAL, "tonight", {}, now=now, due_at=now)
    assert runner(kinds.KINDS, schedule=SCHEDULE).sweep().failed == 1
    job = jobs(database)["tonight"]
    assert job.stage is JobStage.DEAD
    assert "第 7 条" in job.last_error
