"""What the owner sees of the machine's work, and what she can do about it."""

import shutil
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from app.actions.jobs import beat, claim, fail, note_run, put_job
from app.db import open_database
from app.gateways.backups import create_backup, last_backup_at
from app.models import AuditEntry, Job, Staff
from app.queries.jobs import jobs_health
from app.settings import Settings
from app.vocabulary import JobKind, JobStage, JobState, Role

HOUR = timedelta(hours=1)


@pytest.fixture
def dead(database, people, real_now):
    """A backup that was given up; its number."""
    with database.writing() as session:
        put_job(session, JobKind.BACKUP, "backup:2026-11-24:03", {}, now=real_now, due_at=real_now)
        job = claim(session, {JobKind.BACKUP: HOUR}, worker="one", now=real_now)
        fail(session, job, reason="磁盘满了", is_hopeless=True, now=real_now)
    return job.id


def opened_long_ago(database, now):
    """The shop has been open for a week."""
    with database.writing() as session:
        for staff in session.exec(select(Staff)):
            staff.created_at = now - timedelta(days=7)


def test_a_job_that_was_given_up_is_red_and_leads_to_itself(owner, dead):
    page = owner.get("/admin/").text
    assert "有 1 件后台任务做不成，已停下等您看" in page
    assert 'href="/admin/job/list?stage=dead"' in page
    rows = owner.get("/admin/job/list?stage=dead").text
    assert "备份" in rows
    assert "磁盘满了" in rows
    assert "磁盘满了" not in owner.get("/admin/job/list?stage=done").text


def test_the_owner_tries_again_and_that_is_written_down(owner, database, dead):
    assert "再试一次" in owner.get(f"/admin/job/details/{dead}").text
    done = owner.post(f"/admin/job/do/retry/{dead}")
    assert done.status_code == 303, done.text
    with database.reading() as session:
        assert session.get(Job, dead).stage is JobStage.WAITING
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert (entry.subject, entry.subject_id) == ("jobs", dead)
    assert "再试一次" not in owner.get(f"/admin/job/details/{dead}").text
    assert "已停下等您看" not in owner.get("/admin/").text


def test_whoever_may_not_see_the_machines_work_sees_nothing_of_it(as_role, database, dead, real_now):
    opened_long_ago(database, real_now)
    for role in (Role.RECEPTION, Role.BEAUTICIAN, Role.MARKETER):
        page = as_role(role).get("/admin/").text
        assert "后台" not in page.partition("今天要做的事")[2].partition("</section>")[0]
        assert "上次备份" not in page
        assert as_role(role).get("/admin/job/list").status_code == 403


def test_the_last_backup_is_always_named_and_red_when_it_is_old(owner, as_role, database, settings, real_now):
    assert "上次备份：没有" in owner.get("/admin/").text
    create_backup(database, settings, now=real_now - HOUR)
    with database.writing() as session:
        beat(session, now=real_now)
        note_run(session, JobKind.BACKUP, started_at=real_now, finished_at=real_now, state=JobState.FAILED)
    opened_long_ago(database, real_now)
    for role in (Role.OWNER, Role.MANAGER):
        page = as_role(role).get("/admin/").text
        assert "上次备份：" in page
        assert "超过 36 小时" not in page
        assert "今天没有要赶的事" in page


def test_a_backup_older_than_36_hours_is_red(owner, database, settings, real_now):
    create_backup(database, settings, now=real_now - 37 * HOUR)
    assert "超过 36 小时" in owner.get("/admin/").text


def test_a_backup_whose_file_is_gone_is_red_however_well_it_went(sqlite_settings: Settings, real_now: datetime) -> None:
    database = open_database(sqlite_settings)
    week = timedelta(days=7)
    with database.writing() as session:
        session.add(Staff(name="兰", login="lan", password_hash="!", role=Role.OWNER, created_at=real_now - week))
    made = create_backup(database, sqlite_settings, now=real_now)
    with database.writing() as session:
        note_run(session, JobKind.BACKUP, started_at=real_now, finished_at=real_now)

    def last() -> datetime | None:
        with database.reading() as session:
            return last_backup_at(sqlite_settings, session, now=real_now)

    assert last() == real_now.replace(microsecond=0)
    made.file.rename(made.file.with_name(f"{made.file.stem}.before-restore.backup"))
    assert last() is None
    shutil.rmtree(sqlite_settings.backups_dir)
    assert last() is None
    with database.reading() as session:
        assert jobs_health(session, now=real_now, backup_at=last()).is_backup_old
    database.engine.dispose()


def test_a_shop_that_never_had_a_backup_is_told_after_36_hours(owner, database, real_now):
    opened_long_ago(database, real_now)
    assert "没有一份能用的备份" in owner.get("/admin/").text


def test_a_worker_that_stopped_is_red_with_the_moment(owner, database, real_now):
    with database.writing() as session:
        beat(session, now=real_now - HOUR)
    assert "没有动静" in owner.get("/admin/").text
    with database.writing() as session:
        beat(session, now=real_now)
    assert "没有动静" not in owner.get("/admin/").text
