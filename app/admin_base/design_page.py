"""Tiers and rules of earning tried on the shop's own past before they are set: who would move, how many points it would
have been, what they would cost. Nothing is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.admin_base.asking import asking
from app.i18n import gettext
from app.labels import choices_of
from app.models import Tier
from app.queries.design import Issued, points_for_past, sale_rules, terms_in_use
from app.queries.tier_preview import Movement, who_would_move
from app.queries.tiers import step_of, tier_steps
from app.rules.amounts import parse_fen
from app.rules.days import months_after
from app.rules.earning import EarningTerms
from app.rules.redemptions import worth_fen
from app.rules.refusals import RuleBroken, words
from app.rules.tiers import TierStep
from app.vocabulary import TierWindow

_NUMBER = words("请填 {low} 到 {high} 之间的整数。")
_MONTHS = 12


@dataclass(frozen=True)
class Tried:
    """What came of it."""

    movement: Movement
    issued: Issued
    cost_fen: int
    cost_now_fen: int

    @property
    def share(self) -> str:
        """The cost of the points beside what was paid, in percent with one decimal."""
        return f"{100 * self.cost_fen / self.issued.paid_fen:.1f}" if self.issued.paid_fen else "0.0"

    @property
    def share_now(self) -> str:
        """The same by the rules of now."""
        return f"{100 * self.cost_now_fen / self.issued.paid_fen:.1f}" if self.issued.paid_fen else "0.0"


class Typed:
    """The form as it stands, with the sentence beside what cannot be read."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query, self.errors = query, dict[str, str]()
        self.is_asked = query.get("try") == "1"

    def text(self, name: str, default: str) -> str:
        """What a field shows."""
        return self.query.get(name, default)

    def number(self, name: str, default: int, high: int) -> int:
        """A whole number from 0; the default where it cannot be read, with a sentence."""
        text = self.text(name, str(default)).strip()
        if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= high:
            return int(text)
        self.errors[name] = gettext(_NUMBER).format(low=0, high=high)
        return default

    def fen(self, name: str, default: int) -> int:
        """An amount in yuan; the default where it cannot be read, with a sentence."""
        try:
            return max(0, parse_fen(self.text(name, yuan_text(default))))
        except RuleBroken as refusal:
            self.errors[name] = refusal.say(gettext)
            return default

    def is_on(self, name: str, default: bool) -> bool:
        """A box: as it was sent, or as it is while nothing was."""
        return name in self.query if self.is_asked else default


class DesignPage(BaseView):
    """Trying other tiers and other rules."""

    subject: ClassVar[str] = "design"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    @expose("/desk/design", methods=["GET"], identity="desk-design")
    async def design(self, request: Request) -> Response:
        """Set other figures and see what they would have done to the past months. For the owner and the manager."""
        typed = Typed(dict(request.query_params))
        context = await anyio.to_thread.run_sync(self._context, typed)
        status = 422 if typed.errors else 200
        return await self.templates.TemplateResponse(request, "tiers/design.html", context, status_code=status)

    def _context(self, typed: Typed) -> dict[str, Any]:
        with self._admin_ref.database.reading() as session:
            tiers = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank))).all()
            rules = sale_rules(session)
            months = typed.number("months", _MONTHS, 36) or 1
            steps = [self._step(tier, typed) for tier in tiers]
            percents = {tier.id or 0: typed.number(f"percent_{tier.id}", tier.points_percent, 1000) for tier in tiers}
            terms = [
                one
                for rule, one in zip(rules, terms_in_use(session), strict=True)
                if typed.is_on(f"on_{rule.id}", True)
            ]
            wanted = [_terms(one, typed) for one in terms]
            rate = typed.number("points_per_yuan", asking().policy.points_per_yuan, 100_000) or 1
            tried = None
            if typed.is_asked and not typed.errors and steps:
                tried = self._tried(session, steps, wanted, percents, months=months, rate=rate)
            return {
                "typed": typed, "tiers": tiers, "rules": rules, "tried": tried, "windows": choices_of(TierWindow),
                "yuan_text": yuan_text, "months": months, "rate": rate,
            }  # fmt: skip

    def _step(self, tier: Tier, typed: Typed) -> TierStep:
        window = typed.text(f"window_{tier.id}", tier.window)
        return replace(
            step_of(tier),
            threshold_fen=typed.fen(f"fen_{tier.id}", tier.threshold_fen),
            threshold_visits=typed.number(f"visits_{tier.id}", tier.threshold_visits, 10_000),
            needs_both=typed.is_on(f"both_{tier.id}", tier.needs_both),
            window=TierWindow(window) if window in set(TierWindow) else tier.window,
        )

    def _tried(
        self,
        session: Session,
        steps: list[TierStep],
        rules: list[EarningTerms],
        percents: Mapping[int, int],
        *,
        months: int,
        rate: int,
    ) -> Tried:
        here = asking()
        movement = who_would_move(
            session, steps, policy=here.policy, now=here.now, zone=here.zone, before=tier_steps(session)
        )
        issued = points_for_past(
            session,
            rules,
            percents,
            first=months_after(here.today, -months),
            last=here.today,
            zone=here.zone,
            campaigns_multiply=bool(here.policy.campaigns_multiply),
        )
        return Tried(movement, issued, worth_fen(issued.points, rate), worth_fen(issued.points_now, rate))


def _terms(one: EarningTerms, typed: Typed) -> EarningTerms:
    """A rule with the figures of the form. It is tried on the past, whenever it is meant to begin."""
    return replace(
        one,
        points=typed.number(f"points_{one.rule_id}", one.points, 1_000_000),
        per_fen=typed.fen(f"per_{one.rule_id}", one.per_fen) or one.per_fen,
        percent=typed.number(f"times_{one.rule_id}", one.percent, 1000),
    )


def yuan_text(fen: int) -> str:
    """An amount as it stands in a form: 1000 or 12.50."""
    return f"{fen // 100}.{fen % 100:02d}".removesuffix(".00")
