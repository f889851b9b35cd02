"""Questionnaires, their questions, their posters, and what came back."""

from typing import ClassVar

from wtforms import StringField, TextAreaField
from wtforms.validators import Length, NumberRange, Optional

from app.actions import survey_sheets, survey_versions
from app.admin_base import (
    BigLedgerView,
    Child,
    Choice,
    CountField,
    Deed,
    DraftView,
    MeaningFilter,
    PostersPage,
    PrintsPoster,
    RelationFilter,
    WordFilter,
    YesFilter,
    asks,
    formats,
    spans,
)
from app.i18n import later, many
from app.models import Survey, SurveyAnswer, SurveyQuestion, SurveyResponse
from app.queries.surveys import draft_surveys
from app.registers.sections import VOICE
from app.vocabulary import SurveyStatus


class SurveyAdmin(PrintsPoster, DraftView, model=Survey):
    """Questionnaires behind a QR code."""

    category, category_icon = VOICE
    name, name_plural, icon = later("问卷"), many("问卷"), "fa-solid fa-clipboard-question"
    empty_hint = later("先建一份问卷，再加题目，发布后打印海报。")
    search_hint = later("标题或网址")
    takes, on_create, on_edit = survey_sheets.SurveyDetails, survey_sheets.create_survey, survey_sheets.update_survey
    before_delete = survey_sheets.check_survey_may_go
    opens_once_created = True
    goes_while = survey_sheets.is_draft
    column_list = ("title", "slug", "mode", "status", "store", "created_at")
    column_searchable_list = ("title", "slug")
    column_sortable_list = ("title", "created_at")
    column_default_sort = ("created_at", True)
    column_details_list = (
        "title", "slug", "mode", "status", "intro", "thanks", "store", "opens_at", "closes_at", "created_at"
    )  # fmt: skip
    form_columns = ("title", "slug", "mode", "intro", "thanks", "store", "opens_at", "closes_at")
    form_overrides: ClassVar = {"intro": TextAreaField, "thanks": TextAreaField}
    form_args: ClassVar = {
        "slug": {"description": later("印进二维码的网址，只用小写字母、数字和横线，如 spring-2026")},
        "intro": {"description": later("谁在问、为什么问、要多久")},
        "opens_at": {"description": later("不填表示发布后就可以答")},
        "closes_at": {"description": later("不填表示一直可以答")},
    }
    column_filters = (WordFilter(Survey.status, later("状态")),)
    column_labels: ClassVar = {
        "title": later("标题"),
        "slug": later("网址"),
        "mode": later("回答方式"),
        "status": later("状态"),
        "intro": later("开场白"),
        "thanks": later("致谢"),
        "store": later("门店"),
        "opens_at": later("开始时间"),
        "closes_at": later("结束时间"),
        "created_at": later("创建时间"),
    }
    deeds = (
        Deed(
            "publish",
            later("发布"),
            survey_versions.publish_survey,
            ("surveys", "edit"),
            done=later("问卷已发布，可以打印海报了"),
            hint=later("发布后题目就不能再改；正在填的顾客按原来的题目填完。"),
        ),
        Deed(
            "revise",
            later("改题目"),
            survey_versions.draft_version,
            ("surveys", "edit"),
            done=later("已另起一版，改好题目后再发布；在那之前顾客看到的还是原来的题目"),
            hint=later("发布过的题目不能改，会另起一版来改。"),
            when=lambda survey: survey.status is not SurveyStatus.DRAFT,
        ),
        Deed(
            "close",
            later("结束问卷"),
            survey_versions.close_survey,
            ("surveys", "edit"),
            done=later("问卷已结束，不再收新的回答"),
            hint=later("之后扫码的顾客会看到“已结束”。"),
            when=lambda survey: survey.status is SurveyStatus.PUBLISHED,
            is_grave=True,
            closes=True,
        ),
    )
    children = (
        Child(
            later("题目"),
            SurveyQuestion.survey_id,
            {
                SurveyQuestion.position: later("顺序"),
                SurveyQuestion.text: later("题目"),
                SurveyQuestion.kind: later("题型"),
                SurveyQuestion.dimension: later("方面"),
                SurveyQuestion.weight: later("权重"),
            },
            order=SurveyQuestion.position,
            limit=100,
            add=later("加一道题"),
            add_while=survey_sheets.is_draft,
        ),
    )


class PosterPrinting(PostersPage):
    """Survey posters for the printer."""

    category, category_icon = VOICE
    name, icon = later("打印海报"), "fa-solid fa-qrcode"


