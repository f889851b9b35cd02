"""What the till told us."""

from functools import partial
from typing import ClassVar

from wtforms import StringField

from app.actions import claims, counter
from app.admin_base import BigLedgerView, Child, Deed, MeaningFilter, SalePage, WordFilter, asks, formats, spans
from app.i18n import later, one
from app.models import Purchase, PurchaseLine
from app.queries import finding, scopes
from app.registers.sections import LOYALTY, WHEN


class Selling(SalePage):
    """One customer buys at the counter."""

    name, icon = later("记一笔消费"), "fa-solid fa-cash-register"


class PurchaseAdmin(BigLedgerView, model=Purchase):
    """What the till told us: read, never edited."""

    category, category_icon = LOYALTY
    name, name_plural, icon = one("消费"), later("消费记录"), "fa-solid fa-receipt"
    empty_hint = later("在顾客页上点“记一笔消费”，或用“店铺”里的“导入表格”把收银系统的消费表搬进来，这里就有了。")
    search, search_hint = finding.purchases_like, later("单号、顾客姓名或手机后四位")
    column_list = ("order_no", "occurred_at", "customer", "paid_fen", "refund_of_id", "channel", "store")
    column_searchable_list = ("order_no",)
    column_sortable_list = ("occurred_at",)
    column_default_sort = ("occurred_at", True)
    column_formatters: ClassVar = {"refund_of_id": formats.slip, "customer": formats.buyer}
    column_formatters_detail: ClassVar = {"refund_of_id": formats.slip}
    export_formatted = frozenset({"refund_of_id"})
    column_details_list = (
        "order_no", "occurred_at", "customer", "buyer_member_no", "buyer_phone_masked", "claimed_at", "paid_fen",
        "refund_of_id", "channel", "store", "created_at",
    )  # fmt: skip
    deeds = (
        Deed(
            "claim",
            later("认领"),
            claims.claim_by_number,
            ("purchases", "claim"),
            {"member_no": StringField(**asks(later("会员号或完整手机号"), required=True))},
            done=later("已认领，这一单和它的退款都归到这位顾客名下"),
            hint=later("收银时登记的人还不在会员里。确认是哪位顾客，再归到她名下。"),
            when=claims.is_waiting,
        ),
        Deed(
            "refund",
            later("退款"),
            counter.refund_at_counter,
            ("purchases", "refund"),
            {
                "amount": StringField(**asks(later("退多少元"), hint=later("整单退就留空"))),
                "reason": StringField(**asks(later("原因"), required=True)),
            },
            done=later("已退款，积分也跟着退了"),
            hint=later("记错了就整单退。这一单得到的积分会收回，用掉的积分会还给她；退过的不能再改回来。"),
            when=counter.can_be_refunded,
            is_grave=True,
        ),
    )
    column_filters = (
        MeaningFilter("occurred", WHEN, **spans(Purchase.occurred_at)),
        MeaningFilter(
            "slip",
            later("类型"),
            sale=(later("消费"), partial(scopes.slips, scopes.Slip.SALE)),
            refund=(later("退款"), partial(scopes.slips, scopes.Slip.REFUND)),
        ),
        MeaningFilter("claim", later("认领"), waiting=(later("等待认领"), scopes.waiting_sales)),
        WordFilter(Purchase.channel, later("渠道")),
    )
    column_labels: ClassVar = {
        "order_no": later("单号"),
        "occurred_at": WHEN,
        "customer": later("顾客"),
        "buyer_member_no": later("收银登记的会员号"),
        "buyer_phone_masked": later("收银登记的手机"),
        "claimed_at": later("认领时间"),
        "paid_fen": later("实付"),
        "refund_of_id": later("类型"),
        "channel": later("渠道"),
        "store": later("门店"),
        "created_at": later("录入时间"),
    }
    children = (
        Child(
            later("明细"),
            PurchaseLine.purchase_id,
            {
                PurchaseLine.item: later("品名"),
                PurchaseLine.category: later("类别"),
                PurchaseLine.quantity: later("数量"),
                PurchaseLine.unit_price_fen: later("单价"),
                PurchaseLine.amount_fen: later("金额"),
                PurchaseLine.staff: later("员工"),
            },
            order=PurchaseLine.position,
            limit=200,
            related=(PurchaseLine.staff,),
        ),
    )
