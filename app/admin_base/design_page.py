"""Tiers and rules of earning tried on the shop's own past before they are set: who would move, how many points it would
have been, what they would cost. Nothing is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlencode

import anyio.to_thread
from sqladmin import BaseView
from sqladmin.application import expose
from sqlmodel import col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.trying import ask_trial
from app.admin_base.asking import asking
from app.admin_base.once import FIELD, Answer
from app.admin_base.writing import write
from app.i18n import gettext
from app.labels import choices_of
from app.models import EarningRule, Tier
from app.queries.design import Issued, sale_rules
from app.queries.jobs import last_beat
from app.queries.tier_preview import Movement, named
from app.queries.tiers import step_of
from app.queries.trying import Asked, Trial, Tried, takes_long, trial, try_out
from app.rules.amounts import parse_fen
from app.rules.jobs import Pulse
from app.rules.redemptions import worth_fen
from app.rules.refusals import RuleBroken, words
from app.rules.tiers import TierStep
from app.vocabulary import TierWindow

_NUMBER = words("请填 {low} 到 {high} 之间的整数。")
_AMOUNT = words("请填 {low} 元或更多。")
_MONTHS = 12


@dataclass(frozen=True)
class Costed:
    """What came of it, and what the points would cost."""

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

    def number(self, name: str, default: int, high: int, low: int = 0) -> int:
        """A whole number from `low`; the default where it is none, with a sentence."""
        text = self.text(name, str(default)).strip()
        if text.isdecimal() and len(text) < 10 and low <= int(text) <= high:
            return int(text)
        self.errors[name] = gettext(_NUMBER).format(low=low, high=high)
        return default

    def fen(self, name: str, default: int, low: int = 0) -> int:
        """An amount in yuan from `low` fen; the default where it is none, with a sentence."""
        try:
            fen = parse_fen(self.text(name, yuan_text(default)))
        except RuleBroken as refusal:
            self.errors[name] = refusal.say(gettext)
            return default
        if fen < low:
            self.errors[name] = gettext(_AMOUNT).format(low=yuan_text(low))
            return default
        return fen

    def is_on(self, name: str, default: bool) -> bool:
        """A box: as it was sent, or as it is while nothing was."""
        return name in self.query if self.is_asked else default


class DesignPage(BaseView):
    """Trying other tiers and other rules."""

    subject: ClassVar[str] = "design"
    _admin_ref: ClassVar[Any]  # our RougeAdmin; its module imports this one

    @expose("/desk/design", methods=["GET", "POST"], identity="desk-design")
    async def design(self, request: Request) -> Response:
        """Set other figures and see what they would have done to the past months. For the owner and the manager."""
        if request.method == "POST":
            return await self._asked(request, {name: str(said) for name, said in (await request.form()).items()})
        job = request.query_params.get("job", "")
        if job.isascii() and job.isdigit() and len(job) < 12:
            return await self._trial(request, int(job))
        typed = Typed(dict(request.query_params))
        context = await anyio.to_thread.run_sync(self._context, typed)
        return await self._page(request, typed, context)

    async def _asked(self, request: Request, form: dict[str, str]) -> Response:
        """Small: the same page with the figures in its address. Large: a page that waits for the machine."""
        typed = Typed({name: said for name, said in form.items() if name != FIELD} | {"try": "1"})
        context = await anyio.to_thread.run_sync(self._context, typed)
        if typed.errors or not context["takes_long"]:
            if typed.errors:
                return await self._page(request, typed, context)
            return RedirectResponse(f"/desk/design?{urlencode(typed.query)}", 303)
        asked, now = replace(context["asked"], form=typed.query), asking().now
        work = partial(ask_trial, asked=asked, now=now)
        answer = await write(
            request, self._admin_ref.database, lambda session: Answer(f"/desk/design?job={work(session)}")
        )
        return answer.lead(request)

    async def _trial(self, request: Request, job_id: int) -> Response:
        """What the machine was asked: how far it has come, or what came of it."""
        found, is_asleep = await anyio.to_thread.run_sync(self._found, job_id)
        if found is None:
            raise HTTPException(404)
        part = request.query_params.get("part", "") if request.headers.get("HX-Request") == "true" else ""
        context: dict[str, Any] = {"trial": found, "is_asleep": is_asleep, "part": part or "page"}
        if part == "page" and found.is_over:
            return Response(status_code=204, headers={"HX-Redirect": f"/desk/design?job={job_id}"})
        if part:
            return await self.templates.TemplateResponse(request, "tiers/_trial.html", context)
        typed = Typed(found.asked.form)
        shown = await anyio.to_thread.run_sync(partial(self._context, typed, found))
        return await self._page(request, typed, shown | context)

    def _found(self, job_id: int) -> tuple[Trial | None, bool]:
        with self._admin_ref.database.reading() as session:
            beat = last_beat(session, now=asking().now)
            return trial(session, job_id), beat.pulse is not Pulse.OK

    async def _page(self, request: Request, typed: Typed, context: dict[str, Any]) -> Response:
        status = 422 if typed.errors else 200
        return await self.templates.TemplateResponse(request, "tiers/design.html", context, status_code=status)

    def _context(self, typed: Typed, known: Trial | None = None) -> dict[str, Any]:
        here = asking()
        with self._admin_ref.database.reading() as session:
            tiers = session.exec(select(Tier).where(col(Tier.is_active)).order_by(col(Tier.rank))).all()
            rules = sale_rules(session)
            months = typed.number("months", _MONTHS, 36, low=1)
            rate = typed.number("points_per_yuan", here.policy.points_per_yuan, 100_000, low=1)
            asked = Asked(
                tuple(self._step(tier, typed) for tier in tiers),
                months,
                {rule.id or 0: _figures(rule, typed) for rule in rules if typed.is_on(f"on_{rule.id}", True)},
                {tier.id or 0: typed.number(f"percent_{tier.id}", tier.points_percent, 1000) for tier in tiers},
            )
            wants = typed.is_asked and not typed.errors and bool(tiers)
            is_long = wants and known is None and takes_long(session, asked, now=here.now, zone=here.zone)
            tried = known.tried if known else None
            if wants and known is None and not is_long:
                tried = try_out(session, asked, policy=here.policy, now=here.now, zone=here.zone)
            if tried:
                named(session, tried.movement)
        return {
            "typed": typed, "tiers": tiers, "rules": rules, "tried": _costed(tried, rate), "windows": choices_of(TierWindow),
            "yuan_text": yuan_text, "months": months, "rate": rate, "asked": asked, "takes_long": is_long, "trial": known,
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


def _figures(rule: EarningRule, typed: Typed) -> tuple[int, int, int]:
    """Points, fen and percent of a rule as the form says. It is tried on the past, whenever it is meant to begin."""
    return (
        typed.number(f"points_{rule.id}", rule.points, 1_000_000),
        typed.fen(f"per_{rule.id}", rule.per_fen, low=1),
        typed.number(f"times_{rule.id}", rule.percent, 1000),
    )


def _costed(tried: Tried | None, rate: int) -> Costed | None:
    if tried is None or tried.issued is None:
        return None
    return Costed(
        tried.movement, tried.issued, worth_fen(tried.issued.points, rate), worth_fen(tried.issued.points_now, rate)
    )


def yuan_text(fen: int) -> str:
    """An amount as it stands in a form: 1000 or 12.50."""
    return f"{fen // 100}.{fen % 100:02d}".removesuffix(".00")
