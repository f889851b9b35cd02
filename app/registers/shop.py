"""The shop's own settings, its branches, and the demonstration."""

from typing import ClassVar

from app.admin_base import DemoPage, SettingsPage, SetupView
from app.i18n import later, many
from app.models import Store
from app.registers.sections import SHOP


class ShopSettings(SettingsPage):
    """The shop's rules."""

    category, category_icon = SHOP
    name, icon = later("店里的规则"), "fa-solid fa-sliders"


class DemoShop(DemoPage):
    """The demo shop, and the way out of it."""

    category, category_icon = SHOP
    name, icon = later("演示数据"), "fa-solid fa-wand-magic-sparkles"


class StoreAdmin(SetupView, model=Store):
    """The shops of the house."""

    category, category_icon = SHOP
    name, name_plural, icon = later("门店"), many("门店"), "fa-solid fa-shop"
    can_delete = False
    column_list = ("code", "name", "phone", "address", "is_active")
    column_sortable_list = ("code", "name")
    column_default_sort = "id"
    column_details_list = column_list
    form_columns = column_list
    column_labels: ClassVar = {
        "code": later("编码"),
        "name": later("名称"),
        "phone": later("电话"),
        "address": later("地址"),
        "is_active": later("营业"),
    }
