"""A rule that says no: with a stable code, words for the person, and the field it is about."""

from collections.abc import Callable
from typing import ClassVar


def words(message: str) -> str:
    """Mark Chinese words for translation where no language is known yet."""
    return message


class RuleBroken(Exception):
    """An expected refusal. Subclasses live beside their rule and set `code`, `message` and, where one is to blame,
    `field`. `message` may hold {names}, filled from the keywords."""

    code: ClassVar[str] = "refused"
    message: ClassVar[str] = words("这一步现在不能做。")
    status: ClassVar[int] = 422

    def __init__(self, field: str | None = None, **values: str | int) -> None:
        super().__init__(self.code)
        self.field = field
        self.values = values

    def say(self, translate: Callable[[str], str]) -> str:
        """The refusal as a sentence, `translate` being gettext of the reader's language."""
        return translate(self.message).format(**self.values)


class NotFound(RuleBroken):
    """There is no such record, or it is not this person's to see."""

    code = "not_found"
    message = words("没有找到。它可能已被删除，或者链接不完整。")
    status = 404
