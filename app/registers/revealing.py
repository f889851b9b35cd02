"""Seeing a phone number whole: once, for a reason, on the record."""

from collections.abc import Callable
from functools import partial
from typing import Any

from wtforms import StringField

from app.actions import phones
from app.admin_base import Deed, asks
from app.i18n import later
from app.models import Complaint, Customer

WHY = later("为什么要看")


def reveal(table: type[Customer] | type[Complaint], when: Callable[[Any], bool]) -> Deed:
    """Seeing a record's phone number whole."""
    return Deed(
        "reveal",
        later("查看号码"),
        partial(phones.reveal_phone, table=table),
        (str(table.__tablename__), "reveal"),
        {"reason": StringField(**asks(WHY, required=True, hint=later("会和您的名字一起记进操作日志，号码本身不记")))},
        hint=later("号码只显示这一次。"),
        when=when,
        answer="backoffice/phone.html",
    )
