"""Why a movement of points has its number, in words."""

from collections.abc import Iterator

from app.admin_base.asking import asking
from app.admin_base.showing import readable
from app.i18n import gettext, long_day, stamp
from app.labels import word_of
from app.queries.points_page import Movement
from app.rules.adjustments import is_by_hand
from app.rules.earning import told
from app.rules.refusals import words
from app.vocabulary import PointsKind

_BETWEEN = words("：")
_AT_THE_TILL = words("结账时抵用")
_AGREED = words("{who} 同意的")
_ENDED = words("有效到 {day}，没有用完")
_TOOK_BACK = words("撤销 {at} 的{kind} {points}")
_RETURNED = words("兑换撤销：{what}")
_JOINED = words("合并档案时转过来或转出去的")
_OPENING = words("从以前的账上带来的")
DOUBTS = {
    "balance": words("余额和明细加起来不一样。"),
    "chain": words("明细里有一笔接不上前一笔。"),
    "lots": words("余额和还没用的批次不一样。"),
    "lot": words("有一批积分用掉的和剩下的对不上。"),
    "use": words("有一笔明细和它动用的批次对不上。"),
}
"""What the check found, in words."""


def reasons(movement: Movement) -> tuple[str, ...]:
    """Line by line, from what it is about to what somebody wrote."""
    return tuple(one for one in _reasons(movement) if one)


def _reasons(movement: Movement) -> Iterator[str]:
    entry, redemption = movement.entry, movement.redemption
    said = gettext(str(readable(entry, "reason", entry.reason)))
    if entry.working:
        yield told(entry.working, gettext)
        if is_by_hand(entry.kind, entry.reference) and entry.staff_id:
            yield said
    elif entry.kind is PointsKind.ADJUST:
        yield gettext(_BETWEEN).join(
            one for one in (word_of(entry.reason_code) if entry.reason_code else "", said) if one
        )
    elif entry.kind is PointsKind.REDEEM:
        yield _redeemed(movement) or (gettext(_AT_THE_TILL) if entry.purchase else said)
    elif entry.kind is PointsKind.EXPIRE and movement.ended_on:
        yield gettext(_ENDED).format(day=long_day(movement.ended_on))
    elif entry.kind is PointsKind.REVERSE:
        yield gettext(_RETURNED).format(what=_redeemed(movement)) if redemption else _took_back(movement)
        yield said
    elif entry.kind is PointsKind.MERGE:
        yield gettext(_JOINED)
    elif entry.kind is PointsKind.OPENING:
        yield said or gettext(_OPENING)
    else:
        yield said
    if movement.approved_by:
        yield gettext(_AGREED).format(who=movement.approved_by)


def _redeemed(movement: Movement) -> str:
    redemption = movement.redemption
    if redemption is None:
        return ""
    note = str(readable(redemption, "note", redemption.note))
    return gettext(_BETWEEN).join(one for one in (redemption.reward.name if redemption.reward else "", note) if one)


def _took_back(movement: Movement) -> str:
    before = movement.reversed
    if before is None:
        return ""
    at = stamp(before.at, asking().zone)
    return gettext(_TOOK_BACK).format(at=at, kind=word_of(before.kind), points=f"{before.points:+,}")
