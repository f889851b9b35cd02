"""Which machine works on a file somebody uploaded."""

from app.jobs.kinds import KINDS
from app.jobs.schedule import ON_CALL, SCHEDULE
from app.jobs.worker import kinds_here
from app.settings import Settings


def test_a_worker_on_a_second_machine_leaves_files_to_the_one_they_were_uploaded_to(sqlite_settings: Settings) -> None:
    assert set(KINDS) - set(kinds_here(sqlite_settings, serves=False)) == ON_CALL
    assert kinds_here(sqlite_settings, serves=True) == KINDS
    sqlite_settings.uploads_dir.mkdir()
    assert kinds_here(sqlite_settings, serves=False) == KINDS


def test_no_night_brings_a_file_in_by_itself() -> None:
    assert not ON_CALL & {named.kind for named in SCHEDULE}
