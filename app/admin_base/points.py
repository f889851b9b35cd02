"""Records of points are shown by whose they are, which stands two tables away."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import selectinload
from starlette.requests import Request

from app.admin_base.kinds import LedgerView
from app.models import PointsAccount


class OfAnAccount(LedgerView):
    """A view of rows that name an account: her name comes along, rather than one by one."""

    def list_query(self, request: Request) -> Select[Any]:
        """The rows this person may see, each with its customer."""
        return self._with_customer(super().list_query(request))

    def _stmt_by_identifier(self, identifier: str) -> Select[Any]:
        return self._with_customer(super()._stmt_by_identifier(identifier))

    def _with_customer(self, statement: Select[Any]) -> Select[Any]:
        return statement.options(selectinload(self.model.account).selectinload(PointsAccount.customer))  # type: ignore[arg-type]
