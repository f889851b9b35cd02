"""What customers said yes to, and what each yes is for."""

from typing import ClassVar

from wtforms import StringField

from app.actions import consents
from app.admin_base import BigView, Deed, PurposesPage, TakesConsents, WordFilter, asks
from app.i18n import later, one
from app.models import Consent
from app.queries import finding
from app.registers.sections import PEOPLE


class ConsentAdmin(TakesConsents, BigView, model=Consent):
    """What a customer said yes to; a no is said here as easily."""

    category, category_icon = PEOPLE
    name, name_plural, icon = one("同意记录"), later("同意记录"), "fa-solid fa-file-signature"
    empty_hint = later("顾客当面或在网页上同意后，会留下一条记录。")
    can_edit = can_delete = False
    takes, on_create = consents.ConsentDetails, consents.grant_consent
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "purpose", "channel", "granted_at", "withdrawn_at")
    column_sortable_list = ("granted_at",)
    column_default_sort = ("granted_at", True)
    column_details_list = (
        "customer", "purpose", "channel", "notice_version", "granted_at", "given_by", "staff", "withdrawn_at",
        "withdrawn_how", "withdrawn_staff",
    )  # fmt: skip
    form_columns = ("customer", "purpose", "channel", "given_by")
    form_args: ClassVar = {"given_by": {"description": later("怎么同意的，如 柜台签字、电话")}}
    column_filters = (WordFilter(Consent.purpose, later("用途")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "purpose": later("用途"),
        "channel": later("渠道"),
        "notice_version": later("隐私说明版本"),
        "granted_at": later("同意时间"),
        "withdrawn_at": later("撤回时间"),
        "given_by": later("同意方式"),
        "staff": later("登记人"),
        "withdrawn_how": later("撤回方式"),
        "withdrawn_staff": later("撤回登记人"),
    }
    deeds = (
        Deed(
            "withdraw",
            later("登记撤回"),
            consents.withdraw_consent,
            ("consents", "create"),
            {"how": StringField(**asks(later("她怎么说的"), hint=later("如 当面、电话、短信回复；可不填")))},
            done=later("已登记撤回，即时生效"),
            hint=later("顾客说不了，就从现在起不再用于这个用途；之前的记录保留。"),
            when=lambda consent: consent.withdrawn_at is None,
            is_grave=True,
        ),
    )


class PurposeRegister(PurposesPage):
    """What each consent is for."""

    category, category_icon = PEOPLE
    name, icon = later("用途登记"), "fa-solid fa-list-check"
