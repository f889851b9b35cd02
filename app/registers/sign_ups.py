"""Who signed up over the code on the wall."""

from typing import ClassVar

from wtforms import BooleanField

from app.actions import sign_ups
from app.admin_base import BigLedgerView, Deed, Listed, RelationFilter, WordFilter, told_lines
from app.i18n import later
from app.models import SignUp
from app.registers.sections import PEOPLE
from app.vocabulary import SignUpState


class SignUpAdmin(BigLedgerView, model=SignUp):
    """Who signed up over the code on the wall; somebody whose phone was known waits here for a person."""

    category, category_icon = PEOPLE
    name, name_plural, icon = later("扫码登记"), later("扫码登记"), "fa-solid fa-qrcode"
    empty_hint = later("打印一张“登记会员”的海报贴在店里，顾客扫码登记后会出现在这里。")
    column_list = ("signed_up_at", "name", "phone_masked", "state", "customer", "store")
    column_sortable_list = ("signed_up_at",)
    column_default_sort = ("signed_up_at", True)
    column_details_list = (
        "name", "phone_masked", "state", "customer", "store", "signed_up_at", "settled_at", "staff"
    )  # fmt: skip
    column_filters = (WordFilter(SignUp.state, later("状态")), RelationFilter(SignUp.store, later("门店")))
    column_labels: ClassVar = {
        "signed_up_at": later("登记时间"),
        "name": later("姓名"),
        "phone_masked": later("手机"),
        "state": later("状态"),
        "customer": later("会员档案"),
        "store": later("门店"),
        "settled_at": later("核对时间"),
        "staff": later("谁核对的"),
    }
    deeds = (
        Deed(
            "adopt",
            later("资料采用"),
            sign_ups.adopt_sign_up,
            ("sign_ups", "settle"),
            {
                "name": BooleanField(later("用她填的姓名")),
                "birthday": BooleanField(later("用她填的生日")),
                "gender": BooleanField(later("用她填的性别")),
                "consents": BooleanField(later("登记她勾选的同意")),
            },
            done=later("勾选的已写进会员档案"),
            hint=later("先和顾客核对是不是本人，再勾选要采用的；没勾的不会改。"),
            when=lambda row: row.state is SignUpState.KNOWN and row.customer_id is not None,
        ),
        Deed(
            "dismiss",
            later("已核对，不采用"),
            sign_ups.dismiss_sign_up,
            ("sign_ups", "settle"),
            done=later("已核对，档案没有改动"),
            hint=later("号码不是本人的，或资料没有变化。她填的内容会清掉。"),
            when=lambda row: row.state is SignUpState.KNOWN,
        ),
    )
    children = (Listed(later("她填的"), (later("项目"), later("这次填的"), later("档案里的")), told_lines),)