class SurveyQuestionAdmin(DraftView, model=SurveyQuestion):
    """One screen on the customer's phone each."""

    category, category_icon = VOICE
    name, name_plural, icon = later("题目"), later("问卷题目"), "fa-solid fa-circle-question"
    empty_hint = later("一道题在顾客手机上就是一屏，三到五题最合适。")
    search_hint = later("题目")
    takes, on_create, on_edit = (
        survey_sheets.QuestionDetails, survey_sheets.create_question, survey_sheets.update_question
    )  # fmt: skip
    holds, before_delete = survey_sheets.hold_question, survey_sheets.check_question_may_go
    together = (("kind", "options", "statements", "scale_max"),)
    changes_while = goes_while = survey_sheets.is_of_draft
    choices: ClassVar = {
        "survey": Choice(draft_surveys, none=later("没有草稿问卷可以加题。请先新建一份问卷；发布过的问卷不能再加题。"))
    }
    column_list = ("survey", "version", "position", "text", "kind", "dimension", "weight", "is_required")
    column_searchable_list = ("text",)
    column_sortable_list = ("position",)
    column_default_sort: ClassVar = [("survey_id", False), ("position", False)]
    column_details_list = (
        "survey", "version", "position", "key", "text", "kind", "hint", "options", "statements", "dimension", "weight",
        "scale_max", "is_required", "maps_to",
    )  # fmt: skip
    form_columns = (
        "survey", "text", "kind", "hint", "options", "statements", "dimension", "weight", "scale_max", "is_required",
        "maps_to", "position", "key",
    )  # fmt: skip
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "survey"]
    form_overrides: ClassVar = {"options": TextAreaField, "statements": TextAreaField}
    extra_fields: ClassVar = {
        "position": CountField(later("顺序"), [Optional(), NumberRange(1, 1000)], description=later("留空排在最后")),
        "key": StringField(
            **asks(later("代号"), hint=later("小写英文，统计时用；留空自动取"), validators=[Length(max=40)])
        ),
    }
    form_args: ClassVar = {
        "options": {"description": later("单选、多选：一行一个选项")},
        "statements": {"description": later("矩阵打分：一行一个要打分的项目")},
        "maps_to": {"description": later("回答写进会员档案的哪一项；只有专属链接的回答会写")},
        "dimension": {"description": later("总分按方面加权，如 环境、服务质量")},
        "weight": {"description": later("整数，0 表示不计入总分"), "validators": [NumberRange(0, 100)]},
        "scale_max": {"description": later("打分题的满分，2–10"), "validators": [NumberRange(2, 10)]},
        "is_required": {"description": later("文字题建议关掉，没话要说的顾客才能跳过；联系方式总是可以不填")},
    }
    column_filters = (RelationFilter(SurveyQuestion.survey, later("问卷")),)
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "version": later("版本"),
        "position": later("顺序"),
        "key": later("代号"),
        "text": later("题目"),
        "kind": later("题型"),
        "hint": later("提示"),
        "options": later("选项"),
        "dimension": later("方面"),
        "weight": later("权重"),
        "scale_max": later("满分"),
        "is_required": later("必答"),
        "statements": later("打分项目"),
        "maps_to": later("写进会员档案"),
    }


class SurveyResponseAdmin(BigLedgerView, model=SurveyResponse):
    """What customers answered."""

    category, category_icon = VOICE
    name, name_plural, icon = later("问卷回答"), later("问卷回答"), "fa-solid fa-square-poll-horizontal"
    empty_hint = later("发布问卷、打印海报，顾客扫码答完就会出现在这里。")
    column_list = ("started_at", "survey", "state", "score", "nps", "customer", "contact_masked", "finished_at")
    column_sortable_list = ("started_at", "finished_at")
    column_default_sort = ("started_at", True)
    column_formatters: ClassVar = {"score": formats.score}
    column_formatters_detail: ClassVar = {"score": formats.score}
    column_details_list = (
        "survey", "state", "score", "nps", "is_low", "customer", "contact_name", "contact_masked", "started_at",
        "finished_at",
    )  # fmt: skip
    column_filters = (
        RelationFilter(SurveyResponse.survey, later("问卷")),
        YesFilter(SurveyResponse.is_low, later("得分"), yes=later("低分"), no=later("不是低分")),
        MeaningFilter("finished", later("答完"), **spans(SurveyResponse.finished_at)),
        WordFilter(SurveyResponse.state, later("状态")),
    )
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "state": later("状态"),
        "score": later("得分"),
        "nps": later("推荐意愿"),
        "is_low": later("低分"),
        "customer": later("顾客"),
        "contact_name": later("称呼"),
        "contact_masked": later("联系电话"),
        "started_at": later("开始时间"),
        "finished_at": later("答完时间"),
    }
    children = (
        Child(
            later("回答"),
            SurveyAnswer.response_id,
            {SurveyAnswer.question: later("题目"), SurveyAnswer.value: later("回答")},
            order=SurveyAnswer.id,
            limit=100,
            related=(SurveyAnswer.question,),
        ),
    )
