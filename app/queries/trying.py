"""Other tiers and other rules of earning tried on the shop's own past: at once in a small shop, by the machine in a large one.
What was asked and what came of it are kept with the job, without a name in it."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from app.models import Customer, Job
from app.queries.design import AT_ONCE, Issued, points_for_past, sales_between, terms_in_use
from app.queries.tier_preview import Movement, Mover, has_too_many, who_would_move
from app.queries.tiers import tier_steps
from app.rules.days import months_after
from app.rules.policy import Policy
from app.rules.tiers import TierStep
from app.vocabulary import JobKind, JobStage, TierWindow

FRESH = timedelta(minutes=15)
"""So long the same question has the same answer."""
Telling = Callable[[int, int], None]


@dataclass(frozen=True)
class Asked:
    """What is tried: the tiers, and with `months` the rules of sales on so many months. `rules`: points, fen and percent of
    each rule that counts, `percents` the multiplier of each tier. `form` is what was typed, to be shown again."""

    steps: tuple[TierStep, ...]
    months: int = 0
    rules: Mapping[int, tuple[int, int, int]] = field(default_factory=dict)
    percents: Mapping[int, int] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)

    def kept(self) -> str:
        """As it lies in a job."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def key(self) -> str:
        """What the same question goes by."""
        return f"{JobKind.TRY_DESIGN}:{hashlib.sha256(self.kept().encode()).hexdigest()[:32]}:"


@dataclass(frozen=True)
class Tried:
    """What came of it; `issued` only where rules were tried."""

    movement: Movement
    issued: Issued | None = None

    def kept(self) -> str:
        """As it lies in a job: numbers instead of names."""
        plain: dict[str, Any] = {name: dict(getattr(self.movement, name)) for name in ("now", "after")}
        return json.dumps(asdict(replace(self, movement=replace(self.movement, **plain))), default=str)


@dataclass(frozen=True)
class Trial:
    """A question the machine was asked: how far it has come, and what came of it once it is done."""

    job_id: int
    asked: Asked
    done: int
    total: int
    error: str
    tried: Tried | None
    at: datetime | None

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for."""
        return self.tried is not None or bool(self.error)


def asked_of(kept: str) -> Asked:
    """A question as it was kept."""
    said = json.loads(kept)
    steps = tuple(TierStep(**one | {"window": TierWindow(one["window"])}) for one in said["steps"])
    rules = {int(number): (one[0], one[1], one[2]) for number, one in said["rules"].items()}
    return Asked(steps, said["months"], rules, {int(one): n for one, n in said["percents"].items()}, said["form"])


def try_out(
    session: Session,
    asked: Asked,
    *,
    policy: Policy,
    now: datetime,
    zone: ZoneInfo,
    tell: Telling = lambda done, total: None,
) -> Tried:
    """Judge every customer, and every sale of the span, by what is asked. `tell` hears how many of how many."""
    customers, total = session.exec(select(func.count()).select_from(Customer)).one(), 0
    first, last = span(asked, now, zone)
    total = customers + (sales_between(session, first, last, zone) if asked.months else 0)
    movement = who_would_move(
        session,
        asked.steps,
        policy=policy,
        now=now,
        zone=zone,
        before=tier_steps(session),
        seen=lambda n: tell(n, total),
    )
    if not asked.months:
        return Tried(movement)
    terms = [
        replace(one, points=asked.rules[one.rule_id][0], per_fen=asked.rules[one.rule_id][1], percent=asked.rules[one.rule_id][2])
        for one in terms_in_use(session)
        if one.rule_id in asked.rules
    ]  # fmt: skip
    issued = points_for_past(
        session, terms, asked.percents, first=first, last=last, zone=zone,
        campaigns_multiply=bool(policy.campaigns_multiply), seen=lambda n: tell(customers + n, total),
    )  # fmt: skip
    return Tried(movement, issued)


def takes_long(session: Session, asked: Asked, *, now: datetime, zone: ZoneInfo) -> bool:
    """Whether nobody would wait for it."""
    return has_too_many(session) or bool(
        asked.months and sales_between(session, *span(asked, now, zone), zone) > AT_ONCE
    )


def span(asked: Asked, now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The days whose sales are tried."""
    today = now.astimezone(zone).date()
    return months_after(today, -asked.months), today


def trial(session: Session, job_id: int) -> Trial | None:
    """A question that was asked; None for a number that is no such thing."""
    job = session.get(Job, job_id)
    if job is None or job.kind != JobKind.TRY_DESIGN:
        return None
    said: dict[str, Any] = json.loads(job.payload)
    is_done = job.stage is JobStage.DONE and "tried" in said
    return Trial(
        job_id,
        asked_of(said["asked"]),
        int(said.get("done", 0)),
        int(said.get("total", 0)),
        job.last_error if job.stage is JobStage.DEAD else "",
        _tried_of(said["tried"]) if is_done else None,
        job.finished_at if is_done else None,
    )


def fresh_trial(session: Session, asked: Asked, *, now: datetime) -> int | None:
    """The same question of a moment ago, being worked on or answered."""
    wanted = select(Job.id).where(
        col(Job.key).startswith(asked.key, autoescape=True),
        col(Job.created_at) > now - FRESH,
        Job.stage != JobStage.DEAD,
    )
    return session.exec(wanted.order_by(col(Job.id).desc()).limit(1)).first()


def _tried_of(kept: str) -> Tried:
    said = json.loads(kept)
    moved = said["movement"]
    for name in ("risers", "fallers"):
        moved[name] = [
            Mover(**one | {"until_on": date.fromisoformat(one["until_on"]) if one["until_on"] else None})
            for one in moved[name]
        ]
    for name in ("now", "after"):
        moved[name] = Counter(moved[name])
    moved["tiers"] = tuple(moved["tiers"])
    return Tried(Movement(**moved), Issued(**said["issued"]) if said["issued"] else None)
