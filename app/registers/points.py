"""Who has how many points, every movement of them, and when they end."""

from typing import ClassVar

from app.actions import points
from app.admin_base import (
    ApprovalsPage,
    BigLedgerView,
    Child,
    CounterPage,
    Deed,
    HandTotalsPage,
    MeaningFilter,
    OfAnAccount,
    PointsPage,
    RedeemPage,
    WordFilter,
    spans,
)
from app.i18n import later
from app.models import PointsAccount, PointsEntry, PointsLot, PointsRequest
from app.queries import scopes
from app.registers.sections import LOYALTY, WHEN


class CustomerPoints(PointsPage):
    """One customer's points."""

    name, icon = later("顾客的积分"), "fa-solid fa-coins"


class PointsCounter(CounterPage):
    """What the counter does with them."""

    name, icon = later("动用积分"), "fa-solid fa-coins"


class Redeeming(RedeemPage):
    """One customer redeems."""

    name, icon = later("兑换积分"), "fa-solid fa-gift"


class Approvals(ApprovalsPage):
    """Changes that wait for a second person."""

    category, category_icon = LOYALTY
    name, icon = later("积分审批"), "fa-solid fa-user-check"


class HandTotals(HandTotalsPage):
    """Who gave and took how much by hand."""

    category, category_icon = LOYALTY
    name, icon = later("手工调整汇总"), "fa-solid fa-user-pen"


class PointsAccountAdmin(BigLedgerView, model=PointsAccount):
    """Who has how many points, and whose books do not agree."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("积分账户"), later("积分账户"), "fa-solid fa-piggy-bank"
    empty_hint = later("第一次记积分时，顾客的账户会自己出现在这里。")
    column_list = ("customer", "balance", "frozen_at")
    column_details_list = ("customer", "balance", "seq", "frozen_at", "closed_at")
    column_filters = (MeaningFilter("frozen", later("核对"), yes=(later("对不上，已暂停兑换"), scopes.frozen)),)
    column_labels: ClassVar = {
        "customer": later("顾客"),
        "balance": later("积分余额"),
        "seq": later("记过几笔"),
        "frozen_at": later("暂停兑换"),
        "closed_at": later("已并入别的档案"),
    }
    deeds = (
        Deed(
            "release",
            later("恢复兑换"),
            points.release_account,
            ("points_accounts", "release"),
            done=later("已恢复兑换"),
            hint=later("先核对下面的明细。账还对不上时不能恢复。"),
            when=lambda account: account.frozen_at is not None,
        ),
    )
    children = (
        Child(
            later("积分明细"),
            PointsEntry.account_id,
            {
                PointsEntry.at: WHEN,
                PointsEntry.kind: later("类型"),
                PointsEntry.points: later("积分"),
                PointsEntry.balance_after: later("之后余额"),
                PointsEntry.reason: later("原因"),
                PointsEntry.staff: later("员工"),
            },
            order=PointsEntry.seq,
            newest_first=True,
            related=(PointsEntry.staff,),
        ),
        Child(
            later("积分批次"),
            PointsLot.account_id,
            {
                PointsLot.earned_on: later("得到日期"),
                PointsLot.points: later("积分"),
                PointsLot.remaining: later("还剩"),
                PointsLot.expires_on: later("有效到"),
            },
            order=PointsLot.id,
            newest_first=True,
        ),
    )


class PointsEntryAdmin(OfAnAccount, BigLedgerView, model=PointsEntry):
    """Every movement of points: read, never edited."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("积分明细"), later("积分明细"), "fa-solid fa-coins"
    empty_hint = later("获得、兑换、过期、撤销的每一笔都会写在这里，不能改也不能删。")
    column_list = ("at", "account", "kind", "points", "balance_after", "reason")
    column_details_list = (
        "at", "account", "kind", "points", "balance_after", "reason_code", "reason", "rule", "reference", "purchase", "staff"
    )  # fmt: skip
    column_sortable_list = ("at",)
    column_default_sort = ("at", True)
    column_filters = (
        MeaningFilter("at", WHEN, **spans(PointsEntry.at)),
        WordFilter(PointsEntry.kind, later("类型")),
    )
    column_labels: ClassVar = {
        "at": WHEN,
        "account": later("顾客"),
        "kind": later("类型"),
        "points": later("积分"),
        "balance_after": later("之后余额"),
        "reason_code": later("原因类别"),
        "reason": later("原因"),
        "rule": later("按哪条规则"),
        "working": later("怎么算的"),
        "reference": later("单号"),
        "purchase": later("消费"),
        "staff": later("员工"),
    }


class PointsLotAdmin(OfAnAccount, BigLedgerView, model=PointsLot):
    """Points by the day they end."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("积分批次"), later("积分批次"), "fa-solid fa-layer-group"
    in_menu = False
    column_list = ("account", "points", "remaining", "earned_on", "expires_on")
    column_details_list = (*column_list, "entry")
    column_labels: ClassVar = {
        "account": later("顾客"),
        "points": later("积分"),
        "remaining": later("还剩"),
        "earned_on": later("得到日期"),
        "expires_on": later("有效到"),
        "entry": later("哪一笔"),
    }


class PointsRequestAdmin(BigLedgerView, model=PointsRequest):
    """Changes one person asked for and another decided: read here, decided on the page of the approvals."""

    category, category_icon = LOYALTY
    name, name_plural, icon = later("积分调整申请"), later("积分调整申请"), "fa-solid fa-user-check"
    empty_hint = later("调整得多、要第二个人同意的，会记在这里。")
    in_menu = False
    column_list = ("asked_at", "customer", "points", "reason_code", "state", "staff", "decided_staff")
    column_sortable_list = ("asked_at",)
    column_default_sort = ("asked_at", True)
    column_details_list = (
        "asked_at", "customer", "points", "reason_code", "note", "expires_on", "staff", "state", "decided_at", "decided_staff",
    )  # fmt: skip
    column_filters = (WordFilter(PointsRequest.state, later("状态")),)
    column_labels: ClassVar = {
        "asked_at": later("申请时间"),
        "customer": later("顾客"),
        "points": later("积分"),
        "reason_code": later("原因"),
        "note": later("说明"),
        "expires_on": later("有效到"),
        "staff": later("谁申请的"),
        "state": later("状态"),
        "decided_at": later("处理时间"),
        "decided_staff": later("谁处理的"),
    }
