"""The table of tiers is changed in two steps: first who would move, then whether they move now or as they come."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import anyio.to_thread
from sqlmodel import Session, func, select
from starlette.requests import Request

from app.actions.jobs import put_job
from app.actions.tiers import apply_table
from app.actions.trying import ask_trial
from app.admin_base.asking import asking
from app.admin_base.versions import KeepsVersions
from app.admin_base.writing import Refused
from app.i18n import gettext
from app.models import Customer, Tier
from app.queries.tier_preview import Movement, named
from app.queries.tiers import customers_after, step_of, tier_steps
from app.queries.trying import Asked, Trial, takes_long, trial, try_out
from app.rules.refusals import words
from app.rules.tiers import TierStep, out_of_order
from app.vocabulary import JobKind, TierWindow

CHOICE = "movers"
NOW, LATER = "now", "later"
AT_ONCE = 2_000
"""So many customers are moved while somebody waits; more, by the worker."""
_LOOK = words("还没有保存：先看看谁会变动，再选怎么办。")
_WAIT = words("还没有保存：顾客很多，正在算谁会变动。算好了这里会告诉您。")
_JUDGED = ("rank", "threshold_fen", "threshold_visits", "needs_both", "window", "is_active")


class AsksWhoMoves(KeepsVersions):
    """The register of tiers: whatever decides who has which is not saved before the owner has seen whom it moves."""

    edit_template: ClassVar[str] = "tiers/form.html"
    create_template: ClassVar[str] = "tiers/form.html"

    async def insert_model(self, request: Request, data: dict[str, Any]) -> None:
        """A new tier, once it is known whom it moves."""
        choice = await self._asked(request, data, None)
        await super().insert_model(request, data | {CHOICE: choice})

    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> None:
        """A changed one, the same."""
        choice = await self._asked(request, data, await self.get_object_for_delete(pk))
        await super().update_model(request, pk, data | {CHOICE: choice})

    def created(self, session: Session, typed: Mapping[str, Any]) -> Any:
        """Saved, and everybody judged by it where the owner said now."""
        row = super().created(session, {name: value for name, value in typed.items() if name != CHOICE})
        self._carry_out(session, typed.get(CHOICE))
        return row

    def changed(self, session: Session, row: Any, typed: Mapping[str, Any]) -> Any:
        """The same."""
        row = super().changed(session, row, {name: value for name, value in typed.items() if name != CHOICE})
        self._carry_out(session, typed.get(CHOICE))
        return row

    async def _asked(self, request: Request, data: dict[str, Any], row: Tier | None) -> str:
        """What the owner chose. Raises Refused with the preview where she has to be asked first."""
        choice = str((await request.form()).get(CHOICE, ""))
        if choice in {NOW, LATER}:
            return choice
        tried = await anyio.to_thread.run_sync(self._tried, data, row)
        if isinstance(tried, Trial) and not tried.is_over:
            request.state.trial = tried
            raise Refused(gettext(_WAIT))
        movement = tried.tried.movement if isinstance(tried, Trial) and tried.tried else tried
        request.state.odd_tiers = await anyio.to_thread.run_sync(self._odd, data, row)
        if isinstance(movement, Movement) and (movement.moves or request.state.odd_tiers):
            request.state.movement = movement
            raise Refused(gettext(_LOOK))
        return ""

    def _tried(self, data: Mapping[str, Any], row: Tier | None) -> Movement | Trial | None:
        """Who would move; of a large shop the machine is asked, and what it says is shown when it has."""
        here = asking()
        with self.database.reading() as session:
            steps = tier_steps(session)
            after = _after(steps, data, row)
            if not after or not steps or set(after) == set(steps):
                return None
            asked = Asked(after)
            if not takes_long(session, asked, now=here.now, zone=here.zone):
                return named(
                    session, try_out(session, asked, policy=here.policy, now=here.now, zone=here.zone).movement
                )
        with self.database.writing(here.actor) as session:
            number = ask_trial(session, asked, now=here.now)
        with self.database.reading() as session:
            found = trial(session, number)
            if found and found.tried:
                named(session, found.tried.movement)
            return found

    def _odd(self, data: Mapping[str, Any], row: Tier | None) -> list[tuple[str, str]]:
        """The tiers that would be easier to reach than a lower one, with that one, by name."""
        with self.database.reading() as session:
            pairs = out_of_order(_after(tier_steps(session), data, row))
        return [(higher.name, lower.name) for higher, lower in pairs]

    def _carry_out(self, session: Session, choice: str | None) -> None:
        if choice != NOW:
            return
        here = asking()
        session.flush()
        n = session.exec(select(func.count()).select_from(Customer)).one()
        if n > AT_ONCE:
            key = f"{JobKind.REVIEW_TIERS}:table:{here.now.isoformat()}"
            put_job(session, JobKind.REVIEW_TIERS, key, {"apply": 1}, now=here.now, due_at=here.now)
            return
        numbers = customers_after(session, 0, AT_ONCE)
        apply_table(session, numbers, policy=here.policy, now=here.now, zone=here.zone)


def _after(steps: Sequence[TierStep], data: Mapping[str, Any], row: Tier | None) -> tuple[TierStep, ...]:
    """The whole table as it would be."""
    others = tuple(one for one in steps if row is None or one.tier_id != row.id)
    return (*others, _as_typed(row, data)) if data.get("is_active") else others


def _as_typed(row: Tier | None, data: Mapping[str, Any]) -> TierStep:
    """The tier as the form says it."""
    step = step_of(row) if row is not None else TierStep(0, "", 0, 0, 0, 12)
    given = {name: data[name] for name in ("name", *_JUDGED, "valid_months") if data.get(name) is not None}
    given.pop("is_active", None)
    if "window" in given:
        given["window"] = TierWindow(given["window"])
    return replace(step, **given)
