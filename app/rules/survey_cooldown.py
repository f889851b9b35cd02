"""How often one customer may be asked: once in so many days across all surveys, and once in the survey's own time.
Source: semantics 5.6; Formbricks' cooldown, which counts any survey."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words


class AskedRecently(RuleBroken):
    """She had a survey a few days ago."""

    code = "asked_recently"
    message = words("这位顾客最近刚收到或填过问卷，{day} 以后再请她。")
    status = 409


@dataclass(frozen=True)
class Asked:
    """A survey she was sent, or answered under her name, and when."""

    survey_id: int
    at: datetime


def ask_again_at(asked: Iterable[Asked], survey_id: int, *, again_after_days: int, policy: Policy) -> datetime | None:
    """From when on she may be asked this survey; None: she never was asked anything that counts. Both rests must be
    over: that of the house since the last survey of any kind, and the survey's own since its last."""
    rests = [one.at + timedelta(days=policy.survey_cooldown_days) for one in asked]
    rests += [one.at + timedelta(days=again_after_days) for one in asked if one.survey_id == survey_id]
    return max(rests, default=None)


def check_may_ask(
    asked: Iterable[Asked], survey_id: int, *, again_after_days: int, policy: Policy, now: datetime
) -> None:
    """Raises AskedRecently until both rests are over. `now` comes in the shop's zone: the sentence names its day."""
    again_at = ask_again_at(list(asked), survey_id, again_after_days=again_after_days, policy=policy)
    if again_at is not None and now < again_at:
        raise AskedRecently("customer", day=again_at.astimezone(now.tzinfo).date().isoformat())
