"""Registers of rules whose earlier words are kept: a sale told late is judged by what was said on its day."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from app.actions.rule_versions import begin_version, keep_version
from app.admin_base.asking import asking
from app.admin_base.kinds import SetupView


class KeepsVersions(SetupView):
    """A new rule counts from now on; a changed one leaves behind what it said."""

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """What saving a new form does."""
        row = super().created(session, typed)
        begin_version(row, now=asking().now)
        session.flush()
        return row

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """What saving an edited form does."""
        with session.no_autoflush:
            keep_version(session, row, now=asking().now)
            return super().changed(session, row, typed)
