"""Rounds of a survey: which can be planned, when the next one comes, and which of two was before a change.
Source: R-N9, R-N10; semantics 5.6."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.rules.days import months_after
from app.rules.refusals import RuleBroken, words
from app.vocabulary import SurveyMode, SurveyStatus, WaveAudience, WaveState


class WaveEndsBeforeItBegins(RuleBroken):
    """Nobody could answer in it."""

    code = "wave_ends_before_it_begins"
    message = words("这一期的结束时间要晚于开始时间。")


class WaveOverlaps(RuleBroken):
    """An answer belongs to one round."""

    code = "wave_overlaps"
    message = words("和“{name}”的时间重叠了，一份问卷同一时间只能有一期。")
    status = 409


class WaveNameTaken(RuleBroken):
    """Results name the round."""

    code = "wave_name_taken"
    message = words("已经有一期叫“{name}”，请换一个名字。")
    status = 409


class WaveNeedsTag(RuleBroken):
    """A segment is a tag."""

    code = "wave_needs_tag"
    message = words("请选一个标签，这一期只问贴了这个标签的顾客。")


class WaveNotAsked(RuleBroken):
    """A round of a survey nobody can answer."""

    code = "wave_not_asked"
    message = words("问卷还没有发布或者已经结束，这一期不能开始。")
    status = 409


class WaveOfAnonymous(RuleBroken):
    """Members are asked by personal links, and those say who answers."""

    code = "wave_of_anonymous"
    message = words("匿名问卷不能只问会员：专属链接会让人知道是谁答的。请选“所有顾客”。")


class WaveSettled(RuleBroken):
    """It was opened or closed before."""

    code = "wave_settled"
    message = words("这一期已经开始或结束过了。")
    status = 409


@dataclass(frozen=True)
class Round:
    """When a round is, and how it stands."""

    id: int
    name: str
    opens_at: datetime
    closes_at: datetime
    state: WaveState = WaveState.PLANNED


def check_round(
    opens_at: datetime, closes_at: datetime, *, audience: WaveAudience, has_tag: bool, mode: SurveyMode
) -> None:
    """Refuse a round nobody could answer, or that would say whose an anonymous answer is."""
    if closes_at <= opens_at:
        raise WaveEndsBeforeItBegins("closes_at")
    if audience is WaveAudience.SEGMENT and not has_tag:
        raise WaveNeedsTag("tag")
    if audience is not WaveAudience.EVERYONE and mode is SurveyMode.ANONYMOUS:
        raise WaveOfAnonymous("audience")


def check_beside(opens_at: datetime, closes_at: datetime, name: str, others: Sequence[Round]) -> None:
    """Refuse a round that overlaps another of the same survey, or has its name."""
    for other in others:
        if other.name == name:
            raise WaveNameTaken("name", name=name)
        if opens_at < other.closes_at and other.opens_at < closes_at:
            raise WaveOverlaps("opens_at", name=other.name)


def check_may_open(state: WaveState, status: SurveyStatus) -> None:
    """Refuse to open a round twice, or one of a survey that takes no answers."""
    if state is not WaveState.PLANNED:
        raise WaveSettled
    if status is not SurveyStatus.PUBLISHED:
        raise WaveNotAsked


def next_round(opens_at: datetime, closes_at: datetime, repeat_months: int) -> tuple[datetime, datetime] | None:
    """When the next round is, as long as this one and so many months later by the shop's calendar; None: this was the
    last. Both moments come and go in the shop's zone."""
    if not repeat_months:
        return None
    begins = opens_at.combine(months_after(opens_at.date(), repeat_months), opens_at.timetz())
    return begins, begins + (closes_at - opens_at)


def name_of_round(begins: datetime) -> str:
    """What a round is called that plans itself: the day it begins."""
    return begins.date().isoformat()


def before_and_after(
    rounds: Sequence[Round], found_in: int | None, done_at: datetime | None
) -> tuple[Round | None, Round | None]:
    """The rounds that show a change: the one the weakness was found in (else the last that ended before the change was
    done), and the first that began after it was done."""
    in_order = sorted(rounds, key=lambda one: one.opens_at)
    before = next((one for one in in_order if one.id == found_in), None)
    if done_at is None:
        return before, None
    if before is None:
        before = next((one for one in reversed(in_order) if one.closes_at <= done_at), None)
    after = next((one for one in in_order if one.opens_at >= done_at and one is not before), None)
    return before, after
