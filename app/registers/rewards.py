"""What points are redeemed for, and what was."""

from typing import ClassVar

from wtforms import TextAreaField
from wtforms.validators import NumberRange

from app.admin_base import BigLedgerView, ChecksRules, MeaningFilter, RelationFilter, WordFilter, YesFilter, spans
from app.i18n import later, one
from app.models import Redemption, Reward
from app.registers.sections import LOYALTY, WHEN


class RewardAdmin(ChecksRules, model=Reward):
    """What a customer may have for her points."""

    category, category_icon = LOYALTY
    name, name_plural, icon = one("兑换目录"), later("兑换目录"), "fa-solid fa-gift"
    empty_hint = later("加几样顾客想要的：一件小样、一次护理、一张抵用券。前台兑换时就能选。")
    column_list = ("name", "kind", "points", "stock", "tier", "ends_on", "is_active")
    column_sortable_list = ("name", "points")
    column_default_sort = "points"
    column_details_list = (
        "name", "kind", "points", "worth_fen", "stock", "tier", "most_per_customer", "starts_on", "ends_on", "description",
        "is_active",
    )  # fmt: skip
    form_columns = column_details_list
    form_overrides: ClassVar = {"description": TextAreaField}
    form_args: ClassVar = {
        "points": {"description": later("换一次要几分"), "validators": [NumberRange(1, 100_000_000)]},
        "worth_fen": {"description": later("值多少钱，算成本用；顾客看不到")},
        "stock": {
            "description": later("还有几份，换一次少一份；不填表示不限"),
            "validators": [NumberRange(0, 1_000_000)],
        },
        "tier": {"description": later("这一级和更高的才能换；不填就人人能换"), "blank_text": later("人人能换")},
        "most_per_customer": {
            "description": later("每人最多换几次；0 表示不限"),
            "validators": [NumberRange(0, 10_000)],
        },
        "starts_on": {"description": later("不填表示现在就能换")},
        "ends_on": {"description": later("最后一天也能换；不填表示一直能换")},
        "description": {"description": later("顾客会看到的说明，如 150 毫升、三个月内用")},
    }
    column_filters = (
        WordFilter(Reward.kind, later("类型")),
        YesFilter(Reward.is_active, later("状态"), yes=later("在用"), no=later("已停用")),
    )
    column_labels: ClassVar = {
        "name": later("名称"),
        "kind": later("类型"),
        "points": later("要几分"),
        "worth_fen": later("价值（元）"),
        "stock": later("还有几份"),
        "tier": later("哪一级起"),
        "most_per_customer": later("每人最多（次）"),
        "starts_on": later("从哪天起"),
        "ends_on": later("到哪天为止"),
        "description": later("说明"),
        "is_active": later("启用"),
    }


class RedemptionAdmin(BigLedgerView, model=Redemption):
    """What was redeemed, and what was taken back: read here, done on the customer's page."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("兑换记录"), later("兑换记录"), "fa-solid fa-receipt"
    empty_hint = later("在顾客主页点“兑换”，换过的都会记在这里。")
    column_list = ("at", "customer", "reward", "points", "staff", "returned_at")
    column_details_list = ("at", "customer", "reward", "points", "note", "staff", "returned_at")
    column_sortable_list = ("at",)
    column_default_sort = ("at", True)
    column_filters = (
        MeaningFilter("at", WHEN, **spans(Redemption.at)),
        RelationFilter(Redemption.reward, later("换了什么")),
    )
    column_labels: ClassVar = {
        "at": WHEN,
        "customer": later("顾客"),
        "reward": later("换了什么"),
        "points": later("积分"),
        "note": later("说明"),
        "staff": later("员工"),
        "returned_at": later("撤销时间"),
    }
