"""Cases with their deadline, step by step."""

from functools import partial
from typing import ClassVar

from wtforms import BooleanField, StringField, TextAreaField

from app.actions import complaints
from app.admin_base import BigLedgerView, BigView, Child, Deed, MeaningFilter, WordFilter, asks, formats
from app.i18n import later
from app.models import Complaint, ComplaintEvent
from app.queries import finding, scopes
from app.registers.revealing import WHY, reveal
from app.registers.sections import VOICE, WHEN
from app.rules.complaints import OPEN
from app.vocabulary import ComplaintStatus


class ComplaintAdmin(BigView, model=Complaint):
    """Cases with their deadline: taken down, answered, solved, closed."""

    category, category_icon = VOICE
    name, name_plural, icon = later("反馈单"), later("投诉与反馈"), "fa-solid fa-comment-dots"
    empty_hint = later("顾客当面、电话或在网上说的，都登记在这里，系统会看着答复时限。")
    search, search_hint = finding.complaints_like, later("编号、联系人、顾客姓名或手机后四位")
    can_edit = can_delete = False
    takes, on_create = complaints.ComplaintIntake, complaints.open_complaint
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("receipt_no", "kind", "status", "due_at", "customer", "contact_name", "contact_masked", "opened_at")
    column_searchable_list = ("receipt_no",)
    column_sortable_list = ("due_at", "opened_at")
    column_default_sort = ("opened_at", True)
    column_formatters: ClassVar = {"due_at": formats.due}
    column_formatters_detail: ClassVar = {"due_at": formats.due}
    column_details_list = (
        "receipt_no", "kind", "status", "due_at", "text", "customer", "contact_name", "contact_masked", "channel", "store",
        "staff", "opened_at", "first_replied_at", "solved_at", "closed_at",
    )  # fmt: skip
    form_columns = ("kind", "channel", "text", "customer", "contact_name", "contact_phone", "store")
    extra_fields: ClassVar = {
        "contact_phone": StringField(**asks(later("联系电话"), hint=later("保存后只显示后四位"))),
    }
    form_args: ClassVar = {"contact_name": {"description": later("不是会员的顾客，留个称呼和电话")}}
    column_filters = (
        WordFilter(Complaint.status, later("进度")),
        MeaningFilter(
            "case",
            later("时限"),
            open=(later("未解决"), partial(scopes.cases, scopes.CaseState.OPEN)),
            overdue=(later("已逾期"), partial(scopes.cases, scopes.CaseState.OVERDUE)),
            due_soon=(later("快到时限"), partial(scopes.cases, scopes.CaseState.DUE_SOON)),
        ),
        WordFilter(Complaint.kind, later("类型")),
    )
    column_labels: ClassVar = {
        "receipt_no": later("编号"),
        "kind": later("类型"),
        "status": later("进度"),
        "due_at": later("答复时限"),
        "text": later("顾客说"),
        "customer": later("顾客"),
        "contact_name": later("联系人"),
        "contact_masked": later("联系电话"),
        "contact_phone": later("联系电话"),
        "channel": later("从哪里听到"),
        "store": later("门店"),
        "staff": later("负责人"),
        "opened_at": later("登记时间"),
        "first_replied_at": later("首次答复"),
        "solved_at": later("给出办法"),
        "closed_at": later("结案"),
        "reason": WHY,
    }
    deeds = (
        reveal(Complaint, lambda case: bool(case.contact_masked)),
        Deed(
            "reply",
            later("回复"),
            complaints.reply_to_complaint,
            ("complaints", "reply"),
            {
                "text": TextAreaField(**asks(later("回复内容"), required=True, hint=later("顾客会看到这段话"))),
                "solves": BooleanField(later("这就是解决办法")),
            },
            done=later("已回复"),
            when=lambda case: case.status is not ComplaintStatus.CLOSED,
        ),
        Deed(
            "note",
            later("记备注"),
            complaints.note_on_complaint,
            ("complaints", "note"),
            {"text": TextAreaField(**asks(later("内部备注"), required=True, hint=later("只有同事看得到")))},
            done=later("备注已记下"),
        ),
        Deed(
            "close",
            later("结案"),
            complaints.close_complaint,
            ("complaints", "close"),
            {"text": TextAreaField(**asks(later("结案说明")))},
            done=later("已结案"),
            when=lambda case: case.status is ComplaintStatus.SOLVED,
        ),
        Deed(
            "reopen",
            later("重新打开"),
            complaints.reopen_complaint,
            ("complaints", "reply"),
            {"text": TextAreaField(**asks(later("为什么重新打开"), required=True))},
            done=later("已重新打开"),
            when=lambda case: case.status not in OPEN,
        ),
    )
    children = (
        Child(
            later("处理经过"),
            ComplaintEvent.complaint_id,
            {
                ComplaintEvent.at: WHEN,
                ComplaintEvent.kind: later("步骤"),
                ComplaintEvent.staff: later("员工"),
                ComplaintEvent.text: later("内容"),
            },
            order=ComplaintEvent.id,
            limit=200,
            related=(ComplaintEvent.staff,),
        ),
    )


class ComplaintEventAdmin(BigLedgerView, model=ComplaintEvent):
    """Every step of every case."""

    category, category_icon = VOICE
    name, name_plural, icon = later("处理步骤"), later("处理步骤"), "fa-solid fa-list-check"
    column_list = ("at", "complaint", "kind", "staff")
    column_details_list = ("at", "complaint", "kind", "staff", "text")
    column_filters = (WordFilter(ComplaintEvent.kind, later("步骤")),)
    column_labels: ClassVar = {
        "at": WHEN,
        "complaint": later("反馈单"),
        "kind": later("步骤"),
        "staff": later("员工"),
        "text": later("内容"),
    }
