"""What is done to surveys, each once, for the test that asks what is written down."""

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, select

from app.actions import (
    improvements,
    low_feedback,
    survey_gifts,
    survey_invitations,
    survey_places,
    survey_sheets,
    survey_templates,
    survey_versions,
    survey_waves,
)
from app.actions.improvements import ImprovementDetails
from app.actions.survey_places import PlaceDetails
from app.actions.survey_sheets import QuestionDetails, SurveyDetails
from app.actions.survey_waves import WaveDetails
from app.models import Improvement, LowFeedback, SurveyInvitation, SurveyPlace, SurveyResponse, SurveyRule, SurveyWave
from app.rules.policy import Policy
from app.rules.questions import Question
from app.rules.survey_logic import Condition
from app.vocabulary import AnswerTest, LogicDeed, QuestionKind, ResponseState, SurveyOccasion, WaveAudience
from tests.conftest import NOW
from tests.questionnaires import version_of

RULES = Policy()
DAY = timedelta(days=1)


def _question(session: Session, shop: Any) -> None:
    details = QuestionDetails(shop.survey, QuestionKind.RATING, "环境怎么样？")
    shop.question = survey_sheets.create_question(session, details).id


def _newest(session: Session, table: type[Any]) -> int:
    return max(one or 0 for one in session.exec(select(table.id)))


def _place(shop: Any, slug: str = "t1") -> PlaceDetails:
    return PlaceDetails(shop.survey, slug, "一号台")


def _wave(shop: Any, number: int) -> WaveDetails:
    opens = NOW + number * 10 * DAY
    return WaveDetails(shop.survey, f"第{number}期", opens, opens + DAY, WaveAudience.MEMBERS)


def _response(session: Session, shop: Any) -> SurveyResponse:
    run = f"deed-{len(session.exec(select(SurveyResponse.id)).all()):020d}"
    row = SurveyResponse(
        survey_id=shop.survey, version_id=version_of(session, shop.survey), submission_id=run, started_at=NOW,
        state=ResponseState.FINISHED, gift_code=run[-8:],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _low(session: Session, shop: Any) -> int:
    low = low_feedback.note_low(session, _response(session, shop), policy=RULES, now=NOW)
    assert isinstance(low, LowFeedback)
    return low.id or 0


def _rule(session: Session, shop: Any) -> None:
    condition = Condition("q9", AnswerTest.AT_MOST, 2)
    survey_versions.save_rule(session, shop.survey, [condition], deed=LogicDeed.SHOW, target="q10")


def _planned(shop: Any) -> ImprovementDetails:
    return ImprovementDetails(shop.survey, "环境氛围", "换香薰", shop.boss, date(2027, 1, 31))


def _improvement(session: Session, shop: Any) -> int:
    return improvements.plan_improvement(session, _planned(shop), now=NOW).id or 0


def _done(session: Session, shop: Any) -> int:
    return improvements.finish_improvement(session, _improvement(session, shop), now=NOW).id or 0


def _opened(session: Session, shop: Any, number: int) -> int:
    wave = survey_waves.plan_wave(session, _wave(shop, number), now=NOW)
    return survey_waves.open_wave(session, wave.id or 0).id or 0


SURVEY_DEEDS = {
    "survey_sheets.create_survey": lambda s, w: survey_sheets.create_survey(s, SurveyDetails("xin", "新问卷"), now=NOW),
    "survey_sheets.update_survey": lambda s, w: survey_sheets.update_survey(
        s, w.survey, SurveyDetails("kaiye", "开业满意度")
    ),
    "survey_sheets.create_question": _question,
    "survey_sheets.update_question": lambda s, w: survey_sheets.update_question(
        s, w.question, QuestionDetails(w.survey, QuestionKind.RATING, "环境好吗？")
    ),
    "survey_templates.survey_from_template": lambda s, w: survey_templates.survey_from_template(
        s, SurveyOccasion.AFTER_VISIT, "after", now=NOW
    ),
    "survey_versions.save_question": lambda s, w: (
        survey_versions.save_question(s, w.survey, Question(key="q9", kind=QuestionKind.RATING, text="服务好吗？")),
        survey_versions.save_question(s, w.survey, Question(key="q10", kind=QuestionKind.TEXT, text="哪里不好？")),
    ),
    "survey_versions.save_section": lambda s, w: survey_versions.save_section(s, w.survey, key="s1", title="服务"),
    "survey_versions.save_rule": _rule,
    "survey_versions.move_question": lambda s, w: survey_versions.move_question(s, w.question, up=False),
    "survey_versions.delete_rule": lambda s, w: survey_versions.delete_rule(s, _newest(s, SurveyRule)),
    "survey_versions.publish_survey": lambda s, w: survey_versions.publish_survey(s, w.survey, now=NOW),
    "survey_versions.draft_version": lambda s, w: survey_versions.draft_version(s, w.survey, now=NOW),
    "survey_versions.drop_draft": lambda s, w: survey_versions.drop_draft(s, w.survey),
    "survey_places.create_place": lambda s, w: survey_places.create_place(s, _place(w), now=NOW),
    "survey_places.update_place": lambda s, w: survey_places.update_place(s, _newest(s, SurveyPlace), _place(w, "t2")),
    "survey_waves.plan_wave": lambda s, w: survey_waves.plan_wave(s, _wave(w, 0), now=NOW),
    "survey_waves.update_wave": lambda s, w: survey_waves.update_wave(s, _newest(s, SurveyWave), _wave(w, 1)),
    "survey_waves.open_wave": lambda s, w: survey_waves.open_wave(s, _newest(s, SurveyWave)),
    "survey_waves.invite_portion": lambda s, w: survey_waves.invite_portion(
        s, _newest(s, SurveyWave), after_id=0, most=10, policy=RULES, now=NOW
    ),
    "survey_waves.close_wave": lambda s, w: survey_waves.close_wave(s, _newest(s, SurveyWave), now=NOW),
    "survey_waves.turn_waves": lambda s, w: survey_waves.turn_waves(s, now=NOW + 90 * DAY) and _opened(s, w, 20),
    "survey_invitations.invite": lambda s, w: survey_invitations.invite(
        s, w.survey, w.customer, policy=RULES, now=NOW, heeds_rest=False
    ),
    "survey_invitations.revoke_invitation": lambda s, w: survey_invitations.revoke_invitation(
        s, _newest(s, SurveyInvitation), now=NOW
    ),
    "low_feedback.handle_low": lambda s, w: low_feedback.handle_low(s, _low(s, w), "打电话道歉", now=NOW),
    "survey_gifts.use_gift": lambda s, w: survey_gifts.use_gift(s, _gift(s, w), now=NOW),
    "improvements.plan_improvement": _improvement,
    "improvements.update_improvement": lambda s, w: improvements.update_improvement(
        s, _newest(s, Improvement), ImprovementDetails(w.survey, "环境氛围", "换灯", w.boss, date(2027, 2, 1)), now=NOW
    ),
    "improvements.finish_improvement": lambda s, w: improvements.finish_improvement(
        s, _newest(s, Improvement), now=NOW
    ),
    "improvements.tell_customers": lambda s, w: improvements.tell_customers(s, _done(s, w), "我们换了香薰", now=NOW),
    "improvements.drop_improvement": lambda s, w: improvements.drop_improvement(s, _improvement(s, w)),
}


def _gift(session: Session, shop: Any) -> str:
    row = _response(session, shop)
    row.gift_code = "ABCDEFGH"
    session.flush()
    return "abcd efgh"
