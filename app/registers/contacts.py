"""The ways to a customer: where she follows the shop, and what became of numbers and addresses."""

from typing import ClassVar

from app.admin_base import BigLedgerView, BigSetupView, WordFilter, YesFilter
from app.i18n import later
from app.models import ContactEvent, SocialAccount
from app.queries import finding
from app.registers.sections import PEOPLE, WHEN


class SocialAccountAdmin(BigSetupView, model=SocialAccount):
    """Accounts and groups through which customers follow the shop."""

    category, category_icon = PEOPLE
    name, name_plural, icon = later("社交账号"), later("社交账号与群"), "fa-brands fa-weixin"
    empty_hint = later("顾客加了企业微信、进了群、关注了小红书，就记在这里。")
    can_delete = True
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "platform", "handle", "is_following", "noted_on")
    column_details_list = column_list
    form_columns = column_list
    form_args: ClassVar = {"handle": {"description": later("账号名或群名")}}
    column_filters = (
        WordFilter(SocialAccount.platform, later("平台")),
        YesFilter(SocialAccount.is_following, later("关注中"), yes=later("关注中"), no=later("已取消")),
    )
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "platform": later("平台"),
        "handle": later("账号或群名"),
        "is_following": later("关注中"),
        "noted_on": later("哪天记的"),
    }


class ContactEventAdmin(BigLedgerView, model=ContactEvent):
    """What became of the ways to a customer: changed, dead, alive again. Old numbers are never shown whole."""

    category, category_icon = PEOPLE
    in_menu = False
    name, name_plural, icon = later("联系方式变动"), later("联系方式变动"), "fa-solid fa-address-book"
    column_list = ("at", "customer", "contact", "kind", "old_masked", "reason", "staff")
    column_details_list = column_list
    column_default_sort = ("at", True)
    column_labels: ClassVar = {
        "at": WHEN,
        "customer": later("顾客"),
        "contact": later("联系方式"),
        "kind": later("怎么了"),
        "old_masked": later("原来的"),
        "reason": later("怎么知道的"),
        "staff": later("员工"),
    }
