"""The questions of the house, by occasion: words the shop would use, in an order that works. S4's five dimensions are the
defaults. Data of a new survey: once copied they are the shop's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.rules.questions import Question
from app.rules.survey_logic import Condition, SkipRule
from app.vocabulary import AnswerTest, LogicDeed, LogicMatch, MemberField, QuestionKind, SurveyMode, SurveyOccasion

DIMENSIONS = ("产品质量", "服务质量", "环境氛围", "价格合理性", "客户关怀")  # data
"""Source: S4; service is professionalism and attitude."""
_PRODUCT, _SERVICE, _PLACE, _PRICE, _CARE = DIMENSIONS


@dataclass(frozen=True)
class Template:
    """A survey to begin with."""

    title: str
    intro: str
    thanks: str
    questions: tuple[Question, ...]
    rules: tuple[SkipRule, ...] = ()
    mode: SurveyMode = SurveyMode.OPEN


def _rating(key: str, dimension: str, text: str, hint: str = "", *, weight: int = 3) -> Question:
    return Question(key, QuestionKind.RATING, text, hint, dimension, weight)


_SKILL = _rating("skill", _SERVICE, "您觉得美容师的手法专业吗？")  # data
_ATTITUDE = _rating("attitude", _SERVICE, "您对我们的服务态度满意吗？")  # data
_ROOM = _rating("environment", _PLACE, "您对店里的环境和氛围满意吗？", "干净、安静、温度、气味", weight=2)  # data
_CARED_HOW = "生日祝福、护理提醒、电话回访"  # data
_CARED = _rating("care", _CARE, "您对我们平时的关心和回访满意吗？", _CARED_HOW, weight=2)  # data
_RECOMMENDS = "您有多大可能把本店推荐给朋友或同事？"  # data
_NPS = Question("recommend", QuestionKind.NPS, _RECOMMENDS, "0 是完全不可能，10 是非常愿意")  # data
_WORDS = Question("words", QuestionKind.TEXT, "还有什么想对我们说的吗？", "可以不填", is_required=False)  # data
_WHY = Question("why", QuestionKind.TEXT, "哪里让您不满意？请告诉我们，我们来改。", is_required=False)  # data
_ASK_WHY = SkipRule(
    LogicMatch.ANY,
    (Condition("skill", AnswerTest.AT_MOST, 2), Condition("attitude", AnswerTest.AT_MOST, 2)),
    LogicDeed.SHOW,
    ("why",),
)
_INTRO = "想听听您的真实感受，只要一两分钟。您的回答只用来改进本店的服务。"  # data
_THANKS = "谢谢您，您的意见已经送到店长手上。期待再次见到您。"  # data

TEMPLATES: Mapping[SurveyOccasion, Template] = {
    SurveyOccasion.AFTER_VISIT: Template(
        "到店后回访",  # data
        _INTRO,
        _THANKS,
        (
            replace(
                _rating("effect", _PRODUCT, "您对这次护理的效果满意吗？"),  # data
                maps_to=MemberField.VISIT_EFFECT,
            ),
            _SKILL,
            _ATTITUDE,
            _WHY,
            _ROOM,
            _NPS,
            _WORDS,
        ),
        (_ASK_WHY,),
    ),
    SurveyOccasion.QUARTERLY: Template(
        "季度满意度",  # data
        _INTRO,
        _THANKS,
        (
            _rating("product", _PRODUCT, "您对产品的使用效果满意吗？"),  # data
            _SKILL,
            _ATTITUDE,
            _WHY,
            _ROOM,
            _rating("price", _PRICE, "您觉得价格合理吗？", weight=2),  # data
            _CARED,
            Question(
                "channel",
                QuestionKind.CHOICE,
                "有事找您，哪种方式最方便？",  # data
                is_required=False,
                options=("短信", "微信", "邮件", "电话"),  # data
                maps_to=MemberField.PREFERRED_CHANNEL,
            ),
            _NPS,
            _WORDS,
        ),
        (_ASK_WHY,),
    ),
    SurveyOccasion.EVENT: Template(
        "活动反馈",  # data
        _INTRO,
        _THANKS,
        (
            _rating("event", _SERVICE, "您对这次活动满意吗？"),  # data
            Question(
                "parts",
                QuestionKind.MATRIX,
                "这几方面您觉得怎么样？",  # data
                dimension=_CARE,
                weight=2,
                statements=("内容", "时间安排", "现场接待"),  # data
                is_required=False,
            ),
            Question("again", QuestionKind.YES_NO, "下次有活动，您还愿意来吗？"),  # data
            _WORDS,
        ),
    ),
    SurveyOccasion.STAFF: Template(
        "员工服务评价",  # data
        "您的回答是匿名的，不记录您是谁。",  # data
        _THANKS,
        (_SKILL, _ATTITUDE, _WHY, _WORDS),
        (_ASK_WHY,),
        SurveyMode.ANONYMOUS,
    ),
    SurveyOccasion.COURSE_END: Template(
        "疗程结束回访",  # data
        _INTRO,
        _THANKS,
        (
            _rating("result", _PRODUCT, "整个疗程下来，您对效果满意吗？"),  # data
            _SKILL,
            _ATTITUDE,
            _WHY,
            _rating("price", _PRICE, "您觉得价格合理吗？", weight=2),  # data
            Question("go_on", QuestionKind.YES_NO, "您想继续做下一个疗程吗？"),  # data
            _NPS,
            _WORDS,
        ),
        (_ASK_WHY,),
    ),
    SurveyOccasion.OTHER: Template("新问卷", _INTRO, _THANKS, (_NPS, _WORDS)),  # data
}
