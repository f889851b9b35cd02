"""What points are given for: the rules, what they said before, and points that do not count yet."""

from typing import ClassVar

from wtforms.validators import NumberRange

from app.admin_base import (
    BigLedgerView,
    ChecksRules,
    FieldGroup,
    GroupsFields,
    KeepsVersions,
    LedgerView,
    Listed,
    MeaningFilter,
    When,
    WordFilter,
    YesFilter,
    in_words,
    said_in_words,
)
from app.i18n import later, one
from app.models import EarningRule, PointsPending, RuleVersion
from app.queries import scopes
from app.registers.sections import LOYALTY
from app.rules.earning_checks import SALES
from app.vocabulary import EarningKind, ExpiryKind

_GIVING = set(EarningKind) - {EarningKind.CAMPAIGN}


class EarningRuleAdmin(KeepsVersions, GroupsFields, ChecksRules, model=EarningRule):
    """What points are given for. A rule is closed, never deleted: points it gave name it."""

    category, category_icon = LOYALTY
    name, name_plural, icon = one("积分规则"), later("积分规则"), "fa-solid fa-scale-balanced"
    empty_hint = later("先写一条“消费积分”规则，如每 1 元 1 分；没有规则就不会给积分。")
    own_page = "/admin/earning-rule/details/{id}"
    can_delete = False
    column_list = ("name", "points", "kind", "starts_on", "ends_on", "is_active")  # a phone shows the first two
    column_default_sort = "id"
    column_formatters: ClassVar = {"points": said_in_words}
    column_details_list = (
        "name", "kind", "points", "per_fen", "percent", "category", "tier", "in_birthday_month", "from_paid_fen",
        "most_points", "most_times_a_year", "starts_on", "ends_on", "pending_days", "expiry", "expiry_months", "expiry_day",
        "expiry_year", "round_up", "is_active", "since_at",
    )  # fmt: skip
    form_columns = tuple(one for one in column_details_list if one != "since_at")
    field_groups = (
        FieldGroup(("name", "kind")),
        FieldGroup(("points", "per_fen", "percent"), later("给多少")),
        FieldGroup(
            ("category", "from_paid_fen", "most_points"),
            later("什么样的单"),
            later("只管“消费积分”“活动倍数”“满额加送”"),
            When("kind", SALES),
        ),
        FieldGroup(
            ("most_times_a_year",),
            later("一年几次"),
            later("只管活动、推荐、分享、资料、生日、建议这些一次一给的；“消费积分”“活动倍数”“满额加送”填 0"),
            When("kind", set(EarningKind) - set(SALES)),
        ),
        FieldGroup(
            ("tier", "in_birthday_month", "starts_on", "ends_on", "is_active"), later("谁有，从什么时候到什么时候")
        ),
        FieldGroup(
            ("pending_days", "expiry", "expiry_months", "round_up", "expiry_day", "expiry_year"),
            later("入账和过期"),
            later("“活动倍数”只把分变多，不看这些"),
            When("kind", _GIVING),
        ),
    )
    field_conditions: ClassVar = {
        "points": When("kind", _GIVING),
        "per_fen": When("kind", {EarningKind.PURCHASE}),
        "percent": When("kind", {EarningKind.CAMPAIGN}),
        "pending_days": When("kind", {EarningKind.PURCHASE}),
        "expiry_months": When("expiry", {ExpiryKind.MONTHS}),
        "round_up": When("expiry", {ExpiryKind.MONTHS}),
        "expiry_day": When("expiry", {ExpiryKind.YEARLY, ExpiryKind.TWO_YEARLY}),
        "expiry_year": When("expiry", {ExpiryKind.TWO_YEARLY}),
    }
    form_args: ClassVar = {
        "name": {"description": later("店里怎么叫它，如 消费积分、双十一双倍；顾客的明细里会看到")},
        "kind": {
            "description": later(
                "消费积分：按付的钱给分。活动倍数：把一单的分乘几倍。满额加送：一单另加几分。其余的是一件事给几分"
            )
        },
        "points": {
            "description": later(
                "消费积分：下面那么多元给几分，选了一类时 0 表示这一类不积分。满额加送和其他：一次给几分。活动倍数不用填"
            )
        },
        "per_fen": {"description": later("只管“消费积分”：每满多少元给一次上面的分，如 1 或 10")},
        "percent": {
            "description": later("只管“活动倍数”：200 表示双倍，150 表示 1.5 倍"),
            "validators": [NumberRange(0, 1000)],
        },
        "category": {"description": later("只算这一类；不填就都算")},
        "tier": {"description": later("这一级和更高的才有；不填就人人有"), "blank_text": later("人人有")},
        "in_birthday_month": {"description": later("只在顾客生日那个月")},
        "from_paid_fen": {"description": later("一单付满多少元才给；0 表示不限")},
        "most_points": {
            "description": later("一单最多给几分；选了一类就只管那一类的分；0 表示不限"),
            "validators": [NumberRange(0, 100_000_000)],
        },
        "most_times_a_year": {
            "description": later("一位顾客一年最多给几次；0 表示不限"),
            "validators": [NumberRange(0, 366)],
        },
        "starts_on": {"description": later("不填表示马上开始")},
        "ends_on": {"description": later("最后一天也算；不填表示一直有效")},
        "pending_days": {
            "description": later("过几天才能用，留着退货用；0 表示马上入账，最多 90"),
            "validators": [NumberRange(0, 90)],
        },
        "expiry": {"description": later("改了只管以后得到的积分，已经给的到期日不变")},
        "expiry_months": {"description": later("选“获得后若干个月”时填"), "validators": [NumberRange(1, 120)]},
        "expiry_day": {"description": later("选“每年固定一天”或“每两年固定一天”时填，如 12-31")},
        "expiry_year": {
            "description": later(
                "选“每两年固定一天”时填哪一年到期，如 2026，之后每隔一年；不填就是得到之后遇到的第二个"
            ),
        },
        "round_up": {"description": later("把最后一天延到月底、季末或年底，顾客好记")},
        "is_active": {"description": later("关掉就不再给分；给过的还在")},
    }
    column_filters = (
        WordFilter(EarningRule.kind, later("类型")),
        YesFilter(EarningRule.is_active, later("状态"), yes=later("在用"), no=later("已关闭")),
    )
    column_labels: ClassVar = {
        "name": later("名称"),
        "kind": later("类型"),
        "points": later("给几分"),
        "per_fen": later("每多少元"),
        "percent": later("倍数（%）"),
        "category": later("只算哪一类"),
        "tier": later("哪一级起"),
        "in_birthday_month": later("只在生日月"),
        "from_paid_fen": later("一单满（元）"),
        "most_points": later("一单最多（分）"),
        "most_times_a_year": later("一年最多（次）"),
        "starts_on": later("从哪天起"),
        "ends_on": later("到哪天为止"),
        "pending_days": later("几天后入账"),
        "expiry": later("怎么过期"),
        "expiry_months": later("几个月后过期"),
        "expiry_day": later("固定哪天过期"),
        "expiry_year": later("哪一年到期"),
        "round_up": later("延到"),
        "is_active": later("启用"),
        "since_at": later("这一版从何时起"),
    }
    children = (Listed(later("用大白话说"), (later("规则"),), in_words),)


