"""A low score is looked into within the hour; whoever gave it by name stays in a group of her own until she rates better.
Source: semantics 5.6."""

from datetime import datetime, timedelta

from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.vocabulary import SurveyMode


class LowHandled(RuleBroken):
    """Somebody saw to it already."""

    code = "low_handled"
    message = words("这条低分已经有人跟进过了。")
    status = 409


class LowNoteMissing(RuleBroken):
    """What was done must be said: the next one reads it."""

    code = "low_note_missing"
    message = words("请写一句做了什么，例如：已电话致歉，约好周六重做。")


NOTE_MAX = 500


class LowNoteTooLong(RuleBroken):
    """A sentence or two."""

    code = "low_note_too_long"
    message = words("最多写 {limit} 个字，现在有 {length} 个字。")


def low_due_at(mode: SurveyMode, now: datetime, policy: Policy) -> datetime:
    """By when somebody has looked into it. An anonymous answer is known by its day only: by that day's end, for an
    hour would say when it came. `now` comes in the shop's zone."""
    if mode is SurveyMode.ANONYMOUS:
        return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return now + timedelta(minutes=policy.low_task_minutes)


def is_better(score: int | None, *, is_low: bool) -> bool:
    """Whether a later answer of hers takes her out of the group: one with a score, that is not low again."""
    return score is not None and not is_low


def checked_note(note: str) -> str:
    """What was done, ready to keep. Raises LowNoteMissing, LowNoteTooLong."""
    text = note.strip()
    if not text:
        raise LowNoteMissing("note")
    if len(text) > NOTE_MAX:
        raise LowNoteTooLong("note", limit=NOTE_MAX, length=len(text))
    return text
