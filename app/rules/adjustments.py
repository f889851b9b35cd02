"""Points put right by hand: what must be said, how much one person may move alone, and who may say yes to more."""

from dataclasses import dataclass
from datetime import date

from app.rules.points import NotEnoughPoints, signed_points, stated_reason
from app.rules.policy import Policy
from app.rules.refusals import RuleBroken, words
from app.vocabulary import AdjustReason, EarningKind, PointsKind, RequestState


class OwnRequest(RuleBroken):
    """A second person is somebody else."""

    code = "own_request"
    message = words("这是您自己申请的，要请另一位店主或店长来同意。")
    status = 403


class PasswordNotHers(RuleBroken):
    """Whoever stands at an open page is not yet the owner."""

    code = "password_not_hers"
    message = words("密码不对，积分没有变。请重新输入您登录用的密码。")
    status = 403


class RequestDecided(RuleBroken):
    """Somebody was faster; what she said stands."""

    code = "request_decided"
    message = words("这一笔刚才已经有人处理过了，请看下面的结果。")
    status = 409


class EndsInThePast(RuleBroken):
    """Points that are over before they come in."""

    code = "ends_in_the_past"
    message = words("有效期要是今天或以后；不会过期就留空。")


class NothingTakenEnds(RuleBroken):
    """Points that are taken away have no end of their own."""

    code = "nothing_taken_ends"
    message = words("扣积分不用填有效期。")


class OccasionsNeedSecond(RuleBroken):
    """Gift upon gift on one day is as much as one large change."""

    code = "occasions_need_second"
    message = words("今天您已经给她手工记了 {moved} 分，再加 {points} 分要第二个人同意：请用“调整积分”申请。")
    status = 409


BY_HAND = (EarningKind.EVENT, EarningKind.SHARING, EarningKind.SUGGESTION)
"""What somebody at the counter sees happen; the rest the machine knows by itself."""


@dataclass(frozen=True)
class Adjustment:
    """A change by hand: points with their sign, why, and through which day they count (None: always)."""

    points: int
    reason_code: AdjustReason
    note: str
    expires_on: date | None = None


def checked_adjustment(adjustment: Adjustment, *, today: date) -> Adjustment:
    """The same where it can be done at all. Raises PointsWrong, PointsReasonMissing, EndsInThePast, NothingTakenEnds."""
    points = signed_points(adjustment.points)
    note = stated_reason(adjustment.note, "note")
    if adjustment.expires_on is not None and points < 0:
        raise NothingTakenEnds("expires_on")
    check_end(adjustment.expires_on, today=today)
    return Adjustment(points, adjustment.reason_code, note, adjustment.expires_on)


def check_enough(balance: int, points: int) -> None:
    """Nobody is asked about taking what is not there. Raises NotEnoughPoints."""
    if points < 0 and -points > balance:
        raise NotEnoughPoints("points", balance=balance, points=-points)


def check_end(expires_on: date | None, *, today: date) -> None:
    """Raises EndsInThePast for a last day that is gone."""
    if expires_on is not None and expires_on < today:
        raise EndsInThePast("expires_on")


def needs_second(points: int, moved_today: int, policy: Policy) -> bool:
    """Whether a second person must say yes. `moved_today`: what the same person has put right for this customer on this
    day already, given and taken alike, so that a large change in small parts is as large. Source: semantics 5.1.12."""
    return abs(points) + moved_today >= policy.points_approval_from


def check_may_decide(state: RequestState, asked_by: int, decided_by: int, *, has_second: bool = True) -> None:
    """Whether this person may say yes or no to what that one asked. Where nobody else could (`has_second`), who asked decides
    herself, once she has said her password again. Raises RequestDecided, OwnRequest."""
    if state is not RequestState.WAITING:
        raise RequestDecided
    if asked_by == decided_by and has_second:
        raise OwnRequest


def is_by_hand(kind: PointsKind, reference: str) -> bool:
    """Whether points came in because somebody wrote down what she saw."""
    return kind is PointsKind.EARN and reference.partition(":")[0] in set(BY_HAND)


def check_occasions(points: int, moved_today: int, policy: Policy) -> None:
    """Whether one person may write down this occasion, too: the first of a day is the rule's word, more of them are counted
    like any other points given by hand. Raises OccasionsNeedSecond."""
    if moved_today and needs_second(points, moved_today, policy):
        raise OccasionsNeedSecond(moved=moved_today, points=points)
