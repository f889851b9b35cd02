"""Earning rules and rewards as registers: what was typed is checked by their rules, and each rule says itself in words."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import selectinload
from sqlmodel import Session
from starlette.requests import Request

from app.admin_base.kinds import SetupView
from app.i18n import gettext, long_day, yuan
from app.labels import word_of
from app.models import EarningRule
from app.queries.earning import terms_of
from app.rules.earning_checks import check_cycle, check_earning, check_span
from app.rules.points_words import Money, rule_lines


class ChecksRules(SetupView):
    """A register whose records are checked whole before they are kept."""

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """A new record that can mean something."""
        return _sound(session, super().created(session, typed))

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """An edited one, the same."""
        return _sound(session, super().changed(session, row, typed))

    def list_query(self, request: Request) -> Select[Any]:
        """The rows, each with the tier it is for."""
        return super().list_query(request).options(selectinload(self.model.tier))

    def _stmt_by_identifier(self, identifier: str) -> Select[Any]:
        return super()._stmt_by_identifier(identifier).options(selectinload(self.model.tier))


def _sound(session: Session, row: Any) -> Any:
    if isinstance(row, EarningRule):
        check_earning(
            row.kind,
            points=row.points,
            percent=row.percent,
            expiry_day=row.expiry_day,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
            times_a_year=row.most_times_a_year,
            category=row.category,
        )
        check_cycle(row.expiry, row.expiry_year)
    else:
        check_span(row.starts_on, row.ends_on)
    return row


def in_words(rule: EarningRule) -> list[tuple[Any, ...]]:
    """A rule as customers read it, line by line."""
    ranks = {rule.tier_id: rule.tier.rank} if rule.tier_id and rule.tier else {}
    names = {rule.tier.rank: rule.tier.name} if rule.tier_id and rule.tier else {}
    return [(line.say(gettext, _shown),) for line in rule_lines(terms_of(rule, ranks), names)]


def said_in_words(rule: Any, name: str) -> str:
    """What a rule gives, in one sentence."""
    return str(in_words(rule)[0][0])


def _shown(value: Any) -> str:
    if isinstance(value, Money):
        return yuan(value.fen).removesuffix(".00")
    if isinstance(value, StrEnum):
        return word_of(value)
    if isinstance(value, date):
        return long_day(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
