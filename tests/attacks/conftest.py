"""A shop with one record of everything, under attack. On SQLite only: what is refused here never reaches a database."""

import pytest

from app.settings import Settings
from tests.admin.conftest import as_role, furnished, owner, people, real_now, shop, staffed  # noqa: F401  fixtures


@pytest.fixture
def settings(sqlite_settings: Settings) -> Settings:
    """On SQLite only."""
    return sqlite_settings
