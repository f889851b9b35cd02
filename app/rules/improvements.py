"""What the shop changes about a weak dimension: somebody's, by a day, and told to customers once it is done.
Source: R-N5, R-N8; rivals.md 186."""

from collections.abc import Iterable
from datetime import date

from app.rules.refusals import RuleBroken, words
from app.rules.survey_scores import DimensionScore
from app.vocabulary import ImprovementState


class ImprovementDueBefore(RuleBroken):
    """A day that is over already."""

    code = "improvement_due_before"
    message = words("完成日期不能早于今天。")


class ImprovementSettled(RuleBroken):
    """Done or dropped before."""

    code = "improvement_settled"
    message = words("这条改进措施已经完成或取消了。")
    status = 409


class ImprovementNotDone(RuleBroken):
    """What is not done is not told."""

    code = "improvement_not_done"
    message = words("改进完成以后，才能告诉顾客“我们改了”。")
    status = 409


class ToldMissing(RuleBroken):
    """An empty notice tells nothing."""

    code = "told_missing"
    message = words("请写一句给顾客看的话，例如：您说等得太久，现在预约都能准时开始。")


def check_due(due_on: date, today: date) -> None:
    """Refuse a day that has passed."""
    if due_on < today:
        raise ImprovementDueBefore("due_on")


def check_open(state: ImprovementState) -> None:
    """Refuse to settle it twice."""
    if state is not ImprovementState.OPEN:
        raise ImprovementSettled


def check_may_tell(state: ImprovementState, told: str) -> None:
    """Refuse to tell customers of what is not done, or nothing."""
    if state is not ImprovementState.DONE:
        raise ImprovementNotDone
    if not told.strip():
        raise ToldMissing("told")


def weakest(dimensions: Iterable[DimensionScore], most: int = 2) -> tuple[DimensionScore, ...]:
    """The lowest dimensions, the worst first: where an improvement begins. Those without weight do not move the total."""
    weighed = [one for one in dimensions if one.weight > 0]
    return tuple(sorted(weighed, key=lambda one: one.score)[:most])
