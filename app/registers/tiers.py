"""The steps of membership."""

from typing import ClassVar

from wtforms import TextAreaField
from wtforms.validators import NumberRange

from app.admin_base import (
    AsksWhoMoves,
    BenefitPage,
    BigLedgerView,
    DesignPage,
    MeaningFilter,
    RelationFilter,
    SetupView,
    TierPage,
    WordFilter,
    formats,
    spans,
)
from app.i18n import later, many, one
from app.models import BenefitUse, Tier, TierBenefit, TierChange
from app.registers.sections import LOYALTY, WHEN


class TierAdmin(AsksWhoMoves, model=Tier):
    """The steps of membership. Whoever would move by a change is shown before it is saved."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("等级"), later("会员等级"), "fa-solid fa-layer-group"
    empty_hint = later("至少要有一个等级，新顾客从最低一级开始。")
    column_list = (
        "rank",
        "name",
        "threshold_fen",
        "threshold_visits",
        "window",
        "points_percent",
        "discount_percent",
        "is_active",
    )
    column_sortable_list = ("rank", "threshold_fen")
    column_default_sort = "rank"
    column_details_list = (
        "rank", "name", "threshold_fen", "threshold_visits", "needs_both", "window", "valid_months", "points_percent",
        "discount_percent",
        "colour", "benefits", "is_active",
    )  # fmt: skip
    form_columns = column_details_list
    form_args: ClassVar = {
        "rank": {"description": later("数字越大等级越高")},
        "threshold_fen": {"description": later("统计期内消费满多少元；0 表示不看金额")},
        "threshold_visits": {
            "description": later("统计期内到店几次；0 表示不看次数"),
            "validators": [NumberRange(0, 10_000)],
        },
        "needs_both": {"description": later("勾上：金额和次数都要够；不勾：够一样就行")},
        "window": {"description": later("看哪段时间的消费；“最近几个月”的月数在“店里的规则”里改")},
        "points_percent": {
            "description": later("100 表示原倍数，150 表示 1.5 倍积分"),
            "validators": [NumberRange(0, 1000)],
        },
        "discount_percent": {"description": later("5 表示减 5%，即 95 折"), "validators": [NumberRange(0, 100)]},
        "valid_months": {"validators": [NumberRange(1, 240)]},
        "benefits": {"description": later("只是写给人看的话；倍率和折扣以上面填的为准。改了它们，这里也要跟着改")},
        "colour": {"description": later("印在会员卡上：rouge、silver、gold、diamond，或 #A8324A 这样的颜色")},
    }
    form_overrides: ClassVar = {"benefits": TextAreaField}
    column_labels: ClassVar = {
        "rank": later("级别"),
        "name": later("名称"),
        "threshold_fen": later("消费满（元）"),
        "threshold_visits": later("到店满（次）"),
        "needs_both": later("两样都要够"),
        "window": later("统计期"),
        "points_percent": later("积分倍率"),
        "discount_percent": later("折扣"),
        "valid_months": later("有效期（月）"),
        "colour": later("卡面颜色"),
        "benefits": later("权益"),
        "is_active": later("启用"),
    }


class TierBenefitAdmin(SetupView, model=TierBenefit):
    """What a tier gives besides discount and points."""

    category, category_icon = LOYALTY
    name, name_plural, icon = one("等级权益"), later("等级权益"), "fa-solid fa-gift"
    empty_hint = later("给等级加上免费护理、礼品、优先预约这些权益，店员在顾客主页上用。")
    column_list = ("tier", "kind", "name", "times_a_year", "is_active")
    column_formatters: ClassVar = {"times_a_year": formats.times_a_year}
    column_formatters_detail: ClassVar = column_formatters
    column_filters = (RelationFilter(TierBenefit.tier, later("等级")), WordFilter(TierBenefit.kind, later("类型")))
    form_columns = column_details_list = (
        "tier", "kind", "name", "times_a_year", "in_birthday_month", "treatment", "is_active"
    )  # fmt: skip
    form_args: ClassVar = {
        "times_a_year": {
            "description": later("每个会员年度几次；0 表示不限次数"),
            "validators": [NumberRange(0, 366)],
        },
        "in_birthday_month": {"description": later("只在顾客生日那个月能用；没有登记生日的用不了")},
        "treatment": {"description": later("免费护理是哪个项目；不填就由店员定")},
    }
    column_labels: ClassVar = {
        "tier": later("等级"),
        "kind": later("类型"),
        "name": later("名称"),
        "times_a_year": later("每年次数"),
        "in_birthday_month": later("只在生日月"),
        "treatment": later("项目"),
        "is_active": later("启用"),
    }


class BenefitUseAdmin(BigLedgerView, model=BenefitUse):
    """Which benefit was given to whom: read here, given on the customer's page."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("权益使用"), later("权益使用"), "fa-solid fa-hand-holding-heart"
    empty_hint = later("在顾客主页的“权益”里点“用一次”，就会记在这里。")
    column_list = ("used_on", "customer", "benefit", "staff", "taken_back_at")
    column_details_list = ("used_on", "customer", "benefit", "year_from_on", "note", "staff", "taken_back_at")
    column_sortable_list = ("used_on",)
    column_default_sort = ("used_on", True)
    column_filters = (RelationFilter(BenefitUse.benefit, later("权益")),)
    column_labels: ClassVar = {
        "used_on": later("日期"),
        "customer": later("顾客"),
        "benefit": later("权益"),
        "year_from_on": later("会员年度从"),
        "note": later("说明"),
        "staff": later("员工"),
        "taken_back_at": later("已退回"),
    }


class TierChangeAdmin(BigLedgerView, model=TierChange):
    """Every change of a tier with the figures of its moment: read, never edited."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("等级变动"), many("等级变动"), "fa-solid fa-stairs"
    empty_hint = later("升级、降级、续期和手动调整都会记在这里。")
    column_list = ("at", "customer", "from_tier", "to_tier", "why")
    column_details_list = (
        "at", "customer", "from_tier", "to_tier", "why", "amount_fen", "visits", "window_from_on", "until_on", "reason",
        "staff",
    )  # fmt: skip
    column_sortable_list = ("at",)
    column_default_sort = ("at", True)
    column_filters = (
        MeaningFilter("at", WHEN, **spans(TierChange.at)),
        WordFilter(TierChange.why, later("原因")),
        RelationFilter(TierChange.to_tier, later("等级")),
    )
    column_labels: ClassVar = {
        "at": WHEN,
        "customer": later("顾客"),
        "from_tier": later("原来"),
        "to_tier": later("现在"),
        "why": later("为什么"),
        "amount_fen": later("当时消费"),
        "visits": later("当时来店（天）"),
        "window_from_on": later("从哪天算"),
        "until_on": later("有效到"),
        "reason": later("说明"),
        "staff": later("员工"),
    }


class CustomerTier(TierPage):
    """A customer's tier, on her page."""

    name, icon = later("等级"), "fa-solid fa-layer-group"


class CustomerBenefits(BenefitPage):
    """What her tier grants, given to her."""

    name, icon = later("顾客的权益"), "fa-solid fa-gift"


class Design(DesignPage):
    """Tiers and points tried on the shop's own past."""

    category, category_icon = LOYALTY
    name, icon = later("试算"), "fa-solid fa-flask"
