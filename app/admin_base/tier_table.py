"""The table of tiers is changed in two steps: first who would move, then whether they move now or as they come."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import anyio.to_thread
from sqlmodel import Session, func, select
from starlette.requests import Request

from app.actions.jobs import put_job
from app.actions.tiers import apply_table
from app.admin_base.asking import asking
from app.admin_base.versions import KeepsVersions
from app.admin_base.writing import Refused
from app.i18n import gettext
from app.models import Customer, Tier
from app.queries.tier_preview import Movement, who_would_move
from app.queries.tiers import customers_after, step_of, tier_steps
from app.rules.refusals import words
from app.rules.tiers import TierStep
from app.vocabulary import JobKind, TierWindow

CHOICE = "movers"
NOW, LATER = "now", "later"
AT_ONCE = 2_000
"""So many customers are moved while somebody waits; more, by the worker."""
_LOOK = words("还没有保存：先看看谁会变动，再选怎么办。")
_JUDGED = ("rank", "threshold_fen", "threshold_visits", "needs_both", "window", "is_active")


class AsksWhoMoves(KeepsVersions):
    """The register of tiers: whatever decides who has which is not saved before the owner has seen whom it moves."""

    edit_template: ClassVar[str] = "tiers/form_edit.html"
    create_template: ClassVar[str] = "tiers/form_create.html"

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
        movement = await anyio.to_thread.run_sync(self._movement, data, row)
        if movement is not None and movement.moves:
            request.state.movement = movement
            raise Refused(gettext(_LOOK))
        return ""

    def _movement(self, data: Mapping[str, Any], row: Tier | None) -> Movement | None:
        here = asking()
        with self.database.reading() as session:
            steps = tier_steps(session)
            wanted = _as_typed(row, data)
            others = tuple(one for one in steps if row is None or one.tier_id != row.id)
            after = (*others, wanted) if data.get("is_active") else others
            if not after or not steps or set(after) == set(steps):
                return None
            return who_would_move(session, after, policy=here.policy, now=here.now, zone=here.zone, before=steps)

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


def _as_typed(row: Tier | None, data: Mapping[str, Any]) -> TierStep:
    """The tier as the form says it."""
    step = step_of(row) if row is not None else TierStep(0, "", 0, 0, 0, 12)
    given = {name: data[name] for name in ("name", *_JUDGED, "valid_months") if data.get(name) is not None}
    given.pop("is_active", None)
    if "window" in given:
        given["window"] = TierWindow(given["window"])
    return replace(step, **given)
