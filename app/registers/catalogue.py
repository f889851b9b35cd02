"""What the shop sells: treatments and products."""

from typing import ClassVar

from wtforms import TextAreaField
from wtforms.validators import NumberRange

from app.admin_base import SetupView, WordFilter, YesFilter
from app.i18n import later, many, one
from app.models import Product, Treatment
from app.registers.sections import LOYALTY


class TreatmentAdmin(SetupView, model=Treatment):
    """The menu."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("护理项目"), many("护理项目"), "fa-solid fa-spa"
    empty_hint = later("把店里的护理项目加进来，记消费和到店时就能直接选。")
    search_hint = later("编码或名称")
    column_list = ("code", "name", "category", "minutes", "price_fen", "is_active")
    column_searchable_list = ("code", "name")
    column_sortable_list = ("code", "name", "price_fen")
    column_default_sort = "code"
    column_details_list = (
        "code", "name", "category", "minutes", "price_fen", "after_care", "contraindications", "is_active"
    )  # fmt: skip
    form_columns = column_details_list
    form_args: ClassVar = {
        "minutes": {"validators": [NumberRange(1, 1440)]},
        "contraindications": {"description": later("哪些情况不能做，如 孕期、皮肤破损")},
    }
    form_overrides: ClassVar = {"after_care": TextAreaField, "contraindications": TextAreaField}
    column_filters = (
        WordFilter(Treatment.category, later("类别")),
        YesFilter(Treatment.is_active, later("状态"), yes=later("在用"), no=later("已停用")),
    )
    column_labels: ClassVar = {
        "code": later("编码"),
        "name": later("名称"),
        "category": later("类别"),
        "minutes": later("时长（分钟）"),
        "price_fen": later("价格（元）"),
        "after_care": later("护理后注意"),
        "contraindications": later("禁忌"),
        "is_active": later("启用"),
    }


class ProductAdmin(SetupView, model=Product):
    """What stands on the shelf."""

    category, category_icon = LOYALTY
    name, name_plural, icon = one("产品"), later("产品"), "fa-solid fa-pump-soap"
    empty_hint = later("把在售的产品加进来，导入的消费明细会按编码对上。")
    search_hint = later("编码或名称")
    column_list = ("sku", "name", "category", "series", "price_fen", "is_active")
    column_searchable_list = ("sku", "name")
    column_sortable_list = ("sku", "name", "price_fen")
    column_default_sort = "sku"
    column_details_list = ("sku", "name", "category", "series", "price_fen", "registration_no", "is_active")
    form_columns = column_details_list
    form_args: ClassVar = {"registration_no": {"description": later("特殊化妆品填注册证号，普通化妆品填备案号")}}
    column_filters = (
        WordFilter(Product.category, later("类别")),
        YesFilter(Product.is_active, later("状态"), yes=later("在售"), no=later("已下架")),
    )
    column_labels: ClassVar = {
        "sku": later("商品编码"),
        "name": later("名称"),
        "category": later("类别"),
        "series": later("系列"),
        "price_fen": later("价格（元）"),
        "registration_no": later("备案或注册号"),
        "is_active": later("启用"),
    }
