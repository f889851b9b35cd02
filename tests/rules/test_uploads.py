"""What may be done with a file, wherever it stands."""

import pytest

from app.rules.uploads import (
    LONGEST_MAP_NAME,
    AnotherIsRunning,
    ImportBusy,
    ImportIsIn,
    ImportNotChecked,
    MapNameMissing,
    MapNameTooLong,
    check_may_change,
    check_may_run,
    map_name,
)
from app.vocabulary import ImportStage

MAY_CHANGE = {ImportStage.UPLOADED, ImportStage.CHECKED}
RUNS = {
    ImportStage.UPLOADED: ImportNotChecked,
    ImportStage.CHECKED: None,
    ImportStage.RUNNING: None,  # its worker is gone
    ImportStage.FAILED: None,
    ImportStage.DONE: ImportIsIn,
    ImportStage.REVERTED: ImportIsIn,
}


@pytest.mark.parametrize("stage", ImportStage)
def test_columns_are_changed_only_before_anything_is_in(stage):
    if stage in MAY_CHANGE:
        check_may_change(stage, is_busy=False)
    else:
        with pytest.raises(ImportIsIn):
            check_may_change(stage, is_busy=False)
    with pytest.raises(ImportBusy):
        check_may_change(stage, is_busy=True)


@pytest.mark.parametrize("stage", ImportStage)
def test_a_file_comes_in_once_and_only_after_it_was_looked_through(stage):
    refusal = RUNS[stage]
    if refusal is None:
        check_may_run(stage, is_busy=False, other="")
        with pytest.raises(AnotherIsRunning):
            check_may_run(stage, is_busy=False, other="别的.csv")
    else:
        with pytest.raises(refusal):
            check_may_run(stage, is_busy=False, other="")
    with pytest.raises(ImportBusy):
        check_may_run(stage, is_busy=True, other="")


def test_a_map_has_a_short_name():
    assert map_name("  老 \n系统 ") == "老 系统"
    assert map_name("长" * LONGEST_MAP_NAME)
    with pytest.raises(MapNameMissing):
        map_name(" \n")
    with pytest.raises(MapNameTooLong):
        map_name("长" * (LONGEST_MAP_NAME + 1))
