"""People who are signed in, for pages that need somebody."""

from tests.admin.conftest import as_role, owner, people, real_now, staffed  # noqa: F401  fixtures
