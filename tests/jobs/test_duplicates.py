"""By night: everybody the first time, then the changed; in slices that may stop anywhere."""

from datetime import timedelta
from itertools import count

from sqlmodel import select

from app.actions import duplicates
from app.actions.customers import new_customer, update_customer
from app.i18n import told
from app.jobs import duplicates as job
from app.jobs.kinds import KINDS
from app.jobs.schedule import nightly
from app.models import DuplicatePair, JobRun, Staff
from app.rules.customers import CustomerDetails, read_details
from app.vocabulary import JobKind, Role

NUMBERS = count(1)
NIGHTLY = nightly(JobKind.FIND_DUPLICATES)


def enter(database, now, *names):
    """Customers that came in past every form; and a shop that is open."""
    with database.writing() as session:
        if not session.exec(select(Staff)).first():
            session.add(
                Staff(
                    name="李店主", login="owner", password_hash="!", role=Role.OWNER, created_at=now - timedelta(days=9)
                )
            )
        for name in names:
            details = CustomerDetails(name=name, member_no=f"J{next(NUMBERS):07d}", birthday="1990-03-12")
            session.add(new_customer(read_details(details, today=now.date()).columns, tier_id=1, now=now))


def sweep(runner):
    """One look of the worker."""
    return runner({JobKind.FIND_DUPLICATES: KINDS[JobKind.FIND_DUPLICATES]}, schedule=[NIGHTLY]).sweep()


def found(database):
    """How many pairs there are."""
    with database.reading() as session:
        return len(session.exec(select(DuplicatePair)).all())


def outcomes(database):
    """What the runs said."""
    with database.reading() as session:
        return [told(one) for one in session.exec(select(JobRun.outcome).order_by(JobRun.id))]


def test_the_first_night_looks_at_everybody_and_the_next_at_the_changed(database, runner, clock):
    enter(database, clock.now - timedelta(days=30), "王小明", "王小名", "李强")
    sweep(runner)
    assert found(database) == 1
    assert "3 位顾客" in outcomes(database)[0]
    clock.forward(days=1)
    sweep(runner)
    assert "0 位顾客" in outcomes(database)[1]
    clock.forward(days=1)
    enter(database, clock.now, "王晓明")
    sweep(runner)
    assert "1 位顾客" in outcomes(database)[2]
    assert found(database) == 3


def test_what_changed_while_the_last_run_went_by_is_looked_at_again(database, runner, clock):
    enter(database, clock.now - timedelta(days=30), "王小明")
    sweep(runner)
    enter(database, clock.now - timedelta(hours=1), "王小名")
    clock.forward(days=1)
    sweep(runner)
    assert found(database) == 1


def test_a_long_run_goes_on_in_slices(database, runner, clock, monkeypatch):
    enter(database, clock.now - timedelta(days=30), "王小明", "王小名", "王晓明", "李强", "赵六")
    monkeypatch.setattr(duplicates, "PORTION", 1)
    monkeypatch.setattr(job, "PORTIONS_AT_ONCE", 2)
    sweep(runner)
    assert found(database) == 3
    assert outcomes(database) == ["看了 5 位顾客，比较了 6 对，新发现或有变化 3 对"]


def test_a_run_by_hand_and_one_by_night_come_to_the_same(database, runner, clock):
    enter(database, clock.now - timedelta(days=30), "王小明", "王小名")
    work = runner({JobKind.FIND_DUPLICATES: KINDS[JobKind.FIND_DUPLICATES]}, schedule=[NIGHTLY])
    assert "2 位顾客" in work.run_by_hand(JobKind.FIND_DUPLICATES)
    sweep(runner)
    assert found(database) == 1


def test_what_a_person_changes_is_not_waited_for(database, runner, clock):
    enter(database, clock.now - timedelta(days=30), "王小明", "李强")
    with database.writing() as session:
        update_customer(session, 2, CustomerDetails(name="王小名"), now=clock.now)
    assert found(database) == 1
