"""What follows from answers: low scores somebody sees to, and what the shop changes."""

from typing import ClassVar

from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from app.actions import improvements, low_feedback
from app.admin_base import BigLedgerView, Choice, Deed, DraftView, MeaningFilter, WordFilter, asks, formats
from app.i18n import later
from app.models import Improvement, LowFeedback
from app.queries import survey_rounds
from app.queries.surveys import standing_surveys
from app.registers.sections import VOICE
from app.vocabulary import ImprovementState


class LowFeedbackAdmin(BigLedgerView, model=LowFeedback):
    """Low scores: each waits for somebody who looks into it and says what was done."""

    category, category_icon = VOICE
    name, name_plural, icon = later("低分跟进"), later("低分跟进"), "fa-solid fa-face-frown"
    empty_hint = later("有顾客打了低分，这里会马上多一条：在时限内联系她，把做了什么写下来。")
    column_list = ("due_at", "customer", "response", "store", "handled_at", "staff")
    column_sortable_list = ("due_at",)
    column_default_sort = ("due_at", True)
    column_formatters: ClassVar = {"due_at": formats.low_due}
    column_formatters_detail: ClassVar = {"due_at": formats.low_due}
    column_details_list = (
        "due_at", "customer", "response", "store", "opened_at", "handled_at", "staff", "note", "improved_at"
    )  # fmt: skip
    column_filters = (
        MeaningFilter(
            "task",
            later("跟进"),
            open=(later("还没跟进"), survey_rounds.low_open),
            overdue=(later("已过时限"), survey_rounds.low_overdue),
            unhappy=(later("还没有好转的顾客"), survey_rounds.low_group),
        ),
    )
    column_labels: ClassVar = {
        "due_at": later("跟进时限"),
        "customer": later("顾客"),
        "response": later("问卷回答"),
        "store": later("门店"),
        "opened_at": later("打分时间"),
        "handled_at": later("跟进时间"),
        "staff": later("谁跟进的"),
        "note": later("做了什么"),
        "improved_at": later("后来打了好分"),
    }
    deeds = (
        Deed(
            "handle",
            later("已跟进"),
            low_feedback.handle_low,
            ("low_feedbacks", "edit"),
            {
                "note": TextAreaField(
                    **asks(later("做了什么"), required=True, hint=later("联系上了吗、怎么说的、怎么补救"))
                )
            },
            done=later("跟进已记下"),
            when=lambda low: low.handled_at is None,
        ),
    )


class ImprovementAdmin(DraftView, model=Improvement):
    """What the shop changes because a dimension came out weak: by whom, until when, and what customers are told."""

    category, category_icon = VOICE
    name, name_plural, icon = later("改进措施"), later("改进措施"), "fa-solid fa-arrow-trend-up"
    empty_hint = later("问卷里哪个方面最弱，就定一件要改的事：谁来改、什么时候改好，改完告诉顾客。")
    search_hint = later("要改什么")
    can_delete = False
    takes, on_create, on_edit = (
        improvements.ImprovementDetails, improvements.plan_improvement, improvements.update_improvement
    )  # fmt: skip
    changes_while = improvements.is_open
    choices: ClassVar = {"survey": Choice(standing_surveys, none=later("还没有问卷。请先新建一份。"))}
    column_list = ("title", "dimension", "survey", "owner", "due_on", "state", "store")
    column_searchable_list = ("title",)
    column_sortable_list = ("due_on",)
    column_default_sort = ("due_on", True)
    column_details_list = (
        "title", "dimension", "survey", "wave", "plan", "owner", "due_on", "state", "done_at", "told", "told_at", "store",
        "created_at", "staff",
    )  # fmt: skip
    form_columns = ("survey", "dimension", "title", "plan", "owner", "due_on", "wave", "store")
    form_create_rules: ClassVar = list(form_columns)
    form_edit_rules: ClassVar = [one for one in form_columns if one != "survey"]
    form_overrides: ClassVar = {"plan": TextAreaField}
    form_args: ClassVar = {
        "dimension": {"description": later("问卷里的哪个方面，如 环境、服务质量")},
        "title": {"description": later("一句话，如 护理室换遮光窗帘")},
        "owner": {"description": later("谁来负责")},
        "wave": {"description": later("在哪一期里发现的；下一期会和它比较")},
    }
    column_filters = (WordFilter(Improvement.state, later("状态")),)
    column_labels: ClassVar = {
        "survey": later("问卷"),
        "wave": later("哪一期"),
        "store": later("门店"),
        "dimension": later("方面"),
        "title": later("要改什么"),
        "plan": later("怎么改"),
        "owner": later("负责人"),
        "due_on": later("改好的日子"),
        "state": later("状态"),
        "done_at": later("改好时间"),
        "told": later("告诉顾客的话"),
        "told_at": later("告诉时间"),
        "created_at": later("创建时间"),
        "staff": later("谁定的"),
    }
    deeds = (
        Deed(
            "done",
            later("改好了"),
            improvements.finish_improvement,
            ("improvements", "edit"),
            done=later("已改好；下一期问卷会看出有没有变好"),
            when=lambda row: row.state is ImprovementState.OPEN,
        ),
        Deed(
            "drop",
            later("不改了"),
            improvements.drop_improvement,
            ("improvements", "edit"),
            when=lambda row: row.state is ImprovementState.OPEN,
            is_grave=True,
        ),
        Deed(
            "tell",
            later("告诉顾客"),
            improvements.tell_customers,
            ("improvements", "edit"),
            {
                "told": StringField(
                    **asks(
                        later("告诉顾客的话"),
                        required=True,
                        hint=later("如 您说护理室太亮，我们换了遮光窗帘"),
                        validators=[Length(max=300)],
                    )
                )
            },
            done=later("告诉顾客的话已记下"),
            when=lambda row: row.state is ImprovementState.DONE,
            overwrites=("told",),
        ),
    )
