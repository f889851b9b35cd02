"""Who may put a tag on whom: people do by hand, the machine by rule, and neither touches what the other put."""

from collections.abc import Iterable

from app.rules.refusals import RuleBroken, words

MOST_REMEMBERED = 5000
"""Of so many customers the shop can still take back that a tag was taken off them."""


class TagHasRule(RuleBroken):
    """What a rule puts on, the rule takes off again."""

    code = "tag_has_rule"
    message = words("“{name}”按规则自动贴，不能手工贴或摘。要改就改它的规则。")
    status = 409


class RuleOnRule(RuleBroken):
    """A rule that waits for another would be a day late, and two could wait for each other."""

    code = "rule_on_rule"
    message = words("条件里的标签要是手工贴的；“{name}”自己有规则，或别的规则正用着它。")
    status = 409


class UndoGone(RuleBroken):
    """Nothing of that deed is there to be taken back."""

    code = "tagging_undo_gone"
    message = words("这一步已经撤销过，或者没有可撤销的了。")
    status = 409


class NobodyChosen(RuleBroken):
    """No customer, nothing to do."""

    code = "nobody_chosen"
    message = words("没有选中顾客。请先在顾客列表里筛选或勾选。")


def as_ranges(numbers: Iterable[int]) -> str:
    """Numbers as a short text: 1-3,7."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)


def read_ranges(text: str) -> list[int]:
    """The numbers of such a text."""
    numbers: list[int] = []
    for span in filter(None, text.split(",")):
        first, _, last = span.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
