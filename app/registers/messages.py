"""What went out to customers."""

from typing import ClassVar

from app.admin_base import BigLedgerView, WordFilter
from app.i18n import later
from app.models import OutboundMessage
from app.registers.sections import OUTREACH


class OutboundMessageAdmin(BigLedgerView, model=OutboundMessage):
    """What was told to customers, or is about to be."""

    category, category_icon = OUTREACH
    name, name_plural, icon = later("消息"), later("发出的消息"), "fa-solid fa-envelope"
    empty_hint = later("系统要告诉顾客的话，会先排在这里，再由后台任务发出。")
    column_list = ("due_at", "customer", "purpose", "channel", "subject", "state", "sent_at")
    column_sortable_list = ("due_at",)
    column_details_list = (
        "customer", "purpose", "channel", "subject", "body", "state", "due_at", "sent_at", "attempts", "last_error"
    )  # fmt: skip
    column_filters = (
        WordFilter(OutboundMessage.state, later("状态")),
        WordFilter(OutboundMessage.purpose, later("用途")),
    )
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "purpose": later("用途"),
        "channel": later("渠道"),
        "subject": later("标题"),
        "body": later("内容"),
        "state": later("状态"),
        "due_at": later("计划时间"),
        "sent_at": later("发送时间"),
        "attempts": later("试过几次"),
        "last_error": later("没发成的原因"),
    }