class RuleVersionAdmin(LedgerView, model=RuleVersion):
    """What a rule or a tier said before it was changed."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("规则的旧版本"), later("规则的旧版本"), "fa-solid fa-clock-rotate-left"
    in_menu = False
    column_list = ("subject", "row_id", "since_at", "until_at")
    column_details_list = (*column_list, "said")
    column_filters = (WordFilter(RuleVersion.subject, later("哪一种")),)
    column_labels: ClassVar = {
        "subject": later("哪一种"),
        "row_id": later("编号"),
        "since_at": later("从何时起"),
        "until_at": later("到何时为止"),
        "said": later("当时写的"),
    }


class PointsPendingAdmin(BigLedgerView, model=PointsPending):
    """Points of sales that do not count yet, and what became of them."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("待入账积分"), later("待入账积分"), "fa-solid fa-hourglass-half"
    empty_hint = later("规则里写了“几天后入账”，消费的积分就先在这里等着。")
    in_menu = False
    column_list = ("customer", "points", "taken_back", "due_on", "closed_at")
    column_details_list = (
        "customer", "points", "taken_back", "purchase", "rule", "earned_on", "due_on", "expires_on", "closed_at"
    )  # fmt: skip
    column_filters = (MeaningFilter("state", later("状态"), waiting=(later("还没入账"), scopes.still_pending)),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "points": later("积分"),
        "taken_back": later("退货收回"),
        "purchase": later("消费"),
        "rule": later("按哪条规则"),
        "earned_on": later("消费日期"),
        "due_on": later("哪天入账"),
        "expires_on": later("有效到"),
        "closed_at": later("了结时间"),
    }
