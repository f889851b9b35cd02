"""Surveys: who can answer now, and what she is told when she cannot.

Source: semantics 5.6.
"""

import re
from datetime import datetime

from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import SurveyMode, SurveyStatus

CONTACT_KEY = "contact"
"""Key of the contact screen in a survey that has no contact question of its own."""
_SUBMISSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class SurveyUnknown(NotFound):
    """There is no such survey, or it is not out yet: the customer need not know which."""

    code = "survey_unknown"
    message = words("没有找到这份问卷。二维码可能没扫完整，请再扫一次，或问问店里的同事。")


class SurveyNotOpenYet(RuleBroken):
    """It opens later."""

    code = "survey_not_open_yet"
    message = words("这份问卷还没有开始。请过些时候再来，您的意见我们很想听。")
    status = 404


class SurveyClosed(RuleBroken):
    """It takes no more answers."""

    code = "survey_closed"
    message = words("这份问卷已经结束，谢谢您愿意花时间。有话想对我们说，可以直接打电话。")
    status = 410


class SurveyByInvitation(RuleBroken):
    """Answers belong to persons here, so only a personal link opens it."""

    code = "survey_by_invitation"
    message = words("这份问卷只发给受邀的顾客。请打开您收到的那条链接。")
    status = 404


class LinkUnknown(NotFound):
    """No invitation of that address."""

    code = "link_unknown"
    message = words("这条问卷链接打不开。可能没复制完整，请再点一次原来的消息。")


class LinkExpired(RuleBroken):
    """It was good for some days."""

    code = "link_expired"
    message = words("这条问卷链接已经过期了，谢谢您还记得。有话想对我们说，可以直接打电话。")
    status = 410


class LinkRevoked(LinkExpired):
    """The shop took it back."""

    code = "link_revoked"
    message = words("这条问卷链接已经停用。有话想对我们说，可以直接打电话。")


class InviteAnonymous(RuleBroken):
    """A personal link would say whose the answers are."""

    code = "invite_anonymous"
    message = words("匿名问卷不能发专属链接：顾客看到的是“不记录您是谁”。请用二维码。")
    status = 409


class InviteClosed(RuleBroken):
    """There is nothing she could answer."""

    code = "invite_closed"
    message = words("问卷还没有发布或者已经结束，不能发邀请。")
    status = 409


class AlreadyAnswered(RuleBroken):
    """One run, one response."""

    code = "already_answered"
    message = words("您已经提交过了，谢谢。")
    status = 409


class ContactPhoneMissing(RuleBroken):
    """A name without a number reaches nobody."""

    code = "contact_phone_missing"
    message = words("请填手机号，我们才能联系到您；不需要联系，就点“不用了，谢谢”。")


def is_submission_id(text: str) -> bool:
    """Whether a run's id has the right form: random, 128 bits or more, nothing a database could choke on."""
    return _SUBMISSION_ID.fullmatch(text) is not None


def check_link(mode: SurveyMode, *, expires_at: datetime, is_revoked: bool, now: datetime) -> None:
    """Refuse in words when a personal link opens nothing any more. It opens until just before `expires_at`."""
    if mode is SurveyMode.ANONYMOUS:
        raise LinkUnknown
    if is_revoked:
        raise LinkRevoked
    if now >= expires_at:
        raise LinkExpired


def check_open(
    status: SurveyStatus,
    mode: SurveyMode,
    *,
    opens_at: datetime | None,
    closes_at: datetime | None,
    now: datetime,
    is_invited: bool = False,
) -> None:
    """Refuse in words when a customer cannot answer now, who scanned the code or holds a personal link (`is_invited`).
    Open from `opens_at` until just before `closes_at`."""
    if status is SurveyStatus.DRAFT:
        raise SurveyUnknown
    if status is SurveyStatus.CLOSED or (closes_at is not None and now >= closes_at):
        raise SurveyClosed
    if opens_at is not None and now < opens_at:
        raise SurveyNotOpenYet
    if mode is SurveyMode.IDENTIFIED and not is_invited:
        raise SurveyByInvitation


def kept_time(mode: SurveyMode, now: datetime) -> datetime:
    """When it happened; of an anonymous answer only the day (of the zone `now` comes in): a minute names a person."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) if mode is SurveyMode.ANONYMOUS else now
