"""The short version of `./dev bench jobs`: the worker dies in the middle of its work, and nothing is lost or doubled."""

from app.settings import Settings
from benchmarks.jobs import torture


def test_jobs_whose_worker_is_killed_mid_work_are_done_once(settings: Settings) -> None:
    outcome = torture(settings, jobs=60, kills=1)
    assert outcome.hits == 1
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert outcome.calls >= outcome.keys >= 12


def test_control_huey_alone_loses_what_it_had_handed_out(sqlite_settings: Settings) -> None:
    assert torture(sqlite_settings, jobs=60, kills=2, plain=True).lost > 0
