"""What the person may do, from the one table in `rules.access`. Denied unless written there."""

from sqladmin import BaseView
from sqladmin.authorization import GrantsAuthorizationBackend
from sqladmin.models import ModelView
from starlette.requests import Request

from app.admin_base.asking import asking
from app.rules.access import PERMISSIONS, grants_of


class PermissionMissing(Exception):
    """A view was declared for which the permission table has no line: nobody could ever open it."""


def subject_of(view: BaseView | ModelView) -> str:
    """The name a view has in the permission table."""
    return getattr(view, "subject", "") or view.identity


class RoleAuthorization(GrantsAuthorizationBackend):
    """SQLAdmin's question answered from the role's grants; views are added once they are declared."""

    def __init__(self) -> None:
        self.identities: dict[str, set[str]] = {}

    def add(self, view: BaseView | ModelView) -> None:
        """Make a view known. Raises PermissionMissing when no role may do anything there."""
        subject = subject_of(view)
        if not any(known == subject for known, _ in PERMISSIONS):
            raise PermissionMissing(f"{type(view).__name__}: rules.access knows no {subject!r}")
        self.identities.setdefault(subject, set()).add(view.identity)

    async def get_grants(self, request: Request) -> set[tuple[str, str]]:
        """The role's grants in SQLAdmin's names. Viewing a page is to SQLAdmin listing it."""
        person = asking().person
        if person is None:
            return set()
        return {
            (identity, "list" if action == "view" else action)
            for subject, action in grants_of(person.role)
            for identity in self.identities.get(subject, ())
        }
