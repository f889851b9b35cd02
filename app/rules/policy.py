"""The shop's rules the owner may change: name, unit, default, bounds, meaning, source. Her changes are rows of
`policy_settings`; `queries.policy.current_policy` merges both into one frozen value that is handed down."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from app.rules.colours import carries_white
from app.rules.refusals import RuleBroken, words


class PolicyOutOfBounds(RuleBroken):
    """A value the rule cannot work with."""

    code = "policy_out_of_bounds"
    message = words("请填 {low} 到 {high} 之间的整数。")


class PolicyTooLong(RuleBroken):
    """A text nobody would read on a card or a page."""

    code = "policy_too_long"
    message = words("太长了，最多 {limit} 个字。")


class PolicyUnknown(RuleBroken):
    """A setting that does not exist."""

    code = "policy_unknown"
    message = words("没有这项设置：{key}")


class PaleColour(RuleBroken):
    """White text on this colour could not be read."""

    code = "pale_colour"
    message = words("请填 #A8324A 这样的颜色；太浅的颜色上白字看不清（对比度至少 4.5）。")


LONGEST_TEXT = 100


def _rule(default: Any, label: str, hint: str = "", *, low: int = 0, high: int = 1_000_000, source: str = "") -> Any:
    return field(default=default, metadata={"label": label, "hint": hint, "low": low, "high": high, "source": source})


@dataclass(frozen=True)
class Policy:
    """Every rule as one frozen value. Texts are str, figures int."""

    shop_name: str = _rule("胭脂美妆", words("店名"), words("印在卡片、海报和顾客页面上"))  # data
    shop_phone: str = _rule("", words("门店电话"), words("顾客有问题时打的电话"))
    shop_address: str = _rule("", words("门店地址"))
    brand_colour: str = _rule("#A8324A", words("品牌色"), words("按钮和卡片的颜色，如 #A8324A"))
    privacy_contact: str = _rule("", words("个人信息负责人"), words("姓名和联系方式，写在隐私说明里"), source="PIPL 17")
    notice_version: str = _rule("2026-11-2", words("隐私说明版本"), words("改了说明就换一个版本号"), source="PIPL 14")

    complaint_promise_hours: int = _rule(  # data
        48, words("投诉答复时限（小时）"), words("从收到起按钟点算，节假日不停"), low=1, high=720, source="S0 48小时内"
    )
    suggestion_promise_hours: int = _rule(  # data
        48, words("建议答复时限（小时）"), low=1, high=720, source="S3 48小时内"
    )
    question_promise_hours: int = _rule(  # data
        48, words("咨询答复时限（小时）"), low=1, high=720, source="S3 48小时内"
    )
    praise_promise_hours: int = _rule(48, words("表扬答复时限（小时）"), low=1, high=720, source="S3 48小时内")  # data
    review_promise_hours: int = _rule(  # data
        48, words("外部评价答复时限（小时）"), low=1, high=720, source="S3 48小时内"
    )

    low_score_below: int = _rule(  # data
        60, words("低分线"), words("问卷总分低于它，且顾客留了联系方式，就自动开一张投诉单"), high=100, source="S4 较差"
    )
    low_nps_max: int = _rule(6, words("推荐意愿低分"), words("0–10 分里打到它或更低，也算低分"), high=10, source="NPS")
    grade_excellent_from: int = _rule(90, words("优秀从几分起"), high=100, source="S4 优秀")  # data
    grade_good_from: int = _rule(75, words("良好从几分起"), high=100, source="S4 良好")  # data
    grade_fair_from: int = _rule(60, words("一般从几分起"), high=100, source="S4 一般")  # data
    sample_min: int = _rule(30, words("样本至少几份"), words("不到这么多份，只写“样本不足”"), low=1, high=1000)

    survey_group_min: int = _rule(  # data
        5,
        words("匿名问卷至少几份才细看"),
        words("不到这么多份，不按门店、员工等分开显示，免得猜出是谁"),
        low=2,
        high=100,
        source="R-N 5.6",
    )
    survey_cooldown_days: int = _rule(  # data
        7, words("同一位顾客几天内最多邀请一次"), words("所有问卷一起算，0 表示不限"), high=365, source="R-N 5.6"
    )
    survey_link_days: int = _rule(14, words("问卷专属链接几天有效"), low=1, high=365, source="R-N 5.6")  # data
    low_task_minutes: int = _rule(  # data
        60, words("低分几分钟内要有人跟进"), words("从顾客答完算起"), low=5, high=1440, source="R-N 5.6 一小时内"
    )
    device_alarm_from: int = _rule(  # data
        10,
        words("同一台设备一小时答几份就提醒"),
        words("只做标记，不拦顾客；店里的平板不算"),
        low=2,
        high=1000,
        source="R-N 5.6",
    )
    satisfaction_target: int = _rule(85, words("满意度目标"), high=100, source="S3 85%")  # data
    target_by_score: int = _rule(  # data
        0,
        words("满意度目标看哪个数"),
        words("0 表示满意率（打 4–5 分的占几成），1 表示满意度得分（平均分）"),
        high=1,
        source="S3",
    )
    channel_gap_from: int = _rule(  # data
        10, words("不同渠道的满意度差几分就提醒"), low=1, high=100, source="R-Q10"
    )
    review_url: str = _rule(
        "", words("公开评价的链接"), words("答完问卷后请每一位顾客去评价，不只请满意的；不填就不请")
    )

    tier_window_months: int = _rule(  # data
        12, words("等级看最近几个月的消费"), low=1, high=60, source="S1 根据顾客消费金額、消費頻次"
    )
    tier_warn_days: int = _rule(  # data
        30, words("等级到期前几天提醒"), words("提醒里写着还差多少就能保级"), high=365, source="§5.3"
    )
    tier_grace_days: int = _rule(  # data
        30, words("等级到期后再等几天才降级"), words("这几天里补够消费就续上"), high=365, source="§5.3"
    )
    tier_steps_down: int = _rule(  # data
        1, words("一次最多降几级"), words("1 表示一级一级降；0 表示直接降到消费对应的等级"), high=1, source="§5.3"
    )
    points_approval_from: int = _rule(  # data
        500,
        words("手工调整积分，多少分起要第二人同意"),
        words("同一位员工一天里给同一位顾客调整的合在一起算；自己申请的自己不能同意"),
        low=1,
        high=1_000_000,
        source="R-G 5.1.12",
    )
    points_per_yuan: int = _rule(  # data
        100, words("多少积分抵 1 元"), words("顾客结账时用积分抵现金"), low=1, high=10_000, source="S1 积分兌换"
    )
    campaigns_multiply: int = _rule(  # data
        0, words("几个活动倍数同时有效时"), words("0 表示只算最高的一个，1 表示相乘"), high=1, source="R-G 5.1.10"
    )
    points_grace_days: int = _rule(  # data
        30,
        words("退回的积分已过期时再给几天"),
        words("退货或取消兑换时，用掉的积分回到原来的批次；原批次已过期就再给这么多天，0 表示不给"),
        high=365,
        source="R-G 5.1.6",
    )
    birthday_late_days: int = _rule(  # data
        3, words("生日积分最多补送几天"), words("机器当时关着，过了生日几天内还补送"), high=30, source="R-G 5.2"
    )
    birthday_cool_off_days: int = _rule(  # data
        300,
        words("两次生日积分至少隔几天"),
        words("改了生日也不会很快再送一次"),
        high=366,
        source="LoyaltyLion 365",
    )
    card_valid_months: int = _rule(24, words("会员卡有效期（月）"), low=1, high=240, source="S4 有效期")  # data

    merge_undo_days: int = _rule(  # data
        30,
        words("合并档案后几天内可以撤销"),
        words("过了就清掉撤销要用的资料"),
        low=1,
        high=365,
        source="PIPL 19 最短时间",
    )

    ask_again_days: int = _rule(  # data
        180,
        words("不想说的隔多久再问（天）"),
        words("顾客说过不想说的，这么久内不再提示"),
        low=1,
        high=3650,
        source="S2 避免引起反感",
    )
    stale_months: int = _rule(  # data
        12,
        words("资料多久没核实算旧（月）"),
        words("从最近一次核实算起，没核实过的从建档算起"),
        low=1,
        high=120,
        source="S0 定期更新客戶數據",
    )

    night_hour: int = _rule(  # data
        3, words("夜里的工作几点开始"), words("备份、核对操作日志、清理过期痕迹；机器当时关着，就在开机后补做"), high=23
    )
    trace_days: int = _rule(  # data
        183,
        words("登录记录留几天"),
        words("结束的登录留这么久再删除"),
        low=180,
        high=3650,
        source="CSL 21 不少于六个月",
    )


POLICY_FIELDS = {item.name: item for item in fields(Policy)}


def changed(policy: Policy, key: str, value: str) -> Policy:
    """The policy with one value replaced, as the owner typed it. Raises RuleBroken when the value cannot be used."""
    if key not in POLICY_FIELDS:
        raise PolicyUnknown("key", key=key)
    rule = POLICY_FIELDS[key]
    text = value.strip()
    fitting: Any = text
    if rule.type is not int and len(text) > LONGEST_TEXT:
        raise PolicyTooLong("value", limit=LONGEST_TEXT)
    if rule.type is int:
        low, high = rule.metadata["low"], rule.metadata["high"]
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise PolicyOutOfBounds("value", low=low, high=high)
        fitting = int(text)
    elif key == "brand_colour" and not carries_white(text):
        raise PaleColour("value")
    return replace(policy, **{key: fitting})
