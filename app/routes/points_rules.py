"""The rules of points and tiers, for everybody to read: made from the rules themselves, so that the page and the till
never say different things."""

from datetime import date
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from app import i18n
from app.labels import word_of
from app.queries.points_rules import rule_rows
from app.queries.policy import current_policy
from app.routes.deps import Now, ReadDep, SettingsDep
from app.routes.rendering import page
from app.rules.earning import told
from app.rules.points_words import Line, Money, rules_in_words

router = APIRouter()


@router.get("/points-rules", name="points_rules:show")
def show(request: Request, session: ReadDep, settings: SettingsDep, now: Now) -> Response:
    """How points are earned, used and lost, and what each tier takes and gives. Open to everyone."""
    policy, today = current_policy(session), now.astimezone(settings.zone).date()
    rows = rule_rows(session, now=now, today=today)
    rules = rules_in_words(rows.rules, rows.tiers, rows.rewards, policy=policy, today=today)
    return page(
        request,
        "own_page/rules.html",
        policy=policy,
        rules=rules,
        said=_said,
        example=told(rules.example, i18n.gettext),
        today=today,
    )


def _said(line: Line) -> str:
    return line.say(i18n.gettext, _shown)


def _shown(value: Any) -> str:
    if isinstance(value, Money):
        return i18n.yuan(value.fen).removesuffix(".00")
    if isinstance(value, StrEnum):
        return word_of(value)
    if isinstance(value, date):
        return i18n.long_day(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
