"""What may hang on the wall: a survey's code, the sign-up code of a store."""

from dataclasses import dataclass

from app.rules.refusals import NotFound, RuleBroken, words
from app.vocabulary import SurveyMode, SurveyStatus


@dataclass(frozen=True)
class PosterStore:
    """A store as the poster on its wall needs it."""

    id: int
    code: str
    name: str
    phone: str
    address: str


class PosterStoreUnknown(NotFound):
    """No open store of that code, or not hers."""

    code = "poster_store_unknown"
    message = words("没有找到这家门店，或者它已停业。请换一家。")


class PosterSurveyUnknown(NotFound):
    """No survey of that address."""

    code = "poster_survey_unknown"
    message = words("没有叫“{slug}”的问卷。现有问卷：{slugs}。")


class PosterOfDraft(RuleBroken):
    """Customers would scan and find nothing."""

    code = "poster_of_draft"
    message = words("这份问卷还是草稿，顾客扫了打不开。请先发布，再打印海报。")


class PosterOfClosed(RuleBroken):
    """Customers would scan and be turned away."""

    code = "poster_of_closed"
    message = words("这份问卷已经结束，顾客扫了答不了。请换一份问卷打印海报。")


class PosterOfInvitation(RuleBroken):
    """A code on the wall is everybody's."""

    code = "poster_of_invitation"
    message = words("这份问卷只发专属邀请，不能印成海报。")


def check_postable(status: SurveyStatus, mode: SurveyMode) -> None:
    """Refuse a poster nobody could answer. One that opens later may be printed before."""
    if status is SurveyStatus.DRAFT:
        raise PosterOfDraft("survey")
    if status is SurveyStatus.CLOSED:
        raise PosterOfClosed("survey")
    if mode is SurveyMode.IDENTIFIED:
        raise PosterOfInvitation("survey")
