"""The short version of `./dev bench faults`: the whole server is killed under load."""

from pathlib import Path

from benchmarks._kills import closing_time, torture


def test_what_was_acknowledged_before_a_kill_is_there_once(tmp_path: Path) -> None:
    outcome = torture(tmp_path, kills=1)
    assert outcome.kills == 1
    assert outcome.acknowledged >= 20
    assert (outcome.lost, outcome.doubled, outcome.strange) == (0, 0, [])


def test_control_a_shop_that_thanks_before_its_commit_loses_what_it_thanked_for(tmp_path: Path) -> None:
    assert torture(tmp_path, kills=1, lying=True).lost > 0


def test_at_closing_time_what_was_acknowledged_is_written_and_the_server_ends_well(tmp_path: Path) -> None:
    outcome = closing_time(tmp_path)
    assert outcome.acknowledged >= 20
    assert (outcome.lost, outcome.doubled, outcome.strange) == (0, 0, [])
