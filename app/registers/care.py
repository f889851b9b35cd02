"""What was done for a customer and how it turned out: visits, skin, photos."""

from functools import partial
from typing import ClassVar

from wtforms.validators import NumberRange

from app.actions import consents
from app.admin_base import (
    AsksForConsent,
    BigLedgerView,
    BigSetupView,
    CompletesVisits,
    PhotosPage,
    Retags,
    WordFilter,
    agreed_deed,
)
from app.i18n import later, many, one
from app.models import Photo, SkinRecord, Visit
from app.queries import finding
from app.registers.sections import LOYALTY, PEOPLE


class VisitAdmin(CompletesVisits, Retags, AsksForConsent, BigSetupView, model=Visit):
    """Who came, what was done, how it turned out."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("到店"), later("到店记录"), "fa-solid fa-door-open"
    empty_hint = later("每次护理后记一笔：谁做的、做了什么、效果怎么样。")
    can_delete = False
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("visited_at", "customer", "treatment", "staff", "outcome", "effect_score")
    column_sortable_list = ("visited_at",)
    column_default_sort = ("visited_at", True)
    column_details_list = (
        "customer", "visited_at", "treatment", "staff", "store", "outcome", "effect_score", "note", "created_at"
    )  # fmt: skip
    form_columns = ("customer", "visited_at", "treatment", "staff", "store", "outcome", "effect_score", "note")
    form_args: ClassVar = {"effect_score": {"description": later("1–5 分，5 最好"), "validators": [NumberRange(1, 5)]}}
    column_filters = (WordFilter(Visit.outcome, later("效果")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "visited_at": later("到店时间"),
        "treatment": later("护理项目"),
        "staff": later("员工"),
        "store": later("门店"),
        "outcome": later("效果"),
        "effect_score": later("效果评分"),
        "note": later("护理记录"),
        "created_at": later("录入时间"),
    }
    deeds = (agreed_deed(partial(consents.agree_to_health, table=Visit)),)


class SkinRecordAdmin(Retags, AsksForConsent, BigSetupView, model=SkinRecord):
    """What a beautician saw on a day."""

    category, category_icon = PEOPLE
    name, name_plural, icon = later("皮肤记录"), many("皮肤记录"), "fa-solid fa-hand-sparkles"
    empty_hint = later("护理前后看一看皮肤，记下来，下次就有对比。")
    can_delete = False
    lookups: ClassVar = {"customer": finding.customers_like}
    column_list = ("customer", "seen_on", "skin_type", "is_sensitive", "staff")
    column_sortable_list = ("seen_on",)
    column_default_sort = ("seen_on", True)
    column_details_list = ("customer", "seen_on", "skin_type", "is_sensitive", "concerns", "staff", "created_at")
    form_columns = ("customer", "seen_on", "skin_type", "is_sensitive", "concerns", "staff")
    column_filters = (WordFilter(SkinRecord.skin_type, later("肤质")),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "seen_on": later("日期"),
        "skin_type": later("肤质"),
        "is_sensitive": later("敏感"),
        "concerns": later("状况"),
        "staff": later("记录人"),
        "created_at": later("录入时间"),
    }
    deeds = (agreed_deed(partial(consents.agree_to_health, table=SkinRecord)),)


class Photographs(PhotosPage):
    """What a treatment did, to be seen."""

    category, category_icon = PEOPLE
    name, icon = later("护理照片"), "fa-solid fa-camera"


class PhotoAdmin(BigLedgerView, model=Photo):
    """Photos of treatments: their records. Only the picture itself is kept, sealed; who withdrew her consent has none."""

    category, category_icon = PEOPLE
    name, name_plural, icon = one("照片记录"), later("照片记录"), "fa-solid fa-camera"
    empty_hint = later("在顾客的页面上点“护理照片”，就能添加。")
    can_delete = True
    column_list = ("customer", "kind", "taken_on", "visit", "staff")
    column_sortable_list = ("taken_on",)
    column_default_sort = ("taken_on", True)
    column_details_list = ("customer", "kind", "taken_on", "visit", "note", "width", "height", "staff", "created_at")
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "kind": later("什么时候的"),
        "taken_on": later("哪天拍的"),
        "visit": later("哪次到店"),
        "note": later("备注"),
        "width": later("宽（像素）"),
        "height": later("高（像素）"),
        "staff": later("记录人"),
        "created_at": later("录入时间"),
    }
