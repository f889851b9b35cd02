"""The words the shop sorts its customers by: by hand, for many at once, by rule."""

from typing import ClassVar

from app.actions import tags
from app.admin_base import SetupView, TaggingPage, TagRulePage, TagsPage, WordFilter
from app.i18n import later, one
from app.models import Tag
from app.registers.sections import PEOPLE


class TagList(TagsPage):
    """The tags, each one click away from who wears it."""

    category, category_icon = PEOPLE
    name, icon = later("标签"), "fa-solid fa-tags"


class Tagging(TaggingPage):
    """One tag for many customers; the list of customers leads here."""

    category, category_icon = PEOPLE
    name, icon = later("批量贴标签"), "fa-solid fa-tags"


class TagRules(TagRulePage):
    """Which customers wear a tag by themselves."""

    category, category_icon = PEOPLE
    name, icon = later("标签规则"), "fa-solid fa-wand-magic-sparkles"


class TagAdmin(SetupView, model=Tag):
    """Words the shop sorts its customers by."""

    category, category_icon = PEOPLE
    in_menu = False
    worn_list = "/admin/customer/list?tag="
    before_delete = tags.check_tag_may_go
    name, name_plural, icon = one("标签"), later("标签"), "fa-solid fa-tags"
    empty_hint = later("标签帮您把顾客分类，例如：敏感肌、爱美甲、生日会常客。")
    search_hint = later("标签名")
    column_list = ("name", "category", "note")
    column_searchable_list = ("name",)
    column_sortable_list = ("name",)
    column_default_sort = "name"
    column_details_list = ("name", "category", "note")
    form_columns = ("name", "category", "note")
    column_filters = (WordFilter(Tag.category, later("类别")),)
    column_labels: ClassVar = {
        "name": later("名称"),
        "category": later("类别"),
        "note": later("说明"),
        "rule": later("规则"),
        "computed_at": later("最近更新"),
        "staff": later("谁定的规则"),
    }
